"""Scalar expressions as C: what one line of a generated loop computes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tinytorch.devices.interface import Expr

FLOAT, DOUBLE, BOOL, LONG = "float", "double", "bool", "int64_t"
# How the types of arrays are called in C; halves are left to NumPy.
NAMES = {"float32": FLOAT, "float64": DOUBLE, "bool": BOOL, "int64": LONG}

COMPARISONS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
BITS = {"and": "&", "or": "|", "xor": "^"}
ARITHMETIC = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
INLINE = {  # in elements.h, many numbers at once; the second is for doubles
    "maximum": ("larger", "larger_double"), "minimum": ("smaller", "smaller_double"),
    "exp": ("exponential", "exp"), "log": ("logarithm", "log"), "tanh": ("hyperbolic_tangent", "tanh"),
    "erf": ("error_function", "erf"), "sigmoid": ("logistic", "logistic_double"),
    "sqrt": ("sqrtf", "sqrt"), "abs": ("fabsf", "fabs"), "floor": ("floorf", "floor"),
    "ceil": ("ceilf", "ceil"), "trunc": ("truncf", "trunc"), "round": ("rintf", "rint"),
}  # fmt: skip
SCALAR = {  # of the C library, one number at a time
    "exp2": "exp2", "expm1": "expm1", "log2": "log2", "log10": "log10", "log1p": "log1p", "sin": "sin",
    "cos": "cos", "tan": "tan", "asin": "asin", "acos": "acos", "atan": "atan", "sinh": "sinh", "cosh": "cosh",
    "asinh": "asinh", "acosh": "acosh", "atanh": "atanh", "erfc": "erfc", "atan2": "atan2", "pow": "pow",
    "fmod": "fmod",
}  # fmt: skip


# How tightly the parts of C hold together: what is looser than its surroundings needs parentheses.
ATOM, UNARY, PRODUCT, SUM, COMPARISON, BITWISE, CHOICE = range(7)


class Code(NamedTuple):
    """A piece of C, the type of its value, and how loosely it holds together."""

    text: str
    kind: str
    level: int = ATOM

    def within(self, level: int) -> str:
        """As part of an operator of that level."""
        return f"({self.text})" if self.level > level else self.text


class Untranslated(Exception):
    """An expression that has no C here, so that NumPy keeps it."""


def functions_of(expr: Expr) -> set[str]:
    """The names of all functions in an expression.

    >>> sorted(functions_of(("add", 0, ("exp", 1))))
    ['add', 'exp']
    """
    if isinstance(expr, int) or expr[0] == "const":
        return set()
    return {expr[0]}.union(*map(functions_of, expr[1:]))


def one_at_a_time(expr: Expr) -> bool:
    """Whether C computes it number by number, where NumPy computes many at once."""
    return not functions_of(squared(expr)).isdisjoint({*SCALAR, "floor_divide"})


def squared(expr: Expr) -> Expr:
    """The expression with powers of 1, 2 and 3 as products, which are faster and as exact.

    >>> squared(("pow", 0, ("const", "2.0")))
    ('mul', 0, 0)
    """
    if isinstance(expr, int) or expr[0] == "const":
        return expr
    name, *parts = expr
    made = [squared(part) for part in parts]
    if name == "pow" and isinstance(made[1], tuple) and made[1][0] == "const" and isinstance(made[0], int):
        count = float(made[1][1])
        if count in (1.0, 2.0, 3.0):
            product: Expr = made[0]
            for _ in range(int(count) - 1):
                product = ("mul", product, made[0])
            return product
    return (name, *made)


def number(text: str, kind: str) -> str:
    """A number of an expression as C writes it.

    >>> number("0.5", FLOAT), number("0", FLOAT), number("-inf", FLOAT), number("3", LONG)
    ('0.5f', '0.0f', '-INFINITY', '3')
    """
    if kind in (LONG, BOOL):
        return str(int(text) if text.lstrip("-").isdigit() else int(float(text)))
    value = float(text)
    if value != value or value in (np.inf, -np.inf):
        return "NAN" if value != value else "INFINITY" if value > 0 else "-INFINITY"
    return f"{np.float32(value)!s}f" if kind == FLOAT else repr(value)


def translated(expr: Expr, inputs: Sequence[Code], wanted: str = FLOAT) -> Code:
    """An expression of `inputs` in C. Raises Untranslated where a function has no C for these types.

    wanted: the type of a number that stands alone.

    >>> g, y = Code("g", FLOAT), Code("y", FLOAT)
    >>> translated(("sub", 0, ("mul", ("mul", 0, 1), 1)), [g, y]).text
    'g - g * y * y'
    >>> translated(("where", ("not", ("le", 1, ("const", "0.0"))), 0, ("const", "0.0")), [g, y]).text
    '!(y <= 0.0f) ? g : 0.0f'
    """
    if isinstance(expr, int):
        return inputs[expr]
    name, *parts = expr
    if name == "const":
        text = number(parts[0], wanted)
        return Code(text, wanted, UNARY if text.startswith("-") else ATOM)
    if name == "where":
        condition = translated(parts[0], inputs, BOOL)
        if condition.kind != BOOL:
            raise Untranslated("a condition that is no bool")
        yes, no = operands(parts[1:], inputs, wanted)
        text = f"{condition.within(BITWISE)} ? {yes.within(BITWISE)} : {no.within(CHOICE)}"
        return Code(text, yes.kind, CHOICE)
    return call(name, operands(parts, inputs, wanted))


def operands(parts: Sequence[Expr], inputs: Sequence[Code], wanted: str) -> list[Code]:
    """The operands of a function. They have one type; numbers take it over."""
    known = {translated(p, inputs, wanted).kind for p in parts if isinstance(p, int) or p[0] != "const"}
    if len(known) > 1:
        raise Untranslated(f"operands of {' and '.join(sorted(known))}")
    kind = known.pop() if known else wanted
    return [translated(part, inputs, kind) for part in parts]


def call(name: str, xs: list[Code]) -> Code:
    """A function of operands in C."""
    kind, x = xs[0].kind, xs[0].within(UNARY)
    if name in COMPARISONS:
        return Code(f"{xs[0].within(SUM)} {COMPARISONS[name]} {xs[1].within(SUM)}", BOOL, COMPARISON)
    if name == "isnan":
        return Code(f"{x} != {x}", BOOL, COMPARISON)
    if kind == BOOL:
        return logical(name, xs)
    if name in ("add", "sub", "mul") and kind == LONG:  # without a sign: an overflow has a meaning there
        return Code(f"(int64_t)((uint64_t){x} {ARITHMETIC[name]} (uint64_t){xs[1].within(UNARY)})", kind)
    if kind == LONG:
        raise Untranslated(f"{name} of whole numbers")
    if name in ARITHMETIC:
        level = SUM if name in ("add", "sub") else PRODUCT
        return Code(f"{xs[0].within(level)} {ARITHMETIC[name]} {xs[1].within(level - 1)}", kind, level)
    return floating(name, xs, kind)


def logical(name: str, xs: list[Code]) -> Code:
    """A function of bools in C."""
    if name == "not":
        return Code(f"!{xs[0].within(ATOM)}", BOOL, UNARY)
    if name not in BITS:
        raise Untranslated(f"{name} of bools")
    return Code(f"{xs[0].within(UNARY)} {BITS[name]} {xs[1].within(UNARY)}", BOOL, BITWISE)


def floating(name: str, xs: list[Code], kind: str) -> Code:
    """A function of floats or doubles in C."""
    single, x, inside = kind == FLOAT, xs[0].within(ATOM), ", ".join([each.text for each in xs])
    suffix = "f" if single else ""
    if name in INLINE:
        return Code(f"{INLINE[name][not single]}({inside})", kind)
    if name in SCALAR:
        return Code(f"{SCALAR[name]}{suffix}({inside})", kind)
    if name == "neg":
        return Code(f"-{x}", kind, UNARY)
    if name == "reciprocal":
        return Code(f"{number('1.0', kind)} / {x}", kind, PRODUCT)
    if name == "isinf":
        return Code(f"fabs({inside}) == INFINITY", BOOL, COMPARISON)
    if name == "sign":
        return Code(f"({kind})(({x} > 0) - ({x} < 0))", kind)
    if name == "trunc_divide":
        return Code(f"trunc{suffix}({xs[0].within(PRODUCT)} / {xs[1].within(UNARY)})", kind)
    if name == "floor_divide" and single:
        return Code(f"floor_quotient({inside})", kind)
    raise Untranslated(f"there is no C for {name}")
