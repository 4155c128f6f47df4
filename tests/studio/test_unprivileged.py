"""What only holds for an ordinary user: limits on processes, and folders that may not be written to."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tinytorch_studio.course import find
from tinytorch_studio.folder import Folder
from tinytorch_studio.process import SOURCE
from tinytorch_studio.starters import put

pytestmark = pytest.mark.skipif(os.name != "posix", reason="users and their limits are POSIX's")
NOBODY = 65534
MODULE, (STRIDES,) = find("01.layout.contiguous_strides")
RIGHT = "def f(shape):\n    return tuple(prod(shape[i + 1:]) for i in range(len(shape)))"
FORKS = "def f(shape):\n    import os, time\n    for _ in range(600):\n        if not os.fork(): time.sleep(60)\n    time.sleep(60)"
FEW = RIGHT.replace("    return", "    import os\n    for _ in range(3): os.fork()\n    return")


def ordinary() -> list[str]:
    """What must stand before a command so that an ordinary user runs it, who may still read everything."""
    if os.getuid():
        return []
    assert shutil.which("setpriv"), "as root these tests need setpriv (util-linux) to become an ordinary user"
    may_read = ["--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"]
    return ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", *may_read]


@pytest.fixture
def folder(tmp_path):
    mine = Folder.create(tmp_path / "mine")
    mine.begin(MODULE)
    (tmp_path / "cache").mkdir()
    if not os.getuid():
        for path in (tmp_path, *tmp_path.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
    yield mine
    for path in (mine.root, *mine.root.rglob("*")):
        path.chmod(0o755)


def write(folder, definition):
    path = folder.root / STRIDES.file
    path.write_text(put(path.read_text(encoding="utf-8"), "contiguous_strides", definition), encoding="utf-8")


def tt(folder, *words, seconds=60):
    """A command, run by an ordinary user in the folder."""
    own = {"TINYTORCH_CACHE": str(folder.root.parent / "cache"), "TMPDIR": str(folder.root.parent)}
    settings = os.environ | {"PYTHONPATH": str(SOURCE)} | own
    command = [*ordinary(), sys.executable, "-P", "-m", "tinytorch_studio", *words]
    typed = "5\nyes\n1\n3 4\n" * 40  # one of these is an answer to whatever is asked
    return subprocess.run(
        command, cwd=folder.root, env=settings, input=typed, capture_output=True, text=True, timeout=seconds
    )


def left(folder):
    """How many processes are left of this test's commands: those that have its folder in their environment."""
    found = 0
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            found += str(folder.root.parent).encode() in path.read_bytes() and path.parent.name != str(
                os.getpid()
            )
    return found


def test_a_loop_of_forks_is_bounded_and_nothing_of_it_stays(folder):
    write(folder, FORKS)
    done = tt(folder, "check", STRIDES.id)
    assert done.returncode == 1, done.stderr
    assert "contiguous_strides" in done.stdout
    assert "right" not in done.stdout.splitlines()[0]
    if Path("/proc/loadavg").exists():
        # It met the limit; or the clock, where the machine is so busy that 600 forks take longer.
        assert "BlockingIOError" in done.stdout or "still running" in done.stdout
    assert left(folder) == 0


def test_an_answer_that_forks_and_comes_back_several_times_is_no_pass(folder):
    write(folder, FEW)
    done = tt(folder, "check", STRIDES.id)
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"it forked, and came back \d+ times", done.stdout)


COMMANDS = [
    ("check", STRIDES.id), ("watch",), ("next",), ("next", "00"), ("hint",), ("show", STRIDES.id), ("undo",), ("redo",),
    ("reset", STRIDES.id), ("lab", "00", "--predict", "wide=3"), ("quiz", "00"), ("incident", "01"), ("milestone", "perceptron"), ("start", "."),
]  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_in_a_read_only_folder_a_command_that_writes_says_so_and_changes_nothing(folder, words):
    write(folder, RIGHT)
    before = {path: path.read_bytes() for path in folder.root.rglob("*") if path.is_file()}
    for path in (*folder.root.rglob("*"), folder.root):
        path.chmod(0o555 if path.is_dir() else 0o444)
    done = tt(folder, *words)
    assert done.returncode != 0
    assert "Permission denied" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert {path: path.read_bytes() for path in folder.root.rglob("*") if path.is_file()} == before


def test_what_only_reads_works_in_a_read_only_folder(folder):
    for path in (*folder.root.rglob("*"), folder.root):
        path.chmod(0o555 if path.is_dir() else 0o444)
    for words in (("status",), ("list",), ("history",), ("diff",), ("lesson", "01")):
        done = tt(folder, *words)
        assert done.returncode == 0, done.stderr
    assert "may not be written" in tt(folder, "doctor").stdout


UNREADABLE = f"""
import os, sys
import tinytorch_studio.commands.check
from tinytorch_studio.cli import main

if not os.getuid():
    os.setgroups([])
    os.setresgid({NOBODY}, {NOBODY}, {NOBODY})
    os.setresuid({NOBODY}, {NOBODY}, {NOBODY})
main(sys.argv[1:], prog_name="tt")
"""


def test_a_file_that_may_not_be_read_is_named_and_stays_as_it_is(folder):
    path = folder.root / STRIDES.file
    before = path.read_bytes()
    for each in folder.root.parents:  # pytest's own folders are for their owner alone
        if (
            not os.getuid()
            and each.is_relative_to(tempfile.gettempdir())
            and each != Path(tempfile.gettempdir())
        ):
            each.chmod(0o755)
    path.chmod(0)
    command = [sys.executable, "-P", "-c", UNREADABLE, "check", STRIDES.id]
    settings = os.environ | {"PYTHONPATH": str(SOURCE)}
    done = subprocess.run(command, cwd=folder.root, env=settings, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert done.stderr.splitlines() == [f"Error: Permission denied: {path}. What was there is unchanged."]
    path.chmod(0o644)
    assert path.read_bytes() == before
