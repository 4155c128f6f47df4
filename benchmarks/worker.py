"""One backend in a process of its own: times slices of a workload when it is told to."""

from __future__ import annotations

import resource
import sys
import time
from importlib import import_module
from typing import Any

from benchmarks.workloads import WORKLOADS


def namespace(backend: str) -> Any:
    """What the workloads are run on; the words after its name say how."""
    name, *how = backend.split("+")
    if name == "torch" and "malloc" in how:
        from tinytorch.devices.memory import keep_freed_memory

        keep_freed_memory()
    return import_module(name)


def peak() -> float:
    """The largest memory that this process had so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(backend: str, workload: str) -> None:
    """Print the numbers of the first times, then seconds and MB above those after the import for each line that arrives."""
    work = WORKLOADS[workload]
    ns = namespace(backend)
    ns.zeros(1)
    before = peak()
    step = work.make(ns, "fused" in backend.split("+"))
    print(*[repr(step()) for _ in range(3)], flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        for _ in range(work.count):
            step()
        print((time.perf_counter() - start) / work.count, peak() - before, flush=True)


main(*sys.argv[1:])
