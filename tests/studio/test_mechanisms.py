"""Starters, snapshots, hostile code, and the commands, on module 01."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import time
from itertools import pairwise

import pytest
from click.testing import CliRunner

import tinytorch.overlay as framework
from tinytorch_studio import check as checks
from tinytorch_studio import diagnosis
from tinytorch_studio import folder as studio
from tinytorch_studio.cli import main
from tinytorch_studio.course import find
from tinytorch_studio.folder import Folder, FolderError
from tinytorch_studio.hearing import Heard
from tinytorch_studio.process import SOURCE
from tinytorch_studio.snapshots import Snapshots, append, entries, write_whole
from tinytorch_studio.starters import empty, fill

ENVIRONMENT = os.environ | {"PYTHONPATH": str(SOURCE)}  # as in a fresh shell, wherever this runs
MODULE, (PERMUTE,) = find("01.layout.permute")
STUB = '        raise NotImplementedError("01.layout.permute is yours to write")\n'
RIGHT = (
    "        pairs = [(self.shape[axis], self.strides[axis]) for axis in axes]\n"
    "        return Layout(tuple(n for n, _ in pairs), tuple(s for _, s in pairs), self.offset)\n"
)
MISTAKEN = "        return Layout(tuple(self.shape[a] for a in axes), self.strides, self.offset)\n"


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYTORCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def folder(tmp_path):
    mine = Folder.create(tmp_path / "mine")
    mine.begin(MODULE)
    return mine


def write(folder, body, old=STUB):
    path = folder.root / "tinytorch" / "layout.py"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, body), encoding="utf-8")


SOURCES = [
    "def f(x):\n    return x\n",
    "def f(x): return x\n",
    'class A:\n    """Doc."""\n\n    @property\n    def f(self):\n        """What."""\n        # why\n        return 1  # one\n\n    x = 2\n',
    "def f(x):\r\n    y = x\r\n\r\n    return y  # end\r\n",
    "async def g():\n    pass\n\n\ndef f(x):\n    def f(y):\n        return y\n\n    return f(x)\n# tail\n",
]


@pytest.mark.parametrize("source", SOURCES)
def test_a_starter_filled_again_is_the_source_byte_for_byte(source):
    name = "A.f" if "class A" in source else "f"
    starter = empty(source, {name: "01.x.f"})
    assert "01.x.f is yours to write" in starter
    assert fill(starter, source, [name]) == source


def test_a_misspelt_function_is_an_error_that_names_it():
    with pytest.raises(LookupError, match="permuet"):
        empty("def permute():\n    pass\n", {"permuet": "01.x"})


def test_the_right_answer_passes_and_the_rest_of_the_file_runs_as_the_reference(folder):
    write(folder, RIGHT)
    assert checks.check(folder, MODULE, PERMUTE).status == checks.RIGHT
    code = "import tinytorch as tt; print(tt.arange(6).reshape(2, 3).mT.stride())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder.root, env=ENVIRONMENT, capture_output=True, text=True
    )
    assert done.stdout.strip() == "(1, 3)", done.stderr


def test_a_mistake_is_diagnosed_as_itself(folder):
    write(folder, MISTAKEN)
    verdict = checks.check(folder, MODULE, PERMUTE)
    assert verdict.status == checks.WRONG
    assert verdict.mistake is not None
    assert verdict.mistake.name == "strides-left"


HOSTILE = {
    "an endless loop": "        while True: pass\n",
    "an early exit": "        import os; os._exit(0)\n",
    "sys.exit": "        raise SystemExit(0)\n",
    "deep recursion": "        return self.permute(axes)\n",
    "a patched comparer": "        import numpy as np\n        np.allclose = lambda *a, **k: True\n"
    + MISTAKEN,
    "a print without end": "        print('x' * 10**9)\n        return None\n",
    "memory without end": "        x = bytearray(10**11)\n        return None\n",
    "nothing at all": "",
    "only a comment": "        # later\n",
    "an import that is not there": "        import nothing_of_that_name\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_code_gets_a_verdict_in_bounded_time_and_never_passes(folder, name, monkeypatch):
    monkeypatch.setattr("tinytorch_studio.process.probe.__defaults__", (2.0,))
    write(folder, HOSTILE[name])
    start = time.perf_counter()
    verdict = checks.check(folder, MODULE, PERMUTE)
    assert verdict.status in (checks.WRONG, checks.CANNOT_RUN)
    assert time.perf_counter() - start < 30
    assert PERMUTE.id in diagnosis.message(folder, verdict)[0]


def test_a_syntax_error_is_named_with_its_line(folder):
    write(folder, "        return (\n")
    verdict = checks.check(folder, MODULE, PERMUTE)
    assert verdict.status == checks.CANNOT_RUN
    assert "line" in verdict.reason


def test_a_changed_signature_is_refused_before_anything_runs(folder):
    write(folder, "def permute(self, order)", old="def permute(self, axes: Sequence[int])")
    write(folder, "        return self\n")
    assert "permute takes (self, axes)" in checks.check(folder, MODULE, PERMUTE).reason


def test_undo_goes_back_step_by_step(folder):
    path = folder.root / "tinytorch" / "layout.py"
    states = [path.read_text(encoding="utf-8")]
    for body in (MISTAKEN, RIGHT):
        write(folder, body, old=STUB if body == MISTAKEN else MISTAKEN)
        folder.snapshots.keep("check")
        states.append(path.read_text(encoding="utf-8"))
    folder.snapshots.undo()
    assert path.read_text(encoding="utf-8") == states[1]
    folder.snapshots.undo()
    assert path.read_text(encoding="utf-8") == states[0]


def test_redo_returns_from_where_undo_came_and_a_change_ends_that(folder):
    path = folder.root / "tinytorch" / "layout.py"
    for body, before in ((MISTAKEN, STUB), (RIGHT, MISTAKEN)):
        write(folder, body, old=before)
        folder.snapshots.keep("check")
    for step in ("undo", "undo", "redo", "redo"):
        assert getattr(folder.snapshots, step)() == ["tinytorch/layout.py"]
    assert RIGHT in path.read_text(encoding="utf-8")
    assert folder.snapshots.redo() == []
    folder.snapshots.undo()
    write(folder, STUB, old=MISTAKEN)
    assert folder.snapshots.redo() == []
    assert STUB in path.read_text(encoding="utf-8")


def test_undo_never_removes_a_file_and_keeps_what_was_not_kept_yet(folder):
    path = folder.root / "tinytorch" / "layout.py"
    starter = path.read_text(encoding="utf-8")
    assert folder.snapshots.undo() == []  # the only earlier state is a folder without files
    assert path.exists()
    path.write_text("unsaved = 1\n", encoding="utf-8")
    folder.snapshots.undo()
    assert path.read_text(encoding="utf-8") == starter
    folder.snapshots.redo()
    assert path.read_text(encoding="utf-8") == "unsaved = 1\n"


def test_both_readers_of_starters_agree_on_what_is_unwritten():
    # The studio's own process may not import the framework, so these few lines stand in both.
    bodies = [
        STUB,
        "pass",
        '"""Doc."""\n        ' + STUB.strip(),
        "raise NotImplementedError('other')",
        "x = 1\n" + STUB,
    ]
    for body in bodies:
        (function,) = ast.parse("class A:\n    def f(self):\n        " + body.strip() + "\n").body[0].body
        assert studio.unwritten(function) == framework.unwritten(function), body
    assert studio.UNWRITTEN == framework.UNWRITTEN


def test_the_readme_shows_what_happens(folder, monkeypatch):
    readme = (SOURCE.parent / "README.md").read_text(encoding="utf-8")
    program, printed = re.search(r"```python\n(.*?)```\n\n```text\n(.*?)```", readme, re.DOTALL).groups()
    done = subprocess.run([sys.executable, "-c", program], env=ENVIRONMENT, capture_output=True, text=True)
    assert done.stdout == printed
    shown = re.search(r"```console\n\$ tt check 00.number.mul\n(.*?)```", readme, re.DOTALL).group(1)
    first = find("00")[0]
    folder.begin(first)
    body = "".join(line + "\n" for line in re.findall(r"^ +\d+ \| (.*)$", shown, re.MULTILINE))
    path = folder.root / "first" / "tape.py"
    stub = STUB.replace("01.layout.permute", "00.number.mul")
    path.write_text(path.read_text(encoding="utf-8").replace(stub, body), encoding="utf-8")
    monkeypatch.chdir(folder.root)
    run = CliRunner().invoke(main, ["check", "00.number.mul"], catch_exceptions=False)
    assert run.output.strip() == shown.strip()
    assert "own-factor" in shown


def test_the_network_of_the_first_evening_runs_on_the_learners_numbers(tmp_path):
    folder = Folder.create(tmp_path / "mine")
    folder.begin(find("00")[0])
    path = folder.root / "first" / "tape.py"
    wrong = "        return Number(self.value + other.value, ((self, 1.0), (other, 1.0)))\n"
    stub = STUB.replace("01.layout.permute", "00.number.add")
    path.write_text(path.read_text(encoding="utf-8").replace(stub, wrong), encoding="utf-8")
    command = [sys.executable, "-m", "tinytorch_studio", "run", "00"]
    done = subprocess.run(command, cwd=folder.root, env=ENVIRONMENT, capture_output=True, text=True)
    assert "40 of 40 dots" in done.stdout, done.stderr
    assert re.search(r"[\d,]+  Number.__add__\n", done.stdout)
    assert not re.search(r"[\d,]+  Number.__mul__\n", done.stdout)
    assert "the reference's: Number.__mul__, Number.tanh" in done.stdout


def test_a_torn_line_of_the_journal_is_passed_over(tmp_path):
    journal = tmp_path / "journal"
    append(journal, {"what": "a", "id": "1"})
    with journal.open("ab") as file:
        file.write(b'{"torn')
    append(journal, {"what": "a", "id": "2"})
    assert [each["id"] for each in entries(journal)] == ["1", "2"]


def test_a_strangers_folder_is_refused(tmp_path):
    (tmp_path / "something").write_text("x", encoding="utf-8")
    with pytest.raises(FolderError, match="not empty"):
        Folder.create(tmp_path)
    assert not Snapshots(tmp_path).journal.exists()


def test_the_commands_of_a_first_hour(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = CliRunner()

    def tt(*words):
        return run.invoke(main, words, catch_exceptions=False)

    monkeypatch.setattr("tinytorch_studio.commands.begin.observe_ahead", lambda module: None)
    assert "tt start my-torch" in tt("check").output
    assert "tt start my-torch" in tt().output
    monkeypatch.setattr("shutil.which", lambda name: None)
    started = tt("start", "my-torch")
    assert started.exit_code == 0
    assert "tt=" in started.output
    monkeypatch.chdir(tmp_path / "my-torch")
    assert "tinytorch/layout.py" in tt("next", "01.layout.permute").output
    first = tt("check", "01.layout.permute")
    assert first.exit_code == 1
    assert "not started" in first.output
    folder = Folder(tmp_path / "my-torch")
    write(folder, MISTAKEN)
    wrong = tt("check", "01.layout.permute")
    assert wrong.exit_code == 1
    for part in ("wrong cells", "likely", "strides-left", "Layout.contiguous((2, 3)).permute((1, 0))"):
        assert part in wrong.output
    assert all(len(line) <= 160 for line in wrong.output.splitlines())
    assert "tt hint --example" not in tt("check").output
    assert "tt hint --example" in tt("check").output  # the third time
    assert "worked example" in tt("hint", "--example").output
    assert "hint 1 of 3" in tt("hint", "01.layout.permute").output
    assert "strides" in tt("why", "strides-left").output
    lines = tt("repro", "01.layout.permute").output
    done = subprocess.run(
        [sys.executable, "-c", lines], cwd=folder.root, env=ENVIRONMENT, capture_output=True, text=True
    )
    assert "Layout(shape=(3, 2), strides=(3, 1), offset=0)" in done.stdout
    write(folder, RIGHT, old=MISTAKEN)
    found = json.loads(tt("check", "01.layout.permute", "--json").output)
    assert found["passed"] and found["exercises"][0]["status"] == "right"
    for words in (("status",), ()):
        assert re.search(r"Layout.permute +yours +built\n", tt(*words).output)
    assert re.search(r"Layout.expand +reference's\n", tt("status").output)
    assert "next       contiguous_strides" in tt("check", "01.layout.permute").output  # it was jumped over
    assert "restored" in tt("undo").output
    assert "check" in tt("history").output
    assert tt("check", "no-such-thing").exit_code == 2


def test_the_milestone_runs_on_the_learners_file_and_fails_with_a_wrong_stride(folder, monkeypatch):
    monkeypatch.chdir(folder.root)
    write(folder, RIGHT)
    run = CliRunner()
    right = run.invoke(main, ["milestone", "digits"])
    assert right.exit_code == 0, right.output
    assert "yours      01 Memory: strides and views: Layout.permute\n" in right.output
    kept = {path.name for path in (folder.root / "milestones" / "digits").iterdir()}
    assert kept == {"model.safetensors", "result.json", "curves.svg", "curves.png"}
    write(folder, MISTAKEN, old=RIGHT)
    assert run.invoke(main, ["milestone", "digits"]).exit_code == 1


def test_an_exercise_is_judged_alone_and_then_with_what_else_is_the_learners(folder):
    # `view` is right; the strides that it is built on are not. Alone the reference's strides are used.
    view, strides = find("01.layout.view"), find("01.layout.contiguous_strides")
    answer = "        return Layout(shape, contiguous_strides(shape), self.offset) if prod(shape) == self.size and ("
    answer += "self.is_contiguous()) else self.regroup(shape) if prod(shape) == self.size else broadcast_shapes((2,), (3,))\n"
    write(folder, answer, old=STUB.replace("permute", "view"))
    assert checks.check(folder, MODULE, view[1][0]).status == checks.RIGHT
    stub = STUB.replace("permute", "contiguous_strides")[4:]
    write(folder, "    return tuple(prod(shape[:axis]) for axis in range(len(shape)))\n", old=stub)
    verdict = checks.check(folder, MODULE, view[1][0])
    assert verdict.status == checks.WRONG
    assert verdict.together
    assert checks.check(folder, MODULE, strides[1][0]).mistake.name == "column-order"


def test_answers_without_a_proper_end_are_not_a_pass(folder, monkeypatch):
    write(folder, RIGHT)
    cases = checks.run_reference(MODULE, PERMUTE)
    monkeypatch.setattr(
        checks, "probe", lambda *_: Heard(cases=cases, imported=True, ending="it ended early")
    )
    verdict = checks.check(folder, MODULE, PERMUTE)
    assert (verdict.status, verdict.reason) == (checks.CANNOT_RUN, "it ended early")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds a process's memory this way")
def test_memory_is_bounded(folder):
    write(
        folder, "        x = bytearray(6 * 2**30)\n        return None\n"
    )  # a machine may have that, a learner not
    difference = checks.check(folder, MODULE, PERMUTE).difference
    assert difference.case["observed"] == {"error": "MemoryError"}


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch):
    target = tmp_path / "file.py"
    write_whole(target, b"old")

    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="no space"):
        write_whole(target, b"new")
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_that_cannot_be_written_is_said_in_one_line(folder, monkeypatch):
    monkeypatch.chdir(folder.root)

    def full(*_):
        raise OSError(28, "No space left on device")

    write(folder, RIGHT)
    monkeypatch.setattr("os.fsync", full)
    run = CliRunner().invoke(main, ["check", "01.layout.permute"], catch_exceptions=False)
    assert run.exit_code == 1
    assert run.output.splitlines()[-1].startswith("Error: No space left on device")
    monkeypatch.undo()
    assert RIGHT in (folder.root / "tinytorch" / "layout.py").read_text(encoding="utf-8")


KEEPER = """
import sys
from pathlib import Path
from tinytorch_studio.snapshots import Snapshots
root = Path(sys.argv[1])
for i in range(20):
    (root / f"{sys.argv[2]}.py").write_text(f"x = {i}\\n", encoding="utf-8")
    Snapshots(root).keep(f"{sys.argv[2]} {i}")
"""


def test_two_commands_at_once_keep_every_state_of_both(tmp_path):
    command = [sys.executable, "-c", KEEPER, str(tmp_path)]
    both = [subprocess.Popen([*command, name], env=ENVIRONMENT) for name in ("a", "b")]
    assert [each.wait(60) for each in both] == [0, 0]
    past = entries(Snapshots(tmp_path).journal)
    assert all(before["files"] != after["files"] for before, after in pairwise(past))
    last = past[-1]["files"]
    assert set(last) == {"a.py", "b.py"}
    for digest in last.values():
        assert (tmp_path / ".tt" / "objects" / digest[:2] / digest).read_bytes() == b"x = 19\n"
