"""Older ways to write programs that PyTorch still takes: `set_default_tensor_type`, `typename`."""

from __future__ import annotations

from typing import Any

from tinytorch import dtypes, tensor_types
from tinytorch.methods.convert import KINDS
from tinytorch.tensor import Tensor


def set_default_tensor_type(t: Any) -> None:
    """Choose the type of new tensors by the older name of a class (`torch.set_default_tensor_type`)."""
    name = getattr(t, "__name__", str(t)).rpartition(".")[2]
    if name not in KINDS.values():
        raise TypeError(f"invalid type object: {t!r}; the types are {', '.join(KINDS.values())}")
    dtypes.set_default_dtype(getattr(tensor_types, name).dtype)


def typename(obj: Any) -> str:
    """What PyTorch calls the type of a tensor; of anything else the module and name of its class (`torch.typename`).

    >>> import tinytorch as tt
    >>> typename(tt.tensor([1.0]))
    'torch.FloatTensor'
    """
    if isinstance(obj, Tensor):
        made: str = obj.type()
        return made
    named = obj if hasattr(obj, "__qualname__") else type(obj)
    module = getattr(named, "__module__", None) or ""
    return named.__qualname__ if module in ("", "builtins") else f"{module}.{named.__qualname__}"
