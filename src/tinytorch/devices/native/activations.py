"""Kernels of softmax and of the bends between layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinytorch.array import Array
from tinytorch.devices.interface import Kernel
from tinytorch.devices.native.arrays import array, dense, plain
from tinytorch.devices.native.library import function

run_softmax = function("softmax", "aa")  # x, out
run_softmax_gradient = function("softmax_gradient", "aaa")  # g, y, out


def softmax(card: Any, x: Array) -> Any:
    """Over the last axis."""
    if not plain(x) or card.axis not in (-1, len(x.shape) - 1):
        return NotImplemented
    host = dense(x)
    out = np.empty_like(host)
    run_softmax(host, out)
    return array(out, x)


def softmax_gradient(card: Any, wanted: list[bool], g: Array, out: Array, x: None) -> Any:
    """Reads the result, not the input."""
    if not plain(g, out) or card.axis not in (-1, len(out.shape) - 1):
        return NotImplemented
    made = np.empty(out.shape, np.float32)
    run_softmax_gradient(dense(g), dense(out), made)
    return (array(made, g),)


KERNELS = {"Softmax": Kernel(softmax, softmax_gradient)}
