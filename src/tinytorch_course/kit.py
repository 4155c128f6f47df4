"""What the files of a module are written with: mistakes, answers, labs, questions and incidents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


def mistake(exercise: str, name: str, sentence: str) -> Callable[[Any], Any]:
    """A wrong implementation that people really write, with a short id and one sentence that names it.

    The function's body is read from the source and put into the reference; it is never called here.
    """
    return lambda function: function


def change(exercise: str, name: str, sentence: str, *edits: tuple[str, str]) -> None:
    """A mistake that is the reference but for a few lines: each edit has these lines as they stand there, and those instead.

    They must stand there once. How far a block is indented does not count. Like a mistake it is read from the source.
    """


def answer(exercise: str, name: str) -> Callable[[Any], Any]:
    """A right implementation, written independently of the reference. It must pass."""
    return lambda function: function


@dataclass(frozen=True)
class Prediction:
    """A number that is written down before it is measured."""

    name: str  # the key of what `measure` returns
    prompt: str  # what is asked for: "new bytes of x.mT"
    unit: str = ""  # "bytes", "ms", "numbers"; shown behind both


@dataclass(frozen=True)
class Lab:
    """Predict, measure, explain.

    text and answer are Markdown. `measure` runs on the learner's files; it returns one number for each
    prediction, and further facts under names that begin with `_`, which are shown and not predicted.
    """

    name: str  # "views": unique in its module
    title: str
    text: str  # what is asked, and what must be known to predict
    predictions: tuple[Prediction, ...]
    measure: Callable[[], dict[str, float | str]]
    explain: str  # the question that is asked once the numbers stand side by side
    answer: str  # the explanation that is shown after theirs is stored


@dataclass(frozen=True)
class Question:
    """One question with fresh numbers. Its answers come from running code, never from typing.

    answers: by name, in the order in which they are asked for: numbers, tuples of numbers, booleans, None, or one
    of the words that `choices` lists for that name.
    """

    prompt: str  # Markdown
    answers: dict[str, Any]
    explain: str  # Markdown, shown after the answer
    choices: dict[str, tuple[str, ...]] = field(default_factory=dict)


LEVELS = ("data", "layout", "kernel", "gradient", "numerics", "training")


@dataclass(frozen=True)
class Incident:
    """A program that runs and is wrong: find the level, the line, and the repair.

    `program` prints its log when it runs. `line` stands in it once, and `repair` in its place makes it right; a
    learner's repair counts if `observe`, given the namespace after the run, returns what it returns there.
    """

    title: str
    story: str  # Markdown: who noticed what
    program: str
    level: str  # one of LEVELS
    line: str
    repair: str
    observe: Callable[[dict[str, Any]], dict[str, Any]]
    explain: str  # Markdown, shown once it is repaired
