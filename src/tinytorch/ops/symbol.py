"""Symbols: run a gradient rule on them once, and what it does is written down as a scalar expression."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinytorch.devices.interface import Expr


class Symbol:
    """A number that is not known yet. Arithmetic on it builds an expression."""

    __slots__ = ("expr",)

    def __init__(self, expr: Expr) -> None:
        self.expr = expr

    def where(self, condition: Symbol, other: Any) -> Symbol:
        """This where the condition holds, `other` elsewhere."""
        return Symbol(("where", condition.expr, self.expr, lifted(other)))

    def __bool__(self) -> bool:
        raise TypeError("a rule that branches on values cannot be read as one expression")

    __hash__ = None  # type: ignore[assignment]


def lifted(value: Any) -> Expr:
    """The expression of a symbol or a number. Text keeps 1, 1.0 and True, 0.0 and -0.0 apart."""
    if isinstance(value, Symbol):
        return value.expr
    if isinstance(value, (int, float)):
        return ("const", repr(float(value)))
    raise TypeError(f"{value!r} does not belong in an expression")


def function(name: str, swapped: bool = False) -> Callable[..., Symbol]:
    """A method of Symbol that applies one of the device's functions."""

    def method(self: Symbol, *others: Any) -> Symbol:
        operands = [self.expr, *map(lifted, others)]
        return Symbol((name, *(reversed(operands) if swapped else operands)))

    return method


OPERATORS = {
    "add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "floordiv": "floor_divide", "pow": "pow",
    "eq": "eq", "ne": "ne", "lt": "lt", "le": "le", "gt": "gt", "ge": "ge", "neg": "neg",
    "and": "and", "or": "or", "invert": "not",
}  # fmt: skip
METHODS = (
    "abs", "sign", "exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh",
    "sigmoid", "erf", "reciprocal", "maximum", "minimum", "floor", "isnan", "trunc", "trunc_divide",
)  # fmt: skip

for _operator, _name in OPERATORS.items():
    setattr(Symbol, f"__{_operator}__", function(_name))
    if _operator in ("add", "sub", "mul", "truediv", "pow"):
        setattr(Symbol, f"__r{_operator}__", function(_name, swapped=True))
for _name in METHODS:
    setattr(Symbol, _name, function(_name))


def inputs_of(expr: Expr) -> set[int]:
    """Which inputs an expression names.

    >>> sorted(inputs_of(("mul", 0, ("sub", ("const", "1.0"), 2))))
    [0, 2]
    """
    if isinstance(expr, int):
        return {expr}
    return set() if expr[0] == "const" else set().union(*map(inputs_of, expr[1:]))


def renumbered(expr: Expr, order: tuple[int, ...]) -> Expr:
    """The expression with its inputs counted by their place in `order`.

    >>> renumbered(("mul", 0, 3), (0, 3))
    ('mul', 0, 1)
    """
    if isinstance(expr, int):
        return order.index(expr)
    if expr[0] == "const":
        return expr
    return (expr[0], *(renumbered(part, order) for part in expr[1:]))
