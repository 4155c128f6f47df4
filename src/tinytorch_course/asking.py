"""What questions are made with: code that is run, and a learner's function as it is shown and called."""

from __future__ import annotations

import ast
import random
import textwrap
from types import ModuleType
from typing import Any


def sizes(rng: random.Random, ndim: int, low: int = 2, high: int = 7) -> tuple[int, ...]:
    """Sizes of which no two are equal: a mistake cannot hide behind a square."""
    return tuple(rng.sample(range(low, high + 1), ndim))


def value(code: str, names: dict[str, Any]) -> Any:
    """The value of the expression that some statements end in; what they assign is put among `names`."""
    *before, last = ast.parse(code).body
    assert isinstance(last, ast.Expr)
    exec(compile(ast.Module(before, []), "<question>", "exec"), names)
    return eval(compile(ast.Expression(last.value), "<question>", "eval"), names)


def shown(source: str) -> str:
    """A function as a Markdown block, without its docstring."""
    text = textwrap.dedent(source).rstrip()
    function = ast.parse(text).body[0]
    assert isinstance(function, ast.FunctionDef)
    lines, first = text.splitlines(), function.body[0]
    if ast.get_docstring(function) is not None and len(function.body) > 1:
        del lines[first.lineno - 1 : first.end_lineno]
    return "```python\n" + "\n".join(lines) + "\n```"


def theirs(source: str, reference: ModuleType) -> Any:
    """A learner's function or method, made of its source among the names of the reference's file."""
    made: dict[str, Any] = {}  # not among the globals, where a method named `sum` would hide Python's
    exec(textwrap.dedent(source), dict(vars(reference)), made)
    return next(iter(made.values()))
