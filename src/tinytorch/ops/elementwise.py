"""Elementwise cards: one scalar function at every position."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tinytorch.ops.card import FLOAT, NUMBERS, SAME, Elementwise, Grads

if TYPE_CHECKING:
    from tinytorch.devices.interface import Expr
    from tinytorch.tensor import Tensor

TWO_OVER_ROOT_PI = 2.0 / math.sqrt(math.pi)
LN_2, LN_10 = math.log(2.0), math.log(10.0)


class Add(Elementwise):
    """x + y"""

    expr = ("add", 0, 1)

    def grad(self, g: Tensor, out: Tensor, x: Tensor, y: Tensor) -> Grads:
        return g, g


class Sub(Elementwise):
    """x - y"""

    expr = ("sub", 0, 1)

    def grad(self, g: Tensor, out: Tensor, x: Tensor, y: Tensor) -> Grads:
        return g, -g


class Mul(Elementwise):
    """x * y"""

    expr = ("mul", 0, 1)

    def grad(self, g: Tensor, out: Tensor, x: Tensor, y: Tensor) -> Grads:
        return g * y, g * x


class Div(Elementwise):
    """x / y"""

    expr = ("div", 0, 1)
    promotion = FLOAT

    def grad(self, g: Tensor, out: Tensor, x: Tensor, y: Tensor) -> Grads:
        return g / y, -g * (x / y) / y


class Pow(Elementwise):
    """x to the power y"""

    expr = ("pow", 0, 1)
    least = NUMBERS

    def grad(self, g: Tensor, out: Tensor, x: Tensor, y: Tensor) -> Grads:
        # x ** 0 is 1 whatever x is, and 0 ** y is 0 for all y > 0: no slope there, never nan.
        to_base = (g * (y * x ** (y - 1.0))).where(y != 0.0, 0.0)
        to_exponent = (g * (out * x.log())).where(~((x == 0.0) & (y >= 0.0)), 0.0)
        return to_base, to_exponent


class Maximum(Elementwise):
    """The larger of x and y; NaN if either is."""

    expr = ("maximum", 0, 1)

    def grad(self, g: Tensor, out: Tensor, x: Tensor, y: Tensor) -> Grads:
        shared = (g * 0.5).where(x == y, g)  # ties share; a NaN is smaller than nothing, so it gets all
        return shared.where(~(x < y), 0.0), shared.where(~(y < x), 0.0)


class Minimum(Elementwise):
    """The smaller of x and y; NaN if either is."""

    expr = ("minimum", 0, 1)

    def grad(self, g: Tensor, out: Tensor, x: Tensor, y: Tensor) -> Grads:
        shared = (g * 0.5).where(x == y, g)
        return shared.where(~(x > y), 0.0), shared.where(~(y > x), 0.0)


class Where(Elementwise):
    """x where the condition holds, y elsewhere. The condition is bool."""

    expr = ("where", 0, 1, 2)

    def grad(self, g: Tensor, out: Tensor, condition: Tensor, x: Tensor, y: Tensor) -> Grads:
        zero = g * 0.0
        return None, g.where(condition, 0.0), zero.where(condition, g)


class Clamp(Elementwise):
    """x held between two bounds; NaN stays."""

    expr = ("minimum", ("maximum", 0, 1), 2)
    least = NUMBERS

    def grad(self, g: Tensor, out: Tensor, x: Tensor, low: Tensor, high: Tensor) -> Grads:
        below, above = (x < low) & ((low < high) | (low == math.inf)), (x > high) | (low > high)
        inside = g.where(x >= low, 0.0).where(x <= high, 0.0)
        return inside, g.where(below, 0.0), g.where(above, 0.0)


class Atan2(Elementwise):
    """The angle of the point (y, x), for x the second input"""

    expr = ("atan2", 0, 1)
    promotion = FLOAT

    def grad(self, g: Tensor, out: Tensor, y: Tensor, x: Tensor) -> Grads:
        square = x * x + y * y
        nearness = square.reciprocal().where(square != 0.0, 0.0)  # the angle at the origin has no slope
        return g * x * nearness, -g * y * nearness


class XLogY(Elementwise):
    """x * log(y), and 0 where x is 0, unless y is NaN"""

    expr = (
        "where",
        ("and", ("eq", 0, ("const", "0")), ("not", ("isnan", 1))),
        ("const", "0"),
        ("mul", 0, ("log", 1)),
    )
    promotion = FLOAT

    def grad(self, g: Tensor, out: Tensor, x: Tensor, y: Tensor) -> Grads:
        return (g * y.log()).where(~((x == 0.0) & (y <= 0.0)), 0.0), g * x / y


class FloorDivide(Elementwise):
    """x / y rounded down"""

    expr = ("floor_divide", 0, 1)
    least = NUMBERS

    def grad(self, g: Tensor, out: Tensor, x: Tensor, y: Tensor) -> Grads:
        return None, None


class TruncDivide(Elementwise):
    """x / y rounded towards zero"""

    expr = ("trunc_divide", 0, 1)
    least = NUMBERS

    def grad(self, g: Tensor, out: Tensor, x: Tensor, y: Tensor) -> Grads:
        return None, None


class Remainder(Elementwise):
    """What is left of x after floor division by y; it has y's sign"""

    expr = ("remainder", 0, 1)
    least = NUMBERS

    def grad(self, g: Tensor, out: Tensor, x: Tensor, y: Tensor) -> Grads:
        return g, -g * (x // y)


class Fmod(Elementwise):
    """What is left of x after division by y rounded towards zero; it has x's sign"""

    expr = ("fmod", 0, 1)
    least = NUMBERS

    def grad(self, g: Tensor, out: Tensor, x: Tensor, y: Tensor) -> Grads:
        return g, -g * x.trunc_divide(y)


class Neg(Elementwise):
    """-x"""

    expr = ("neg", 0)
    least = NUMBERS

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (-g,)


class Abs(Elementwise):
    """The size of x; its slope at 0 is taken as 0"""

    expr = ("abs", 0)
    least = NUMBERS

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (g * x.sign(),)


class Reciprocal(Elementwise):
    """1 / x"""

    expr = ("reciprocal", 0)
    promotion = FLOAT

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (-g * out * out,)


class Exp(Elementwise):
    """e to the x"""

    expr = ("exp", 0)
    promotion = FLOAT

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (g * out,)


class Exp2(Elementwise):
    """2 to the x"""

    expr = ("exp2", 0)
    promotion = FLOAT

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (g * out * LN_2,)


class Expm1(Elementwise):
    """e to the x, minus 1, exact near 0"""

    expr = ("expm1", 0)
    promotion = FLOAT

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (g * (out + 1.0),)


class Log(Elementwise):
    """Natural logarithm"""

    expr = ("log", 0)
    promotion = FLOAT

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (g / x,)


class Log2(Elementwise):
    """Logarithm to base 2"""

    expr = ("log2", 0)
    promotion = FLOAT

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (g / (x * LN_2),)


class Log10(Elementwise):
    """Logarithm to base 10"""

    expr = ("log10", 0)
    promotion = FLOAT

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (g / (x * LN_10),)


class Log1p(Elementwise):
    """log(1 + x), exact near 0"""

    expr = ("log1p", 0)
    promotion = FLOAT

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (g / (x + 1.0),)


class Sqrt(Elementwise):
    """Square root"""

    expr = ("sqrt", 0)
    promotion = FLOAT

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (g / (out * 2.0),)


class Rsqrt(Elementwise):
    """1 over the square root"""

    expr = ("reciprocal", ("sqrt", 0))
    promotion = FLOAT

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (g * (out * out * out) * -0.5,)


class Sin(Elementwise):
    """Sine of x in radians"""

    expr = ("sin", 0)
    promotion = FLOAT

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (g * x.cos(),)


class Cos(Elementwise):
    """Cosine of x in radians"""

    expr = ("cos", 0)
    promotion = FLOAT

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (-g * x.sin(),)


class Tan(Elementwise):
    """Tangent of x in radians"""

    expr = ("tan", 0)
    promotion = FLOAT

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (g * (out * out + 1.0),)


class Asin(Elementwise):
    """Inverse of sine"""

    expr = ("asin", 0)
    promotion = FLOAT

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (g / (1.0 - x * x).sqrt(),)


class Acos(Elementwise):
    """Inverse of cosine"""

    expr = ("acos", 0)
    promotion = FLOAT

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (-g / (1.0 - x * x).sqrt(),)


class Atan(Elementwise):
    """Inverse of tangent"""

    expr = ("atan", 0)
    promotion = FLOAT

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (g / (x * x + 1.0),)


class Sinh(Elementwise):
    """Hyperbolic sine"""

    expr = ("sinh", 0)
    promotion = FLOAT

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (g * x.cosh(),)


class Cosh(Elementwise):
    """Hyperbolic cosine"""

    expr = ("cosh", 0)
    promotion = FLOAT

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (g * x.sinh(),)


class Tanh(Elementwise):
    """Hyperbolic tangent"""

    expr = ("tanh", 0)
    promotion = FLOAT

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (g - g * out * out,)


class Asinh(Elementwise):
    """Inverse of hyperbolic sine"""

    expr = ("asinh", 0)
    promotion = FLOAT

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (g / (x * x + 1.0).sqrt(),)


class Acosh(Elementwise):
    """Inverse of hyperbolic cosine"""

    expr = ("acosh", 0)
    promotion = FLOAT

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (g / (x * x - 1.0).sqrt(),)


class Atanh(Elementwise):
    """Inverse of hyperbolic tangent"""

    expr = ("atanh", 0)
    promotion = FLOAT

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (g / (1.0 - x * x),)


class Erf(Elementwise):
    """The error function"""

    expr = ("erf", 0)
    promotion = FLOAT

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (g * (-x * x).exp() * TWO_OVER_ROOT_PI,)


class Erfc(Elementwise):
    """1 less the error function, exact where that is near 1"""

    expr = ("erfc", 0)
    promotion = FLOAT

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (-g * (-x * x).exp() * TWO_OVER_ROOT_PI,)


class Erfinv(Elementwise):
    """Inverse of the error function"""

    expr = ("erfinv", 0)
    promotion = FLOAT

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (g * (out * out).exp() / TWO_OVER_ROOT_PI,)


class Lgamma(Elementwise):
    """Natural logarithm of the size of the gamma function"""

    expr = ("lgamma", 0)
    promotion = FLOAT
    reads = {"x": ("x",)}

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (g * x.digamma(),)


class Polygamma(Elementwise):
    """The derivative of order n + 1 of the logarithm of the gamma function: digamma for n = 0"""

    __slots__ = ("n",)
    promotion = FLOAT
    reads = {"x": ("x",)}

    def __init__(self, n: int) -> None:
        self.n = n

    @property
    def expr(self) -> Expr:  # type: ignore[override]
        return ("polygamma", 0, ("const", str(self.n))) if self.n else ("digamma", 0)

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (g * x.polygamma(self.n + 1),)


class Step(Elementwise):
    """What all functions without a slope share: no gradient flows through them"""

    promotion = SAME

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (g * 0.0,)


class Sign(Step):
    """-1, 0 or 1"""

    expr = ("sign", 0)


class Floor(Step):
    """The next whole number below"""

    expr = ("floor", 0)
    least = NUMBERS


class Ceil(Step):
    """The next whole number above"""

    expr = ("ceil", 0)
    least = NUMBERS


class Round(Step):
    """The nearest whole number; halves go to the even one"""

    expr = ("round", 0)
    least = NUMBERS


class Trunc(Step):
    """The whole part"""

    expr = ("trunc", 0)
    least = NUMBERS


class Predicate(Elementwise):
    """Answers with bool or whole numbers, so nothing is recorded and no gradient flows"""

    differentiable = False


class Equal(Predicate):
    """x == y"""

    expr = ("eq", 0, 1)


class NotEqual(Predicate):
    """x != y"""

    expr = ("ne", 0, 1)


class Less(Predicate):
    """x < y"""

    expr = ("lt", 0, 1)


class LessEqual(Predicate):
    """x <= y"""

    expr = ("le", 0, 1)


class Greater(Predicate):
    """x > y"""

    expr = ("gt", 0, 1)


class GreaterEqual(Predicate):
    """x >= y"""

    expr = ("ge", 0, 1)


class IsNan(Predicate):
    """Whether x is not a number"""

    expr = ("isnan", 0)


class IsInf(Predicate):
    """Whether x is infinite"""

    expr = ("isinf", 0)


class Bitwise(Predicate):
    """Works on the bits of integers and on bools"""


class And(Bitwise):
    """Both"""

    expr = ("and", 0, 1)


class Or(Bitwise):
    """Either"""

    expr = ("or", 0, 1)


class Xor(Bitwise):
    """One, not both"""

    expr = ("xor", 0, 1)


class Not(Bitwise):
    """The opposite"""

    expr = ("not", 0)


class ShiftLeft(Bitwise):
    """Bits moved up"""

    expr = ("shift_left", 0, 1)
    least = NUMBERS


class ShiftRight(Bitwise):
    """Bits moved down"""

    expr = ("shift_right", 0, 1)
    least = NUMBERS


ADD = Add()
SUB = Sub()
MUL = Mul()
DIV = Div()
POW = Pow()
MAXIMUM = Maximum()
MINIMUM = Minimum()
WHERE = Where()
CLAMP = Clamp()
ATAN2 = Atan2()
XLOGY = XLogY()
FLOOR_DIVIDE = FloorDivide()
TRUNC_DIVIDE = TruncDivide()
REMAINDER = Remainder()
FMOD = Fmod()
NEG = Neg()
ABS = Abs()
RECIPROCAL = Reciprocal()
EXP = Exp()
EXP2 = Exp2()
EXPM1 = Expm1()
LOG = Log()
LOG2 = Log2()
LOG10 = Log10()
LOG1P = Log1p()
SQRT = Sqrt()
RSQRT = Rsqrt()
SIN = Sin()
COS = Cos()
TAN = Tan()
ASIN = Asin()
ACOS = Acos()
ATAN = Atan()
SINH = Sinh()
COSH = Cosh()
TANH = Tanh()
ASINH = Asinh()
ACOSH = Acosh()
ATANH = Atanh()
ERF = Erf()
ERFC = Erfc()
ERFINV = Erfinv()
LGAMMA = Lgamma()
DIGAMMA = Polygamma(0)
SIGN = Sign()
FLOOR = Floor()
CEIL = Ceil()
ROUND = Round()
TRUNC = Trunc()
EQUAL = Equal()
NOT_EQUAL = NotEqual()
LESS = Less()
LESS_EQUAL = LessEqual()
GREATER = Greater()
GREATER_EQUAL = GreaterEqual()
IS_NAN = IsNan()
IS_INF = IsInf()
AND = And()
OR = Or()
XOR = Xor()
NOT = Not()
SHIFT_LEFT = ShiftLeft()
SHIFT_RIGHT = ShiftRight()
