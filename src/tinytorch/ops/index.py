"""Index cards: elements picked and placed by integer indices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinytorch.ops.card import Grads, Op
from tinytorch.ops.reduce import positions, take_along

if TYPE_CHECKING:
    from tinytorch.array import Array
    from tinytorch.layout import Layout
    from tinytorch.tensor import Tensor


class IndexSelect(Op):
    """Rows of x: x[index], for one integer index array over its first axis"""

    __slots__ = ()
    reads = {"x": ("index",), "index": ()}
    fresh = True

    def forward(self, x: Array, index: Array) -> Array:
        return x.device.gather(x, index)

    def grad(self, g: Tensor, out: Tensor, x: Tensor, index: Tensor) -> Grads:
        return g.new_zeros(x.shape).index_put((index,), g, accumulate=True), None


class Index(Op):
    """x[i, j, ...] for integer index arrays of one shape over its leading axes"""

    __slots__ = ()
    reads = {"x": ("indices",), "indices": ()}
    fresh = True

    def plan(self, wanted: tuple[bool, ...]) -> tuple[bool, tuple[int, ...]]:
        """The indices, not x."""
        return False, tuple(range(1, len(wanted)))

    def forward(self, x: Array, *indices: Array) -> Array:
        return x.device.gather(x, *indices)

    def grad(self, g: Tensor, out: Tensor, x: Tensor, *indices: Tensor) -> Grads:
        to_x = g.new_zeros(x.shape).index_put(indices, g, accumulate=True)
        return (to_x, *[None] * len(indices))


class IndexPut(Op):
    """x with `value` written, or added, at x[i, j, ...]"""

    __slots__ = ("add",)

    def __init__(self, add: bool) -> None:
        self.add = add

    def plan(self, wanted: tuple[bool, ...]) -> tuple[bool, tuple[int, ...]]:
        """The indices only."""
        return False, tuple(range(2, len(wanted)))

    def forward(self, x: Array, value: Array, *indices: Array) -> Array:
        return x.device.scatter(x.copy(), value, *indices, add=self.add)

    def grad(self, g: Tensor, out: Tensor, x: Tensor, value: Tensor, *indices: Tensor) -> Grads:
        to_value = g[indices] if value.requires_grad else None
        to_x = g if self.add else g.index_put(indices, g.new_zeros(value.shape))
        return (to_x, to_value, *[None] * len(indices))


class Gather(Op):
    """x read at `index` along one axis, all other axes at their own position (`torch.gather`)"""

    __slots__ = ("axis",)
    reads = {"x": ("index",), "index": ()}
    fresh = True

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, x: Array, index: Array) -> Array:
        return take_along(x, index, self.axis)

    def grad(self, g: Tensor, out: Tensor, x: Tensor, index: Tensor) -> Grads:
        return g.new_zeros(x.shape).scatter_add(self.axis, index, g), None


class Scatter(Op):
    """x with `value` written, or added, at `index` along one axis (`torch.scatter`, `scatter_add`)"""

    __slots__ = ("add", "axis")
    reads = {"x": ("index",), "index": (), "value": ("index",)}

    def __init__(self, axis: int, add: bool) -> None:
        self.axis = axis
        self.add = add

    def forward(self, x: Array, index: Array, value: Array) -> Array:
        made = x.copy()
        if not index.shape:
            return x.device.map(("add", 0, 1), x, value) if self.add else value.copy()
        value = value.view(cropped(value, index))
        return x.device.scatter(made, value, *positions(index, self.axis), add=self.add)

    def grad(self, g: Tensor, out: Tensor, x: Tensor, index: Tensor, value: Tensor) -> Grads:
        to_x = g if self.add else g.scatter(self.axis, index, 0.0)
        to_value = g.gather(self.axis, index)
        for axis, (size, full) in enumerate(zip(index.shape, value.shape, strict=True)):
            if size != full:
                to_value = to_value.pad_axis(axis, full)
        return to_x, None, to_value


class ScatterFold(Op):
    """x with `value` folded in at `index` along one axis by "prod", "amax" or "amin" (`torch.scatter_reduce`)"""

    __slots__ = ("axis", "fold")

    def __init__(self, axis: int, fold: str) -> None:
        self.axis = axis
        self.fold = fold

    def forward(self, x: Array, index: Array, value: Array) -> Array:
        made = x.copy()
        fold: Any = {"prod": np.multiply, "amax": np.maximum, "amin": np.minimum}[self.fold]
        places = tuple([each.device.download(each) for each in positions(index, self.axis)])
        target = np.array(made.device.download(made))
        fold.at(target, places, value.device.download(value.view(cropped(value, index))))
        return made.device.upload(target)

    def grad(self, g: Tensor, out: Tensor, x: Tensor, index: Tensor, value: Tensor) -> Grads:
        if self.fold == "prod":
            return self.of_products(g, out, x, index, value)
        value = value[tuple([slice(size) for size in index.shape])]
        mine, theirs = x == out, value == out.gather(self.axis, index)  # ties share the gradient
        count = mine.to(g.dtype).scatter_add(self.axis, index, theirs.to(g.dtype))
        share = g / count
        to_value = share.gather(self.axis, index).where(theirs, 0.0)
        return share.where(mine, 0.0), None, to_value

    def of_products(self, g: Tensor, out: Tensor, x: Tensor, index: Tensor, value: Tensor) -> Grads:
        """The product of all others: the whole over the factor, or, where one is 0, what is left without it."""
        value = value[tuple([slice(size) for size in index.shape])]
        factors = value.where(value != 0, 1.0)
        rest = x.where(x != 0, 1.0).scatter_reduce(self.axis, index, factors, "prod")
        zeros = (x == 0).to(g.dtype).scatter_add(self.axis, index, (value == 0).to(g.dtype))
        to_x = g * (rest / x.where(x != 0, 1.0)).where(zeros == (x == 0).to(g.dtype), 0.0)
        alone = zeros.gather(self.axis, index) == (value == 0).to(g.dtype)
        to_value = (g * rest).gather(self.axis, index) / factors
        return to_x, None, to_value.where(alone, 0.0)


def cropped(value: Array, index: Array) -> Layout:
    """The part of `value` that `index` covers."""
    layout = value.layout
    for axis, size in enumerate(index.shape):
        if layout.shape[axis] != size:
            layout = layout.slice(axis, 0, size)
    return layout


INDEX_SELECT, INDEX = IndexSelect(), Index()
