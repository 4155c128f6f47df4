"""Pooling: what is left of each window, its largest element or its average (`torch.nn.functional`)."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, prod
from typing import Any

import numpy as np

from tinytorch import dtypes, ops
from tinytorch.errors import DtypeError, ShapeError
from tinytorch.nn.functional.convolution import for_each, fractions_or_int64
from tinytorch.ops.convolution import Window
from tinytorch.tensor import Tensor, apply

Sizes = int | Sequence[int]


def check_input(input: Tensor, axes: int, name: str) -> None:
    """Raises ShapeError unless there are channels and perhaps a batch in front, and DtypeError for bools."""
    if input.ndim not in (axes + 1, axes + 2) or 0 in input.shape[-axes - 1 :]:
        raise ShapeError(
            f"{name}: expected a {axes + 1}D or {axes + 2}D (batch mode) tensor, empty in the batch at most, "
            f"but got shape {input.shape}"
        )
    if input.dtype is dtypes.bool_:
        raise DtypeError(f"{name} does not take bools: convert with .float()")


def pooling_window(
    size: tuple[int, ...], kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> Window:
    """The window of a pooling; with `ceil_mode` a last one that is only partly inside counts.

    Raises ShapeError for more padding than half a window, and where no window fits.
    """
    axes = len(size)
    kernel = for_each(axes, kernel_size, "kernel_size")
    steps = kernel if stride is None or stride in ((), []) else for_each(axes, stride, "stride")
    sides = for_each(axes, padding, "padding", 0)
    gaps = for_each(axes, dilation, "dilation")
    margins = []
    for n, k, step, side, gap in zip(size, kernel, steps, sides, gaps, strict=True):
        reach = gap * (k - 1) + 1
        if side > reach // 2:
            raise ShapeError(
                f"pad should be at most half of effective kernel size, but got pad={side}, kernel_size={k} "
                f"and dilation={gap}"
            )
        begun = n + 2 * side - reach + (step - 1 if ceil_mode else 0)
        last = begun // step * step  # where the last window starts
        if ceil_mode and last >= n + side:  # it would see nothing but padding
            last -= step
        if last < 0:
            raise ShapeError(
                f"no window of {kernel} fits into {size} with padding {sides}: output is too small"
            )
        margins.append((side, max(side, last + reach - n - side)))
    return Window(kernel, steps, tuple(margins), gaps)


def max_pool(
    axes: int,
    input: Tensor,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
    return_indices: bool,
) -> Any:
    """The largest of each window over the last `axes` axes."""
    check_input(input, axes, f"max_pool{axes}d")
    size = input.shape[-axes:]
    window = pooling_window(size, kernel_size, stride, padding, dilation, ceil_mode)
    values, taps = apply(ops.MaxPool(window), input)
    if not return_indices:
        return values
    numbers = input.new_tensor(np.arange(prod(size)).reshape(size), dtype=dtypes.int64)
    return values, numbered(taps, numbers, window)


def numbered(taps: Tensor, numbers: Tensor, window: Window) -> Tensor:
    """The number that stands where each window has the tap that is named: int64, shape of `taps`."""
    table: Tensor = apply(ops.Windows(window), numbers)  # (*count, *kernel)
    table = table.flatten(numbers.ndim)
    return table.expand(*taps.shape, table.shape[-1]).gather(-1, taps.long().unsqueeze(-1)).squeeze(-1)


def max_pool1d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest of each window of (N, C, L) or (C, L). Whole numbers only with `return_indices`, as in PyTorch."""
    if not return_indices:
        check_input(input, 1, "max_pool1d")
        input.fractional("max_pool1d without return_indices")
    return max_pool(1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest of each window of (N, C, H, W) or (C, H, W); windows side by side unless `stride` says otherwise.

    Padding never wins. return_indices: also where it stands in its plane, row * W + column.

    >>> import tinytorch as tt
    >>> max_pool2d(tt.arange(16.0).reshape(1, 4, 4), 2)
    tensor([[[ 5.,  7.],
             [13., 15.]]])
    """
    return max_pool(2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool3d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest of each window of (N, C, D, H, W) or (C, D, H, W)."""
    return max_pool(3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def averaged(total: Tensor, lengths: Sequence[np.ndarray[Any, Any]]) -> Tensor:
    """Sums of windows (..., *count) over how many elements each has: the product of its lengths along the axes."""
    divisor = total.new_tensor(np.array(1.0))
    for axis, each in enumerate(lengths):
        divisor = divisor * total.new_tensor(each.reshape([-1] + [1] * (len(lengths) - 1 - axis)))
    return total / divisor if total.is_floating_point() else total.div(divisor, rounding_mode="trunc")


def avg_pool(
    axes: int,
    input: Tensor,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None = None,
) -> Tensor:
    """The average of each window over the last `axes` axes."""
    check_input(fractions_or_int64(input, f"avg_pool{axes}d"), axes, f"avg_pool{axes}d")
    size, sides = input.shape[-axes:], for_each(axes, padding, "padding", 0)
    window = pooling_window(size, kernel_size, stride, padding, 1, ceil_mode)
    total: Tensor = apply(ops.SumPool(window), input)
    if divisor_override is not None:
        if not divisor_override:
            raise ShapeError("divisor must be not zero")
        return averaged(total, [np.array([divisor_override])])
    lengths = []
    for n, k, step, side, count in zip(
        size, window.kernel, window.stride, sides, total.shape[-axes:], strict=True
    ):
        start = np.arange(count) * step - side
        end = np.minimum(start + k, n + side)  # beyond the padding nothing counts
        lengths.append(end - start if count_include_pad else np.minimum(end, n) - np.maximum(start, 0))
    return averaged(total, lengths)


def avg_pool1d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The average of each window of (N, C, L) or (C, L)."""
    return avg_pool(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad)


def avg_pool2d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The average of each window of (N, C, H, W) or (C, H, W).

    count_include_pad: whether zeros in the padding count. divisor_override: what to divide by instead.
    """
    return avg_pool(2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def avg_pool3d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The average of each window of (N, C, D, H, W) or (C, D, H, W)."""
    return avg_pool(3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def lp_pool(
    axes: int, input: Tensor, norm_type: float, kernel_size: Any, stride: Any, ceil_mode: bool
) -> Tensor:
    """The p-norm of each window, from the average of x ** p as in PyTorch: negative sums give 0."""
    if norm_type == inf:
        return max_pool(axes, input.abs(), kernel_size, stride, 0, 1, ceil_mode, False)
    if norm_type == -inf:
        return -max_pool(axes, -input.abs(), kernel_size, stride, 0, 1, ceil_mode, False)
    mean = avg_pool(axes, input.pow(norm_type), kernel_size, stride, 0, ceil_mode, True)
    count = prod(for_each(axes, kernel_size, "kernel_size"))
    return (mean.sign() * mean.abs().relu() * count).pow(1.0 / norm_type)


def lp_pool1d(
    input: Tensor, norm_type: float, kernel_size: Sizes, stride: Sizes | None = None, ceil_mode: bool = False
) -> Tensor:
    """The p-norm of each window of (N, C, L) or (C, L)."""
    return lp_pool(1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(
    input: Tensor, norm_type: float, kernel_size: Sizes, stride: Sizes | None = None, ceil_mode: bool = False
) -> Tensor:
    """The p-norm of each window of (N, C, H, W) or (C, H, W)."""
    return lp_pool(2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(
    input: Tensor, norm_type: float, kernel_size: Sizes, stride: Sizes | None = None, ceil_mode: bool = False
) -> Tensor:
    """The p-norm of each window of (N, C, D, H, W) or (C, D, H, W)."""
    return lp_pool(3, input, norm_type, kernel_size, stride, ceil_mode)


def max_unpool(
    axes: int, input: Tensor, indices: Tensor, kernel_size: Any, stride: Any, padding: Any, output_size: Any
) -> Tensor:
    """Zeros with each element at the index that it came from: `max_pool` backwards, of `output_size` if given."""
    input.fractional(f"max_unpool{axes}d")
    kernel = for_each(axes, kernel_size, "kernel_size")
    steps = kernel if stride is None else for_each(axes, stride, "stride")
    sides = for_each(axes, padding, "padding", 0)
    usual = zip(input.shape[-axes:], kernel, steps, sides, strict=True)
    size = [(n - 1) * step + k - 2 * side for n, k, step, side in usual]
    if output_size is not None:
        wanted = list(output_size[2:] if len(output_size) == axes + 2 else output_size)
        if len(wanted) != axes:
            raise ValueError(
                f"output_size has {axes} or {axes + 2} numbers, not {len(wanted)}: {output_size}"
            )
        if any(abs(new - old) >= step for new, old, step in zip(wanted, size, steps, strict=True)):
            raise ValueError(f'invalid output_size "{output_size}": it lies within {steps} of {size}')
        size = wanted
    if indices.shape != input.shape:
        raise ShapeError(f"max_unpool: {input.shape} has other indices than {indices.shape}")
    flat = input.new_zeros(*input.shape[:-axes], prod(size))
    if indices.numel() and not 0 <= int(indices.min().item()) <= int(indices.max().item()) < prod(size):
        raise ShapeError(f"Found an invalid max index (output volumes are of size {size})")
    out = flat.scatter(-1, indices.flatten(-axes), input.flatten(-axes))
    return out.reshape(*input.shape[:-axes], *size)


def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """`max_pool1d` backwards, zeros elsewhere."""
    return max_unpool(1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """`max_pool2d` backwards, zeros elsewhere."""
    return max_unpool(2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """`max_pool3d` backwards, zeros elsewhere."""
    return max_unpool(3, input, indices, kernel_size, stride, padding, output_size)
