"""Methods that say what a tensor is: sizes, strides, places, kinds. `Tensor` adopts all of `NAMES`."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from tinytorch import formats
from tinytorch.indexing import canonical_dim

if TYPE_CHECKING:
    from tinytorch.tensor import Tensor


def size(x: Tensor, dim: int | None = None) -> Any:
    """The shape, or the size of one axis."""
    return x.shape if dim is None else x.array.shape[canonical_dim(dim, x.ndim, scalar=False)]


def dim(x: Tensor) -> int:
    """How many axes it has."""
    return len(x.array.shape)


def numel(x: Tensor) -> int:
    """How many elements it has."""
    return prod(x.array.shape)


def element_size(x: Tensor) -> int:
    """Bytes of one element."""
    return x.array.dtype.itemsize


def stride(x: Tensor, dim: int | None = None) -> Any:
    """Elements to move for one step along each axis, or along one."""
    strides = x.array.layout.strides
    return strides if dim is None else strides[canonical_dim(dim, x.ndim, scalar=False)]


def storage_offset(x: Tensor) -> int:
    """Where its first element lies in the storage, in elements."""
    return x.array.layout.offset


def is_contiguous(x: Tensor, memory_format: Any = None) -> bool:
    """Whether reading order is memory order."""
    return x.array.layout.is_contiguous()


def is_floating_point(x: Tensor) -> bool:
    """Whether its type is a floating point one."""
    return x.array.dtype.is_floating_point


def is_complex(x: Tensor) -> bool:
    """False: there are no complex numbers here."""
    return False


def is_signed(x: Tensor) -> bool:
    """Whether its type can hold negative numbers."""
    return x.array.dtype.is_signed


def is_same_size(x: Tensor, other: Tensor) -> bool:
    """Whether another tensor has the same shape."""
    return x.array.shape == other.array.shape


def is_set_to(x: Tensor, tensor: Tensor) -> bool:
    """Whether another tensor shows the same memory in the same way."""
    a, b = x.array, tensor.array
    return a.storage is b.storage and a.layout == b.layout and a.dtype is b.dtype


def data_ptr(x: Tensor) -> int:
    """The address of its first element (CPU); 0 where there is none."""
    return int(x.numpy_view().ctypes.data) if x.numel() else 0


def get_device(x: Tensor) -> int:
    """The number of its device, -1 for the CPU."""
    return -1


def is_inference(x: Tensor) -> bool:
    """False: tensors made under `inference_mode` are like all others."""
    return False


def is_pinned(x: Tensor) -> bool:
    """False: only memory that feeds another device is pinned."""
    return False


def is_shared(x: Tensor) -> bool:
    """Whether its memory is shared with other processes."""
    return False


ndimension, nelement = dim, numel
itemsize = property(element_size)


@property  # type: ignore[misc]
def nbytes(x: Tensor) -> int:
    """Bytes that its elements take."""
    return numel(x) * x.array.dtype.itemsize


@property  # type: ignore[misc]
def is_cpu(x: Tensor) -> bool:
    """Whether it is in the memory of the CPU."""
    return x.array.device.name == "cpu"


@property  # type: ignore[misc]
def is_cuda(x: Tensor) -> bool:
    """Whether it is in the memory of a CUDA device."""
    return x.array.device.name == "cuda"


@property  # type: ignore[misc]
def is_never(x: Tensor) -> bool:
    """False: there is no such tensor here."""
    return False


is_mps = is_meta = is_sparse = is_quantized = is_never


@property  # type: ignore[misc]
def layout(x: Tensor) -> Any:
    """How elements are stored: `strided`, the only way here (`torch.strided`)."""
    return formats.strided


@property  # type: ignore[misc]
def output_nr(x: Tensor) -> int:
    """Which output of its operation it is."""
    return 0 if x.edge is None else x.edge[1]


@property  # type: ignore[misc]
def retains_grad(x: Tensor) -> bool:
    """Whether it is no leaf and keeps its gradient all the same."""
    hooks = {} if x.edge is None else x.edge[0].hooks or {}
    return x.edge is not None and any(hasattr(each, "retains") for each in hooks.get(x.edge[1], {}).values())


@property  # type: ignore[misc]
def _version(x: Tensor) -> int:
    """How often its memory was written to in place."""
    return x.array.version


@property  # type: ignore[misc]
def _base(x: Tensor) -> Tensor | None:
    """The tensor whose memory a recorded view shows."""
    return None if x.view_of is None else x.view_of[0]


def _is_view(x: Tensor) -> bool:
    """Whether it was recorded as a view of another tensor."""
    return x.view_of is not None
