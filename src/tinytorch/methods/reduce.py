"""Methods that fold axes: sums, products, extremes and where they stand, running sums, sorting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tinytorch import dtypes, ops
from tinytorch.composed import ValuesIndices
from tinytorch.dtypes import FLOATING
from tinytorch.errors import IndexOutOfRange
from tinytorch.indexing import canonical_dim, canonical_dims

if TYPE_CHECKING:
    from tinytorch.tensor import Tensor

Dims = int | Sequence[int] | None
# Below, `sum`, `max`, `min`, `any` and `all` are the methods and not Python's functions.


def sum(x: Tensor, dim: Dims = None, keepdim: Any = False, *, dtype: dtypes.dtype | None = None) -> Tensor:
    """All elements, or those along `dim`, added up. Integers and bools add up as int64."""
    axes = canonical_dims(dim, x.ndim)
    if dtype is None and x.array.dtype.category != FLOATING:
        dtype = dtypes.int64
    x = x if dtype is None else x.to(dtype)
    made: Tensor = x.apply(ops.Sum(axes, keepdim), x)
    return made


def prod(
    x: Tensor, dim: int | None = None, keepdim: Any = False, *, dtype: dtypes.dtype | None = None
) -> Tensor:
    """All elements, or those along `dim`, multiplied."""
    if dtype is None and x.array.dtype.category != FLOATING:
        dtype = dtypes.int64
    x = x if dtype is None else x.to(dtype)
    made: Tensor = x.apply(ops.Prod(canonical_dims(dim, x.ndim), keepdim), x)
    return made


def amax(x: Tensor, dim: Dims = None, keepdim: Any = False) -> Tensor:
    """The largest along `dim`; ties share the gradient."""
    made: Tensor = x.apply(ops.Amax(x.nonempty(dim, "amax"), keepdim), x)
    return made


def amin(x: Tensor, dim: Dims = None, keepdim: Any = False) -> Tensor:
    """The smallest along `dim`; ties share the gradient."""
    made: Tensor = x.apply(ops.Amin(x.nonempty(dim, "amin"), keepdim), x)
    return made


def nonempty(x: Tensor, dim: Dims, name: str) -> tuple[Any, ...]:
    """The axes of a reduction that has no answer for no elements."""
    axes = canonical_dims(dim, x.ndim)
    if 0 in [x.shape[axis] for axis in axes]:
        raise IndexOutOfRange(f"{name}(): no elements to reduce in axes {axes} of shape {x.shape}")
    return axes


def max(x: Tensor, dim: Any = None, keepdim: Any = False) -> Any:
    """The largest of all; along `dim` (values, indices); or, with a tensor, the larger of both."""
    if isinstance(dim, x.wrap):
        return x.maximum(dim)
    if dim is None:
        if not x.numel():
            raise RuntimeError("max(): expected a tensor with at least one element")
        return x.amax()
    return x.extreme("maximum", dim, keepdim)


def min(x: Tensor, dim: Any = None, keepdim: Any = False) -> Any:
    """The smallest of all; along `dim` (values, indices); or, with a tensor, the smaller of both."""
    if isinstance(dim, x.wrap):
        return x.minimum(dim)
    if dim is None:
        if not x.numel():
            raise RuntimeError("min(): expected a tensor with at least one element")
        return x.amin()
    return x.extreme("minimum", dim, keepdim)


def extreme(x: Tensor, fold: str, dim: int, keepdim: Any) -> ValuesIndices:
    """The extreme values along one axis, and where the first of them stand."""
    axis = canonical_dim(dim, x.ndim)
    if not x.ndim:
        return ValuesIndices(x.clone(), x.new_zeros((), dtype=dtypes.int64))
    x.nonempty(axis, fold)
    indices: Tensor = x.apply(ops.ArgReduce(fold, axis, True), x)
    values = x.gather(axis, indices)
    if keepdim:
        return ValuesIndices(values, indices)
    return ValuesIndices(values.squeeze(axis), indices.squeeze(axis))


def argmax(x: Tensor, dim: int | None = None, keepdim: Any = False) -> Tensor:
    """Where the first largest element stands: in reading order, or along `dim`."""
    return x.first_of("maximum", dim, keepdim)


def argmin(x: Tensor, dim: int | None = None, keepdim: Any = False) -> Tensor:
    """Where the first smallest element stands: in reading order, or along `dim`."""
    return x.first_of("minimum", dim, keepdim)


def first_of(x: Tensor, fold: str, dim: int | None, keepdim: Any) -> Tensor:
    """The index of an extreme."""
    line = x.flatten() if dim is None or not x.ndim else x
    axis = canonical_dim(0 if dim is None else dim, x.ndim if dim is not None else 1)
    line.arithmetic("argmax or argmin").nonempty(axis, "argmax" if fold == "maximum" else "argmin")
    made: Tensor = x.apply(ops.ArgReduce(fold, axis, keepdim and x.ndim > 0), line)
    return made.reshape((1,) * x.ndim) if dim is None and keepdim else made


def any(x: Tensor, dim: Dims = None, keepdim: Any = False) -> Tensor:
    """Whether any element is not 0."""
    found = x.bool().to(dtypes.uint8).sum(dim, keepdim) > 0
    return found.to(x.dtype) if x.dtype is dtypes.uint8 else found  # as PyTorch does


def all(x: Tensor, dim: Dims = None, keepdim: Any = False) -> Tensor:
    """Whether no element is 0."""
    found = (x == 0).to(dtypes.uint8).sum(dim, keepdim) == 0
    return found.to(x.dtype) if x.dtype is dtypes.uint8 else found  # as PyTorch does


def count_nonzero(x: Tensor, dim: Dims = None) -> Tensor:
    """How many elements are not 0."""
    return (x != 0).sum(dim)


def cumsum(x: Tensor, dim: int, *, dtype: dtypes.dtype | None = None) -> Tensor:
    """Running sum."""
    if dtype is None and x.array.dtype.category != FLOATING:
        dtype = dtypes.int64
    x = x if dtype is None else x.to(dtype)
    made: Tensor = x.apply(ops.Cumsum(canonical_dim(dim, x.ndim)), x)
    return made


def cumprod(x: Tensor, dim: int, *, dtype: dtypes.dtype | None = None) -> Tensor:
    """Running product."""
    if dtype is None and x.array.dtype.category != FLOATING:
        dtype = dtypes.int64
    x = x if dtype is None else x.to(dtype)
    made: Tensor = x.apply(ops.Cumprod(canonical_dim(dim, x.ndim)), x)
    return made


def sort(x: Tensor, dim: int = -1, descending: Any = False, stable: Any = False) -> ValuesIndices:
    """In order along an axis, and where the elements stood; equal ones keep their order."""
    axis = canonical_dim(dim, x.ndim)
    if not x.ndim:
        return ValuesIndices(x.clone(), x.new_zeros((), dtype=dtypes.int64))
    values, indices = x.apply(ops.Sort(axis, descending), x)
    return ValuesIndices(values, indices)


def argsort(x: Tensor, dim: int = -1, descending: Any = False, stable: Any = False) -> Tensor:
    """Where the elements stand that `sort` would put in order."""
    return x.sort(dim, descending).indices
