"""Kernels of convolutions over one or two axes, of their transposes and of the gradients of their weights."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from math import gcd
from typing import Any, NamedTuple

import numpy as np

from tinytorch.array import Array
from tinytorch.devices.interface import Kernel
from tinytorch.devices.native.arrays import ABSENT, F32, Host, array, dense, plain
from tinytorch.devices.native.library import function

run_convolve = function("convolve", "aaaaa")  # x, w, bias, out, settings
run_weight = function("convolution_weight", "aaaa")  # x, g, out, settings
Shape = tuple[int, ...]


def settings(stride: Shape, dilation: Shape, before: Shape) -> Any:
    """Step, gap and zeros in front, for two axes, as C reads them; a single axis is the second."""
    missing = 2 - len(stride)
    one, none = (1,) * missing, (0,) * missing
    return np.array([*one, *stride, *one, *dilation, *none, *before], np.int64)


@lru_cache(1024)
def of_window(window: Any) -> Any:
    """The settings of a convolution."""
    return settings(window.stride, window.dilation, tuple([before for before, _ in window.padding]))


def images(host: Host) -> Host:
    """Images (N, C, *size) of one or two axes, seen with two."""
    return host if host.ndim == 4 else host[:, :, None]


def in_groups(weight: Host, groups: int) -> Host:
    """A weight (O, C / groups, *kernel), seen as (groups, O / groups, C / groups, rows, columns)."""
    outputs, channels, *kernel = weight.shape
    return weight.reshape(groups, outputs // groups, channels, *[1] * (2 - len(kernel)), *kernel)


def convolved(window: Any, groups: int, x: Array, weight: Array, *bias: Array) -> Array:
    """The weighted sum of each window of x."""
    out = np.empty((x.shape[0], weight.shape[0], *window.counts(x.shape[2:])), F32)
    added = dense(bias[0]) if bias else ABSENT
    run_convolve(images(x.host), in_groups(weight.host, groups), added, images(out), of_window(window))
    return array(out, x)


class Phase(NamedTuple):
    """Every `step`-th output of a transposed convolution along one axis: a convolution of its own, of step 1."""

    outputs: slice
    taps: slice  # those that reach these outputs, the last first
    gap: int
    before: int


def phases(size: int, kernel: int, step: int, padding: tuple[int, int], gap: int) -> list[Phase]:
    """The output at place p gets input i by tap t if p + padding = i * step + t * gap.

    >>> phases(4, 3, 2, (1, 1), 1)[1]
    Phase(outputs=slice(0, None, 2), taps=slice(1, 0, -2), gap=1, before=0)
    """
    found, period = [], step // gcd(step, gap)
    for rest in range(step):
        first = -(-(padding[0] - rest) // step)  # p + padding = (first + number of the output) * step + rest
        start = first * step + rest - padding[0]
        taps = [t for t in range(kernel) if t * gap % step == rest]
        taken = slice(taps[-1], taps[0] - 1 if taps[0] else None, -period) if taps else slice(0, 0)
        if start < size:
            before = taps[-1] * gap // step - first if taps else 0
            found.append(Phase(slice(start, None, step), taken, gap // gcd(step, gap), before))
    return found


@lru_cache(1024)
def plan(window: Any, size: Shape) -> list[tuple[Any, Any, Any]]:
    """The convolutions that make up a transposed one: which outputs, which taps, settings."""
    lead = [[Phase(slice(None), slice(None), 1, 0)]] * (2 - len(size))
    axes = [phases(*each) for each in zip(size, *window, strict=True)]
    return [
        (
            (..., *[each.outputs for each in both]),
            (..., *[each.taps for each in both]),
            settings((1, 1), tuple([each.gap for each in both]), tuple([each.before for each in both])),
        )
        for both in product(*lead, *axes)
    ]


def spread(window: Any, groups: int, size: Shape, x: Array, weight: Array, *bias: Array) -> Array:
    """Each element of x spread over a window, added up where windows overlap."""
    w = in_groups(weight.host, groups).swapaxes(1, 2)  # (groups, C / groups, O / groups, rows, columns)
    out = np.empty((x.shape[0], w.shape[0] * w.shape[1], *size), F32)
    added, seen, to = dense(bias[0]) if bias else ABSENT, images(x.host), images(out)
    for outputs, taps, given in plan(window, size):
        run_convolve(seen, w[taps], added, to[outputs], given)
    return array(out, x)


def correlated(window: Any, groups: int, x: Array, y: Array) -> Array:
    """How each window of x goes with y."""
    out = np.empty((y.shape[1], x.shape[1] // groups, *window.kernel), F32)
    run_weight(images(x.host), images(y.host), in_groups(out, groups), of_window(window))
    return array(out, x)


def served(card: Any, *arrays: Array | None) -> bool:
    """Whether these kernels were written for it: float32, one or two axes."""
    return len(card.window.kernel) <= 2 and plain(*arrays)


def convolution(card: Any, x: Array, weight: Array, *bias: Array) -> Any:
    """Any stride, padding, dilation and groups."""
    if not served(card, x, weight, *bias):
        return NotImplemented
    return convolved(card.window, card.groups, x, weight, *bias)


def transposed(card: Any, x: Array, weight: Array, *bias: Array) -> Any:
    """Any stride, padding, dilation and groups."""
    if not served(card, x, weight, *bias):
        return NotImplemented
    return spread(card.window, card.groups, card.size, x, weight, *bias)


def weight(card: Any, x: Array, y: Array) -> Any:
    """Any stride, padding, dilation and groups."""
    return correlated(card.window, card.groups, x, y) if served(card, x, y) else NotImplemented


KERNELS = {  # the gradients of each are the other two, which their rules say
    "Convolution": Kernel(convolution),
    "TransposedConvolution": Kernel(transposed),
    "ConvolutionWeight": Kernel(weight),
}
