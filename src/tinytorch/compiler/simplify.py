"""Expressions with numbers put in for inputs that are known, and worked out as far as that goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tinytorch.devices.interface import Expr

WORKED_OUT: dict[str, Callable[[float, float], float]] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "eq": lambda x, y: float(x == y),
    "ne": lambda x, y: float(x != y),
    "lt": lambda x, y: float(x < y),
    "le": lambda x, y: float(x <= y),
    "gt": lambda x, y: float(x > y),
    "ge": lambda x, y: float(x >= y),
    "and": lambda x, y: float(bool(x) and bool(y)),
    "or": lambda x, y: float(bool(x) or bool(y)),
}


def bound(expr: Expr, numbers: Mapping[int, str]) -> Expr:
    """The expression with numbers in the place of some inputs; the others are counted anew.

    >>> bound(("add", 0, ("mul", 1, 2)), {1: "2.0"})
    ('add', 0, ('mul', ('const', '2.0'), 1))
    """
    if isinstance(expr, int):
        if expr in numbers:
            return (
                "const",
                str(
                    float(numbers[expr] in ("True", "1"))
                    if numbers[expr] in ("True", "False")
                    else numbers[expr]
                ),
            )
        return expr - sum([each < expr for each in numbers])
    if expr[0] == "const":
        return expr
    return (expr[0], *[bound(part, numbers) for part in expr[1:]])


def simplified(expr: Expr) -> Expr:
    """The expression with what numbers alone decide worked out, and without factors of 1; nan and inf stay as they are.

    >>> simplified(("where", ("ne", ("const", "2.0"), ("const", "0.0")), ("mul", 0, ("const", "1.0")), ("const", "0.0")))
    0
    """
    if isinstance(expr, int) or expr[0] == "const":
        return expr
    name, *parts = expr[0], *[simplified(part) for part in expr[1:]]
    numbers = [value(part) for part in parts]
    if name in WORKED_OUT and None not in numbers:
        return ("const", repr(WORKED_OUT[name](*numbers)))  # type: ignore[arg-type]
    if name == "not" and numbers[0] is not None:
        return ("const", repr(float(not numbers[0])))
    if name == "where" and numbers[0] is not None:
        return parts[1] if numbers[0] else parts[2]
    if name == "mul" and 1.0 in numbers:
        return parts[1 - numbers.index(1.0)]
    if name == "div" and numbers[1] == 1.0:
        return parts[0]
    return (name, *parts)


def value(expr: Expr) -> float | None:
    """The number that an expression is, None if it is more."""
    return float(expr[1]) if isinstance(expr, tuple) and expr[0] == "const" else None
