"""Reduction cards: many numbers along some axes become one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tinytorch import dtypes
from tinytorch.layout import Shape
from tinytorch.ops.card import NUMBERS, Grads, Op

if TYPE_CHECKING:
    from tinytorch.array import Array
    from tinytorch.tensor import Tensor


def kept(shape: Shape, axes: Shape) -> Shape:
    """`shape` with `axes` as size 1.

    >>> kept((2, 3, 4), (0, 2))
    (1, 3, 1)
    """
    return tuple([1 if axis in axes else size for axis, size in enumerate(shape)])


class Reduce(Op):
    """Folds `axes`; they stay as size 1 with `keepdim`, or disappear."""

    __slots__ = ("axes", "keepdim")
    fold: ClassVar[str]

    def __init__(self, axes: Shape, keepdim: bool) -> None:
        self.axes = axes
        self.keepdim = keepdim

    def forward(self, x: Array) -> Array:
        out = x.device.reduce(self.fold, x, self.axes)
        return out if self.keepdim else out.view(out.layout.squeeze(self.axes))

    def flops(self, out: Any, *xs: Any) -> int:
        """One per element that is folded in."""
        return int(xs[0].numel())

    def restored(self, y: Any, shape: Shape) -> Any:
        """A result or its gradient with the folded axes put back as size 1."""
        return y if self.keepdim else y.reshape(kept(shape, self.axes))


class Sum(Reduce):
    """Everything along `axes` added up"""

    __slots__ = ()
    fold = "add"
    reads = {"x": ()}

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (self.restored(g, x.shape).expand(x.shape),)


class Prod(Reduce):
    """Everything along `axes` multiplied"""

    __slots__ = ()
    fold = "multiply"

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        if not (x == 0).any().item():
            return (self.restored(g * out, x.shape) / x,)
        # With a zero among them, each slope is the product of the others.
        others = [axis for axis in range(x.ndim) if axis not in self.axes]
        order = (*others, *self.axes)
        flat = x.permute(order).reshape(*[x.shape[a] for a in others], -1)
        left = flat.roll(1, -1).narrow(-1, 0, flat.shape[-1])
        first = flat.new_ones((*flat.shape[:-1], 1))
        left = first.cat_after(left.narrow(-1, 1, flat.shape[-1] - 1), -1).cumprod(-1)
        back = flat.flip(-1)
        right = first.cat_after(back.narrow(-1, 0, flat.shape[-1] - 1), -1).cumprod(-1).flip(-1)
        product = (left * right).reshape([x.shape[a] for a in order])
        inverse = [order.index(axis) for axis in range(x.ndim)]
        return (self.restored(g, x.shape) * product.permute(inverse),)


class Extreme(Reduce):
    """The largest or the smallest; ties share the gradient"""

    __slots__ = ()

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        tied = (x == self.restored(out, x.shape)).to(g.dtype)
        share = tied / tied.sum(self.axes, keepdim=True)
        return (self.restored(g, x.shape) * share,)


class Amax(Extreme):
    """The largest along `axes`; NaN if there is one"""

    __slots__ = ()
    fold = "maximum"


class Amin(Extreme):
    """The smallest along `axes`; NaN if there is one"""

    __slots__ = ()
    fold = "minimum"


class ArgReduce(Op):
    """The index of the first "maximum" or "minimum" along `axis`"""

    __slots__ = ("axis", "fold", "keepdim")
    differentiable = False

    def __init__(self, fold: str, axis: int, keepdim: bool) -> None:
        self.fold = fold
        self.axis = axis
        self.keepdim = keepdim

    def forward(self, x: Array) -> Array:
        out = x.device.argreduce(self.fold, x, self.axis)
        return out if self.keepdim else out.view(out.layout.squeeze((self.axis,)))

    def flops(self, out: Any, *xs: Any) -> int:
        """One comparison per element."""
        return int(xs[0].numel())


class Cumsum(Op):
    """Running sum along `axis`"""

    __slots__ = ("axis",)
    least = NUMBERS
    reads = {"x": ()}

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, x: Array) -> Array:
        return x.device.scan("add", x, self.axis)

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (g.flip(self.axis).cumsum(self.axis).flip(self.axis),)

    def flops(self, out: Any, *xs: Any) -> int:
        """One per element."""
        return int(xs[0].numel())


class Cumprod(Op):
    """Running product along `axis`"""

    __slots__ = ("axis",)
    least = NUMBERS

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, x: Array) -> Array:
        return x.device.scan("multiply", x, self.axis)

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        if not (x == 0).any().item():
            return ((g * out).flip(self.axis).cumsum(self.axis).flip(self.axis) / x,)
        # With a zero: element i times the running product of what follows, one position at a time.
        axis, n, total = self.axis, x.shape[self.axis], []
        before = x.new_ones((*x.shape[:axis], 1, *x.shape[axis + 1 :]))
        for i in range(n):
            rest = x.narrow(axis, i + 1, n - i - 1)
            after = before.cat_after(rest, axis).cumprod(axis) if i + 1 < n else before
            # `before` is the product of elements 0..i-1; `after` multiplies on, element i left out.
            total.append((g.narrow(axis, i, n - i) * after).sum(axis, keepdim=True))
            before = before * x.narrow(axis, i, 1)
        first, *others = total
        for other in others:
            first = first.cat_after(other, axis)
        return (first,)

    def flops(self, out: Any, *xs: Any) -> int:
        """One per element."""
        return int(xs[0].numel())


class LogCumsumExp(Op):
    """The logarithm of the running sum of exp(x) along `axis`"""

    __slots__ = ("axis",)

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, x: Array) -> Array:
        return x.device.scan("logaddexp", x, self.axis)

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        # The sum over what follows of g * exp(x - out), by logarithms: positive and negative g apart.
        size, lowest = g.abs().log(), dtypes.finfo(g.dtype).min
        parts = [size.where(sign, lowest) - out for sign in (~(g <= 0), g < 0)]
        up, down = [
            (part.flip(self.axis).logcumsumexp(self.axis).flip(self.axis) + x).exp() for part in parts
        ]
        return (up - down,)

    def flops(self, out: Any, *xs: Any) -> int:
        """Four per element: two exponentials, a sum and a logarithm."""
        return int(4 * xs[0].numel())


class Sort(Op):
    """Elements in order along `axis`, and the indices where they were"""

    __slots__ = ("axis", "descending")
    reads = {"x": ("out",)}
    results = (1,)

    def __init__(self, axis: int, descending: bool) -> None:
        self.axis = axis
        self.descending = descending

    def forward(self, x: Array) -> tuple[Array, Array]:
        indices = x.device.sort(x, self.axis, self.descending)
        return take_along(x, indices, self.axis), indices

    def grad(self, g: Any, out: Any, x: Tensor) -> Grads:
        return (g[0].new_zeros(x.shape).scatter_add(self.axis, out[1], g[0]),)


def positions(index: Array, axis: int) -> tuple[Array, ...]:
    """For each axis, where `index` reads: its own position, but `index` itself along `axis`."""
    device, shape = index.device, index.shape
    made = []
    for each, size in enumerate(shape):
        if each == axis:
            made.append(index)
        else:
            counted = device.upload(
                np.arange(size).reshape([-1 if a == each else 1 for a in range(len(shape))])
            )
            made.append(counted.view(counted.layout.expand(shape)))
    return tuple(made)


def take_along(x: Array, index: Array, axis: int) -> Array:
    """`x` read at `index` along one axis (`numpy.take_along_axis`)."""
    if not index.shape:
        return x.copy()
    return x.device.gather(x, *positions(index, axis))
