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
    if values.dtype is not x.dtype:
        raise RuntimeError(
            f"Index put requires the source and destination dtypes match, got {x.dtype} for the destination "
            f"and {values.dtype} for the source."
        )
    flat = [
        part
        for each in indices
        for part in (each.nonzero(as_tuple=True) if each.dtype is dtypes.bool_ else (each,))
    ]
    if len(flat) > x.ndim:
        raise IndexOutOfRange(f"too many indices for tensor of dimension {x.ndim} (got {len(flat)})")
    shape = broadcast_shapes(*[i.shape for i in flat])
    value = values.expand(shape + x.shape[len(flat) :])
    checked = [in_range(i, x.shape[axis], axis).expand(shape) for axis, i in enumerate(flat)]
    made: Tensor = x.apply(ops.IndexPut(bool(accumulate)), x, value, *checked)
    return made


def index_select(x: Tensor, dim: int, index: Tensor) -> Tensor:
    """The rows along an axis that `index` names."""
    axis = canonical_dim(dim, x.ndim)
    if index.ndim > 1:
        raise IndexError(f"index_select(): Index is supposed to be a vector, not of shape {index.shape}")
    if index.dtype not in (dtypes.int64, dtypes.int32):
        raise DtypeError(f"index_select(): Expected dtype int32 or int64 for index, not {index.dtype}")
    table = x if x.ndim else x.reshape(1)
    place = in_range(index.reshape(-1), table.shape[axis], axis, wrap=False)
    rows: Tensor = x.apply(ops.INDEX_SELECT, table.movedim(axis, 0), place)
    return rows.movedim(0, axis) if x.ndim else rows.reshape(())


def gather(x: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    """Read at `index` along one axis, all other axes at their own position."""
    axis = canonical_dim(dim, x.ndim)
    index = x.lined_up(axis, index, "gather")
    if not x.ndim and index.ndim:
        return x.reshape(1).gather(0, index)
    if not index.numel():
        return x.flatten().narrow(0, 0, 0).reshape(index.shape)
    made: Tensor = x.apply(ops.Gather(axis), x, index)
    return made


def lined_up(x: Tensor, axis: int, index: Tensor, name: str) -> Tensor:
    """An index that fits for gather and scatter. Raises for one that does not."""
    if not index.numel():
        return index.long()
    if index.dtype not in (dtypes.int64, dtypes.int32):
        raise DtypeError(f"{name}(): Expected dtype int32 or int64 for index, not {index.dtype}")
    if max(index.ndim, 1) != max(x.ndim, 1):
        raise ShapeError(f"{name}: the index has {index.ndim} axes and the tensor {x.ndim}; they must agree")
    for each, (size, full) in enumerate(zip(index.shape, x.shape, strict=False)):
        if each != axis and size > full:
            raise ShapeError(f"{name}: the index {index.shape} reaches beyond {x.shape} on axis {each}")
    return in_range(index, x.shape[axis] if x.ndim else 1, axis, wrap=False)


def scatter(
    x: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None, reduce: str | None = None
) -> Tensor:
    """With `src` written at `index` along one axis; or added to, or multiplied with, what is there."""
    src = value if src is None else src
    if reduce is not None:
        if reduce not in ("add", "multiply"):
            raise RuntimeError(f"reduce argument must be either add or multiply, not {reduce!r}")
        given = src if isinstance(src, x.wrap) else x.new_full(index.shape, src)
        return x.scatter_reduce(dim, index, given, {"add": "sum", "multiply": "prod"}[reduce])
    return placed_along(x, dim, index, src, False, "scatter")


def scatter_add(x: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """With `src` added at `index` along one axis; duplicates all count."""
    return placed_along(x, dim, index, src, True, "scatter_add")


def take_along_dim(x: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """`gather` with broadcasting; without an axis, from all numbers in reading order."""
    if indices.dtype is not dtypes.int64:
        raise DtypeError(f"take_along_dim(): expected indices of dtype int64, not {indices.dtype}")
    if dim is None:
        return x.flatten().gather(0, wrapped(indices.flatten(), x.numel()))
    axis = canonical_dim(dim, x.ndim)
    if x.ndim != indices.ndim:
        raise RuntimeError(
            f"take_along_dim(): input and indices should have the same number of dimensions, but got {x.ndim} and {indices.ndim}"
        )
    shape = broadcast_shapes(*[(*each.shape[:axis], 1, *each.shape[axis + 1 :]) for each in (x, indices)])
    mine, theirs = [(*shape[:axis], each.shape[axis], *shape[axis + 1 :]) for each in (x, indices)]
    return x.expand(mine).gather(axis, wrapped(indices, x.shape[axis]).expand(theirs))


def nonzero(x: Tensor, *, as_tuple: Any = False) -> Any:
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
    array = index.array
    if array.device.between(array, 0, size):
        return index.long()
    if not wrap or not array.device.between(array, -size, size):
        low, high = span(index)
        raise IndexOutOfRange(
            f"index {high if high >= size else low} is out of bounds for dimension {axis} with size {size}"
        )
    index = index.long()
    return (index + size).where(index < 0, index)


def span(index: Tensor) -> tuple[int, int]:
    """The smallest and the largest number, for an error that names them."""
    values = index.numpy_view()
    return int(values.min()), int(values.max())


def trimmed(shape: tuple[int, ...], ndim: int) -> tuple[int, ...]:
    """Without leading ones beyond `ndim` axes: what may be assigned to fewer axes."""
    extra = len(shape) - ndim
    return shape[extra:] if extra > 0 and all(n == 1 for n in shape[:extra]) else shape


def placed_along(x: Tensor, dim: int, index: Tensor, src: Any, add: bool, name: str) -> Tensor:
    """Both ways to scatter."""
    axis = canonical_dim(dim, x.ndim)
    index = x.lined_up(axis, index, name)
    value = src if isinstance(src, x.wrap) else x.new_full(index.shape, src)
    if value.dtype is not x.dtype:
        raise RuntimeError(
            f"{name}(): Expected self.dtype to be equal to src.dtype, not {x.dtype} and {value.dtype}"
        )
    if not index.numel():
        return x.clone()
    if not x.ndim or not index.ndim:
        shape = x.shape
        x, index, value = [each if each.ndim else each.reshape(1) for each in (x, index, value)]
        return placed_along(x, 0, index, value, add, name).reshape(shape)
    reaches = [n > m for n, m in zip(index.shape, value.shape, strict=False)]
    if value.ndim != index.ndim or any(reaches):
        raise ShapeError(f"{name}: the index {index.shape} reaches beyond src {value.shape}")
    made: Tensor = x.apply(ops.Scatter(axis, add), x, index, value)
    return made


def scatter_reduce(
    x: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """With what `src` has for each place of x folded together: "sum", "prod", "mean", "amax" or "amin"."""
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    if not x.ndim or not index.ndim:
        some = [each if each.ndim else each.reshape(1) for each in (x, index, src)]
        return some[0].scatter_reduce(0, some[1], some[2], reduce, include_self=include_self).reshape(x.shape)
    start = x if include_self else x.scatter(dim, index, neutral(x.dtype, reduce))
    if reduce == "sum":
        return start.scatter_add(dim, index, src)
    if reduce == "mean":
        return scattered_mean(x.arithmetic("scatter_reduce"), start, dim, index, src, include_self)
    axis = canonical_dim(dim, x.ndim)
    place = x.lined_up(axis, index, "scatter_reduce")
    made: Tensor = x.apply(ops.ScatterFold(axis, reduce), start, place, src)
    return made


def wrapped(index: Tensor, size: int) -> Tensor:
    """An index with negative positions counted from the end."""
    return (index + size).where(index < 0, index)


def neutral(kind: dtypes.dtype, reduce: str) -> Any:
    """The number that changes nothing when it is folded in."""
    if reduce in ("sum", "mean", "prod"):
        return int(reduce == "prod")
    if kind.is_floating_point:
        low, high = -np.inf, np.inf
    elif kind is dtypes.bool_:
        low, high = False, True
    else:
        low, high = dtypes.iinfo(kind).min, dtypes.iinfo(kind).max
    return low if reduce == "amax" else high


def scattered_mean(
    x: Tensor, start: Tensor, dim: int, index: Tensor, src: Tensor, include_self: bool
) -> Tensor:
    """The sum at each place over how many came there; of whole numbers rounded down."""
    count = x.new_full(x.shape, int(include_self), dtype=dtypes.int64)
    shares = count.scatter_add(dim, index, count.new_ones(index.shape)).clamp(min=1)
    total = start.scatter_add(dim, index, src)
    if x.is_floating_point():
        return total / shares
    return total.div(shares, rounding_mode="floor").to(x.dtype)
