"""`kill -9` at random instants of every command that writes: files are as before or as after, and nothing is torn.

TINYTORCH_KILLS sets how many instants are tried for each command.
"""

import os
import random
import subprocess
import sys
import time

import pytest

from tinytorch_studio.course import find
from tinytorch_studio.folder import Folder
from tinytorch_studio.process import SOURCE
from tinytorch_studio.snapshots import Snapshots, entries
from tinytorch_studio.starters import put

KILLS = int(os.environ.get("TINYTORCH_KILLS", "5"))
MODULE, _ = find("01")
FIRST = "def f(shape):\n    return ()"
SECOND = "def f(shape):\n    return tuple(shape)"
COMMANDS = {
    "check": ("check", "01.layout.contiguous_strides"),
    "next": ("next", "00"),
    "undo": ("undo",),
    "redo": ("redo",),
    "reset": ("reset", "01.layout.contiguous_strides"),
    "hint": ("hint", "01.layout.contiguous_strides"),
    "start": ("start", "."),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYTORCH_CACHE", str(tmp_path / "cache"))
    mine = Folder.create(tmp_path / "mine")
    mine.begin(MODULE)
    return mine


def texts(folder):
    """Every file of the learner's."""
    return {path.relative_to(folder.root).as_posix(): path.read_bytes() for path in folder.snapshots.files()}


def prepare(folder):
    """Two states that were kept, and one that was not, with an undo to take back."""
    path = folder.root / "tinytorch" / "layout.py"
    for definition in (FIRST, SECOND):
        text = put(path.read_text(encoding="utf-8"), "contiguous_strides", definition)
        path.write_text(text, encoding="utf-8")
        folder.snapshots.keep("test")
    folder.snapshots.undo()


def run(folder, words, seconds=None):
    """A command; killed with everything that it started after some seconds, or left alone. Returns how long it took."""
    began = time.perf_counter()
    settings = os.environ | {"PYTHONPATH": str(SOURCE)}
    command = [sys.executable, "-m", "tinytorch_studio", *words]
    quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    child = subprocess.Popen(command, cwd=folder.root, env=settings, start_new_session=True, **quiet)
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, 9)
        child.wait()
    return time.perf_counter() - began


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9 on Windows")
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_killed_at_any_instant_loses_nothing(folder, name):
    rng = random.Random(name)
    prepare(folder)
    takes = run(folder, COMMANDS[name])
    for _ in range(KILLS):
        prepare(folder)
        before, past = texts(folder), entries(folder.snapshots.journal)
        progress = entries(folder.progress)
        run(folder, COMMANDS[name], rng.uniform(0.4, 1.0) * takes)
        after = texts(folder)
        kept = Snapshots(folder.root)
        known = list(before.values())
        known += [
            kept.content(digest) for state in entries(kept.journal) for digest in state["files"].values()
        ]
        assert set(before) <= set(after)
        assert all(content in known or name in ("next", "reset") for content in after.values())
        for content in after.values():
            compile(content, "file", "exec")  # a torn file would end in the middle
        assert entries(kept.journal)[: len(past)] == past
        assert entries(folder.progress)[: len(progress)] == progress
        kept.keep("still works")
        kept.undo()


def test_a_torn_end_of_the_journal_and_of_progress_hides_nothing(folder):
    prepare(folder)
    past = entries(folder.snapshots.journal)
    folder.note("built", "01.layout.permute")
    for path in (folder.snapshots.journal, folder.progress):
        with path.open("ab") as file:
            file.write(b'{"what": "bu')
    assert entries(folder.snapshots.journal) == past
    folder.note("built", "01.layout.expand")
    assert folder.built() == {"01.layout.permute", "01.layout.expand"}
    assert folder.snapshots.undo() != []
