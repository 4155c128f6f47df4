"""1998: the same network reads handwritten digits, all 60,000 of MNIST."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tinytorch.datasets import MNIST
from tinytorch_course.milestones.lenet import learn

TITLE = "Convolution: LeNet reads handwritten digits"
DATA = "MNIST"  # of tinytorch.datasets; it does not ship
YEAR = 1998
FIGURE = "accuracy on held-out digits of MNIST"
CURVE = "validation_accuracy"  # which of the curves ends in the figure
TARGET = 0.985
SECONDS = 180
EPOCHS = 4


def train(out: Path, tell: Callable[[str], None], seed: int = 0) -> dict[str, Any]:
    """Train, save the model into `out`, and give back the figure and the curves. Raises DownloadError without the data."""
    return learn(MNIST(train=True), MNIST(train=False), EPOCHS, out, tell, seed)
