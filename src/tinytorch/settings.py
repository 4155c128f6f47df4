"""Settings of the whole process that programs make: threads, determinism, precision of products."""

from __future__ import annotations

import os
import warnings
from typing import Any

from tinytorch.devices.native.library import kernels, of_blas

PRECISIONS = ("highest", "high", "medium")
_asked: dict[str, Any] = {"precision": "highest", "deterministic": False, "interop": 1}


def set_num_threads(count: int) -> None:
    """On how many threads matrix products and compiled kernels run (`torch.set_num_threads`); all else runs on one.

    Where NumPy's BLAS cannot be told, a warning says so.
    """
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise RuntimeError(f"set_num_threads expects a positive integer, not {count!r}")
    tell = of_blas("set_num_threads")
    if tell is None:
        warnings.warn(
            "the number of threads stays as it is: set OPENBLAS_NUM_THREADS before the start", stacklevel=2
        )
    else:
        tell(count)
        library = kernels()
        if library is not None:
            library.use_threads(count)


def get_num_threads() -> int:
    """On how many threads matrix products run (`torch.get_num_threads`)."""
    ask = of_blas("get_num_threads")
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
