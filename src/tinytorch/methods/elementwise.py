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
    if min is None and max is None:
        raise RuntimeError("clamp needs at least one of min and max")
    low, high = (None if bound is None else operand(x, bound) for bound in (min, max))
    if not x.is_floating_point():  # whole numbers have no infinity for a bound that is not there
        raised = x if low is None else x.maximum(low)
        return raised if high is None else raised.minimum(high)
    low = operand(x, -np.inf) if low is None else low
    made: Tensor = x.apply(ops.CLAMP, x, low, operand(x, np.inf) if high is None else high)
    return made


def div(x: Tensor, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """x / other, rounded by "floor" or "trunc" on request."""
    if rounding_mode == "floor":
        return x // other
    quotient = x / other
    if rounding_mode is None:
        return quotient
    # Whole numbers stay whole, where `/` makes fractions of them.
    return quotient.trunc().to((x * 0 + other).dtype)


def square(x: Tensor) -> Tensor:
    """x * x; bools count as whole numbers."""
    x = x.long() if x.dtype is dtypes.bool_ else x
    return x * x


def round(x: Tensor, *, decimals: Any = 0) -> Tensor:
    """The nearest whole number, halves to the even one; or that many decimals."""
    if decimals:
        return (x * 10.0**decimals).round() / 10.0**decimals
    if not x.is_floating_point():
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
    return x.bool() & other.bool()


def logical_or(x: Tensor, other: Tensor) -> Tensor:
    """Whether one is not 0."""
    return x.bool() | other.bool()


def logical_xor(x: Tensor, other: Tensor) -> Tensor:
    """Whether exactly one is not 0."""
    return x.bool() ^ other.bool()


def softmax(x: Tensor, dim: int, dtype: dtypes.dtype | None = None) -> Tensor:
    """exp(x) over its sum along `dim`."""
    x = x.fractional("softmax") if dtype is None else x.to(dtype)
    made: Tensor = x.apply(ops.Softmax(canonical_dim(dim, x.ndim)), x)
    return made


def log_softmax(x: Tensor, dim: int, dtype: dtypes.dtype | None = None) -> Tensor:
    """The logarithm of the softmax, without forming it."""
    x = x.fractional("log_softmax") if dtype is None else x.to(dtype)
    made: Tensor = x.apply(ops.LogSoftmax(canonical_dim(dim, x.ndim)), x)
    return made


def fractional(x: Tensor, name: str) -> Tensor:
    """Itself. Raises DtypeError for an operation that whole numbers have no answer to."""
    if not x.is_floating_point():
        raise DtypeError(f"{name} does not take {x.dtype.name}: convert it with .float()")
    return x
