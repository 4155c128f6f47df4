"""What a machine must do to be a device: eight methods. Everything else is built on them.

A scalar expression says what happens at one position: `0`, `1`, ... are the inputs,
`("add", 0, ("exp", 1))` is x + exp(y), and `("const", "0.5")` a number. Eager operations send one
function; the compiler sends many at once, so that no device has to know about fusion.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinytorch.errors import DeviceError
from tinytorch.layout import Layout, Shape

if TYPE_CHECKING:
    from tinytorch.array import Array
    from tinytorch.dtypes import dtype

Expr = int | tuple[Any, ...]


class Kernel(NamedTuple):
    """Faster ways to compute a fused card; each gives NotImplemented for arrays that it was not written for.

    forward(card, *arrays) gives what the definition gives. gradient(card, wanted, g, out, *arrays) gives an array
    for each input, None where `wanted` is False; g and out are tuples for a card of several results, and what was
    not kept is None, or its shape where `shapes` says so. update(card, *arrays) writes the results over the
    inputs, all but the second, which is a gradient: what an optimizer does.
    """

    forward: Callable[..., Any] | None = None
    gradient: Callable[..., Any] | None = None
    update: Callable[..., Any] | None = None
    shapes: bool = False


class Device(ABC):
    """Somewhere arrays live and arithmetic happens."""

    name: str

    # required

    @abstractmethod
    def empty(self, shape: Shape, dtype: dtype) -> Array:
        """A new contiguous array with arbitrary contents."""

    @abstractmethod
    def upload(self, values: np.ndarray[Any, Any]) -> Array:
        """Host values on this device. The memory may be shared where the device is the host."""

    @abstractmethod
    def download(self, x: Array) -> np.ndarray[Any, Any]:
        """Values on the host. The memory may be shared where the device is the host."""

    @abstractmethod
    def map(self, expr: Expr, x: Array, *others: Array, out: Array | None = None) -> Array:
        """Evaluate `expr` at every position of the inputs, broadcast together.

        The inputs have one dtype, except for conditions and for copies (`expr` 0) into an `out` of
        another dtype. Comparisons give bool. With `out`, write there and return it.
        """

    @abstractmethod
    def reduce(self, name: str, x: Array, axes: Shape) -> Array:
        """Fold `axes` down to size 1 with "add", "multiply", "maximum" or "minimum".

        The result has x's dtype; float16 is accumulated in float32. NaN wins in maximum and minimum.
        """

    @abstractmethod
    def matmul(self, x: Array, y: Array) -> Array:
        """Rows of `x` (..., n, k) times columns of `y` (..., k, m), leading axes broadcast."""

    @abstractmethod
    def gather(self, x: Array, *indices: Array) -> Array:
        """`x[indices]`: one integer array for each leading axis of `x`, all of one shape.

        The result has that shape followed by the remaining axes of `x`. Indices are in range.
        """

    @abstractmethod
    def scatter(self, out: Array, src: Array, *indices: Array, add: bool) -> Array:
        """Write `src` to `out[indices]` in place, or add it; duplicates all count when adding."""

    # how a host view and a layout belong together

    def strided(self, x: Array) -> Any:
        """What this device computes with, made from `x.storage` and `x.layout`."""
        return x.storage.buffer

    def layout_of(self, x: Array) -> Layout:
        """The layout of a result that came without one."""
        return Layout.contiguous(x.host.shape)

    # inherited: made of the methods above

    def join(self, xs: Sequence[Array], axis: int) -> Array:
        """Arrays of one type one after the other along an axis, in new memory."""
        shape, start = list(xs[0].shape), 0
        shape[axis] = sum([x.shape[axis] for x in xs])
        out = self.empty(tuple(shape), xs[0].dtype)
        for x in xs:
            self.map(0, x, out=out.view(out.layout.slice(axis, start, start + x.shape[axis])))
            start += x.shape[axis]
        return out

    # inherited: computed on the host, and said so once

    def sort(self, x: Array, axis: int, descending: bool) -> Array:
        """The indices (int64) that sort `x` along `axis`, equal elements in their old order."""
        self._falls_back("sort")
        return self.upload(sorting_indices(self.download(x), axis, descending))

    def scan(self, name: str, x: Array, axis: int) -> Array:
        """Running "add", "multiply" or "logaddexp" along `axis`."""
        self._falls_back("scan")
        return self.upload(running(name, self.download(x), axis))

    def argreduce(self, name: str, x: Array, axis: int) -> Array:
        """The index (int64) of the first "maximum" or "minimum" along `axis`, kept as size 1."""
        self._falls_back("argreduce")
        return self.upload(first_index(name, self.download(x), axis))

    def between(self, x: Array, low: int, high: int, besides: int | None = None) -> bool:
        """Whether every whole number in `x` is at least `low` and below `high`, or is `besides`: asked on the host."""
        values = self.download(x)
        if not values.size or (values.min() >= low and values.max() < high):
            return True
        return besides is not None and bool((((values >= low) & (values < high)) | (values == besides)).all())

    def _falls_back(self, method: str) -> None:
        warnings.warn(
            f"device {self.name!r} has no {method}: its data goes to the host and back",
            RuntimeWarning,
            stacklevel=3,
        )

    # optional

    def kernel(self, card: Any) -> Kernel | None:
        """Faster ways to compute a fused card, or None."""
        return None


def sorting_indices(values: np.ndarray[Any, Any], axis: int, descending: bool) -> np.ndarray[Any, Any]:
    """A stable argsort in either direction; NaN counts as the largest, as in PyTorch."""
    if not descending:
        return np.argsort(values, axis=axis, kind="stable")
    backwards = np.flip(values, axis)
    order = np.flip(np.argsort(backwards, axis=axis, kind="stable"), axis)
    return np.ascontiguousarray(values.shape[axis] - 1 - order if values.ndim else order)


def running(name: str, values: np.ndarray[Any, Any], axis: int) -> np.ndarray[Any, Any]:
    """NumPy's running sum or product in the type of its input; of halves in float32, rounded at the end."""
    fold: Any = {"add": np.add, "multiply": np.multiply, "logaddexp": np.logaddexp}[name]
    wide = np.float32 if values.dtype.itemsize == 2 and values.dtype.kind not in "iu" else values.dtype
    line = np.atleast_1d(values)
    return np.asarray(fold.accumulate(line, axis=axis, dtype=wide), values.dtype).reshape(values.shape)


def first_index(name: str, values: np.ndarray[Any, Any], axis: int) -> np.ndarray[Any, Any]:
    """NumPy's argmax or argmin with the axis kept."""
    find = {"maximum": np.argmax, "minimum": np.argmin}[name]
    return np.asarray(find(values, axis=axis, keepdims=True))


class device:
    """The name of a device, as `torch.device`: equal names are equal devices.

    >>> device("cpu") == device("cpu"), str(device("cpu"))
    (True, 'cpu')
    """

    __slots__ = ("index", "type")

    def __init__(self, type: str | device, index: int | None = None) -> None:
        name, _, number = str(type).partition(":")
        self.type = name
        self.index = int(number) if number else index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        return f"device(type={self.type!r})"


_made: dict[str, Device] = {}


def backend(name: str = "cpu") -> Device:
    """The machine called `name`, defined in `tinytorch/devices/<name>.py`. Made once, on first use."""
    found = _made.get(name)
    if found is None:
        try:
            module = import_module(f"tinytorch.devices.{name}")
        except ModuleNotFoundError as error:
            raise DeviceError(f"there is no device {name!r}; the devices are cpu and loops") from error
        found = _made[name] = module.create()
    return found
