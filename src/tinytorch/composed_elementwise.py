"""More elementwise functions, made of a tensor's own methods. `Tensor` adopts all of `NAMES`, also in place."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from tinytorch import dtypes

if TYPE_CHECKING:
    from tinytorch.tensor import Tensor

NAMES = [
    "acosh",
    "asinh",
    "atanh",
    "arccosh",
    "arcsinh",
    "arctanh",
    "arctan2",
    "bitwise_left_shift",
    "bitwise_right_shift",
    "clamp_max",
    "clamp_min",
    "copysign",
    "deg2rad",
    "float_power",
    "fmax",
    "fmin",
    "frac",
    "heaviside",
    "hypot",
    "isneginf",
    "isposinf",
    "isreal",
    "ldexp",
    "logaddexp",
    "logaddexp2",
    "logit",
    "nan_to_num",
    "positive",
    "rad2deg",
    "signbit",
    "sinc",
    "xlogy",
]


def floating(x: Tensor) -> Tensor:
    """Integers as numbers of the default floating point type."""
    return x if x.dtype.is_floating_point else x.to(dtypes.get_default_dtype())


def beside(x: Tensor, other: Any) -> Tensor:
    """The other side as a tensor; a number as one without axes, of the type of `x`."""
    made: Tensor = other if hasattr(other, "dtype") else floating(x).new_tensor(other)
    return made


def alike(x: Tensor, other: Any) -> tuple[Tensor, Tensor]:
    """Both sides as floating point tensors of the type in which they compute together."""
    x, other = floating(x), floating(beside(x, other))
    to = dtypes.result_type((x.dtype, 2 if x.ndim else 1), (other.dtype, 2 if other.ndim else 1))
    return x.to(to), other.to(to)


def acosh(x: Tensor) -> Tensor:
    """The inverse of cosh, for numbers from 1 on."""
    x = floating(x)
    return (x + ((x - 1) * (x + 1)).sqrt()).log()


def asinh(x: Tensor) -> Tensor:
    """The inverse of sinh: with `log1p`, so that small numbers keep their digits."""
    x = floating(x)
    size = x.abs()
    square = size * size
    made = (size + square / (1 + (square + 1).sqrt())).log1p()
    return made.where(x >= 0, -made)


def atanh(x: Tensor) -> Tensor:
    """The inverse of tanh, for numbers between -1 and 1."""
    x = floating(x)
    return (2 * x / (1 - x)).log1p() * 0.5


arccosh, arcsinh, arctanh = acosh, asinh, atanh


def arctan2(x: Tensor, other: Tensor) -> Tensor:
    """`atan2`."""
    return x.atan2(other)


def bitwise_left_shift(x: Tensor, other: Any) -> Tensor:
    """`x << other`."""
    return x << other


def bitwise_right_shift(x: Tensor, other: Any) -> Tensor:
    """`x >> other`."""
    return x >> other


def clamp_max(x: Tensor, max: Any) -> Tensor:
    """`max` where a number is larger."""
    return x.clamp(max=max)


def clamp_min(x: Tensor, min: Any) -> Tensor:
    """`min` where a number is smaller."""
    return x.clamp(min=min)


def copysign(x: Tensor, other: Any) -> Tensor:
    """The size of `x` with the sign of `other`, also that of a negative zero."""
    x, other = alike(x, other)
    size = x.abs()
    return (-size).where(signbit(other), size)


def deg2rad(x: Tensor) -> Tensor:
    """Degrees as radians."""
    return floating(x) * (math.pi / 180)


def float_power(x: Tensor, exponent: Any) -> Tensor:
    """The power, computed in float64."""
    return x.double() ** (exponent.double() if hasattr(exponent, "double") else exponent)


def fmax(x: Tensor, other: Tensor) -> Tensor:
    """The larger of two numbers; of a number and NaN the number."""
    return other.where(x.isnan(), x.where(other.isnan(), x.maximum(other)))


def fmin(x: Tensor, other: Tensor) -> Tensor:
    """The smaller of two numbers; of a number and NaN the number."""
    return other.where(x.isnan(), x.where(other.isnan(), x.minimum(other)))


def frac(x: Tensor) -> Tensor:
    """What is behind the point, with the number's sign."""
    return x - x.trunc()


def heaviside(x: Tensor, values: Tensor) -> Tensor:
    """0 below 0, 1 above, and `values` at 0."""
    if x.dtype is not values.dtype:
        raise RuntimeError(f"heaviside needs two tensors of one dtype, not {x.dtype} and {values.dtype}")
    return values.where(x == 0, (x > 0).to(x.dtype))


def hypot(x: Tensor, other: Tensor) -> Tensor:
    """The longest side of a right triangle: sqrt(x² + other²)."""
    x, other = alike(x, other)
    return (x * x + other * other).sqrt()


def isposinf(x: Tensor) -> Tensor:
    """Where a number is infinite and positive."""
    return x == math.inf


def isneginf(x: Tensor) -> Tensor:
    """Where a number is infinite and negative."""
    return x == -math.inf


def isreal(x: Tensor) -> Tensor:
    """True everywhere: there are no complex numbers here."""
    return (x == x) | (x != x)


def ldexp(x: Tensor, other: Tensor) -> Tensor:
    """x * 2 ** other."""
    return floating(x) * floating(other).exp2()


def logaddexp(x: Tensor, other: Tensor) -> Tensor:
    """log(exp(x) + exp(other)) without overflow: the larger is taken out."""
    x, other = alike(x, other)
    top = x.maximum(other)
    gap = (x - other).abs()
    return top.where((top == x) & (x == other) & (gap != gap), top + (-gap).exp().log1p())


def logaddexp2(x: Tensor, other: Tensor) -> Tensor:
    """log2(2 ** x + 2 ** other) without overflow."""
    return logaddexp(x * math.log(2), other * math.log(2)) / math.log(2)


def logit(x: Tensor, eps: float | None = None) -> Tensor:
    """The inverse of sigmoid, log(x / (1 - x)); with `eps`, of x kept between eps and 1 - eps."""
    x = floating(x)
    x = x if eps is None else x.clamp(eps, 1 - eps)
    return (x / (1 - x)).log()


def nan_to_num(
    x: Tensor, nan: float | None = None, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """NaN as 0 (or `nan`), infinities as the largest and the lowest number there is (or as given)."""
    if not x.dtype.is_floating_point:
        return x.clone()
    limit = float(dtypes.finfo(x.dtype).max)
    x = x.masked_fill(x.isnan(), 0.0 if nan is None else nan)
    x = x.masked_fill(isposinf(x), limit if posinf is None else posinf)
    return x.masked_fill(isneginf(x), -limit if neginf is None else neginf)


def positive(x: Tensor) -> Tensor:
    """The tensor itself."""
    return x


def rad2deg(x: Tensor) -> Tensor:
    """Radians as degrees."""
    return floating(x) * (180 / math.pi)


def signbit(x: Tensor) -> Tensor:
    """Whether the sign is negative, also that of a zero."""
    if not x.dtype.is_floating_point:
        return x < 0
    return (x < 0) | ((x == 0) & (x.detach().reciprocal() < 0))


def sinc(x: Tensor) -> Tensor:
    """sin(pi x) / (pi x), and 1 at 0."""
    angle = floating(x) * math.pi
    angle_or_one = angle.where(angle != 0, 1.0)
    return (angle_or_one.sin() / angle_or_one).where(angle != 0, 1.0)


def xlogy(x: Any, other: Any) -> Tensor:
    """x * log(other), and 0 where x is 0, unless other is NaN."""
    x, other = (x, beside(x, other)) if hasattr(x, "dtype") else (beside(other, x), other)
    product = x * other.log()
    zero = (x == 0) & ~other.isnan()
    made: Tensor = product.where(~zero, 0.0)
    return made
