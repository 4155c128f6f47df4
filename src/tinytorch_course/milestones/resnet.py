"""2015: layers that add to what they are given tell ten kinds of things apart in colour photographs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import tinytorch as tt
from tinytorch import nn, optim, transforms
from tinytorch.datasets import CIFAR10
from tinytorch.models import ResNet
from tinytorch.utils.data import DataLoader
from tinytorch_course.milestones.lenet import followed

TITLE = "Residual learning: a ResNet sees what is in a photograph"
DATA = "CIFAR10"  # of tinytorch.datasets; it does not ship
YEAR = 2015
FIGURE = "accuracy on held-out photographs of CIFAR-10"
CURVE = "validation_accuracy"  # which of the curves ends in the figure
TARGET = 0.75
SECONDS = 1800
THREADS = 1
EPOCHS = 8
BATCH = 128
RATE = 0.4
WIDTH = 24
MEAN, DEVIATION = (
    (0.491, 0.482, 0.447),
    (0.247, 0.243, 0.262),
)  # of the red, green and blue in the training images


def build() -> ResNet:
    """One block in each stage, on images that the stem has halved: 16, 8 and 4 pixels wide."""
    model = ResNet((1, 1, 1), WIDTH)
    model.stem.append(nn.MaxPool2d(2))
    return model


def photographs(train: bool) -> CIFAR10:
    """The images with values around 0; those for training are moved and mirrored, differently each time."""
    moved = [transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip()] if train else []
    steps = [transforms.ToTensor(), *moved, transforms.Normalize(MEAN, DEVIATION)]
    return CIFAR10(train=train, transform=transforms.Compose(steps))


def train(out: Path, tell: Callable[[str], None], seed: int = 0) -> dict[str, Any]:
    """Train, save the model into `out`, and give back the figure and the curves. Raises DownloadError without the data."""
    tt.manual_seed(seed)
    loader = DataLoader(photographs(train=True), batch_size=BATCH, shuffle=True, drop_last=True)
    model = build()
    optimizer = optim.SGD(model.parameters(), lr=RATE, momentum=0.9, weight_decay=5e-4, nesterov=True)
    steps = EPOCHS * len(loader)
    schedule = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=RATE, total_steps=steps, pct_start=0.25)
    held_out = DataLoader(photographs(train=False), batch_size=500)
    return followed(model, loader, held_out, optimizer, schedule, EPOCHS, out, tell)
