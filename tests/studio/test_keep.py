"""`tt diff`, `tt reset`, `tt watch` and `tt doctor`."""

import os
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from tinytorch_studio.cli import main
from tinytorch_studio.course import find
from tinytorch_studio.folder import Folder
from tinytorch_studio.process import SOURCE
from tinytorch_studio.starters import put

MODULE, EXERCISES = find("01")
STRIDES = "def f(shape):\n    return tuple(prod(shape[i + 1:]) for i in range(len(shape)))"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYTORCH_CACHE", str(tmp_path / "cache"))
    mine = Folder.create(tmp_path / "mine")
    mine.begin(MODULE)
    monkeypatch.chdir(mine.root)
    return mine


def tt(*words):
    return CliRunner().invoke(main, words, catch_exceptions=False)


def layout(folder):
    return folder.root / "tinytorch" / "layout.py"


def write(folder, definition=STRIDES):
    path = layout(folder)
    path.write_text(put(path.read_text(encoding="utf-8"), "contiguous_strides", definition), encoding="utf-8")


def test_diff_shows_what_changed_since_the_last_state_and_since_the_starter(folder):
    write(folder)
    added = "+    return tuple(prod(shape[i + 1:]) for i in range(len(shape)))"
    assert added in tt("diff").output
    tt("check", "01.layout.contiguous_strides")
    assert added in tt("diff").output  # the last state that is another one
    write(folder, "def f(shape):\n    return ()")
    assert added.replace("+", "-", 1) in tt("diff", "layout.py").output
    assert "+    return ()" in tt("diff", "--starter").output
    assert tt("diff", "nothing.py").exit_code == 2


def test_reset_gives_an_exercise_back_as_it_was_and_undo_takes_that_back(folder):
    starter = layout(folder).read_text(encoding="utf-8")
    write(folder)
    written = layout(folder).read_text(encoding="utf-8")
    assert "emptied" in tt("reset", "01.layout.contiguous_strides").output
    assert layout(folder).read_text(encoding="utf-8") == starter
    tt("undo")
    assert layout(folder).read_text(encoding="utf-8") == written


def test_a_file_that_cannot_be_read_is_reset_only_as_a_whole(folder):
    starter = layout(folder).read_text(encoding="utf-8")
    layout(folder).write_text("def broken(:\n", encoding="utf-8")
    assert "gives the whole file again" in tt("reset", "01.layout.permute").output
    assert layout(folder).read_text(encoding="utf-8") == "def broken(:\n"
    tt("reset", "01")
    assert layout(folder).read_text(encoding="utf-8") == starter
    tt("undo")
    assert layout(folder).read_text(encoding="utf-8") == "def broken(:\n"


def test_doctor_says_what_is_there_and_what_to_do_about_what_is_not(folder, monkeypatch):
    well = tt("doctor")
    assert well.exit_code == 0, well.output
    assert "ok         numpy" in well.output
    monkeypatch.setattr(
        "tinytorch_studio.commands.doctor.requires", lambda name: ["numpy>=2", "no-such-package>=1"]
    )
    ill = tt("doctor")
    assert ill.exit_code == 1
    assert "missing    no-such-package" in ill.output
    assert "-m pip install no-such-package" in ill.output


def test_watch_judges_each_time_a_file_is_saved(folder, tmp_path):
    tt("next", "01.layout.contiguous_strides")
    said = tmp_path / "said"
    settings = os.environ | {"PYTHONPATH": str(SOURCE), "PYTHONUNBUFFERED": "1"}
    with said.open("wb") as sink:
        command = [sys.executable, "-m", "tinytorch_studio", "watch"]
        watching = subprocess.Popen(command, env=settings, stdout=sink, stderr=sink)
        try:
            wait_for(said, "not started")
            time.sleep(0.5)  # until the system tells it about changes
            write(folder)
            wait_for(said, "01.layout.contiguous_strides right")
        finally:
            watching.terminate()
            watching.wait(10)


def wait_for(path, words, seconds=20):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if words in path.read_text(encoding="utf-8"):
            return
        time.sleep(0.1)
    raise AssertionError(path.read_text(encoding="utf-8"))
