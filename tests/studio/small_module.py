"""A small module for tests of labs, questions and incidents: one file, one function, and all three really run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tinytorch_studio import course
from tinytorch_studio import folder as folders
from tinytorch_studio.cli import main
from tinytorch_studio.folder import Folder
from tinytorch_studio.process import SOURCE

FILES = {
    "module.toml": """\
title = "Sums"
question = "How are numbers added?"
files = ["sums/total.py"]

[[exercise]]
name = "total"
""",
    "sums/__init__.py": '''\
"""Sums."""

from tinytorch.overlay import overlaid

__path__ = overlaid(__name__, __path__)
''',
    "sums/total.py": '''\
"""A sum."""


def total(values):
    """The sum of some numbers."""
    return sum(values)
''',
    "labs.py": '''\
"""Labs of sums."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from sums.total import total

from tinytorch_course.kit import Lab, Prediction

ROOT = Path(total.__code__.co_filename).parents[1]


def measure_sum():
    return {"sum": total([1, 2, 3]), "zero": 0, "_file": total.__code__.co_filename, "_half": 0.5}


def measure_kept():
    lines = (ROOT / ".tt" / "progress.jsonl").read_text(encoding="utf-8").splitlines()
    return {"lines": sum("predictions" in json.loads(line) for line in lines)}


def measure_slow():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    port = int((ROOT / "port").read_text(encoding="utf-8"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(f"{os.getpid()} {child.pid}".encode(), ("127.0.0.1", port))
    time.sleep(600)


SUM = Lab(
    name="sum",
    title="How much is a sum?",
    text="Adds `1`, *2* and 3.",
    predictions=(Prediction("sum", "bytes of the sum", "MiB"), Prediction("zero", "what is left", "numbers")),
    measure=measure_sum,
    explain="Why six?",
    answer="Because that is **the sum**.",
)
ONE = (Prediction("lines", "lines"),)
KEPT = Lab(name="kept", title="Kept", text="x", predictions=ONE, measure=measure_kept, explain="x", answer="x")
SLOW = Lab(name="slow", title="Slow", text="x", predictions=ONE, measure=measure_slow, explain="x", answer="x")
LABS = [SUM, KEPT, SLOW]
''',
    "questions.py": '''\
"""Questions about sums."""

import random

import numpy as np
from sums.total import total

from tinytorch_course.kit import Question


def pair(rng: random.Random) -> Question:
    a, b = rng.randint(1, 99), rng.randint(100, 199)
    answers = {"pair": (a, b), "sum": np.int64(total([a, b]))}
    return Question(prompt=f"`a = {a}`, `b = {b}`", answers=answers, explain=f"They are {a} and {b}.")


def kinds(rng: random.Random) -> Question:
    answers = {"odd": True, "share": 1 / 3, "shape": None, "level": "layout"}
    return Question(prompt="?", answers=answers, explain="So.", choices={"level": ("data", "layout")})


def _helper(rng: random.Random) -> Question:
    raise AssertionError("a helper is not a question")


def own_code(rng: random.Random, own: dict[str, str]) -> Question:
    names = {"sum": sum}
    exec(own.get("total", "def total(values): return 0"), names)
    return Question(prompt=own.get("total", "none"), answers={"it": names["total"]([4, 5])}, explain="It ran.")
''',
    "incident.py": '''\
"""The incident of sums."""

from tinytorch_course.kit import Incident

PROGRAM = """\\
from sums.total import total

values = [1.5, 2.5, 3.5]
mean = total(values) / 2
print("mean", mean)
"""


def observe(names):
    return {"mean": names["mean"], "values": names["values"]}


INCIDENT = Incident(
    title="A mean that is too large",
    story="Somebody saw a *mean*.",
    program=PROGRAM,
    level="kernel",
    line="mean = total(values) / 2",
    repair="mean = total(values) / len(values)",
    observe=observe,
    explain="Divide by `len(values)`.",
)
''',
}
STUB = '    raise NotImplementedError("42.total.total is yours to write")\n'


def write_module(root: Path, leave_out: tuple[str, ...] = ()) -> course.Module:
    """The module on disk."""
    for name, text in FILES.items():
        if name not in leave_out:
            path = root / "42_sums" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return course.read_module(root / "42_sums")


def enter(monkeypatch, tmp_path: Path, leave_out: tuple[str, ...] = ()) -> Folder:
    """A learner's folder in which this is the only module there is; the working directory from now on."""
    module = write_module(tmp_path / "modules", leave_out)
    monkeypatch.setattr(course, "modules", lambda: (module,))
    monkeypatch.setattr(folders, "modules", lambda: (module,))
    monkeypatch.setenv("TINYTORCH_CACHE", str(tmp_path / "cache"))
    mine = Folder.create(tmp_path / "mine")
    mine.begin(module)
    monkeypatch.chdir(mine.root)
    return mine


def write(folder: Folder, body: str) -> None:
    """Write the body of the one function."""
    path = folder.root / "sums" / "total.py"
    text = path.read_text(encoding="utf-8")
    assert STUB in text
    path.write_text(text.replace(STUB, body), encoding="utf-8")


def tt(*words: str, input: str = ""):
    """A command, with what is typed; then the input ends."""
    from click.testing import CliRunner

    return CliRunner().invoke(main, words, input=input, catch_exceptions=False)


ALONE = """
import sys
from pathlib import Path
from tinytorch_studio import cli, course, folder
module = course.read_module(Path(sys.argv[1]))
course.modules = folder.modules = lambda: (module,)
cli.main(sys.argv[2:], prog_name="tt")
"""


def start(folder: Folder, *words: str) -> subprocess.Popen[str]:
    """The same command in a process of its own."""
    module = folder.root.parent / "modules" / "42_sums"
    command = [sys.executable, "-c", ALONE, str(module), *words]
    pipe = subprocess.PIPE
    settings = os.environ | {"PYTHONPATH": str(SOURCE)}  # as in a fresh shell, wherever this runs
    return subprocess.Popen(
        command, cwd=folder.root, env=settings, stdin=pipe, stdout=pipe, stderr=pipe, text=True
    )
