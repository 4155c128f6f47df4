"""What the operating system holds while a learner's code runs: memory, sizes, processes, and where it may write."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import sys
from pathlib import Path

from tinytorch_studio.wire import OUTPUT

MEMORY = 4 * 2**30  # bytes that the learner's code may take
PROCESSES = 64  # that it may start beside those that run

# Linux: prctl(2) and landlock(7). The numbers of Landlock's calls are the same on every processor.
DIE_WITH_PARENT, ADOPT_ORPHANS, NO_NEW_PRIVILEGES = 1, 36, 38
CREATE_RULES, ADD_RULE, RESTRICT = 444, 445, 446
WRITE, READ, TRUNCATE, DEVICE = 1 << 1, 0b1101, 1 << 14, 1 << 15  # READ: execute, read a file, list a folder
KNOWN = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # how many rights over files each version knows
SIGNALS = 1 << 1  # scope, from version 6 on: no signal to a process outside


def control(option: int, value: int) -> None:
    """A setting of this process; elsewhere than on Linux there is none."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, *map(ctypes.c_ulong, (value, 0, 0, 0)))


def call(number: int, *arguments: int | bytes | None) -> int:
    """A system call by its number; negative where it fails."""
    words = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    found: int = ctypes.CDLL(None).syscall(ctypes.c_long(number), *words)
    return found


def limit() -> None:
    """Bounds on memory, on the size of a file and on the number of processes, where the system has them."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (OUTPUT, OUTPUT))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    running = Path("/proc/loadavg")  # counts every thread of the machine
    if running.exists():
        there = int(running.read_text(encoding="ascii").split()[3].partition("/")[2])
        most = there + (os.cpu_count() or 1) + PROCESSES
        _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(resource.RLIMIT_NPROC, (most, most))
    with contextlib.suppress(OSError):  # where memory runs out all the same, this process goes first
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def landlock() -> int:
    """The version of Landlock that the system has: at least 1 from Linux 5.13 on, 6 from 6.12 on; else 0."""
    return max(0, call(CREATE_RULES, None, 0, 1)) if sys.platform == "linux" else 0


def confine(folder: str) -> bool:
    """Let this process and all that it starts write below one folder only, and send signals to nobody else.

    Reading stays as it was. Landlock does this (signals from version 6 on); returns whether it holds.
    """
    version = landlock()
    if version < 1:
        return False
    every = (1 << KNOWN.get(version, 16)) - 1
    writing = every & ~READ & ~DEVICE
    wanted = struct.pack("QQQ", writing, 0, SIGNALS)[: 24 if version >= 6 else 16 if version >= 4 else 8]
    rules = call(CREATE_RULES, wanted, len(wanted), 0)
    if rules < 0:
        return False
    allowed = {folder: writing, "/dev/shm": writing, os.devnull: writing & (WRITE | TRUNCATE)}
    for path, rights in allowed.items():
        with contextlib.suppress(OSError):
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
            call(ADD_RULE, rules, 1, struct.pack("=Qi", rights, place), 0)
            os.close(place)
    control(NO_NEW_PRIVILEGES, 1)
    done = call(RESTRICT, rules, 0) == 0
    os.close(rules)
    return done
