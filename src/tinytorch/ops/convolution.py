"""Convolution cards: windows that slide over an input, what is made of each, and the way back."""

from __future__ import annotations

from itertools import product
from math import inf, prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinytorch import dtypes
from tinytorch.layout import Layout, Shape
from tinytorch.ops.card import Fused, Grads, Op, wide, widened

if TYPE_CHECKING:
    from tinytorch.array import Array
    from tinytorch.tensor import Tensor

Padding = tuple[tuple[int, int], ...]


def output_size(size: int, kernel: int, stride: int, padding: tuple[int, int], dilation: int) -> int:
    """How many windows fit along an axis of `size` elements with `padding` more before and behind.

    A window reads `kernel` elements, each `dilation` after the one before; windows start `stride` apart.

    >>> output_size(28, 5, 1, (2, 2), 1), output_size(10, 3, 2, (0, 0), 2)
    (28, 3)
    """
    reach = dilation * (kernel - 1) + 1
    return (size + sum(padding) - reach) // stride + 1


class Window(NamedTuple):
    """How windows slide over the last axes of an input: one entry for each of these axes.

    kernel: how many elements a window reads. stride: from one window to the next. padding: elements
    added before and behind; a negative number behind takes some away. dilation: from one element read to
    the next.
    """

    kernel: Shape
    stride: Shape
    padding: Padding
    dilation: Shape

    def counts(self, size: Shape) -> Shape:
        """How many windows fit along each axis."""
        return tuple([output_size(*each) for each in zip(size, *self, strict=True)])

    def taps(self) -> list[Shape]:
        """Every place within a window, in reading order.

        >>> Window((2, 2), (1, 1), ((0, 0), (0, 0)), (1, 1)).taps()
        [(0, 0), (0, 1), (1, 0), (1, 1)]
        """
        return list(product(*map(range, self.kernel)))


def padded(x: Array, padding: Padding, value: float) -> Array:
    """`value` added before and behind the last axes, elements dropped where the padding is negative."""
    first = len(x.shape) - len(padding)
    inner, shape = x.layout, list(x.shape)
    for axis, (before, behind) in enumerate(padding, first):
        inner = inner.slice(axis, max(-before, 0), shape[axis] - max(-behind, 0))
        shape[axis] += before + behind
    if tuple(shape) == inner.shape:
        return x.view(inner)
    made = x.device.upload(np.full(shape, value, x.dtype.numpy))
    place = made.layout
    for axis, (before, _) in enumerate(padding, first):
        place = place.slice(axis, max(before, 0), max(before, 0) + inner.shape[axis])
    x.device.map(0, x.view(inner), out=made.view(place))
    return made


class Windows(Op):
    """The windows over the last axes of x (..., *size): (..., *count, *kernel), a view of x or of its padded copy"""

    __slots__ = ("value", "window")
    reads = {"x": ()}

    def __init__(self, window: Window, value: float = 0.0) -> None:
        self.window = window
        self.value = value  # what stands in the padding

    def forward(self, x: Array) -> Array:
        kernel, stride, padding, dilation = self.window
        x = padded(x, padding, self.value)
        layout, first = x.layout, len(x.shape) - len(kernel)
        for axis, (size, step, gap) in enumerate(zip(kernel, stride, dilation, strict=True), first):
            layout = layout.unfold(axis, gap * (size - 1) + 1, step).slice(-1, step=gap)
        return x.view(layout)

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        size = x.shape[x.ndim - len(self.window.kernel) :]
        return (g.apply(Fold(self.window, size), g),)

    def bytes(self, out: Any, *xs: Any) -> int:
        """What padding reads and writes; the windows themselves are a view."""
        return int(2 * xs[0].nbytes) if any(map(any, self.window.padding)) else 0


class Fold(Op):
    """Windows (..., *count, *kernel) added up where they overlap: (..., *size). The gradient of Windows"""

    __slots__ = ("size", "window")
    reads = {"windows": ()}
    fresh = True

    def __init__(self, window: Window, size: Shape) -> None:
        self.window = window
        self.size = size

    def forward(self, windows: Array) -> Array:
        added = [(before, max(behind, 0)) for before, behind in self.window.padding]
        given, lead = windows.dtype, windows.shape[: -2 * len(added)]
        windows = windows if wide(given) is given else windows.cast(wide(given))
        whole = [n + sum(each) for n, each in zip(self.size, added, strict=True)]
        out = windows.device.upload(np.zeros((*lead, *whole), windows.dtype.numpy))
        for tap in self.window.taps():
            place = out.view(self.reached(out.layout, windows.layout, tap))
            windows.device.map(("add", 0, 1), place, windows.view(taken(windows.layout, tap)), out=place)
        if not any(map(any, added)) and given is out.dtype:
            return out
        return padded(out, tuple([(-before, -behind) for before, behind in added]), 0.0).cast(given)

    def reached(self, whole: Layout, windows: Layout, tap: Shape) -> Layout:
        """Where one tap of all the windows lies in the padded input."""
        first = whole.ndim - len(tap)
        for i, at in enumerate(tap):
            start, step = at * self.window.dilation[i], self.window.stride[i]
            stop = start + (windows.shape[first + i] - 1) * step + 1
            whole = whole.slice(first + i, start, stop, step)
        return whole

    def grad(self, g: Tensor, out: Tensor, windows: Tensor) -> Grads:
        return (g.apply(Windows(self.window), g),)

    def flops(self, out: Any, *xs: Any) -> int:
        """An addition for each element of the windows."""
        return int(xs[0].numel())


def taken(windows: Layout, tap: Shape) -> Layout:
    """One tap of all the windows (..., *count, *kernel): (..., *count)."""
    for at in reversed(tap):
        windows = windows.select(-1, at)
    return windows


def columns(x: Tensor, window: Window, groups: int) -> Tensor:
    """The windows of x (N, C, *size) as columns, a matrix for each group: (groups, C / groups * taps, N * places)."""
    windows = x.apply(Windows(window), x)  # (N, C, *count, *kernel)
    axes = len(window.kernel)
    order = (1, *range(2 + axes, 2 + 2 * axes), 0, *range(2, 2 + axes))
    places = prod([windows.shape[0], *windows.shape[2 : 2 + axes]])
    rows = x.shape[1] // groups * prod(window.kernel)
    return windows.permute(order).reshape(groups, rows, places)


def split_groups(y: Tensor, groups: int) -> Tensor:
    """What stands at each place, y (N, O, *count), a matrix for each group: (groups, O / groups, N * places)."""
    places = prod([y.shape[0], *y.shape[2:]])
    return y.transpose(0, 1).reshape(groups, y.shape[1] // groups, places)


def with_bias(y: Tensor, bias: tuple[Tensor, ...]) -> Tensor:
    """y (N, O, *count) plus one number for each of its O channels, if there is a bias."""
    for each in bias:
        y = y + widened(each).reshape(-1, *[1] * (y.ndim - 2))
    return y


def over_channels(g: Tensor) -> Tensor:
    """g (N, O, *count) summed to one number for each channel: (O,)."""
    return g.sum([axis for axis in range(g.ndim) if axis != 1])


class Convolution(Fused):
    """x (N, C, *size), weight (O, C / groups, *kernel) and bias (O,) or none: the weighted sum of each window, (N, O, *count)

    A cross-correlation, as in PyTorch: the weight is not flipped.
    """

    __slots__ = ("groups", "window")
    reads = {"x": ("weight",), "weight": ("x",), "bias": ()}

    def __init__(self, window: Window, groups: int) -> None:
        self.window = window
        self.groups = groups

    def definition(self, x: Tensor, weight: Tensor, *bias: Tensor) -> Any:
        cols = columns(widened(x), self.window, self.groups)  # (groups, C / groups * taps, N * places)
        outputs, taps = weight.shape[0], cols.shape[1]
        rows = widened(weight).reshape(self.groups, outputs // self.groups, taps)
        sums = rows @ cols  # (groups, O / groups, N * places)
        count = self.window.counts(x.shape[2:])
        out = sums.reshape(outputs, x.shape[0], *count).transpose(0, 1)  # (N, O, *count)
        return with_bias(out, bias).to(x.dtype).contiguous()

    def grad(self, g: Tensor, out: Tensor, x: Tensor, weight: Tensor, *bias: Tensor) -> Grads:
        to_x = to_weight = None
        if x.requires_grad:
            to_x = g.apply(TransposedConvolution(self.window, self.groups, x.shape[2:]), g, weight)
        if weight.requires_grad:
            to_weight = g.apply(ConvolutionWeight(self.window, self.groups), x, g)
        return to_x, to_weight, *[over_channels(g) for _ in bias]

    def flops(self, out: Any, *xs: Any) -> int:
        """A multiplication and an addition for each weight that an output reads."""
        return int(2 * out.numel() * prod(xs[1].shape[1:]))


class TransposedConvolution(Fused):
    """x (N, O, *count) spread over windows by weight (O, C / groups, *kernel), plus bias (C,) or none: (N, C, *size)

    The gradient of a convolution for its input, and what `conv_transpose2d` computes.
    """

    __slots__ = ("groups", "size", "window")
    reads = {"x": ("weight",), "weight": ("x",), "bias": ()}

    def __init__(self, window: Window, groups: int, size: Shape) -> None:
        self.window = window
        self.groups = groups
        self.size = size

    def definition(self, x: Tensor, weight: Tensor, *bias: Tensor) -> Any:
        n, outputs, axes = x.shape[0], weight.shape[0], len(self.size)
        taps = prod(weight.shape[1:])
        rows = widened(weight).reshape(self.groups, outputs // self.groups, taps)
        parts = rows.mT @ split_groups(widened(x), self.groups)  # (groups, C / groups * taps, N * places)
        parts = parts.reshape(weight.shape[1] * self.groups, *self.window.kernel, n, *x.shape[2:])
        order = (1 + axes, 0, *range(2 + axes, 2 + 2 * axes), *range(1, 1 + axes))
        out = parts.apply(Fold(self.window, self.size), parts.permute(order))  # (N, C, *size)
        return with_bias(out, bias).to(x.dtype)

    def grad(self, g: Tensor, out: Tensor, x: Tensor, weight: Tensor, *bias: Tensor) -> Grads:
        to_x = to_weight = None
        if x.requires_grad:
            to_x = g.apply(Convolution(self.window, self.groups), g, weight)
        if weight.requires_grad:
            to_weight = g.apply(ConvolutionWeight(self.window, self.groups), g, x)
        return to_x, to_weight, *[over_channels(g) for _ in bias]

    def flops(self, out: Any, *xs: Any) -> int:
        """A multiplication and an addition for each weight that an input meets."""
        return int(2 * xs[0].numel() * prod(xs[1].shape[1:]))


class ConvolutionWeight(Fused):
    """x (N, C, *size) and y (N, O, *count): how each window of x goes with y, (O, C / groups, *kernel)

    The gradient of a convolution for its weight, where y is the gradient of its output.
    """

    __slots__ = ("groups", "window")
    reads = {"x": ("y",), "y": ("x",)}

    def __init__(self, window: Window, groups: int) -> None:
        self.window = window
        self.groups = groups

    def definition(self, x: Tensor, y: Tensor) -> Any:
        cols = columns(widened(x), self.window, self.groups)  # (groups, C / groups * taps, N * places)
        sums = split_groups(widened(y), self.groups) @ cols.mT  # (groups, O / groups, C / groups * taps)
        return sums.reshape(y.shape[1], x.shape[1] // self.groups, *self.window.kernel).to(x.dtype)

    def grad(self, g: Tensor, out: Tensor, x: Tensor, y: Tensor) -> Grads:
        to_x = to_y = None
        if x.requires_grad:
            to_x = g.apply(TransposedConvolution(self.window, self.groups, x.shape[2:]), y, g)
        if y.requires_grad:
            to_y = g.apply(Convolution(self.window, self.groups), x, g)
        return to_x, to_y

    def flops(self, out: Any, *xs: Any) -> int:
        """A multiplication and an addition for each weight and each place of y."""
        return int(2 * xs[1].numel() * prod(out.shape[1:]))


class SumPool(Fused):
    """The sum of each window: (..., *size) to (..., *count)"""

    __slots__ = ("window",)
    reads = {"x": ()}

    def __init__(self, window: Window) -> None:
        self.window = window

    def definition(self, x: Tensor) -> Any:
        windows = x.apply(Windows(self.window), widened(x))  # (..., *count, *kernel)
        first, *others = self.window.taps()
        total = windows[(..., *first)].clone()
        for tap in others:
            total = total + windows[(..., *tap)]
        return total.to(x.dtype).contiguous()

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        kernel = self.window.kernel
        shared = g.reshape(*g.shape, *[1] * len(kernel)).expand(*g.shape, *kernel)
        return (g.apply(Fold(self.window, x.shape[x.ndim - len(kernel) :]), shared),)

    def flops(self, out: Any, *xs: Any) -> int:
        """An addition for each element of a window."""
        return int(out.numel() * prod(self.window.kernel))


class MaxPool(Fused):
    """The largest of each window, and the number of its tap: the first among equals, the last NaN, never the padding"""

    __slots__ = ("window",)
    reads = {"x": ("out",)}
    results = (1,)

    def __init__(self, window: Window) -> None:
        self.window = window

    def definition(self, x: Tensor) -> Any:
        lowest = -inf if x.is_floating_point() else dtypes.iinfo(x.dtype).min
        windows = x.apply(Windows(self.window, lowest), x)  # (..., *count, *kernel)
        best, which = x.new_full((), lowest), self.first_inside(x)
        for number, tap in enumerate(self.window.taps()):
            value = windows[(..., *tap)]
            better = (value > best) | value.isnan()
            best, which = best.maximum(value), which.new_full((), number).where(better, which)
        return best.contiguous(), which.contiguous()

    def first_inside(self, x: Tensor) -> Tensor:
        """For each window the first tap that is not in the padding, int32: what wins where all are -inf."""
        axes = len(self.window.kernel)
        inside = x.new_ones(x.shape[x.ndim - axes :], dtype=dtypes.float32)
        windows = x.apply(Windows(self.window), inside)  # (*count, *kernel)
        return windows.flatten(axes).argmax(-1).to(dtypes.int32)

    def grad(self, g: Any, out: Any, x: Tensor) -> Grads:
        kernel, shape = self.window.kernel, g[0].shape
        axes, whole = len(kernel), len(kernel) + len(shape)
        numbers = np.arange(prod(kernel)).reshape(*kernel, *[1] * len(shape))
        won = out[1] == g[0].new_tensor(numbers, dtype=dtypes.int32)  # (*kernel, ..., *count)
        share = g[0].where(won, 0.0).permute(*range(axes, whole), *range(axes))  # (..., *count, *kernel)
        return (share.apply(Fold(self.window, x.shape[len(x.shape) - axes :]), share),)

    def flops(self, out: Any, *xs: Any) -> int:
        """A comparison for each element of a window."""
        return int(out[0].numel() * prod(self.window.kernel))
