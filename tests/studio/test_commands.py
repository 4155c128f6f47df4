"""The commands as a learner meets them: what they say, what they note, and what a program gets of them."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from tinytorch_studio import check as checks
from tinytorch_studio.cli import main
from tinytorch_studio.course import CourseError, find
from tinytorch_studio.folder import Folder
from tinytorch_studio.process import SOURCE
from tinytorch_studio.starters import put

NUMBERS, LAYOUT = "first/tape.py", "tinytorch/layout.py"
ADD = "def f(self, other):\n    return Number(self.value + other.value, ((self, 1.0), (other, 1.0)))"
OWN_FACTOR = "def f(self, other):\n    return Number(self.value * other.value, ((self, self.value), (other, other.value)))"
MUL = "def f(self, other):\n    return Number(self.value * other.value, ((self, other.value), (other, self.value)))"
BACKWARD = """def f(self):
    self.grad = 1.0
    for number in reversed(TAPE):
        for source, slope in number.inputs:
            source.grad += number.grad * slope
"""
BROKEN = "def broken(:\n"
SETTINGS = os.environ | {"PYTHONPATH": str(SOURCE), "PYTHONUNBUFFERED": "1", "OPENBLAS_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def folder(tmp_path, monkeypatch, cache):
    monkeypatch.setenv("TINYTORCH_CACHE", str(cache))
    monkeypatch.setattr("tinytorch_studio.commands.begin.observe_ahead", lambda module: None)
    mine = Folder.create(tmp_path / "mine")
    mine.begin(find("00")[0])
    monkeypatch.chdir(mine.root)
    return mine


def tt(*words):
    return CliRunner().invoke(main, words, catch_exceptions=False)


def write(folder, name, definition, file=NUMBERS):
    path = folder.root / file
    path.write_text(put(path.read_text(encoding="utf-8"), name, definition), encoding="utf-8")


def told(*words):
    return json.loads(tt(*words, "--json").output)


# what is where, and whose


def test_a_first_folder_gets_lines_that_can_be_copied(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tinytorch_studio.commands.begin.observe_ahead", lambda module: None)
    monkeypatch.setattr("shutil.which", lambda name: None)
    said = tt("start", "my törch").output
    (line,) = [each for each in said.splitlines() if each.startswith("now ")]
    assert shlex.split(line)[1:] == ["cd", "my törch"]
    assert f"python     {sys.executable}" in said
    assert "tt start my-torch" in tt("start").output


def test_one_folder_cannot_lie_inside_another(folder):
    run = tt("start", "inner")
    assert run.exit_code == 1
    assert "yours already" in run.output
    assert not (folder.root / "inner").exists()


def test_the_status_tells_in_a_line_how_far_each_module_is_and_shows_the_current_one(folder):
    write(folder, "Number.__add__", ADD)
    said = tt("status").output
    assert re.search(r"^00 The first evening +1 of 5 +0 of 5 +0 of 8 +0 of 1$", said, re.MULTILINE)
    assert "01 Memory               not begun: the reference's   (tt next 01)" in said
    assert re.search(r"Number.__add__ +yours +not checked yet\n", said)
    tt("check", "add")
    write(folder, "Number.__mul__", OWN_FACTOR)
    tt("check", "mul")
    said = tt("status").output
    assert re.search(r"Number.__add__ +yours +built\n", said)
    assert re.search(r"Number.__mul__ +yours +wrong\n", said)
    assert all(len(line) <= 80 for line in said.splitlines())
    assert "Layout.permute" in tt("next", "permute").output
    assert "Number.__add__" not in tt("status").output
    assert "Number.__add__" in tt("status", "00").output
    assert "Number.__add__" in tt("status", "--all").output


def test_what_was_built_and_is_wrong_now_is_not_called_built_and_comes_back(folder):
    for name, body in (("Number.__add__", ADD), ("Number.__mul__", MUL)):
        write(folder, name, body)
        tt("check", name)
    assert told("status")["modules"][0]["built"] == {"done": 2, "of": 5}
    write(folder, "Number.__add__", "def f(self, other):\n    return self")
    tt("check", "add")
    tt("next", "tanh")
    assert told("status")["modules"][0]["built"] == {"done": 1, "of": 5}
    write(folder, "Number.__add__", ADD)
    tt("check", "add")
    assert told("status")["modules"][0]["built"] == {"done": 2, "of": 5}


def test_a_file_that_is_no_python_or_gone_is_said_once_with_its_line(folder):
    (folder.root / NUMBERS).write_text("x = 1\n" + BROKEN, encoding="utf-8")
    said = tt("status").output
    assert f"{NUMBERS}: none of it runs: tape.py, line 2: " in said
    assert "mend       tape.py, line 2: " in said
    assert "--traceback" not in tt("check", "add").output  # Python has no more to say than the message
    tt("undo")
    write(folder, "Number.__add__", ADD)
    mine = (folder.root / NUMBERS).read_text(encoding="utf-8")
    tt("check", "add")
    (folder.root / NUMBERS).unlink()
    said = tt("status").output
    assert "tt undo brings it back" in said
    tt("undo")
    assert (folder.root / NUMBERS).read_text(encoding="utf-8") == mine
    (folder.root / NUMBERS).unlink()
    assert "tt undo brings back what you had" in tt("next", "add").output
    tt("undo")
    assert (folder.root / NUMBERS).read_text(encoding="utf-8") == mine


def test_a_package_of_ones_own_that_hides_the_framework_is_pointed_out(folder):
    stranger = folder.root / "first" / "__init__.py"
    stranger.touch()
    assert "first/__init__.py hides the framework" in tt("status").output
    run = tt("doctor")
    assert run.exit_code == 1
    assert f"rm {stranger}" in run.output
    stranger.unlink()
    assert tt("doctor").exit_code == 0


def test_the_list_names_the_exercises_of_a_module_and_fits(folder):
    assert all(len(line) <= 80 for line in tt("list").output.splitlines())
    assert "    01.layout.permute             Layout.permute" in tt("list", "memory").output


# check


def test_a_module_is_judged_line_by_line_with_one_message_below(folder):
    write(folder, "Number.__add__", ADD)
    write(folder, "Number.__mul__", OWN_FACTOR)
    run = tt("check", "00")
    assert run.exit_code == 1
    assert re.search(r"number.add +right\n.*mul +wrong\n.*tanh +not started\n", run.output)
    assert run.output.count("likely") == 1


def test_what_is_right_alone_says_so_and_names_what_was_wrong_at_its_last_check(folder):
    write(folder, "Number.__mul__", OWN_FACTOR)
    write(folder, "Number.backward", BACKWARD)
    tt("check", "mul")
    said = tt("check", "number.backward").output
    assert "alone      it is right" in said
    assert "Number.__mul__ was not right at its last check:" in said
    assert "tt check 00.number.mul\n" in said
    assert re.search(r"Number.backward +yours +wrong with your other functions\n", tt("status", "00").output)
    assert "perhaps" not in tt("check", "mul").output


def test_what_check_advises_where_others_are_at_fault_finds_the_one(folder):
    write(folder, "Number.__add__", ADD)
    write(folder, "Number.__mul__", OWN_FACTOR)
    write(folder, "Number.backward", BACKWARD)
    (advice,) = re.findall(
        r"^next +tt (blame tt check \S+)", tt("check", "number.backward").output, re.MULTILINE
    )
    for words in (advice.split(), ["blame", "tt", "check"]):
        run = tt(*words)
        assert run.exit_code == 1
        assert "because of Number.__mul__   (00.number.mul)" in run.output
        assert re.search(r"^run 1 +2 of 2 functions yours: fails", run.output, re.MULTILINE)
    assert "look in the functions that it checks" in tt("blame", "tt", "check", "mul").output


def test_a_failing_case_runs_as_it_is_printed(folder):
    tt("next", "Mul.grad")
    wrong = "def grad(self, g, out, x, y):\n    return g * x, g * y"
    write(folder, "Mul.grad", wrong, "tinytorch/ops/elementwise.py")
    lines = tt("repro").output
    assert lines.startswith("import tinytorch as tt\n")
    assert "# yours" in lines
    case = folder.root / "case.py"
    case.write_text(lines, encoding="utf-8")
    assert subprocess.run([sys.executable, "case.py"], env=SETTINGS, capture_output=True).returncode == 0
    assert "there is no failing case of Div.grad: it is not started yet" in tt("repro", "Div.grad").output


def test_show_takes_a_word_as_check_does(folder):
    assert "Number.__add__: the first case" in tt("show", "add").output
    assert "02.loops.reduce, 02.cpu.reduce" in tt("show", "reduce").output
    assert "did you mean 01.layout.permute" in tt("show", "permut").output


def test_why_explains_the_mistake_of_the_module_that_one_is_in(folder):
    assert tt("why").exit_code == 2
    write(folder, "Number.__mul__", OWN_FACTOR)
    tt("check", "mul")
    assert tt("why").output.startswith("Number.__mul__: ")
    assert tt("why", "own-factor").output.startswith("Number.__mul__: ")
    tt("next", "Mul.grad")
    assert tt("why", "own-factor").output.startswith("Mul.grad: ")
    assert "did you mean own-factor" in tt("why", "own-facto").output


def test_a_fault_of_the_course_is_said_to_be_none_of_the_learners(folder, monkeypatch):
    def broken(*arguments):
        raise CourseError("probes.py: it does not run")

    monkeypatch.setattr(checks, "check", broken)
    run = tt("check", "add")
    assert run.exit_code == 1
    assert "a fault of the course, and not yours" in run.output


# for programs


def test_json_is_one_object_with_the_same_exit_code(folder):
    write(folder, "Number.__mul__", OWN_FACTOR)
    run = tt("check", "00", "--json")
    found = json.loads(run.output)
    assert (run.exit_code, found["passed"]) == (1, False)
    wrong = found["exercises"][1]
    assert {
        "id": "00.number.mul",
        "file": NUMBERS,
        "status": "wrong",
        "mistake": "own-factor",
    }.items() <= wrong.items()
    text = (folder.root / NUMBERS).read_text(encoding="utf-8").splitlines()
    assert "self.value * other.value" in text[wrong["line"] - 1]
    assert wrong["message"][0] == "Number.__mul__ gives the wrong slopes   (00.number.mul)"
    assert not any("\n" in line for line in wrong["message"])
    assert told("next")["id"] == told("status")["current"] == "00.number.add"
    assert told("next", "mul")["line"] == wrong["line"]
    assert [each["number"] for each in told("list")["modules"]] == [
        m["number"] for m in told("status")["modules"]
    ]
    assert told("list", "00")["modules"][0]["exercises"][0]["id"] == "00.number.add"
    assert told("history")["states"][-1]["changed"] == [NUMBERS]
    assert told("doctor")["ok"] is True


# what is kept


def test_undo_says_of_when_the_state_is_and_history_what_changed(folder):
    write(folder, "Number.__add__", ADD)
    tt("check", "add")
    said = tt("undo").output
    assert re.fullmatch(rf"restored   {NUMBERS}\nas of      [\d-]+ [\d:]+   \(module 00\)\n", said)
    assert re.search(rf"check +{NUMBERS}\n.*undo +{NUMBERS}\n$", tt("history").output)
    for n in range(25):
        write(folder, "Number.__add__", f"def f(self, other):\n    return {n}")
        folder.snapshots.keep("check")
    assert tt("history").output.startswith("9 earlier ones: tt history --all\n")
    assert tt("history", "--all").output.count("\n") == 29


def test_nothing_to_show_is_said(folder):
    assert "nothing differs" in tt("diff").output
    assert "nothing differs" in tt("diff", "tape.py", "--starter").output
    assert tt("diff", "ape.py").exit_code == 2
    run = tt("reset", "05")
    assert run.exit_code == 1
    assert "not begun" in run.output


def test_an_exercise_that_was_emptied_is_the_next_one_again(folder):
    write(folder, "Number.__add__", ADD)
    tt("check", "add")
    assert told("next")["id"] == "00.number.mul"
    tt("reset", "add")
    assert told("next")["id"] == "00.number.add"
    assert told("status")["modules"][0]["built"]["done"] == 0


# programs


def test_a_programs_own_error_begins_in_the_program_and_its_words_are_its_own(folder):
    (folder.root / "sub").mkdir()
    (folder.root / "sub" / "near.py").write_text("WORD = 'near'\n", encoding="utf-8")
    program = folder.root / "sub" / "program.py"
    program.write_text(
        "import sys, near\nprint(near.WORD, sys.argv[1:])\nraise KeyError('mine')\n", encoding="utf-8"
    )
    command = [sys.executable, "-P", "-m", "tinytorch_studio", "run", "sub/program.py", "--help", "--json"]
    run = subprocess.run(command, env=SETTINGS, capture_output=True, text=True)
    assert run.stdout == "near ['--help', '--json']\n"
    first, second = run.stderr.splitlines()[:2]
    assert (first, second.split(",")[0]) == ("Traceback (most recent call last):", f'  File "{program}"')
    assert run.returncode == 1


def test_milestones_are_listed_with_how_far_they_are_and_noted(folder):
    assert re.search(r"1969  xor .*\n.*target 1.0, not run yet", tt("milestone").output)
    found = told("milestone", "xor")
    assert found["reached"] is True
    assert {"curves.svg", "model.safetensors"} <= set(found["kept"])
    kept = json.loads((folder.root / "milestones" / "xor" / "result.json").read_text(encoding="utf-8"))
    assert kept["seconds"] == found["seconds"] > 0
    assert "1 of 1.0, reached" in tt("milestone").output
    assert told("status")["milestones"] == [{"name": "xor", "figure": 1.0, "reached": True}]
    names = [each["name"] for each in told("milestone")["milestones"]]
    assert names == ["perceptron", "xor", "digits", "names", "lenet", "mnist", "resnet", "gpt", "sorter"]
    assert tt("milestone", "lenet-7").exit_code == 2


def test_a_milestone_that_breaks_says_where_and_what_to_do(folder, capfd):
    tt("next", "permute")
    write(folder, "Layout.permute", "def f(self, axes):\n    return self.nothing", LAYOUT)
    run = tt("milestone", "xor")
    assert run.exit_code == 1
    assert "next       tt blame tt milestone xor" in run.output
    heard = capfd.readouterr()
    assert "Traceback" not in heard.out + heard.err
    assert "layout.py, line " in heard.out
    found = told("milestone", "xor")
    assert (found["reached"], found["figure"]) == (False, None)
    assert "AttributeError" in found["error"]


# watch


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGINT to a process")
def test_watch_judges_what_changed_however_an_editor_saves_and_ends_calmly(folder, tmp_path):
    said, path = tmp_path / "said", folder.root / NUMBERS
    with said.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "tinytorch_studio", "watch"], env=SETTINGS, stdout=sink, stderr=sink
        )
        try:
            wait(said, "write      Number.__add__")
            time.sleep(0.5)
            text = put(path.read_text(encoding="utf-8"), "Number.__mul__", MUL)
            beside = path.with_name(".tape.py.swp")
            beside.write_text(text, encoding="utf-8")
            os.replace(beside, path)  # as editors do that never leave half a file
            wait(said, "00.number.mul                right")
            path.write_text(text + BROKEN, encoding="utf-8")
            wait(said, "invalid syntax")
            path.rename(path.with_name("tape.py~"))  # as vim does
            path.write_text(put(text, "Number.__add__", ADD), encoding="utf-8")
            wait(said, "00.number.add                right")
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 0
        finally:
            process.kill()
    heard = said.read_text(encoding="utf-8")
    assert re.search(rf"^--- \d\d:\d\d:\d\d  {NUMBERS} -+$", heard, re.MULTILINE)
    assert heard.endswith("\nended\n")
    assert "Traceback" not in heard


def wait(path: Path, words: str, seconds: float = 40.0) -> None:
    until = time.monotonic() + seconds
    while words not in path.read_text(encoding="utf-8"):
        assert time.monotonic() < until, path.read_text(encoding="utf-8")
        time.sleep(0.1)
