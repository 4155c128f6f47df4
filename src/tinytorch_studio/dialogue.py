"""Talking with somebody at a terminal, or with a pipe: answers are asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import click

from tinytorch_studio.terminal import is_terminal

T = TypeVar("T")


class Unclear(ValueError):
    """An answer that cannot be read. The message says what is accepted."""


class Ended(Exception):
    """Nobody answers any more: the input has ended, or was broken off."""


def ask(prompt: str, read: Callable[[str], T]) -> T:
    """Ask until an answer can be read. Raises Ended where there is none."""
    while True:
        text = typed(f"{prompt} ")
        try:
            return read(text)
        except Unclear as error:
            click.echo(f"           {error}")


def typed(prompt: str) -> str:
    """One line of input, without the blanks around it."""
    try:
        if is_terminal(sys.stdin):
            with suppress(ImportError):  # there is none on Windows, and none is needed there
                import readline  # noqa: F401  (the arrow keys move in the line)
            return input(prompt).strip()
        click.echo(prompt, nl=False)
        text = sys.stdin.readline() if sys.stdin is not None else ""
    except (EOFError, KeyboardInterrupt):
        text = ""
    if not text:
        click.echo()
        raise Ended
    click.echo(text.rstrip())  # a pipe does not show what comes through it
    return text.strip()
