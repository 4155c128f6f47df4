"""One backend in a process of its own: builds work and times slices of it when it is told to.

`python -m benchmarks.worker BACKEND TABLE THREADS`; a backend is a library, and after each + a word that says how it is
used. For each line that arrives, a list in JSON, it prints its answer in JSON on one line.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib import import_module
from typing import Any

from benchmarks.work import Missing, Work


def namespace(backend: str, threads: int) -> Any:
    """What the work is run on, with its number of threads set."""
    name, *how = backend.split("+")
    if hasattr(os, "sched_setaffinity") and threads < len(os.sched_getaffinity(0)):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    if name == "tinytorch":
        os.environ["TINYTORCH_KERNELS"] = "0" if "numpy" in how else "1"
    if "malloc" in how:
        from tinytorch.devices.memory import keep_freed_memory

        if not keep_freed_memory():
            raise Missing("malloc has no such settings here")
    ns = import_module(name)
    if name != "jax":  # it asks for as many as there are processors for the process
        ns.set_num_threads(threads)
        ns.zeros(1)
    return ns


def memory(field: str) -> float:
    """A size of this process in MB: VmRSS is what it has now, VmHWM the largest so far. Not a number where unknown."""
    try:
        with open("/proc/self/status", encoding="utf-8") as status:
            return next(float(line.split()[1]) / 1024 for line in status if line.startswith(field))
    except (OSError, StopIteration):
        return float("nan")


def forget_peak() -> None:
    """Let the largest size begin anew: an import may have needed more than stays."""
    try:
        with open("/proc/self/clear_refs", "w", encoding="utf-8") as file:
            file.write("5")
    except OSError:
        return  # then the figure is that of the import, if that was larger


def settle() -> None:
    """Until no thread of this process computes: some look for work for 0.1 s, which the next backend's slice would pay for."""
    for _ in range(100):
        before = time.process_time()
        time.sleep(0.01)
        if time.process_time() - before < 0.001:
            return


class Bench:
    """The work that was built, by name, and the answers."""

    def __init__(self, backend: str, table: str, threads: int) -> None:
        self.how = backend.split("+")
        self.ns = namespace(backend, threads)
        prefix = "jax_" if self.how[0] == "jax" else ""
        self.table = import_module(f"benchmarks.{prefix}{table}")
        self.made: dict[str, Work] = {}
        forget_peak()
        self.before = memory("VmRSS")

    def make(self, name: str) -> list[float]:
        """Build it; the numbers to compare."""
        work: Work = self.table.make(self.ns, name, "fused" in self.how)
        if "compiled" in self.how:
            work.compile(self.ns)
        self.made[name] = work
        return work.numbers()

    def time(self, name: str, count: int) -> list[float]:
        """Seconds for one of `count` times, and the largest size so far above that after the import, in MB."""
        step = self.made[name].step
        start = time.perf_counter()
        for _ in range(count):
            step()
        seconds = (time.perf_counter() - start) / count
        settle()
        return [seconds, memory("VmHWM") - self.before]

    def count(self, name: str) -> list[float]:
        """Floating point operations and bytes."""
        from benchmarks.counting import counted

        return list(counted(self.made[name]))

    def drop(self, name: str) -> None:
        """Forget it, with its memory."""
        del self.made[name]


def answered(bench: Bench, line: str) -> dict[str, Any]:
    """The answer to a line, or the reason why there is none."""
    action, *arguments = json.loads(line)
    try:
        return {"answer": getattr(bench, action)(*arguments)}
    except Missing as error:
        return {"missing": str(error)}
    except Exception as error:
        return {"missing": f"FAILED: {type(error).__name__}: {error}"}


def main(backend: str, table: str, threads: str) -> None:
    """Answer until the lines end."""
    bench = Bench(backend, table, int(threads))
    for line in sys.stdin:
        print(json.dumps(answered(bench, line)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
