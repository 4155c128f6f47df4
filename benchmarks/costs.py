"""What one operation costs on numbers so few that the arithmetic hardly counts, and what an import costs, beside PyTorch."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

from benchmarks.measure import ratio, slices
from benchmarks.numbers import matrices
from benchmarks.process import ROOT, Worker, agreed, environment
from benchmarks.work import Operation, Work

PAIR = ("tinytorch", "torch")
COUNT = 200  # how often it is done in one slice
WAYS = ("unrecorded", "recorded", "with backward")


class Cost(NamedTuple):
    """Microseconds of the two libraries, and the median ratio of slices in turn."""

    name: str
    way: str
    ours: float
    theirs: float
    ratio: float


class Import(NamedTuple):
    """Seconds for an import in a fresh process, the median and the least."""

    library: str
    median: float
    least: float


def operations(ns: Any) -> dict[str, Callable[[Any], Any]]:
    """The operations, each of one matrix of 8 x 8."""
    functional, other = ns.nn.functional, ns.from_numpy(matrices()[1])
    weight, bias = ns.ones(8), ns.zeros(8)
    return {
        "x + y": lambda x: x + other,
        "x * 2": lambda x: x * 2.0,
        "x.tanh()": lambda x: x.tanh(),
        "x @ y": lambda x: x @ other,
        "x.sum()": lambda x: x.sum(),
        "x.reshape(4, 16)": lambda x: x.reshape(4, 16),
        "x[2]": lambda x: x[2],
        "x.softmax(-1)": lambda x: x.softmax(-1),
        "layer_norm(x, (8,), weight, bias)": lambda x: functional.layer_norm(x, (8,), weight, bias),
    }


def make(ns: Any, name: str, fused: bool = False) -> Work:
    """One operation in one of three ways: "x + y, recorded"."""
    operation, way = name.rsplit(", ", 1)
    function, x = operations(ns)[operation], ns.from_numpy(matrices()[0])
    if way == "unrecorded":
        return Operation(partial(function, x))
    x.requires_grad_()
    if way == "recorded":
        return Operation(partial(function, x))
    shape = tuple(function(x).shape)
    g = ns.from_numpy(np.random.default_rng(2).random(shape, np.float32))
    return Operation(lambda: ns.autograd.grad(function(x), x, g))


def names() -> list[str]:
    """All names that `make` knows."""

    class Anything:
        def __getattr__(self, name: str) -> Any:
            return self

        def __call__(self, *arguments: Any) -> Any:
            return self

    return [f"{operation}, {way}" for operation in operations(Anything()) for way in WAYS]


def measured(threads: int, rounds: int) -> list[Cost]:
    """Every operation in every way."""
    workers = {backend: Worker(backend, "costs", threads) for backend in PAIR}
    try:
        return [cost(workers, name, rounds) for name in names()]
    finally:
        for worker in workers.values():
            worker.close()


def cost(workers: dict[str, Worker], name: str, rounds: int) -> Cost:
    """One operation in one way."""
    agreed(workers, name)
    taken = slices(workers, name, COUNT, rounds)
    ours, theirs = ([each.seconds for each in taken[backend]] for backend in PAIR)
    middle = [1e6 * statistics.median(each) for each in (ours, theirs)]
    operation, way = name.rsplit(", ", 1)
    return Cost(operation, way, middle[0], middle[1], ratio(ours, theirs))


def imports(rounds: int) -> list[Import]:
    """Imports in fresh processes, in turn, after one that brings the files into memory; without what Python itself takes."""
    libraries = [library for library in (*PAIR, "jax") if find_spec(library) is not None]
    found: dict[str, list[float]] = {library: [] for library in libraries}
    for number in range(rounds + 1):
        for library in libraries:
            code = f"import time; s = time.perf_counter(); import {library}; print(time.perf_counter() - s)"
            command = [sys.executable, "-c", code]
            done = subprocess.run(
                command, cwd=ROOT, env=environment(1), capture_output=True, text=True, check=True
            )
            if number:
                found[library].append(float(done.stdout))
    return [Import(library, statistics.median(each), min(each)) for library, each in found.items()]
