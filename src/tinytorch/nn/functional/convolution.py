"""Convolutions, and windows taken apart and put together (`torch.nn.functional`)."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from tinytorch import ops
from tinytorch.dtypes import bool_, int64
from tinytorch.errors import DtypeError, ShapeError
from tinytorch.ops.convolution import Padding, Window
from tinytorch.tensor import Tensor, apply

Sizes = int | Sequence[int]


def for_each(axes: int, value: Any, name: str, least: int = 1) -> tuple[int, ...]:
    """One number for each axis: the one given for all, or a sequence of them.

    Raises ShapeError for another count, or for a number below `least`.

    >>> for_each(2, 3, "stride")
    (3, 3)
    """
    values = tuple(value) if isinstance(value, Sequence) else (value,)
    values = values * axes if len(values) == 1 else values
    if len(values) != axes:
        raise ShapeError(f"{name} {value} has {len(values)} numbers, there are {axes} axes to slide over")
    if min(values) < least:
        raise ShapeError(f"{name} {value} is not supported: it has to be {least} or more")
    return values


def fractions_or_int64(input: Tensor, name: str) -> Tensor:
    """Itself. Raises DtypeError for bools and for narrow whole numbers, whose sums would soon leave their type."""
    if not input.is_floating_point() and input.dtype is not int64:
        raise DtypeError(f"{name} is not implemented for {input.dtype.name}: convert it with .float()")
    return input


def margins(padding: Any, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> Padding:
    """Padding before and behind each axis: numbers, "valid" for none, "same" for as many windows as elements."""
    if padding == "valid":
        return ((0, 0),) * len(kernel)
    if padding == "same":
        if any(step != 1 for step in stride):
            raise ShapeError(
                f"padding='same' is not supported for strided convolutions, and stride is {stride}"
            )
        total = [gap * (size - 1) for gap, size in zip(dilation, kernel, strict=True)]
        return tuple([(each // 2, each - each // 2) for each in total])
    if isinstance(padding, str):
        raise ShapeError(f"Invalid padding string: {padding!r}; there are 'same' and 'valid'")
    return tuple([(each, each) for each in for_each(len(kernel), padding, "padding", 0)])


def batched(input: Tensor, axes: int, name: str) -> Tensor:
    """The input with an axis for the batch, which may be missing. Raises ShapeError for another number of axes."""
    if input.ndim not in (axes + 1, axes + 2):
        raise ShapeError(
            f"Expected {axes + 1}D (unbatched) or {axes + 2}D (batched) input to {name}, "
            f"but got input of size: {list(input.shape)}"
        )
    return input if input.ndim == axes + 2 else input.unsqueeze(0)


def check_operands(input: Tensor, weight: Tensor, bias: Tensor | None, outputs: int, axes: int) -> None:
    """Raises where input, weight and bias have different types, or the last two shapes that do not fit."""
    for other, kind in ((weight, "weight"), (bias, "bias")):
        if other is not None and other.dtype is not input.dtype:
            raise DtypeError(
                f"Input type ({input.dtype}) and {kind} type ({other.dtype}) should be the same: "
                "convert one of them with .to(dtype)"
            )
    if weight.ndim != axes + 2 or 0 in (weight.shape[0], *weight.shape[2:]):
        raise ShapeError(
            f"a weight for {axes} axes has shape (out, in, {axes} sizes above 0), not {weight.shape}"
        )
    if bias is not None and bias.shape != (outputs,):
        raise ShapeError(
            f"Given weight of size {list(weight.shape)}, expected bias to be 1-dimensional with {outputs} "
            f"elements, but got bias of size {list(bias.shape)} instead"
        )


def check_groups(input: Tensor, weight: Tensor, groups: int, channels: int, transposed: bool = False) -> None:
    """Raises ShapeError where the channels of a batch do not go with the weight's, or not into the groups."""
    if groups < 1:
        raise ShapeError(f"non-positive groups is not supported: groups is {groups}")
    if weight.shape[0] % groups:
        raise ShapeError(
            f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, not {weight.shape}"
        )
    if input.shape[1] != channels:
        given = f"transposed={int(transposed)}" if transposed else f"groups={groups}"
        raise ShapeError(
            f"Given {given}, weight of size {list(weight.shape)}, expected input{list(input.shape)} to have "
            f"{channels} channels, but got {input.shape[1]} channels instead"
        )
    if 0 in input.shape[2:]:
        raise ShapeError(
            f"Only zero batch or zero channel inputs are supported, but got input shape: {list(input.shape)}"
        )


def convolve(
    axes: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
) -> Tensor:
    """A convolution over the last `axes` axes."""
    x = batched(input, axes, f"conv{axes}d")
    check_operands(input, weight, bias, weight.shape[0], axes)
    kernel = weight.shape[2:]
    steps, gaps = for_each(axes, stride, "stride"), for_each(axes, dilation, "dilation")
    if any(gap > 1 for gap in gaps):
        fractions_or_int64(input, f"conv{axes}d with dilation")
    window = Window(kernel, steps, margins(padding, kernel, steps, gaps), gaps)
    check_groups(x, weight, groups, weight.shape[1] * groups)
    if min(window.counts(x.shape[2:])) < 1:
        full = [n + sum(each) for n, each in zip(x.shape[2:], window.padding, strict=True)]
        raise ShapeError(
            f"Calculated padded input size per channel: {full}. Kernel size: {list(kernel)} with dilation "
            f"{list(gaps)}. Kernel size can't be greater than actual input size"
        )
    out: Tensor = apply(ops.Convolution(window, groups), x, weight, *(() if bias is None else (bias,)))
    return out if x is input else out.squeeze(0)


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: str | Sizes = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Tensor:
    """Input (N, C, L) or (C, L) with weight (O, C / groups, K): (N, O, windows), the weighted sum of each window."""
    return convolve(1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: str | Sizes = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Tensor:
    """Input (N, C, H, W) or (C, H, W) with weight (O, C / groups, KH, KW): the weighted sum of each window.

    padding: zeros on all sides, "valid" (none), or "same" (the output has the input's size; stride 1 only).
    Raises ShapeError, DtypeError where the operands do not fit.

    >>> import tinytorch as tt
    >>> conv2d(tt.ones(1, 1, 3, 3), tt.ones(1, 1, 2, 2), padding=1).shape
    (1, 1, 4, 4)
    """
    return convolve(2, input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: str | Sizes = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Tensor:
    """Input (N, C, D, H, W) or (C, D, H, W) with weight (O, C / groups, KD, KH, KW)."""
    return convolve(3, input, weight, bias, stride, padding, dilation, groups)


def convolve_transposed(
    axes: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
) -> Tensor:
    """A transposed convolution over the last `axes` axes."""
    x = fractions_or_int64(batched(input, axes, f"conv_transpose{axes}d"), f"conv_transpose{axes}d")
    check_operands(input, weight, bias, weight.shape[1] * groups, axes)
    steps, gaps = for_each(axes, stride, "stride"), for_each(axes, dilation, "dilation")
    sides = for_each(axes, padding, "padding", 0)
    more = for_each(axes, output_padding, "output_padding", 0)
    check_groups(x, weight, groups, weight.shape[0], transposed=True)
    if any(each >= max(step, gap) for each, step, gap in zip(more, steps, gaps, strict=True)):
        raise ShapeError(
            f"output padding must be smaller than either stride or dilation, but got {more} with stride "
            f"{steps} and dilation {gaps}"
        )
    # What is added to the output behind is not cut off there.
    cut = tuple([(side, side - each) for side, each in zip(sides, more, strict=True)])
    window = Window(weight.shape[2:], steps, cut, gaps)
    size = tuple([
        (n - 1) * step + gap * (k - 1) + 1 - sum(each)
        for n, k, step, each, gap in zip(x.shape[2:], *window, strict=True)
    ])  # fmt: skip
    if min(size) < 1:
        raise ShapeError(
            f"Given input size per channel: {x.shape[2:]}. Calculated output size per channel: {size}. "
            "Output size is too small"
        )
    operands = (x, weight) if bias is None else (x, weight, bias)
    out: Tensor = apply(ops.TransposedConvolution(window, groups, size), *operands)
    return out if x is input else out.squeeze(0)


def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
) -> Tensor:
    """Input (N, C, L) or (C, L) with weight (C, O / groups, K): each element spread over a window, (N, O, size)."""
    return convolve_transposed(1, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
) -> Tensor:
    """Input (N, C, H, W) or (C, H, W) with weight (C, O / groups, KH, KW): each element spread over a window.

    The gradient of `conv2d` for its input. output_padding: rows and columns more at the end, since a
    strided convolution makes the same of several sizes.

    >>> import tinytorch as tt
    >>> conv_transpose2d(tt.ones(1, 2, 3, 3), tt.ones(2, 1, 3, 3), stride=2, padding=1, output_padding=1).shape
    (1, 1, 6, 6)
    """
    return convolve_transposed(2, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
) -> Tensor:
    """Input (N, C, D, H, W) or (C, D, H, W) with weight (C, O / groups, KD, KH, KW)."""
    return convolve_transposed(3, input, weight, bias, stride, padding, output_padding, groups, dilation)


def unfold(
    input: Tensor, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1
) -> Tensor:
    """The windows of (N, C, H, W) or (C, H, W), each as a column: (N, C * KH * KW, windows).

    >>> import tinytorch as tt
    >>> unfold(tt.ones(1, 3, 4, 4), 2).shape
    (1, 12, 9)
    """
    x = batched(input, 2, "unfold")
    x = x if x.dtype is bool_ else x.fractional("unfold")
    window = sliding(kernel_size, dilation, padding, stride)
    count = window.counts(x.shape[2:])
    if min(count) < 1 or 0 in x.shape[1:]:
        raise ShapeError(
            f"no window fits: input {input.shape}, {window} leaves {count} of them along each axis"
        )
    windows: Tensor = apply(ops.Windows(window), x)  # (N, C, *count, *kernel)
    rows = x.shape[1] * prod(window.kernel)
    out = windows.permute(0, 1, 4, 5, 2, 3).clone().view(x.shape[0], rows, prod(count))
    return out if x.ndim == input.ndim else out.squeeze(0)


def fold(
    input: Tensor,
    output_size: Sizes,
    kernel_size: Sizes,
    dilation: Sizes = 1,
    padding: Sizes = 0,
    stride: Sizes = 1,
) -> Tensor:
    """Columns (N, C * KH * KW, windows) put back and added up where they overlap: (N, C, H, W).

    >>> import tinytorch as tt
    >>> fold(tt.ones(1, 4, 4), (3, 3), 2)[0, 0].tolist()
    [[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]
    """
    if input.ndim not in (2, 3) or 0 in input.shape[-2:]:
        raise ShapeError(f"fold takes columns (N, C * taps, windows) or without N, but got {input.shape}")
    x = (input if input.ndim == 3 else input.unsqueeze(0)).fractional("fold")
    window, size = sliding(kernel_size, dilation, padding, stride), for_each(2, output_size, "output_size")
    taps, count = prod(window.kernel), window.counts(size)
    if x.shape[1] % taps:
        raise ShapeError(
            f"Expected size of input's dimension 1 to be divisible by the {taps} taps of the kernel, but got {input.shape}"
        )
    if min(count) < 1 or x.shape[2] != prod(count):
        raise ShapeError(
            f"{window} fits {' * '.join(map(str, count))} times into {size}, but the input has {x.shape[2]} windows: {input.shape}"
        )
    windows = x.reshape(x.shape[0], x.shape[1] // taps, *window.kernel, *count).permute(0, 1, 4, 5, 2, 3)
    out: Tensor = apply(ops.Fold(window, size), windows)
    return out if input.ndim == 3 else out.squeeze(0)


def sliding(kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Window:
    """The window over two axes that `unfold` and `fold` describe."""
    sides = for_each(2, padding, "padding", 0)
    return Window(
        for_each(2, kernel_size, "kernel_size"),
        for_each(2, stride, "stride"),
        tuple([(side, side) for side in sides]),
        for_each(2, dilation, "dilation"),
    )
