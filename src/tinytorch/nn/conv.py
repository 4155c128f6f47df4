"""Convolution layers: weighted sums of windows, the same weights at every place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from tinytorch.creation import empty
from tinytorch.dtypes import dtype as Dtype
from tinytorch.nn import functional, init
from tinytorch.nn.functional.convolution import convolve, convolve_transposed
from tinytorch.nn.module import Module
from tinytorch.nn.parameter import Parameter
from tinytorch.tensor import Tensor

Sizes = int | Sequence[int]
PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


def repeated(value: Any, axes: int) -> tuple[int, ...]:
    """A number once for each axis; a sequence as it is.

    >>> repeated(3, 2), repeated([1, 2], 2)
    ((3, 3), (1, 2))
    """
    return tuple(value) if isinstance(value, Sequence) else (value,) * axes


class _ConvNd(Module):
    """What all convolution layers are: their sizes, weight (out, in / groups, *kernel_size) and bias (out,)."""

    axes: ClassVar[int]
    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes,
        padding: str | Sizes,
        dilation: Sizes,
        transposed: bool,
        output_padding: Sizes,
        groups: int,
        bias: bool,
        padding_mode: str,
        dtype: Dtype | None,
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = repeated(kernel_size, self.axes)
        self.stride = repeated(stride, self.axes)
        self.padding: Any = padding if isinstance(padding, str) else repeated(padding, self.axes)
        self.dilation = repeated(dilation, self.axes)
        self.transposed = transposed
        self.output_padding = repeated(output_padding, self.axes)
        self.groups = groups
        self.padding_mode = padding_mode
        self.check()
        outer, inner = (in_channels, out_channels) if transposed else (out_channels, in_channels)
        self.weight = Parameter(empty(outer, inner // groups, *self.kernel_size, dtype=dtype))
        self.register_parameter("bias", Parameter(empty(out_channels, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def check(self) -> None:
        """Raises ValueError where the settings do not go together."""
        if self.groups <= 0:
            raise ValueError(f"groups must be a positive integer, not {self.groups}")
        for name in ("in_channels", "out_channels"):
            if getattr(self, name) % self.groups:
                raise ValueError(
                    f"{name} must be divisible by groups: {getattr(self, name)} by {self.groups}"
                )
        if isinstance(self.padding, str):
            if self.padding not in ("same", "valid"):
                raise ValueError(f"Invalid padding string {self.padding!r}, should be 'same' or 'valid'")
            if self.padding == "same" and any(step != 1 for step in self.stride):
                raise ValueError("padding='same' is not supported for strided convolutions")
        if self.padding_mode not in PADDING_MODES:
            raise ValueError(
                f"padding_mode must be one of {PADDING_MODES}, but got padding_mode={self.padding_mode!r}"
            )
        if self.transposed and self.padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')

    def reset_parameters(self) -> None:
        """Both spread evenly within 1 / sqrt(how many numbers enter an output)."""
        if self.weight.numel():
            init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in, _ = init._calculate_fan_in_and_fan_out(self.weight)
            bound = 1.0 / math.sqrt(fan_in) if fan_in else 0.0
            init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        shown = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        )
        for name, usual in (("padding", 0), ("dilation", 1), ("output_padding", 0)):
            value = getattr(self, name)
            shown += f", {name}={value}" if value != (usual,) * len(value) else ""
        shown += f", groups={self.groups}" if self.groups != 1 else ""
        shown += ", bias=False" if self.bias is None else ""
        return shown + (f", padding_mode={self.padding_mode}" if self.padding_mode != "zeros" else "")


class _Conv(_ConvNd):
    """A convolution over `axes` axes."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: str | Sizes = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Dtype | None = None,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, False, 0, groups, bias,
            padding_mode, dtype,
        )  # fmt: skip

    def forward(self, input: Tensor) -> Tensor:
        """(N, in_channels, *size) or (in_channels, *size) to (N, out_channels, *count) or (out_channels, *count)."""
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            sides = functional.convolution.margins(padding, self.kernel_size, self.stride, self.dilation)
            around = [each for side in reversed(sides) for each in side]
            input, padding = functional.pad(input, around, mode=self.padding_mode), 0
        return convolve(
            self.axes, input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups
        )


class Conv1d(_Conv):
    """Windows over sequences: (N, in_channels, L) to (N, out_channels, windows) (`torch.nn.Conv1d`).

    >>> Conv1d(4, 8, 3, padding="same")
    Conv1d(4, 8, kernel_size=(3,), stride=(1,), padding=same)
    """

    axes = 1


class Conv2d(_Conv):
    """Windows over images: (N, in_channels, H, W) to (N, out_channels, rows, columns) (`torch.nn.Conv2d`).

    LeCun et al., 1998. Raises ValueError where groups do not divide the channels, or for an unknown padding.

    >>> Conv2d(3, 16, 3, stride=2, padding=1)
    Conv2d(3, 16, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1))
    """

    axes = 2


class Conv3d(_Conv):
    """Windows over volumes: (N, in_channels, D, H, W) (`torch.nn.Conv3d`)."""

    axes = 3


class _ConvTransposeNd(_ConvNd):
    """A transposed convolution over `axes` axes; the weight is (in, out / groups, *kernel_size)."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes = 0,
        output_padding: Sizes = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Sizes = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Dtype | None = None,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, True, output_padding, groups,
            bias, padding_mode, dtype,
        )  # fmt: skip

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """(N, in_channels, *size) to (N, out_channels, *larger), of `output_size` where several sizes are possible."""
        more = self.output_padding if output_size is None else self.missing(input, output_size)
        return convolve_transposed(
            self.axes, input, self.weight, self.bias, self.stride, self.padding, more, self.groups, self.dilation
        )  # fmt: skip

    def missing(self, input: Tensor, output_size: Sequence[int]) -> tuple[int, ...]:
        """The output padding that makes the output as large as wanted. Raises ValueError where none does."""
        wanted = tuple(output_size)[-self.axes :]
        if len(output_size) not in (self.axes, input.ndim):
            raise ValueError(
                f"output_size {output_size} needs {self.axes} or {input.ndim} numbers for input {input.shape}"
            )
        settings = zip(
            input.shape[-self.axes :], self.stride, self.padding, self.dilation, self.kernel_size, strict=True
        )
        least = [(n - 1) * step - 2 * side + gap * (k - 1) + 1 for n, step, side, gap, k in settings]
        more = tuple([size - low for size, low in zip(wanted, least, strict=True)])
        if any(not 0 <= each < step for each, step in zip(more, self.stride, strict=True)):
            most = [low + step - 1 for low, step in zip(least, self.stride, strict=True)]
            raise ValueError(
                f"requested an output size of {wanted}, but valid sizes range from {least} to {most} for input {input.shape}"
            )
        return more


class ConvTranspose1d(_ConvTransposeNd):
    """Each element of a sequence spread over a window (`torch.nn.ConvTranspose1d`)."""

    axes = 1


class ConvTranspose2d(_ConvTransposeNd):
    """Each pixel spread over a window: (N, in_channels, H, W) to a larger image (`torch.nn.ConvTranspose2d`).

    >>> ConvTranspose2d(8, 4, 4, stride=2, padding=1)
    ConvTranspose2d(8, 4, kernel_size=(4, 4), stride=(2, 2), padding=(1, 1))
    """

    axes = 2


class ConvTranspose3d(_ConvTransposeNd):
    """Each voxel spread over a window (`torch.nn.ConvTranspose3d`)."""

    axes = 3
