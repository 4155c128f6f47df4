"""Methods that convert to other types, and that make new tensors like one that is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from tinytorch import dtypes, ops
from tinytorch.indexing import canonical_dim
from tinytorch.layout import broadcast_shapes
from tinytorch.methods.movement import axes_of

if TYPE_CHECKING:
    from tinytorch.tensor import Tensor


def to(
    x: Tensor, *args: Any, dtype: dtypes.dtype | None = None, device: Any = None, copy: bool = False, **_: Any
) -> Tensor:
    """As another dtype, on another device, or like another tensor; itself where nothing changes."""
    for each in args:
        if isinstance(each, dtypes.dtype):
            dtype = each
        elif isinstance(each, x.wrap):
            dtype, device = each.dtype, each.device
        elif not isinstance(each, bool):
            device = each
    here, there = x.array.device.name, x.array.device.name if device is None else str(device).split(":")[0]
    if there != here:
        moved: Tensor = x.apply(ops.Move(here, there), x)
        return moved.to(dtype=dtype)
    if dtype is None or dtype is x.array.dtype:
        return x.clone() if copy else x
    made: Tensor = x.apply(ops.Cast(x.array.dtype, dtype), x)
    return made


def type(x: Tensor, dtype: Any = None) -> Any:
    """As another dtype; without one, the name of the present type."""
    return repr(x.dtype) if dtype is None else x.to(dtype)


def type_as(x: Tensor, other: Tensor) -> Tensor:
    """In the dtype of another tensor."""
    return x.to(other.dtype)


def cpu(x: Tensor) -> Tensor:
    """In the memory of the CPU."""
    return x.to(device="cpu")


def new_tensor(x: Tensor, data: Any, dtype: dtypes.dtype | None = None) -> Tensor:
    """New values in the dtype of this tensor."""
    return x.wrap(x.array.device.upload(np.array(data, (dtype or x.array.dtype).numpy)))


def new_full(x: Tensor, size: Any, value: Any, *, dtype: dtypes.dtype | None = None) -> Tensor:
    """A new tensor full of one value."""
    return x.wrap(x.array.device.upload(np.full(size, value, (dtype or x.array.dtype).numpy)))


def new_zeros(x: Tensor, *size: Any, dtype: dtypes.dtype | None = None) -> Tensor:
    """A new tensor of zeros."""
    return x.new_full(axes_of(size), 0, dtype=dtype)


def new_ones(x: Tensor, *size: Any, dtype: dtypes.dtype | None = None) -> Tensor:
    """A new tensor of ones."""
    return x.new_full(axes_of(size), 1, dtype=dtype)


def new_empty(x: Tensor, *size: Any, dtype: dtypes.dtype | None = None) -> Tensor:
    """A new tensor with arbitrary values."""
    return x.wrap(x.array.device.empty(axes_of(size), dtype or x.array.dtype))


def grid(x: Tensor, dim: int) -> Tensor:
    """The index along one axis, shaped to broadcast with this tensor."""
    axis = canonical_dim(dim, x.ndim)
    shape = [-1 if each == axis else 1 for each in range(x.ndim)]
    return x.wrap(x.array.device.upload(np.arange(x.shape[axis]).reshape(shape)))


def broadcast_with(x: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Both, expanded to their common shape."""
    shape = broadcast_shapes(x.shape, other.shape)
    return x.expand(shape), other.expand(shape)


def as_type(kind: dtypes.dtype) -> Callable[[Tensor], Tensor]:
    """A method without arguments that converts to one type."""

    def method(x: Tensor) -> Tensor:
        return x.to(kind)

    method.__name__ = kind.name
    method.__doc__ = f"As {kind.name}."
    return method
