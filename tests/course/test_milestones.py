"""The milestones of 1958 and 1969, run; and run with something wrong inside, which must fail them."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

import tinytorch as tt
from tinytorch import checkpoint
from tinytorch.autograd import graph
from tinytorch.datasets import Digits
from tinytorch.ops.contract import MatMul
from tinytorch.tensor import Tensor
from tinytorch_course.milestones import perceptron, xor
from tinytorch_studio.cli import main
from tinytorch_studio.folder import Folder


def quiet(line: str) -> None:
    """Nobody listens."""


def test_ten_perceptrons_read_digits_from_every_one_of_five_seeds(tmp_path):
    figures = [perceptron.train(tmp_path, quiet, seed)["figure"] for seed in range(5)]
    assert min(figures) >= perceptron.TARGET


def test_the_saved_perceptrons_are_those_that_were_measured(tmp_path):
    result = perceptron.train(tmp_path, quiet)
    weights = checkpoint.load(tmp_path / result["model"])["weights"]
    assert perceptron.accuracy(weights, Digits(train=False)) == result["figure"]


def test_one_perceptron_never_gets_all_four_cases_of_xor():
    assert all(perceptron.xor(passes) < 4 for passes in (1, 2, 3, 10, 50))


def test_perceptrons_that_are_corrected_the_wrong_way_round_fail(tmp_path, monkeypatch):
    monkeypatch.setattr(Tensor, "outer", lambda x, y: -(x.unsqueeze(-1) * y))
    assert perceptron.train(tmp_path, quiet)["figure"] < perceptron.TARGET


def test_xor_is_learnt_from_every_beginning(tmp_path):
    assert [xor.train(tmp_path, quiet, seed)["figure"] for seed in range(3)] == [1.0, 1.0, 1.0]


def without_history(tensors, seeds, **how):
    """A backward pass that delivers nothing but zeros."""
    for root in tensors:
        for leaf in graph.consumers_first([root.edge[0]]):
            if isinstance(leaf, Tensor):
                leaf.grad = tt.zeros(leaf.shape)


def backwards(self, g, out, x, y):
    """The gradient of a product, its first half with the wrong sign."""
    return (-(g @ y.mT) if x.requires_grad else None), (x.mT @ g if y.requires_grad else None)


def test_xor_fails_with_a_wrong_gradient_of_the_product(tmp_path, monkeypatch):
    monkeypatch.setattr(MatMul, "grad", backwards)
    assert xor.train(tmp_path, quiet)["figure"] < xor.TARGET


def test_xor_fails_where_no_gradient_arrives(tmp_path, monkeypatch):
    monkeypatch.setattr(graph, "backward", without_history)
    assert xor.train(tmp_path, quiet)["figure"] < xor.TARGET


@pytest.mark.parametrize("name", ["perceptron", "xor"])
def test_the_command_prints_the_figure_and_keeps_plot_and_model(name, tmp_path):
    before = Path.cwd()
    os.chdir(Folder.create(tmp_path / "mine").root)
    try:
        done = CliRunner().invoke(main, ["milestone", name], catch_exceptions=False)
    finally:
        os.chdir(before)
    assert done.exit_code == 0, done.output
    out = tmp_path / "mine" / "milestones" / name
    figure = json.loads((out / "result.json").read_text(encoding="utf-8"))["figure"]
    assert f"{figure:.4g}" in done.output
    assert {"curves.svg", "model.safetensors"} <= {path.name for path in out.iterdir()}
