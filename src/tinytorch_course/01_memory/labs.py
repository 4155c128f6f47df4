"""Labs of module 01: which views cost memory, and what an order of reading costs in time."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable

import numpy as np

import tinytorch as tt
from tinytorch_course.kit import Lab, Prediction

SIZE = 4096  # rows, and columns
EVERY = 16  # float32 numbers in a cache line of 64 bytes
MIB = 2**20
NUMBERS = tracemalloc.DomainFilter(True, np.lib.tracemalloc_domain)  # what NumPy takes for elements
VIEWS: dict[str, Callable[[tt.Tensor], tt.Tensor]] = {
    "x.mT": lambda x: x.mT,
    "x[::2]": lambda x: x[::2],
    "x.expand(8, -1, -1)": lambda x: x.expand(8, -1, -1),
    "x.mT.contiguous()": lambda x: x.mT.contiguous(),
    "x.mT.reshape(-1)": lambda x: x.mT.reshape(-1),
}


def new_bytes(make: Callable[[tt.Tensor], tt.Tensor], x: tt.Tensor) -> int:
    """Bytes of elements that `make` takes from the system and still holds: what the allocator saw."""
    tracemalloc.start()
    made = make(x)
    made.numpy_view()  # the device's window too: a view must be readable without new memory
    blocks = tracemalloc.take_snapshot().filter_traces([NUMBERS]).traces
    tracemalloc.stop()
    return sum(block.size for block in blocks)


def measure_views() -> dict[str, float | str]:
    """New MiB of each of `VIEWS`, and how each of them is laid out."""
    x = tt.ones(SIZE, SIZE)
    found: dict[str, float | str] = {name: new_bytes(make, x) / MIB for name, make in VIEWS.items()}
    for name, make in VIEWS.items():
        made = make(x)
        found[f"_{name}"] = f"{made.shape}, strides {made.stride()}, {made.nbytes / MIB:g} MiB to look at"
    return found


def milliseconds(work: Callable[[], object]) -> float:
    """The best of seven runs, after one to warm up."""
    work()
    best = float("inf")
    for _ in range(7):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best * 1000


def measure_order() -> dict[str, float | str]:
    """Times the same work in another order of memory, as a multiple."""
    x = tt.ones(SIZE, SIZE)  # written once: memory that was never touched reads faster than any other
    near, far = x[: SIZE // EVERY], x[:, ::EVERY]
    assert near.numel() == far.numel()
    times = {
        "x.sum()": milliseconds(x.sum),
        "x.mT.sum()": milliseconds(x.mT.sum),
        f"x[:{SIZE // EVERY}].sum()": milliseconds(near.sum),
        f"x[:, ::{EVERY}].sum()": milliseconds(far.sum),
        "x.clone()": milliseconds(x.clone),
        "x.mT.contiguous()": milliseconds(x.mT.contiguous),
    }
    whole, turned, dense, sparse, copy, turned_copy = times.values()
    found: dict[str, float | str] = {
        "spread": sparse / dense,
        "turned": turned / whole,
        "copied": turned_copy / copy,
    }
    return found | {f"_{name}": f"{value:.2f} ms" for name, value in times.items()}


VIEWS_LAB = Lab(
    name="views",
    title="What does a view cost?",
    text=f"""`x` is a ({SIZE}, {SIZE}) tensor of float32: {SIZE * SIZE:,} numbers of 4 bytes, 64 MiB.
For each of five lines write down how much **new** memory for numbers it takes. Nothing is timed. What counts is
what the allocator hands out while the line runs on your `layout.py`, and what the result still holds afterwards.
`x.mT` exchanges the last two axes; `expand(8, -1, -1)` puts an axis of 8 in front.""",
    predictions=tuple([Prediction(name, f"new memory of {name}", "MiB") for name in VIEWS]),
    measure=measure_views,
    explain="""`x.mT.reshape(-1)` and `x.reshape(-1)` have the same shape. Why does one of them need memory and the other
none? And the third line shows 512 MiB of numbers: where are they?""",
    answer="""A view is a shape, strides and an offset; these are a few Python integers, and no element is among them. `x.mT`
exchanges two strides, `x[::2]` doubles one, `expand` adds a stride of 0: the 512 MiB are the same 64 MiB, visited
eight times. So three times nothing.

`x.reshape(-1)` asks for one axis. In reading order, `x` steps through memory by 1, always: stride 1 describes it. In
reading order, `x.mT` steps by 4,096, and after 4,096 such steps it jumps back to the second cell. One axis has one stride, and no
one number describes both movements. So the elements are written down in the order in which they are read: 64 MiB, which
is also what `contiguous()` is asked for by name. Your `view` decides this: it answers None, and `reshape` copies.""",
)

ORDER_LAB = Lab(
    name="order",
    title="Which of two sums is slower?",
    text=f"""The same `x`, ({SIZE}, {SIZE}) float32. A processor never fetches one number from memory: it fetches a *cache line* of
64 bytes, {EVERY} numbers of 4 bytes that lie side by side.

* `x[:{SIZE // EVERY}].sum()` adds the first {SIZE // EVERY} rows: {SIZE // EVERY * SIZE:,} numbers.
* `x[:, ::{EVERY}].sum()` adds every {EVERY}th column: {SIZE // EVERY * SIZE:,} numbers too.

How many times as long does the second take? Then the same question for `x.mT.sum()` against `x.sum()`, and
for `x.mT.contiguous()` against `x.clone()`. Write 1 for "the same". The best of seven runs is taken.""",
    predictions=(
        Prediction(
            "spread", f"time of x[:, ::{EVERY}].sum(), as a multiple of x[:{SIZE // EVERY}].sum()", "times"
        ),
        Prediction("turned", "time of x.mT.sum(), as a multiple of x.sum()", "times"),
        Prediction("copied", "time of x.mT.contiguous(), as a multiple of x.clone()", "times"),
    ),
    measure=measure_order,
    explain="""Compare the times, not the multiples alone: the sum of every 16th column with the sum of *all* of x. And
why does turning x slow down a copy, but not a sum?""",
    answer=f"""The first pair adds equally many numbers. The second sum of it finds one wanted number in each cache line, so it fetches every
line of `x`, and takes about as long as adding *all* of `x`: {EVERY - 1} of {EVERY} fetched numbers are thrown away. Time follows the lines that are
fetched, not the numbers that are added.

A sum may add in any order. NumPy looks at the strides before it begins, sorts the axes, walks the smallest stride innermost and takes two axes
for one where they can be: for `x.mT` it walks memory exactly as for `x`. A copy may not choose: the source has its order and
the result has its own, and one of the two is walked {SIZE} numbers at a time. Each line that is fetched serves one number and is pushed out of the cache
before the next one is due. {SIZE:,} numbers are 16 KiB, a power of two, which makes it worse: such addresses compete for the same few places of the cache.

Your `layout.py` moved no number in any of this. It decided the order in which they are visited.""",
)

LABS = [VIEWS_LAB, ORDER_LAB]
