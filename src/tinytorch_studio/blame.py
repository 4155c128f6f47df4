"""Blame: which of the learner's functions make a program fail. The others are exchanged for the reference's."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tinytorch_studio.course import Exercise
from tinytorch_studio.folder import Folder, text
from tinytorch_studio.starters import empty


@dataclass(frozen=True)
class Suspect:
    """One function that the learner wrote."""

    exercise: Exercise
    function: str


def suspects(folder: Folder) -> list[Suspect]:
    """All functions that they wrote."""
    written = [e for m in folder.begun() for e in m.exercises if folder.state(e) == "written"]
    return [Suspect(exercise, function) for exercise in written for function in exercise.functions]


def assembled(folder: Folder, exchanged: Sequence[Suspect], to: Path) -> None:
    """A folder in which some of the learner's functions are unwritten, so that the reference's run."""
    (to / ".tt").mkdir(parents=True)
    for path in folder.snapshots.files():
        file = path.relative_to(folder.root).as_posix()
        gone = {each.function: each.exercise.id for each in exchanged if each.exercise.file == file}
        target = to / file
        target.parent.mkdir(parents=True, exist_ok=True)
        if gone:
            source, encoding = text(path)
            target.write_bytes(empty(source, gone).encode(encoding))
        else:
            shutil.copyfile(path, target)
    for path in folder.root.iterdir():  # data and programs that a command may name
        if path.is_file() and not (to / path.name).exists():
            shutil.copy(path, to / path.name)


def smallest(all_of_them: list[Suspect], fails: Callable[[list[Suspect]], bool]) -> list[Suspect]:
    """The smallest set that still fails: Zeller's ddmin (2002) down to a minimal set, and one function if one suffices."""
    left = minimal(all_of_them, fails)
    if len(left) > 1:
        for each in all_of_them:
            if fails([each]):
                return [each]
    return left


def minimal(all_of_them: list[Suspect], fails: Callable[[list[Suspect]], bool]) -> list[Suspect]:
    """A set of which nothing can be left out: by halves, then ever smaller pieces."""
    left, parts = list(all_of_them), 2
    while len(left) > 1:
        size = max(1, len(left) // parts)
        pieces = [left[i : i + size] for i in range(0, len(left), size)]
        for piece in pieces:
            rest = [each for each in left if each not in piece]
            if rest and fails(rest):
                left, parts = rest, max(parts - 1, 2)
                break
        else:
            if size == 1:
                break
            parts = min(len(left), parts * 2)
    return left


@dataclass
class Runs:
    """Runs a command with some of the learner's functions, and remembers how it ended."""

    folder: Folder
    command: list[str]
    bound: float  # seconds for one run
    settings: Callable[[Path], dict[str, str]]
    always: Sequence[Suspect] = ()  # functions that stay the learner's in every run
    tell: Callable[[Runs, int, bool], None] = lambda runs, count, failed: None  # called after each run
    seen: dict[frozenset[Suspect], bool] = field(default_factory=dict)
    last: str = ""  # what a failing run said
    took: float = 0.0  # seconds of the last run

    def __post_init__(self) -> None:
        self.everybody = suspects(self.folder)

    def fails(self, theirs: Sequence[Suspect]) -> bool:
        """Whether the command ends with an exit code other than 0, or not in time."""
        key = frozenset(theirs)
        if key not in self.seen:
            begun = time.perf_counter()
            failed = self.run([*self.always, *theirs])
            self.took, self.seen[key] = time.perf_counter() - begun, failed
            self.tell(self, len(theirs), failed)
        return self.seen[key]

    def run(self, theirs: Sequence[Suspect]) -> bool:
        """One run, in a folder of its own."""
        with tempfile.TemporaryDirectory(prefix="tt-blame-") as name:
            folder = Path(name, "mine")
            assembled(self.folder, [each for each in self.everybody if each not in theirs], folder)
            try:
                done = subprocess.run(
                    self.command,
                    cwd=folder,
                    env=self.settings(folder),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    timeout=self.bound,
                )
            except subprocess.TimeoutExpired:
                self.last = f"it was still running after {self.bound:.0f} seconds"
                return True
        if done.returncode:
            self.last = said(done.stdout.decode("utf-8", "replace")) or f"exit code {done.returncode}"
        return done.returncode != 0


def said(output: str) -> str:
    """The last line that says what is wrong: not one that goes on from another, and not advice."""
    lines = [line for line in output.splitlines() if line.strip()]
    plain = [line for line in lines if not re.match(r"\s|[a-z ]{10} ", line)]
    return (plain or lines or [""])[-1]
