"""What the children share: a job that comes in by standard input, and sealed lines that go out by standard output."""

from __future__ import annotations

import errno
import faulthandler
import importlib
import importlib.util
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from tinytorch_studio.inside.bounds import confine, limit
from tinytorch_studio.inside.warden import watched
from tinytorch_studio.wire import CAME_BACK, ENDED, NO_ROOM, OUTPUT, TOO_LONG, clean, seal

Line = dict[str, Any]
MESSAGE, TRACE = 500, 4000  # characters of an error's message, and of its traceback
LONGEST = 4 * 2**20  # characters of a line


class Telling:
    """The child's ends of both files, from which standard input and output are then cut off.

    What the learner's code prints goes where standard error went, and what it reads is empty.
    """

    def __init__(self) -> None:
        with open(0, "rb", closefd=False) as file:
            self.job: dict[str, Any] = json.loads(file.read())
        self.key = bytes.fromhex(self.job.pop("key"))
        self.count = 0
        self.notes, self.results = os.dup(0), os.dup(1)
        os.ftruncate(self.notes, 0)  # the key was in it
        os.lseek(self.notes, 0, os.SEEK_SET)
        nothing = os.open(os.devnull, os.O_RDWR)
        for there, here in ((nothing, 0), (2, 1), (nothing, 2)):
            os.dup2(there, here)
        os.close(nothing)

    def begin(self) -> None:
        """From here on in a process that is watched, within its bounds; a run that is cut off notes where it stood."""
        seconds = self.job["seconds"]
        watched(seconds, lambda line: self.write(encoded(line), ENDED))
        self.process = os.getpid()
        faulthandler.enable(self.notes)
        faulthandler.dump_traceback_later(seconds, file=self.notes)
        limit()
        confine(os.getcwd())

    def say(self, line: Line) -> None:
        """One line more."""
        self.send(encoded(line))

    def send(self, text: str) -> None:
        """The same, already as JSON. If the learner's code forked, one process tells what it saw; others say that they came."""
        if os.getpid() != self.process:
            self.write("{}", CAME_BACK)
            os._exit(0)
        self.write(text, self.count)
        self.count += 1

    def write(self, text: str, number: int) -> None:
        """A line with its seal. A disk that is full is no fault of the learner's, so it has an exit code of its own."""
        left = f"{seal(self.key, number, text)} {text}\n".encode()
        try:
            while left:
                left = left[os.write(self.results, left) :]
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            os._exit(NO_ROOM if full else TOO_LONG if error.errno == errno.EFBIG else 1)


def tell(work: Callable[[dict[str, Any]], Iterator[Line]]) -> None:
    """Say what `work` makes of the job, line by line, and whether it came to its end."""
    telling = Telling()
    telling.begin()
    job = telling.job
    sys.path[:0] = job["front"]
    try:
        take(job["yours"])
        for line in work(job):
            telling.say(line)
        last: Line = {"finished": True}
    except BaseException as error:  # whatever the learner's code does is told
        last = {"failed": kind(error), "message": message(error), "trace": trace(error)}
        last |= place(error, job["root"])
    telling.say(last)


def encoded(line: Line) -> str:
    """A line as JSON. Raises OverflowError for one that nobody would read."""
    text = json.dumps(line)
    if len(text) > LONGEST:
        raise OverflowError(f"{len(text) / 2**20:.0f} MB to look at; {LONGEST // 2**20} MB are the most")
    return text


def kind(error: BaseException) -> str:
    """The name of an error's class."""
    return clean(type.__dict__["__name__"].__get__(type(error)), 100)


def message(error: BaseException) -> str:
    """An error's own words, in one line; its text may be made by the learner's code, and fail as well."""
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        return f"more than {OUTPUT // 2**20} MB were printed, or written to a file"
    try:
        return clean(" ".join(str(error)[:MESSAGE].split()), MESSAGE)
    except BaseException as another:
        return f"its message cannot be made: {kind(another)}"


def trace(error: BaseException) -> str:
    """The end of an error's traceback, as Python shows it."""
    try:
        return clean("".join(traceback.format_exception(error, limit=-8))[-TRACE:], TRACE)
    except BaseException as another:
        return f"its traceback cannot be made: {kind(another)}"


def lines_of(error: BaseException) -> list[tuple[str, int]]:
    """The files and lines that an error came through, the one that Python cannot read last."""
    frames = [(each.f_code.co_filename, line) for each, line in traceback.walk_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        frames.append((error.filename, error.lineno))
    return frames


def take(files: dict[str, str]) -> None:
    """Import the learner's files. A file of the same name from elsewhere would silently be the wrong one."""
    for name, path in files.items():
        found = importlib.import_module(name).__file__
        if found is None or Path(found).resolve() != Path(path).resolve():
            raise ImportError(f"{name} is {found}, and not {path}")


def load(path: str) -> ModuleType:
    """A file of a module, by its place."""
    name = f"of_this_module_{Path(path).stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made
    spec.loader.exec_module(made)
    return made


def place(error: BaseException, root: str) -> Line:
    """The last line of the learner's own files that an error came through; nothing if it came through none."""
    frames = lines_of(error)
    own = [(Path(file), line) for file, line in frames if root and Path(file).is_relative_to(root)]
    if not own:
        return {}
    file, line = own[-1]
    text = file.read_text(encoding="utf-8", errors="replace").splitlines() if file.exists() else []
    at = text[line - 1].strip() if line and line <= len(text) else ""
    return {"file": file.relative_to(root).as_posix(), "line": line, "text": clean(at, 200)}
