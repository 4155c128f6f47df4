"""Labs of module 05: what is kept for the way back, visits of two engines, and memory along one training step."""

from __future__ import annotations

import gc
import itertools
import time
import weakref
from typing import Any

import tinytorch as tt
from tinytorch import nn
from tinytorch.autograd.graph import Node, consumers_first
from tinytorch.observe import observing
from tinytorch_course.kit import Lab, Prediction

DOUBLINGS = 20
WIDTHS, SMALL, LARGE = (256, 512, 512, 10), 128, 1024
MIB = 2**20
VIEWS = ("Permute", "Reshape", "View", "Expand")  # results that take no memory of their own


def measure_opening() -> dict[str, float | str]:
    """What three lines leave behind for the fourth: recorded operations, and the arrays that they keep."""
    x = tt.tensor(2.0, requires_grad=True)
    y = x * x
    z = y * y + y
    nodes = [each for each in consumers_first([z.grad_fn]) if type(each) is Node]
    arrays: dict[int, Any] = {}
    for node in nodes:
        for value in (*node.inputs.values(), *node.outputs):
            array = getattr(value, "array", value)
            arrays[id(array)] = array
    held = {id(each.array) for each in (x, y, z)}
    return {
        "nodes": len(nodes),
        "bytes": sum(array.size * array.dtype.itemsize for array in arrays.values()),
        "new": sum(array.size * array.dtype.itemsize for key, array in arrays.items() if key not in held),
        "_arrays that are kept": str(len(arrays)),
    }


def doubled() -> tuple[tt.Tensor, list[tt.Tensor]]:
    """y = y + y, twenty times: the last result, and everything on the way to it."""
    results = [tt.tensor(1.0, requires_grad=True)]
    for _ in range(DOUBLINGS):
        results.append(results[-1] + results[-1])
    return results[-1], results


def visits(target: object) -> int:
    """What the obvious recursion visits: a node once for every path that leads to it."""
    if type(target) is not Node:
        return 1
    return 1 + sum(visits(edge[0]) for edge in target.edges if edge is not None)


def measure_visits() -> dict[str, float | str]:
    """The recursion counted, and the sweep: a hook on every tensor says when its gradient is handed on."""
    y, results = doubled()
    began = time.perf_counter()
    along_paths = visits(y.grad_fn)
    slow = time.perf_counter() - began
    seen: list[int] = []
    for number, each in enumerate(results):
        each.register_hook(lambda g, number=number: seen.append(number))  # type: ignore[misc]
    began = time.perf_counter()
    y.backward()
    fast = time.perf_counter() - began
    return {
        "recursion": along_paths,
        "yours": len(seen),
        "gradient": results[0].grad.item(),  # type: ignore[union-attr]
        "_times": f"{slow:.2f} s and {fast * 1000:.1f} ms",
        "_forty additions": f"{slow * 2**DOUBLINGS / 86_400:.1f} days of recursion",
    }


def timeline(batch: int) -> list[tuple[str, str, int]]:
    """After each operation of a step: forward or backward, its name, and the bytes of all results that are alive."""
    tt.manual_seed(0)
    pairs = itertools.pairwise(WIDTHS)
    model = nn.Sequential(*[layer for a, b in pairs for layer in (nn.Linear(a, b), nn.Tanh())][:-1])
    x, labels = tt.randn(batch, WIDTHS[0]), tt.randint(0, WIDTHS[-1], (batch,))
    alive: dict[int, int] = {}
    line: list[tuple[str, str, int]] = []
    now = "forward"

    def watch(op: object, inputs: object, out: Any) -> None:
        name = type(op).__name__
        if isinstance(out, tt.Tensor) and name not in VIEWS:
            host = out.array.host
            alive[id(host)] = out.nbytes
            weakref.finalize(host, alive.pop, id(host), None)
        line.append((now, name, sum(alive.values())))

    gc.collect()
    with observing(watch):
        loss = nn.functional.cross_entropy(model(x), labels)
        now = "backward"
        loss.backward()
    return line


def peak(line: list[tuple[str, str, int]]) -> tuple[int, int]:
    """The most bytes that are alive, and how many products of backward have been made by then."""
    most = max(size for _, _, size in line)
    at = next(place for place, (_, _, size) in enumerate(line) if size == most)
    return most, sum((when, name) == ("backward", "MatMul") for when, name, _ in line[: at + 1])


def measure_memory() -> dict[str, float | str]:
    """Two batches: what is alive at the end of forward, and when most is alive."""
    small, large = timeline(SMALL), timeline(LARGE)
    (most, products), (least, later) = peak(large), peak(small)
    forward = [size for when, _, size in large if when == "forward"]
    weights = 4 * sum(a * b + b for a, b in itertools.pairwise(WIDTHS))
    return {
        "kept": forward[-1] / MIB,
        "peak": most / MIB,
        "large": products,
        "small": later,
        "_one result of a hidden layer": f"{LARGE * WIDTHS[1] * 4 / MIB:.2f} MiB at {LARGE:,}",
        "_all weights": f"{weights / MIB:.2f} MiB, and their gradients as much",
        "_at the end of backward": f"{large[-1][2] / MIB:.2f} MiB at {LARGE:,}, {small[-1][2] / MIB:.2f} MiB at {SMALL}",
        f"_peak at {SMALL}": f"{least / MIB:.2f} MiB",
    }


OPENING = Lab(
    name="opening",
    title="Where is the derivative kept?",
    text="""```python
x = tt.tensor(2.0, requires_grad=True)
y = x * x
z = y * y + y
z.backward()
```
After the last line `x.grad` is 36. After the third line that number is nowhere yet, and still something must be there that the fourth works with.

Look at `z.grad_fn` and at its `next_functions` before you guess. How many operations were recorded? How many bytes of numbers (one float32 has 4) do they keep for the way back,
an array that several of them keep counted once? And how many of these bytes are new memory, which would not be there without the recording?""",
    predictions=(
        Prediction("nodes", "operations that were recorded", "operations"),
        Prediction("bytes", "numbers that they keep", "bytes"),
        Prediction("new", "of these, new memory", "bytes"),
    ),
    measure=measure_opening,
    explain="""So which numbers are these, and which operation keeps which? Where was the derivative? If you cannot say yet, leave this
empty: the question comes back at the end of the lesson.""",
    answer="""The derivative was kept nowhere. What was kept is how to compute it: one node for each of three operations, and each of them points to where its inputs came from.

Of numbers a node keeps what its rule will read. The rule of a product reads its factors: `y * y` keeps y, `x * x` keeps x. The rule of a sum reads
nothing: `a + y` keeps nothing. That is two arrays of one float32, 8 bytes, and they are the very arrays of x and y, which are alive anyway: no byte of them
is new. It is 36 only when `backward` walks from z to x: 1, then 4 + 4 + 1 = 9 at y, then 9 times 2 + 2 at x.

In a network it is the same, and the arrays are large: the results of the layers would be gone as soon as the next layer has read them, and recording holds
them until backward. That is where the memory of training goes.""",
)

VISITS = Lab(
    name="visits",
    title="How often is a node visited?",
    text="""`y = y + y`, twenty times, beginning with one leaf. The obvious engine is a recursion: a node hands its gradient to each of its inputs,
which hand theirs on. How many visits does it make, the leaf's included? How many does yours make: how often is a gradient handed on or delivered? And what is the gradient of the leaf?""",
    predictions=(
        Prediction("recursion", "visits of the recursion", "visits"),
        Prediction("yours", "visits of your sweep", "visits"),
        Prediction("gradient", "gradient of the leaf"),
    ),
    measure=measure_visits,
    explain="Where do two million visits come from, if there are only twenty operations? What does each of them hand on? And is the recursion wrong?",
    answer="""Each addition has two edges to the same node, so the number of paths doubles: 1 + 2 + 4 + ... + 2**20 = 2,097,151 visits. Each of them
carries a gradient of 1 along one path, and the leaf adds up 1,048,576 ones. The recursion is not wrong: it computes the sum over all paths, which is what the chain rule says. It only multiplies out what your engine keeps in brackets.

Waiting until both contributions have arrived makes it one visit with a gradient of 2, then one with 4: twenty operations and one leaf are 21 visits. One visit
for each node, whatever the number of paths: that is the whole difference between an engine and the definition.""",
)

MEMORY = Lab(
    name="memory",
    title="When is memory fullest?",
    text=f"""One step of a network {" - ".join(map(str, WIDTHS))} with tanh after the two hidden layers, forward and backward. Counted are the bytes of all *results* that are
alive (not the weights, not the data). Forward keeps what backward will read; backward lets go of it, node by node, and makes the gradients of the weights, which stay.

With a batch of {LARGE:,}: how many MiB are alive at the end of forward, and how many at the fullest moment? When is that moment? Backward makes five products (two for each layer but the first, whose input
is data): how many of them have been made when memory is fullest, with a batch of {LARGE:,}? And with one of {SMALL}?""",
    predictions=(
        Prediction("kept", f"alive at the end of forward, batch {LARGE:,}", "MiB"),
        Prediction("peak", f"alive at the fullest moment, batch {LARGE:,}", "MiB"),
        Prediction("large", f"products made by then, batch {LARGE:,}", "products"),
        Prediction("small", f"products made by then, batch {SMALL}", "products"),
    ),
    measure=measure_memory,
    explain="Eight times the batch moves the fullest moment from one end of backward to the other. What grows with the batch, and what does not?",
    answer=f"""Forward keeps one result of each hidden layer: tanh reads its output backward, the product behind it reads that same array, and the sum with the bias keeps
nothing. That is batch times width times 4 bytes for each layer, 2 MiB here at {LARGE:,}, and it grows with the batch. The gradients of the weights are as large as the weights, 1.52 MiB, whatever the batch is.

With {LARGE:,} inputs activations outweigh weights. So memory is fullest where all activations are still there and the first gradient of the same size has been made: at the *beginning* of backward.
With {SMALL} inputs an activation is eight times smaller, and memory is fullest at the very end, when all gradients of weights exist. They exist twice there for a moment: each reaches its leaf
as a *view* (a layer multiplies by the transpose of its weights, so the gradient is transposed back), your engine does not know that nobody else holds that memory, and your `deliver` makes a copy.

Module 18 trades at the first of these moments: it keeps only some of the activations, and computes the others a second time.""",
)

LABS = [OPENING, VISITS, MEMORY]
