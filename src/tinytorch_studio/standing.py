"""How far a learner is: exercises built, questions understood, labs felt, incidents solved."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinytorch_studio.check import CANNOT_RUN, NOT_STARTED, WRONG
from tinytorch_studio.course import Exercise, Module
from tinytorch_studio.folder import Folder
from tinytorch_studio.snapshots import entries

TOGETHER = "wrong with your other functions"  # what is noted of an exercise that is right alone
UNBUILT = (WRONG, CANNOT_RUN, NOT_STARTED)


@dataclass(frozen=True)
class Count:
    """How many of how many."""

    done: int
    of: int

    @property
    def whole(self) -> bool:
        """Whether nothing is left."""
        return self.done == self.of

    def __str__(self) -> str:
        return f"{self.done} of {self.of}"


@dataclass(frozen=True)
class Standing:
    """A module is finished when it is built, understood and felt; its incident is solved or not."""

    built: Count
    understood: Count
    felt: Count
    incident: Count

    @property
    def finished(self) -> bool:
        """Whether all four are whole."""
        return all(each.whole for each in (self.built, self.understood, self.felt, self.incident))


def questions(module: Module) -> tuple[str, ...]:
    """The names of a module's questions, read from the source."""
    found = [node for node in parsed(module.path("questions.py")) if isinstance(node, ast.FunctionDef)]
    return tuple(node.name for node in found if not node.name.startswith("_") and asks(node))


def asks(function: ast.FunctionDef) -> bool:
    """Whether a function gives a question."""
    return isinstance(function.returns, ast.Name) and function.returns.id == "Question"


def labs(module: Module) -> tuple[str, ...]:
    """The names of a module's labs, read from the source."""
    calls = [n for top in parsed(module.path("labs.py")) for n in ast.walk(top) if isinstance(n, ast.Call)]
    made = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Lab"]
    return tuple(ast.literal_eval(k.value) for call in made for k in call.keywords if k.arg == "name")


def parsed(path: Path) -> list[ast.stmt]:
    """The statements of a file; none where there is no file."""
    return ast.parse(path.read_bytes()).body if path.exists() else []


def needed(module: Module) -> tuple[Exercise, ...]:
    """The exercises that a module needs to be built; starred ones are never needed."""
    return tuple(each for each in module.exercises if not each.starred)


def verdicts(folder: Folder) -> dict[str, str]:
    """What the last check said of each exercise, by id."""
    return {each["id"]: each["status"] for each in entries(folder.progress) if each.get("what") == "verdict"}


def milestones(folder: Folder) -> dict[str, dict[str, Any]]:
    """The last run of each milestone, by name: `figure` and `reached`."""
    return {each["id"]: each for each in entries(folder.progress) if each.get("what") == "milestone"}


def built(folder: Folder) -> set[str]:
    """The ids of the exercises that have passed, without those that the last check by themselves did not."""
    last = verdicts(folder)
    return {id for id in folder.built() if last.get(id) not in UNBUILT}


def standing(folder: Folder, module: Module) -> Standing:
    """What the folder's progress says about a module."""
    lines = entries(folder.progress)
    right = {each["id"] for each in lines if each.get("what") == "question" and each.get("right")}
    explained = {each["id"] for each in lines if each.get("what") == "lab" and each.get("explanation")}
    solved = any(
        each["id"] == module.number for each in lines if each.get("what") == "incident" and each.get("solved")
    )

    def count(names: tuple[str, ...], done: set[str]) -> Count:
        return Count(sum(f"{module.number}.{name}" in done for name in names), len(names))

    return Standing(
        built=count(tuple(each.local for each in needed(module)), built(folder)),
        understood=count(questions(module), right),
        felt=count(labs(module), explained),
        incident=Count(int(solved), int(module.path("incident.py").exists())),
    )
