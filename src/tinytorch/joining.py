"""Functions of several tensors: stacked, joined, stretched together, combined, looked up in one another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations as subsets
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from tinytorch import dtypes, layout
from tinytorch.creation import cat, stack, tensor
from tinytorch.dtypes import dtype
from tinytorch.errors import DtypeError, ShapeError
from tinytorch.indexing import canonical_dim
from tinytorch.methods.elementwise import strength
from tinytorch.tensor import Tensor


def listed(tensors: tuple[Any, ...]) -> list[Tensor]:
    """Tensors given one by one, or as one sequence."""
    return list(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else list(tensors)


def at_least(x: Tensor, ndim: int) -> Tensor:
    """With axes of size 1 where some are missing, placed as NumPy places them."""
    if x.ndim == 0:
        return x.reshape((1,) * ndim)
    if x.ndim == 1 and ndim > 1:
        x = x.unsqueeze(0)
    return x.unsqueeze(-1) if x.ndim == 2 and ndim > 2 else x


def atleast(ndim: int, tensors: tuple[Any, ...]) -> Any:
    """One tensor, or a tuple of them."""
    if len(tensors) == 1 and isinstance(tensors[0], Tensor):
        return at_least(tensors[0], ndim)
    return tuple([at_least(each, ndim) for each in listed(tensors)])


def atleast_1d(*tensors: Any) -> Any:
    """Each with at least one axis (`torch.atleast_1d`).

    >>> atleast_1d(tensor(3.0)).shape
    (1,)
    """
    return atleast(1, tensors)


def atleast_2d(*tensors: Any) -> Any:
    """Each with at least two axes."""
    return atleast(2, tensors)


def atleast_3d(*tensors: Any) -> Any:
    """Each with at least three axes."""
    return atleast(3, tensors)


def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Joined along the second axis; vectors along their only one (`torch.hstack`).

    >>> hstack([tensor([1, 2]), tensor([3])])
    tensor([1, 2, 3])
    """
    made = [at_least(each, 1) for each in some("hstack", tensors)]
    return cat(made, 0 if made[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """Joined along the first axis; vectors as rows (`torch.vstack`).

    >>> vstack([tensor([1, 2]), tensor([3, 4])]).shape
    (2, 2)
    """
    return cat([at_least(each, 2) for each in some("vstack", tensors)], 0)


row_stack = vstack


def dstack(tensors: Sequence[Tensor]) -> Tensor:
    """Joined along the third axis (`torch.dstack`)."""
    return cat([at_least(each, 3) for each in some("dstack", tensors)], 2)


def column_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Vectors as columns of a matrix (`torch.column_stack`)."""
    return cat([each.reshape(each.numel(), 1) if each.ndim < 2 else each for each in tensors], 1)


def broadcast_shapes(*shapes: Any) -> tuple[int, ...]:
    """The one shape that all stretch to (`torch.broadcast_shapes`).

    >>> broadcast_shapes((3, 1), (4,))
    (3, 4)
    """
    return layout.broadcast_shapes(*[(each,) if isinstance(each, int) else tuple(each) for each in shapes])


def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """Views of all in the one shape that they stretch to (`torch.broadcast_tensors`)."""
    some = listed(tensors)
    shape = layout.broadcast_shapes(*[each.shape for each in some])
    return tuple([each.expand(shape) for each in some])


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """For each vector its numbers at every point of the grid (`torch.meshgrid`).

    indexing: "ij", the first vector runs along the first axis, or "xy", along the second.
    """
    if indexing not in ("ij", "xy"):
        raise RuntimeError(f'meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    some = [each.reshape(-1) for each in listed(tensors)]
    swapped = indexing == "xy" and len(some) > 1
    if swapped:
        some[0], some[1] = some[1], some[0]
    shape = [len(each) for each in some]
    made = [
        each.reshape([-1 if i == j else 1 for j in range(len(some))]).expand(shape)
        for i, each in enumerate(some)
    ]
    if swapped:
        made[0], made[1] = made[1], made[0]
    return tuple(made)


def block_diag(*tensors: Tensor) -> Tensor:
    """Matrices along the diagonal of one, zeros beside them (`torch.block_diag`)."""
    blocks = [at_least(each, 2) for each in tensors]
    wide = sum(each.shape[1] for each in blocks)
    rows, at = [], 0
    for each in blocks:
        left, right = (
            each.new_zeros(each.shape[0], at),
            each.new_zeros(each.shape[0], wide - at - each.shape[1]),
        )
        rows.append(cat([left, each, right], 1))
        at += each.shape[1]
    return cat(rows, 0)


def cartesian_prod(*tensors: Any) -> Tensor:
    """Every choice of one number from each vector, as rows (`torch.cartesian_prod`)."""
    some = listed(tensors)
    return some[0] if len(some) == 1 else stack([each.reshape(-1) for each in meshgrid(*some)], 1)


def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """Products summed over axes of both: the last `dims` of a and first of b, or two lists (`torch.tensordot`).

    >>> tensordot(tensor([[1.0, 2.0]]), tensor([[3.0], [4.0]]), dims=1)
    tensor([[11.]])
    """
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0 or dims > min(a.ndim, b.ndim):
            raise RuntimeError(
                f"tensordot expects dims >= 0 and at most {min(a.ndim, b.ndim)}, but got dims={dims}"
            )
        dims = (range(a.ndim - dims, a.ndim), range(dims))
    if len(dims[0]) != len(dims[1]):
        raise RuntimeError(
            f"both dimension lists should have same length, got {list(dims[0])} and {list(dims[1])}"
        )
    ours, theirs = (
        [canonical_dim(each, x.ndim) for each in list(axes)] for axes, x in zip(dims, (a, b), strict=True)
    )
    for i, j in zip(ours, theirs, strict=True):
        if a.shape[i] != b.shape[j] and 1 in (a.shape[i], b.shape[j]):  # an axis of size 1 is stretched
            a = a.sum(i, keepdim=True, dtype=a.dtype) if b.shape[j] == 1 else a
            b = b.sum(j, keepdim=True, dtype=b.dtype) if a.shape[i] == 1 else b
    sizes = [(a.shape[i], b.shape[j]) for i, j in zip(ours, theirs, strict=True)]
    if any(n != m for n, m in sizes):
        raise ShapeError(f"contracted dimensions need to match, but got {sizes}")
    left, right = [i for i in range(a.ndim) if i not in ours], [i for i in range(b.ndim) if i not in theirs]
    count = math.prod([n for n, _ in sizes])
    above, below = [a.shape[i] for i in left], [b.shape[i] for i in right]
    rows = a.permute(*left, *ours).reshape(math.prod(above), count)
    return (rows @ b.permute(*theirs, *right).reshape(count, math.prod(below))).reshape(above + below)


def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Which elements occur among others (`torch.isin`).

    >>> isin(tensor([1, 2, 3]), tensor([2, 5]))
    tensor([False,  True, False])
    """
    given = [
        each.detach().numpy_view() if isinstance(each, Tensor) else np.asarray(each)
        for each in (elements, test_elements)
    ]
    if any(each.dtype == bool for each in given):
        raise DtypeError("isin is not implemented for bool")
    return tensor(np.isin(given[0], given[1], invert=invert))


def searchsorted(
    sorted_sequence: Tensor,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:
    """Where each value would have to be put into its sorted row (`torch.searchsorted`)."""
    if side not in (None, "left", "right") or (side == "left" and right):
        raise RuntimeError(
            f"searchsorted: side {side!r} and right={right} contradict each other, or mean nothing"
        )
    if sorted_sequence.numel() and (not isinstance(input, Tensor) or input.numel()):
        sorted_sequence.arithmetic("searchsorted")
    rows = sorted_sequence.detach() if sorter is None else sorted_sequence.detach().gather(-1, sorter)
    wanted = input.detach() if isinstance(input, Tensor) else tensor(input)
    if isinstance(input, Tensor) and input.dtype is not sorted_sequence.dtype and input.ndim:
        raise RuntimeError(
            f"searchsorted: boundaries and values should have same dtype, not {rows.dtype}, {wanted.dtype}"
        )
    if rows.ndim != 1 and (rows.ndim != wanted.ndim or rows.shape[:-1] != wanted.shape[:-1]):
        raise RuntimeError(
            f"searchsorted: boundaries {rows.shape} and values {wanted.shape} should agree but for the last axis"
        )
    where: Any = "right" if right or side == "right" else "left"
    found = places(rows.numpy_view(), wanted.numpy_view(), where)
    return tensor(found, dtype=dtypes.int32 if out_int32 else dtypes.int64)


def bucketize(input: Any, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """Between which boundaries each value lies (`torch.bucketize`)."""
    if boundaries.ndim != 1:
        raise RuntimeError(f"boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})")
    if isinstance(input, Tensor) and input.dtype is not boundaries.dtype:
        kind = dtypes.promote_types(input.dtype, boundaries.dtype)
        input, boundaries = input.to(kind), boundaries.to(kind)
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


def result_type(tensor1: Any, tensor2: Any) -> dtype:
    """The type in which two tensors or numbers compute (`torch.result_type`).

    >>> result_type(tensor([1, 2]), 1.5)
    tinytorch.float32
    """
    return dtypes.result_type(strength(tensor1), strength(tensor2))


def can_cast(from_: dtype, to: dtype) -> bool:
    """Whether values of one type may become another without changing their category downwards (`torch.can_cast`)."""
    return from_.category <= to.category


def places(rows: Any, wanted: Any, side: Any) -> Any:
    """NumPy's searchsorted, row by row."""
    if rows.ndim == 1:
        return np.searchsorted(rows, wanted, side)
    found = np.empty(wanted.shape, np.int64)
    for at in np.ndindex(rows.shape[:-1]):
        found[at] = np.searchsorted(rows[at], wanted[at], side)
    return found


def cdist(
    x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary"
) -> Tensor:
    """The p-norm of the difference of every row of x1 (..., n, d) and every row of x2 (..., m, d): (..., n, m)."""
    if x1.ndim < 2 or x2.ndim < 2 or x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(f"cdist takes matrices of as many columns, not {x1.shape} and {x2.shape}")
    if p < 0:
        raise RuntimeError(f"cdist only supports non-negative p values, not {p}")
    return (x1.fractional("cdist").unsqueeze(-2) - x2.fractional("cdist").unsqueeze(-3)).norm(p, -1)


def some(name: str, tensors: Any) -> list[Tensor]:
    """Several tensors. Raises RuntimeError for none."""
    given = listed((tensors,))
    if not given:
        raise RuntimeError(f"{name} expects a non-empty TensorList")
    return given


def rsub(input: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """other - alpha * input (`torch.rsub`)."""
    if not isinstance(input, Tensor):
        raise TypeError(f"rsub(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    scaled = input if alpha == 1 else input * alpha
    return other.sub(scaled) if isinstance(other, Tensor) else other - scaled


def trapezoids(y: Tensor, x: Tensor | None, dx: float, dim: int) -> Tensor:
    """The areas under the straight lines between neighbours along an axis."""
    axis = canonical_dim(dim, y.ndim)
    if y.dtype is dtypes.bool_ or (x is not None and x.dtype is dtypes.bool_):
        raise RuntimeError("trapezoid: received a bool input for `x` or `y`, but bool is not supported")
    size = max(y.shape[axis] - 1, 0)
    pairs = y.narrow(axis, min(1, y.shape[axis]), size) + y.narrow(axis, 0, size)
    if x is None:
        return pairs * dx / 2
    if x.ndim == 1:
        if x.shape[0] != y.shape[axis]:
            raise RuntimeError(
                f"There must be one `x` value for each sample point: {x.shape[0]} for {y.shape[axis]} points"
            )
        x = x.reshape([-1 if a == axis else 1 for a in range(y.ndim)])
        return pairs * x.diff(dim=axis) / 2
    return pairs * x.diff(dim=axis - y.ndim) / 2


def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: float = 1, dim: int = -1) -> Tensor:
    """The area under the straight lines between points, at distances `dx` or at the places `x` (`torch.trapezoid`).

    >>> trapezoid(tensor([1.0, 2.0, 3.0]))
    tensor(4.)
    """
    return trapezoids(y, x, dx, dim).sum(dim)


def cumulative_trapezoid(y: Tensor, x: Tensor | None = None, *, dx: float = 1, dim: int = -1) -> Tensor:
    """`trapezoid` up to each point but the first."""
    return trapezoids(y, x, dx, dim).cumsum(dim)


trapz = trapezoid


def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All choices of `r` elements of a vector, in order, one in each row (`torch.combinations`).

    >>> combinations(tensor([1, 2, 3])).tolist()
    [[1, 2], [1, 3], [2, 3]]
    """
    if input.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {input.shape}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if not r:
        return input.new_empty(0)
    choose = combinations_with_replacement if with_replacement else subsets
    places = np.array(list(choose(range(len(input)), r)), np.int64).reshape(-1, r)
    return input[input.new_tensor(places, dtype=dtypes.int64)]


def unravel_index(indices: Tensor, shape: int | Sequence[int]) -> tuple[Tensor, ...]:
    """Places in reading order as one index for each axis of a shape (`torch.unravel_index`)."""
    sizes = [shape] if isinstance(shape, int) else list(shape)
    if indices.dtype.category != dtypes.INTEGER:
        raise DtypeError(f"expected 'indices' to be integer dtype, but got {indices.dtype}")
    indices = indices.long()
    if any(size < 0 for size in sizes):
        raise ValueError(f"'shape' cannot have negative values, but got {tuple(sizes)}")
    steps = [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
    return tuple([indices.floor_divide(step) % size for step, size in zip(steps, sizes, strict=True)])


def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """The p-norm distance of each row of a matrix (N, M) to each later one: (N * (N - 1) / 2,) (`torch.pdist`)."""
    if input.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.ndim}D")
    if p < 0:
        raise RuntimeError("pdist only supports non-negative p values")
    first, second = np.triu_indices(len(input), 1)
    x = input.fractional("pdist")
    there = [x.new_tensor(each, dtype=dtypes.int64) for each in (first, second)]
    return (x[there[0]] - x[there[1]]).norm(p, 1)
