"""Movement cards: new layouts over the same memory, and copies."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from tinytorch.array import Array
from tinytorch.devices.interface import backend
from tinytorch.layout import Layout, Shape
from tinytorch.ops.card import Grads, Movement, Op

if TYPE_CHECKING:
    from tinytorch.dtypes import dtype
    from tinytorch.tensor import Tensor


class Permute(Movement):
    """The axes in a new order"""

    __slots__ = ("axes",)
    reads = {"x": ()}

    def __init__(self, axes: Shape) -> None:
        self.axes = axes

    def forward(self, x: Array) -> Array:
        return x.view(x.layout.permute(self.axes))

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        inverse = [self.axes.index(axis) for axis in range(len(self.axes))]
        return (g.permute(inverse),)


class Expand(Movement):
    """Axes of size 1 stretched, new ones in front"""

    __slots__ = ("shape",)
    reads = {"x": ()}

    def __init__(self, shape: Shape) -> None:
        self.shape = shape

    def forward(self, x: Array) -> Array:
        return x.view(x.layout.expand(self.shape))

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (g,)  # summed back to x's shape by autograd, as after any broadcast


class Reshape(Movement):
    """The same elements in reading order under another shape, where no copy is needed"""

    __slots__ = ("shape",)
    reads = {"x": ()}

    def __init__(self, shape: Shape) -> None:
        self.shape = shape

    def forward(self, x: Array) -> Array:
        layout = reshaped(x.layout, self.shape)
        assert layout is not None, "whoever sends this card has asked the layout first"
        return x.view(layout)

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (g.reshape(x.shape),)


class Slice(Movement):
    """Every `step`-th index of one axis"""

    __slots__ = ("axis", "start", "step", "stop")
    reads = {"x": ()}

    def __init__(self, axis: int, start: int, stop: int, step: int) -> None:
        self.axis = axis
        self.start = start
        self.stop = stop
        self.step = step

    def forward(self, x: Array) -> Array:
        return x.view(x.layout.slice(self.axis, self.start, self.stop, self.step))

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        layout = Layout.contiguous(x.shape)
        view = layout.slice(self.axis, self.start, self.stop, self.step)
        return (g.spread(view, layout),)


class Flip(Movement):
    """The axes walked backwards. PyTorch copies here, since it has no negative strides"""

    __slots__ = ("axes",)
    reads = {"x": ()}

    def __init__(self, axes: Shape) -> None:
        self.axes = axes

    def forward(self, x: Array) -> Array:
        return x.view(x.layout.flip(self.axes))

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (g.flip(self.axes),)


class View(Movement):
    """Any layout over the memory of `base`: what a view means to autograd, whichever way it was made"""

    __slots__ = ("base", "layout")
    reads = {"x": ()}

    def __init__(self, layout: Layout, base: Layout) -> None:
        self.layout = layout
        self.base = base

    def forward(self, x: Array) -> Array:
        # The gradient of a gradient arrives with a layout of its own.
        x = x if x.layout == self.base else laid_out(x, self.base)
        return x.view(self.layout)

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (g.spread(self.layout, self.base),)


class Spread(Op):
    """The gradient of a view: zeros with the layout of the base, and `g` added where the view reads"""

    __slots__ = ("base", "layout")
    reads = {"g2": ()}
    fresh = True

    def __init__(self, layout: Layout, base: Layout) -> None:
        self.layout = layout
        self.base = base

    def forward(self, g: Array) -> Array:
        made = zeros(g, self.base)
        window = made.view(self.layout)
        if overlapping(self.layout):
            add_up(g, self.layout, made, self.base)
        else:
            g.device.map(0, g, out=window)
        return shared_out(made, self.base) if overlapping(self.base) else made

    def grad(self, g: Tensor, out: Tensor, g2: Tensor) -> Grads:
        return (g.viewed(self.layout, self.base),)


class Patch(Op):
    """A base in which the part that a view reads was replaced: what writing through a view means"""

    __slots__ = ("base", "layout")
    reads = {"base": (), "value": ()}

    def __init__(self, layout: Layout, base: Layout) -> None:
        self.layout = layout
        self.base = base

    def grad(self, g: Tensor, out: Tensor, base: Tensor, value: Tensor) -> Grads:
        seen = g.viewed(self.layout, self.base)
        return g - seen.spread(self.layout, self.base), seen


class Copy(Op):
    """The same values in new memory, contiguous"""

    __slots__ = ()
    reads = {"x": ()}

    def forward(self, x: Array) -> Array:
        return x.copy()

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (g,)


class Assign(Op):
    """`value` in the place of everything that `x` held"""

    __slots__ = ()
    reads = {"x": (), "value": ()}

    def forward(self, x: Array, value: Array) -> Array:
        return value.view(value.layout.expand(x.shape))

    def grad(self, g: Tensor, out: Tensor, x: Tensor, value: Tensor) -> Grads:
        return None, g


class Cast(Op):
    """The same values as another type"""

    __slots__ = ("dtype", "source")
    reads = {"x": ()}
    fresh = True

    def __init__(self, source: dtype, dtype: dtype) -> None:
        self.source = source
        self.dtype = dtype

    @property
    def differentiable(self) -> bool:  # type: ignore[override]
        return self.dtype.is_floating_point

    def forward(self, x: Array) -> Array:
        return x.cast(self.dtype)

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (g.to(self.source),)


class Move(Op):
    """The same values in the memory of another device"""

    __slots__ = ("device", "source")
    reads = {"x": ()}
    fresh = True

    def __init__(self, source: str, device: str) -> None:
        self.source = source
        self.device = device

    def forward(self, x: Array) -> Array:
        return backend(self.device).upload(np.array(x.device.download(x)))

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (g.to(self.source),)


class Cat(Op):
    """Tensors one after the other along `axis`"""

    __slots__ = ("axis", "sizes")
    promotion = "same"
    reads = {"xs": ()}

    def __init__(self, axis: int, sizes: Shape) -> None:
        self.axis = axis
        self.sizes = sizes

    def plan(self, wanted: tuple[bool, ...]) -> tuple[bool, tuple[int, ...]]:
        """Nothing is kept."""
        return False, ()

    def forward(self, *xs: Array) -> Array:
        return xs[0].device.join(xs, self.axis)

    def grad(self, g: Tensor, out: Tensor, *xs: Tensor) -> Grads:
        starts = np.cumsum([0, *self.sizes]).tolist()
        return tuple(
            g.narrow(self.axis, start, size) for start, size in zip(starts, self.sizes, strict=False)
        )


COPY, ASSIGN = Copy(), Assign()


@lru_cache(maxsize=4096)
def reshaped(layout: Layout, shape: Shape) -> Layout | None:
    """`layout.view(shape)`, remembered: a program asks for the same few again and again."""
    return layout.view(shape)


def reach(layout: Layout) -> int:
    """How many elements of memory a layout needs, from the start of the buffer."""
    if 0 in layout.shape:
        return 0
    steps = zip(layout.shape, layout.strides, strict=True)
    return 1 + layout.offset + sum(max(0, (size - 1) * stride) for size, stride in steps)


def zeros(like: Array, layout: Layout) -> Array:
    """New memory full of zeros, seen through `layout`."""
    device = like.device
    flat = device.upload(np.zeros(reach(layout), like.dtype.numpy))
    return flat.view(layout)


def laid_out(x: Array, layout: Layout) -> Array:
    """The values of `x` in new memory, seen through `layout` (of the same shape)."""
    made = zeros(x, layout)
    if not overlapping(layout):
        return x.device.map(0, x, out=made)
    add_up(x, layout, made, layout)
    return shared_out(made, layout)


def add_up(g: Array, layout: Layout, made: Array, base: Layout) -> None:
    """Add each number of `g` to the memory of `made` where `layout` has it: several may have one place."""
    flat = made.view(Layout.contiguous((reach(base),)))
    g.device.scatter(flat, g.reshape((g.size,)), g.device.upload(flat_positions(layout)), add=True)


def shared_out(made: Array, layout: Layout) -> Array:
    """Where several indices read the same memory (after `expand`), each gets its share of what is there.

    What they are summed to later is then counted once.
    """
    readers = np.bincount(flat_positions(layout), minlength=reach(layout)).clip(min=1)
    flat = made.view(Layout.contiguous((reach(layout),)))
    made.device.map(("div", 0, 1), flat, made.device.upload(readers.astype(made.dtype.numpy)), out=flat)
    return made


def overlapping(layout: Layout) -> bool:
    """Whether two indices may read the same memory: then writing must add."""
    steps = sorted((abs(t), n) for n, t in zip(layout.shape, layout.strides, strict=True) if n != 1)
    covered = 1
    for stride, size in steps:
        if stride < covered:
            return True
        covered = stride * (size - 1) + covered
    return False


def flat_positions(layout: Layout) -> np.ndarray[Any, Any]:
    """Where each index of a layout lies in memory, in reading order."""
    total = np.full(layout.shape, layout.offset)
    for axis, (size, stride) in enumerate(zip(layout.shape, layout.strides, strict=True)):
        steps = np.arange(size) * stride
        total += steps.reshape([-1 if a == axis else 1 for a in range(layout.ndim)])
    return total.reshape(-1)
