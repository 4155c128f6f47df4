"""Compound expressions of the framework's own cards, each one loop of C where NumPy takes a pass for every function."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tinytorch.devices.interface import Expr
from tinytorch.devices.native.expressions import FLOAT, Code, functions_of, squared, translated
from tinytorch.devices.native.library import kernels

# What `expr` and the gradients of the cards in ops/elementwise.py and ops/activations.py come to, where it takes more
# than one function; without those that the C library computes number by number, at which NumPy is faster. A test
# holds the list against the cards.
EXPRESSIONS: tuple[Expr, ...] = (
    ("div", ("mul", ("neg", 0), ("div", 1, 2)), 2),  # Div
    ("where", ("not", ("and", ("eq", 2, ("const", "0.0")), ("ge", 3, ("const", "0.0")))), ("mul", 0, ("mul", 1, ("log", 2))), ("const", "0.0")),  # Pow
    ("where", ("not", ("lt", 1, 2)), ("where", ("eq", 1, 2), ("mul", 0, ("const", "0.5")), 0), ("const", "0.0")),  # Maximum
    ("where", ("not", ("lt", 2, 1)), ("where", ("eq", 1, 2), ("mul", 0, ("const", "0.5")), 0), ("const", "0.0")),  # Maximum
    ("where", ("not", ("gt", 1, 2)), ("where", ("eq", 1, 2), ("mul", 0, ("const", "0.5")), 0), ("const", "0.0")),  # Minimum
    ("where", ("not", ("gt", 2, 1)), ("where", ("eq", 1, 2), ("mul", 0, ("const", "0.5")), 0), ("const", "0.0")),  # Minimum
    ("minimum", ("maximum", 0, 1), 2),  # Clamp
    ("where", ("le", 1, 3), ("where", ("ge", 1, 2), 0, ("const", "0.0")), ("const", "0.0")),  # Clamp
    ("where", ("and", ("lt", 1, 2), ("or", ("lt", 2, 3), ("eq", 2, ("const", "inf")))), 0, ("const", "0.0")),  # Clamp
    ("where", ("or", ("gt", 1, 3), ("gt", 2, 3)), 0, ("const", "0.0")),  # Clamp
    ("mul", ("mul", 0, 2), ("where", ("ne", ("add", ("mul", 2, 2), ("mul", 1, 1)), ("const", "0.0")), ("reciprocal", ("add", ("mul", 2, 2), ("mul", 1, 1))), ("const", "0.0"))),  # Atan2
    ("mul", ("mul", ("neg", 0), 1), ("where", ("ne", ("add", ("mul", 2, 2), ("mul", 1, 1)), ("const", "0.0")), ("reciprocal", ("add", ("mul", 2, 2), ("mul", 1, 1))), ("const", "0.0"))),  # Atan2
    ("where", ("and", ("eq", 0, ("const", "0")), ("not", ("isnan", 1))), ("const", "0"), ("mul", 0, ("log", 1))),  # Xlogy
    ("where", ("not", ("and", ("eq", 1, ("const", "0.0")), ("le", 2, ("const", "0.0")))), ("mul", 0, ("log", 2)), ("const", "0.0")),  # Xlogy
    ("div", ("mul", 0, 1), 2),  # Xlogy
    ("mul", ("neg", 0), ("trunc_divide", 1, 2)),  # Fmod
    ("mul", 0, ("sign", 1)),  # Abs
    ("mul", ("mul", ("neg", 0), 1), 1),  # Reciprocal
    ("mul", ("mul", 0, 1), ("const", "0.6931471805599453")),  # Exp2
    ("mul", 0, ("add", 1, ("const", "1.0"))),  # Expm1
    ("div", 0, ("mul", 1, ("const", "0.6931471805599453"))),  # Log2
    ("div", 0, ("mul", 1, ("const", "2.302585092994046"))),  # Log10
    ("div", 0, ("add", 1, ("const", "1.0"))),  # Log1p
    ("div", 0, ("mul", 1, ("const", "2.0"))),  # Sqrt
    ("reciprocal", ("sqrt", 0)),  # Rsqrt
    ("mul", ("mul", 0, ("mul", ("mul", 1, 1), 1)), ("const", "-0.5")),  # Rsqrt
    ("mul", 0, ("add", ("mul", 1, 1), ("const", "1.0"))),  # Tan
    ("div", 0, ("sqrt", ("sub", ("const", "1.0"), ("mul", 1, 1)))),  # Asin
    ("div", ("neg", 0), ("sqrt", ("sub", ("const", "1.0"), ("mul", 1, 1)))),  # Acos
    ("div", 0, ("add", ("mul", 1, 1), ("const", "1.0"))),  # Atan
    ("sub", 0, ("mul", ("mul", 0, 1), 1)),  # Tanh
    ("div", 0, ("sqrt", ("add", ("mul", 1, 1), ("const", "1.0")))),  # Asinh
    ("div", 0, ("sqrt", ("sub", ("mul", 1, 1), ("const", "1.0")))),  # Acosh
    ("div", 0, ("sub", ("const", "1.0"), ("mul", 1, 1))),  # Atanh
    ("mul", ("mul", 0, ("exp", ("mul", ("neg", 1), 1))), ("const", "1.1283791670955126")),  # Erf
    ("mul", ("mul", ("neg", 0), ("exp", ("mul", ("neg", 1), 1))), ("const", "1.1283791670955126")),  # Erfc
    ("div", ("mul", 0, ("exp", ("mul", 1, 1))), ("const", "1.1283791670955126")),  # Erfinv
    ("mul", 0, ("const", "0.0")),  # Sign, Floor, Ceil, Round, Trunc
    ("maximum", 0, ("const", "0")),  # Relu
    ("where", ("not", ("le", 1, ("const", "0.0"))), 0, ("const", "0.0")),  # Relu
    ("mul", ("mul", 0, 1), ("sub", ("const", "1.0"), 1)),  # Sigmoid
)  # fmt: skip
PACKAGE = str(Path(__file__).resolve().parents[2])
LEAST = 4096  # elements from which on a loop of C is faster than passes of NumPy

BEGINNING = """\
// Compound expressions, element by element. Inputs without axes are read as a block of equal numbers.
#include "elements.h"

#define BLOCK 512
typedef struct {
    const float *x[4];
    int alone[4];  // inputs without axes
    float *out;
} Given;

static void fill(const Given *w, int count, float filled[][BLOCK]) {
    for (int k = 0; k < count; k++)
        for (int i = 0; w->alone[k] && i < BLOCK; i++) filled[k][i] = *w->x[k];
}
"""
LOOP = """
// {expr}
static void part_{number}(void *given, int64_t first, int64_t last, int part) {{
    const Given *w = given;
    float filled[{count}][BLOCK];
    fill(w, {count}, filled);
    for (int64_t start = first; start < last; start += BLOCK) {{
        int size = last - start < BLOCK ? (int)(last - start) : BLOCK;
{inputs}
        float *out = w->out + start;
#pragma omp simd
        for (int i = 0; i < size; i++) out[i] = {value};
    }}
    (void)part;
}}

EXPORT void expression_{number}({parameters}, Array *out) {{
    Given w = {{{{{pointers}}}, {{{alone}}}, floats(out)}};
    split(size_of(out), {cost}, part_{number}, &w);
}}
"""


def inputs_of(expr: Expr) -> int:
    """How many inputs an expression names: one more than the highest."""
    if isinstance(expr, int):
        return expr + 1
    return 0 if expr[0] == "const" else max(map(inputs_of, expr[1:]), default=0)


def source() -> str:
    """The C of all expressions, for the library of kernels."""
    return BEGINNING + "".join([loop(number, expr) for number, expr in enumerate(EXPRESSIONS)])


def loop(number: int, expr: Expr) -> str:
    """One expression as a C function of whole arrays."""
    names = [f"x{i}" for i in range(inputs_of(expr))]
    made = translated(squared(expr), [Code(f"{name}[i]", FLOAT) for name in names])
    reads = [
        f"        const float *{x} = w->alone[{i}] ? filled[{i}] : w->x[{i}] + start;"
        for i, x in enumerate(names)
    ]
    return LOOP.format(
        number=number,
        expr=made.text.replace("[i]", ""),
        count=len(names),
        inputs="\n".join(reads),
        value=made.text,
        parameters=", ".join([f"const Array *{x}" for x in names]),
        pointers=", ".join([f"floats({x})" for x in names]),
        alone=", ".join([f"!{x}->axes" for x in names]),
        cost=1.5 if functions_of(expr) & {"exp", "log"} else 0.5,  # nanoseconds for one element
    )


@cache
def compiled(expr: Expr) -> Callable[..., None] | None:
    """The C function of an expression, None where there is no library."""
    found = kernels()
    number = EXPRESSIONS.index(expr)
    return None if found is None else found.function(f"expression_{number}", "a" * (inputs_of(expr) + 1))


def in_one_pass(expr: Expr, passes: Callable[..., Any]) -> Callable[..., Any]:
    """A function of large NumPy arrays by C, where they are float32 in reading order; by `passes` of NumPy elsewhere."""

    def run(*xs: Any) -> Any:
        shape, call = xs[0].shape, compiled(expr)
        if call is None:
            return passes(*xs)
        for x in xs:
            if x.dtype != np.float32 or (x.shape != shape and x.shape) or not x.flags.c_contiguous:
                return passes(*xs)
        out = np.empty(shape, np.float32)
        call(*xs, out)
        return out

    return run


def with_loops(functions: Any, text_of: Callable[..., str], calls: dict[str, Any]) -> None:
    """Let large arrays take the loops of C: `functions` maps expressions to functions of NumPy arrays.

    text_of: gives an expression as Python source, with its numbers put into a dictionary. Where either was not written
    in this package nothing happens: a loop would hide what was written there. Small arrays answer one question more,
    which stands in the same line as the passes of NumPy: it costs 0.03 µs, where a call to ask it would cost 0.1.
    """
    made = type(functions).__missing__, text_of
    if not all(each.__code__.co_filename.startswith(PACKAGE) for each in made):
        return
    for expr in EXPRESSIONS:
        names, constants = ", ".join([f"x{i}" for i in range(inputs_of(expr))]), {}  # type: ignore[var-annotated]
        text = text_of(expr, constants)
        known = calls | constants
        known["in_one_pass"] = in_one_pass(expr, eval(f"lambda {names}: {text}", known))
        functions[expr] = eval(
            f"lambda {names}: {text} if x0.size < {LEAST} else in_one_pass({names})", known
        )
