"""1998: a network of convolutions learns to tell clothes apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import tinytorch as tt
from tinytorch import checkpoint, optim
from tinytorch.datasets import DownloadError, FashionMNIST, FashionMNISTSubset
from tinytorch.models import LeNet
from tinytorch.nn import Module
from tinytorch.training import Progress, accuracy, fit
from tinytorch.utils.data import DataLoader, TensorDataset

TITLE = "Convolution: LeNet tells clothes apart"
YEAR = 1998
FIGURE = "accuracy on held-out images of clothes"
CURVE = "validation_accuracy"  # which of the curves ends in the figure
TARGET = 0.88
SUBSET_TARGET = 0.86  # with the tenth of the images that ships
SECONDS = 180
EPOCHS, SUBSET_EPOCHS = 5, 12
BATCH = 64
RATE = 4e-3


def clothes(tell: Callable[[str], None]) -> tuple[Any, Any]:
    """The images for training and those held out: all of them, or where they are not there the part that ships."""
    try:
        return FashionMNIST(train=True), FashionMNIST(train=False)
    except DownloadError:
        tell(
            "The whole of Fashion-MNIST is not here. This trains on the tenth of it that ships: the target is lower."
        )
        tell("To have all of it: python -c 'from tinytorch.datasets import *; FashionMNIST(download=True)'")
        return FashionMNISTSubset(train=True), FashionMNISTSubset(train=False)


def samples(images: Any) -> TensorDataset:
    """Images (n, 1, 28, 28) with values around 0, and labels."""
    return TensorDataset((images.data.float().unsqueeze(1) - 72.0) / 90.0, images.targets)


def train(out: Path, tell: Callable[[str], None], seed: int = 0) -> dict[str, Any]:
    """Train, save the model into `out`, and give back the figure and the curves."""
    data, held_out = clothes(tell)
    whole = len(data) == 60_000
    made = learn(data, held_out, EPOCHS if whole else SUBSET_EPOCHS, out, tell, seed)
    return made | {"target": TARGET if whole else SUBSET_TARGET}


def learn(
    data: Any, held_out: Any, epochs: int, out: Path, tell: Callable[[str], None], seed: int
) -> dict[str, Any]:
    """LeNet on some images; the rate rises, and falls along a cosine."""
    tt.manual_seed(seed)
    loader = DataLoader(samples(data), batch_size=BATCH, shuffle=True)
    model = LeNet()
    optimizer = optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.01)
    schedule = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=RATE, total_steps=epochs * len(loader))
    held_out_loader = DataLoader(samples(held_out), batch_size=500)
    return followed(model, loader, held_out_loader, optimizer, schedule, epochs, out, tell)


def followed(
    model: Module,
    loader: DataLoader,
    held_out: DataLoader,
    optimizer: optim.Optimizer,
    schedule: Any,
    epochs: int,
    out: Path,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Train a network that sorts images into classes, tell each epoch, save the model, and give back figure and curves."""

    def after_epoch(at: Progress) -> None:
        last = at.history[-1]
        tell(f"epoch {at.epoch:2}   loss {last['loss']:.4f}   held out {last['validation_accuracy']:.2%}")

    done = fit(
        model,
        loader,
        optimizer,
        epochs=epochs,
        schedule=schedule,
        metrics={"accuracy": accuracy},
        validate=held_out,
        after_epoch=[after_epoch],
    )
    checkpoint.save(model.state_dict(), out / "model.safetensors")
    return {
        "figure": done.history[-1]["validation_accuracy"],
        "curves": {name: [each[name] for each in done.history] for name in ("loss", "validation_accuracy")},
        "model": "model.safetensors",
    }
