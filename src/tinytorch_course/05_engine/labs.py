"""Labs of module 05: visits of two engines, and memory along one training step."""

from __future__ import annotations

import gc
import itertools
import time
import weakref

import tinytorch as tt
from tinytorch import nn
from tinytorch.autograd.graph import Node, consumers_first
from tinytorch.observe import observing
from tinytorch_course.kit import Lab, Prediction

DOUBLINGS = 20
WIDTHS, BATCH = (256, 512, 512, 10), 128


def doubled() -> tt.Tensor:
    """y = y + y, twenty times."""
    y = tt.tensor(1.0, requires_grad=True)
    for _ in range(DOUBLINGS):
        y = y + y
    return y


def visits(target: object) -> int:
    """What the obvious recursion visits: a node once for every path that leads to it."""
    if type(target) is not Node:
        return 1
    return 1 + sum(visits(edge[0]) for edge in target.edges if edge is not None)


def measure_visits() -> dict[str, float | str]:
    """Both counts, and both times."""
    y = doubled()
    began = time.perf_counter()
    along_paths = visits(y.grad_fn)
    slow = time.perf_counter() - began
    began = time.perf_counter()
    order = consumers_first([y.grad_fn])
    fast = time.perf_counter() - began
    y.backward()
    return {
        "recursion": along_paths,
        "yours": len(order),
        "_times": f"{slow:.2f} s and {fast * 1e6:.0f} microseconds",
    }


def measure_memory() -> dict[str, float | str]:
    """Bytes of results that are alive after each operation of a step: forward, backward, update."""
    tt.manual_seed(0)
    model = nn.Sequential(
        *[layer for a, b in itertools.pairwise(WIDTHS) for layer in (nn.Linear(a, b), nn.Tanh())][:-1]
    )
    x, labels = tt.randn(BATCH, WIDTHS[0]), tt.randint(0, 10, (BATCH,))
    alive: dict[int, int] = {}
    line: list[tuple[str, int]] = []
    now = "forward"

    def watch(op: object, inputs: object, out: tt.Tensor) -> None:
        if isinstance(out, tt.Tensor) and type(op).__name__ not in ("Permute", "Reshape", "View", "Expand"):
            host = out.array.host
            alive[id(host)] = out.nbytes
            weakref.finalize(host, alive.pop, id(host), None)
        line.append((now, sum(alive.values())))

    gc.collect()
    with observing(watch):
        loss = nn.functional.cross_entropy(model(x), labels)
        now = "backward"
        loss.backward()
    peak = max(size for _, size in line)
    forward = max(size for when, size in line if when == "forward")
    at = next(when for when, size in line if size == peak)
    kept = sum(BATCH * width * 4 for width in WIDTHS[1:])
    return {
        "kept": forward / 2**20,
        "half": (forward / 2) / 2**20,
        "_one result of each layer": f"{kept / 2**20:.2f} MiB",
        "_peak": f"{peak / 2**20:.2f} MiB, {at}",
        "_gradients of the weights": f"{sum(p.nbytes for p in model.parameters()) / 2**20:.2f} MiB, which stay",
    }


VISITS = Lab(
    name="visits",
    title="How often is a node visited?",
    text="""`y = y + y`, twenty times, beginning with one leaf. The obvious engine is a recursion: a node hands its gradient to each of its inputs,
which hand theirs on. How many visits does it make, leaf included? And how many entries has your `consumers_first`?""",
    predictions=(
        Prediction("recursion", "visits of the recursion", "visits"),
        Prediction("yours", "entries of consumers_first", "entries"),
    ),
    measure=measure_visits,
    explain="Where do the million visits come from, if there are only twenty operations? What does each of them hand on?",
    answer="""Each addition has two edges to the same node, so the number of paths doubles: 1 + 2 + 4 + ... + 2**20 = 2,097,151 visits. Each of them
carries a gradient of 1 along one path, and the leaf adds up a million ones. Waiting until both contributions have arrived makes it one visit with a
gradient of 2, then one with 4: twenty-one. That is the whole difference between an engine and the definition of the chain rule.""",
)

MEMORY = Lab(
    name="memory",
    title="When is memory fullest?",
    text=f"""One step of a network {" - ".join(map(str, WIDTHS))} with tanh between the layers, on {BATCH} inputs. Counted are the bytes of all *results* that are
alive (not of weights and data). Forward keeps what backward will read; backward lets go of it, node by node.

How many MiB are alive at the end of forward? And at what number would it stand with half the batch?""",
    predictions=(
        Prediction("kept", "alive at the end of forward", "MiB"),
        Prediction("half", "the same with half the batch", "MiB"),
    ),
    measure=measure_memory,
    explain="The weights' gradients are made during backward, while activations are let go. At which moment is the sum of both largest, and what would move that moment?",
    answer="""Forward keeps one or two results of each layer, each batch times width times 4 bytes: they grow with the batch, and weights do not. During backward each node's kept values are
freed as soon as it was handed on, and the gradients of the weights come in their place and stay. With a large batch the peak stands at the end of forward; with
large weights and a small batch at the end of backward.

Module 18 trades here: it keeps only every tenth activation, and computes the others a second time.""",
)

LABS = [VISITS, MEMORY]
