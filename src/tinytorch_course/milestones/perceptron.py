"""1958: ten perceptrons learn to read handwritten digits by Rosenblatt's rule, without a gradient; XOR they never learn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import tinytorch as tt
from tinytorch import Tensor, checkpoint
from tinytorch.datasets import Digits

TITLE = "Perceptron: handwritten digits by correction"
YEAR = 1958
FIGURE = "accuracy on held-out digits"
CURVE = "accuracy"  # which of the curves ends in the figure
TARGET = 0.9
SECONDS = 20
THREADS = 1
EPOCHS = 12


def with_bias(x: Tensor) -> Tensor:
    """(n, features) to (n, features + 1): a last input that is always 1 stands for the threshold."""
    return tt.cat([x, tt.ones(len(x), 1)], 1)


def corrected(weights: Tensor, x: Tensor, target: Tensor) -> int:
    """One pass of Rosenblatt's rule over inputs (n, features) with targets (n, units) of 0 and 1.

    A unit that fires where it should not loses the input from its weights; one that is silent where it
    should fire gains it. Units that are right learn nothing. `weights` (features, units) changes in
    place. Returns how many answers were wrong.
    """
    wrong = 0
    for one, wanted in zip(x, target, strict=True):
        fired = (one @ weights > 0).float()
        error = wanted - fired
        wrong += int(error.abs().sum().item())
        weights += one.outer(error)
    return wrong


def accuracy(weights: Tensor, data: Digits) -> float:
    """The share of images for which the unit with the largest sum is the right one."""
    read = (with_bias(data.images.flatten(1)) @ weights).argmax(1)
    return float((read == data.labels).float().mean().item())


def train(out: Path, tell: Callable[[str], None], seed: int = 0) -> dict[str, Any]:
    """Train, save the weights into `out`, and give back the figure and the curves."""
    tt.manual_seed(seed)
    data, held_out = Digits(train=True), Digits(train=False)
    x, target = with_bias(data.images.flatten(1)), tt.nn.functional.one_hot(data.labels, 10).float()
    weights = tt.zeros(x.shape[1], 10)
    mistakes, curve = [], []
    for epoch in range(EPOCHS):
        order = tt.randperm(len(x))
        mistakes.append(corrected(weights, x[order], target[order]) / target.numel())
        curve.append(accuracy(weights, held_out))
        if epoch % 3 == 2:
            tell(f"pass {epoch + 1:2}   wrong answers {mistakes[-1]:.2%}   held out {curve[-1]:.1%}")
    tell(f"and XOR: {xor(100)} of 4 right after 100 passes; all four it never gets")
    checkpoint.save({"weights": weights}, out / "model.safetensors")
    return {
        "figure": curve[-1],
        "curves": {"wrong answers": mistakes, "accuracy": curve},
        "model": "model.safetensors",
    }


def xor(passes: int) -> int:
    """How many of XOR's four cases one perceptron gets right after so many passes over them."""
    x = with_bias(tt.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]))
    target = tt.tensor([[0.0], [1.0], [1.0], [0.0]])
    weights = tt.zeros(3, 1)
    for _ in range(passes):
        corrected(weights, x, target)
    return int(((x @ weights > 0).float() == target).sum().item())
