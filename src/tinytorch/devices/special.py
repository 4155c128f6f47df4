"""Functions that NumPy has not, or has otherwise than PyTorch, on whole arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinytorch.errors import DivisionError

Values = np.ndarray[Any, Any]

# W. J. Cody, "Rational Chebyshev approximations for the error function", Math. Comp. 23 (1969).
# Each pair is numerator and denominator, highest power first: near 0 in x^2, up to 4 in |x|,
# beyond in 1 / x^2.
NEAR = (
    [1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2, 3.77485237685302021e2,
     3.20937758913846947e3],
    [1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3,
     2.84423683343917062e3],
)  # fmt: skip
MIDDLE = (
    [2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1,
     2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
     1.23033935479799725e3],
    [1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2,
     1.62138957456669019e3, 3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3,
     1.23033935480374942e3],
)  # fmt: skip
FAR = (
    [1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
     1.60837851487422766e-2, 6.58749161529837803e-4],
    [1.0, 2.56852019228982242e0, 1.87295284992346725e0, 5.27905102951428412e-1,
     6.05183413124413191e-2, 2.33520497626869185e-3],
)  # fmt: skip


def ratio(coefficients: tuple[list[float], list[float]], x: Values) -> Values:
    """A rational function at every position."""
    above, below = coefficients
    return np.asarray(np.polyval(above, x) / np.polyval(below, x))


def erf(x: Values) -> Values:
    """The error function, to double precision.

    >>> float(erf(np.array(0.5)))
    0.5204998778130465
    """
    given = np.asarray(x)
    x = given.astype(np.float64)
    size = np.minimum(np.abs(x), 6.0)  # erf(6) is 1 to the last bit
    small = x * ratio(NEAR, np.minimum(x * x, 0.25))
    middle = 1.0 - np.exp(-size * size) * ratio(MIDDLE, size)
    square = 1.0 / np.maximum(size * size, 1.0)
    tail = (1.0 / np.sqrt(np.pi) - square * ratio(FAR, square)) / np.maximum(size, 1.0)
    large = 1.0 - np.exp(-size * size) * tail
    outer = np.copysign(np.where(size <= 4.0, middle, large), x)
    return np.where(size <= 0.46875, small, np.where(np.isnan(x), x, outer)).astype(given.dtype)


def sigmoid(x: Values) -> Values:
    """1 / (1 + exp(-x)) without overflow on either side.

    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    shrunk = np.exp(-np.abs(x))  # in (0, 1], so nothing overflows
    return np.asarray(np.where(np.signbit(x), shrunk, x.dtype.type(1)) / (1 + shrunk))


def sign(x: Values) -> Values:
    """-1, 0 or 1; 0 for NaN, where NumPy says NaN.

    >>> sign(np.array([-2.0, 0.0, np.nan])).tolist()
    [-1.0, 0.0, 0.0]
    """
    return x if x.dtype == bool else np.asarray(np.subtract(x > 0, x < 0, dtype=x.dtype))


def remainder(x: Values, y: Values) -> Values:
    """What is left of floor division. A remainder of zero has x's sign, where NumPy gives it y's.

    >>> remainder(np.array([-4.0, 5.0]), np.array([2.0, -3.0])).tolist()
    [-0.0, -1.0]
    """
    if x.dtype.kind != "f":
        return np.asarray(np.remainder(x, divisor(y)))
    left = np.asarray(np.fmod(x, y))
    return np.where((left != 0) & ((left < 0) != (y < 0)), left + y, left)


def floor_divide(x: Values, y: Values) -> Values:
    """x / y rounded down."""
    return np.asarray(np.floor_divide(x, divisor(y)))


def fmod(x: Values, y: Values) -> Values:
    """What is left of division rounded towards zero."""
    return np.asarray(np.fmod(x, divisor(y)))


def divisor(y: Values) -> Values:
    """Raises DivisionError for a 0 among whole numbers, for which NumPy would answer 0."""
    if y.dtype.kind != "f" and not np.all(y):
        raise DivisionError("cannot divide whole numbers by 0")
    return y
