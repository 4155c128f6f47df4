"""How the cost of an operation grows with its size, forward alone and with backward, beside PyTorch and the limits."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from benchmarks.measure import ratio, slices
from benchmarks.process import Worker, agreed
from benchmarks.work import Operation, Work

PAIR = ("tinytorch", "torch")
WAYS = ("forward", "with backward")
SLICE = 0.004  # seconds that a slice should take at least
ELEMENTS = tuple(2**i for i in range(10, 23, 2))


class Case(NamedTuple):
    """An operation in several sizes; `inputs` are the shapes of its tensors for a size."""

    title: str
    along: str
    sizes: tuple[int, ...]
    inputs: Callable[[int], list[tuple[int, ...]]]
    function: Callable[..., Any]  # of the namespace and these tensors


class Point(NamedTuple):
    """Microseconds at one size; floating point operations and bytes of the forward pass."""

    case: str
    way: str
    size: int
    ours: float
    theirs: float
    ratio: float
    flops: float
    bytes: float


def layer_norm(ns: Any, x: Any, weight: Any, bias: Any) -> Any:
    """Over rows of 256."""
    return ns.nn.functional.layer_norm(x, (256,), weight, bias)


CASES = {
    "matmul": Case(
        "x @ y", "rows and columns", (16, 32, 64, 128, 256, 512, 1024),
        lambda n: [(n, n), (n, n)], lambda ns, x, y: x @ y,
    ),
    "add": Case("x + y", "elements", ELEMENTS, lambda n: [(n,), (n,)], lambda ns, x, y: x + y),
    "gelu": Case("gelu(x)", "elements", ELEMENTS, lambda n: [(n,)], lambda ns, x: ns.nn.functional.gelu(x)),
    "softmax": Case(
        "softmax of rows of 256", "elements", ELEMENTS, lambda n: [(n // 256, 256)], lambda ns, x: x.softmax(-1),
    ),
    "layer_norm": Case(
        "layer norm of rows of 256", "elements", ELEMENTS,
        lambda n: [(n // 256, 256), (256,), (256,)], layer_norm,
    ),
    "attention": Case(
        "causal attention, batch 4, 4 heads of 32", "letters", (16, 32, 64, 128, 256, 512),
        lambda n: [(4, 4, n, 32)] * 3,
        lambda ns, q, k, v: ns.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True),
    ),
    "convolution": Case(
        "convolution 3x3, batch 16, 16 to 16 channels", "side of the image", (4, 8, 16, 32, 64),
        lambda n: [(16, 16, n, n), (16, 16, 3, 3)],
        lambda ns, x, weight: ns.nn.functional.conv2d(x, weight, padding=1),
    ),
}  # fmt: skip


def make(ns: Any, name: str, fused: bool = False) -> Work:
    """A case in one size and way: "matmul, 64, forward"."""
    key, size, way = name.split(", ")
    case, random = CASES[key], np.random.default_rng(0)
    values = [random.standard_normal(shape, np.float32) for shape in case.inputs(int(size))]
    tensors = [ns.from_numpy(each) for each in values]
    if way == "forward":
        return Operation(lambda: case.function(ns, *tensors))
    for each in tensors:
        each.requires_grad_()
    shape = tuple(case.function(ns, *tensors).shape)
    g = ns.from_numpy(random.standard_normal(shape, np.float32))
    return Operation(lambda: ns.autograd.grad(case.function(ns, *tensors), tensors, g))


def measured(threads: int, rounds: int, chosen: tuple[str, ...] = tuple(CASES)) -> list[Point]:
    """Every case in every size and way."""
    workers = {backend: Worker(backend, "growth", threads) for backend in PAIR}
    try:
        sizes = [(case, size) for case in chosen for size in CASES[case].sizes]
        return [each for case, size in sizes for each in points(workers, case, size, rounds)]
    finally:
        for worker in workers.values():
            worker.close()


def points(workers: dict[str, Worker], case: str, size: int, rounds: int) -> list[Point]:
    """One size, in both ways."""
    names = [f"{case}, {size}, {way}" for way in WAYS]
    for name in names:
        agreed(workers, name)
    work = workers["tinytorch"].count(names[0])
    found = [
        Point(case, way, size, *timed(workers, name, rounds), *work)
        for name, way in zip(names, WAYS, strict=True)
    ]
    for worker in workers.values():
        for name in names:
            worker.drop(name)
    return found


def timed(workers: dict[str, Worker], name: str, rounds: int) -> tuple[float, float, float]:
    """Microseconds of both, and their ratio; as many times in a slice as fill it."""
    once = min(worker.time(name, 3).seconds for worker in workers.values())
    taken = slices(workers, name, min(500, max(1, round(SLICE / once))), rounds)
    ours, theirs = ([each.seconds for each in taken[backend]] for backend in PAIR)
    return 1e6 * statistics.median(ours), 1e6 * statistics.median(theirs), ratio(ours, theirs)
