"""A learner for tests: a folder of their own, functions written into its files, and the commands that judge them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from tinytorch_studio.cli import main
from tinytorch_studio.course import Exercise, Module
from tinytorch_studio.folder import Folder
from tinytorch_studio.process import SOURCE
from tinytorch_studio.starters import put


class Learner:
    """Works in a folder through the same commands and the same files as anybody."""

    def __init__(self, root: Path, module: Module) -> None:
        self.folder = Folder.create(root)
        self.module = module
        self.folder.begin(module)

    def text(self, exercise: Exercise) -> str:
        """The file that an exercise stands in, as it is now."""
        return (self.folder.root / exercise.file).read_text(encoding="utf-8")

    def write(self, exercise: Exercise, function: str, definition: str) -> None:
        """Give one function the body of a definition."""
        path = self.folder.root / exercise.file
        path.write_text(put(self.text(exercise), function, definition), encoding="utf-8")

    def tt(self, *words: str) -> Result:
        """A command, called in the folder."""
        before = Path.cwd()
        os.chdir(self.folder.root)
        try:
            return CliRunner().invoke(main, words, catch_exceptions=False)
        finally:
            os.chdir(before)

    def judged(self, exercise: Exercise) -> dict[str, Any]:
        """What `tt check` says of one exercise."""
        found: dict[str, Any] = json.loads(self.tt("check", exercise.id, "--json").output)
        return found["exercises"][0]

    def runs(self, program: str) -> str:
        """What a program prints that runs with the learner's files in front."""
        paths = os.pathsep.join(map(str, [self.folder.root, SOURCE, self.module.folder]))
        settings = os.environ | {"PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1"}
        command = [sys.executable, "-P", "-c", program]
        done = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout
