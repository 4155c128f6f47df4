"""PyTorch's old constructors, one for each dtype: `FloatTensor(2, 3)`, `LongTensor([1, 2])`."""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np

from tinytorch import creation
from tinytorch.dtypes import dtype as Dtype
from tinytorch.formats import Size
from tinytorch.methods.convert import KINDS
from tinytorch.tensor import Tensor


class TensorType(type):
    """A class whose calls make tensors of one dtype, and whose instances are all tensors of that dtype.

    >>> LongTensor(range(3)), isinstance(creation.ones(2), FloatTensor)
    (tensor([0, 1, 2]), True)
    """

    dtype: Dtype

    def __call__(cls, *given: Any, device: Any = None) -> Tensor:
        """Unspecified values from sizes, a copy of a sequence, or the memory of a tensor, and of an array of this dtype.

        Raises TypeError for anything else, and for a tensor of another dtype: `.to` converts.
        """
        data: Any = given[0] if len(given) == 1 else Size(map(index, given or (0,)))
        if isinstance(data, (int, np.integer)) and not isinstance(data, bool):
            data = Size((int(data),))
        if isinstance(data, Size):
            return creation.empty(data, dtype=cls.dtype, device=device)
        if isinstance(data, Tensor):
            if data.dtype is not cls.dtype:
                raise TypeError(f"{cls.__name__} expected a tensor of {cls.dtype}, got {data.dtype}")
            return data[...]
        if isinstance(data, (str, bytes, dict, set)) or not hasattr(data, "__len__"):
            raise TypeError(f"{cls.__name__}: data must be a sequence (got {type(data).__name__})")
        kept = data if isinstance(data, (np.ndarray, list, tuple)) else list(data)
        return creation.as_tensor(kept, dtype=cls.dtype, device=device)

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, Tensor) and instance.dtype is cls.dtype


def tensor_type(name: str) -> TensorType:
    """The constructor of that name."""
    dtype = next(kind for kind, each in KINDS.items() if each == name)
    return TensorType(name, (), {"dtype": dtype, "__module__": "tinytorch"})


BFloat16Tensor = tensor_type("BFloat16Tensor")
BoolTensor = tensor_type("BoolTensor")
ByteTensor = tensor_type("ByteTensor")
CharTensor = tensor_type("CharTensor")
DoubleTensor = tensor_type("DoubleTensor")
FloatTensor = tensor_type("FloatTensor")
HalfTensor = tensor_type("HalfTensor")
IntTensor = tensor_type("IntTensor")
LongTensor = tensor_type("LongTensor")
ShortTensor = tensor_type("ShortTensor")
