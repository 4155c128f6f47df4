"""One backend in a process of its own: times slices of a workload when it is told to."""

from __future__ import annotations

import sys
import time
from importlib import import_module

from benchmarks.workloads import WORKLOADS


def main(backend: str, workload: str) -> None:
    """Print the losses of the first steps, then a time in seconds for each line that arrives."""
    make, count = WORKLOADS[workload]
    step = make(import_module(backend))
    print(*[repr(step()) for _ in range(3)], flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        for _ in range(count):
            step()
        print((time.perf_counter() - start) / count, flush=True)


main(*sys.argv[1:])
