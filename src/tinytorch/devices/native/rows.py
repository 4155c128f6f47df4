"""Kernels that pick and add rows where an index says."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from tinytorch.array import Array
from tinytorch.devices.native.arrays import dense
from tinytorch.devices.native.library import function

run_scatter_add = function("scatter_add", "aaal")  # src, index, out, size of a row
run_gather = function("gather", "aaal")  # x, index, out, bytes of a row


def gather(x: Array, index: Array) -> np.ndarray[Any, Any]:
    """x[index]: (*index, ...) of x (n, ...), of any type."""
    host = x.host
    out = np.empty((*index.shape, *host.shape[1:]), host.dtype)
    run_gather(host, np.ascontiguousarray(index.host), out, host.itemsize * prod(host.shape[1:]))
    return out


def scatter_add(out: Array, src: Array, index: Array) -> None:
    """out (n, ...)[index] += src (*index, ...), all duplicates counted."""
    run_scatter_add(dense(src), np.ascontiguousarray(index.host), out.host, prod(out.shape[1:]))
