"""Methods that treat every position alike, beyond what is one card: rounding, logic, softmax."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinytorch import dtypes, ops
from tinytorch.errors import DtypeError
from tinytorch.indexing import canonical_dim
from tinytorch.promotion import operand

if TYPE_CHECKING:
    from tinytorch.tensor import Tensor


def where(x: Tensor, condition: Tensor, other: Any) -> Tensor:
    """This where the condition holds, `other` elsewhere."""
    made: Tensor = x.apply(ops.WHERE, condition, x, operand(x, other))
    return made


def clamp(x: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """Held between `min` and `max`: numbers or tensors."""
    bounds = [each for each in (min, max) if each is not None]
    if not bounds:
        raise RuntimeError("clamp needs at least one of min and max")
    if all(strength(each)[0] is dtypes.bool_ for each in (x, *bounds)) and not (
        len(bounds) == 1 and isinstance(bounds[0], x.wrap)
    ):
        raise DtypeError("clamp is not implemented for bool")
    low, high = (None if bound is None else operand(x, bound) for bound in (min, max))
    if not x.is_floating_point():  # whole numbers have no infinity for a bound that is not there
        raised = x if low is None else x.maximum(low)
        return raised if high is None else raised.minimum(high)
    low = operand(x, -np.inf) if low is None else low
    made: Tensor = x.apply(ops.CLAMP, x, low, operand(x, np.inf) if high is None else high)
    return made


def div(x: Tensor, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """x / other, rounded by "floor" or "trunc" on request."""
    if rounding_mode is None:
        return x.true_divide(other)
    if rounding_mode == "floor":
        return x.floor_divide(other)
    if rounding_mode != "trunc":
        raise RuntimeError(
            f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'"
        )
    made: Tensor = x.trunc_divide(other)
    return made if made.dtype.wide is None else (x / other).trunc()  # a quotient of halves is rounded first


def power(x: Tensor, exponent: Any) -> Any:
    """x to a power. Raises RuntimeError for a whole number to a negative number, which leaves a fraction."""
    if type(exponent) is int and exponent < 0 and not x.is_floating_point():
        raise RuntimeError("Integers to negative integer powers are not allowed.")
    if type(exponent) is bool and x.dtype is dtypes.bool_:
        return x.clone() if exponent else ~(x ^ x)
    other = operand(x, exponent)
    return NotImplemented if other is NotImplemented else x.apply(ops.POW, x, other)


def pow(x: Tensor, exponent: Any) -> Tensor:
    """x to a power: a number or a tensor."""
    made: Tensor = power(x, exponent)
    if made is NotImplemented:
        raise TypeError(f"pow(): argument 'exponent' must be Tensor or a number, not {type_name(exponent)}")
    return made


def type_name(value: Any) -> str:
    """What kind of thing a value is."""
    return value.__class__.__name__


def square(x: Tensor) -> Tensor:
    """x * x; bools count as whole numbers."""
    x = x.long() if x.dtype is dtypes.bool_ else x
    return x * x


def round(x: Tensor, *, decimals: int | None = None) -> Tensor:
    """The nearest whole number, halves to the even one; or that many decimals, of fractions."""
    if decimals is not None:
        x.fractional("round")
    if decimals and x.dtype.wide is not None:  # halves overflow soon
        return x.float().round(decimals=decimals).to(x.dtype)
    if decimals:
        power = 10.0 ** abs(decimals)
        return (x * power).round() / power if decimals > 0 else (x / power).round() * power
    if not x.arithmetic("round").is_floating_point():
        return x.clone()
    made: Tensor = x.apply(ops.ROUND, x)
    return made


def isfinite(x: Tensor) -> Tensor:
    """Neither infinite nor NaN."""
    return ~(x.isnan() | x.isinf())


def logical_not(x: Tensor) -> Tensor:
    """Whether each element is 0."""
    return x == 0


def logical_and(x: Tensor, other: Tensor) -> Tensor:
    """Whether neither is 0."""
    return x.bool() & x.beside(other, "logical_and").bool()


def logical_or(x: Tensor, other: Tensor) -> Tensor:
    """Whether one is not 0."""
    return x.bool() | x.beside(other, "logical_or").bool()


def logical_xor(x: Tensor, other: Tensor) -> Tensor:
    """Whether exactly one is not 0."""
    return x.bool() ^ x.beside(other, "logical_xor").bool()


def softmax(x: Tensor, dim: int, dtype: dtypes.dtype | None = None) -> Tensor:
    """exp(x) over its sum along `dim`."""
    x = x if dtype is None else x.to(dtype)
    if not x.numel():
        return x.clone()
    x = x.fractional("softmax")
    made: Tensor = x.apply(ops.Softmax(canonical_dim(dim, x.ndim)), x)
    return made


def polygamma(x: Tensor, n: int) -> Tensor:
    """The derivative of order `n` of digamma."""
    if n < 0:
        raise RuntimeError(f"polygamma(n, x) does not support negative n: {n}")
    made: Tensor = x.apply(ops.Polygamma(n), x)
    return made


def log_softmax(x: Tensor, dim: int, dtype: dtypes.dtype | None = None) -> Tensor:
    """The logarithm of the softmax, without forming it."""
    x = x if dtype is None else x.to(dtype)
    if not x.numel():
        return x.clone()
    x = x.fractional("log_softmax")
    made: Tensor = x.apply(ops.LogSoftmax(canonical_dim(dim, x.ndim)), x)
    return made


def floating(x: Tensor) -> Tensor:
    """Whole numbers as numbers of the default floating point type."""
    return x if x.array.dtype.is_floating_point else x.to(dtypes.get_default_dtype())


def arithmetic(x: Tensor, name: str) -> Tensor:
    """Itself. Raises DtypeError for an operation that bools have no answer to."""
    if x.array.dtype is dtypes.bool_:
        raise DtypeError(f"{name} is not implemented for bool")
    return x


def beside(x: Tensor, other: Any, name: str) -> Tensor:
    """The other side. Raises TypeError if it is a number where PyTorch wants a tensor."""
    if not isinstance(other, x.wrap):
        raise TypeError(f"{name}(): argument 'other' must be Tensor, not {type(other).__name__}")
    return other


def fractional(x: Tensor, name: str) -> Tensor:
    """Itself. Raises DtypeError for an operation that whole numbers have no answer to."""
    if not x.array.dtype.is_floating_point:
        raise DtypeError(f"{name} is not implemented for {x.dtype.name}: convert it with .float()")
    return x


def strength(x: Any) -> tuple[dtypes.dtype, int]:
    """The type of an operand, and how much it counts for the type of the result."""
    return (x.dtype, 2 if x.ndim else 1) if hasattr(x, "ndim") else (dtypes.of_number(x), 0)
