"""Questions of module 02, with fresh numbers; every answer comes from running code."""

from __future__ import annotations

import itertools
import math
import random
from math import prod
from typing import Any

import numpy as np

import tinytorch as tt
from tinytorch.devices import loops as reference
from tinytorch.devices.interface import backend
from tinytorch.layout import Layout
from tinytorch.ops import MATMUL
from tinytorch_course.asking import shown, sizes, theirs, value
from tinytorch_course.kit import Question

LINE = 64  # bytes in a cache line


def lines_of_two_sums(rng: random.Random) -> Question:
    """A cache of a single line: what order costs."""
    rows, columns = rng.choice([200, 500, 1000, 3000]), rng.choice([16, 32, 48, 64])
    layout = Layout.contiguous((rows, columns))

    def fetched(walk: Layout) -> int:
        lines = [cell * 4 // LINE for cell in reference.offsets(walk)]
        return 1 + sum(a != b for a, b in itertools.pairwise(lines))

    along, across = fetched(layout), fetched(layout.permute((1, 0)))
    return Question(
        prompt=(
            f"A contiguous ({rows}, {columns}) tensor of float32 begins at the start of a cache line. The cache holds **one** line of {LINE} bytes. "
            "How many lines are fetched by a loop that adds row after row, and by one that adds column after column?"
        ),
        answers={"row after row": along, "column after column": across},
        explain=(
            f"Along a row {LINE // 4} numbers share a line, so {rows} x {columns} / {LINE // 4} = {along:,}. Down a column each number lies "
            f"{columns * 4} bytes behind the one before, in another line: one line for every number, {across:,}."
        ),
    )


def where_the_walk_goes(rng: random.Random) -> Question:
    """The positions of a permuted, sliced layout in reading order."""
    a, b = sizes(rng, 2, 2, 4)
    start = rng.randint(0, 5)
    strides = rng.choice([(1, a), (2 * b, 2), (0, 1), (b + 1, 1), (-b, 1)])
    start += a * b if strides[0] < 0 else 0
    layout = Layout((a, b), strides, start)
    cells = tuple(reference.offsets(layout))
    return Question(
        prompt=f"In which order does `offsets` visit the cells of `Layout({(a, b)}, {strides}, {start})`? Write all of them.",
        answers={"positions": cells},
        explain=f"It begins at {start}; the last index runs fastest and steps by {strides[1]}, the first by {strides[0]}.",
    )


def value_of_an_expression(rng: random.Random) -> Question:
    """An expression tree, worked out at one position."""
    x, y, z = rng.sample([2, 3, 4, 5, 7], 3)
    expr: Any = rng.choice(
        [
            ("add", 2, ("mul", 0, 1)),
            ("sub", ("mul", 1, 1), ("add", 0, 2)),
            ("mul", ("sub", 2, 0), ("add", 1, ("const", "1"))),
            ("maximum", ("mul", 0, 2), ("mul", 1, 1)),
            ("where", ("gt", 0, 1), ("mul", 2, 2), ("neg", 2)),
        ]
    )
    answer = reference.evaluate(expr, (float(x), float(y), float(z)))
    return Question(
        prompt=f"Three inputs hold {x}, {y} and {z} at one position. What does `{expr}` give there?",
        answers={"value": answer},
        explain="A number in the tree is an input, counted from 0; a tuple is a function and its arguments, the innermost first.",
    )


def where_a_sum_stops(rng: random.Random) -> Question:
    """One number added again and again in float16."""
    step = rng.choice([0.25, 0.5, 1.0, 2.0, 4.0])
    count = rng.choice([3000, 4096, 5000, 6000])
    total = np.float16(0)
    for _ in range(count):
        total = np.float16(total + np.float16(step))
    return Question(
        prompt=(
            f"A running sum is kept in float16, which has 11 bits for the digits of a number. {count:,} times {step:g} is added to it, one after the other. "
            "What does it hold at the end?"
        ),
        answers={"sum": float(total)},
        explain=(
            f"Between 2**k and 2**(k+1) there are 1,024 floats of 16 bits, 2**k / 1,024 apart. At {2048 * step:g} that gap is {2 * step:g}: half of it is "
            f"{step:g}, and the rule for ties keeps the even neighbour. From there on adding {step:g} changes nothing. (Here the sum ended at {float(total):g}.)"
        ),
    )


def operations_per_byte(rng: random.Random) -> Question:
    """The bill of a product."""
    n, k, m = rng.sample([8, 16, 24, 32, 64, 128], 3)
    x, y = tt.zeros(n, k), tt.zeros(k, m)
    flops, moved = MATMUL.flops(x @ y, x, y), MATMUL.bytes(x @ y, x, y)
    return Question(
        prompt=(
            f"({n}, {k}) @ ({k}, {m}) in float32. How many floating point operations, if a multiplication and an addition count as two; and how many bytes "
            "must at least be moved, each input read once and the result written once?"
        ),
        answers={"operations": flops, "bytes": moved},
        explain=f"2 x {n} x {k} x {m} = {flops:,}. ({n * k} + {k * m} + {n * m}) numbers of 4 bytes = {moved:,}: {flops / moved:.1f} operations per byte.",
    )


def folds_of_nothing(rng: random.Random) -> Question:
    """What a reduction gives where there is nothing to fold."""
    rows, columns = sizes(rng, 2)
    name, words = rng.choice(
        [("add", "sum"), ("multiply", "product"), ("maximum", "maximum"), ("minimum", "minimum")]
    )
    axis = rng.choice([0, 1])
    shape = (0, columns) if axis == 0 else (rows, 0)
    array = backend("loops").reduce(name, tt.zeros(*shape, device="loops").array, (axis,))
    values = list(backend("loops").read(array))  # type: ignore[attr-defined]
    first = str(values[0]) if math.isinf(values[0]) else f"{values[0]:g}"
    return Question(
        prompt=(
            f"`Loops.reduce` folds axis {axis} of a tensor of shape {shape} by its {words}, and keeps the axis. Which shape has the result, and what is in each "
            "of its elements?"
        ),
        answers={"shape": array.shape, "element": first},
        explain=(
            f"The folded axis becomes 1, the other stays: {array.shape}. Nothing was folded in, so what stands there is where the {words} begins: {first}, "
            "the number that changes nothing."
        ),
        choices={"element": ("0", "1", "inf", "-inf")},
    )


def rows_that_meet(rng: random.Random) -> Question:
    """Duplicates in a scatter, with and without adding."""
    places = [rng.randint(0, 3) for _ in range(4)]
    if len(set(places)) == 4:
        places[3] = places[0]
    values = rng.sample(range(1, 10), 4)
    index, src = tt.tensor(places), tt.tensor(values)
    added, lost = tt.zeros(4, dtype=tt.int64), np.zeros(4, np.int64)
    backend("cpu").scatter(added.array, src.array, index.array, add=True)
    lost[places] += np.array(values)
    return Question(
        prompt=(
            f"`out` is four zeros, `index = {places}`, `src = {values}`. What is in `out` after `scatter(out, src, index, add=True)`; and what would be in it after "
            "NumPy's `out[index] += src`?"
        ),
        answers={"scatter": tuple(added.tolist()), "out[index] += src": tuple(lost.tolist())},
        explain="`+=` reads all four places, adds, and then writes all four: of several at one place the last one written stays. Scatter adds one after the other.",
    )


def strides_in_bytes(rng: random.Random) -> Question:
    """What `Cpu.strided` hands to NumPy."""
    kind = rng.choice([tt.float64, tt.float32, tt.float16, tt.uint8])
    a, b, c = sizes(rng, 3, 2, 6)
    view = rng.choice(
        [".permute(2, 0, 1)", "[1:, :, 1:]", ".mT[:, 1:]", "[:, ::2].mT", ".expand(2, -1, -1, -1)[1, 1:]"]
    )
    code = f"x = tt.zeros({a}, {b}, {c}, dtype={kind!r})\ny = x{view}".replace("tinytorch.", "tt.")
    y = value(f"{code}\ny", {"tt": tt})
    first = y.numpy().__array_interface__["data"][0] - y.array.storage.buffer.__array_interface__["data"][0]
    return Question(
        prompt=f"```python\n{code}\n```\nWhich strides, and how many bytes from the beginning of the memory, does NumPy get for `y`?",
        answers={"strides in bytes": y.numpy().strides, "offset in bytes": int(first)},
        explain=f"The layout has strides {y.stride()} and offset {y.storage_offset()}, in elements of {kind.itemsize} bytes each.",
    )


def on_your_own_code(rng: random.Random, own: dict[str, str]) -> Question:
    """The learner's own walk over a layout that they have not seen."""
    a, b = sizes(rng, 2, 2, 4)
    layout = rng.choice(
        [
            Layout((a, 1, b), (b, 7, 1), 2),
            Layout((b, a), (1, b), 1),
            Layout((), (), a),
            Layout((a, 0), (1, 1)),
        ]
    )
    call = f"list(offsets(Layout({layout.shape}, {layout.strides}, {layout.offset})))"
    try:
        cells = tuple(theirs(own["offsets"], reference)(layout))
        before = f"Your own `offsets`:\n{shown(own['offsets'])}\n"
    except (
        Exception
    ):  # nothing of theirs is there, or it cannot run: what they have yet to write is not shown
        cells, before = tuple(reference.offsets(layout)), "By its docstring, and before you write it. "
    return Question(
        prompt=f"{before}How many positions does `{call}` hold, and what is their sum?",
        answers={"how many": len(cells), "sum": sum(cells)},
        explain=f"It was run, and gave {list(cells)}: {prod(layout.shape)} elements.",
    )
