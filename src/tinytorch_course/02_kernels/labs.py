"""Labs of module 02: what a cache sees of three orders of one product, and what two devices make of it."""

from __future__ import annotations

import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator

import numpy as np

import tinytorch as tt
from tinytorch.devices.interface import backend
from tinytorch.devices.loops import offsets
from tinytorch.layout import Layout
from tinytorch.ops import ADD, MATMUL
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


def fetched(walk: Iterator[int]) -> Iterator[int]:
    """The addresses whose line is not there, for a cache that forgets the line that was used longest ago."""
    held: OrderedDict[int, None] = OrderedDict()
    for address in walk:
        line = address // LINE
        if line in held:
            held.move_to_end(line)
            continue
        yield address
        held[line] = None
        if len(held) > LINES:
            held.popitem(last=False)


def misses(walk: Iterator[int]) -> int:
    """How many lines are fetched."""
    return sum(1 for _ in fetched(walk))


def measure_cache() -> dict[str, float | str]:
    """Lines fetched for one product in four orders, and for which of the three matrices."""
    walks = {
        "i-j-k": rows_by_columns(),
        "i-k-j": in_tiles(SIDE),
        "tiles of 16": in_tiles(16),
        "tiles of 32": in_tiles(32),
    }
    counts = {name: Counter(each // SIDE**2 for each in fetched(walk)) for name, walk in walks.items()}
    found: dict[str, float | str] = {name: each.total() for name, each in counts.items()}
    for name, each in counts.items():
        found[f"_{name}, by matrix"] = f"x {each[0]:,}   y {each[1]:,}   result {each[2]:,}"
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
    """One product on both devices; and where products and sums lie under the limits of this machine."""
    tt.manual_seed(0)
    x, y = tt.randn(SIDE, SIDE), tt.randn(SIDE, SIDE)
    slow_x, slow_y = x.to("loops"), y.to("loops")
    cpu, loops = backend("cpu"), backend("loops")
    slow = seconds(lambda: loops.matmul(slow_x.array, slow_y.array), 1)
    fast = seconds(lambda: [cpu.matmul(x.array, y.array) for _ in range(100)]) / 100
    large, many, more = tt.randn(1024, 1024), tt.randn(2**24), tt.randn(2**24)
    peak = MATMUL.flops(large, large, large) / seconds(lambda: cpu.matmul(large.array, large.array))
    out = np.empty(2**24, np.float32)
    added = seconds(lambda: np.add(many.numpy(), more.numpy(), out=out))
    operations = MATMUL.flops(x @ y, x, y)
    product = operations / MATMUL.bytes(x @ y, x, y)
    addition = ADD.flops(many, many, more) / ADD.bytes(many, many, more)
    bandwidth = ADD.bytes(many, many, more) / added
    points = {
        "L": (product, operations / slow),
        "C": (product, operations / fast),
        "S": (addition, many.numel() / added),
    }
    return {
        "slower": slow / fast,
        "product": product,
        "sum": addition,
        "_L, loops": f"{slow:.3f} s, {operations / slow / 1e9:.5f} GFLOP/s",
        "_C, cpu": f"{fast * 1e6:.0f} microseconds, {operations / fast / 1e9:.1f} GFLOP/s",
        "_S, a large sum": f"{added * 1e3:.1f} ms, {many.numel() / added / 1e9:.2f} GFLOP/s",
        "_this machine": f"{peak / 1e9:.0f} GFLOP/s in a large product, {bandwidth / 1e9:.1f} GB/s in a large sum",
        "_so memory limits": f"whatever does fewer than {peak / bandwidth:.1f} operations per byte",
        **roofline(peak, bandwidth, points),
    }


def roofline(peak: float, bandwidth: float, points: dict[str, tuple[float, float]]) -> dict[str, float | str]:
    """A roofline in characters: one line for each power of ten of operations per second.

    peak: operations per second; bandwidth: bytes per second. points: by the letter that marks it, the
    operations per byte and the operations per second of a program.
    """
    powers, decade = range(3, -5, -1), 9  # of GFLOP/s; columns for each power of ten of operations per byte
    lines = {power: [" "] * (5 * decade + 1) for power in powers}

    def mark(column: int, speed: float, letter: str) -> None:
        power = min(max(round(math.log10(speed / 1e9)), powers[-1]), powers[0])
        lines[power][min(max(column, 0), 5 * decade)] = letter

    for column in range(5 * decade + 1):
        reached = bandwidth * 10 ** (column / decade - 2)
        mark(column, min(peak, reached), "-" if peak < reached else "/")
    for letter, (density, speed) in points.items():
        mark(round((math.log10(density) + 2) * decade), speed, letter)
    axis = "".join([f"{10.0**power:<{decade}g}" for power in range(-2, 4)])
    drawn = {f"_{10.0**power:>11g} GFLOP/s": "".join(line) for power, line in lines.items()}
    return {**drawn, "_operations per byte": axis}


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
    answer="""i-j-k walks down a column of y: 64 numbers in 64 different lines, as many as the cache holds. Until the same line is wanted
again, for the next column, the 63 others have been used, four lines of x and one of the result: 68. So it has just been pushed
out, every time, and y alone has 64 x 64 x 64 = 262,144 misses, one for each product. The row of x survives, since its four lines are used
again before 64 others are: 256 misses in all. The line of the result, used once for each column, does not: 4,096.

i-k-j walks along rows: of 16 numbers in a line all 16 are used before it goes. But y as a whole, 256 lines, does not fit into 64, so it is fetched again for each
of the 64 rows: 64 x 256 = 16,384. Of x and of the result each line is fetched once.

A tile of 16 x 16 is 16 lines. Three of them are 48: they fit, and a tile of y stays until all 16 rows have used it. y is fetched four times in
all, once for each row of tiles, and not 64 times.

A tile of 32 x 32 is 64 lines. The tile of y by itself fills the cache, and with a row of x and of the result beside it nothing of it survives
from one row to the next: 8 products of tiles, 32 rows, 64 lines are 16,384 again, exactly as without tiles. A tile must be as large as
fits, *together with what is used beside it*, and not a line larger.

From 266,496 to 2,304 is a factor of 116, at equal operations. That is what a library for matrices is for: tiles for the registers,
inside tiles for each cache. Your `Cpu.matmul` calls one.""",
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
        Prediction("product", "operations per byte of the product", "FLOP/byte"),
        Prediction("sum", "operations per byte of a sum of vectors", "FLOP/byte"),
    ),
    measure=measure_devices,
    explain="""Below how many operations per byte is this machine limited by its memory? On which side of that limit do the
product and the sum stand, and which of the two would a processor with twice as many arithmetic units make faster?""",
    answer="""Time on `loops` is spent on Python: for each of 262,144 products it works out two positions, makes two objects and adds. No
memory and no arithmetic unit is busy. On `cpu` one call hands the whole loop to compiled code.

A machine has two limits: operations per second, and bytes per second. A program that does d operations for each byte can reach at
most the smaller of peak and d times bandwidth. Drawn with both axes as powers of ten that is a slope and then a flat piece, a *roofline*
(Williams, Waterman and Patterson, 2009); yours stands above. The bend lies where both limits are reached at once, at peak over bandwidth.

A sum does 1 operation for 12 bytes, 0.083: it stands on the slope and waits for memory, whatever the processor can do. A product of
two (n, n) matrices does 2 n³ operations on 12 n² bytes, n / 6 for each byte: 10.7 here, to the right of the bend, and more for larger n. So large
products are limited by arithmetic, and nearly everything else in a network by memory: only the product would gain from twice as many
arithmetic units. And L hangs far below the roof: neither limit explains it. What a program does *between* its operations stands in no roofline.""",
)

LABS = [CACHE, DEVICES]
