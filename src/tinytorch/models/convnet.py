"""LeNet: two convolutions that find patterns, three linear layers that decide."""

from __future__ import annotations

from tinytorch import nn
from tinytorch.tensor import Tensor


class LeNet(nn.Module):
    """LeNet-5 for images (N, channels, 28, 28): LeCun et al., 1998, with the ReLU and max pooling of today.

    >>> sum(each.numel() for each in LeNet().parameters())
    61706
    """

    def __init__(self, channels: int = 1, classes: int = 10) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(channels, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        )  # fmt: skip
        self.classifier = nn.Sequential(
            nn.Linear(16 * 5 * 5, 120), nn.ReLU(),
            nn.Linear(120, 84), nn.ReLU(),
            nn.Linear(84, classes),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, 28, 28) to a score for each class (N, classes)."""
        found = self.features(x)  # (N, 16, 5, 5)
        scores: Tensor = self.classifier(found.flatten(1))
        return scores
