"""Methods that convert to other types, and that make new tensors like one that is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from tinytorch import dtypes, ops
from tinytorch.array import Array
from tinytorch.devices.interface import backend
from tinytorch.indexing import canonical_dim
from tinytorch.layout import broadcast_shapes
from tinytorch.methods.movement import axes_of

if TYPE_CHECKING:
    from tinytorch.tensor import Tensor


def legacy(data: Any, sizes: tuple[int, ...]) -> Array:
    """What `torch.Tensor(...)` takes: a tensor, nested lists as float32, or sizes of new memory."""
    on = backend()
    if isinstance(data, int) and not isinstance(data, bool):
        return on.empty((data, *sizes), dtypes.float32)
    if hasattr(data, "array"):
        shared: Array = data.array
        return shared
    return on.upload(np.array(data, np.float32))


# What PyTorch calls a tensor of each type.
KINDS = {
    dtypes.float32: "FloatTensor",
    dtypes.float64: "DoubleTensor",
    dtypes.float16: "HalfTensor",
    dtypes.bfloat16: "BFloat16Tensor",
    dtypes.int64: "LongTensor",
    dtypes.int32: "IntTensor",
    dtypes.int16: "ShortTensor",
    dtypes.int8: "CharTensor",
    dtypes.uint8: "ByteTensor",
    dtypes.bool_: "BoolTensor",
}


def to(
    x: Tensor,
    *args: Any,
    dtype: dtypes.dtype | None = None,
    device: Any = None,
    copy: bool = False,
    non_blocking: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """As another dtype, on another device, or like another tensor; itself where nothing changes."""
    for each in args:
        if isinstance(each, dtypes.dtype):
            dtype = each
        elif isinstance(each, x.wrap):
            dtype, device = each.dtype, each.device
        elif not isinstance(each, bool):
            device = each
    if args and args[-1] is True and len(args) > 2:  # to(dtype, non_blocking, copy)
        copy = True
    here, there = x.array.device.name, x.array.device.name if device is None else str(device).split(":")[0]
    if there != here:
        moved: Tensor = x.apply(ops.Move(here, there), x)
        return moved.to(dtype=dtype)
    if dtype is None or dtype is x.array.dtype:
        return x.clone() if copy else x
    made: Tensor = x.apply(ops.Cast(x.array.dtype, dtype), x)
    return made


def type(x: Tensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """As another dtype, also by PyTorch's name ("torch.FloatTensor"); without one, that name of the present type."""
    if dtype is None:
        return f"torch.{KINDS[x.dtype]}"
    if not isinstance(dtype, dtypes.dtype):
        name = getattr(dtype, "__name__", dtype).rpartition(".")[2]
        found = [kind for kind, each in KINDS.items() if each == name]
        if not found:
            raise ValueError(f"invalid type: {dtype!r}")
        dtype = found[0]
    return x.to(dtype)


def type_as(x: Tensor, other: Tensor) -> Tensor:
    """In the dtype of another tensor."""
    return x.to(other.dtype)


def cpu(x: Tensor, memory_format: Any = None) -> Tensor:
    """In the memory of the CPU."""
    return x.to(device="cpu")


def cuda(x: Tensor, device: Any = None, non_blocking: bool = False, memory_format: Any = None) -> Tensor:
    """In the memory of a CUDA device. Raises DeviceError where there is none."""
    return x.to(device="cuda")


def pin_memory(x: Tensor, device: Any = None) -> Tensor:
    """The tensor itself: there is no device that would read pinned memory faster."""
    return x


def new_tensor(
    x: Tensor,
    data: Any,
    *,
    dtype: dtypes.dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """New values in the dtype of this tensor."""
    if isinstance(data, x.wrap):
        data = data.numpy_view()
    made = x.wrap(x.array.device.upload(np.array(data, (dtype or x.array.dtype).numpy)))
    return settled(made, device, requires_grad)


def new_full(
    x: Tensor,
    size: Any,
    fill_value: Any,
    *,
    dtype: dtypes.dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
    **wishes: Any,
) -> Tensor:
    """A new tensor full of one value, in the dtype of this one."""
    kind = (dtype or x.array.dtype).numpy
    made = x.wrap(x.array.device.upload(np.full(size, np.asarray(fill_value).astype(kind), kind)))
    return settled(made, device, requires_grad)


def settled(made: Tensor, device: Any, requires_grad: bool) -> Tensor:
    """On the device asked for, as a leaf that wants a gradient where that was said."""
    made = made if device is None else made.to(device)
    return made.requires_grad_() if requires_grad else made


def new_zeros(x: Tensor, *size: Any, **options: Any) -> Tensor:
    """A new tensor of zeros, in the dtype of this one; options as for `new_full`."""
    return x.new_full(sizes(size, options), 0, **options)


def new_ones(x: Tensor, *size: Any, **options: Any) -> Tensor:
    """A new tensor of ones, in the dtype of this one; options as for `new_full`."""
    return x.new_full(sizes(size, options), 1, **options)


def new_empty(x: Tensor, *size: Any, dtype: dtypes.dtype | None = None, **options: Any) -> Tensor:
    """A new tensor with arbitrary values, in the dtype of this one; options as for `new_full`."""
    made = x.wrap(x.array.device.empty(sizes(size, options), dtype or x.array.dtype))
    return settled(made, options.get("device"), options.get("requires_grad", False))


def sizes(size: tuple[Any, ...], options: dict[str, Any]) -> tuple[int, ...]:
    """Sizes one by one, as one sequence, or under the keyword `size`."""
    return axes_of((options.pop("size"),) if "size" in options else size)


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

    def method(x: Tensor, memory_format: Any = None) -> Tensor:
        return x.to(kind)

    method.__name__ = kind.name
    method.__doc__ = f"As {kind.name}."
    return method
