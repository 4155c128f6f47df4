"""Methods that pick elements by index tensors and place them; `x[...]` itself stands with the class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinytorch import dtypes, ops
from tinytorch.errors import DtypeError, IndexOutOfRange, ShapeError
from tinytorch.indexing import Picked, canonical_dim
from tinytorch.layout import broadcast_shapes

if TYPE_CHECKING:
    from tinytorch.tensor import Tensor


def index_put(x: Tensor, indices: Any, values: Tensor, accumulate: Any = False) -> Tensor:
    """`values` written, or added, at x[indices]; duplicates all count when adding."""
    indices = tuple(indices)
    shape = broadcast_shapes(*[i.shape for i in indices])
    value = values.to(x.dtype).expand(shape + x.shape[len(indices) :])
    checked = [in_range(i, x.shape[axis], axis).expand(shape) for axis, i in enumerate(indices)]
    made: Tensor = x.apply(ops.IndexPut(accumulate), x, value, *checked)
    return made


def index_select(x: Tensor, dim: int, index: Tensor) -> Tensor:
    """The rows along an axis that `index` names."""
    axis = canonical_dim(dim, x.ndim)
    if index.ndim > 1:
        raise IndexError(f"index_select(): Index is supposed to be a vector, not of shape {index.shape}")
    table = x if x.ndim else x.reshape(1)
    rows: Tensor = x.apply(
        ops.INDEX_SELECT, table.movedim(axis, 0), in_range(index.reshape(-1), table.shape[axis], axis)
    )
    return rows.movedim(0, axis) if x.ndim else rows.reshape(())


def gather(x: Tensor, dim: int, index: Tensor) -> Tensor:
    """Read at `index` along one axis, all other axes at their own position."""
    axis = canonical_dim(dim, x.ndim)
    index = x.lined_up(axis, index, "gather")
    made: Tensor = x.apply(ops.Gather(axis), x, index)
    return made


def lined_up(x: Tensor, axis: int, index: Tensor, name: str) -> Tensor:
    """An index that fits for gather and scatter. Raises for one that does not."""
    if index.dtype is not dtypes.int64:
        raise DtypeError(f"{name}(): Expected dtype int64 for index, not {index.dtype}")
    if max(index.ndim, 1) != max(x.ndim, 1):
        raise ShapeError(f"{name}: the index has {index.ndim} axes and the tensor {x.ndim}; they must agree")
    for each, (size, full) in enumerate(zip(index.shape, x.shape, strict=False)):
        if each != axis and size > full and index.numel():
            raise ShapeError(f"{name}: the index {index.shape} reaches beyond {x.shape} on axis {each}")
    return in_range(index, x.shape[axis] if x.ndim else 1, axis, wrap=False)


def scatter(x: Tensor, dim: int, index: Tensor, src: Any) -> Tensor:
    """With `src` written at `index` along one axis."""
    axis = canonical_dim(dim, x.ndim)
    index = x.lined_up(axis, index, "scatter")
    value = src if isinstance(src, x.wrap) else x.new_full(index.shape, src)
    made: Tensor = x.apply(ops.Scatter(axis, False), x, index, value)
    return made


def scatter_add(x: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """With `src` added at `index` along one axis; duplicates all count."""
    axis = canonical_dim(dim, x.ndim)
    index = x.lined_up(axis, index, "scatter_add")
    made: Tensor = x.apply(ops.Scatter(axis, True), x, index, src)
    return made


def take_along_dim(x: Tensor, indices: Tensor, dim: int) -> Tensor:
    """`gather` with broadcasting."""
    axis = canonical_dim(dim, x.ndim)
    shape = [max(a, b) for a, b in zip(indices.shape, x.shape, strict=True)]
    full = [n if i == axis else s for i, (n, s) in enumerate(zip(indices.shape, shape, strict=True))]
    mine = [n if i == axis else s for i, (n, s) in enumerate(zip(x.shape, shape, strict=True))]
    return x.expand(mine).gather(axis, indices.expand(full))


def nonzero(x: Tensor, as_tuple: Any = False) -> Any:
    """The positions of the elements that are not 0: one row each, or one tensor for each axis."""
    found = [x.wrap(x.array.device.upload(i)) for i in np.nonzero(np.atleast_1d(x.numpy_view()))]
    if as_tuple:
        return tuple(found)
    if not x.ndim:
        return x.new_zeros((found[0].numel(), 0), dtype=dtypes.int64)
    return x.wrap(x.array.device.upload(np.argwhere(x.numpy_view())))


def as_tensors(x: Tensor, index: Any) -> Any:
    """Lists, NumPy arrays and bools of a subscript as index tensors; all else as it is."""
    entries = index if isinstance(index, tuple) else (index,)
    made = []
    for each in entries:
        if isinstance(each, np.integer):
            each = int(each)
        if isinstance(each, (bool, list, range, np.ndarray, np.bool_)):
            values = np.array(each)
            each = x.wrap(x.array.device.upload(values.astype(np.int64) if not values.size else values))
        if isinstance(each, x.wrap):
            if each.dtype.is_floating_point:
                raise IndexError(f"tensors used as indices must be integers or bools, not {each.dtype}")
            if not each.ndim and each.dtype is not dtypes.bool_:
                each = int(each.item())
        made.append(each)
    return tuple(made)


def prepared(x: Tensor, picked: list[Picked]) -> tuple[Tensor, tuple[Tensor, ...], int, int]:
    """Picked axes in front, index tensors of one shape; the rank of that shape, and the first picked axis."""
    axes: list[int] = []
    indices: list[Tensor] = []
    for each in picked:
        if each.is_mask and not each.tensor.ndim:  # x[True]: a new axis of size 1 or 0
            x = x.unsqueeze(each.axis)
            axes, indices = [*axes, each.axis], [*indices, each.tensor.reshape(1).nonzero(as_tuple=True)[0]]
            continue
        parts = each.tensor.nonzero(as_tuple=True) if each.is_mask else (each.tensor.long(),)
        for i, part in enumerate(parts):
            axes.append(each.axis + i)
            indices.append(in_range(part, x.shape[each.axis + i], each.axis + i))
    shape = broadcast_shapes(*[i.shape for i in indices])
    front = x.movedim(tuple(axes), tuple(range(len(axes))))
    return front, tuple([i.expand(shape) for i in indices]), len(shape), axes[0]


def in_range(index: Tensor, size: int, axis: int, wrap: bool = True) -> Tensor:
    """An index tensor with negative positions counted from the end. Raises for one that is not there."""
    values = index.numpy_view()
    if not values.size:
        return index.long()
    low, high = int(values.min()), int(values.max())
    if high >= size or low < (-size if wrap else 0):
        wrong = high if high >= size else low
        raise IndexOutOfRange(f"index {wrong} is out of bounds for dimension {axis} with size {size}")
    index = index.long()
    return index if low >= 0 else (index + size).where(index < 0, index)


def trimmed(shape: tuple[int, ...], ndim: int) -> tuple[int, ...]:
    """Without leading ones beyond `ndim` axes: what may be assigned to fewer axes."""
    extra = len(shape) - ndim
    return shape[extra:] if extra > 0 and all(n == 1 for n in shape[:extra]) else shape
