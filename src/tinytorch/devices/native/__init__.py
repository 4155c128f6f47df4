"""Compiled kernels for the CPU: faster ways to compute fused cards, in C that the system's compiler builds once."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from types import FunctionType
from typing import Any

from tinytorch.array import Array
from tinytorch.devices.interface import Kernel
from tinytorch.devices.native.library import kernels
from tinytorch.dtypes import float32, int64

LARGE = 65536  # bytes of picked rows from which a kernel pays
PACKAGE = str(Path(__file__).resolve().parents[2])


class Kernels(dict[type, Kernel | None]):
    """From a fused card's class to its kernel, each looked up once.

    A card in whose file a function is not this package's own has none: a kernel would hide what was written there.
    """

    off = False

    def __missing__(self, kind: type) -> Kernel | None:
        self[kind] = found = self.of(kind)
        return found

    def of(self, kind: type) -> Kernel | None:
        """The kernel of a class, or None."""
        if self.off or not ours(kind) or kernels() is None:
            return None
        from tinytorch.devices.native import table  # only here, since it needs the library

        below = table.RESTS_ON.get(kind.__name__)
        if below is not None and not ours(getattr(sys.modules["tinytorch.ops"], below)):
            return None
        return table.KERNELS.get(kind.__name__)


def ours(kind: type) -> bool:
    """Whether all that a card rests on is this package's own."""
    return all(each.__code__.co_filename.startswith(PACKAGE) for each in written(kind))


def written(kind: type) -> Iterator[FunctionType]:
    """The functions on which a card rests: its methods, and what stands beside it in its file."""
    own = [vars(base) for base in kind.__mro__ if base.__module__ == kind.__module__]
    for names in (*own, vars(sys.modules[kind.__module__])):
        for each in names.values():
            if isinstance(each, FunctionType) and each.__module__ == kind.__module__:
                yield each


KERNELS = Kernels()


@contextmanager
def disabled() -> Iterator[None]:
    """Compute by definitions inside the block, in all threads: to see the operations that a kernel is made of.

    >>> import tinytorch as tt
    >>> from tinytorch.devices.cpu import Cpu
    >>> with disabled():
    ...     print(Cpu().kernel(tt.ops.Softmax(0)))
    None
    """
    before, KERNELS.off = KERNELS.off, True
    KERNELS.clear()
    try:
        yield
    finally:
        KERNELS.off = before
        KERNELS.clear()


def picked_rows(x: Array, index: Array) -> Any:
    """x[index] by a kernel, or None: for large results, of rows without gaps between them."""
    bytes = x.dtype.itemsize * prod(index.shape) * prod(x.shape[1:])
    if bytes < LARGE or index.dtype is not int64 or not x.host.flags.c_contiguous:
        return None
    if KERNELS.off or kernels() is None:
        return None
    from tinytorch.devices.native.rows import gather

    return gather(x, index)


def added_rows(out: Array, src: Array, index: Array) -> bool:
    """Add rows of `src` to those of `out` that an index names, in place, where there is a kernel for these arrays."""
    if out.dtype is not float32 or src.dtype is not float32 or index.dtype is not int64:
        return False
    if KERNELS.off or kernels() is None:
        return False
    if 0 in src.shape or not out.host.flags.c_contiguous:
        return False
    from tinytorch.devices.native.rows import scatter_add

    scatter_add(out, src, index)
    return True
