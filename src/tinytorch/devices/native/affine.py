"""The kernel of an affine map: products by NumPy's BLAS, the bias added in place."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinytorch.array import Array
from tinytorch.devices.interface import Kernel
from tinytorch.devices.native.arrays import F32, Host, array, dense, plain
from tinytorch.devices.native.library import function

add_bias = function("add_bias", "aa")  # bias (m,), out (..., m)
sum_rows = function("sum_rows", "aa")  # x (..., m), out (m,)


SMALL = 16384  # numbers below which NumPy's addition, on one thread, costs less than a call into C


def rows(x: Array) -> Host:
    """A matrix: all axes but the last as one. One that lies transposed stays so: BLAS reads both."""
    host: Host = x.host
    return host if host.ndim == 2 else dense(x).reshape(-1, x.shape[-1])


def linear(card: Any, x: Array, weight: Array, bias: Array | None = None) -> Any:
    """x (..., n), weight (m, n), bias (m,): (..., m)."""
    if not plain(x, weight, bias):
        return NotImplemented
    out = rows(x) @ weight.host.T
    if bias is not None and out.size > SMALL:
        add_bias(dense(bias), out)
    elif bias is not None:
        out += bias.host
    return array(out.reshape(*x.shape[:-1], -1), x)


def linear_gradient(
    card: Any,
    wanted: list[bool],
    g: Array,
    out: None,
    x: Array | None,
    weight: Array | None,
    bias: None = None,
) -> Any:
    """Two products and a sum."""
    if not plain(g, x, weight):
        return NotImplemented
    arriving = rows(g)
    made: list[Array | None] = [None] * len(wanted)
    if wanted[0] and weight is not None:
        made[0] = array((arriving @ weight.host).reshape(*g.shape[:-1], -1), g)
    if wanted[1] and x is not None:
        made[1] = array(arriving.T @ rows(x), g)
    if wanted[2:] == [True]:
        to_bias = np.empty(g.shape[-1], F32)
        sum_rows(dense(g), to_bias)
        made[2] = array(to_bias, g)
    return made


KERNELS = {"Linear": Kernel(linear, linear_gradient)}
