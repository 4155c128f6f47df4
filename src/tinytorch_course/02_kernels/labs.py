"""Labs of module 02: what a cache sees of three orders of one product, and what two devices make of it."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator

import numpy as np

import tinytorch as tt
from tinytorch.devices.interface import backend
from tinytorch.devices.loops import offsets
from tinytorch.layout import Layout
from tinytorch_course.kit import Lab, Prediction

SIDE = 64  # rows, and columns, of all three matrices
LINE = 16  # float32 numbers in a cache line of 64 bytes
LINES = 64  # that the cache holds


def addresses() -> tuple[list[list[int]], list[list[int]], list[list[int]]]:
    """Where the elements of x, y and their product lie, one matrix behind the other: by the learner's `offsets`."""
    made = []
    for number in range(3):
        found = list(offsets(Layout((SIDE, SIDE), (SIDE, 1), number * SIDE * SIDE)))
        made.append([found[row * SIDE : (row + 1) * SIDE] for row in range(SIDE)])
    return made[0], made[1], made[2]


def rows_by_columns() -> Iterator[int]:
    """i-j-k: a row of x times a column of y, and then one element of the result."""
    x, y, out = addresses()
    for i in range(SIDE):
        for j in range(SIDE):
            for k in range(SIDE):
                yield x[i][k]
                yield y[k][j]
            yield out[i][j]


def in_tiles(size: int) -> Iterator[int]:
    """i-k-j inside square tiles: one element of x times a row of y goes to a row of the result."""
    x, y, out = addresses()
    starts = range(0, SIDE, size)
    for row, column, inner in ((i, j, k) for i in starts for j in starts for k in starts):
        for i in range(row, row + size):
            for k in range(inner, inner + size):
                yield x[i][k]
                for j in range(column, column + size):
                    yield y[k][j]
                    yield out[i][j]


def misses(walk: Iterator[int]) -> int:
    """How many lines a cache fetches that forgets the line that was used longest ago."""
    held: OrderedDict[int, None] = OrderedDict()
    count = 0
    for address in walk:
        line = address // LINE
        if line in held:
            held.move_to_end(line)
            continue
        count += 1
        held[line] = None
        if len(held) > LINES:
            held.popitem(last=False)
    return count


def measure_cache() -> dict[str, float | str]:
    """Lines fetched for one product in four orders."""
    found: dict[str, float | str] = {
        "i-j-k": misses(rows_by_columns()),
        "i-k-j": misses(in_tiles(SIDE)),
        "tiles of 16": misses(in_tiles(16)),
        "tiles of 32": misses(in_tiles(32)),
    }
    return found | {
        "_each of them": f"{2 * SIDE**3:,} floating point operations on {3 * SIDE * SIDE * 4:,} bytes"
    }


def seconds(work: Callable[[], object], times: int = 7) -> float:
    """The best of some runs."""
    best = float("inf")
    for _ in range(times):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best


def measure_devices() -> dict[str, float | str]:
    """One product on both devices; and where products and sums lie against the limits of this machine."""
    tt.manual_seed(0)
    x, y = tt.randn(SIDE, SIDE), tt.randn(SIDE, SIDE)
    slow_x, slow_y = x.to("loops"), y.to("loops")
    cpu, loops = backend("cpu"), backend("loops")
    slow = seconds(lambda: loops.matmul(slow_x.array, slow_y.array), 1)
    fast = seconds(lambda: [cpu.matmul(x.array, y.array) for _ in range(100)]) / 100
    large, numbers = tt.randn(1024, 1024), tt.randn(2**24)
    peak = 2 * 1024**3 / seconds(lambda: cpu.matmul(large.array, large.array))
    added = np.empty(2**24, np.float32)
    bandwidth = 3 * added.nbytes / seconds(lambda: np.add(numbers.numpy(), numbers.numpy(), out=added))
    operations, moved = 2 * SIDE**3, 3 * SIDE * SIDE * 4
    return {
        "slower": slow / fast,
        "product": operations / moved,
        "sum": 1 / 12,
        "_loops": f"{slow:.3f} s, {operations / slow / 1e9:.5f} GFLOP/s",
        "_cpu": f"{fast * 1e6:.0f} microseconds, {operations / fast / 1e9:.1f} GFLOP/s",
        "_this machine": f"{peak / 1e9:.0f} GFLOP/s in a large product, {bandwidth / 1e9:.1f} GB/s in a large sum",
        "_so memory limits": f"whatever does fewer than {peak / bandwidth:.1f} operations per byte",
    }


CACHE = Lab(
    name="cache",
    title="What does a cache see of three loops?",
    text=f"""Two ({SIDE}, {SIDE}) matrices of float32 are multiplied. The cache of this lab holds {LINES} lines of 64 bytes ({LINE} numbers
each, 1,024 in all) and forgets the line that was used longest ago. Nothing is timed: the addresses come from your `offsets`, and
every line that has to be fetched is counted, a *miss*.

* **i-j-k**: for each row i and column j, walk k: a row of x times a column of y. Then write one element.
* **i-k-j**: for each row i and each k: one element of x times row k of y, added to row i of the result.
* **tiles**: i-k-j, but on square blocks of 16 (or of 32) rows and columns, block by block.

All four do the same {2 * SIDE**3:,} operations. Three matrices are {3 * SIDE * SIDE // LINE} lines. How many misses has each?""",
    predictions=(
        Prediction("i-j-k", "misses of i-j-k", "lines"),
        Prediction("i-k-j", "misses of i-k-j", "lines"),
        Prediction("tiles of 16", "misses in tiles of 16", "lines"),
        Prediction("tiles of 32", "misses in tiles of 32", "lines"),
    ),
    measure=measure_cache,
    explain="""Which of the three matrices causes nearly all misses of i-j-k? And why are tiles of 32 so much worse than tiles
of 16, although they are larger and there are fewer of them?""",
    answer="""i-j-k walks down a column of y: 64 numbers in 64 different lines. That fills the whole cache, so when the next column begins, in the
same 64 lines, the first of them has just been pushed out: 64 x 64 x 64 = 262,144 misses for y alone. The row of x, four
lines, does not survive either.

i-k-j walks along rows: of 16 numbers in a line all 16 are used before it goes. But y as a whole, 256 lines, does not fit into 64, so it is fetched again for each
of the 64 rows: 64 x 256 = 16,384, plus x and the result once.

A tile of 16 x 16 is 16 lines. Three of them are 48: they fit, and every number that is fetched is used 16 times before it goes. A tile of 32 x 32 is 64
lines. One of the three fills the cache, so nothing survives until it is used again. A tile must be as large as fits, and not a line larger.

That is what a library for matrices is for: tiles for the registers, inside tiles for each cache. Your `Cpu.matmul` calls one.""",
)

DEVICES = Lab(
    name="devices",
    title="How far apart are two devices?",
    text=f"""The same product of two ({SIDE}, {SIDE}) matrices of float32, once by your `Loops.matmul` and once by your `Cpu.matmul`.

How many times as long does the first take? Then two numbers that no clock is needed for: how many floating point operations are done
for each byte that must at least be moved (every input read once, the result written once), for this product, and
for a sum of two long vectors of float32?""",
    predictions=(
        Prediction("slower", "time on loops, as a multiple of cpu", "times"),
        Prediction("product", "operations per byte of the product", "FLOP per byte"),
        Prediction("sum", "operations per byte of a sum of vectors", "FLOP per byte"),
    ),
    measure=measure_devices,
    explain="""Below how many operations per byte is this machine limited by its memory? On which side of that limit do the
product and the sum stand, and which of the two would a processor with twice as many arithmetic units make faster?""",
    answer="""Time on `loops` is spent on Python: for each of 262,144 products it works out two addresses, makes two objects and adds. No
memory and no arithmetic unit is busy. On `cpu` one call hands the whole loop to compiled code.

A machine has two limits: operations per second, and bytes per second. Their quotient is the number of operations per byte at which
both are reached at once. A sum does 1 operation for 12 bytes, 0.083: it waits for memory whatever the processor can do. A product of (n, n) matrices does
2 n**3 operations on 12 n**2 bytes, n / 6 per byte: 10.7 here, and it grows with n. So large products are limited by
arithmetic, and everything else in a network by memory. Drawn with both axes as powers of ten this is called a *roofline* (Williams, Waterman and Patterson, 2009).""",
)

LABS = [CACHE, DEVICES]
