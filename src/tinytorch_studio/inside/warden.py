"""The warden: the process beside the one in which a learner's code runs. It ends that in time, with all that it started."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tinytorch_studio.inside.bounds import ADOPT_ORPHANS, DIE_WITH_PARENT, control

GRACE = 1.0  # seconds that processes may need to end by themselves after the one that started them
LATE = 0.2  # seconds between the end of its time, when it says where it stands, and its own end
LONGEST = 5.0  # seconds that are spent on ending what was left


def watched(seconds: float, report: Callable[[dict[str, Any]], None]) -> None:
    """Returns in a new process, which the old one watches; the old one reports how that ended, and never returns.

    Where there is no fork (Windows), returns in the same process; who started it watches the clock.
    """
    if not hasattr(os, "fork"):
        return
    control(
        ADOPT_ORPHANS, 1
    )  # a process whose parent has ended becomes a child of the warden: none gets away
    above, warden = os.getppid(), os.getpid()
    worker = os.fork()
    if worker:
        stand_by(worker, above, seconds, report)
        os._exit(0)
    os.setpgid(0, 0)
    control(DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != warden:  # it had ended before that was said
        os._exit(1)


def stand_by(worker: int, above: int, seconds: float, report: Callable[[dict[str, Any]], None]) -> None:
    """Wait for the worker until its time is over, or until nobody is there any more who wants to know."""
    until, late = time.monotonic() + seconds + LATE, False

    def stop(*_: object) -> None:
        nonlocal late
        late = True
        with contextlib.suppress(OSError):
            os.killpg(worker, signal.SIGKILL)
        os.kill(worker, signal.SIGKILL)

    def look(*_: object) -> None:
        if time.monotonic() > until or os.getppid() != above:
            stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, LATE / 2, LATE / 2)
    if hasattr(os, "waitid"):  # until it is asked how it ended, its number is nobody else's
        os.waitid(os.P_PID, worker, os.WEXITED | os.WNOWAIT)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _, status = os.waitpid(worker, 0)
    signal.setitimer(signal.ITIMER_REAL, 0)
    left = clear(0.0 if late else GRACE)
    if os.getppid() != above:  # who would remove the empty folder has been killed
        shutil.rmtree(os.getcwd(), ignore_errors=True)
        return
    report({"ended": os.waitstatus_to_exitcode(status), "late": late, "left": 0 if late else left})


def clear(grace: float) -> int:
    """End what a worker left behind, and return how many processes that were, after some seconds of grace."""
    begun, left = time.monotonic(), set[int]()
    while time.monotonic() < begun + LONGEST:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            break
        if time.monotonic() >= begun + grace:
            found = below(os.getpid())
            left |= set(found)
            with contextlib.suppress(OSError):  # groups first: from them none can get away by forking
                for group in {*found.values()} - {os.getpgrp()}:
                    os.killpg(group, signal.SIGKILL)
            for process in found:
                with contextlib.suppress(OSError):
                    os.kill(process, signal.SIGKILL)
        time.sleep(0.005)
    return len(left)


def below(ancestor: int) -> dict[int, int]:
    """All living processes that come from one, each with its group, read from Linux's /proc."""
    parents, groups = dict[int, int](), dict[int, int]()
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            words = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            if words[0] not in "ZX":
                process = int(path.parent.name)
                parents[process], groups[process] = int(words[1]), int(words[2])
    found, new = set[int](), {ancestor}
    while new:
        new = {process for process, parent in parents.items() if parent in new} - found
        found |= new
    return {process: groups[process] for process in found}
