"""A card that takes a tensor apart in one piece of work: many slices, and one gradient for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinytorch.layout import Shape
from tinytorch.ops.card import Grads, Movement
from tinytorch.ops.movement import Cat

if TYPE_CHECKING:
    from tinytorch.array import Array
    from tinytorch.tensor import Tensor


class Parts(Movement):
    """Consecutive slices of the given sizes along one axis

    Slices taken one by one have each a gradient as large as the whole; n of them cost n times the whole. These
    have one. They share the memory of the whole and must not be written to.
    """

    __slots__ = ("axis", "sizes")
    reads = {"x": ()}
    fresh = True

    def __init__(self, axis: int, sizes: Shape) -> None:
        self.axis = axis
        self.sizes = sizes

    def forward(self, x: Array) -> tuple[Array, ...]:
        ends = [sum(self.sizes[: i + 1]) for i in range(len(self.sizes))]
        return tuple(
            [x.view(x.layout.slice(self.axis, e - s, e, 1)) for s, e in zip(self.sizes, ends, strict=True)]
        )

    def grad(self, g: Any, out: Any, x: Tensor) -> Grads:
        shape, some = x.shape, next(each for each in g if each is not None)
        pieces = [
            some.new_zeros(*shape[: self.axis], size, *shape[self.axis + 1 :]) if each is None else each
            for each, size in zip(g, self.sizes, strict=True)
        ]
        return (some.apply(Cat(self.axis, self.sizes), *pieces),)


class Unbind(Movement):
    """One slice for each index of an axis, which disappears; the slices share the memory of the whole

    order: the axes of the whole as they lie in memory, the widest steps first. Its gradient is laid out like it,
    so that what goes back through the views before it need not be copied.
    """

    __slots__ = ("axis", "order")
    reads = {"x": ()}
    fresh = True

    def __init__(self, axis: int, order: Shape) -> None:
        self.axis = axis
        self.order = order

    def forward(self, x: Array) -> tuple[Array, ...]:
        return tuple([x.view(x.layout.select(self.axis, i)) for i in range(x.shape[self.axis])])

    def grad(self, g: Any, out: Any, x: Tensor) -> Grads:
        some = next(each for each in g if each is not None)
        pieces = [some.new_zeros(some.shape) if each is None else each for each in g]
        whole = Cat(self.order.index(self.axis), (1,) * len(pieces))
        made = some.apply(whole, *[each.unsqueeze(self.axis).permute(self.order) for each in pieces])
        return (made.permute([self.order.index(axis) for axis in range(len(self.order))]),)


def parts(x: Tensor, sizes: Shape, axis: int = 0) -> tuple[Tensor, ...]:
    """Consecutive slices of a tensor, to be read only; the one slice there may be is the tensor itself."""
    if len(sizes) == 1:
        return (x,)
    made: tuple[Tensor, ...] = x.apply(Parts(axis % x.ndim, sizes), x)
    return made


def equal_parts(x: Tensor, count: int) -> tuple[Tensor, ...]:
    """The last axis in `count` slices of one size, to be read only."""
    return parts(x, (x.shape[-1] // count,) * count, -1)
