"""Methods that show the same memory in another way, and those that join what they show."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from tinytorch import dtypes, ops
from tinytorch.autograd.grad_mode import MODE
from tinytorch.errors import ShapeError
from tinytorch.indexing import canonical_dim, canonical_dims
from tinytorch.layout import Layout
from tinytorch.observe import EVERYWHERE, LISTENING
from tinytorch.ops.card import Op
from tinytorch.ops.movement import reach, reshaped

if TYPE_CHECKING:
    from tinytorch.tensor import Tensor

Dims = int | Sequence[int] | None


def see(card: Op, x: Tensor) -> Tensor:
    """A view: its card, and whose memory it shows."""
    recording = MODE.recording
    if not recording and x.view_of is None and not (EVERYWHERE.count and LISTENING.observers):
        return x.wrap(card.forward(x.array))  # nobody wants to know: half the time
    out: Tensor = x.apply(card, x)
    if recording:
        out.view_of = (x if x.view_of is None else x.view_of[0], x.array.storage.version)
    return out


def see_all(card: Op, x: Tensor) -> tuple[Tensor, ...]:
    """Several views in one piece of work, which have one gradient."""
    if not MODE.recording and x.view_of is None and not (EVERYWHERE.count and LISTENING.observers):
        return tuple([x.wrap(each) for each in card.forward(x.array)])
    outs: tuple[Tensor, ...] = x.apply(card, x)
    if MODE.recording:
        held = (x if x.view_of is None else x.view_of[0], x.array.storage.version)
        for out in outs:
            out.view_of = held
    return outs


def axes_of(given: tuple[Any, ...]) -> tuple[int, ...]:
    """Sizes or axes given one by one, or as one sequence."""
    for each in given:
        if type(each) is not int:
            break
    else:
        return given
    if len(given) == 1 and (not hasattr(given[0], "__index__") or isinstance(given[0], np.ndarray)):
        return tuple([int(each) for each in given[0]])
    return tuple([int(each) for each in given])


def seen(x: Tensor, layout: Layout) -> Tensor:
    """Its memory under any layout."""
    return see(ops.View(layout, x.array.layout), x)


def view(x: Tensor, *shape: Any) -> Tensor:
    """The same memory under another shape. Raises where that needs a copy."""
    if isinstance(shape[0], dtypes.dtype):
        raise RuntimeError("view(dtype) is not supported: use .to(dtype), which converts the values")
    sizes = x.filled_in(axes_of(shape))
    if reshaped(x.array.layout, sizes) is None:
        raise RuntimeError(
            f"view size is not compatible with input tensor's size and stride: shape {x.shape} with "
            f"strides {x.stride()} cannot be seen as {sizes} without a copy. Use .reshape(...) instead"
        )
    return see(ops.Reshape(sizes), x)


def reshape(x: Tensor, *shape: Any) -> Tensor:
    """The same elements in reading order under another shape: a view where one exists, else a copy."""
    sizes = x.filled_in(axes_of(shape))
    x = x if reshaped(x.array.layout, sizes) is not None else x.clone()
    return see(ops.Reshape(sizes), x)


def filled_in(x: Tensor, shape: tuple[Any, ...]) -> tuple[Any, ...]:
    """A shape with its one -1 replaced by what is left."""
    if -1 not in shape:
        return shape
    known = -prod(shape)
    if shape.count(-1) > 1 or known < 0:
        raise ShapeError(f"only one dimension can be inferred, and {shape} leaves more open")
    if not known:
        raise ShapeError(f"cannot reshape {x.shape} to {shape}: -1 could be any size beside a 0")
    rest = x.numel() // known
    return tuple([rest if size == -1 else size for size in shape])


def view_as(x: Tensor, other: Tensor) -> Tensor:
    """Under the shape of another tensor."""
    return x.view(other.shape)


def reshape_as(x: Tensor, other: Tensor) -> Tensor:
    """Under the shape of another tensor."""
    return x.reshape(other.shape)


def permute(x: Tensor, *dims: Any) -> Tensor:
    """The axes in a new order."""
    axes = axes_of(dims)
    if len(axes) != x.ndim:
        raise ShapeError(f"permute needs each of the {x.ndim} axes once, not {axes}")
    if sorted(axes) != list(range(len(axes))):  # else they are canonical already
        axes = canonical_dims(axes, x.ndim)
    return see(ops.Permute(axes), x)


def transpose(x: Tensor, dim0: int, dim1: int) -> Tensor:
    """Two axes exchanged."""
    first, second = canonical_dim(dim0, x.ndim), canonical_dim(dim1, x.ndim)
    axes = list(range(x.ndim))
    if axes:
        axes[first], axes[second] = second, first
    return see(ops.Permute(tuple(axes)), x)


def t(x: Tensor) -> Tensor:
    """A matrix with its axes exchanged."""
    if x.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {x.ndim}D")
    return x.transpose(0, 1) if x.ndim == 2 else x


def expand(x: Tensor, *sizes: Any) -> Tensor:
    """Axes of size 1 stretched without a copy; -1 keeps a size."""
    return see(ops.Expand(x.array.layout.expand(axes_of(sizes)).shape), x)


def expand_as(x: Tensor, other: Tensor) -> Tensor:
    """Stretched to the shape of another tensor."""
    return x.expand(other.shape)


def squeeze(x: Tensor, dim: Dims = None) -> Tensor:
    """Without axes of size 1: all of them, or those named."""
    axes = () if dim == () or dim == [] else canonical_dims(dim, x.ndim)
    return see(ops.Reshape(x.array.layout.squeeze(axes).shape), x)


def unsqueeze(x: Tensor, dim: int) -> Tensor:
    """With a new axis of size 1."""
    axis, layout = canonical_dim(dim, x.ndim + 1), x.array.layout
    if 0 in layout.strides:  # of an expanded tensor the gradient is by shape, not by place in memory
        return see(ops.Reshape((*x.shape[:axis], 1, *x.shape[axis:])), x)
    return x.seen(layout.unsqueeze(axis))


def select(x: Tensor, dim: int, index: int) -> Tensor:
    """One index of an axis."""
    return x.seen(x.array.layout.select(canonical_dim(dim, x.ndim), index))


def unbind(x: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """One view for each index of an axis."""
    axis = canonical_dim(dim, x.ndim)
    if x.ndim and x.array.shape[axis] > 1:
        return see_all(ops.Unbind(axis, in_memory(x) if MODE.recording else ()), x)
    return tuple([x.select(axis, i) for i in range(x.shape[axis])])


def in_memory(x: Tensor) -> tuple[int, ...]:
    """The axes as they lie in memory, the widest steps first."""
    strides = x.array.layout.strides
    return tuple(sorted(range(len(strides)), key=lambda axis: -strides[axis]))


def narrow(x: Tensor, dim: int, start: Any, length: int) -> Tensor:
    """`length` indices of an axis from `start` on."""
    if not x.ndim:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    axis = canonical_dim(dim, x.ndim)
    size = x.shape[axis]
    if isinstance(start, x.wrap):
        if start.ndim or start.dtype.category != dtypes.INTEGER:
            raise RuntimeError("start must be an 0-dim integral Tensor.")
        start = int(start.item())
    if not -size <= start <= size:
        raise IndexError(
            f"start out of range (expected to be in range of [-{size}, {size}], but got {start})"
        )
    start = start + size if start < 0 else start
    if length < 0 or start + length > size:
        raise ShapeError(
            f"start ({start}) + length ({length}) exceeds dimension size ({size}) of axis {axis}"
        )
    return see(ops.Slice(axis, start, start + length, 1), x)


def unfold(x: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Windows of `size` elements, one every `step`; the window is a new last axis."""
    axis = canonical_dim(dimension, x.ndim)
    if not x.ndim:
        return x.reshape(1).unfold(0, size, step).select(0, 0)
    return x.seen(x.array.layout.unfold(axis, size, step))


def diagonal(x: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The elements (i, i + offset) of two axes, as a new last axis."""
    first, second = canonical_dim(dim1, x.ndim), canonical_dim(dim2, x.ndim)
    if first == second:
        raise ShapeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return x.seen(x.array.layout.diagonal(offset, first, second))


def flip(x: Tensor, *dims: Any) -> Tensor:
    """Axes walked backwards. A view here (strides may be negative); PyTorch copies."""
    axes = axes_of(dims)
    return see(ops.Flip(canonical_dims(axes, x.ndim) if axes else ()), x)


def as_strided(x: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """Its storage under any shape, strides and offset. Raises ShapeError where that reaches beyond the storage."""
    offset = x.storage_offset() if storage_offset is None else storage_offset
    layout = Layout(tuple(size), tuple(stride), offset)
    if (
        len(layout.shape) != len(layout.strides)
        or min((*layout.shape, *layout.strides, offset), default=0) < 0
    ):
        raise ShapeError(
            f"as_strided: sizes {layout.shape}, strides {layout.strides} and offset {offset} do not fit"
        )
    held = x.array.storage.buffer.size
    if layout.size and reach(layout) > held:
        raise ShapeError(
            f"sizes {layout.shape} with strides {layout.strides} from {offset} on need {reach(layout)} elements, the storage has {held}"
        )
    return x.seen(layout)


def cat_after(x: Tensor, other: Tensor, axis: int) -> Tensor:
    """This tensor, and then another along one axis."""
    sizes = (x.shape[axis], other.shape[axis])
    made: Tensor = x.apply(ops.Cat(canonical_dim(axis, x.ndim), sizes), x, other)
    return made


def pad_axis(x: Tensor, axis: int, size: int) -> Tensor:
    """Zeros after the end of one axis, up to `size`."""
    shape = [size - n if i == axis else n for i, n in enumerate(x.shape)]
    return x.cat_after(x.new_zeros(shape), axis)


def spread(x: Tensor, layout: Layout, base: Layout) -> Tensor:
    """Zeros laid out as `base`, with this added where `layout` reads: the gradient of a view."""
    made: Tensor = x.apply(ops.Spread(layout, base), x)
    return made


def viewed(x: Tensor, layout: Layout, base: Layout) -> Tensor:
    """The values laid out as `base`, read as `layout` reads them."""
    made: Tensor = x.apply(ops.View(layout, base), x)
    return made
