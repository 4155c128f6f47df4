"""The launcher `tt`: hands over when all is installed, and says what helps where it cannot install."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WITHOUT_ENSUREPIP = """
import importlib.util, runpy, sys
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *a: None if name == "ensurepip" else find(name, *a)
sys.argv = [sys.argv[1], "status"]
runpy.run_path(sys.argv[0])
"""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-in for the installed command is a script")


@pytest.fixture
def checkout(tmp_path):
    """A folder with the launcher, and an installation that only says what it was called with."""
    shutil.copy(ROOT / "tt", tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    command = tmp_path / ".venv" / "bin" / "tt"
    command.parent.mkdir(parents=True)
    command.write_text('#!/bin/sh\necho "installed: $*"\nexit 3\n', encoding="utf-8")
    command.chmod(0o755)
    shutil.copy(ROOT / "pyproject.toml", tmp_path / ".venv" / "installed-base")
    return tmp_path


def test_it_becomes_the_installed_command_with_its_arguments_and_exit_code(checkout):
    command = [sys.executable, "-S", str(checkout / "tt"), "check", "a b"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout == "installed: check a b\n"
    assert done.returncode == 3


@pytest.mark.parametrize("change", ["other dependencies", "an interrupted installation"])
def test_it_installs_again_where_that_is_needed_and_says_what_is_missing(checkout, change):
    if change == "other dependencies":
        with (checkout / "pyproject.toml").open("a", encoding="utf-8") as file:
            file.write("# changed\n")
    else:
        (checkout / ".venv" / "installed-base").unlink()
    command = [sys.executable, "-c", WITHOUT_ENSUREPIP, str(checkout / "tt")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert f"sudo apt install python3.{sys.version_info[1]}-venv" in done.stderr
    assert "installed:" not in done.stdout
