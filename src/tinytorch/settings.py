"""Settings of the whole process that programs make: threads, determinism, precision of products."""

from __future__ import annotations

import ctypes
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

PRECISIONS = ("highest", "high", "medium")
_asked: dict[str, Any] = {"precision": "highest", "deterministic": False, "interop": 1}


def blas(action: str) -> Callable[..., Any] | None:
    """A function of the BLAS library that came with NumPy, "set" or "get" its number of threads; None if hidden."""
    package = Path(np.__file__).parent
    for folder in (package.parent / "numpy.libs", package / ".dylibs"):
        for path in folder.glob("*openblas*"):
            library = ctypes.CDLL(str(path))
            for prefix, suffix in (("scipy_", "64_"), ("", "64_"), ("scipy_", ""), ("", "")):
                found = getattr(library, f"{prefix}openblas_{action}_num_threads{suffix}", None)
                if found is not None:
                    return found  # type: ignore[no-any-return]
    return None


def set_num_threads(count: int) -> None:
    """On how many threads matrix products run (`torch.set_num_threads`); all else runs on one.

    Where NumPy's BLAS cannot be told, a warning says so.
    """
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise RuntimeError(f"set_num_threads expects a positive integer, not {count!r}")
    tell = blas("set")
    if tell is None:
        warnings.warn(
            "the number of threads stays as it is: set OPENBLAS_NUM_THREADS before the start", stacklevel=2
        )
    else:
        tell(count)


def get_num_threads() -> int:
    """On how many threads matrix products run (`torch.get_num_threads`)."""
    ask = blas("get")
    return int(ask()) if ask is not None else os.cpu_count() or 1


def set_num_interop_threads(count: int) -> None:
    """Accepted: operations run one after the other, on this thread (`torch.set_num_interop_threads`)."""
    if count < 1:
        raise RuntimeError(f"set_num_interop_threads expects a positive integer, not {count!r}")
    _asked["interop"] = count


def get_num_interop_threads() -> int:
    """What was asked for last (`torch.get_num_interop_threads`)."""
    return int(_asked["interop"])


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Accepted: every algorithm here is deterministic (`torch.use_deterministic_algorithms`)."""
    _asked["deterministic"] = bool(mode)


def are_deterministic_algorithms_enabled() -> bool:
    """Whether they were asked for (`torch.are_deterministic_algorithms_enabled`)."""
    return bool(_asked["deterministic"])


def set_float32_matmul_precision(precision: str) -> None:
    """Accepted: products of float32 keep all their digits, whatever is allowed (`torch.set_float32_matmul_precision`)."""
    if precision not in PRECISIONS:
        raise RuntimeError(f"the precision is one of {', '.join(PRECISIONS)}, not {precision!r}")
    _asked["precision"] = precision


def get_float32_matmul_precision() -> str:
    """What was asked for last (`torch.get_float32_matmul_precision`)."""
    return str(_asked["precision"])
