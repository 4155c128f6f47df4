"""The kernel that adds rows where an index says."""

from __future__ import annotations

from math import prod

import numpy as np

from tinytorch.array import Array
from tinytorch.devices.native.arrays import dense
from tinytorch.devices.native.library import function

run = function("scatter_add", "aaal")  # src, index, out, size of a row


def scatter_add(out: Array, src: Array, index: Array) -> None:
    """out (n, ...)[index] += src (*index, ...), all duplicates counted."""
    run(dense(src), np.ascontiguousarray(index.host), out.host, prod(out.shape[1:]))
