"""1969: the four cases that no perceptron learns are learnt by one with a layer in between, by gradients alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import tinytorch as tt
from tinytorch import Tensor, checkpoint

TITLE = "XOR: what one layer cannot, two can"
YEAR = 1969
FIGURE = "cases right, over five beginnings"
CURVE = "right"  # which of the curves ends in the figure
TARGET = 1.0
SECONDS = 10
THREADS = 1
STARTS = 5
STEPS = 400
HIDDEN = 8
LEARNING_RATE = 0.1
CASES = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
ANSWERS = [[-1.0], [1.0], [1.0], [-1.0]]


def start() -> list[Tensor]:
    """Weights and biases of two layers, drawn anew: (2, 8), (8,), (8, 1), (1,)."""
    sizes = [(2, HIDDEN), (HIDDEN,), (HIDDEN, 1), (1,)]
    return [tt.randn(size).requires_grad_() for size in sizes]


def answer(parameters: list[Tensor], x: Tensor) -> Tensor:
    """(n, 2) to (n, 1): above 0 for yes."""
    into, into_bias, out_of, out_bias = parameters
    return (x @ into + into_bias).tanh() @ out_of + out_bias


def step(parameters: list[Tensor], x: Tensor, wanted: Tensor) -> float:
    """One step down the mean square of what is missing; the loss before it."""
    missing = answer(parameters, x) - wanted
    loss = (missing * missing).mean()
    loss.backward()
    with tt.no_grad():
        for each in parameters:
            each -= LEARNING_RATE * each.grad
            each.grad = None
    return float(loss.item())


def right(parameters: list[Tensor], x: Tensor, wanted: Tensor) -> int:
    """How many of the four cases are on the right side of 0."""
    with tt.no_grad():
        return int((answer(parameters, x) * wanted > 0).sum().item())


def train(out: Path, tell: Callable[[str], None], seed: int = 0) -> dict[str, Any]:
    """Train from five beginnings, save the last network into `out`, and give back the figure and the curves."""
    tt.manual_seed(seed)
    x, wanted = tt.tensor(CASES), tt.tensor(ANSWERS)
    networks = [start() for _ in range(STARTS)]
    losses, share = [], []
    for number in range(STEPS):
        losses.append(sum(step(each, x, wanted) for each in networks) / STARTS)
        share.append(sum(right(each, x, wanted) for each in networks) / (STARTS * len(CASES)))
        if number + 1 in (1, 10, 100, STEPS):
            tell(f"step {number + 1:3}   loss {losses[-1]:.4f}   right {share[-1]:.0%}")
    names = ["into", "into_bias", "out_of", "out_bias"]
    checkpoint.save(
        {name: each.detach() for name, each in zip(names, networks[-1], strict=True)},
        out / "model.safetensors",
    )
    return {"figure": share[-1], "curves": {"loss": losses, "right": share}, "model": "model.safetensors"}
