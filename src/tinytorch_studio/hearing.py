"""What a child's files tell: its sealed lines, the warden's word on how it ended, and where it stood."""

from __future__ import annotations

import base64
import errno
import json
import math
import os
import re
import signal
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tinytorch_studio.wire import CAME_BACK, ENDED, NO_ROOM, OUTPUT, TOO_LONG, seal

Line = dict[str, Any]
MEDDLED = "something else wrote among the observations"
STOOD = re.compile(r'File "(.*)", line (\d+) in')  # in what Python notes when a run is cut off


@dataclass
class Heard:
    """What a child had to say."""

    cases: list[Line] = field(default_factory=list)
    failed: Line | None = None  # it could not go on
    imported: bool = False  # the files could be imported
    finished: bool = False  # it came to its end, and ended well
    ending: str = ""  # how it ended, if not well
    late: bool = False  # its time was over before that
    printed: str = ""


@dataclass
class Files:
    """What a child left behind."""

    notes: bytes
    results: bytes
    printed: bytes
    code: int  # how it ended itself, or its warden
    seconds: float  # that it was allowed to take
    late: bool  # it took longer, and its warden did not end it


def heard(files: Files, key: bytes, own: Iterable[str], early: str) -> Heard:
    """What the files tell. own: the learner's files. Raises OSError where there was no room to write them."""
    lines = opened(files.results, key)
    made = Heard()
    for line in lines.said:
        if "failed" in line:
            made.failed = line
        elif "imported" in line:
            made.imported = True
        elif "finished" in line:
            made.finished = True
        else:
            made.cases.append(line)
    made.late = files.late or bool(lines.last and lines.last["late"])
    made.ending = ending(files, lines, made, stood(files.notes, own))
    made.finished = made.finished and not made.ending
    made.ending = made.ending or early
    return made


@dataclass
class Lines:
    """What stands in a result file."""

    said: list[Line] = field(default_factory=list)
    last: Line | None = None  # the warden's word on how it ended
    came_back: int = 0  # processes that the learner's code forked, and that went on where it did
    foreign: bool = False  # something else wrote there: reading ends before that


def opened(results: bytes, key: bytes) -> Lines:
    """The lines that have a seal, and stand where they were written for."""
    made = Lines()
    for line in results.decode("utf-8", "replace").splitlines():
        mark, _, text = line.partition(" ")
        number = next((n for n in (len(made.said), ENDED, CAME_BACK) if mark == seal(key, n, text)), None)
        found = parsed(text)
        if number is None or found is None:
            made.foreign = True
            return made
        if number == CAME_BACK:
            made.came_back += 1
        elif number == ENDED:
            made.last = found
        else:
            made.said.append(found)
    return made


def parsed(text: str) -> Line | None:
    """A JSON object; None for anything else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def ending(files: Files, lines: Lines, made: Heard, where: str) -> str:
    """What was wrong with the end, in words; nothing if nothing was."""
    last = lines.last
    code = files.code if last is None else last["ended"]
    if code == NO_ROOM:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), tempfile.gettempdir())
    if made.late:
        told = "it gave all its answers, and " if made.finished else "it "
        return f"{told}was still running after {files.seconds:.0f} seconds{where}"
    if code == TOO_LONG:
        return "its answers are too long to be read"
    if code < 0:
        return f"it was ended by {signal.Signals(-code).name}{where}"
    if code:
        return f"it ended with exit code {code}"
    if lines.foreign or (last is None and hasattr(os, "fork")):  # the warden always says how it ended
        return MEDDLED
    if lines.came_back:
        return f"it forked, and came back {lines.came_back + 1} times"
    if last is not None and last["left"]:
        return f"it left {last['left']} of its processes running"
    if len(files.printed) >= OUTPUT:
        return f"it printed more than {OUTPUT // 2**20} MB"
    return ""


def stood(notes: bytes, own: Iterable[str]) -> str:
    """Where a run was when its time was over, if that was in one of the learner's files."""
    known = {ascii(each)[1:-1]: each for each in own}
    for thread in reversed(notes.decode("ascii", "replace").split("hread 0x")):  # the main thread stands last
        for file, line in STOOD.findall(thread):
            if file in known:
                return f", in {Path(known[file]).name}, line {line}"
    return ""


def sound(case: Line) -> bool:
    """Whether a case has all that a case has. Only code that changed the child's own tools sends another."""
    kinds = {"code": str, "observed": dict, "against": dict, "labels": dict}
    return all(isinstance(case.get(name), kind) for name, kind in kinds.items()) and readable(
        case["observed"]
    )


def readable(value: Any) -> bool:
    """Whether the arrays in an observation have as many bytes as their shapes say."""
    if isinstance(value, list):
        return all(map(readable, value))
    if not isinstance(value, dict):
        return True
    if "array" not in value:
        return all(map(readable, value.values()))
    import numpy as np

    try:
        size = np.dtype(value["dtype"]).itemsize * math.prod(value["shape"])
        return len(base64.b64decode(value["array"], validate=True)) == size
    except (KeyError, TypeError, ValueError):
        return False
