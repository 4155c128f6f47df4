"""Talking with somebody at a terminal, or with a pipe: Markdown is shown, and answers are asked for."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from typing import TypeVar

import click

T = TypeVar("T")
WIDTH = 80
PLAIN = str.maketrans(dict(zip("•━─│┃┏┓┗┛┌┐└┘▌…", "*=-||++++++++|.", strict=True)))  # what rich draws


class Unclear(ValueError):
    """An answer that cannot be read. The message says what is accepted."""


class Ended(Exception):
    """Nobody answers any more: the input has ended, or was broken off."""


def page(markdown: str) -> str:
    """Markdown as text for the terminal, at most 80 columns wide. Without colour, code keeps its backticks."""
    from io import StringIO

    from rich.console import Console
    from rich.markdown import Markdown

    colour, out = sys.stdout.isatty(), StringIO()
    if not colour:
        markdown = with_backticks(markdown)
    width = min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns)
    Console(file=out, width=width, force_terminal=colour or None).print(Markdown(markdown))
    text = "\n".join(line.rstrip() for line in out.getvalue().translate(PLAIN).splitlines())
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n")


def with_backticks(markdown: str) -> str:
    """The same, with inline code that shows its backticks; blocks of code stay as they are."""
    parts = re.split(r"(^```.*?^```$)", markdown, flags=re.MULTILINE | re.DOTALL)
    parts[::2] = [re.sub(r"(?<!`)`([^`]+)`(?!`)", r"`` `\1` ``", part) for part in parts[::2]]
    return "".join(parts)


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
        if sys.stdin.isatty():
            return input(prompt).strip()
        click.echo(prompt, nl=False)
        text = sys.stdin.readline()
    except (EOFError, KeyboardInterrupt):
        text = ""
    if not text:
        click.echo()
        raise Ended
    click.echo(text.rstrip())  # a pipe does not show what comes through it
    return text.strip()
