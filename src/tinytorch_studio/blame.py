"""Blame: which of the learner's functions make a program fail. The others are exchanged for the reference's."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tinytorch_studio.course import Exercise
from tinytorch_studio.folder import Folder
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


def assembled(folder: Folder, theirs: Sequence[Suspect], to: Path) -> None:
    """A folder in which only some functions are the learner's; the rest are unwritten, so the reference's run."""
    (to / ".tt").mkdir(parents=True)
    for path in folder.snapshots.files():
        file = path.relative_to(folder.root).as_posix()
        text = path.read_text(encoding="utf-8")
        gone = {
            s.function: s.exercise.id for s in suspects(folder) if s.exercise.file == file and s not in theirs
        }
        target = to / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(empty(text, gone) if gone else text, encoding="utf-8")
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


class Runs:
    """Runs a command with some of the learner's functions, and remembers how it ended."""

    def __init__(
        self, folder: Folder, command: list[str], seconds: float, settings: Callable[[Path], dict[str, str]]
    ) -> None:
        self.folder, self.command, self.seconds, self.settings = folder, command, seconds, settings
        self.seen: dict[frozenset[Suspect], bool] = {}
        self.last = ""  # the last line that a failing run printed

    def fails(self, theirs: Sequence[Suspect]) -> bool:
        """Whether the command ends with an exit code other than 0, or not in time."""
        key = frozenset(theirs)
        if key not in self.seen:
            self.seen[key] = self.run(theirs)
        return self.seen[key]

    def run(self, theirs: Sequence[Suspect]) -> bool:
        """One run, in a folder of its own."""
        with tempfile.TemporaryDirectory(prefix="tt-blame-") as name:
            folder = Path(name, "mine")
            assembled(self.folder, theirs, folder)
            try:
                done = subprocess.run(
                    self.command,
                    cwd=folder,
                    env=self.settings(folder),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    timeout=self.seconds,
                )
            except subprocess.TimeoutExpired:
                self.last = f"it was still running after {self.seconds:.0f} seconds"
                return True
        if done.returncode:
            lines = done.stdout.decode("utf-8", "replace").strip().splitlines()
            self.last = lines[-1] if lines else f"exit code {done.returncode}"
        return done.returncode != 0
