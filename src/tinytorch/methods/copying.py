"""Methods for Python's `copy` and `pickle`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinytorch.autograd.grad_mode import no_grad
from tinytorch.devices.interface import backend

if TYPE_CHECKING:
    from tinytorch.tensor import Tensor


def shallow(x: Tensor) -> Tensor:
    """The same memory, without a history."""
    return x.detach().requires_grad_(x.requires_grad)


def deep(x: Tensor, memo: dict[Any, Any]) -> Tensor:
    """New memory, with a copy of the gradient. Raises RuntimeError for what an operation made."""
    if x.edge is not None:
        raise RuntimeError("Only Tensors created explicitly by the user support the deepcopy protocol")
    with no_grad():
        made = type(x)(x.array.copy(), requires_grad=x.requires_grad)
    if x.grad is not None:
        made.grad = deep(x.grad, memo)
    memo[id(x)] = made
    return made


def pickled(x: Tensor) -> Any:
    """How to make it again: the values, and what kind of tensor it is."""
    return unpickled, (x.numpy_view().copy(), x.requires_grad, type(x))


def unpickled(values: np.ndarray[Any, Any], requires_grad: bool, kind: Any) -> Any:
    """A tensor from what `pickled` wrote."""
    return kind(backend().upload(values), requires_grad=requires_grad)
