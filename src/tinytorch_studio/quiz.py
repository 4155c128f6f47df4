"""Questions: made with fresh numbers, answers read leniently and judged exactly."""

from __future__ import annotations

import ast
import math
import textwrap
from dataclasses import dataclass
from typing import Any

from tinytorch_studio.amounts import amount, shown
from tinytorch_studio.course import CourseError, Module
from tinytorch_studio.dialogue import Unclear
from tinytorch_studio.folder import Folder, functions, text, tree, unwritten
from tinytorch_studio.hearing import Heard
from tinytorch_studio.labs import said
from tinytorch_studio.process import on_files, run
from tinytorch_studio.snapshots import entries
from tinytorch_studio.standing import questions

SECONDS = 20.0
NEAR = 0.01  # a floating point answer may be off by one part in a hundred
YES, NO, NONE = ("yes", "y", "true", "t"), ("no", "n", "false", "f"), ("none", "null")


@dataclass(frozen=True)
class Question:
    """A question as its module made it; answers that are tuples there are lists here."""

    name: str
    prompt: str
    answers: dict[str, Any]
    explain: str
    choices: dict[str, list[str]]


def made(folder: Folder, module: Module, seed: int, name: str | None = None) -> list[Question]:
    """The questions of a module, those that were answered right before last; none where it has none.

    Raises CourseError for one that cannot be asked, LookupError for a name that is none of them.
    """
    names = questions(module)
    if name is not None and name not in names:
        raise LookupError(f"there is no question {name!r}; there is {', '.join(names) or 'none'}")
    right = {
        each["id"]
        for each in entries(folder.progress)
        if each.get("what") == "question" and each.get("right")
    }
    wanted = [name] if name else sorted(names, key=lambda each: f"{module.number}.{each}" in right)
    if not wanted:
        return []
    found = told(module, wanted, seed, own_functions(folder))
    left = [each for each in wanted if each not in found]
    if left:  # the learner's own code may have held up a question about it: asked without it
        found |= told(module, left, seed, {})
    for each in wanted:
        if each not in found or "broken" in found[each]:
            reason = found.get(each, {}).get("broken", "it was not made in time")
            raise CourseError(f"{module.path('questions.py')}: {each}: {reason}")
    return [Question(**found[each]) for each in wanted]


def told(module: Module, names: list[str], seed: int, own: dict[str, str]) -> dict[str, dict[str, Any]]:
    """What the child made of these names; it runs on the reference alone."""
    path = module.path("questions.py")
    job = on_files(None, module, file=str(path), names=names, seed=seed, own=own)
    heard: Heard = run("questions", job, SECONDS)
    if heard.failed is not None:
        raise CourseError(f"{path}: {said(heard)}")
    return {each["name"]: each for each in heard.cases}


def own_functions(folder: Folder) -> dict[str, str]:
    """The source of each function that the learner wrote, by its dotted name."""
    found = {}
    for module in folder.begun():
        for exercise in module.exercises:
            if folder.state(exercise) != "written":
                continue
            source, _ = text(folder.root / exercise.file)
            there = functions(tree(folder.root / exercise.file))
            for name in exercise.functions:
                segment = ast.get_source_segment(source, there[name], padded=True)
                if segment is not None and not unwritten(there[name]):
                    found[name] = textwrap.dedent(segment)
    return found


def read(text: str, expected: Any, choices: list[str]) -> Any:
    """An answer from what was typed. Raises Unclear, which says what is accepted."""
    word = text.strip().lower()
    if choices:
        return chosen(word, choices)
    if not word:
        raise Unclear(accepted(expected))
    if isinstance(expected, bool):
        if word not in YES + NO:
            raise Unclear(accepted(expected))
        return word in YES
    if word in NONE:
        return None
    if isinstance(expected, (int, float)):
        return number(word.strip("()[] ").rstrip(", "), expected)
    return numbers(word, expected)


def chosen(word: str, choices: list[str]) -> str:
    """A choice, by its word or by its number."""
    for count, each in enumerate(choices, 1):
        if word in (str(count), each.lower()) and not (word.isdigit() and word in choices and each != word):
            return each
    raise Unclear(f"write one of: {', '.join(choices)}; or its number, 1 to {len(choices)}")


def number(word: str, expected: Any) -> float:
    """One number; 3/4 is one too."""
    above, slash, below = word.partition("/")
    try:
        value = amount(above)
        return value / amount(below) if slash else value
    except (Unclear, ZeroDivisionError):
        raise Unclear(accepted(expected)) from None


def numbers(word: str, expected: Any) -> list[float]:
    """Numbers with commas or blanks between them, in brackets or not."""
    inner = word.strip("()[] ")
    return [number(each, expected) for each in inner.replace(",", " ").split()]


def accepted(expected: Any) -> str:
    """What can be written where such an answer is expected."""
    if isinstance(expected, bool):
        return "write yes or no"
    if isinstance(expected, (int, float)):
        return "write a number such as 12, 1_000, 1.5k or 3/4"
    return "write numbers, such as (3, 4) or 3 4, or none"  # the same where none is the answer


def agrees(given: Any, expected: Any) -> bool:
    """Whether an answer is right: whole numbers and words exactly, other numbers within one in a hundred."""
    if isinstance(expected, list):
        return (
            isinstance(given, list)
            and len(given) == len(expected)
            and all(agrees(a, b) for a, b in zip(given, expected, strict=True))
        )
    if isinstance(expected, float) and isinstance(given, (int, float)) and not isinstance(given, bool):
        both_nan = math.isnan(expected) and math.isnan(given)
        return both_nan or given == expected or abs(given - expected) <= NEAR * abs(expected)
    if isinstance(expected, bool) or isinstance(given, bool):
        return given is expected
    return bool(given == expected)


def as_text(value: Any) -> str:
    """An answer as one writes it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        inner = ", ".join(as_text(each) for each in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, (int, float)):
        return shown(float(value))
    return "none" if value is None else str(value)
