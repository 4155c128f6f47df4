"""Whole programs, written for PyTorch, run unchanged on both: losses, gradients and parameters of ten steps agree."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent / "programs"
SOURCE = Path(__file__).resolve().parents[2] / "src"
PROGRAMS = sorted(path.stem for path in HERE.glob("*.py") if path.stem != "exchange")


def run(folder, program, result, *front):
    """A program in a process of its own; what it wrote down."""
    command = [
        sys.executable,
        *front,
        str(HERE / f"{program}.py"),
        str(folder / "start.npz"),
        str(folder / result),
    ]
    settings = {"PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    with np.load(folder / result) as file:
        return done.stdout, {key: file[key] for key in file.files}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_does_the_same_on_both(program, tmp_path):
    said, wanted = run(tmp_path, program, "torch.npz")
    assert said.startswith("torch:")
    said, found = run(tmp_path, program, "tinytorch.npz", "-m", "tinytorch")
    assert said.startswith("tinytorch:")
    assert found.keys() == wanted.keys()
    assert len(found["losses"]) >= 10
    kept = [value for key, value in wanted.items() if key.startswith("after") and value.dtype.kind == "f"]
    close = 1e-8 if all(value.dtype == np.float64 for value in kept) else 2e-4
    for key, value in wanted.items():
        assert found[key].dtype == value.dtype, key
        largest = float(abs(value).max(initial=0.0))
        np.testing.assert_allclose(found[key], value, close, close * max(1.0, largest) / 10, err_msg=key)
