"""Older ways to write programs that PyTorch still takes: `FloatTensor`, `set_default_tensor_type`, `typename`, `Variable`."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinytorch import dtypes
from tinytorch.creation import empty, tensor
from tinytorch.methods.convert import KINDS
from tinytorch.tensor import Tensor


class Kind(type):
    """The class of `FloatTensor` and its like: calling one makes a plain tensor, and tensors of its type are its instances."""

    dtype: dtypes.dtype

    def __call__(cls, data: Any = (), *sizes: int) -> Tensor:
        """From numbers in lists or arrays; or, from sizes, a tensor with arbitrary values."""
        if isinstance(data, int) and not isinstance(data, bool):
            return empty(data, *sizes, dtype=cls.dtype)
        if isinstance(data, tuple) and hasattr(data, "numel"):  # a Size
            return empty(data, dtype=cls.dtype)
        if isinstance(data, Tensor):
            return data.to(cls.dtype)
        values = data if isinstance(data, np.ndarray) else list(data)
        return tensor(values, dtype=cls.dtype)

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, Tensor) and value.dtype is cls.dtype


def kind(name: str, dtype: dtypes.dtype) -> Kind:
    """The class called `name`."""
    return Kind(
        name,
        (),
        {"dtype": dtype, "__doc__": f"A tensor of {dtype.name} (`torch.{name}`).", "__module__": __name__},
    )


CLASSES = {name: kind(name, dtype) for dtype, name in KINDS.items()}
globals().update(CLASSES)


def set_default_tensor_type(t: Any) -> None:
    """Choose the type of new tensors by the older name of a class (`torch.set_default_tensor_type`)."""
    name = getattr(t, "__name__", str(t)).rpartition(".")[2]
    if name not in CLASSES:
        raise TypeError(f"invalid type object: {t!r}; the types are {', '.join(CLASSES)}")
    dtypes.set_default_dtype(CLASSES[name].dtype)


def typename(obj: Any) -> str:
    """What PyTorch calls the type of a tensor; of anything else the module and name of its class (`torch.typename`).

    >>> typename(tensor([1.0]))
    'torch.FloatTensor'
    """
    if isinstance(obj, Tensor):
        made: str = obj.type()
        return made
    named = obj if hasattr(obj, "__qualname__") else type(obj)
    module = getattr(named, "__module__", None) or ""
    return named.__qualname__ if module in ("", "builtins") else f"{module}.{named.__qualname__}"
