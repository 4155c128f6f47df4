"""Snapshots: every state of the learner's files is kept before anything changes them."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any


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


class Snapshots:
    """The states of a folder's own files, by content, in its hidden `.tt`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.objects = root / ".tt" / "objects"
        self.journal = root / ".tt" / "journal.jsonl"

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
        state, past = self.state(), entries(self.journal)
        if not past or past[-1]["files"] != state:
            append(self.journal, {"time": time.time(), "why": why, "files": state})

    def undo(self) -> list[str]:
        """Go back to the state before the present one; returns the files that changed.

        The journal grows: an undo is a step like any other, and remembers how far back it went.
        """
        self.keep("before undo")
        past = entries(self.journal)
        position = past[-1].get("at", len(past) - 1)
        while position > 0 and past[position]["files"] == past[-1]["files"]:
            position = past[position - 1].get("at", position - 1)
        target = past[position]["files"]
        changed = [name for name in target if target[name] != past[-1]["files"].get(name)]
        for name in changed:
            digest = target[name]
            write_whole(self.root / name, (self.objects / digest[:2] / digest).read_bytes())
        gone = [name for name in past[-1]["files"] if name not in target]
        for name in gone:
            (self.root / name).unlink()
        if changed or gone:
            append(self.journal, {"time": time.time(), "why": "undo", "files": target, "at": position})
        return [*changed, *gone]
