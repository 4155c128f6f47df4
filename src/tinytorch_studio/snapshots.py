"""Snapshots: every state of the learner's files is kept before anything changes them."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


def write_whole(path: Path, content: bytes) -> None:
    """Write beside the target and move into its place: a crash leaves the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def append(path: Path, entry: dict[str, Any]) -> None:
    """One more line at the end of a journal, on disk before this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torn = path.exists() and not path.read_bytes().endswith(b"\n") and path.stat().st_size > 0
    with path.open("ab") as file:
        file.write((b"\n" if torn else b"") + json.dumps(entry).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def entries(path: Path) -> list[dict[str, Any]]:
    """The lines of a journal; one that was torn by a crash is passed over."""
    found = []
    for line in path.read_bytes().splitlines() if path.exists() else ():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """One process at a time; the system lets go of the lock when a process dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        lock(file)
        yield  # closing the file lets go


def lock(file: IO[bytes]) -> None:
    """Wait until no other process holds this file."""
    if os.name == "nt":
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined,unused-ignore]
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX)


class Snapshots:
    """The states of a folder's own files, by content, in its hidden `.tt`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.objects = root / ".tt" / "objects"
        self.journal = root / ".tt" / "journal.jsonl"
        self.lock = root / ".tt" / "lock"

    def files(self) -> list[Path]:
        """The learner's Python files."""
        found = [p for p in self.root.rglob("*.py") if ".tt" not in p.relative_to(self.root).parts]
        return sorted(found)

    def state(self) -> dict[str, str]:
        """Each file and the hash of its content, which is kept."""
        made = {}
        for path in self.files():
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            target = self.objects / digest[:2] / digest
            if not target.exists():
                write_whole(target, content)
            made[path.relative_to(self.root).as_posix()] = digest
        return made

    def keep(self, why: str) -> None:
        """Remember the present state, unless it is the last one already."""
        with alone(self.lock):
            self.add(why)

    def add(self, why: str) -> None:
        """The same, for who holds the lock."""
        state, past = self.state(), entries(self.journal)
        if not past or past[-1]["files"] != state:
            append(self.journal, {"time": time.time(), "why": why, "files": state})

    def undo(self) -> list[str]:
        """Give the files the contents that they had before the present ones; returns those that changed.

        The journal only grows: an undo is a state like any other that knows where it stands (`at`) and
        where it came from (`back`), so that `redo` can return. No file is ever removed.
        """
        with alone(self.lock):
            self.add("before undo")
            past = entries(self.journal)
            now, position = past[-1]["files"], past[-1].get("at", len(past) - 1)
            while position > 0:
                position = past[position - 1].get("at", position - 1)
                if self.differing(past[position]["files"], now):
                    return self.restore(past[position]["files"], why="undo", at=position, back=len(past) - 1)
        return []

    def redo(self) -> list[str]:
        """Take the last undo back, if nothing was changed since; returns the files that changed."""
        with alone(self.lock):
            self.add("before redo")
            past = entries(self.journal)
            back = past[-1].get("back") if past else None
            if back is None:
                return []
            there = past[back]
            return self.restore(there["files"], why="redo", at=there.get("at", back), back=there.get("back"))

    def before(self) -> dict[str, str]:
        """The text of each file in the last kept state that is not the present one."""
        now = self.state()
        for past in reversed(entries(self.journal)):
            if self.differing(past["files"], now):
                return {name: self.content(digest).decode() for name, digest in past["files"].items()}
        return {}

    def content(self, digest: str) -> bytes:
        """What was kept under a hash."""
        return (self.objects / digest[:2] / digest).read_bytes()

    def differing(self, wanted: dict[str, str], now: dict[str, str]) -> list[str]:
        """The files of a state that are otherwise now, or not there."""
        return [name for name, digest in wanted.items() if now.get(name) != digest]

    def restore(self, wanted: dict[str, str], **entry: Any) -> list[str]:
        """Write the contents of a kept state, and remember the state that this makes."""
        changed = self.differing(wanted, self.state())
        for name in changed:
            write_whole(self.root / name, self.content(wanted[name]))
        append(self.journal, {"time": time.time(), "files": self.state(), **entry})
        return changed
