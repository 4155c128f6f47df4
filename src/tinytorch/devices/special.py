"""Functions that NumPy has not, or has otherwise than PyTorch, on whole arrays."""

from __future__ import annotations

import math
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

# Highest power first: of erfinv near 0 and in its tails, of Stirling's series, of the series of digamma, and the
# Bernoulli numbers of even order.
CENTER = [2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503,
          -0.00417768164, 0.246640727, 1.50140941]  # fmt: skip
TAIL = [-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613,
        0.00943887047, 1.00167406, 2.83297682]  # fmt: skip
STIRLING = [1 / 156, -691 / 360360, 1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12]
ASYMPTOTIC = [1 / 12, -691 / 32760, 1 / 132, -1 / 240, 1 / 252, -1 / 120, 1 / 12]
BERNOULLI = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510]


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


def erfc(x: Values) -> Values:
    """1 - erf(x), which keeps its digits where erf is near 1.

    >>> round(float(erfc(np.array(5.0))) * 1e12, 6)
    1.53746
    """
    given = np.asarray(x)
    x = given.astype(np.float64)
    size = np.minimum(np.abs(x), 30.0)  # erfc(27) is 0 to the last bit
    square = 1.0 / np.maximum(size * size, 1.0)
    far = (1.0 / np.sqrt(np.pi) - square * ratio(FAR, square)) / np.maximum(size, 1.0)
    tail = np.exp(-size * size) * np.where(size <= 4.0, ratio(MIDDLE, size), far)
    beyond = np.where(x < 0, 2.0 - tail, tail)
    near = 1.0 - x * ratio(NEAR, np.minimum(x * x, 0.25))
    return np.where(size <= 0.46875, near, np.where(np.isnan(x), x, beyond)).astype(given.dtype)


def erfinv(x: Values) -> Values:
    """The inverse of erf: M. Giles' polynomial (GPU Computing Gems, 2012), and two steps of Newton's method.

    >>> round(float(erfinv(np.array(0.5))), 6)
    0.476936
    """
    given = np.asarray(x)
    x = given.astype(np.float64)
    w = -np.log1p(-x * x)
    small, large = np.minimum(w, 5.0) - 2.5, np.sqrt(np.maximum(w, 5.0)) - 3.0
    made = np.where(w < 5.0, np.polyval(CENTER, small), np.polyval(TAIL, large)) * x
    for _ in range(2):
        size = np.abs(made)
        wrong = np.where(size < 0.5, erf(size) - np.abs(x), (1.0 - np.abs(x)) - erfc(size))
        made = np.copysign(size - wrong / (2.0 / np.sqrt(np.pi) * np.exp(-size * size)), x)
    made = np.where(np.abs(x) == 1.0, np.copysign(np.inf, x), np.where(np.abs(x) > 1.0, np.nan, made))
    return made.astype(given.dtype)


def lgamma(x: Values) -> Values:
    """log |gamma(x)| by Stirling's series from 10 on; below by gamma(x + 1) = x gamma(x), and by reflection.

    >>> round(float(lgamma(np.array(0.5))), 6)
    0.572365
    """
    given = np.asarray(x)
    x = given.astype(np.float64)
    mirrored = np.where(x < 0.5, 1.0 - x, x)
    product, high = np.ones_like(mirrored), mirrored.copy()
    for _ in range(10):
        low = high < 10.0
        product = np.where(low, product * high, product)
        high = np.where(low, high + 1.0, high)
    inverse = 1.0 / high
    series = np.polyval(STIRLING, inverse * inverse) * inverse
    made = (high - 0.5) * np.log(high) - high + 0.5 * np.log(2.0 * np.pi) + series - np.log(product)
    made = np.where(np.isin(mirrored, (1.0, 2.0)), 0.0, np.where(np.isinf(x), np.inf, made))
    reflected = np.log(np.pi) - np.log(np.abs(np.sin(np.pi * (x - np.round(x))))) - made
    made = np.where(x < 0.5, reflected, made)
    return np.where((x <= 0) & (x == np.floor(x)), np.inf, made).astype(given.dtype)


def digamma(x: Values) -> Values:
    """The slope of `lgamma`, by the series from 10 on, psi(x + 1) = psi(x) + 1 / x, and reflection.

    >>> round(float(digamma(np.array(1.0))), 6)
    -0.577216
    """
    given = np.asarray(x)
    x = given.astype(np.float64)
    mirrored = np.where(x < 0.5, 1.0 - x, x)
    total, high = np.zeros_like(mirrored), mirrored.copy()
    for _ in range(10):
        low = high < 10.0
        total = np.where(low, total - 1.0 / high, total)
        high = np.where(low, high + 1.0, high)
    square = 1.0 / (high * high)
    made = np.log(high) - 0.5 / high - np.polyval(ASYMPTOTIC, square) * square + total
    made = np.where(x < 0.5, made - np.pi / np.tan(np.pi * (x - np.round(x))), made)
    made = np.where(x == 0, np.copysign(np.inf, -x), np.where((x < 0) & (x == np.floor(x)), np.nan, made))
    return np.where(np.isposinf(x), np.inf, np.where(np.isneginf(x), np.nan, made)).astype(given.dtype)


def polygamma(x: Values, n: Any) -> Values:
    """The derivative of order n of digamma: (-1) ** (n + 1) n! zeta(n + 1, x).

    >>> round(float(polygamma(np.array(1.0), 1)), 6)
    1.644934
    """
    given, n = np.asarray(x), int(n)
    factor = (-1.0) ** (n + 1) * math.factorial(n)
    return np.asarray(factor * zeta(n + 1, given.astype(np.float64)), given.dtype)


def zeta(s: int, q: Values) -> Values:
    """The sum of 1 / (q + k) ** s over k = 0, 1, 2, ...: some terms, then Euler and Maclaurin's formula."""
    lowest = float(q[np.isfinite(q)].min(initial=0.0))
    terms = 12 + min(math.ceil(max(0.0, -lowest)), 1000)
    total = np.zeros_like(q)
    for k in range(terms):
        total = total + (q + k) ** float(-s)
    end = q + terms
    total = total + end ** (1.0 - s) / (s - 1.0) + 0.5 * end ** float(-s)
    rising, power = float(s), end ** (-s - 1.0)
    for j, bernoulli in enumerate(BERNOULLI, start=1):
        total = total + bernoulli / math.factorial(2 * j) * rising * power
        rising, power = rising * (s + 2 * j - 1) * (s + 2 * j), power / (end * end)
    return np.where((q <= 0) & (q == np.floor(q)), np.inf, np.where(np.isposinf(q), 0.0, total))


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


def power(x: Values, y: Values) -> Values:
    """x ** y; of whole numbers also for negative y, where what is left of the fraction is 0 or, of 1 and -1, 1 or -1."""
    if y.dtype.kind not in "ui" or y.dtype.kind == "u" or not (y < 0).any():
        return np.asarray(np.power(x, y))
    sign = np.where((x == -1) & (y % 2 != 0), -1, np.where(np.abs(x) == 1, 1, 0))
    return np.where(y < 0, sign, np.power(x, np.maximum(y, 0))).astype(np.result_type(x, y))


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


def trunc_divide(x: Values, y: Values) -> Values:
    """x / y rounded towards zero; whole numbers without a detour through fractions.

    >>> trunc_divide(np.array([7, -7]), np.array([2, 2])).tolist()
    [3, -3]
    """
    if x.dtype.kind not in "iu":
        return np.asarray(np.trunc(x / y))
    left = np.fmod(x, divisor(y))
    return np.asarray((x - left) // y)


def divisor(y: Values) -> Values:
    """Raises DivisionError for a 0 among whole numbers, for which NumPy would answer 0."""
    if y.dtype.kind != "f" and not np.all(y):
        raise DivisionError("cannot divide whole numbers by 0")
    return y
