"""1986: a network of three layers learns to read handwritten digits by back-propagation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import tinytorch as tt
from tinytorch import checkpoint, nn, optim
from tinytorch.datasets import Digits
from tinytorch.models import MLP
from tinytorch.utils.data import DataLoader

TITLE = "Back-propagation: handwritten digits"
YEAR = 1986
FIGURE = "accuracy on held-out digits"
CURVE = "accuracy"  # which of the curves ends in the figure
TARGET = 0.97
SECONDS = 20
THREADS = 1  # its matrices are small: a second thread that waits for a busy core costs ten times the whole
EPOCHS = 30


def accuracy(model: nn.Module, data: Digits) -> float:
    """The share of images for which the largest of ten scores is the right one."""
    with tt.no_grad():
        return float((model(data.images.flatten(1)).argmax(1) == data.labels).float().mean().item())


def train(out: Path, tell: Callable[[str], None], seed: int = 0) -> dict[str, Any]:
    """Train, save the model into `out`, and give back the figure and the curves."""
    tt.manual_seed(seed)
    data, held_out = Digits(train=True), Digits(train=False)
    model = MLP((64, 512, 10))
    optimizer = optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.05)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    losses, curve = [], []
    for epoch in range(EPOCHS):
        total = 0.0
        for images, labels in DataLoader(data, batch_size=64, shuffle=True):
            loss = nn.functional.cross_entropy(model(images.flatten(1)), labels, label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        schedule.step()
        losses.append(total / len(data))
        curve.append(accuracy(model, held_out))
        if epoch % 5 == 4:
            tell(f"epoch {epoch + 1:2}   loss {losses[-1]:.4f}   held out {curve[-1]:.1%}")
    checkpoint.save(model.state_dict(), out / "model.safetensors")
    return {
        "figure": curve[-1],
        "curves": {"loss": losses, "accuracy": curve},
        "model": "model.safetensors",
    }
