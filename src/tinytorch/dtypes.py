"""The element types, and which of two wins where they meet (PyTorch's promotion rules)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import ml_dtypes
import numpy as np

from tinytorch.errors import DtypeError
from tinytorch.formats import Naming

BOOL, INTEGER, FLOATING = 0, 1, 2  # the categories, weakest first


class dtype:
    """An element type: what PyTorch calls `torch.dtype`. Each exists once; compare with `is`."""

    __slots__ = ("category", "itemsize", "name", "numpy", "wide")

    def __init__(self, name: str, numpy_type: Any, category: int) -> None:
        self.name = name
        self.numpy = np.dtype(numpy_type)
        self.category = category
        self.itemsize = self.numpy.itemsize  # in bytes
        # Halves are storage: they are computed in float32 and rounded when they are written.
        self.wide = np.dtype("float32") if category == FLOATING and self.itemsize == 2 else None

    @property
    def is_floating_point(self) -> bool:
        """Whether it is one of the floating point types."""
        return self.category == FLOATING

    @property
    def is_signed(self) -> bool:
        """Whether it can hold negative numbers."""
        return self.name not in ("bool", "uint8")

    @property
    def is_complex(self) -> bool:
        """Always False: there are no complex types here."""
        return False

    def __repr__(self) -> str:
        return f"{Naming.prefix}.{self.name}"

    def __reduce__(self) -> str:
        return self.name if self.name != "bool" else "bool_"


float64 = double = dtype("float64", "float64", FLOATING)
float32 = dtype("float32", "float32", FLOATING)
float16 = half = dtype("float16", "float16", FLOATING)
bfloat16 = dtype("bfloat16", ml_dtypes.bfloat16, FLOATING)  # float32 with 16 of its digits cut off
int64 = long = dtype("int64", "int64", INTEGER)
int32 = dtype("int32", "int32", INTEGER)
int16 = short = dtype("int16", "int16", INTEGER)
int8 = dtype("int8", "int8", INTEGER)
uint8 = dtype("uint8", "uint8", INTEGER)
bool_ = dtype("bool", "bool", BOOL)

ALL = (float64, float32, float16, bfloat16, int64, int32, int16, int8, uint8, bool_)
FROM_NUMPY: dict[np.dtype[Any], dtype] = {each.numpy: each for each in ALL}

_default = float32


def get_default_dtype() -> dtype:
    """The type of new tensors made from Python floats."""
    return _default


def set_default_dtype(new: dtype) -> None:
    """Choose the type of new tensors made from Python floats. Raises DtypeError if it is no float type."""
    global _default
    if new.category != FLOATING:
        raise DtypeError(f"the default must be a floating point type, and {new!r} is not")
    _default = new


def from_numpy(numpy_dtype: np.dtype[Any]) -> dtype:
    """The type with NumPy's name.

    >>> from_numpy(np.dtype("float32"))
    tinytorch.float32
    """
    found = FROM_NUMPY.get(numpy_dtype)
    if found is None:
        names = ", ".join(each.name for each in ALL)
        raise DtypeError(f"there is no type for NumPy's {numpy_dtype}; there are {names}")
    return found


def of_number(value: complex) -> dtype:
    """The type that a Python number brings along: weak, so only its category counts.

    >>> of_number(True), of_number(2), of_number(0.5)
    (tinytorch.bool, tinytorch.int64, tinytorch.float32)
    """
    if isinstance(value, (bool, np.bool_)):
        return bool_
    if isinstance(value, (int, np.integer)):
        return int64
    if isinstance(value, (float, np.floating)):
        return _default
    raise DtypeError(f"{value!r} is a {type(value).__name__}, not a number that a tensor can hold")


@lru_cache(maxsize=256)
def promote_types(first: dtype, second: dtype) -> dtype:
    """The smallest type that both fit into, as PyTorch counts it (`torch.promote_types`).

    The higher category wins; uint8 and int8 meet in int16, which holds both, float16 and bfloat16 in float32.

    >>> promote_types(int64, float16), promote_types(uint8, int8)
    (tinytorch.float16, tinytorch.int16)
    """
    if first is second:
        return first
    if first.category != second.category:
        return max(first, second, key=lambda each: each.category)
    if {first, second} == {uint8, int8}:
        return int16
    if {first, second} == {float16, bfloat16}:
        return float32
    return max(first, second, key=lambda each: each.itemsize)


def result_type(*operands: tuple[dtype, int]) -> dtype:
    """The type in which operands compute (`torch.result_type`). Each is (type, strength).

    Strength 2 is a tensor with axes, 1 a zero-dimensional tensor, 0 a Python number. The stronger
    decide; a weaker one is heard only if its category is higher.

    >>> result_type((int64, 2), (float32, 0)), result_type((float32, 2), (float64, 1))
    (tinytorch.float32, tinytorch.float32)
    """
    result: dtype | None = None
    for strength in (2, 1, 0):
        here: dtype | None = None
        for each, its in operands:
            if its == strength:
                here = each if here is None else promote_types(here, each)
        if here is not None and (result is None or here.category > result.category):
            result = here
    if result is None:
        raise DtypeError("a result type needs at least one operand")
    return result


class finfo:
    """The limits of a floating point type (`torch.finfo`): max, min, eps, tiny, bits.

    >>> finfo(float16).max
    65504.0
    """

    def __init__(self, of: dtype | None = None) -> None:
        of = of or _default
        limits: Any = ml_dtypes.finfo(of.numpy)  # type: ignore[no-untyped-call]
        self.dtype, self.bits = of.name, 8 * of.itemsize
        self.max, self.min, self.eps = float(limits.max), float(limits.min), float(limits.eps)
        self.tiny = self.smallest_normal = float(limits.tiny)
        self.resolution = float(limits.resolution)

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, eps={self.eps:g}, "
            f"smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, dtype={self.dtype})"
        )


class iinfo:
    """The limits of an integer type (`torch.iinfo`): max, min, bits.

    >>> iinfo(int8).min
    -128
    """

    def __init__(self, of: dtype) -> None:
        limits = np.iinfo(of.numpy)
        self.dtype, self.bits = of.name, 8 * of.itemsize
        self.max, self.min = int(limits.max), int(limits.min)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"
