"""How kernels take arrays and give them back."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinytorch.array import Array
from tinytorch.dtypes import float32

F32 = np.float32
Host = np.ndarray[Any, np.dtype[np.float32]]
ABSENT = np.empty(0, F32)  # stands for an input that is not there


def plain(*arrays: Array | None) -> bool:
    """Whether all arrays that are there hold float32, and something."""
    for x in arrays:  # noqa: SIM110 a generator takes twice as long
        if x is not None and (x.dtype is not float32 or 0 in x.shape):
            return False
    return True


def dense(x: Array | None) -> Host:
    """What C reads: the elements in reading order without gaps, copied only where they lie otherwise."""
    if x is None:
        return ABSENT
    host: Host = x.host
    return host if host.flags.c_contiguous else np.ascontiguousarray(host)


def array(host: Host, like: Array) -> Array:
    """New memory, which no one else holds, as an array on the device of another."""
    made = Array()
    made.device, made.stored, made.dtype, made.host, made.shape = like.device, None, float32, host, host.shape
    return made
