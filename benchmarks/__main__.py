"""Run all workloads on every backend, slices in turn, and write the table into docs/performance.md."""

from __future__ import annotations

import datetime
import os
import platform
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from benchmarks.workloads import WORKLOADS, Workload

ROOT = Path(__file__).resolve().parents[1]
BACKENDS = {
    "tinytorch": "TinyTorch",
    "torch": "PyTorch",
    "torch+malloc": "PyTorch, freed memory kept",
    "torch+fused": "PyTorch, fused optimizer",
}
SAME_AS_TORCH = ("chain", "generate", "loader")  # without an optimizer nothing could be fused
PAGE = ROOT / "docs" / "performance.md"
MARK = "<!-- made by ./tt dev bench -->"
QUIET, PATIENCE = 0.3, 120.0  # the load to wait for, and for how many seconds at most


class Taken(NamedTuple):
    """One slice: seconds for one time, and the largest memory so far above that after the import, in MB."""

    seconds: float
    memory: float


class Worker:
    """A backend's process."""

    def __init__(self, backend: str, workload: str) -> None:
        command = [sys.executable, "-m", "benchmarks.worker", backend, workload]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        self.numbers = [float(each) for each in self.read().split()]

    def read(self) -> str:
        """One line of its answer."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("a benchmark process has ended early")
        return line

    def slice(self) -> Taken:
        """One slice, timed."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return Taken(*map(float, self.read().split()))

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def wait_for_quiet() -> None:
    """Until the machine has nothing else to do, or patience ends; the page tells the load."""
    until = time.monotonic() + PATIENCE
    while hasattr(os, "getloadavg") and os.getloadavg()[0] > QUIET and time.monotonic() < until:
        time.sleep(2)


def measure(name: str, work: Workload) -> dict[str, list[Taken]]:
    """The slices of every backend, taken in turn. Raises RuntimeError if the backends do not compute the same."""
    backends = [each for each in BACKENDS if name not in SAME_AS_TORCH or each != "torch+fused"]
    workers = {backend: Worker(backend, name) for backend in backends}
    for backend, worker in workers.items():
        for theirs, right in zip(worker.numbers, workers["torch"].numbers, strict=True):
            if abs(theirs - right) > 1e-3 * max(1.0, abs(right)):
                raise RuntimeError(f"{name}: {backend} has {theirs}, PyTorch {right}: no time counts")
    for worker in workers.values():
        worker.slice()  # warm
    taken: dict[str, list[Taken]] = {backend: [] for backend in backends}
    for _ in range(work.slices):
        for backend, worker in workers.items():
            taken[backend].append(worker.slice())
    for worker in workers.values():
        worker.close()
    return taken


def row(work: Workload, taken: dict[str, list[Taken]]) -> str:
    """One row of the table: milliseconds, ratios to plain PyTorch, memory."""
    seconds = {backend: [each.seconds for each in slices] for backend, slices in taken.items()}
    middle = [f"{1000 * statistics.median(seconds[b]):.3g}" if b in seconds else "the same" for b in BACKENDS]
    pairs = zip(seconds["tinytorch"], seconds["torch"], strict=True)
    ratio = statistics.median([ours / theirs for ours, theirs in pairs])
    least = min(seconds["tinytorch"]) / min(seconds["torch"])
    memory = [f"{taken[backend][-1].memory:.0f}" for backend in ("tinytorch", "torch")]
    return f"| {work.title} | {' | '.join([*middle, f'{ratio:.2f}', f'{least:.2f}', *memory])} |"


def main() -> None:
    """Measure, print and write; with names, only those workloads, and nothing is written."""
    chosen = sys.argv[1:] or list(WORKLOADS)
    titles = [*[f"{title}, ms" for title in BACKENDS.values()], "ratio of medians in turn", "ratio of minima"]
    titles += ["TinyTorch, MB", "PyTorch, MB"]
    rows = [f"| workload | {' | '.join(titles)} |", "|---" * (len(titles) + 1) + "|"]
    wait_for_quiet()
    load = f"load {os.getloadavg()[0]:.2f} before, " if hasattr(os, "getloadavg") else ""
    for name in chosen:
        rows.append(row(WORKLOADS[name], measure(name, WORKLOADS[name])))
        print(rows[-1], flush=True)
    where = (
        f"{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} cores, {load}Python {platform.python_version()}, "
        f"NumPy {version('numpy')}, PyTorch {version('torch')}"
    )
    if len(chosen) == len(WORKLOADS):
        before, _, _ = PAGE.read_text(encoding="utf-8").partition(MARK)
        PAGE.write_text(f"{before}{MARK}\n\n" + "\n".join([*rows, "", where]) + "\n", encoding="utf-8")


main()
