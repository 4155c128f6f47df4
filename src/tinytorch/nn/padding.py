"""Padding layers: more elements at the ends of the last axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tinytorch.nn import functional
from tinytorch.nn.conv import repeated
from tinytorch.nn.module import Module
from tinytorch.tensor import Tensor

Sizes = int | Sequence[int]


class _PadNd(Module):
    """Pads the last `axes` axes by (before, behind) of the last, then of the one before it; one number for all ends."""

    axes: ClassVar[int]
    mode: ClassVar[str]

    def __init__(self, padding: Sizes) -> None:
        super().__init__()
        self.padding = repeated(padding, 2 * self.axes)

    def forward(self, input: Tensor) -> Tensor:
        """(..., *size) to (..., *larger)."""
        return functional.pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPadNd(_PadNd):
    """With one value."""

    mode = "constant"

    def __init__(self, padding: Sizes, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        """(..., *size) to (..., *larger)."""
        return functional.pad(input, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPadNd):
    """A sequence with a value at both ends."""

    axes = 1


class ConstantPad2d(_ConstantPadNd):
    """An image with a value round it."""

    axes = 2


class ConstantPad3d(_ConstantPadNd):
    """A volume with a value round it."""

    axes = 3


class _ZeroPadNd(_ConstantPadNd):
    """With zeros."""

    def __init__(self, padding: Sizes) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad1d(_ZeroPadNd):
    """A sequence with zeros at both ends."""

    axes = 1


class ZeroPad2d(_ZeroPadNd):
    """An image with zeros round it.

    >>> ZeroPad2d((1, 1, 0, 2))
    ZeroPad2d((1, 1, 0, 2))
    """

    axes = 2


class ZeroPad3d(_ZeroPadNd):
    """A volume with zeros round it."""

    axes = 3


class _ReflectionPadNd(_PadNd):
    """With what is inside, mirrored at the edge."""

    mode = "reflect"


class ReflectionPad1d(_ReflectionPadNd):
    """A sequence mirrored at both ends."""

    axes = 1


class ReflectionPad2d(_ReflectionPadNd):
    """An image mirrored at its edges."""

    axes = 2


class ReflectionPad3d(_ReflectionPadNd):
    """A volume mirrored at its faces."""

    axes = 3


class _ReplicationPadNd(_PadNd):
    """With the outermost element again and again."""

    mode = "replicate"


class ReplicationPad1d(_ReplicationPadNd):
    """A sequence with its ends repeated."""

    axes = 1


class ReplicationPad2d(_ReplicationPadNd):
    """An image with its edges repeated."""

    axes = 2


class ReplicationPad3d(_ReplicationPadNd):
    """A volume with its faces repeated."""

    axes = 3


class _CircularPadNd(_PadNd):
    """With what stands at the other end."""

    mode = "circular"

    def forward(self, input: Tensor) -> Tensor:
        """(..., *size) to (..., *larger). Raises ValueError for another number of axes."""
        if input.ndim not in (self.axes + 1, self.axes + 2):
            raise ValueError(f"expected {self.axes + 1}D or {self.axes + 2}D input (got {input.ndim}D input)")
        return super().forward(input)


class CircularPad1d(_CircularPadNd):
    """A sequence that goes round."""

    axes = 1


class CircularPad2d(_CircularPadNd):
    """An image that goes round in both directions."""

    axes = 2


class CircularPad3d(_CircularPadNd):
    """A volume that goes round in all directions."""

    axes = 3
