"""The kernel of cross entropy."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinytorch.array import Array
from tinytorch.devices.interface import Kernel
from tinytorch.devices.native.arrays import F32, array, dense, plain
from tinytorch.devices.native.library import function
from tinytorch.dtypes import int64

run = function("cross_entropy", "aaal")  # logits, target, out, ignored class
run_gradient = function(
    "cross_entropy_gradient", "aaaal"
)  # g, logits, target, gradient of logits, ignored class


def fits(logits: Array, target: Array) -> bool:
    """Whether the kernel was written for these: logits (N, C), target (N,)."""
    return plain(logits) and target.dtype is int64 and len(logits.shape) == 2


def cross_entropy(card: Any, logits: Array, target: Array) -> Any:
    """The mean, ()."""
    if not fits(logits, target):
        return NotImplemented
    out = np.empty((), F32)
    run(dense(logits), np.ascontiguousarray(target.host), out, card.ignore)
    return array(out, logits)


def cross_entropy_gradient(
    card: Any, wanted: list[bool], g: Array, out: None, logits: Array, target: Array
) -> Any:
    """Of the logits."""
    if not fits(logits, target) or not plain(g):
        return NotImplemented
    to_logits = np.empty(logits.shape, F32)
    run_gradient(dense(g), dense(logits), np.ascontiguousarray(target.host), to_logits, card.ignore)
    return array(to_logits, logits), None


KERNELS = {"CrossEntropy": Kernel(cross_entropy, cross_entropy_gradient)}
