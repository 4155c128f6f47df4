"""What this machine can do at most: products of float32 matrices, and bytes moved to and from memory.

`python -m benchmarks.limits THREADS` prints both in JSON; the parent sets the variables that BLAS reads at its start.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from benchmarks.process import ROOT, environment

SIZE = 2048  # of a square matrix: large enough that its cubes outweigh everything else
LENGTH = 2**25  # float32 of one array, 128 MiB: more than caches hold
TIMES = 8


class Limits(NamedTuple):
    """With so many threads: 10**9 floating point operations in a second, and GB in a second by copying and by adding."""

    threads: int
    gflops: float
    copy: float
    add: float

    @property
    def bandwidth(self) -> float:
        """The larger of the two, in GB in a second."""
        return max(self.copy, self.add)


def least(function: Callable[[], object]) -> float:
    """Seconds of the fastest of a few times, after one that does not count."""
    function()
    taken = []
    for _ in range(TIMES):
        start = time.perf_counter()
        function()
        taken.append(time.perf_counter() - start)
    return min(taken)


def products() -> float:
    """10**9 floating point operations in a second."""
    import numpy as np

    x = np.ones((SIZE, SIZE), np.float32)
    out = np.empty_like(x)
    return 2 * SIZE**3 / least(lambda: np.matmul(x, x, out=out)) / 1e9


def moved(threads: int) -> tuple[float, float]:
    """GB in a second: a copy reads one array and writes one, a sum reads two and writes one. Each thread has a part."""
    import numpy as np

    a, b, c = (np.ones(LENGTH, np.float32) for _ in range(3))
    parts = list(
        zip(np.array_split(a, threads), np.array_split(b, threads), np.array_split(c, threads), strict=True)
    )
    with ThreadPoolExecutor(threads) as pool:
        copied = least(lambda: list(pool.map(lambda part: np.copyto(part[0], part[1]), parts)))
        added = least(lambda: list(pool.map(lambda part: np.add(part[1], part[2], out=part[0]), parts)))
    return 2 * a.nbytes / copied / 1e9, 3 * a.nbytes / added / 1e9


def measured(threads: int) -> Limits:
    """The limits with so many threads, in a process of their own."""
    command = [sys.executable, "-m", "benchmarks.limits", str(threads)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(threads), stdout=subprocess.PIPE, text=True, check=True
    )
    return Limits(threads, *json.loads(done.stdout))


if __name__ == "__main__":
    print(json.dumps([products(), *moved(int(sys.argv[1]))]))
