"""What the files of a module are written with: mistakes and independent answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def mistake(exercise: str, name: str, sentence: str) -> Callable[[Any], Any]:
    """A wrong implementation that people really write, with a short id and one sentence that names it.

    The function's body is read from the source and put into the reference; it is never called here.
    """
    return lambda function: function


def answer(exercise: str, name: str) -> Callable[[Any], Any]:
    """A right implementation, written independently of the reference. It must pass."""
    return lambda function: function
