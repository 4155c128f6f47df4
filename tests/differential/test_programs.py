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
DOUBLE = {"float32": "float64", ".float()": ".double()", "FloatTensor": "DoubleTensor"}
PROGRAMS = sorted(path.stem for path in HERE.glob("*.py") if path.stem != "exchange")


def run(folder, program, result, *front):
    """A program in a process of its own; what it wrote down."""
    command = [
        sys.executable,
        *front,
        *[str(folder / each) for each in (f"{program}.py", "start.npz", result)],
    ]
    settings = {"PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    with np.load(folder / result) as file:
        return done.stdout, {key: file[key] for key in file.files}


def on_both(folder, program, exchanged):
    """What a program writes down on PyTorch and on the framework, with some words of it exchanged."""
    for name in (program, "exchange"):
        text = (HERE / f"{name}.py").read_text(encoding="utf-8")
        for old, new in exchanged.items():
            text = text.replace(old, new)
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    said, wanted = run(folder, program, "torch.npz")
    assert said.startswith("torch:")
    said, found = run(folder, program, "tinytorch.npz", "-m", "tinytorch")
    assert said.startswith("tinytorch:")
    assert found.keys() == wanted.keys()
    assert len(found["losses"]) >= 10
    for key, value in wanted.items():
        assert found[key].dtype == value.dtype, key
    return wanted, found


def agree(wanted, found, keys, close):
    """Compare arrays by name, to a share of themselves and of the largest number beside them."""
    for key in keys:
        largest = max(1.0, float(abs(wanted[key]).max(initial=0.0)))
        np.testing.assert_allclose(found[key], wanted[key], close, close / 10 * largest, err_msg=key)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_begins_the_same_on_both_as_it_is_written(program, tmp_path):
    wanted, found = on_both(tmp_path, program, {})
    agree(wanted, found, ["losses"], 1e-2)  # an activation that rounding moves across 0 parts the later ones
    wanted["losses"], found["losses"] = wanted["losses"][:1], found["losses"][:1]
    agree(wanted, found, ["losses", *[key for key in wanted if key.startswith("gradient 1 ")]], 2e-4)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_does_the_same_on_both_in_double_precision(program, tmp_path):
    wanted, found = on_both(tmp_path, program, DOUBLE)
    agree(wanted, found, wanted, 1e-7)
