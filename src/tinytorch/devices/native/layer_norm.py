"""Kernels of layer norm and RMS norm."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from tinytorch.array import Array
from tinytorch.devices.interface import Kernel
from tinytorch.devices.native.arrays import ABSENT, F32, array, dense, plain
from tinytorch.devices.native.library import function

run = function("norm", "aaaalfi")  # x, weight, bias, out, size of a row, eps, whether the mean is taken away
run_gradient = function(
    "norm_gradient", "aaaaaalfi"
)  # g, x, weight, to x, to weight, to bias, size, eps, mean


def kernel(centred: bool) -> Kernel:
    """Layer norm, which takes the mean away, or RMS norm, which does not."""

    def forward(card: Any, x: Array, weight: Array | None = None, bias: Array | None = None) -> Any:
        if not plain(x, weight, bias):
            return NotImplemented
        out = np.empty(x.shape, F32)
        size = prod(x.shape[len(x.shape) - card.count :])
        run(dense(x), flat(weight), flat(bias), out, size, card.eps, centred)
        return array(out, x)

    def gradient(
        card: Any,
        wanted: list[bool],
        g: Array,
        out: None,
        x: Array,
        weight: Array | None = None,
        bias: None = None,
    ) -> Any:
        if not plain(g, x, weight):
            return NotImplemented
        shape = x.shape[len(x.shape) - card.count :]
        size, to_x = prod(shape), np.empty(x.shape, F32)
        parameters = [np.zeros(size, F32) if want else ABSENT for want in (*wanted[1:], False, False)[:2]]
        run_gradient(dense(g), dense(x), flat(weight), to_x, *parameters, size, card.eps, centred)
        made = (to_x, *[each.reshape(shape) if len(each) else each for each in parameters])
        return [array(each, g) if want else None for each, want in zip(made, wanted, strict=False)]

    return Kernel(forward, gradient)


def flat(x: Array | None) -> Any:
    """A parameter as one row; an empty one where there is none."""
    return dense(x).reshape(-1)


KERNELS = {"LayerNorm": kernel(True), "RMSNorm": kernel(False)}
