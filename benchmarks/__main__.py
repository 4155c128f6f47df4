"""Run all workloads on both backends, slices in turn, and write the table into docs/performance.md."""

from __future__ import annotations

import datetime
import os
import platform
import statistics
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from benchmarks.workloads import WORKLOADS

ROOT = Path(__file__).resolve().parents[1]
BACKENDS = ("tinytorch", "torch")
SLICES = 40
PAGE = ROOT / "docs" / "performance.md"
MARK = "<!-- made by ./tt dev bench -->"


class Worker:
    """A backend's process."""

    def __init__(self, backend: str, workload: str) -> None:
        command = [sys.executable, "-m", "benchmarks.worker", backend, workload]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        self.losses = [float(each) for each in self.read().split()]

    def read(self) -> str:
        """One line of its answer."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("a benchmark process has ended early")
        return line

    def slice(self) -> float:
        """Seconds for one step, over one slice."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self.read())

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def measure(workload: str) -> str:
    """One row of the table. Raises RuntimeError if the backends do not compute the same."""
    workers = [Worker(backend, workload) for backend in BACKENDS]
    for ours, theirs in zip(workers[0].losses, workers[1].losses, strict=True):
        if abs(ours - theirs) > 1e-3 * max(1.0, abs(theirs)):
            raise RuntimeError(f"{workload}: the backends disagree, {ours} and {theirs}: no time counts")
    for worker in workers:
        worker.slice()  # warm
    times = [[worker.slice() for worker in workers] for _ in range(SLICES)]
    for worker in workers:
        worker.close()
    ratio = statistics.median(ours / theirs for ours, theirs in times)
    columns = list(zip(*times, strict=True))
    milliseconds = [f"{1000 * statistics.median(c):.3f}" for c in columns]
    least = min(columns[0]) / min(columns[1])
    return f"| {workload} | {milliseconds[0]} | {milliseconds[1]} | {ratio:.2f} | {least:.2f} |"


def main() -> None:
    """Measure, print and write."""
    rows = [
        "| workload | tinytorch ms | PyTorch ms | ratio of medians in turn | ratio of minima |",
        "|---|---|---|---|---|",
        *[measure(workload) for workload in WORKLOADS],
    ]
    where = (
        f"{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"NumPy {version('numpy')}, PyTorch {version('torch')}"
    )
    table = "\n".join([*rows, "", where])
    print(table)
    before, _, _ = PAGE.read_text(encoding="utf-8").partition(MARK)
    PAGE.write_text(f"{before}{MARK}\n\n{table}\n", encoding="utf-8")


main()
