"""What a learner's file may do wrong, at import and inside the function: one calm verdict, in bounded time, never a pass."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tinytorch_studio import check, hearing
from tinytorch_studio.course import find
from tinytorch_studio.diagnosis import shown
from tinytorch_studio.folder import Folder, Unreadable, tree
from tinytorch_studio.hearing import Files, heard, sound
from tinytorch_studio.inside import bounds
from tinytorch_studio.judge import compare, equal
from tinytorch_studio.process import SOURCE
from tinytorch_studio.wire import CAME_BACK, ENDED, NO_ROOM, seal

MODULE, (PERMUTE,) = find("01.layout.permute")
STUB = '        raise NotImplementedError("01.layout.permute is yours to write")\n'
RIGHT = "        return Layout(tuple(self.shape[a] for a in axes), tuple(self.strides[a] for a in axes), self.offset)\n"
WRONG = "        return Layout(tuple(self.shape[a] for a in axes), self.strides, self.offset)\n"
SECONDS = "2"  # for one run of a probe that is known never to end
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="/proc and Landlock are Linux's")

BOTH = {  # what stands before the right answer, inside the function and again at the top of the file
    "an endless loop": ("while True: pass", r"running after 2 seconds, in layout\.py, line \d+"),
    "100 GB": ("x = bytearray(10**11)", "MemoryError"),
    "os._exit": ("import os; os._exit(0)", "it ended Python before all cases had run"),
    "sys.exit": ("import sys; sys.exit(0)", "SystemExit: 0"),
    "KeyboardInterrupt": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "a crash": ("import ctypes; ctypes.string_at(0)", r"SIGSEGV, in layout\.py, line \d+"),
    "a print without end": ("while True: print('x' * 10**6)", "more than 16 MB were printed"),
    "something that is not there": ("import nothing_of_that_name", "No module named 'nothing_of_that_name'"),
    "a thread that never ends": (
        "import threading, time; threading.Thread(target=time.sleep, args=(60,)).start()",
        "gave all its answers, and was still running after 2",
    ),
    "a process that stays": (
        "import subprocess; subprocess.Popen(['sleep', '60'], start_new_session=True)",
        r"it left \d+ of its processes running",
    ),
    "a fork that comes back": ("import os; os.fork()", "it forked, and came back"),
    "forks": (
        "import os, time\nfor _ in range(100):\n    if not os.fork(): time.sleep(60)\ntime.sleep(60)",
        "still running after 2",
    ),
}
INSIDE = {  # the same, where it makes no difference where it stands
    "its files closed": ("import os; os.closerange(3, 100)", "exit code"),
    "lines written by itself": (
        "import os\nfor each in range(3, 9):\n    try: os.write(each, b'{\"finished\": true}\\n')\n    except OSError: pass",
        "something else wrote among the observations",
    ),
    "json patched": ("import json; json.dumps = lambda *_: '{}'", "something else wrote"),
    "builtins patched": ("import builtins; builtins.len = builtins.zip = lambda *_: 0", "[a-z]"),
    "an exit at the exit": ("import atexit, os; atexit.register(os._exit, 3)", "exit code 3"),
    "an error that cannot be shown": (
        "class E(Exception):\n    def __str__(self): raise SystemExit\nraise E",
        "E: its message cannot be made",
    ),
    "an error for the terminal": (
        "raise ValueError('\\x1b[2J' + '\\ud800' + 'x' * 10**7)",
        r"ValueError: \\x1b\[2J\\ud800xxx",
    ),
}
CONFINED = {  # with a wrong answer: what only Landlock keeps from happening
    "its parent killed": "import os; os.kill(os.getppid(), 9)",
    "its folder removed": "import pathlib, shutil; shutil.rmtree(pathlib.Path(__file__).parents[1], ignore_errors=True)",
    "its file emptied": "open(__file__, 'w').close()",
}
ANSWERS = {
    "nothing": ("return None", "none: it needs a copy"),
    "numbers that are none": ("return Layout((float('nan'),) * 2, (float('nan'),) * 2)", "TypeError"),
    "something lazy": ("return (each for each in axes)", "'generator' object has no attribute"),
    "a layout of 10**12 cells": ("return Layout((10**12,), (1,))", "MemoryError|still running"),
    "itself, deeper and deeper": ("return self.permute(axes)", "RecursionError"),
    "something that answers to every name": (
        "class X:\n    def __getattr__(self, name): return X()\n    def __iter__(self):\n        while True: yield 1\nreturn X()",
        "X|MemoryError|running after 2",
    ),
    "a patched comparer, and a wrong answer": (
        "import numpy as np\nnp.allclose = np.array_equal = lambda *a, **k: True\n" + WRONG.strip(),
        "strides-left",
    ),
    "a function that yields": ("yield self", "'generator' object"),
}
STARTER = "    def permute("
TEXTS = {  # the whole file
    "nothing": (lambda text: b"", "layout.py has no function Layout.permute any more"),
    "not closed": (
        lambda text: text.replace(RIGHT, "        return (\n"),
        r"layout.py, line 88: '\(' was never closed",
    ),
    "null bytes": (lambda text: text.encode() + b"\0", "layout.py: source code .* null bytes"),
    "not UTF-8": (lambda text: text.encode() + b"# caf\xe9\n", r"layout.py, line \d+: byte 0xe9 is no UTF-8"),
    "UTF-16": (lambda text: text.encode("utf-16"), "layout.py"),
    "nested deeply": (lambda text: text + "x = " + "-" * 200_000 + "1\n", "nested too deeply"),
    "50 MB": (lambda text: text + "#" * 50_000_000, "layout.py has 4[78].. MB; 1 MB"),
    "tabs": (lambda text: text.replace(RIGHT, "\treturn 1\n"), "tabs and spaces"),
    "a byte order mark": (lambda text: b"\xef\xbb\xbf" + text.replace(RIGHT, WRONG).encode(), "strides-left"),
    "line ends of Windows": (
        lambda text: text.replace(RIGHT, WRONG).replace("\n", "\r\n").encode(),
        "strides-left",
    ),
    "a form feed": (lambda text: text.replace(RIGHT, "        '\u2028 \x0c'\n" + WRONG), "strides-left"),
    "async": (lambda text: text.replace(STARTER, "    async def permute("), "Layout.permute is async"),
    "a lambda": (
        lambda text: text.replace(STARTER, "    permute = lambda self, axes: self\n\n    def other("),
        "Layout.permute is a name that is given",
    ),
    "another name": (
        lambda text: text.replace(STARTER, "    def permuted("),
        "has no function Layout.permute",
    ),
    "static": (
        lambda text: text.replace(STARTER, "    @staticmethod\n    def permute("),
        "missing 1 required",
    ),
    "one parameter fewer": (
        lambda text: text.replace("self, axes: Sequence[int]", "self"),
        r"yours takes \(self\)",
    ),
    "another module in its place": (
        lambda text: text.replace(RIGHT, WRONG) + "\nimport sys\nsys.modules.pop(__name__)\n",
        "KeyError",
    ),
}


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def link_to_itself(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


PLACES = {
    "a folder": (folder_instead, "layout.py is a folder, and no file"),
    "a link to itself": (link_to_itself, "layout.py: Too many levels of symbolic links"),
    "a pipe": (pipe, "layout.py is something else, and no file"),
}
CONTROL = {  # what is right must pass, so that not everything is refused
    "the right answer": lambda text: text,
    "a patched comparer": lambda text: text.replace(
        RIGHT, "        import numpy as np; np.allclose = None\n" + RIGHT
    ),
    "another working folder": lambda text: text.replace(RIGHT, "        import os; os.chdir('/')\n" + RIGHT),
    "Windows and a mark": lambda text: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(),
    "a file of its own": lambda text: text.replace(RIGHT, "        open('mine', 'w').write('x')\n" + RIGHT),
}


class Case(NamedTuple):
    """What is done to the file, what is said, and whether it passes."""

    change: Any
    says: str
    code: int = 1


def inside(code: str, then: str = RIGHT) -> Any:
    """Some lines at the beginning of the function."""
    return lambda text: text.replace(RIGHT, textwrap.indent(code, " " * 8) + "\n" + then)


def above(code: str, then: str = RIGHT) -> Any:
    """Some lines at the beginning of the file."""
    return lambda text: text.replace("from tinytorch.errors", f"{code}\nfrom tinytorch.errors").replace(
        RIGHT, then
    )


CASES = {
    f"{name}, {where.__name__}": Case(where(code), says)
    for name, (code, says) in BOTH.items()
    for where in (inside, above)
}
CASES |= {name: Case(inside(code), says) for name, (code, says) in INSIDE.items()}
CASES |= {
    name: Case(inside(code, WRONG), "PermissionError|strides-left")
    for name, code in CONFINED.items()
    if bounds.landlock() >= 6
}
CASES |= {f"answers {name}": Case(inside(code, ""), says) for name, (code, says) in ANSWERS.items()}
CASES |= {f"the file has {name}": Case(change, says) for name, (change, says) in TEXTS.items()}
CASES |= {
    f"the file is {name}": Case(change, says) for name, (change, says) in PLACES.items() if os.name == "posix"
}
CASES |= {f"right: {name}": Case(change, "01.layout.permute +right", 0) for name, change in CONTROL.items()}


class Done(NamedTuple):
    """What became of a check."""

    code: int
    output: str
    seconds: float
    left: list[str]  # in the folder for temporary files
    alive: list[str]
    kept: bool  # the file and the folder's past are there


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder with the right answer, and observations that are kept."""
    root = tmp_path_factory.mktemp("hostile")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYTORCH_CACHE", str(root / "cache"))
        mine = Folder.create(root / "mine")
        mine.begin(MODULE)
        path = mine.root / PERMUTE.file
        path.write_text(path.read_text(encoding="utf-8").replace(STUB, RIGHT), encoding="utf-8")
        for variant in (None, *check.mistakes_of(MODULE, PERMUTE)):
            check.run_reference(MODULE, PERMUTE, variant)
    return root


def checked(root: Path, cache: Path, seconds: str = "") -> Done:
    """`tt check` in a folder, as a process of its own; seconds for one run of a probe, if not as many as always."""
    scratch = root / "scratch"
    scratch.mkdir()
    own = {"TINYTORCH_CACHE": str(cache), "TMPDIR": str(scratch), "TINYTORCH_SECONDS": seconds}
    settings = os.environ | {"PYTHONPATH": str(SOURCE), "OPENBLAS_NUM_THREADS": "1"} | own
    command = [sys.executable, "-P", "-m", "tinytorch_studio", "check", PERMUTE.id]
    begun = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=root / "mine",
        env=settings,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    seconds = time.perf_counter() - begun
    there = (root / "mine" / ".tt" / "journal.jsonl").exists()
    output = re.sub(r"\s+", " ", done.stdout + done.stderr)
    return Done(done.returncode, output, seconds, os.listdir(scratch), alive(scratch), there)


def alive(scratch: Path) -> list[str]:
    """The processes that were started with this folder for temporary files."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if str(scratch).encode() in path.read_bytes():
                found.append(path.parent.name)
    return found


@pytest.fixture(scope="module")
def results(prepared):
    """All of them, four at a time: those that wait cost nothing."""

    def one(item: tuple[int, Case]) -> Done:
        number, case = item
        root = prepared / str(number)
        shutil.copytree(prepared / "mine", root / "mine")
        path = root / "mine" / PERMUTE.file
        if case.change in [each for each, _ in PLACES.values()]:
            case.change(path)
        else:
            made = case.change(path.read_text(encoding="utf-8"))
            path.write_bytes(made.encode() if isinstance(made, str) else made)
        return checked(root, prepared / "cache", SECONDS if "running after" in case.says else "")

    with ThreadPoolExecutor(4) as pool:
        return dict(zip(CASES, pool.map(one, enumerate(CASES.values())), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_a_learners_file_gets_one_calm_verdict(results, name):
    done, case = results[name], CASES[name]
    assert re.search(case.says, done.output), done.output
    assert done.code == case.code, done.output
    assert "01.layout.permute" in done.output
    assert "Traceback" not in done.output
    assert done.seconds < 60
    assert done.left == []
    assert done.alive == []
    assert done.kept


KEY = b"k" * 32
CASE: dict[str, Any] = {"code": "1", "observed": {"result": 1}, "against": {}, "labels": {}}
WELL = {"ended": 0, "late": False, "left": 0}


def line(number: int, content: dict[str, Any], key: bytes = KEY) -> bytes:
    text = hearing.json.dumps(content)
    return f"{seal(key, number, text)} {text}\n".encode()


def read(*lines: bytes, **more: Any) -> hearing.Heard:
    files = Files(
        **{"notes": b"", "results": b"".join(lines), "printed": b"", "code": 0, "seconds": 2.0, "late": False}
        | more
    )
    return heard(files, KEY, ["/there/layout.py"], "early")


FINISHED = [line(0, {"imported": True}), line(1, CASE), line(2, {"finished": True})]


def test_sealed_lines_in_their_order_are_heard():
    made = read(*FINISHED, line(ENDED, WELL))
    assert (made.cases, made.imported, made.finished, made.ending) == ([CASE], True, True, "early")


FORGED = {
    "no seal": [*FINISHED[:2], b'{"finished": true}\n', line(ENDED, WELL)],
    "another key": [*FINISHED[:2], line(2, {"finished": True}, b"another"), line(ENDED, WELL)],
    "the same line twice": [*FINISHED[:2], FINISHED[1], line(ENDED, WELL)],
    "another order": [FINISHED[1], FINISHED[0], FINISHED[2], line(ENDED, WELL)],
    "a line taken out": [FINISHED[0], FINISHED[2], line(ENDED, WELL)],
    "nothing but an end": [b"[" * 10**5 + b"\n", line(ENDED, WELL)],
    "no word of the warden's": FINISHED,
}


@pytest.mark.parametrize("name", FORGED)
def test_lines_that_somebody_else_wrote_or_moved_are_no_pass(name):
    made = read(*FORGED[name])
    assert not made.finished
    assert made.ending == hearing.MEDDLED


ENDINGS = {
    "left": (WELL | {"left": 2}, "it left 2 of its processes running"),
    "late": (
        WELL | {"late": True, "ended": -9},
        "it gave all its answers, and was still running after 2 seconds",
    ),
    "code": (WELL | {"ended": 3}, "it ended with exit code 3"),
    "signal": (WELL | {"ended": -signal.SIGTERM}, "it was ended by SIGTERM"),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_all_answers_without_a_good_end_are_no_pass(name):
    last, says = ENDINGS[name]
    made = read(*FINISHED, line(ENDED, last))
    assert (made.finished, made.ending) == (False, says)


def test_a_process_that_came_back_is_counted_wherever_it_wrote():
    made = read(FINISHED[0], line(CAME_BACK, {}), *FINISHED[1:], line(CAME_BACK, {}), line(ENDED, WELL))
    assert (made.finished, made.ending) == (False, "it forked, and came back 3 times")


def test_a_full_disk_is_no_fault_of_the_learners():
    with pytest.raises(OSError, match="No space left"):
        read(*FINISHED[:1], line(ENDED, WELL | {"ended": NO_ROOM}))


def test_where_a_run_stood_is_read_from_the_main_thread():
    notes = b'Timeout!\nThread 0x1 (most recent call first):\n  File "/there/layout.py", line 5 in go\n'
    notes += b'\nThread 0x2 (most recent call first):\n  File "/lib/x.py", line 1 in f\n  File "/there/layout.py", line 7 in f\n'
    made = read(notes=notes, code=-9)
    assert made.ending == "it was ended by SIGKILL, in layout.py, line 7"


def array(values: Any, dtype: str, shape: list[int]) -> dict[str, Any]:
    import base64

    import numpy as np

    content = base64.b64encode(np.array(values, dtype).tobytes()).decode()
    return {"array": content, "dtype": dtype, "shape": shape}


def test_an_array_with_other_bytes_than_its_shape_says_is_no_observation():
    good = CASE | {"observed": {"result": [array([1.0, 2.0], "float64", [2])]}}
    assert sound(good)
    for change in ({"shape": [10**12]}, {"shape": "all"}, {"dtype": "no"}, {"array": "?"}, {"array": ""}):
        assert not sound(CASE | {"observed": {"result": [good["observed"]["result"][0] | change]}})
    assert not sound(CASE | {"observed": 3})


def test_whole_numbers_are_compared_exactly_and_none_is_too_large():
    assert not equal(array([1_000_001], "int64", [1]), array([1_000_000], "int64", [1]))
    assert equal(array([1.0 + 1e-9], "float64", [1]), array([1.0], "float64", [1]))
    assert not equal(array([], "float64", [1]), array([1.0], "float64", [1]))
    assert not equal(10**400, 1.0)
    assert not equal(float("nan"), 1.0)


@pytest.mark.parametrize("cost", [float("nan"), "few", None, True])
def test_a_cost_that_is_no_number_is_not_cheap(cost):
    wanted = [CASE | {"observed": {"value": 1.0, "cost.copies": 2}}]
    difference = compare([CASE | {"observed": {"value": 1.0, "cost.copies": cost}}], wanted)
    assert difference is not None
    assert not difference.cost


def test_of_what_is_long_the_beginning_is_shown():
    assert shown([1] * 40) == f"({', '.join('1' * 40)})"
    assert shown(list(range(10**6))).endswith("18, 19, ... 999,980 more)")
    assert len(shown("x" * 10**5)) < 500


def test_what_is_no_file_of_python_is_said_with_the_line(tmp_path):
    path = tmp_path / "x.py"
    path.write_bytes(b"# -*- coding: latin-1 -*-\nx = '\xe9'\n")
    assert tree(path).body
    path.write_bytes(b"# coding: nonsense\n")
    with pytest.raises(Unreadable, match=r"x\.py: unknown encoding"):
        tree(path)


@LINUX
@pytest.mark.parametrize("kill", [os.kill, os.killpg])
def test_a_check_that_is_killed_leaves_nothing_running(prepared, tmp_path, kill):
    shutil.copytree(prepared / "mine", tmp_path / "mine")
    path = tmp_path / "mine" / PERMUTE.file
    daemon = "import subprocess\nsubprocess.Popen(['sleep', '60'], start_new_session=True)\nwhile True: pass"
    path.write_text(inside(daemon)(path.read_text(encoding="utf-8")), encoding="utf-8")
    own = {"TINYTORCH_CACHE": str(prepared / "cache"), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-P", "-m", "tinytorch_studio", "check", PERMUTE.id]
    settings = os.environ | {"PYTHONPATH": str(SOURCE)} | own
    quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    killed = subprocess.Popen(command, cwd=tmp_path / "mine", env=settings, start_new_session=True, **quiet)
    until(
        lambda: len(alive(tmp_path)) == 4
    )  # the check, the warden, the learner's code, and what that started
    kill(killed.pid, signal.SIGKILL)
    killed.wait()
    until(lambda: alive(tmp_path) == [])
    until(lambda: [each for each in os.listdir(tmp_path) if each.startswith("tt-")] == [])


def until(holds: Any, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)
