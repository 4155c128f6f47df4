"""Pooling layers: each calls the function of the same name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from tinytorch.nn import functional
from tinytorch.nn.conv import repeated
from tinytorch.nn.functional.adaptive import adaptive_avg_pool, adaptive_max_pool
from tinytorch.nn.functional.pooling import avg_pool, lp_pool, max_pool, max_unpool
from tinytorch.nn.module import Module
from tinytorch.tensor import Tensor

Sizes = int | Sequence[int]


class _MaxPoolNd(Module):
    """The largest of each window over `axes` axes."""

    axes: ClassVar[int]

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Any:
        """(N, C, *size) to (N, C, *count); with `return_indices` also where each stands."""
        return max_pool(
            self.axes, input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode,
            self.return_indices,
        )  # fmt: skip

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPoolNd):
    """The largest of each window of a sequence (N, C, L)."""

    axes = 1


class MaxPool2d(_MaxPoolNd):
    """The largest of each window of an image (N, C, H, W).

    >>> MaxPool2d(2)
    MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)
    """

    axes = 2


class MaxPool3d(_MaxPoolNd):
    """The largest of each window of a volume (N, C, D, H, W)."""

    axes = 3


class _MaxUnpoolNd(Module):
    """Elements put back where they came from, zeros elsewhere."""

    axes: ClassVar[int]

    def __init__(self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0) -> None:
        super().__init__()
        self.kernel_size = repeated(kernel_size, self.axes)
        self.stride = repeated(kernel_size if stride is None else stride, self.axes)
        self.padding = repeated(padding, self.axes)

    def forward(self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """(N, C, *count) with the indices of a max pooling to (N, C, *size)."""
        return max_unpool(self.axes, input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpoolNd):
    """MaxPool1d backwards."""

    axes = 1


class MaxUnpool2d(_MaxUnpoolNd):
    """MaxPool2d backwards."""

    axes = 2


class MaxUnpool3d(_MaxUnpoolNd):
    """MaxPool3d backwards."""

    axes = 3


class AvgPool1d(Module):
    """The average of each window of a sequence (N, C, L)."""

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = repeated(kernel_size, 1)
        self.stride = repeated(kernel_size if stride is None else stride, 1)
        self.padding = repeated(padding, 1)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, L) to (N, C, count)."""
        return functional.avg_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _AvgPoolNd(Module):
    """The average of each window over `axes` axes."""

    axes: ClassVar[int]

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, *size) to (N, C, *count)."""
        return avg_pool(
            self.axes, input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
            self.count_include_pad, self.divisor_override,
        )  # fmt: skip

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(_AvgPoolNd):
    """The average of each window of an image (N, C, H, W)."""

    axes = 2


class AvgPool3d(_AvgPoolNd):
    """The average of each window of a volume (N, C, D, H, W)."""

    axes = 3


class _LPPoolNd(Module):
    """The p-norm of each window over `axes` axes."""

    axes: ClassVar[int]

    def __init__(
        self, norm_type: float, kernel_size: Sizes, stride: Sizes | None = None, ceil_mode: bool = False
    ) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, *size) to (N, C, *count)."""
        return lp_pool(self.axes, input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self) -> str:
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class LPPool1d(_LPPoolNd):
    """The p-norm of each window of a sequence (N, C, L)."""

    axes = 1


class LPPool2d(_LPPoolNd):
    """The p-norm of each window of an image (N, C, H, W)."""

    axes = 2


class LPPool3d(_LPPoolNd):
    """The p-norm of each window of a volume (N, C, D, H, W)."""

    axes = 3


class _AdaptiveAvgPoolNd(Module):
    """An output of a given size over `axes` axes, each element the average of a bin."""

    axes: ClassVar[int]

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, *size) to (N, C, *output_size)."""
        return adaptive_avg_pool(self.axes, input, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd):
    """Averages of a sequence (N, C, L)."""

    axes = 1


class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd):
    """Averages of an image (N, C, H, W).

    >>> AdaptiveAvgPool2d((1, 1))
    AdaptiveAvgPool2d(output_size=(1, 1))
    """

    axes = 2


class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd):
    """Averages of a volume (N, C, D, H, W)."""

    axes = 3


class _AdaptiveMaxPoolNd(Module):
    """An output of a given size over `axes` axes, each element the largest of a bin."""

    axes: ClassVar[int]

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size = output_size
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Any:
        """(N, C, *size) to (N, C, *output_size)."""
        return adaptive_max_pool(self.axes, input, self.output_size, self.return_indices)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    """Largest elements of a sequence (N, C, L)."""

    axes = 1


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    """Largest elements of an image (N, C, H, W)."""

    axes = 2


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    """Largest elements of a volume (N, C, D, H, W)."""

    axes = 3
