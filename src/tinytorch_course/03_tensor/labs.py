"""Labs of module 03: what the way through the door costs, and how often one line goes through it."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

import tinytorch as tt
from tinytorch.observe import observing
from tinytorch.ops import ADD
from tinytorch.tensor import apply_fully
from tinytorch_course.kit import Lab, Prediction

SIZES = [10**power for power in range(8)]
LARGE = 10**6  # elements from which the price of one is worked out: still in a cache, and long past the bend
ROWS, COLUMNS = 1000, 64
LINES: dict[str, Callable[[tt.Tensor], tt.Tensor]] = {
    "x @ x[0]": lambda x: x @ x[0],
    "x.mean(0)": lambda x: x.mean(0),
    "(x - x.mean(0)) / x.std(0)": lambda x: (x - x.mean(0)) / x.std(0),
    "x.exp() / x.exp().sum(1, keepdim=True)": lambda x: x.exp() / x.exp().sum(1, keepdim=True),
    "x.softmax(1)": lambda x: x.softmax(1),
}


def seconds(work: Callable[[], object]) -> float:
    """The best of some rounds, for one call."""
    work()
    once = time.perf_counter()
    work()
    calls = max(1, min(2000, int(2e-3 / max(time.perf_counter() - once, 1e-7))))
    best = float("inf")
    for _ in range(7):
        began = time.perf_counter()
        for _ in range(calls):
            work()
        best = min(best, (time.perf_counter() - began) / calls)
    return best


def measure_door() -> dict[str, float | str]:
    """One addition at many sizes: what is paid per call, what per element, and where both are equal."""
    times = {}
    for size in SIZES:
        x, y = tt.ones(size), tt.ones(size)
        times[size] = seconds(lambda x=x, y=y: apply_fully(ADD, (x, y)))  # type: ignore[misc]
    one, other = tt.ones(1), tt.ones(1)
    double = tt.ones(1, dtype=tt.float64)
    a, b = np.ones(1, np.float32), np.ones(1, np.float32)
    call = times[1]
    per_element = (times[LARGE] - call) / LARGE
    found: dict[str, float | str] = {
        "one": call * 1e6,
        "ten": times[10] / call,
        "equal": call / per_element,
    }
    for name, work in {
        "by the short way": lambda: one + other,
        "of two types": lambda: one + double,
        "by NumPy alone": lambda: np.add(a, b),
    }.items():
        found[f"_{name}"] = f"{seconds(work) * 1e6:10.2f} microseconds for one element"
    return found | {
        f"_{size:>10,} elements": f"{each * 1e6:10.2f} microseconds" for size, each in times.items()
    }


def passes(line: Callable[[tt.Tensor], tt.Tensor], x: tt.Tensor) -> tuple[list[str], int]:
    """The operations that a line announces, and the bytes of their results that are new memory."""
    names, new = [], 0

    def listen(op: object, inputs: tuple[tt.Tensor, ...], out: tt.Tensor) -> None:
        nonlocal new
        names.append(type(op).__name__)
        if not any(out.array.storage is each.array.storage for each in inputs):
            new += out.nbytes

    with observing(listen):
        line(x)
    return names, new


def measure_lines() -> dict[str, float | str]:
    """Operations of each of `LINES`, and the memory that two of them take for results."""
    tt.manual_seed(0)
    x = tt.randn(ROWS, COLUMNS)
    seen = {name: passes(line, x) for name, line in LINES.items()}
    *_, apart, fused = LINES
    found: dict[str, float | str] = {name: len(names) for name, (names, _) in seen.items()}
    found |= {"apart": seen[apart][1], "fused": seen[fused][1]}
    return found | {f"_line {n}": " ".join(names) for n, (names, _) in enumerate(seen.values(), 1)}


DOOR = Lab(
    name="door",
    title="When does arithmetic cost as much as the door?",
    text="""Two vectors of float32 are added, by your `apply_fully`. Views are settled, types compared, the device is asked, the result is
wrapped, gradients and listeners are asked about. That costs the same for one element and for ten million.

Three guesses: how long does the addition of *one* element take? How much longer do ten elements take than one? And at how many
elements is the arithmetic, with its reading and writing, as dear as the way to it?""",
    predictions=(
        Prediction("one", "adding one element", "microseconds"),
        Prediction("ten", "ten elements, as a multiple of one", "times"),
        Prediction("equal", "elements at which way and arithmetic cost the same", "elements"),
    ),
    measure=measure_door,
    explain="""A layer of a small network adds a bias of 128 numbers to each of 32 rows. On which side of your third number does it lie,
and what would make it faster: a better processor, or fewer calls?""",
    answer="""The time is a + b n: a for the way, b for each element. Drawn with both axes as powers of ten it is flat, and then rises. Left of the
bend a faster kernel changes nothing; right of it the way changes nothing. At the bend itself half of the time goes into each. 32 times 128 is 4,096: on
most machines to the left. (The last line may be far more than ten times the one above it: 120 MB fit into no cache, and for a result of 40 MB
the operating system has to provide new memory, page by page, in every call.)

So small networks are made faster by *fewer operations*: fused cards, larger batches, a compiled step (module 20). The short way in `apply` saves
part of a for the most frequent operations, and two types cost more, since one input is converted first, which is an operation itself. A framework's
overhead is measured where it hurts, on tiny tensors, and not where it disappears.

PyTorch's own a is of the same size, in C++: 1.2 microseconds for `a + b` on the machine on which this was written. Types, devices, views,
gradients and listeners must be asked about in any language.""",
)

LINES_LAB = Lab(
    name="lines",
    title="How many operations are in a line?",
    text=f"""`x` is ({ROWS}, {COLUMNS}) float32: {ROWS * COLUMNS * 4:,} bytes. An observer counts what five lines announce at the door; a view is an operation like
any other, though it takes no memory.

The last two lines compute the same numbers: each row divided by its sum, after `exp`. For these, predict also the bytes
of all results together that are new memory. (`keepdim=True` leaves the folded axis in, with size 1.)""",
    predictions=(
        *[Prediction(name, f"operations in {name}", "operations") for name in LINES],
        Prediction("apart", "new bytes of the line with exp", "bytes"),
        Prediction("fused", "new bytes of softmax", "bytes"),
    ),
    measure=measure_lines,
    explain="""Which of the operations of `x @ x[0]` did nobody write, and why are they there? And where do the two ways to the same numbers
differ, in calls and in memory?""",
    answer=f"""`x @ x[0]` takes a row (a view), makes a column of it (a view), multiplies, and takes the axis away again (a view): your `matmul` says so. Of
four operations one moves numbers. `mean` is a sum and a quotient. The third line needs eleven: the mean twice, since `std` computes it once more for itself, then differences, squares, a sum, a
quotient, a root, and a last quotient. Four of its results are as large as `x`.

The line with `exp` makes two exponentials (Python does not know that they are equal), a column of sums and a quotient: three results as large as `x`, {3 * ROWS * COLUMNS * 4:,} bytes, and {ROWS * 4:,} for the
sums. `softmax` is a *fused* card: one operation for whoever listens, one result of {ROWS * COLUMNS * 4:,} bytes. What it needs on the way is nobody's result, and a device that has a
kernel for it does not need it at all.

Nobody wrote more than one line in any of these cases. Whoever wants to know what a line costs has to count at the door.""",
)

LABS = [DOOR, LINES_LAB]
