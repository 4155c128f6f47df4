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
            f"Between two powers of two there are 1,024 floats of 16 bits, so from {2048 * step:g} on, which is 2,048 times {step:g}, neighbours lie "
            f"{2048 * step:g} / 1,024 = {2 * step:g} apart. A sum half-way between two of them is rounded to the even one, which is where it came from: "
            f"adding {step:g} changes nothing any more. The sum ended at {float(total):g}, whatever was still to come."
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


def largest_tile(rng: random.Random) -> Question:
    """How large a tile may be."""
    lines = rng.choice([64, 128, 256, 512, 1024, 2048, 8192])
    numbers = LINE // 4

    def needed(side: int) -> int:
        return 3 * side * side // numbers

    side = max(each for each in range(numbers, 1024, numbers) if needed(each) <= lines)
    wider = side + numbers
    return Question(
        prompt=(
            f"A cache holds {lines:,} lines of {LINE} bytes. Products of float32 matrices are computed in square tiles that begin at the start of a line; their side "
            f"is a multiple of {numbers}. What is the largest side for which a tile of x, one of y and one of the result fit at once, and how many lines are the three?"
        ),
        answers={"side": side, "lines": needed(side)},
        explain=(
            f"A tile of side s is s rows of s / {numbers} lines. Three with s = {side} are {needed(side):,} lines; with s = {wider} they would be "
            f"{needed(wider):,}, and what is fetched would be pushed out before it is used again."
        ),
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
    except Exception:
        # Nothing of theirs is there, or it cannot run. What they have yet to write is not shown.
        cells, before = tuple(reference.offsets(layout)), "By its docstring, and before you write it. "
    return Question(
        prompt=f"{before}How many positions does `{call}` hold, and what is their sum?",
        answers={"how many": len(cells), "sum": sum(cells)},
        explain=f"It was run, and gave {list(cells)}: {prod(layout.shape)} elements.",
    )


class _Counting:
    """Memory that counts how often it is read."""

    def __init__(self, values: np.ndarray[Any, Any]) -> None:
        self.values, self.reads = values, 0

    def __getitem__(self, place: Any) -> Any:
        self.reads += 1
        return self.values[place]


def reads_of_your_product(rng: random.Random, own: dict[str, str]) -> Question:
    """How often the learner's own product reads a number from memory."""
    n, k, m = sizes(rng, 3, 2, 6)

    def counted(matmul: Any) -> dict[str, int]:
        device = backend("loops")
        x, y = (tt.ones(*shape, device="loops").array for shape in ((n, k), (k, m)))
        for each in (x, y):
            each.storage.buffer = _Counting(each.storage.buffer)
        matmul(device, x, y)
        return {"of x": x.storage.buffer.reads, "of y": y.storage.buffer.reads}

    try:
        answers = counted(theirs(own["Loops.matmul"], reference))
        before = f"Your own `Loops.matmul`:\n{shown(own['Loops.matmul'])}\n"
    except Exception:
        answers, before = counted(reference.Loops.matmul), "By its docstring, and before you write it. "
    return Question(
        prompt=f"{before}`Loops.matmul` multiplies ({n}, {k}) by ({k}, {m}). How often is a number read from the memory of x, and how often from that of y?",
        answers=answers,
        explain=(
            f"It was run, and counted: {answers['of x']} and {answers['of y']}. There are {n} x {m} results, each a sum of {k} products, so {n * m * k} products; "
            f"x has only {n * k} numbers and y {k * m}. Whoever reads both for every product reads each number of x {m} times and each of y {n} times, which is why it "
            "matters so much whether it is still in the cache."
        ),
    )
