"""The oracle: every operation as loops over flat memory. Slow, and plain to see that it is right."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinytorch.array import Array, Storage
from tinytorch.devices.interface import Device, Expr
from tinytorch.dtypes import bool_, dtype, from_numpy
from tinytorch.errors import DeviceError
from tinytorch.layout import Layout, Shape, broadcast_shapes

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "pow": operator.pow,
    "neg": operator.neg,
    "abs": abs,
    "exp": math.exp,
    "log": math.log,
    "sqrt": math.sqrt,
    "sin": math.sin,
    "cos": math.cos,
    "tanh": math.tanh,
    "erf": math.erf,
    "reciprocal": lambda x: 1 / x,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x)),
    "maximum": lambda x, y: x if x > y or x != x else y,
    "minimum": lambda x, y: x if x < y or x != x else y,
    "where": lambda condition, x, y: x if condition else y,
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
FOLDS = {
    "add": (operator.add, 0),
    "multiply": (operator.mul, 1),
    "maximum": (FUNCTIONS["maximum"], -math.inf),
    "minimum": (FUNCTIONS["minimum"], math.inf),
}


def offsets(layout: Layout) -> Iterator[int]:
    """Where each element lies in memory, in reading order.

    >>> list(offsets(Layout((2, 3), (1, 2))))
    [0, 2, 4, 1, 3, 5]
    """
    for index in itertools.product(*map(range, layout.shape)):
        yield layout.offset + sum(i * stride for i, stride in zip(index, layout.strides, strict=True))


def evaluate(expr: Expr, values: tuple[Any, ...]) -> Any:
    """A scalar expression for one position.

    >>> evaluate(("add", 0, ("mul", 1, 1)), (1.0, 3.0))
    10.0
    """
    if isinstance(expr, int):
        return values[expr]
    if expr[0] == "const":
        return float(expr[1])
    if expr[0] not in FUNCTIONS:
        raise DeviceError(f"the loops device has no function {expr[0]!r}; the cpu device has")
    return FUNCTIONS[expr[0]](*[evaluate(part, values) for part in expr[1:]])


class Loops(Device):
    """One element after the other. The memory is a flat NumPy buffer; no arithmetic of NumPy's is used."""

    name = "loops"

    def empty(self, shape: Shape, dtype: dtype) -> Array:
        """New memory, full of zeros."""
        made = Array.over(self, Storage(np.zeros(math.prod(shape), dtype.numpy)), dtype)
        made.layout, made.shape = Layout.contiguous(shape), shape
        return made

    def upload(self, values: np.ndarray[Any, Any]) -> Array:
        """A copy, flat."""
        made = self.empty(values.shape, from_numpy(values.dtype))
        for position, value in enumerate(values.flat):
            made.storage.buffer[position] = value
        return made

    def download(self, x: Array) -> np.ndarray[Any, Any]:
        """A copy, in reading order."""
        values = np.array(list(self.read(x)), x.dtype.numpy)
        return values.reshape(x.shape)

    def read(self, x: Array) -> Iterator[Any]:
        """The elements as Python numbers, in reading order."""
        buffer = x.storage.buffer
        return (buffer[offset].item() for offset in offsets(x.layout))

    def write(self, out: Array, values: Iterator[Any]) -> Array:
        """Put values into an array in reading order."""
        buffer = out.storage.buffer
        for offset, value in zip(offsets(out.layout), list(values), strict=True):
            buffer[offset] = value
        return out

    def map(self, expr: Expr, *xs: Array, out: Array | None = None) -> Array:
        """Several layouts walked together."""
        shape = broadcast_shapes(*[x.shape for x in xs])
        if out is None:
            compares = isinstance(expr, tuple) and expr[0] in COMPARISONS
            out = self.empty(shape, bool_ if compares else xs[-1].dtype)
        walks = [self.read(x.view(x.layout.expand(out.shape))) for x in xs]
        return self.write(out, (evaluate(expr, values) for values in zip(*walks, strict=True)))

    def reduce(self, name: str, x: Array, axes: Shape) -> Array:
        """Every element folded into its place in the result; a folded axis has stride 0 there."""
        fold, start = FOLDS[name]
        shape = tuple([1 if axis in axes else size for axis, size in enumerate(x.shape)])
        out = self.empty(shape, x.dtype)
        totals = [start] * out.size
        for where, value in zip(offsets(out.layout.expand(x.shape)), self.read(x), strict=True):
            totals[where] = fold(totals[where], value)
        return self.write(out, iter(totals))

    def matmul(self, x: Array, y: Array) -> Array:
        """For each batch, row and column: a sum of products."""
        batch = broadcast_shapes(x.shape[:-2], y.shape[:-2])
        rows, inner, columns = x.shape[-2], x.shape[-1], y.shape[-1]
        out = self.empty((*batch, rows, columns), x.dtype)
        left = x.layout.expand((*batch, rows, inner))
        right = y.layout.expand((*batch, inner, columns))
        for index in itertools.product(*map(range, out.shape)):
            *where, row, column = index
            total: Any = 0
            for k in range(inner):
                total += at(x, left, (*where, row, k)) * at(y, right, (*where, k, column))
            out.storage.buffer[place(out.layout, index)] = total
        return out

    def gather(self, x: Array, *indices: Array) -> Array:
        """Element by element from `x[i, j, ...]`."""
        rest = x.shape[len(indices) :]
        out = self.empty((*indices[0].shape, *rest), x.dtype)
        picked = list(zip(*map(self.read, indices), strict=True))
        values = (
            at(x, x.layout, (*front, *back))
            for front in picked
            for back in itertools.product(*map(range, rest))
        )
        return self.write(out, values)

    def scatter(self, out: Array, src: Array, *indices: Array, add: bool) -> Array:
        """Element by element to `out[i, j, ...]`; a second one at the same place adds to the first."""
        rest = out.shape[len(indices) :]
        picked = list(zip(*map(self.read, indices), strict=True))
        targets = [(*front, *back) for front in picked for back in itertools.product(*map(range, rest))]
        expanded = src.view(src.layout.expand((*indices[0].shape, *rest)))
        for index, value in zip(targets, list(self.read(expanded)), strict=True):
            where = place(out.layout, index)
            out.storage.buffer[where] = out.storage.buffer[where] + value if add else value
        return out


def place(layout: Layout, index: tuple[int, ...]) -> int:
    """Where one element lies in memory; a negative position counts from the end."""
    steps = zip(index, layout.shape, layout.strides, strict=True)
    return layout.offset + sum(i % size * stride for i, size, stride in steps)


def at(x: Array, layout: Layout, index: tuple[int, ...]) -> Any:
    """One element as a Python number."""
    return x.storage.buffer[place(layout, index)].item()


def create() -> Loops:
    """The oracle."""
    return Loops()
