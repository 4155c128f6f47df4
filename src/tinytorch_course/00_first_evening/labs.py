"""Lab of module 00: what a tape of single numbers costs, and how far it would carry."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from itertools import pairwise

from first.ring import DOTS, Network, step
from first.tape import TAPE

import tinytorch as tt
from tinytorch.models import MLP
from tinytorch_course.kit import Lab, Prediction

SIZES, BATCH = (784, 256, 128, 10), 64
PRODUCTS = BATCH * sum(before * after for before, after in pairwise(SIZES))
DIGITS = 2 * PRODUCTS  # numbers on the tape: a product and a sum for each multiply-add
GIB = 2**30


def best_of(count: int, work: Callable[[], object]) -> float:
    """The shortest time of several runs, in seconds: the one that was disturbed least."""
    times = []
    for _ in range(count):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def bytes_each(network: Network) -> float:
    """Memory for one number on the tape: what Python's allocator hands out for a forward pass."""
    network.forget()
    tracemalloc.start()
    loss = network.loss()
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert loss.value > 0.0
    made = len(TAPE) - len(network.parameters)
    network.forget()
    return taken / made


def tensor_step() -> Callable[[], object]:
    """One step of the same network on tensors: forward, backward, downhill."""
    tt.manual_seed(0)
    model = MLP(SIZES)
    pictures, labels = tt.rand(BATCH, SIZES[0]), tt.randint(0, SIZES[-1], (BATCH,))
    optimizer = tt.optim.SGD(model.parameters(), lr=0.1)

    def work() -> None:
        optimizer.zero_grad()
        tt.nn.functional.cross_entropy(model(pictures), labels).backward()
        optimizer.step()

    return work


def measure() -> dict[str, float | str]:
    """The tape measured; the step on digits extrapolated from it; the step on tensors measured."""
    Network(hidden=16).loss()
    wide_numbers = len(TAPE)
    network = Network()
    network.loss()
    numbers = len(TAPE)
    each = bytes_each(network)
    seconds = best_of(20, lambda: step(network))
    work = tensor_step()
    work()
    milliseconds = best_of(30, work) * 1000
    digits = DIGITS * seconds / numbers
    return {
        "wide": wide_numbers,
        "seconds": digits,
        "memory": DIGITS * each / GIB,
        "tensor": milliseconds,
        "_one step on forty dots": f"{numbers:,} numbers, {seconds * 1000:.2f} ms",
        "_one number on the tape": f"{seconds / numbers * 1e6:.2f} microseconds, {each:.0f} bytes",
        "_one step on 64 digits": f"{PRODUCTS:,} multiply-adds forward, so {DIGITS:,} numbers",
        "_tensors are faster": f"{digits / milliseconds * 1000:,.0f} times",
    }


LABS = [
    Lab(
        name="tape",
        title="How far does a tape of single numbers carry?",
        text=f"""One step on the {len(DOTS)} dots, with 8 hidden numbers, puts 2,554 numbers on the tape.

The network of the next modules has layers of {" - ".join(map(str, SIZES))} numbers and looks at {BATCH} digits in a step. Each number of a layer is a sum of products over all numbers of
the layer before. That is {PRODUCTS:,} multiply-adds forward, and each of these is a product and a sum: two numbers on the tape.

Say what you expect, with a reason for each, however rough:

* How many numbers does a step on the dots need with 16 hidden numbers instead of 8?
* How many seconds would one step on the digits take on *your* tape? (It is extrapolated from the time of one number.)
* How much memory would that tape take?
* How many milliseconds does the same step take on tensors?""",
        predictions=(
            Prediction("wide", "numbers on the tape with 16 hidden numbers", "numbers"),
            Prediction("seconds", "one step on 64 digits, on your tape", "s"),
            Prediction("memory", "its tape", "GiB"),
            Prediction("tensor", "the same step on tensors", "ms"),
        ),
        measure=measure,
        explain="""Both steps do the same multiplications and additions. Where does the time go on the tape? And why is there no way to make the tape
short before `backward` has run?""",
        answer="""A multiplication takes a processor less than a nanosecond. On the tape it takes hundreds: Python looks up the method, makes an object for the result, a float, a tuple of two pairs, a place on the list,
and on the way back unpacks all that again. The arithmetic is a small part of one percent of the time.

A tensor pays this price once for a whole *array*: one object, one pair, one entry, and then a loop in compiled code that multiplies a million numbers, many at a time. That is why the difference is a factor of
thousands, and why it grows with the size of the arrays.

The memory follows the same way: a few hundred bytes for a number whose value needs 4. And it must all be there at once, since the walk back starts at the end, where the last number was made, and needs the pairs of every number before it. Tensors
do not change *that*: the memory of a training step grows with the computation, also in PyTorch. They only make each entry large and the overhead small.""",
    )
]
