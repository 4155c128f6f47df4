"""More reductions, orders and counts, made of a tensor's own methods. `Tensor` adopts all of `NAMES`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinytorch import dtypes
from tinytorch.composed import Dims, ValuesIndices
from tinytorch.errors import ShapeError
from tinytorch.indexing import canonical_dim

if TYPE_CHECKING:
    from tinytorch.tensor import Tensor

NAMES = [
    "addbmm",
    "addmv",
    "addr",
    "aminmax",
    "argwhere",
    "baddbmm",
    "bincount",
    "cross",
    "cummax",
    "cummin",
    "diff",
    "dist",
    "equal",
    "histc",
    "inner",
    "is_nonzero",
    "kthvalue",
    "logcumsumexp",
    "median",
    "mode",
    "msort",
    "nanmean",
    "nansum",
    "quantile",
    "std_mean",
    "trace",
    "unique",
    "unique_consecutive",
    "var_mean",
    "vdot",
]


class MinMax(NamedTuple):
    """What `aminmax` returns."""

    min: Tensor
    max: Tensor


def addbmm(x: Tensor, first: Tensor, second: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * x + alpha * (the sum of first[i] @ second[i])."""
    return x * beta + first.bmm(second).sum(0) * alpha


def addmv(x: Tensor, matrix: Tensor, vector: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * x + alpha * (matrix @ vector)."""
    return x * beta + matrix.mv(vector) * alpha


def addr(x: Tensor, first: Tensor, second: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * x + alpha * (the outer product)."""
    return x * beta + first.outer(second) * alpha


def baddbmm(x: Tensor, first: Tensor, second: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * x + alpha * (first @ second), matrix by matrix."""
    return x * beta + first.bmm(second) * alpha


def aminmax(x: Tensor, *, dim: int | None = None, keepdim: bool = False) -> MinMax:
    """The smallest and the largest number."""
    return MinMax(x.amin(dim, keepdim=keepdim), x.amax(dim, keepdim=keepdim))


def argwhere(x: Tensor) -> Tensor:
    """The indices of all numbers that are not 0, one in each row."""
    return x.nonzero()


def bincount(x: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each of 0, 1, 2, ... occurs; with weights, the sum of theirs."""
    if x.ndim != 1 or (x.numel() and x.min().item() < 0):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs")
    size = max(int(x.max().item()) + 1 if x.numel() else 0, minlength)
    if weights is None:
        return x.new_zeros(size).long().scatter_add(0, x.long(), x.new_ones(x.shape).long())
    weights = weights if weights.dtype.is_floating_point else weights.double()
    return weights.new_zeros(size).scatter_add(0, x.long(), weights)


def cross(x: Tensor, other: Tensor, dim: int | None = None) -> Tensor:
    """The vector product along an axis of size 3 (the first such axis, if none is given)."""
    x, other = x.broadcast_with(other)
    if dim is None and 3 not in x.shape:
        raise ShapeError(f"cross needs an axis of size 3, and {x.shape} has none")
    axis = x.shape.index(3) if dim is None else canonical_dim(dim, x.ndim)
    if x.shape[axis] != 3:
        raise ShapeError(f"cross needs an axis of size 3; axis {axis} of {x.shape} has {x.shape[axis]}")
    ahead, behind = (1, 2, 0), (2, 0, 1)
    turn = [x.new_tensor(order).long() for order in (ahead, behind)]
    return x.index_select(axis, turn[0]) * other.index_select(axis, turn[1]) - x.index_select(
        axis, turn[1]
    ) * other.index_select(axis, turn[0])


def running_extreme(x: Tensor, dim: int, largest: bool) -> ValuesIndices:
    """The best so far along an axis, and where it stands; of equal ones the last."""
    axis = canonical_dim(dim, x.ndim)
    if not x.ndim:
        return ValuesIndices(x.clone(), x.new_zeros(()).long())
    values = np.moveaxis(x.detach().numpy_view(), axis, 0)
    best = np.zeros(values.shape, np.int64)
    for i in range(1, len(values)):
        held = np.take_along_axis(values, best[i - 1 : i], 0)[0]
        better = values[i] >= held if largest else values[i] <= held
        best[i] = np.where(
            (better | np.isnan(values[i])) if values.dtype.kind == "f" else better, i, best[i - 1]
        )
        if values.dtype.kind == "f":
            best[i] = np.where(np.isnan(held) & ~np.isnan(values[i]), best[i - 1], best[i])
    indices = x.new_tensor(np.moveaxis(best, 0, axis), dtype=dtypes.int64)
    return ValuesIndices(x.gather(axis, indices), indices)


def cummax(x: Tensor, dim: int) -> ValuesIndices:
    """The largest number so far along an axis, and where it stands."""
    return running_extreme(x, dim, largest=True)


def cummin(x: Tensor, dim: int) -> ValuesIndices:
    """The smallest number so far along an axis, and where it stands."""
    return running_extreme(x, dim, largest=False)


def diff(
    x: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None
) -> Tensor:
    """Each number less the one before it, `n` times over."""
    axis = canonical_dim(dim, x.ndim)
    if append is not None:
        x = x.cat_after(append, axis)
    if prepend is not None:
        x = prepend.cat_after(x, axis)
    if not x.ndim:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    for _ in range(n):
        size = x.shape[axis]
        count = max(size - 1, 0)
        later, earlier = x.narrow(axis, min(1, size), count), x.narrow(axis, 0, count)
        x = later ^ earlier if x.dtype is dtypes.bool_ else later - earlier
    return x


def dist(x: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """The p-norm of the difference."""
    return (x - other).norm(p)


def equal(x: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape and the same numbers."""
    return x.shape == other.shape and bool((x == other).all().item())


def histc(x: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """How many numbers fall into each of `bins` equal parts from min to max (of the data, if both are 0)."""
    values = x.detach().numpy_view()
    low, high = (float(values.min()), float(values.max())) if min == max == 0 and values.size else (min, max)
    if low == high:
        low, high = low - 1, high + 1
    counts, _ = np.histogram(values, bins, (low, high))
    return x.new_tensor(counts.astype(values.dtype))


def inner(x: Tensor, other: Tensor) -> Tensor:
    """The sum of products over the last axis of both."""
    if not x.ndim or not other.ndim:
        return x * other
    if x.shape[-1] != other.shape[-1]:
        raise RuntimeError(f"inner() the last dimension must match: {x.shape} and {other.shape}")
    rows = x.reshape(-1, x.shape[-1]) @ other.reshape(-1, other.shape[-1]).mT
    return rows.reshape(*x.shape[:-1], *other.shape[:-1])


def is_nonzero(x: Tensor) -> bool:
    """Whether the one number is not 0."""
    if x.numel() != 1:
        raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")
    return bool(x.item() != 0)


def kthvalue(x: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """The k-th smallest number along an axis, counted from 1, and where it stands."""
    axis = canonical_dim(dim, x.ndim)
    size = x.shape[axis] if x.ndim else 1
    if not 1 <= k <= size:
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {dim}: {k} of {size}")
    return picked(x, k - 1, axis, keepdim)


def picked(x: Tensor, place: int, axis: int, keepdim: bool) -> ValuesIndices:
    """The number at one place of the sorted order."""
    values, indices = x.sort(axis, stable=True)
    if not x.ndim:
        return ValuesIndices(values, indices)
    values, indices = values.narrow(axis, place, 1), indices.narrow(axis, place, 1)
    return (
        ValuesIndices(values, indices)
        if keepdim
        else ValuesIndices(values.squeeze(axis), indices.squeeze(axis))
    )


def logcumsumexp(x: Tensor, dim: int) -> Tensor:
    """log of the running sum of exp, with the maximum taken out."""
    top = x.detach().amax(dim, keepdim=True)
    top = top.where(top.abs() != math.inf, 0.0)
    return (x - top).exp().cumsum(dim).log() + top


def median(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The number in the middle, the lower of two; NaN if there is one. Along an axis also where it stands."""
    if dim is None:
        flat = x.flatten()
        if not flat.numel():
            return x.new_full((), math.nan)
        middle = flat.sort(0)[0].select(0, (flat.numel() - 1) // 2)
        return middle.where(~x.isnan().any(), math.nan) if x.dtype.is_floating_point else middle
    axis = canonical_dim(dim, x.ndim)
    if x.ndim and not x.shape[axis]:
        raise IndexError(f"median(): Expected reduction dim {dim} to have non-zero size")
    found = picked(x, ((x.shape[axis] if x.ndim else 1) - 1) // 2, axis, keepdim)
    if not x.dtype.is_floating_point or not x.ndim:
        return found
    broken = x.isnan()
    where = broken.long().argmax(axis, keepdim=True)
    ill, first = broken.any(axis, keepdim=keepdim), where if keepdim else where.squeeze(axis)
    return ValuesIndices(found.values.masked_fill(ill, math.nan), first.where(ill, found.indices))


def mode(x: Tensor, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """The number that occurs most often along an axis, the smallest of several; and where it stands last."""
    axis = canonical_dim(dim, x.ndim)
    if not x.ndim:
        return ValuesIndices(x.clone(), x.new_zeros(()).long())
    rows = np.moveaxis(x.detach().numpy_view(), axis, -1)
    places = np.empty(rows.shape[:-1], np.int64)
    for at in np.ndindex(places.shape):
        numbers, counts = np.unique(rows[at], return_counts=True)
        places[at] = np.flatnonzero(rows[at] == numbers[counts.argmax()])[-1]
    indices = x.new_tensor(places, dtype=dtypes.int64).unsqueeze(axis)
    values = x.gather(axis, indices)
    return (
        ValuesIndices(values, indices)
        if keepdim
        else ValuesIndices(values.squeeze(axis), indices.squeeze(axis))
    )


def msort(x: Tensor) -> Tensor:
    """Sorted along the first axis."""
    return x.sort(0)[0]


def nansum(x: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The sum of all numbers that are not NaN."""
    return x.masked_fill(x.isnan(), 0).sum(dim, keepdim=keepdim, dtype=dtype)


def nanmean(x: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The mean of all numbers that are not NaN."""
    count = (~x.isnan()).to(x.dtype).sum(dim, keepdim=keepdim)
    return nansum(x, dim, keepdim, dtype=dtype) / count


def quantile(
    x: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """The number below which a share `q` of all lies, interpolated between its neighbours."""
    shares = q if hasattr(q, "dtype") else x.new_tensor(q)
    axis = 0 if dim is None else canonical_dim(dim, x.ndim)
    rows = x.flatten() if dim is None else x
    ordered = rows.sort(axis)[0].movedim(axis, 0)  # (n, ...)
    ordered = ordered.masked_fill(rows.isnan().any(axis), math.nan)
    place = shares.reshape(-1).double() * (ordered.shape[0] - 1)
    low, high = ordered[place.floor().long()], ordered[place.ceil().long()]
    part = (place - place.floor()).to(x.dtype).reshape(-1, *[1] * (ordered.ndim - 1))
    rounded = part.round() if interpolation == "nearest" else part
    weights = {
        "linear": part,
        "lower": part * 0,
        "higher": (part > 0).to(x.dtype),
        "midpoint": (part > 0).to(x.dtype) / 2,
        "nearest": rounded,
    }
    if interpolation not in weights:
        raise RuntimeError(
            f"quantile() interpolation must be one of {', '.join(weights)}, not {interpolation}"
        )
    made = low + (high - low) * weights[interpolation]
    if keepdim:
        made = made.reshape(made.shape[0], *[1] * x.ndim) if dim is None else made.unsqueeze(axis + 1)
    return made if shares.ndim else made.squeeze(0)


def var_mean(
    x: Tensor, dim: Dims = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: int = 1
) -> tuple[Tensor, Tensor]:
    """The variance and the mean."""
    axes = None if isinstance(dim, bool) else dim
    return x.var(dim, unbiased, keepdim, correction=correction), x.mean(axes, keepdim)


def std_mean(
    x: Tensor, dim: Dims = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: int = 1
) -> tuple[Tensor, Tensor]:
    """The standard deviation and the mean."""
    axes = None if isinstance(dim, bool) else dim
    return x.std(dim, unbiased, keepdim, correction=correction), x.mean(axes, keepdim)


def trace(x: Tensor) -> Tensor:
    """The sum of the diagonal of a matrix."""
    if x.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {x.ndim}")
    return x.diagonal().sum()


def unique(
    x: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """Each number (or each slice along `dim`) once, in order; which of them stands where; how often each occurs."""
    found, inverse, counts = np.unique(
        x.detach().numpy_view(), return_inverse=True, return_counts=True, axis=dim
    )
    shape = x.shape if dim is None else (x.shape[dim],)
    return several(x, found, inverse.reshape(shape), counts, return_inverse, return_counts)


def unique_consecutive(
    x: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """Each run of equal numbers (or of equal slices along `dim`) once."""
    values = x.detach().numpy_view()
    rows = values.reshape(-1) if dim is None else np.moveaxis(values, dim, 0)
    changed = np.ones(len(rows), bool)
    if len(rows) > 1:
        changed[1:] = (rows[1:] != rows[:-1]).reshape(len(rows) - 1, -1).any(1)
    inverse, starts = changed.cumsum() - 1, np.flatnonzero(changed)
    counts = np.diff([*starts, len(rows)])
    found = rows[changed] if dim is None else np.moveaxis(rows[changed], 0, dim)
    return several(
        x, found, inverse.reshape(x.shape if dim is None else -1), counts, return_inverse, return_counts
    )


def several(x: Tensor, found: Any, inverse: Any, counts: Any, with_inverse: bool, with_counts: bool) -> Any:
    """The one tensor, or a tuple with what was asked for besides."""
    tensors = [x.new_tensor(found)]
    for wanted, each in ((with_inverse, inverse), (with_counts, counts)):
        if wanted:
            tensors.append(x.new_tensor(each, dtype=dtypes.int64))
    return tuple(tensors) if len(tensors) > 1 else tensors[0]


def vdot(x: Tensor, other: Tensor) -> Tensor:
    """`dot`: there are no complex numbers here."""
    return x.dot(other)
