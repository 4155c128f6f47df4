"""Compositions: functions made of a tensor's own methods, each two to ten lines. `Tensor` adopts them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple

from tinytorch.errors import ShapeError
from tinytorch.indexing import canonical_dim, canonical_dims

if TYPE_CHECKING:
    from tinytorch.tensor import Tensor

NAMES = [
    "addcdiv",
    "addcmul",
    "addmm",
    "allclose",
    "chunk",
    "flatten",
    "index_add",
    "isclose",
    "lerp",
    "logsumexp",
    "masked_fill",
    "masked_select",
    "mean",
    "movedim",
    "norm",
    "repeat",
    "repeat_interleave",
    "roll",
    "split",
    "std",
    "tile",
    "topk",
    "tril",
    "triu",
    "unflatten",
    "var",
]
Dims = int | Sequence[int] | None


class ValuesIndices(NamedTuple):
    """What `max`, `sort` and `topk` along an axis return."""

    values: Tensor
    indices: Tensor


def rounded_once(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function; of halves computed in float32, so that only its result is rounded, as in PyTorch's kernels."""

    @wraps(function)
    def call(x: Tensor, *args: Any, **options: Any) -> Any:
        wide = x.dtype.wide
        if wide is None or any(each.dtype is not x.dtype for each in args if hasattr(each, "dtype")):
            return function(x, *args, **options)
        args = tuple([each.float() if hasattr(each, "dtype") else each for each in args])
        return function(x.float(), *args, **options).to(x.dtype)

    return call


def mean(x: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The sum divided by how many were summed."""
    kind = x.dtype if dtype is None else dtype
    if not kind.is_floating_point:
        raise RuntimeError(f"mean needs a floating point tensor, not {kind}: convert with .float()")
    axes = canonical_dims(dim, x.ndim)
    count = math.prod([x.shape[axis] for axis in axes])
    return x.sum(axes, keepdim=keepdim, dtype=dtype) / (count or math.nan)


def var(
    x: Tensor,
    dim: Dims = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: Any = None,
) -> Tensor:
    """The mean squared distance from the mean; divides by the count less `correction` (1, unless said otherwise)."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    x = x.fractional("var")
    if unbiased is not None:
        correction = int(unbiased)
    correction = 1 if correction is None else correction
    axes = canonical_dims(dim, x.ndim)
    count = math.prod([x.shape[axis] for axis in axes])
    distance = x - x.mean(axes, keepdim=True)
    total = (distance * distance).sum(axes, keepdim=keepdim)
    return total / max(count - correction, 0)


def std(
    x: Tensor,
    dim: Dims = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: Any = None,
) -> Tensor:
    """The square root of the variance."""
    return x.fractional("std").var(dim, unbiased, keepdim, correction=correction).sqrt()


def norm(x: Tensor, p: Any = "fro", dim: Dims = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """The p-norm over `dim`: "fro" is 2, infinity the largest size, "nuc" the sum of a matrix's singular values."""
    x = x if dtype is None else x.to(dtype)
    if not x.is_floating_point():
        raise RuntimeError(
            f"norm: expected a floating point tensor, but got {x.dtype}: convert with .float()"
        )
    if p == "nuc":
        if x.dtype.wide is not None:
            raise RuntimeError(f"linalg.matrix_norm: Low precision dtypes not supported. Got {x.dtype.name}")
        axes = canonical_dims((-2, -1) if dim is None else dim, x.ndim)
        made = x.movedim(axes, (-2, -1)).svd().S.sum(-1)
        return made.reshape([1 if i in axes else n for i, n in enumerate(x.shape)]) if keepdim else made
    if x.dtype.wide is not None:  # halves overflow soon
        return x.float().norm(p, dim, keepdim).to(x.dtype)
    p = 2.0 if p in ("fro", None) else float(p)
    if p == math.inf:
        return x.abs().amax(dim, keepdim=keepdim)
    if p == -math.inf:
        return x.abs().amin(dim, keepdim=keepdim)
    if p == 0.0:  # a count, which has no slope
        return x.sign().abs().where(x == x, 1.0).sum(dim, keepdim=keepdim)
    if p == 1.0:
        return x.abs().sum(dim, keepdim=keepdim)
    if p == 2.0:
        total = (x * x).sum(dim, keepdim=keepdim)
        # At 0 the square root is infinitely steep; the norm's slope there is taken as 0.
        return total.where(total != 0, 1.0).sqrt().where(total != 0, total)
    if p < 0:
        powers = (x.abs().where(x != 0, 1.0) ** p).where(x != 0, math.inf)
        total = powers.sum(
            dim, keepdim=keepdim
        )  # infinite where a number is 0: there the norm is 0, without a slope
        return (total.where(total != math.inf, 1.0) ** (1.0 / p)).where(total != math.inf, 0.0)
    return raised(raised(x.abs(), p).sum(dim, keepdim=keepdim), 1.0 / p)


def raised(x: Tensor, p: float) -> Tensor:
    """x ** p for x not below 0, with a slope of 0 at 0, where the true one may be infinite."""
    return (x.where(x != 0, 1.0) ** p).where(x != 0, 0.0)


def logsumexp(x: Tensor, dim: Dims, keepdim: bool = False) -> Tensor:
    """log(sum(exp(x))), without overflow: the maximum is taken out and added back."""
    x = x.floating()
    axes = canonical_dims(dim, x.ndim)
    if any(x.shape[axis] == 0 for axis in axes):
        return x.exp().sum(axes, keepdim=keepdim).log()
    top = x.detach().amax(axes, keepdim=True)
    top = top.where(top.abs() != math.inf, 0.0)
    total = (x - top).exp().sum(axes, keepdim=True).log() + top
    return total if keepdim else total.squeeze(axes)


def flatten(x: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The axes from `start_dim` to `end_dim` as one."""
    first, last = canonical_dim(start_dim, x.ndim), canonical_dim(end_dim, x.ndim)
    if first > last:
        raise ShapeError(f"flatten() has start_dim {start_dim} after end_dim {end_dim}")
    if not x.ndim:
        return x.reshape(1)
    return x.reshape(*x.shape[:first], math.prod(x.shape[first : last + 1]), *x.shape[last + 1 :])


def unflatten(x: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """One axis as several."""
    axis = canonical_dim(dim, x.ndim, scalar=False)
    sizes = list(sizes)
    if not sizes:
        raise RuntimeError("unflatten: sizes must be non-empty")
    if -1 in sizes:
        known = -math.prod(sizes)
        sizes[sizes.index(-1)] = x.shape[axis] // known if known else 0
    if math.prod(sizes) != x.shape[axis]:
        raise ShapeError(f"cannot unflatten axis {axis} of size {x.shape[axis]} into {tuple(sizes)}")
    return x.reshape(*x.shape[:axis], *sizes, *x.shape[axis + 1 :])


def split(x: Tensor, split_size: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Views of consecutive pieces: of one size, the last may be shorter, or of the sizes given."""
    axis = canonical_dim(dim, x.ndim)
    size = x.shape[axis]
    if isinstance(split_size, int):
        step = split_size or max(size, 1)
        sizes = [min(step, size - at) for at in range(0, size, step)] or [0]
    else:
        sizes = list(split_size)
    if sum(sizes) != size:
        raise ShapeError(f"split_with_sizes: {sizes} adds up to {sum(sizes)}, not to {size}")
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    return tuple([x.narrow(axis, start, each) for start, each in zip(starts, sizes, strict=True)])


def chunk(x: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most `chunks` views of equal size; the last may be shorter."""
    if chunks < 1:
        raise ShapeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    return x.split(max(1, -(-x.shape[dim] // chunks)), dim)


def repeat(x: Tensor, *repeats: Any) -> Tensor:
    """The tensor laid out several times along each axis."""
    counts = tuple(repeats[0]) if len(repeats) == 1 and not isinstance(repeats[0], int) else repeats
    if len(counts) < x.ndim:
        raise ShapeError(f"repeat needs at least one count for each of the {x.ndim} axes, not {counts}")
    shape = (1,) * (len(counts) - x.ndim) + x.shape
    spread = x.reshape([size for each in shape for size in (1, each)])
    full = [size for count, each in zip(counts, shape, strict=True) for size in (count, each)]
    return spread.expand(full).reshape([c * s for c, s in zip(counts, shape, strict=True)]).clone()


def tile(x: Tensor, *repeats: Any) -> Tensor:
    """`repeat`, with missing counts in front taken as 1."""
    counts = tuple(repeats[0]) if len(repeats) == 1 and not isinstance(repeats[0], int) else repeats
    return x.repeat(*(1,) * (x.ndim - len(counts)), *counts)


def repeat_interleave(
    x: Tensor, repeats: Any, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    """Each element several times, one after the other: all as often, or each as often as its own count says."""
    if dim is None:
        return x.flatten().repeat_interleave(repeats, 0, output_size=output_size)
    axis = canonical_dim(dim, x.ndim)
    if hasattr(repeats, "dtype") and repeats.numel() != 1:
        counts = repeats.tolist()
        if len(counts) != x.shape[axis] or repeats.ndim != 1:
            raise RuntimeError(
                f"repeats must have the same size as input along dim: {len(counts)}, {x.shape[axis]}"
            )
        if min(counts, default=0) < 0:
            raise RuntimeError("repeats can not be negative")
        places = [i for i, count in enumerate(counts) for _ in range(count)]
        return x.index_select(axis, x.new_tensor(places, dtype=repeats.dtype))
    repeats = int(repeats)
    if repeats < 0:
        raise RuntimeError(f"repeats must be non-negative, got {repeats}")
    sizes = list(x.shape)
    sizes.insert(axis + 1, repeats)
    return x.unsqueeze(axis + 1).expand(sizes).flatten(axis, axis + 1)


def roll(x: Tensor, shifts: Any, dims: Dims = None) -> Tensor:
    """Elements moved along axes; those that fall off the end come in at the front."""
    shifts = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    named = () if dims is None else (dims,) if isinstance(dims, int) else tuple(dims)
    if not shifts:
        raise RuntimeError("roll: `shifts` required")
    if not named and len(shifts) == 1:
        return x.flatten().roll(shifts, 0).reshape(x.shape)
    if len(shifts) != len(named):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(named)}")
    for shift, each in zip(shifts, named, strict=True):
        axis = canonical_dim(each, x.ndim, scalar=False)
        size = x.shape[axis]
        if size:
            cut = size - shift % size
            x = x.narrow(axis, cut, size - cut).cat_after(x.narrow(axis, 0, cut), axis)
    return x.clone() if not x.numel() else x


def masked_fill(x: Tensor, mask: Tensor, value: Any) -> Tensor:
    """`value` where the mask holds."""
    if mask.dtype.name != "bool":
        raise RuntimeError(f"masked_fill only supports boolean masks, but got mask with dtype {mask.dtype}")
    if getattr(value, "ndim", 0):
        raise RuntimeError(f"masked_fill takes one value, not a tensor of shape {value.shape}")
    value = value.to(x.dtype) if hasattr(value, "dtype") else x.new_full((), value)
    return value.where(mask, x)


def masked_select(x: Tensor, mask: Tensor) -> Tensor:
    """The elements where the mask holds, in reading order."""
    if mask.dtype.name != "bool":
        raise RuntimeError(f"masked_select: expected BoolTensor for mask, not {mask.dtype}")
    (x_full, mask_full) = x.broadcast_with(mask)
    return x_full[mask_full] if x_full.ndim else x_full.reshape(1)[mask_full.reshape(1)]


def index_add(x: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1) -> Tensor:
    """Rows of `source` added to the rows of `x` that `index` names; duplicates all count."""
    axis = canonical_dim(dim, x.ndim)
    if source.dtype is not x.dtype:
        raise RuntimeError(
            f"index_add: self and source must have one dtype, not {x.dtype} and {source.dtype}"
        )
    if not x.ndim:
        return x.reshape(1).index_add(0, index.reshape(-1), source.reshape(-1), alpha=alpha).reshape(())
    row, part = [shape[:axis] + shape[axis + 1 :] for shape in (x.shape, source.shape or (1,))]
    if row != part:
        raise ShapeError(
            f"source tensor shape must match self tensor shape, excluding the specified dimension: {source.shape}, "
            f"{x.shape}"
        )
    rows = source.reshape(source.shape or (1,)).movedim(axis, 0)
    rows = rows if alpha == 1 else (rows * alpha).to(x.dtype)
    return x.movedim(axis, 0).index_put((index.reshape(-1),), rows, accumulate=True).movedim(0, axis)


def movedim(x: Tensor, source: Dims, destination: Dims) -> Tensor:
    """Axes moved to new places; the others keep their order."""
    given = [(each,) if isinstance(each, int) else tuple(each or ()) for each in (source, destination)]
    if len(given[0]) != len(given[1]):
        raise RuntimeError(f"movedim: {given[0]} should contain the same number of dims as {given[1]}")
    if not x.ndim or not given[0]:
        canonical_dims(given[0], x.ndim), canonical_dims(given[1], x.ndim)
        return x.permute(list(range(x.ndim)))
    taken, put = canonical_dims(given[0], x.ndim), canonical_dims(given[1], x.ndim)
    order: list[int | None] = [None] * x.ndim
    for axis, place in zip(taken, put, strict=True):
        order[place] = axis
    rest = iter([axis for axis in range(x.ndim) if axis not in taken])
    return x.permute([next(rest) if axis is None else axis for axis in order])


def tril(x: Tensor, diagonal: int = 0) -> Tensor:
    """The lower triangle of the last two axes; zeros above."""
    return triangle(x, "tril", x.ndim > 1 and x.grid(-2) + diagonal >= x.grid(-1))


def triu(x: Tensor, diagonal: int = 0) -> Tensor:
    """The upper triangle of the last two axes; zeros below."""
    return triangle(x, "triu", x.ndim > 1 and x.grid(-2) + diagonal <= x.grid(-1))


def triangle(x: Tensor, name: str, inside: Any) -> Tensor:
    """Zeros where the condition does not hold."""
    if x.ndim < 2:
        raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions, but has {x.ndim}")
    return x.where(inside, x.new_zeros(()))


@rounded_once
def lerp(x: Tensor, end: Tensor, weight: Any) -> Tensor:
    """From `x` to `end`, `weight` of the way; from the nearer side, so that both ends are met exactly."""
    gap = end.fractional("lerp") - x.fractional("lerp")
    if not hasattr(weight, "dtype"):
        return x + gap * weight if abs(weight) < 0.5 else end - gap * (1 - weight)
    return (x + gap * weight).where(weight.abs() < 0.5, end - gap * (1 - weight))


@rounded_once
def addmm(x: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """beta * x + alpha * (mat1 @ mat2). With beta 0, what is in x does not matter, not even NaN."""
    return added(x, mat1.mm(mat2), beta, alpha, "addmm")


@rounded_once
def addcmul(x: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """x + value * tensor1 * tensor2."""
    if not any(each.dtype.category for each in (x, tensor1, tensor2)):
        x.arithmetic("addcmul")
    return x + scaled(tensor1 * tensor2, value)


@rounded_once
def addcdiv(x: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """x + value * tensor1 / tensor2."""
    if not (tensor1.is_floating_point() or tensor2.is_floating_point()):
        raise RuntimeError("Integer division with addcdiv is no longer supported: convert with .float()")
    return x + scaled(tensor1, value) / tensor2


def isclose(
    x: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Tensor:
    """Whether two numbers differ by at most atol + rtol * |other|."""
    if not hasattr(other, "dtype"):
        raise TypeError(f"isclose(): argument 'other' must be Tensor, not {type(other).__name__}")
    if x.dtype is not other.dtype:
        raise RuntimeError(f"isclose needs two tensors of one dtype, not {x.dtype} and {other.dtype}")
    if rtol < 0 or atol < 0:
        raise RuntimeError(f"rtol and atol must be greater than or equal to zero, but got {rtol} and {atol}")
    close = x == other
    if x.dtype.category and (rtol or atol):
        bound = other.floating().abs() * rtol + atol
        gap = (x.floating() - other.floating()).abs()
        close = close | ((gap <= bound) & x.isfinite() & other.isfinite())
    return close | (x.isnan() & other.isnan()) if equal_nan else close


def allclose(
    x: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> bool:
    """Whether all numbers are close."""
    return bool(x.isclose(other, rtol, atol, equal_nan).all().item())


def topk(x: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> ValuesIndices:
    """The `k` largest (or smallest) along an axis, best first, and where they stood."""
    axis = canonical_dim(dim, x.ndim)
    x.arithmetic("topk")
    if not 0 <= k <= (x.shape[axis] if x.ndim else 1):
        raise RuntimeError(f"selected index k out of range: {k} of {x.shape}")
    values, indices = x.sort(axis, descending=largest)
    if not x.ndim:
        return ValuesIndices(values, indices)
    return ValuesIndices(values.narrow(axis, 0, k), indices.narrow(axis, 0, k))


def softplus(x: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta x)) / beta, which is x itself where beta x is beyond `threshold`."""
    scaled = x * beta
    large = scaled > threshold
    return x.where(large, scaled.where(~large, 0.0).exp().log1p() / beta)


def scaled(x: Tensor, factor: Any) -> Tensor:
    """`x` times a number; whole numbers stay whole, with the number cut, as in PyTorch's kernels."""
    factor = factor if x.dtype.is_floating_point or isinstance(factor, bool) else int(factor)
    return x if factor == 1 else x * factor


def added(x: Tensor, product: Tensor, beta: Any, alpha: Any, name: str) -> Tensor:
    """beta * x + alpha * product, in the shape of the product. Raises RuntimeError for two dtypes."""
    if x.dtype is not product.dtype:
        raise RuntimeError(
            f"{name}: self and the product must have one dtype, not {x.dtype} and {product.dtype}"
        )
    x = x.expand(product.shape)
    product = scaled(product, alpha)
    return product if beta == 0 else scaled(x, beta) + product
