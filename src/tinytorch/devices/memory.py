"""How the process keeps memory that arrays have freed: the next array of that size need not ask the system for it."""

from __future__ import annotations

import os
import sys

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3  # malloc.h of glibc
KEPT = 2**31 - 1  # bytes that may lie free before any go back to the system
LARGEST = 2**30  # bytes of one allocation that still comes from the memory that is kept
MORE = 2**26  # bytes that are asked for at once


def keep_freed_memory() -> bool:
    """Tell glibc's malloc to keep what is freed, for the whole process; whether that was possible.

    A fresh large array costs a page fault for every 4 KiB; a training step makes the same arrays again and again.
    The environment variable TINYTORCH_MALLOC=0 turns this off. Other C libraries have no such switch.
    """
    if os.environ.get("TINYTORCH_MALLOC") == "0" or not sys.platform.startswith("linux"):
        return False
    import ctypes

    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    wanted = {M_MMAP_THRESHOLD: LARGEST, M_TRIM_THRESHOLD: KEPT, M_TOP_PAD: MORE}
    accepted = [bool(mallopt(option, value)) for option, value in wanted.items()]
    return all(accepted)
