"""Methods that hand a tensor's values to Python, to NumPy, and to any library that speaks DLPack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinytorch.errors import DtypeError

if TYPE_CHECKING:
    from tinytorch.tensor import Tensor


def numpy_view(x: Tensor) -> np.ndarray[Any, Any]:
    """Its values as NumPy sees them; on the CPU the same memory."""
    return x.array.device.download(x.array)


def numpy(x: Tensor, *, force: bool = False) -> np.ndarray[Any, Any]:
    """Its values as NumPy sees them; on the CPU the same memory. Refuses what would lose a gradient.

    A bfloat16 is of the type that `ml_dtypes` adds to NumPy; PyTorch refuses it.
    """
    if x.requires_grad and not force:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy()")
    return x.numpy_view()


def item(x: Tensor) -> Any:
    """The one number that it holds, as Python's."""
    if x.numel() != 1:
        raise RuntimeError(
            f"a Tensor with {x.numel()} elements cannot be converted to Scalar: its shape is {x.shape}"
        )
    return x.numpy_view().item()


def tolist(x: Tensor) -> Any:
    """Nested lists of Python numbers."""
    return x.numpy_view().tolist()


def __array__(x: Tensor, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
    """What NumPy's functions take a tensor for."""
    return np.array(x.numpy(), dtype=dtype, copy=copy)


def __array_wrap__(x: Tensor, values: Any, context: Any = None, return_scalar: bool = False) -> Any:
    """The result of a NumPy function of a tensor, as a tensor."""
    return x.wrap(x.array.device.upload(np.asarray(values)))


def __dlpack__(x: Tensor, *, stream: Any = None, **options: Any) -> Any:
    """A capsule with its memory, for `from_dlpack` of any library. Refuses what would lose a gradient."""
    if x.requires_grad:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
    if x.dtype.numpy.kind == "V":
        raise DtypeError(f"NumPy cannot export {x.dtype}: convert it with .float()")
    return x.numpy_view().__dlpack__(**options)


def __dlpack_device__(x: Tensor) -> tuple[int, int]:
    """Where the memory is, as DLPack counts devices."""
    found: tuple[int, int] = x.numpy_view().__dlpack_device__()
    return found
