"""Questions of module 01, with fresh numbers; every answer comes from running tinytorch."""

from __future__ import annotations

import ast
import random
import textwrap
from math import prod
from typing import Any

import tinytorch as tt
from tinytorch import layout as reference
from tinytorch.devices import loops
from tinytorch.errors import TinyTorchError
from tinytorch.layout import Layout, Shape
from tinytorch_course.kit import Question

LINE = 64  # bytes that a processor fetches at once


def _sizes(rng: random.Random, ndim: int, low: int = 2, high: int = 7) -> Shape:
    """Sizes of which no two are equal: a mistake cannot hide behind a square."""
    return tuple(rng.sample(range(low, high + 1), ndim))


def _run(code: str, **names: Any) -> Any:
    """The value of an expression, after statements, with `tt` and `Layout` at hand."""
    *before, last = ast.parse(code).body
    assert isinstance(last, ast.Expr)
    space = {"tt": tt, "Layout": Layout, **names}
    exec(compile(ast.Module(before, []), "<question>", "exec"), space)
    return eval(compile(ast.Expression(last.value), "<question>", "eval"), space)


def _in_reading_order(shape: Shape) -> str:
    """Code of a tensor that holds 0, 1, 2, ... in a contiguous layout."""
    return f"tt.arange({prod(shape)}).reshape{shape}"


def _walk(layout: Layout) -> str:
    """Where the first element lies and how far each axis steps, in words."""
    steps = ", ".join(f"{stride} along axis {axis}" for axis, stride in enumerate(layout.strides))
    return f"It begins at {layout.offset} and steps {steps}."


def strides_after_views(rng: random.Random) -> Question:
    """Two or three views, one after the other."""
    while True:
        shape = _sizes(rng, rng.choice([2, 3]), 3, 7)
        axes = rng.choice([[1, 0]] if len(shape) == 2 else [[2, 0, 1], [1, 2, 0], [0, 2, 1]])
        turn, start = f".permute({', '.join(map(str, axes))})", rng.randint(1, 3)
        cut = rng.choice([f"[{start}:{start + 2}]", f"[{start}::2]", f"[:, {start}:]", f"[:, ::{start + 1}]"])
        views = rng.choice([[turn, cut], [f"[{start}:]", turn], ["[1:]", turn, cut], [cut, turn]])
        code = f"x = {_in_reading_order(shape)}\ny = x{''.join(views)}"
        x, y = _run(f"{code}\n(x, y)")
        if min(y.shape) > 1 and len(set(y.shape)) == y.ndim:  # no axis along which a stride means nothing
            break
    return Question(
        prompt=f"```python\n{code}\n```\nWhat are shape, strides and offset of `y`?",
        answers={"shape": y.shape, "strides": y.stride(), "offset": y.storage_offset()},
        explain=(
            f"`x` has strides {x.stride()}. `permute` carries each stride along with its size; a slice adds start times "
            f"stride to the offset and multiplies the stride by its step. `y`: {_walk(y.array.layout)}"
        ),
    )


def can_it_be_a_view(rng: random.Random) -> Question:
    """A layout, and three shapes that it may or may not take without a copy."""
    rows, middle, columns = rng.sample([2, 3, 4, 5, 6], 3)
    code = rng.choice(
        [
            f"Layout.contiguous({(rows, middle, columns)}).permute((1, 2, 0))",
            f"Layout.contiguous({(rows, middle, columns)}).permute((0, 2, 1))",
            f"Layout.contiguous({(rows, middle, columns + 2)}).slice(2, 0, {columns})",
            f"Layout.contiguous({(rows, middle + 1, columns)}).slice(1, 1)",
            f"Layout.contiguous({(rows, 1, columns)}).expand({(rows, middle, columns)})",
        ]
    )
    layout = _run(code)
    a, b, c = layout.shape
    shapes = [(a * b, c), (a, b * c), (a * b * c,), (a, 1, b, c)]
    rng.shuffle(shapes)
    answers = {f"view({shape})": layout.view(shape) is not None for shape in shapes[:3]}
    return Question(
        prompt=(
            f"```python\nx = {code}\n```\n`x` has shape {layout.shape} and strides {layout.strides}. Which of these views exist without a copy?"
        ),
        answers=answers,
        explain=(
            "Two neighbouring axes can be walked as one where the outer stride is the inner size times the inner stride: "
            f"{a} and {b}: {layout.strides[0]} against {b} * {layout.strides[1]}; {b} and {c}: {layout.strides[1]} against "
            f"{c} * {layout.strides[2]}. An axis of size 1 is free."
        ),
    )


def cells_that_are_read(rng: random.Random) -> Question:
    """A layout by its three parts; which cells it visits."""
    shape = rng.choice([(2, 3), (3, 2), (2, 4)])
    strides = rng.choice([(1, shape[0]), (0, 1), (shape[1] + 2, 1), (1, 0), (-3, 1), (2, 5)])
    layout = Layout(shape, strides, rng.randint(6, 12))  # far enough for a stride of -3
    return Question(
        prompt=f"Which cells of memory does `{layout!r}` read, in reading order?",
        answers={"cells": tuple(loops.offsets(layout))},
        explain=(
            f"Position = offset + sum of index times stride. {_walk(layout)} The last index moves fastest, whatever its stride."
        ),
    )


def bytes_of_a_broadcast(rng: random.Random) -> Question:
    """What a stretched operand costs, and what the result costs."""
    rows, columns = rng.sample(range(20, 400, 7), 2)
    dtype, item = rng.choice([("float32", 4), ("float64", 8), ("float16", 2)])
    code = f"a = tt.ones({rows}, 1, dtype=tt.{dtype})\nb = tt.ones({columns}, dtype=tt.{dtype})\nc = a + b"
    a, c = _run(f"{code}\n(a, c)")
    stretched = a.expand(rows, columns)
    new = 0 if stretched.array.storage is a.array.storage else stretched.nbytes
    return Question(
        prompt=f"```python\n{code}\n```\nOne {dtype} has {item} bytes.",
        answers={
            "shape of c": c.shape,
            "bytes of c": c.nbytes,
            "new bytes of a.expand(c.shape)": new,
        },
        explain=(
            f"Aligned at the right, ({rows}, 1) and ({columns},) stretch to {c.shape}. Stretching is a stride of 0 "
            f"(here {stretched.stride()}) and takes no memory; the sums do: {c.numel():,} of them, {c.nbytes:,} bytes. "
            f"`a` itself has {a.nbytes:,}."
        ),
    )


LINES = {  # lines, and why they do or do not allocate
    "x.mT": "two strides change places",
    "x[1:]": "the offset grows by one row",
    "x[:, ::2]": "one stride doubles",
    "x.expand(3, -1, -1)": "a stride of 0 in front",
    "x.flip(0)": "a negative stride, from the last row (PyTorch has none, and copies)",
    "x.unfold(1, 2, 1)": "overlapping windows share their cells",
    "x.unsqueeze(1)": "an axis of size 1 is never stepped along",
    "x.contiguous()": "memory order is reading order already: it gives back x",
    "x.reshape(-1)": "x is contiguous, so stride 1 walks all of it",
    "x[1:].reshape(-1)": "without its first row x is still one run of memory",
    "x.mT.mT.reshape(-1)": "turned twice, x is contiguous again",
    "x[:, 1:].reshape(-1)": "each row leaves a gap before it: no one stride crosses it",
    "x.mT.reshape(-1)": "reading order goes down the columns and jumps back: no one stride does that",
    "x.expand(3, -1, -1).reshape(-1)": "the walk returns to the beginning twice: no one stride does that",
    "x.mT.contiguous()": "memory order is not reading order, and is asked for",
    "x.clone()": "it says so",
    "x + 0": "it computes new numbers, equal or not",
}


def which_lines_allocate(rng: random.Random) -> Question:
    """Five lines; which of them need new memory for numbers."""
    shape = _sizes(rng, 2, 3, 8)
    x = _run(_in_reading_order(shape))
    new = {line: _run(line, x=x).array.storage is not x.array.storage for line in LINES}
    count = rng.choice([2, 3])
    picked = rng.sample([line for line in LINES if new[line]], count)
    picked += rng.sample([line for line in LINES if not new[line]], 5 - count)
    rng.shuffle(picked)
    return Question(
        prompt=f"`x = {_in_reading_order(shape)}`. Which of these lines allocate memory for numbers?",
        answers={line: new[line] for line in picked},
        explain="\n".join(f"* `{line}`: {'yes' if new[line] else 'no'}; {LINES[line]}." for line in picked),
    )


def windows(rng: random.Random) -> Question:
    """How many windows, how they are laid out, and what they would cost as a copy."""
    size, step = rng.sample(range(2, 6), 2)
    length = size + step * rng.randint(2, 6) + rng.randint(0, step - 1)
    code = f"Layout.contiguous(({length},)).unfold(0, {size}, {step})"
    made = _run(code)
    cells = set(loops.offsets(made))
    return Question(
        prompt=f"`w = {code}`: windows of {size} over {length} elements, one every {step}.",
        answers={
            "windows": made.shape[0],
            "strides": made.strides,
            "elements that w shows": made.size,
            "cells of memory that it reads": len(cells),
        },
        explain=(
            f"The last window begins at {step * (made.shape[0] - 1)}: ({length} - {size}) // {step} + 1 = {made.shape[0]}. Windows "
            f"begin {step} apart, and inside a window elements are neighbours: {made.strides}. {made.size} elements are shown, and "
            f"{len(cells)} cells hold them; a copy would have to hold {made.size}."
        ),
    )


def cache_lines(rng: random.Random) -> Question:
    """How many cache lines a row and a column touch."""
    rows, columns = rng.choice([50, 70, 90, 200]), 16 * rng.randint(2, 9)
    x = Layout.contiguous((rows, columns))
    row, column = x.select(0, rng.randrange(rows)), x.select(1, rng.randrange(columns))
    lines = {
        name: len({cell * 4 // LINE for cell in loops.offsets(each)})
        for name, each in (("row", row), ("column", column))
    }
    return Question(
        prompt=(
            f"`x` is a contiguous ({rows}, {columns}) tensor of float32 that begins at the start of a cache line; a line has {LINE} bytes. "
            "How many lines does it take to read one row, and how many to read one column?"
        ),
        answers={"one row": lines["row"], "one column": lines["column"]},
        explain=(
            f"A row's {columns} numbers lie side by side, {LINE // 4} in a line: {lines['row']} lines. A column's {rows} numbers lie "
            f"{columns} apart, {columns * 4} bytes: each in a line of its own, {lines['column']} lines, of which one number in {LINE // 4} is used."
        ),
    )


def broadcast_or_not(rng: random.Random) -> Question:
    """Two shapes: the shape that both stretch to, or none."""
    full = _sizes(rng, 3, 2, 6)
    first = tuple([1 if rng.random() < 0.4 else size for size in full])
    second = full[rng.randint(0, 2) :]
    if rng.random() < 0.4:
        second = tuple(reversed(second)) if len(second) > 1 else (second[0] + 1,)
    try:
        answer, reason = (
            reference.broadcast_shapes(first, second),
            "Every column agrees, or one of its sizes is 1.",
        )
    except TinyTorchError as error:
        answer, reason = None, f"{error}."
    return Question(
        prompt=f"To which shape do `{first}` and `{second}` broadcast? Answer None if they do not go together.",
        answers={"shape": answer},
        explain=f"Write them under each other, aligned at the right. {reason}",
    )


def _asked_of(rng: random.Random) -> dict[str, str]:
    """For each function that can be asked about, a call that its writer may not have thought of."""
    a, b, c = _sizes(rng, 3, 2, 6)
    return {
        "contiguous_strides": rng.choice(
            [f"contiguous_strides({(a, 1, b, c)})", f"contiguous_strides({(1, a, c)})"]
        ),
        "Layout.permute": f"Layout({(a, b, c)}, {(b * c, c, 1)}, {a}).permute((-1, 0, 1))",
        "Layout.expand": f"Layout({(a, 1)}, {(1, a)}, {b}).expand({(c, a, b)})",
        "Layout.slice": f"Layout({(a, b + 4)}, {(1, a)}, {c}).slice(1, -{b}, None, 2)",
        "Layout.is_contiguous": rng.choice(
            [
                f"Layout({(a, 1, b)}, {(b, 77, 1)}, {c}).is_contiguous()",
                f"Layout({(a, b)}, {(b + 1, 1)}).is_contiguous()",
            ]
        ),
        "Layout.view": f"Layout({(a, b)}, {(1, a)}, {c}).view({(a, 1, b)})",
        "Layout.unfold": f"Layout({(a, b + 3)}, {(1, a)}, {c}).unfold(1, 3, 2)",
    }


def on_your_own_code(rng: random.Random, own: dict[str, str]) -> Question:
    """A function that the learner wrote: what does this very code return? Without one, what its docstring asks for."""
    calls = _asked_of(rng)
    name = rng.choice([each for each in calls if each in own] or ["Layout.slice"])
    call = calls[name]
    try:
        answer = _result(call, name, own[name])
        shown = f"Your own `{name}`:\n```python\n{_code(own[name])}\n```\n"
    except Exception:
        # Nothing of theirs is there, or it cannot run. What they have yet to write is not shown.
        answer, shown = _run(call), "By its docstring, and before you write it. "
    if isinstance(answer, Layout):
        answers: dict[str, Any] = {"shape": answer.shape, "strides": answer.strides, "offset": answer.offset}
    else:
        answers = {"result": answer}
    return Question(
        prompt=f"{shown}What does `{call}` return?",
        answers=answers,
        explain=f"It was run, and returned `{answer!r}`.",
    )


def _code(source: str) -> str:
    """A function without its docstring."""
    text = textwrap.dedent(source).rstrip()
    function = ast.parse(text).body[0]
    assert isinstance(function, ast.FunctionDef)
    lines, first = text.splitlines(), function.body[0]
    if ast.get_docstring(function) is not None and len(function.body) > 1:
        del lines[first.lineno - 1 : first.end_lineno]
    return "\n".join(lines)


def _result(call: str, name: str, source: str) -> Any:
    """What a call returns when one function is the one in `source` and all others are the reference's."""
    made: dict[str, Any] = {}  # not among the globals, where a method named `slice` would hide Python's
    exec(textwrap.dedent(source), dict(vars(reference)), made)
    theirs = made[name.rpartition(".")[2]]
    expression = ast.parse(call, mode="eval").body
    assert isinstance(expression, ast.Call)
    arguments = [eval(ast.unparse(each), dict(vars(reference))) for each in expression.args]
    if isinstance(expression.func, ast.Attribute):
        arguments.insert(0, eval(ast.unparse(expression.func.value), dict(vars(reference))))
    return theirs(*arguments)
