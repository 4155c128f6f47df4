"""Kernels of batch normalisation."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinytorch.array import Array
from tinytorch.devices.interface import Kernel
from tinytorch.devices.native.arrays import ABSENT, F32, array, dense, plain
from tinytorch.devices.native.library import function

run_norm = function("batch_norm", "aaaaaad")  # x, weight, bias, out, mean, variance, eps
run_gradient = function("batch_norm_gradient", "aaaaaad")  # x, weight, g, out, to_weight, to_bias, eps


def batch_norm(card: Any, x: Array, weight: Array | None = None, bias: Array | None = None) -> Any:
    """x (N, C, ...) by its own mean and variance (C,), which are returned too."""
    if not plain(x, weight, bias):
        return NotImplemented
    out, mean, variance = np.empty(x.shape, F32), np.empty(x.shape[1], F32), np.empty(x.shape[1], F32)
    run_norm(dense(x), dense(weight), dense(bias), out, mean, variance, card.eps)
    return array(out, x), array(mean, x), array(variance, x)


def batch_norm_gradient(
    card: Any, wanted: list[bool], g: Any, out: Any, x: Array, weight: Array | None = None, bias: None = None
) -> Any:
    """Computes mean and variance again."""
    if g[1] is not None or g[2] is not None or x is None or not plain(g[0], x, weight):
        return NotImplemented
    made = np.empty(x.shape, F32) if wanted[0] else ABSENT
    to_weight, to_bias = np.empty(x.shape[1], F32), np.empty(x.shape[1], F32)
    run_gradient(dense(x), dense(weight), dense(g[0]), made, to_weight, to_bias, card.eps)
    gradients = [array(each, g[0]) for each in (made, to_weight, to_bias)]
    return [each if want else None for each, want in zip(gradients, wanted, strict=False)]


KERNELS = {"BatchNorm": Kernel(batch_norm, batch_norm_gradient)}
