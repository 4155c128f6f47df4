"""Kernels of softmax and of the bends between layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinytorch.array import Array
from tinytorch.devices.interface import Kernel
from tinytorch.devices.native.arrays import F32, array, dense, plain
from tinytorch.devices.native.library import function


def over_rows(name: str) -> Kernel:
    """Softmax or its logarithm over the last axis; the gradient reads the result, not the input."""
    run = function(name, "aa")  # x, out
    run_gradient = function(f"{name}_gradient", "aaa")  # g, out, gradient of x

    def forward(card: Any, x: Array) -> Any:
        if not plain(x) or card.axis not in (-1, len(x.shape) - 1):
            return NotImplemented
        out = np.empty(x.shape, F32)
        run(dense(x), out)
        return array(out, x)

    def gradient(card: Any, wanted: list[bool], g: Array, out: Array, x: None) -> Any:
        if not plain(g, out) or card.axis not in (-1, len(out.shape) - 1):
            return NotImplemented
        to_x = np.empty(out.shape, F32)
        run_gradient(dense(g), dense(out), to_x)
        return (array(to_x, g),)

    return Kernel(forward, gradient)


def bend(name: str, other: str = "") -> Kernel:
    """A function of single elements, whose gradient reads the input; `other` is the one for cards with `tanh`."""
    runs = [function(each, "aa") for each in (name, other or name)]  # x, out
    gradients = [function(f"{each}_gradient", "aaa") for each in (name, other or name)]  # g, x, gradient of x

    def chosen(card: Any, among: list[Callable[..., None]]) -> Callable[..., None]:
        return among[bool(other and card.tanh)]

    def forward(card: Any, x: Array) -> Any:
        if not plain(x):
            return NotImplemented
        out = np.empty(x.shape, F32)
        chosen(card, runs)(dense(x), out)
        return array(out, x)

    def gradient(card: Any, wanted: list[bool], g: Array, out: None, x: Array) -> Any:
        if not plain(g, x):
            return NotImplemented
        to_x = np.empty(x.shape, F32)
        chosen(card, gradients)(dense(g), dense(x), to_x)
        return (array(to_x, g),)

    return Kernel(forward, gradient)


KERNELS = {
    "Softmax": over_rows("softmax"),
    "LogSoftmax": over_rows("log_softmax"),
    "Gelu": bend("gelu", "gelu_tanh"),
    "Silu": bend("silu"),
}
