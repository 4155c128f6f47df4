"""Adaptive pooling: windows chosen so that the output has a given size (`torch.nn.functional`)."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, prod
from typing import Any

import numpy as np

from tinytorch import dtypes, ops
from tinytorch.errors import ShapeError
from tinytorch.nn.functional.pooling import averaged, check_input, numbered
from tinytorch.ops.convolution import Window
from tinytorch.tensor import Tensor, apply

Values = np.ndarray[Any, Any]


def bins(size: int, count: int) -> tuple[Values, Values]:
    """`count` bins over `size` elements: where each starts, and how many elements it has. They may overlap by one.

    >>> [each.tolist() for each in bins(5, 3)]
    [[0, 1, 3], [2, 3, 2]]
    """
    i = np.arange(count)
    start = i * size // count
    return start, -(-(i + 1) * size // count) - start


def wanted(input: Tensor, axes: int, output_size: Any, name: str) -> tuple[int, ...]:
    """The output size as one number for each axis; None keeps an axis. Raises ShapeError for another count."""
    given = tuple(output_size) if isinstance(output_size, Sequence) else (output_size,) * axes
    if len(given) != axes:
        raise ShapeError(f"{name}: output_size must be {axes} numbers, not {output_size}")
    sizes = tuple([n if each is None else each for each, n in zip(given, input.shape[-axes:], strict=True)])
    if min(sizes) < 0:
        raise ShapeError(
            f"{name}: elements of output_size must be greater than or equal to 0, not {output_size}"
        )
    return sizes


def side_by_side(x: Tensor, counts: Sequence[int], value: float) -> tuple[Tensor, Window]:
    """The bins of the last axes one after the other, all as long as the longest, and the window of one bin.

    What a shorter bin lacks is filled up with `value`.
    """
    longest = []
    for axis, count in enumerate(counts, x.ndim - len(counts)):
        size = x.shape[axis]
        start, length = bins(size, count)
        longest.append(int(length.max()))
        if size % count:
            places = start[:, None] + np.arange(longest[-1])
            inside = (places < (start + length)[:, None]).reshape([-1] + [1] * (x.ndim - 1 - axis))
            where = x.new_tensor(np.minimum(places, size - 1).reshape(-1), dtype=dtypes.int64)
            x = x.index_select(axis, where).where(x.new_tensor(inside, dtype=dtypes.bool_), value)
    kernel = tuple(longest)
    return x, Window(kernel, kernel, ((0, 0),) * len(kernel), (1,) * len(kernel))


def adaptive_avg_pool(axes: int, input: Tensor, output_size: Any) -> Tensor:
    """The average of each bin over the last `axes` axes."""
    name = f"adaptive_avg_pool{axes}d"
    counts = wanted(input, axes, output_size, name)
    check_input(input, axes, name)
    if 0 in counts:
        return input.new_zeros(*input.shape[:-axes], *counts)
    if counts == (1,) * axes:
        return input.mean(tuple(range(-axes, 0)), keepdim=True)
    x, window = side_by_side(input.fractional(name), counts, 0.0)
    total: Tensor = apply(ops.SumPool(window), x)
    return averaged(total, [bins(n, count)[1] for n, count in zip(input.shape[-axes:], counts, strict=True)])


def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    """(N, C, L) or (C, L) to (N, C, output_size), each the average of a bin."""
    return adaptive_avg_pool(1, input, output_size)


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """(N, C, H, W) or (C, H, W) to (N, C, *output_size), each the average of a bin.

    output_size: two numbers, or one for both; None keeps an axis as it is.

    >>> import tinytorch as tt
    >>> adaptive_avg_pool2d(tt.arange(12.0).reshape(1, 3, 4), (1, 2))
    tensor([[[4.5000, 6.5000]]])
    """
    return adaptive_avg_pool(2, input, output_size)


def adaptive_avg_pool3d(input: Tensor, output_size: Any) -> Tensor:
    """(N, C, D, H, W) or (C, D, H, W) to (N, C, *output_size), each the average of a bin."""
    return adaptive_avg_pool(3, input, output_size)


def adaptive_max_pool(axes: int, input: Tensor, output_size: Any, return_indices: bool) -> Any:
    """The largest of each bin over the last `axes` axes, and where it stands."""
    name = f"adaptive_max_pool{axes}d"
    counts, size = wanted(input, axes, output_size, name), input.shape[-axes:]
    check_input(input, axes, name)
    numbers = input.new_tensor(np.arange(prod(size)).reshape(size), dtype=dtypes.int64)
    if 0 in counts:
        values = input.new_zeros(*input.shape[:-axes], *counts)
        return (values, values.long()) if return_indices else values
    x, window = side_by_side(input.fractional(name), counts, -inf)
    values, taps = apply(ops.MaxPool(window), x)
    if not return_indices:
        return values
    return values, numbered(taps, side_by_side(numbers, counts, 0)[0], window)


def adaptive_max_pool1d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """(N, C, L) or (C, L) to (N, C, output_size), each the largest of a bin."""
    return adaptive_max_pool(1, input, output_size, return_indices)


def adaptive_max_pool2d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """(N, C, H, W) or (C, H, W) to (N, C, *output_size), each the largest of a bin."""
    return adaptive_max_pool(2, input, output_size, return_indices)


def adaptive_max_pool3d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """(N, C, D, H, W) or (C, D, H, W) to (N, C, *output_size), each the largest of a bin."""
    return adaptive_max_pool(3, input, output_size, return_indices)
