"""Every workload on every backend, slices in turn: times, ratios to plain PyTorch, memory."""

from __future__ import annotations

import importlib.util
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from benchmarks.counting import Counted
from benchmarks.process import Taken, Unequal, Worker, compare
from benchmarks.work import Missing
from benchmarks.workloads import TABLE

BACKENDS = {
    "tinytorch": "TinyTorch",
    "tinytorch+numpy": "TinyTorch, NumPy alone",
    "tinytorch+compiled": "TinyTorch, compiled",
    "torch": "PyTorch",
    "torch+malloc": "PyTorch, freed memory kept",
    "torch+fused": "PyTorch, fused optimizer",
    "jax": "JAX",
}
LONGEST, FEWEST = 60.0, 5  # seconds after which no slice is begun, unless there are only so few


class Figures(NamedTuple):
    """One backend's time and memory. Ratios are to plain PyTorch; `behind` is TinyTorch's time over this one's."""

    milliseconds: float
    least: float
    ratio: float
    ratio_of_least: float
    behind: float
    megabytes: float


class Row(NamedTuple):
    """A workload: the figures of each backend, or why there are none."""

    name: str
    title: str
    work: Counted
    figures: dict[str, Figures]
    reasons: dict[str, str]


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median ratio of slices that were taken one after the other."""
    return statistics.median([a / b for a, b in zip(ours, theirs, strict=True)])


def figures(taken: Mapping[str, Sequence[Taken]]) -> dict[str, Figures]:
    """What the slices of all backends say."""
    seconds = {backend: [each.seconds for each in slices] for backend, slices in taken.items()}
    plain, own = seconds["torch"], seconds["tinytorch"]
    return {
        backend: Figures(
            1000 * statistics.median(each),
            1000 * min(each),
            ratio(each, plain),
            min(each) / min(plain),
            ratio(own, each),
            taken[backend][-1].memory,
        )
        for backend, each in seconds.items()
    }


def started(name: str, threads: int) -> tuple[dict[str, Worker], dict[str, str]]:
    """A worker for each backend that has something to show, and why there is none for the others."""
    workers, reasons = {}, {}
    for backend in BACKENDS:
        library = backend.split("+")[0]
        if backend in TABLE[name].without:
            reasons[backend] = ""
        elif importlib.util.find_spec(library) is None:
            reasons[backend] = "not installed"
        else:
            workers[backend] = Worker(backend, "workloads", threads)
    return workers, reasons


def prepared(name: str, workers: dict[str, Worker], reasons: dict[str, str]) -> None:
    """Let each build its work; one that cannot, or computes something else than PyTorch, leaves, with the reason.

    Raises Missing and Unequal for the two without which there is no row.
    """
    right = workers["torch"].make(name)
    for backend in [each for each in workers if each != "torch"]:
        try:
            compare(name, backend, workers[backend].make(name), right)
        except (Missing, Unequal) as error:
            if backend == "tinytorch":
                raise
            reasons[backend] = str(error)
            workers.pop(backend).close()


def slices(workers: Mapping[str, Worker], name: str, count: int, rounds: int) -> dict[str, list[Taken]]:
    """The slices of every backend, taken in turn, after one that does not count; fewer where they take too long."""
    taken: dict[str, list[Taken]] = {backend: [] for backend in workers}
    until = time.monotonic() + LONGEST
    for number in range(rounds + 1):
        if number > FEWEST and time.monotonic() > until:
            break
        for backend, worker in workers.items():
            made = worker.time(name, count)
            if number:
                taken[backend].append(made)
    return taken


def measured(name: str, threads: int, rounds: int | None = None) -> Row:
    """One row of the table."""
    work = TABLE[name]
    workers, reasons = started(name, threads)
    try:
        prepared(name, workers, reasons)
        found = figures(slices(workers, name, work.times, rounds or work.slices))
        return Row(name, work.title, workers["tinytorch"].count(name), found, reasons)
    finally:
        for worker in workers.values():
            worker.close()
