"""The compiled kernels as Python functions: loaded on first use, tried once, on one pool of threads with NumPy's BLAS."""

from __future__ import annotations

import ctypes
import os
import warnings
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from tinytorch.devices.native.build import HEADERS, compiler, library, vectors
from tinytorch.errors import DeviceError

KINDS: dict[str, Any] = {
    "a": ctypes.py_object,  # an array
    "p": ctypes.c_void_p,
    "l": ctypes.c_int64,
    "f": ctypes.c_float,
    "d": ctypes.c_double,
    "i": ctypes.c_int,
}


@cache
def blas() -> ctypes.CDLL | None:
    """The BLAS library that came with NumPy; None if it is hidden."""
    package = Path(np.__file__).parent
    for folder in (package.parent / "numpy.libs", package / ".dylibs"):
        for path in folder.glob("*openblas*"):
            return ctypes.CDLL(str(path))
    return None


def of_blas(action: str) -> Any:
    """A function of that library, such as "set_num_threads", under whichever name it has; None if it has none."""
    found = blas()
    names = [f"{prefix}openblas_{action}{suffix}" for prefix in ("scipy_", "") for suffix in ("64_", "")]
    return next((getattr(found, name) for name in names if hasattr(found, name)), None)


class Library:
    """The kernels: each C function under its own name."""

    def __init__(self) -> None:
        """Compile and load. Raises DeviceError with the reason where that cannot be."""
        sources = {
            path.name: path.read_text(encoding="utf-8")
            for path in HEADERS.iterdir()
            if path.suffix in (".c", ".h")
        }
        sources["expressions.c"] = import_module("tinytorch.devices.native.compound").source()
        self.compiled = library("kernels", sources)
        self.count = 1
        self.try_array()
        self.join_pools()

    def function(self, name: str, kinds: str) -> Callable[..., None]:
        """A kernel by its name in C; `kinds` says of each argument what it is, in the letters of KINDS."""
        found = self.compiled[name]
        found.argtypes, found.restype = [KINDS[kind] for kind in kinds], None
        return found

    def try_array(self) -> None:
        """Let C read an array whose insides are known. Raises DeviceError if Python or NumPy lay it out otherwise."""
        x = np.zeros((3, 5), np.float32)[:, 1:4]
        seen = (ctypes.c_int64 * 6)()
        self.function("look_at", "ap")(x, seen)
        if list(seen) != [x.ctypes.data, 2, *x.shape, *x.strides]:
            raise DeviceError("this Python or NumPy lays arrays out in another way than the kernels expect")

    def join_pools(self) -> None:
        """Products of NumPy's OpenBLAS run on our threads; where they cannot, kernels run on one thread.

        Two pools whose threads both wait for work made a training step six times as slow.
        """
        take, count = of_blas("set_threads_callback_function"), of_blas("get_num_threads")
        if take is not None and count is not None:
            take(ctypes.cast(self.compiled.blas_jobs, ctypes.c_void_p))
            self.use_threads(int(count()))

    def use_threads(self, count: int) -> None:
        """On how many threads kernels run."""
        self.count = count
        self.function("set_threads", "i")(count)


@cache
def loaded() -> Library | str:
    """The library, or why there is none."""
    if os.environ.get("TINYTORCH_KERNELS") == "0":
        return "TINYTORCH_KERNELS=0 turns them off"
    try:
        return Library()
    except (DeviceError, OSError) as error:
        return str(error)


@cache
def kernels() -> Library | None:
    """The library, or None: TINYTORCH_KERNELS=0 says so, or it cannot be had, which is said once."""
    found = loaded()
    if isinstance(found, Library):
        return found
    if os.environ.get("TINYTORCH_KERNELS") != "0":
        warnings.warn(
            f"operations run on NumPy, without compiled kernels, which are faster: {found}",
            RuntimeWarning,
            stacklevel=2,
        )
    return None


def report() -> tuple[bool, str]:
    """Whether compiled kernels are in use, and which or why not, in one line."""
    found = loaded()
    if not isinstance(found, Library):
        return False, found.splitlines()[0]
    command = " ".join(compiler() or ())
    pool = "with NumPy's OpenBLAS on one pool" if found.count > 1 else "alone"
    return True, f"{vectors()[0]}, by {command}, {found.count} threads {pool}"


def function(name: str, kinds: str) -> Callable[..., None]:
    """A kernel by its name, for files that are only imported where the library is."""
    found = kernels()
    assert found is not None
    return found.function(name, kinds)
