"""Blame: the smallest set of functions that makes a program fail."""

import random

import pytest
from click.testing import CliRunner

from tinytorch_studio.blame import Suspect, smallest, suspects
from tinytorch_studio.cli import main
from tinytorch_studio.course import find
from tinytorch_studio.folder import Folder
from tinytorch_studio.starters import put

MODULE, EXERCISES = find("01")
PROGRAM = """
import tinytorch as tt
x = tt.arange(12).reshape(3, 4)
assert x.mT.tolist() == [list(row) for row in zip(*x.tolist())], "turned wrongly"
"""
RIGHT = "def f(self, axes):\n    return Layout(tuple(self.shape[a] for a in axes), tuple(self.strides[a] for a in axes), self.offset)"
WRONG = "def f(self, axes):\n    return Layout(tuple(self.shape[a] for a in axes), self.strides, self.offset)"
STRIDES = "def f(shape):\n    made = [1]\n    for n in shape[:0:-1]:\n        made.insert(0, made[0] * n)\n    return tuple(made[:len(shape)])"


@pytest.fixture
def folder(tmp_path):
    mine = Folder.create(tmp_path / "mine")
    mine.begin(MODULE)
    (mine.root / "program.py").write_text(PROGRAM, encoding="utf-8")
    return mine


def write(folder, **functions):
    path = folder.root / "tinytorch" / "layout.py"
    for name, definition in functions.items():
        dotted = name if name == "contiguous_strides" else f"Layout.{name}"
        path.write_text(put(path.read_text(encoding="utf-8"), dotted, definition), encoding="utf-8")
    return path.read_text(encoding="utf-8")


def blame(folder, monkeypatch, *command):
    monkeypatch.chdir(folder.root)
    return CliRunner().invoke(main, ["blame", *command], catch_exceptions=False)


def test_the_one_function_that_makes_a_program_fail_is_named(folder, monkeypatch):
    text = write(folder, permute=WRONG, contiguous_strides=STRIDES)
    found = blame(folder, monkeypatch, "python", "program.py")
    assert found.exit_code == 1
    assert "because of Layout.permute   (01.layout.permute)" in found.output
    assert "it says    ValueError" in found.output
    assert "contiguous_strides" not in found.output
    assert (folder.root / "tinytorch" / "layout.py").read_text(encoding="utf-8") == text


def test_a_program_that_does_not_fail_blames_nobody(folder, monkeypatch):
    write(folder, permute=RIGHT, contiguous_strides=STRIDES)
    found = blame(folder, monkeypatch, "program.py")
    assert found.exit_code == 0
    assert "does not fail" in found.output


def test_a_program_that_fails_by_itself_is_said_to(folder, monkeypatch):
    write(folder, permute=RIGHT)
    (folder.root / "program.py").write_text("raise SystemExit('my own fault')", encoding="utf-8")
    assert "none of your functions" in blame(folder, monkeypatch, "program.py").output


def test_a_command_that_does_not_exist_and_an_empty_folder_are_refused(folder, monkeypatch):
    assert "nothing here is yours" in blame(folder, monkeypatch, "program.py").output
    write(folder, permute=RIGHT)
    assert blame(folder, monkeypatch, "no-such-command").exit_code == 2


def test_a_milestone_can_be_blamed(folder, monkeypatch):
    write(folder, permute=WRONG, contiguous_strides=STRIDES)
    assert suspects(folder)[0].function == "contiguous_strides"
    found = blame(folder, monkeypatch, "tt", "milestone", "digits")
    assert "because of Layout.permute" in found.output
    assert not (folder.root / "milestones").exists()


@pytest.mark.parametrize("seed", range(20))
def test_the_set_found_fails_and_none_of_it_can_be_left_out(seed):
    rng = random.Random(seed)
    everyone = [Suspect(EXERCISES[i % 9], str(i)) for i in range(12)]
    needed = rng.sample(everyone, rng.randint(1, 4))
    found = smallest(everyone, lambda some: all(each in some for each in needed))
    assert sorted(each.function for each in found) == sorted(each.function for each in needed)
