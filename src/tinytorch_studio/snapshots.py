"""Snapshots: every state of the learner's files is kept before anything changes them."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

PATIENCE = 30.0  # seconds that a command waits for another one in the same folder
TEMPORARY = re.compile(r"\..+\.[0-9a-f]{12}\.tt")  # what a write that was cut off leaves behind
Entry = dict[str, Any]


class Lost(OSError):
    """What was kept is damaged, or not there any more."""


def write_whole(path: Path, content: bytes, beside: Path | None = None) -> None:
    """Write beside the target and move into its place: a crash leaves the old file or the new one.

    A link stays, and what it points to is written; a file keeps its permissions. `beside` is where to write first, by default the
    target's folder.
    """
    if path.is_symlink() and path.exists():
        path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        move_in(path, content, beside)
    except FileNotFoundError:  # swept away in the moment before it was locked
        move_in(path, content, beside)


def move_in(path: Path, content: bytes, beside: Path | None) -> None:
    """Write a file of another name, and give it the right one."""
    name = (beside or path.parent) / f".{path.name[:100]}.{secrets.token_hex(6)}.tt"
    try:
        with name.open("xb") as file:
            lock(file)  # as long as it is held, nobody sweeps it away
            if path.exists():
                name.chmod(path.stat().st_mode & 0o777)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            if os.name != "nt":
                os.replace(name, path)
        if os.name == "nt":  # where a file that is open cannot be moved
            os.replace(name, path)
    except OSError as error:
        name.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error
    except BaseException:
        name.unlink(missing_ok=True)
        raise


def sweep(folder: Path, names: Iterable[str]) -> None:
    """Remove what writes that were cut off left in a folder; one that is still being written is locked, and stays."""
    for name in filter(TEMPORARY.fullmatch, names):
        with contextlib.suppress(OSError), (folder / name).open("r+b") as file:
            if os.name == "nt" or lock(file, 0.0):
                (folder / name).unlink()


def append(path: Path, entry: Entry) -> None:
    """One more line at the end of a journal, on disk before this returns; or, on a full disk, nothing of it.

    Nothing that is there is written again. After a line that a crash tore, it begins a new one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+", buffering=0) as file:
        lock(file)
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        torn = file.read(1) not in (b"", b"\n")
        line = b"\n" * torn + json.dumps(entry).encode() + b"\n"
        try:
            if file.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(file.fileno())
        except OSError as error:
            file.truncate(size)
            raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def lines(path: Path) -> list[Entry | None]:
    """The lines of a journal, by their numbers; None for one that was torn by a crash, or is none of ours."""
    try:
        now = path.stat()
    except FileNotFoundError:
        return []
    return parsed(path, now.st_ino, now.st_size, now.st_mtime_ns)


@lru_cache(maxsize=8)
def parsed(path: Path, *state: int) -> list[Entry | None]:
    """The same, for a file that stands as `state` says: a command asks several times."""
    found: list[Entry | None] = []
    for line in path.read_bytes().removesuffix(b"\n").split(b"\n"):
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            entry = None
        found.append(entry if shaped(entry) else None)
    return found


def entries(path: Path) -> list[Entry]:
    """The lines of a journal that can be read."""
    return [each for each in lines(path) if each is not None]


def shaped(entry: Any) -> bool:
    """Whether a line says something about an id, or is a state of files, whose names stay within a folder."""
    if not isinstance(entry, dict):
        return False
    if isinstance(entry.get("what"), str) and isinstance(entry.get("id"), str):
        return True
    names, moment = entry.get("files"), entry.get("time")
    if not isinstance(names, dict) or not isinstance(entry.get("why"), str):
        return False
    return (
        isinstance(moment, (int, float))
        and 0 <= moment < 2**40
        and all(each is None or isinstance(each, int) for each in (entry.get("at"), entry.get("back")))
        and all(inside(name) and re.fullmatch("[0-9a-f]{64}", str(digest)) for name, digest in names.items())
    )


def inside(name: str) -> bool:
    """Whether a relative path cannot lead out of its folder."""
    return bool(name) and "\0" not in name and not Path(name).is_absolute() and ".." not in Path(name).parts


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """One process at a time; the system lets go of the lock when a process dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        if not lock(file):
            busy = f"another command has been at work here for {PATIENCE:.0f} seconds"
            raise OSError(errno.EBUSY, busy, str(path.parent))
        yield  # closing the file lets go


def lock(file: IO[bytes], seconds: float = PATIENCE) -> bool:
    """Hold a file as the only process; wait for that, but not for ever. Whether it is held."""
    until = time.monotonic() + seconds
    while not locked(file):
        if time.monotonic() >= until:
            return False
        time.sleep(0.01)
    return True


def locked(file: IO[bytes]) -> bool:
    """Whether no other process holds a file; from then on this one does."""
    try:
        if os.name == "nt":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


class Snapshots:
    """The states of a folder's own files, by content, in its hidden `.tt`.

    known: files that belong to the folder even where a link leads to them.
    """

    def __init__(self, root: Path, known: Iterable[str] = ()) -> None:
        self.root = root
        self.known = tuple(known)
        self.objects = root / ".tt" / "objects"
        self.journal = root / ".tt" / "journal.jsonl"
        self.lock = root / ".tt" / "lock"
        self.damaged: list[str] = []  # of states that an undo had to pass over

    def folders(self) -> Iterator[tuple[Path, list[str]]]:
        """Each folder of the learner's with its files: not what is hidden, and no virtual environment."""
        for folder, inner, names in os.walk(self.root):
            inner[:] = [
                each
                for each in inner
                if not each.startswith((".", "__pycache__"))
                and not os.path.exists(os.path.join(folder, each, "pyvenv.cfg"))
            ]
            yield Path(folder), names

    def files(self) -> list[Path]:
        """The learner's Python files."""
        found = {folder / name for folder, names in self.folders() for name in names if name.endswith(".py")}
        return sorted(path for path in found | {self.root / name for name in self.known} if path.is_file())

    def state(self, keep: bool = False) -> dict[str, str]:
        """Each file and the hash of its content; `keep`: and the content is kept."""
        made = {}
        for path in self.files():
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            if keep and not self.kept(digest, content):
                write_whole(self.place(digest), content, beside=self.objects)
            made[path.relative_to(self.root).as_posix()] = digest
        return made

    def place(self, digest: str) -> Path:
        """Where a content is kept."""
        return self.objects / digest[:2] / digest

    def kept(self, digest: str, content: bytes) -> bool:
        """Whether a content is kept already, and undamaged."""
        try:
            return self.place(digest).read_bytes() == content
        except OSError:
            return False

    def keep(self, why: str) -> None:
        """Remember the present state, unless it is the last one already."""
        with alone(self.lock):
            self.add(why)

    def add(self, why: str) -> None:
        """The same, for who holds the lock."""
        self.objects.mkdir(parents=True, exist_ok=True)
        linked = {path.parent for path in map(self.root.joinpath, self.known) if path.parent.is_symlink()}
        for folder in (self.objects, *filter(Path.is_dir, linked)):
            sweep(folder, os.listdir(folder))
        for folder, names in self.folders():
            sweep(folder, names)
        state, past = self.state(keep=True), self.states()
        if not past or past[-1]["files"] != state:
            append(self.journal, {"time": time.time(), "why": why, "files": state})

    @contextmanager
    def change(self, before: str, after: str) -> Iterator[None]:
        """Keep the state, let files be changed while no other command does, and keep what that made of them."""
        with alone(self.lock):
            self.add(before)
            yield
            self.add(after)

    def past(self) -> list[Entry | None]:
        """The journal by the numbers of its lines; None where a line is no state."""
        return [each if each is not None and "files" in each else None for each in lines(self.journal)]

    def states(self) -> list[Entry]:
        """The states that were kept, in order."""
        return [each for each in self.past() if each is not None]

    def present(self) -> Entry:
        """The state that the files were last given, or that was last kept of them."""
        past = self.past()
        last = max(number for number, each in enumerate(past) if each is not None)
        return past[standing(past, last)] or {}

    def undo(self) -> list[str]:
        """Give the files the contents that they had before the present ones; returns those that changed.

        The journal only grows: an undo is a state like any other that knows where it stands (`at`) and
        where it came from (`back`), so that `redo` can return. No file is ever removed. A state of which something is damaged
        is passed over; raises Lost if there is no other.
        """
        with alone(self.lock):
            self.add("before undo")
            past = self.past()
            last = max(i for i, each in enumerate(past) if each is not None)
            now, position = self.state(), standing(past, last)
            while position > 0:
                position -= 1
                entry = past[position]
                if entry is None:
                    continue
                position = standing(past, position)
                wanted = past[position] or entry
                if self.differing(wanted["files"], now):
                    try:
                        return self.restore(wanted["files"], why="undo", at=position, back=last)
                    except Lost as error:
                        self.damaged.append(str(error))
        if self.damaged:
            raise Lost(self.damaged[0])
        return []

    def redo(self) -> list[str]:
        """Take the last undo back, if nothing was changed since; returns the files that changed."""
        with alone(self.lock):
            self.add("before redo")
            past = self.past()
            last = next((each for each in reversed(past) if each is not None), {})
            back: int = -1 if last.get("back") is None else last["back"]
            there = past[back] if 0 <= back < len(past) else None
            if there is None:
                return []
            return self.restore(there["files"], why="redo", at=standing(past, back), back=there.get("back"))

    def before(self) -> dict[str, str]:
        """The text of each file in the last kept state that is not the present one."""
        now = self.state()
        for past in reversed(self.states()):
            if self.differing(past["files"], now):
                found = {name: self.content(digest, name) for name, digest in past["files"].items()}
                return {name: content.decode("utf-8", "backslashreplace") for name, content in found.items()}
        return {}

    def content(self, digest: str, name: str = "a file") -> bytes:
        """What was kept of a file under a hash. Raises Lost if it is not that any more."""
        try:
            found = self.place(digest).read_bytes()
        except OSError as error:
            raise Lost(f"what was kept of {name} is not there any more: {error.strerror}") from error
        if hashlib.sha256(found).hexdigest() != digest:
            raise Lost(f"what was kept of {name} is damaged")
        return found

    def differing(self, wanted: dict[str, str], now: dict[str, str]) -> list[str]:
        """The files of a state that are otherwise now, or not there."""
        return [name for name, digest in wanted.items() if now.get(name) != digest]

    def restore(self, wanted: dict[str, str], **entry: Any) -> list[str]:
        """Write the contents of a kept state, and remember the state that this makes. Nothing is written if one is lost."""
        changed = self.differing(wanted, self.state())
        for name, content in {each: self.content(wanted[each], each) for each in changed}.items():
            write_whole(self.root / name, content)
        append(self.journal, {"time": time.time(), "files": self.state(keep=True), **entry})
        return changed


def standing(past: list[Entry | None], position: int) -> int:
    """Where in the past an entry of the journal stands: an undo stands where it went back to."""
    entry = past[position]
    at = None if entry is None else entry.get("at")
    return at if at is not None and 0 <= at <= position and past[at] is not None else position
