"""More reductions, orders and counts, made of a tensor's own methods. `Tensor` adopts all of `NAMES`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinytorch import dtypes, ops
from tinytorch.composed import Dims, ValuesIndices, added, rounded_once
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
    "corrcoef",
    "cov",
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
    "nanmedian",
    "nanquantile",
    "nansum",
    "quantile",
    "renorm",
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


@rounded_once
def addbmm(x: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """beta * x + alpha * (the sum of batch1[i] @ batch2[i])."""
    product = batch1.bmm(batch2)
    return added(x, product.sum(0, dtype=product.dtype), beta, alpha, "addbmm")


@rounded_once
def addmv(x: Tensor, mat: Tensor, vec: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """beta * x + alpha * (mat @ vec)."""
    return added(x, mat.mv(vec), beta, alpha, "addmv")


@rounded_once
def addr(x: Tensor, vec1: Tensor, vec2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """beta * x + alpha * (the outer product)."""
    product = vec1.outer(vec2)
    kind = dtypes.promote_types(x.dtype, product.dtype)
    if kind is dtypes.bool_:
        beta, alpha = bool(beta), bool(alpha)
    return added(x.to(kind), product.to(kind), beta, alpha, "addr")


@rounded_once
def baddbmm(x: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """beta * x + alpha * (batch1 @ batch2), matrix by matrix."""
    return added(x, batch1.bmm(batch2), beta, alpha, "baddbmm")


def aminmax(x: Tensor, *, dim: int | None = None, keepdim: bool = False) -> MinMax:
    """The smallest and the largest number."""
    if dim is None and not x.numel():
        raise RuntimeError(
            "aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity"
        )
    return MinMax(x.amin(dim, keepdim=keepdim), x.amax(dim, keepdim=keepdim))


def argwhere(x: Tensor) -> Tensor:
    """The indices of all numbers that are not 0, one in each row."""
    return x.nonzero()


def bincount(x: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each of 0, 1, 2, ... occurs; with weights, the sum of theirs."""
    if x.ndim != 1 or x.dtype.category != dtypes.INTEGER or (x.numel() and x.min().item() < 0):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs")
    if minlength < 0:
        raise RuntimeError(f"minlength should be >= 0, not {minlength}")
    size = max(int(x.max().item()) + 1 if x.numel() else 0, minlength)
    if weights is None:
        return x.new_zeros(size).long().scatter_add(0, x.long(), x.new_ones(x.shape).long())
    if weights.shape != x.shape:
        raise RuntimeError(
            f"weights should be 1-d and have the same length as input: {weights.shape}, {x.shape}"
        )
    weights = weights.detach() if weights.dtype in (dtypes.float32, dtypes.float64) else weights.double()
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
        return ValuesIndices(x.clone(), x.new_zeros((), dtype=dtypes.int64))
    values = x.detach().numpy_view()
    best = (np.maximum if largest else np.minimum).accumulate(values, axis=axis)
    count = np.arange(x.shape[axis]).reshape([-1 if i == axis else 1 for i in range(x.ndim)])
    places = np.where((values == best) | (values != values), count, 0)
    indices = x.new_tensor(np.maximum.accumulate(places, axis=axis), dtype=dtypes.int64)
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
    if not x.ndim:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    axis = canonical_dim(dim, x.ndim)
    if not n:
        return x.clone()
    if append is not None:
        x = x.cat_after(append, axis)
    if prepend is not None:
        x = prepend.cat_after(x, axis)
    for _ in range(n):
        size = x.shape[axis]
        count = max(size - 1, 0)
        later, earlier = x.narrow(axis, min(1, size), count), x.narrow(axis, 0, count)
        x = later ^ earlier if x.dtype is dtypes.bool_ else later - earlier
    return x


@rounded_once
def dist(x: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """The p-norm of the difference."""
    return (x - other).norm(p)


def equal(x: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape and the same numbers."""
    return x.shape == x.beside(other, "equal").shape and bool((x == other).all().item())


def histc(x: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """How many numbers fall into each of `bins` equal parts from min to max (of the data, if both are 0)."""
    values = x.fractional("histc").detach().numpy_view().astype(np.float64)
    if bins <= 0:
        raise RuntimeError(f"bins must be > 0, not {bins}")
    low, high = (float(values.min()), float(values.max())) if min == max == 0 and values.size else (min, max)
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RuntimeError(f"range of [{low}, {high}] is not finite")
    if low > high:
        raise RuntimeError(f"max must be larger than min, not [{low}, {high}]")
    if low == high:
        low, high = low - 1, high + 1
    counts, _ = np.histogram(values, bins, (low, high))
    return x.new_tensor(counts)


def inner(x: Tensor, other: Tensor) -> Tensor:
    """The sum of products over the last axis of both."""
    if not x.ndim or not other.ndim:
        return x * other
    if x.shape[-1] != other.shape[-1]:
        raise RuntimeError(f"inner() the last dimension must match: {x.shape} and {other.shape}")
    rows = other.reshape(math.prod(other.shape[:-1]), other.shape[-1])
    return (x.arithmetic("inner") @ rows.mT).reshape(*x.shape[:-1], *other.shape[:-1])


def is_nonzero(x: Tensor) -> bool:
    """Whether the one number is not 0."""
    if x.numel() != 1:
        raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")
    return bool(x.item() != 0)


def kthvalue(x: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """The k-th smallest number along an axis, counted from 1, and where it stands."""
    axis = canonical_dim(dim, x.ndim)
    size = x.arithmetic("kthvalue").shape[axis] if x.ndim else 1
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
    """log of the running sum of exp, without overflow."""
    made: Tensor = x.apply(ops.LogCumsumExp(canonical_dim(dim, x.ndim)), x.fractional("logcumsumexp"))
    return made


def median(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The number in the middle, the lower of two; NaN if there is one. Along an axis also where it stands."""
    x = x.arithmetic("median")
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
    kept = found.indices if keepdim else found.indices.unsqueeze(axis)
    first = broken.long().argmax(axis, keepdim=True).where(broken.any(axis, keepdim=True), kept)
    values = x.gather(axis, first)
    return ValuesIndices(*[each if keepdim else each.squeeze(axis) for each in (values, first)])


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
    if not (x.is_floating_point() and (dtype is None or dtype.is_floating_point)):
        raise RuntimeError(f"nanmean(): expected input to have floating point dtype but got {x.dtype}")
    count = (~x.isnan()).sum(dim, keepdim=keepdim)
    return nansum(x, dim, keepdim, dtype=dtype) / count


def quantile(
    x: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """The number below which a share `q` of all lies, interpolated between its neighbours; NaN if there is one."""
    return shared(x, q, dim, keepdim, interpolation, "quantile", ignore=False)


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
    return x.arithmetic("trace").diagonal().sum()


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


def nanmedian(x: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The median of all numbers that are not NaN."""
    x = x.arithmetic("nanmedian")
    if dim is None:
        flat = x.flatten()
        kept = flat[~flat.isnan()]
        return kept.median() if kept.numel() else x.new_full((), math.nan)
    axis = canonical_dim(dim, x.ndim)
    if not x.ndim:
        return median(x, dim, keepdim)
    if not x.shape[axis]:
        raise IndexError(f"nanmedian(): Expected reduction dim {dim} to have non-zero size")
    values, indices = x.sort(axis, stable=True)  # NaN counts as the largest
    middle = ((~x.isnan()).sum(axis, keepdim=True) - 1).clamp(min=0) // 2
    found = values.gather(axis, middle), indices.gather(axis, middle)
    return ValuesIndices(*[each if keepdim else each.squeeze(axis) for each in found])


INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


def nanquantile(
    x: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """The quantile of all numbers that are not NaN."""
    return shared(x, q, dim, keepdim, interpolation, "nanquantile", ignore=True)


def shared(
    x: Tensor, q: Any, dim: int | None, keepdim: bool, interpolation: str, name: str, ignore: bool
) -> Tensor:
    """Both kinds of quantile."""
    shares = checked_shares(x, q, interpolation, name)
    axis = 0 if dim is None else canonical_dim(dim, x.ndim)
    rows = x.flatten() if dim is None or not x.ndim else x
    if not rows.shape[axis]:
        raise RuntimeError(f"{name}() input tensor must be non-empty")
    ordered, broken = rows.sort(axis)[0].movedim(axis, 0), rows.isnan()  # (n, ...), NaN last
    if not ignore:
        ordered = ordered.masked_fill(broken.any(axis), math.nan)
    count = (~broken).sum(axis) if ignore else rows.new_tensor(rows.shape[axis], dtype=dtypes.int64)
    place = shares.reshape(-1, *[1] * count.ndim) * (count - 1).clamp(min=0).to(x.dtype)
    place = place.reshape(place.shape[0], *[1] * (ordered.ndim - place.ndim), *place.shape[1:])
    place = place.expand((place.shape[0], *ordered.shape[1:]))  # (shares, ...)
    place = place.round() if interpolation == "nearest" else place
    low, high = (ordered.gather(0, each.long()) for each in (place.floor(), place.ceil()))
    weight = {"lower": place * 0, "higher": (place > place.floor()).to(x.dtype), "midpoint": place * 0 + 0.5}
    made = low.lerp(high, weight.get(interpolation, place - place.floor()))
    if keepdim and x.ndim:
        made = made.reshape(made.shape[0], *[1] * x.ndim) if dim is None else made.unsqueeze(axis + 1)
    return made if shares.ndim else made.squeeze(0)


def checked_shares(x: Tensor, q: Any, interpolation: str, name: str) -> Tensor:
    """The shares of a quantile as a tensor. Raises RuntimeError for what PyTorch refuses."""
    if x.dtype not in (dtypes.float32, dtypes.float64):
        raise RuntimeError(f"{name}() input tensor must be either float or double dtype")
    if interpolation not in INTERPOLATIONS:
        raise RuntimeError(
            f"{name}() interpolation must be one of {', '.join(INTERPOLATIONS)}, not {interpolation}"
        )
    shares: Tensor = q if hasattr(q, "dtype") else x.new_tensor(q)
    if shares.dtype is not x.dtype or shares.ndim > 1:
        raise RuntimeError(f"{name}() q must be a number or a 1D tensor of {x.dtype}, not {shares.dtype}")
    if not bool(((shares >= 0) & (shares <= 1)).all()):
        raise RuntimeError(f"{name}() q values must be in the range [0, 1]")
    return shares


def cov(
    x: Tensor, *, correction: int = 1, fweights: Tensor | None = None, aweights: Tensor | None = None
) -> Tensor:
    """How the rows of a matrix (variables, samples) vary together: their covariances."""
    if x.ndim > 2:
        raise RuntimeError(f"cov(): expected input to have two or fewer dimensions but got {x.ndim}")
    rows = (x.reshape(1, -1) if x.ndim < 2 else x).arithmetic("cov").floating()
    weights: Tensor | None = None
    for name, each, category in (
        ("fweights", fweights, dtypes.INTEGER),
        ("aweights", aweights, dtypes.FLOATING),
    ):
        if each is not None:
            each = checked_weights(name, each, category, rows.shape[1])
            weights = each if weights is None else weights * each
    weights = rows.new_ones(rows.shape[1]) if weights is None else weights
    total = weights.sum()
    distance = rows - (rows * weights).sum(1, keepdim=True) / total
    free = total - correction
    if aweights is not None:
        free = total - correction * (weights * aweights).sum() / total
    made = (distance * weights) @ distance.mT / free.clamp(min=0)
    return made.reshape(()) if len(rows) == 1 else made


def corrcoef(x: Tensor) -> Tensor:
    """How the rows of a matrix vary together, between -1 and 1."""
    made = cov(x)
    if not made.ndim:
        return made / made
    spread = made.diagonal().sqrt()
    return (made / spread.unsqueeze(1) / spread.unsqueeze(0)).clamp(-1, 1)


def renorm(x: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """Slices along an axis, those whose p-norm is above `maxnorm` scaled down to it."""
    axis = canonical_dim(dim, x.ndim)
    others = [each for each in range(x.ndim) if each != axis]
    if x.ndim < 2 or p <= 0 or maxnorm < 0:
        raise RuntimeError(f"renorm needs 2 axes, p > 0 and maxnorm >= 0, not {x.ndim}, {p} and {maxnorm}")
    size = x.fractional("renorm").norm(p, others, keepdim=True)
    return x * (maxnorm / (size + 1e-7)).where(size > maxnorm, 1.0)


def checked_weights(name: str, weights: Tensor, category: int, count: int) -> Tensor:
    """Weights of samples. Raises RuntimeError for another type, another number, and for negative ones."""
    if weights.dtype.category != category or weights.ndim > 1 or weights.numel() != count:
        raise RuntimeError(
            f"cov(): {name} must be {count} numbers of an {'integral' if category == 1 else 'floating point'} dtype, "
            f"not {weights.dtype} of shape {weights.shape}"
        )
    if weights.numel() and weights.min().item() < 0:
        raise RuntimeError(f"cov(): {name} cannot be negative")
    return weights
