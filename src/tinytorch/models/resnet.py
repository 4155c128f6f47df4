"""ResNet: layers that add to what they are given, so that gradients reach the first of many."""

from __future__ import annotations

from collections.abc import Sequence

from tinytorch import nn
from tinytorch.nn import functional
from tinytorch.tensor import Tensor


class BasicBlock(nn.Module):
    """Two convolutions whose result is added to the input: He et al., 2016.

    Takes (N, in_channels, H, W) to (N, channels, H / stride, W / stride). Where that is another shape, the
    shortcut is a convolution of one pixel.

    >>> BasicBlock(16, 32, stride=2).shortcut[0]
    Conv2d(16, 32, kernel_size=(1, 1), stride=(2, 2), bias=False)
    """

    def __init__(self, in_channels: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_channels != channels:
            self.shortcut.append(nn.Conv2d(in_channels, channels, 1, stride, bias=False))
            self.shortcut.append(nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Add, then bend."""
        out = functional.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return functional.relu(out + self.shortcut(x))


class ResNet(nn.Module):
    """A ResNet for small images (N, 3, H, W), as in section 4.2 of He et al., 2016.

    blocks: how many in each stage; each stage after the first halves the image and doubles the channels,
    which begin with `width`. (3, 3, 3) is the paper's ResNet-20. The last scale of each block starts at
    0, so that at first every block passes its input on (Goyal et al., 2017).

    >>> sum(each.numel() for each in ResNet((3, 3, 3)).parameters())
    272474
    """

    def __init__(self, blocks: Sequence[int] = (3, 3, 3), width: int = 16, classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        layers, channels = [], width
        for stage, count in enumerate(blocks):
            for i in range(count):
                wide = width * 2**stage
                layers.append(BasicBlock(channels, wide, stride=2 if stage and not i else 1))
                channels = wide
        self.blocks = nn.Sequential(*layers)
        self.head = nn.Linear(channels, classes)
        self.apply(start)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) to a score for each class (N, classes)."""
        x = self.blocks(self.stem(x))  # (N, channels, H / 4, W / 4)
        scores: Tensor = self.head(x.mean((2, 3)))
        return scores


def start(module: nn.Module) -> None:
    """Convolutions that keep the signal's size, and blocks that pass their input on."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    if isinstance(module, BasicBlock):
        nn.init.zeros_(module.bn2.weight)
