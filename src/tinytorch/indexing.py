"""Axes and subscripts in plain integers: what `dim=-1` and `x[1:, None, ..., mask]` mean for a shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tinytorch.errors import DimensionError, IndexOutOfRange, ShapeError
from tinytorch.layout import Layout, Shape


def canonical_dim(dim: int, ndim: int, scalar: bool = True) -> int:
    """One axis, counted from the front. Raises DimensionError for an axis that is not there.

    >>> canonical_dim(-1, 3)
    2
    """
    if not ndim and not scalar:
        raise DimensionError(f"Dimension specified as {dim} but tensor has no dimensions")
    reach = max(ndim, 1)  # a number without axes takes 0 and -1, as in PyTorch
    if not -reach <= dim < reach:
        raise DimensionError(
            f"Dimension out of range (expected to be in range of [{-reach}, {reach - 1}], but got {dim})"
        )
    return dim + reach if dim < 0 else dim


def canonical_dims(dim: int | Sequence[int] | None, ndim: int) -> tuple[int, ...]:
    """The axes that `dim` names, from the front: one, several, or all for None and for ().

    Raises DimensionError for an axis that is not there, ShapeError for one named twice.

    >>> canonical_dims((-1, 0), 3), canonical_dims(None, 2)
    ((2, 0), (0, 1))
    """
    if dim is None or dim == () or dim == []:
        return tuple(range(ndim))
    given = dim if isinstance(dim, (tuple, list)) else (dim,)
    dims = tuple([canonical_dim(each, ndim) for each in given])  # type: ignore[arg-type]
    if len(set(dims)) < len(dims):
        raise ShapeError(f"dim {tuple(given)} names an axis of a {ndim}-dimensional tensor twice")
    return dims if ndim else ()


@dataclass
class Picked:
    """An index tensor in a subscript: which axes it consumes, and the tensor itself."""

    axis: int  # its first axis in the layout that the basic part leaves
    tensor: Any
    is_mask: bool

    @property
    def consumes(self) -> int:
        """How many axes it replaces: a mask as many as it has, an integer index one."""
        return self.tensor.ndim if self.is_mask else 1


@dataclass
class Subscript:
    """A subscript taken apart: a view, and then the index tensors that pick from it."""

    layout: Layout
    picked: list[Picked]
    adjacent: bool  # whether the index tensors stand side by side, so that their axes stay in place


def normalize_index(index: Any, shape: Shape) -> list[Any]:
    """One entry for each axis of `shape` in order, None between them for new axes, `...` filled up.

    Boolean tensors stand for as many axes as they have. Raises IndexOutOfRange for too many.

    >>> normalize_index((0, ..., None), (2, 3, 4))
    [0, slice(None, None, None), slice(None, None, None), None]
    """
    given = list(index) if isinstance(index, tuple) else [index]
    consumed = sum(axes_consumed(each) for each in given)
    dots = [i for i, each in enumerate(given) if each is Ellipsis]
    if len(dots) > 1:
        raise IndexOutOfRange("an index can only have one ellipsis ('...')")
    if consumed > len(shape):
        raise IndexOutOfRange(
            f"too many indices: {consumed} for a tensor of dimension {len(shape)}, shape {shape}"
        )
    fill = [slice(None)] * (len(shape) - consumed)
    at = dots[0] if dots else len(given)
    return [*given[:at], *fill, *given[at + 1 :]]


def axes_consumed(entry: Any) -> int:
    """How many axes of the tensor one entry of a subscript answers for."""
    if entry is None or entry is Ellipsis or isinstance(entry, bool):
        return 0
    return int(entry.ndim) if is_mask(entry) else 1


def is_mask(entry: Any) -> bool:
    """Whether an entry is a boolean tensor."""
    return hasattr(entry, "ndim") and entry.dtype.name == "bool"


def take_apart(index: Any, layout: Layout) -> Subscript:
    """The view that the basic entries describe, and what the index tensors pick from it.

    Raises IndexOutOfRange for a position that an axis has not, ShapeError for a step below 1.
    """
    picked: list[Picked] = []
    axis, last = 0, None  # `axis` counts in the layout that grows here
    adjacent = True
    for place, entry in enumerate(normalize_index(index, layout.shape)):
        if isinstance(entry, slice):
            layout = layout.slice(axis, entry.start, entry.stop, 1 if entry.step is None else entry.step)
            axis += 1
        elif entry is None:
            layout = layout.unsqueeze(axis)
            axis += 1
        elif isinstance(entry, int) and not isinstance(entry, bool):
            layout = layout.select(axis, entry)
        else:
            if last is not None and place != last + 1:
                adjacent = False
            last = place
            each = Picked(axis, entry, is_mask(entry))
            check_mask(each, layout)
            picked.append(each)
            axis += each.consumes
    return Subscript(layout, picked, adjacent)


def check_mask(each: Picked, layout: Layout) -> None:
    """A mask has the sizes of the axes that it stands for."""
    if each.is_mask:
        there = layout.shape[each.axis : each.axis + each.consumes]
        if there != each.tensor.shape:
            raise IndexOutOfRange(
                f"the shape of the mask {each.tensor.shape} does not match the shape {there} of the axes "
                f"that it picks from, from axis {each.axis} on"
            )
