"""The milestone of 1986, run: also with a wrong stride in front, which must fail it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tinytorch import checkpoint
from tinytorch.datasets import Digits
from tinytorch.models import MLP
from tinytorch_course.milestones import digits

SOURCE = Path(__file__).resolve().parents[2] / "src"
RUN = """
import sys
from pathlib import Path
from tinytorch_course.milestones import digits
import tinytorch.layout
assert Path(tinytorch.layout.__file__).is_relative_to(sys.argv[1]), "the changed file was not used"
print("figure", digits.train(Path(sys.argv[1]), lambda line: None)["figure"])
"""
WRONG = {
    "strides of the wrong order": (
        "    return tuple(reversed(strides))\n",
        "    return tuple(strides)\n",
    ),
    "strides left behind by permute": (
        "            tuple([strides[axis] for axis in axes]),\n",
        "            strides,\n",
    ),
    "an expanded axis that moves": (
        "sizes, strides = list(shape), [0] * len(shape)",
        "sizes, strides = list(shape), [1] * len(shape)",
    ),
}


def quiet(line: str) -> None:
    """Nobody listens."""


def test_digits_are_read_from_every_one_of_five_seeds(tmp_path):
    figures = [digits.train(tmp_path, quiet, seed)["figure"] for seed in range(5)]
    assert min(figures) >= digits.TARGET


def test_the_same_seed_gives_the_same_curves_and_the_model_that_was_measured(tmp_path):
    first, second = digits.train(tmp_path, quiet), digits.train(tmp_path, quiet)
    assert first == second
    assert len(first["curves"]["loss"]) == len(first["curves"]["accuracy"]) == digits.EPOCHS
    state = checkpoint.load(tmp_path / first["model"])
    wide = [state[f"layers.{i}.weight"].shape for i in (0, 2)]
    model = MLP((wide[0][1], wide[0][0], wide[1][0]))
    model.load_state_dict(state)
    assert digits.accuracy(model, Digits(train=False)) == first["figure"]


def run_with(folder: Path, source: str) -> subprocess.CompletedProcess[str]:
    """The milestone with another layout.py in front."""
    (folder / "tinytorch").mkdir()
    (folder / "tinytorch" / "layout.py").write_text(source, encoding="utf-8")
    paths = {"PYTHONPATH": os.pathsep.join([str(folder), str(SOURCE)])}
    command = [sys.executable, "-c", RUN, str(folder)]
    return subprocess.run(command, env={**os.environ, **paths}, capture_output=True, text=True, timeout=120)


def figure(done: subprocess.CompletedProcess[str]) -> float:
    """What was reached; nothing where the program failed."""
    if done.returncode:
        assert "the changed file was not used" not in done.stderr
        return 0.0
    return float(done.stdout.rpartition("figure")[2])


def test_with_a_right_file_in_front_the_milestone_is_reached(tmp_path):
    source = (SOURCE / "tinytorch" / "layout.py").read_text(encoding="utf-8")
    assert figure(run_with(tmp_path, source)) >= digits.TARGET


@pytest.mark.parametrize("name", WRONG)
def test_with_a_wrong_stride_in_front_the_milestone_fails(tmp_path, name):
    source = (SOURCE / "tinytorch" / "layout.py").read_text(encoding="utf-8")
    right, wrong = WRONG[name]
    assert source.count(right) == 1
    assert figure(run_with(tmp_path, source.replace(right, wrong))) < digits.TARGET
