"""All that one run has found, and on which machine."""

from __future__ import annotations

import datetime
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

from benchmarks.costs import Cost, Import
from benchmarks.growth import Point
from benchmarks.limits import Limits
from benchmarks.measure import Row
from benchmarks.process import load

PACKAGES = {"numpy": "NumPy", "torch": "PyTorch", "jax": "JAX"}


class Facts(NamedTuple):
    """Where and when it was measured."""

    date: str
    machine: str
    cores: int
    threads: int  # of every process
    loads: tuple[float | None, float | None]  # before and after
    versions: dict[str, str | None]
    kernels: bool  # whether the compiled ones are there
    minutes: float


class Results(NamedTuple):
    """The figures of one run. What was not asked for is empty."""

    facts: Facts
    rows: list[Row]
    costs: list[Cost]
    imports: list[Import]
    limits: list[Limits]
    points: list[Point]


def processor() -> str:
    """What the processor is called."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def installed(package: str) -> str | None:
    """The version of a package; None without it."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def facts(threads: int, before: float | None, seconds: float) -> Facts:
    """What there is to say at the end of a run."""
    from tinytorch.devices.native.library import kernels

    return Facts(
        str(datetime.date.today()),
        f"{processor()}, {platform.machine()}, {platform.system()}",
        os.cpu_count() or 1,
        threads,
        (before, load()),
        {"Python": platform.python_version(), **{title: installed(name) for name, title in PACKAGES.items()}},
        kernels() is not None,
        seconds / 60,
    )
