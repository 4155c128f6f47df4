"""More elementwise functions, made of a tensor's own methods. `Tensor` adopts all of `NAMES`, also in place."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tinytorch import dtypes, ops
from tinytorch.errors import DtypeError
from tinytorch.promotion import operand

if TYPE_CHECKING:
    from tinytorch.tensor import Tensor

NAMES = [
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
    "gcd",
    "heaviside",
    "hypot",
    "isneginf",
    "isposinf",
    "isreal",
    "lcm",
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


def alike(x: Tensor, other: Any) -> tuple[Tensor, Tensor]:
    """Both sides as floating point tensors of the type in which they compute together."""
    x = x.floating()
    other = (other if hasattr(other, "dtype") else x.new_tensor(other)).floating()
    to = dtypes.result_type((x.dtype, 2 if x.ndim else 1), (other.dtype, 2 if other.ndim else 1))
    return x.to(to), other.to(to)


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
    size, sign = x.abs(), other.sign()  # at a zero and at NaN the sign says less than the sign's bit
    return (size * sign).where(sign.abs() == 1.0, size.where(~signbit(other), -size))


def deg2rad(x: Tensor) -> Tensor:
    """Degrees as radians."""
    return x.floating() * (math.pi / 180)


def float_power(x: Tensor, exponent: Any) -> Tensor:
    """The power, computed in float64."""
    return x.double() ** (exponent.double() if hasattr(exponent, "double") else float(exponent))


def fmax(x: Tensor, other: Tensor) -> Tensor:
    """The larger of two numbers; of a number and NaN the number."""
    other = x.beside(other, "fmax")
    return x.where((x >= other) | other.isnan(), other)


def fmin(x: Tensor, other: Tensor) -> Tensor:
    """The smaller of two numbers; of a number and NaN the number."""
    other = x.beside(other, "fmin")
    return x.where((x <= other) | other.isnan(), other)


def frac(x: Tensor) -> Tensor:
    """What is behind the point, with the number's sign."""
    return x.fractional("frac") - x.trunc()


def gcd(x: Tensor, other: Tensor) -> Tensor:
    """The greatest number that divides both."""
    return of_whole_numbers(np.gcd, x, x.beside(other, "gcd"))


def lcm(x: Tensor, other: Tensor) -> Tensor:
    """The least number above 0 that both divide; 0 where one is 0."""
    return of_whole_numbers(np.lcm, x, x.beside(other, "lcm"))


def of_whole_numbers(function: Any, x: Tensor, other: Tensor) -> Tensor:
    """NumPy's function of two tensors of whole numbers, on the host. Raises DtypeError for others."""
    to = dtypes.result_type((x.dtype, 2 if x.ndim else 1), (other.dtype, 2 if other.ndim else 1))
    if to.category != dtypes.INTEGER:
        raise DtypeError(f"{function.__name__} is not implemented for {to.name}")
    return x.new_tensor(function(x.to(to).numpy_view(), other.to(to).numpy_view()), dtype=to)


def heaviside(x: Tensor, values: Tensor) -> Tensor:
    """0 below 0, 1 above, and `values` at 0."""
    if x.dtype is not x.beside(values, "heaviside").dtype:
        raise RuntimeError(f"heaviside needs two tensors of one dtype, not {x.dtype} and {values.dtype}")
    return values.where(x == 0, (x > 0).to(x.dtype))


def hypot(x: Tensor, other: Tensor) -> Tensor:
    """The longest side of a right triangle, sqrt(x² + other²), without overflow: the longer leg is taken out."""
    together = dtypes.promote_types(x.dtype, x.beside(other, "hypot").dtype)
    if not together.is_floating_point:
        raise DtypeError(f"hypot is not implemented for {together.name}")
    x, other = alike(x, other)
    size = x.abs().maximum(other.abs()).detach()
    scale = size.where((size > 0) & (size < math.inf), 1.0)
    total = (x / scale) * (x / scale) + (other / scale) * (other / scale)
    # At the origin the root is infinitely steep; the slope there is taken as 0.
    root = total.where(total != 0, 1.0).sqrt().where(total != 0, total) * scale
    return root.where((x.abs() != math.inf) & (other.abs() != math.inf), math.inf)


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
    return x.floating() * x.beside(other, "ldexp").floating().exp2()


def logaddexp(x: Tensor, other: Tensor) -> Tensor:
    """log(exp(x) + exp(other)) without overflow: the larger is taken out."""
    if not (x.is_floating_point() or x.beside(other, "logaddexp").is_floating_point()):
        raise DtypeError(f"logaddexp is not implemented for {x.dtype.name}")
    x, other = alike(x, x.beside(other, "logaddexp"))
    gap = other - x
    below = gap <= 0
    smaller = gap.where(below, 0.0).exp().log1p() + x
    larger = (-gap).where(~below, 0.0).exp().log1p() + other
    return x.where((x == other) & x.isinf(), smaller.where(below, larger))


def logaddexp2(x: Tensor, other: Tensor) -> Tensor:
    """log2(2 ** x + 2 ** other) without overflow."""
    if not (x.is_floating_point() or x.beside(other, "logaddexp2").is_floating_point()):
        raise DtypeError(f"logaddexp2 is not implemented for {x.dtype.name}")
    return logaddexp(x * math.log(2), other * math.log(2)) / math.log(2)


def logit(x: Tensor, eps: float | None = None) -> Tensor:
    """The inverse of sigmoid, log(x / (1 - x)); with `eps`, of x kept between eps and 1 - eps."""
    x = x.floating()
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
    return x.arithmetic("positive")


def rad2deg(x: Tensor) -> Tensor:
    """Radians as degrees."""
    return x.floating() * (180 / math.pi)


def signbit(x: Tensor) -> Tensor:
    """Whether the sign is negative, also that of a zero."""
    if not x.dtype.is_floating_point:
        return x < 0
    return (x < 0) | ((x == 0) & (x.detach().reciprocal() < 0))


def sinc(x: Tensor) -> Tensor:
    """sin(pi x) / (pi x), and 1 at 0."""
    angle = x.floating() * math.pi
    angle_or_one = angle.where(angle != 0, 1.0)
    return (angle_or_one.sin() / angle_or_one).where(angle != 0, 1.0)


def xlogy(x: Tensor, other: Any) -> Tensor:
    """x * log(other), and 0 where x is 0, unless other is NaN."""
    made: Tensor = x.apply(ops.XLOGY, x, operand(x, other))
    return made
