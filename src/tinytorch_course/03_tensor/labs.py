"""Lab of module 03: where the time of one addition goes, from one element to millions."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

import tinytorch as tt
from tinytorch_course.kit import Lab, Prediction

SIZES = [10**power for power in range(8)]


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
        times[size] = seconds(lambda x=x, y=y: x + y)  # type: ignore[misc]
    a, b = np.ones(1, np.float32), np.ones(1, np.float32)
    bare = seconds(lambda: np.add(a, b))
    call = times[1]
    large = SIZES[-2]
    per_element = (times[large] - call) / large
    mixed_x, mixed_y = tt.ones(1), tt.ones(1, dtype=tt.float64)
    found: dict[str, float | str] = {
        "one": call * 1e6,
        "equal": call / per_element,
        "twice": times[10] / times[1],
    }
    found["_NumPy alone"] = f"{bare * 1e6:.2f} microseconds for one element"
    found["_of two types"] = (
        f"{seconds(lambda: mixed_x + mixed_y) * 1e6:.2f} microseconds: by apply_fully, one input converted"
    )
    return found | {
        f"_{size:>10,} elements": f"{each * 1e6:10.2f} microseconds" for size, each in times.items()
    }


DOOR = Lab(
    name="door",
    title="When does arithmetic cost as much as the door?",
    text="""`x + y` on two vectors of float32. Every operation goes through `apply`: types are compared, the device is asked, the result is
wrapped, listeners and gradients are asked about. That costs the same for one element and for ten million.

Three guesses: how long does the addition of *one* element take? At how many elements is the arithmetic (with
its reading and writing) as dear as the way to it? And how much longer do ten elements take than one?""",
    predictions=(
        Prediction("one", "adding one element", "microseconds"),
        Prediction("equal", "elements at which way and arithmetic cost the same", "elements"),
        Prediction("twice", "ten elements, as a multiple of one", "times"),
    ),
    measure=measure_door,
    explain="""A layer of a small network adds a bias of 128 numbers to each of 32 rows. On which side of your second number does it lie,
and what would make it faster: a better processor, or fewer calls?""",
    answer="""The time is a + b n: a for the way, b for each element. Drawn with both axes as powers of ten it is flat, and then rises. Left of the
bend a faster kernel changes nothing; right of it the way changes nothing. 32 times 128 is 4,096: for many machines about at the bend.

So small networks are made faster by *fewer operations*: fused cards, a compiled step (module 19), larger batches. And a framework's
overhead is measured where it hurts, on tiny tensors, and not where it disappears.

PyTorch's own a is of the same size, a microsecond or two, in C++: types, devices, views, gradients and listeners must be asked about in any language.""",
)

LABS = [DOOR]
