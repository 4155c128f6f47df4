"""The other end of a worker: starts one process for each backend, asks it, compares what they compute, waits for quiet."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.counting import Counted
from benchmarks.work import Missing

ROOT = Path(__file__).resolve().parents[1]
VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
QUIET, PATIENCE = 0.3, 120.0  # the load to wait for, and for how many seconds at most
CLOSE = 1e-3  # how far losses may lie apart, in proportion


class Unequal(RuntimeError):
    """Two backends do not compute the same."""


class Taken(NamedTuple):
    """One slice: seconds for one time, and the largest memory so far above that after the import, in MB."""

    seconds: float
    memory: float


def environment(threads: int) -> dict[str, str]:
    """The variables of a process that uses so many threads."""
    path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return os.environ | {"PYTHONPATH": path} | {name: str(threads) for name in VARIABLES}


class Worker:
    """A backend's process. What it cannot do it says by Missing."""

    def __init__(self, backend: str, table: str, threads: int) -> None:
        command = [sys.executable, "-m", "benchmarks.worker", backend, table, str(threads)]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(threads),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def ask(self, *words: Any) -> Any:
        """One line there, one line back."""
        assert self.process.stdin is not None and self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps(words) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Missing("ENDED EARLY") from None
        line = self.process.stdout.readline()
        if not line:
            raise Missing("ENDED EARLY")
        told = json.loads(line)
        if "missing" in told:
            raise Missing(told["missing"])
        return told["answer"]

    def make(self, name: str) -> list[float]:
        """Build; the numbers to compare."""
        return [float(each) for each in self.ask("make", name)]

    def time(self, name: str, count: int) -> Taken:
        """One slice."""
        return Taken(*self.ask("time", name, count))

    def count(self, name: str) -> Counted:
        """What the cards tell."""
        return Counted(*self.ask("count", name))

    def drop(self, name: str) -> None:
        """Let it forget what it has built."""
        self.ask("drop", name)

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None and self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended already
            self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def compare(name: str, backend: str, numbers: Sequence[float], right: Sequence[float]) -> None:
    """Raises Unequal if what a backend computes is not what PyTorch does, or no number."""
    for ours, theirs in zip(numbers, right, strict=True):
        if not abs(ours - theirs) <= CLOSE * max(1.0, abs(theirs)):
            raise Unequal(f"{name}: {backend} has {ours}, PyTorch {theirs}: no time counts")


def agreed(workers: Mapping[str, Worker], name: str) -> None:
    """Let TinyTorch and PyTorch build the same, and compare."""
    compare(name, "tinytorch", workers["tinytorch"].make(name), workers["torch"].make(name))


def load() -> float | None:
    """How many programs wanted a processor in the last minute, on average."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def wait_for_quiet() -> None:
    """Until the machine has nothing else to do, or patience ends; the page tells the load."""
    until = time.monotonic() + PATIENCE
    while (load() or 0.0) > QUIET and time.monotonic() < until:
        time.sleep(2)
