"""Incidents: a program that runs and is wrong, written into the learner's folder, and judged by what it does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinytorch_studio.course import CourseError, Module
from tinytorch_studio.folder import Folder
from tinytorch_studio.hearing import Heard
from tinytorch_studio.judge import Difference, compare_case
from tinytorch_studio.labs import said
from tinytorch_studio.process import on_files, run
from tinytorch_studio.snapshots import entries, write_whole

SECONDS = 60.0
MEANINGS = {
    "data": "what comes in is wrong before the program does anything with it",
    "layout": "the numbers are right, and end up in the wrong places",
    "kernel": "one operation computes wrong values",
    "gradient": "the values are right, and what flows back is not",
    "numerics": "the formula is right, and the precision or the range is not enough",
    "training": "each step is right, and the way in which they are put together is not",
}


@dataclass(frozen=True)
class Incident:
    """An incident as its module tells it."""

    title: str
    story: str
    program: str
    level: str
    line: str
    repair: str
    explain: str

    @property
    def number(self) -> int:
        """The faulty line, counted from 1."""
        return self.program[: self.program.index(self.line)].count("\n") + 1

    @property
    def repaired(self) -> str:
        """The program as it should be."""
        return self.program.replace(self.line, self.repair)


@dataclass
class Known:
    """What was found out about one incident since it last began."""

    level: bool = False
    line: bool = False
    missed: int = 0  # lines that were named and are not it
    solved: bool = False


@dataclass
class Outcome:
    """What a repair came to."""

    solved: bool = False
    difference: Difference | None = None
    reason: str = ""  # why it did not run to its end
    theirs: bool = False  # on the reference the program is right: it is their functions that are not
    log: str = ""


def told(module: Module) -> Incident | None:
    """The incident of a module, or None. Raises CourseError for a file that does not run."""
    path = module.path("incident.py")
    if not path.exists():
        return None
    heard = run("incidents", on_files(None, module, file=str(path), program=None), SECONDS)
    if not heard.finished:
        raise CourseError(f"{path}: {said(heard)}")
    made = Incident(**heard.cases[0])
    if made.program.count(made.line) != 1:
        raise CourseError(f"{path}: the line stands in the program {made.program.count(made.line)} times")
    return made


def place(folder: Folder, module: Module) -> Path:
    """Where the program lies in the learner's folder."""
    return folder.root / "incidents" / f"{module.folder.name}.py"


def begin(folder: Folder, module: Module, incident: Incident) -> None:
    """Write the program, after a snapshot of what was there."""
    with folder.snapshots.change(f"before incident {module.number}", f"incident {module.number}"):
        write_whole(place(folder, module), incident.program.encode())


def untouched(folder: Folder, module: Module, incident: Incident) -> bool:
    """Whether the program still is as it was written, its blanks at the ends of lines aside."""

    def lines(text: str) -> list[str]:
        return [line.rstrip() for line in text.strip().splitlines()]

    text = place(folder, module).read_text(encoding="utf-8", errors="replace")
    return lines(text) == lines(incident.program)


def known(folder: Folder, module: Module) -> Known:
    """What the folder's progress says about an incident."""
    now = Known()
    for each in entries(folder.progress):
        if each.get("what") != "incident" or each.get("id") != module.number:
            continue
        if each.get("again"):
            now = Known()
        now.level |= each.get("level") is True
        now.line |= each.get("line") is True
        now.missed += each.get("line") is False
        now.solved |= each.get("solved") is True
    return now


def execute(folder: Folder | None, module: Module, program: str, named: str) -> Heard:
    """Run a program, on the learner's files or on the reference, and observe what it made."""
    path = str(module.path("incident.py"))
    job = on_files(folder, module, file=path, program=program, named=named, listen=True)
    return run("incidents", job, SECONDS)


def judge(folder: Folder, module: Module, incident: Incident) -> Outcome:
    """Run the learner's program on their files, and hold it against the repaired one on the reference."""
    path = place(folder, module).resolve()
    program = path.read_text(encoding="utf-8", errors="replace")
    right = observed(execute(None, module, incident.repaired, "<repaired>"))
    if right is None:
        raise CourseError(f"{module.path('incident.py')}: the repaired program does not run")
    heard = execute(folder, module, program, str(path))
    outcome = against(heard, right)
    if not outcome.solved:
        alone = execute(None, module, program, str(path))
        outcome.theirs = against(alone, right).solved
    return outcome


def against(heard: Heard, right: dict[str, Any]) -> Outcome:
    """Compare what was observed of a run with what is right."""
    mine = observed(heard)
    if mine is not None:
        difference = compare_case({"observed": mine}, {"observed": right})
        return Outcome(difference is None, difference, log=heard.printed)
    ran = any("ran" in each for each in heard.cases)
    if ran and heard.failed is not None and heard.failed["failed"] == "KeyError":
        return Outcome(
            reason=f"it ran, and made no {heard.failed['message']}, which is looked at", log=heard.printed
        )
    return Outcome(reason=said(heard), log=heard.printed)


def observed(heard: Heard) -> dict[str, Any] | None:
    """What was observed after a run that came to its end."""
    found = [each["observed"] for each in heard.cases if "observed" in each]
    return found[0] if found and heard.finished else None
