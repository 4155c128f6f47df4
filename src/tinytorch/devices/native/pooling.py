"""Kernels of pooling over one or two axes: the largest or the sum of each window."""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from tinytorch.array import Array
from tinytorch.devices.interface import Kernel
from tinytorch.devices.native.arrays import F32, Host, array, dense, plain
from tinytorch.devices.native.library import function
from tinytorch.dtypes import int32

run_max = function("max_pool", "aaaa")  # x, out, which, settings
run_max_gradient = function("max_pool_gradient", "aaaa")  # g, which, out, settings
run_sum = function("sum_pool", "aaa")  # x, out, settings
run_sum_gradient = function("sum_pool_gradient", "aaa")  # g, out, settings
Shape = tuple[int, ...]


@lru_cache(1024)
def settings(window: Any) -> Any:
    """Step, gap, elements in front and taps, for two axes, as C reads them; a single axis is the second."""
    missing = 2 - len(window.kernel)
    one, before = (1,) * missing, [before for before, _ in window.padding]
    numbers = [*one, *window.stride, *one, *window.dilation, *[0] * missing, *before, *one, *window.kernel]
    return np.array(numbers, np.int64)


def sizes(window: Any, shape: Shape) -> tuple[Shape, Shape]:
    """The axes in front, and those that windows slide over."""
    axes = len(window.kernel)
    return shape[:-axes], shape[-axes:]


def planes(host: Any, lead: Shape) -> Any:
    """Everything (*lead, *size) as planes (planes, rows, columns), where one axis is one row."""
    size = host.shape[len(lead) :]
    return host.reshape(prod(lead), *[1] * (2 - len(size)), *size)


def max_pool(card: Any, x: Array) -> Any:
    """The largest of each window, and the number of its tap."""
    window = card.window
    if len(window.kernel) > 2 or not plain(x):
        return NotImplemented
    lead, size = sizes(window, x.shape)
    out: Host = np.empty((*lead, *window.counts(size)), F32)
    which: Any = np.empty(out.shape, np.int32)
    run_max(planes(dense(x), lead), planes(out, lead), planes(which, lead), settings(window))
    numbers = array(which, x)
    numbers.dtype = int32
    return array(out, x), numbers


def max_pool_gradient(card: Any, wanted: list[bool], g: Any, out: Any, shape: Shape) -> Any:
    """To the winners."""
    window, which = card.window, out[1].host
    if len(window.kernel) > 2 or not plain(g[0]):
        return NotImplemented
    lead, _ = sizes(window, shape)
    made: Host = np.empty(shape, F32)
    won = planes(np.ascontiguousarray(which), lead)
    run_max_gradient(planes(dense(g[0]), lead), won, planes(made, lead), settings(window))
    return (array(made, g[0]),)


def sum_pool(card: Any, x: Array) -> Any:
    """The sum of each window."""
    window = card.window
    if len(window.kernel) > 2 or not plain(x):
        return NotImplemented
    lead, size = sizes(window, x.shape)
    out = np.empty((*lead, *window.counts(size)), F32)
    run_sum(planes(dense(x), lead), planes(out, lead), settings(window))
    return array(out, x)


def sum_pool_gradient(card: Any, wanted: list[bool], g: Array, out: None, shape: Shape) -> Any:
    """To all elements of each window."""
    window = card.window
    if len(window.kernel) > 2 or not plain(g):
        return NotImplemented
    lead, _ = sizes(window, shape)
    made: Host = np.empty(shape, F32)
    run_sum_gradient(planes(dense(g), lead), planes(made, lead), settings(window))
    return (array(made, g),)


KERNELS = {
    "MaxPool": Kernel(max_pool, max_pool_gradient, shapes=True),
    "SumPool": Kernel(sum_pool, sum_pool_gradient, shapes=True),
}
