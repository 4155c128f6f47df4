"""More functions of axes and places, made of a tensor's own methods. `Tensor` adopts all of `NAMES`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tinytorch.errors import ShapeError
from tinytorch.indexing import canonical_dim, canonical_dims

if TYPE_CHECKING:
    from tinytorch.tensor import Tensor

NAMES = [
    "diag",
    "diag_embed",
    "diagflat",
    "diagonal_scatter",
    "dsplit",
    "fliplr",
    "flipud",
    "hsplit",
    "index_copy",
    "index_fill",
    "kron",
    "masked_scatter",
    "moveaxis",
    "narrow_copy",
    "ravel",
    "rot90",
    "select_scatter",
    "slice_scatter",
    "split_with_sizes",
    "sum_to_size",
    "take",
    "tensor_split",
    "vsplit",
]


def diag(x: Tensor, diagonal: int = 0) -> Tensor:
    """A vector as the diagonal of a matrix of zeros; of a matrix its diagonal."""
    if x.ndim == 1:
        return diag_embed(x, diagonal)
    if x.ndim != 2:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {x.ndim}D")
    return x.diagonal(diagonal).clone()


def diag_embed(x: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The last axis as the diagonal of two new ones, zeros beside it."""
    first, second = canonical_dims((dim1, dim2), x.ndim + 1)
    size = x.shape[-1] + abs(offset)
    made = x.new_zeros((*x.shape[:-1], size, size))
    made = diagonal_scatter(made, x, offset, -2, -1)
    return made.movedim((-2, -1), (first, second))


def diagflat(x: Tensor, offset: int = 0) -> Tensor:
    """All numbers, in reading order, as the diagonal of a matrix."""
    return diag_embed(x.flatten(), offset)


def written(x: Tensor, see: Any, src: Tensor) -> Tensor:
    """A copy of `x` with `src` written through a view of it."""
    made = x.clone()
    see(made).copy_(src)
    return made


def diagonal_scatter(x: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A copy with `src` on a diagonal."""
    return written(x, lambda made: made.diagonal(offset, dim1, dim2), src)


def select_scatter(x: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """A copy with `src` at one index of an axis."""
    return written(x, lambda made: made.select(dim, index), src)


def slice_scatter(
    x: Tensor, src: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    """A copy with `src` in a slice of an axis."""
    axis = canonical_dim(dim, x.ndim)
    return written(x, lambda made: made[(slice(None),) * axis + (slice(start, end, step),)], src)


def masked_scatter(x: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """The numbers of `source`, in reading order, where the mask holds."""
    if mask.dtype.name != "bool":
        raise RuntimeError(
            f"masked_scatter only supports boolean masks, but got mask with dtype {mask.dtype}"
        )
    if source.dtype is not x.dtype:
        raise RuntimeError(
            f"masked_scatter: expected self and source to have same dtypes, not {x.dtype}, {source.dtype}"
        )
    full, mask = x.broadcast_with(mask)
    places = (mask if mask.ndim else mask.reshape(1)).nonzero(as_tuple=True)
    count = len(places[0])
    if source.numel() < count:
        raise RuntimeError(
            f"masked_scatter: the mask holds {count} times, source has {source.numel()} numbers"
        )
    line = full if full.ndim else full.reshape(1)
    return line.index_put(places, source.flatten().narrow(0, 0, count)).reshape(full.shape)


def index_fill(x: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """One value at the named indices of an axis."""
    if getattr(value, "ndim", 0):
        raise RuntimeError(
            f"index_fill_ only supports a 0-dimensional value tensor, not one of {value.ndim} axes"
        )
    rows, axis = rows_of(x, dim, index, "index_fill")
    named = (
        rows.new_zeros(rows.shape[0], dtype=index.dtype)
        .bool()
        .index_put((index.reshape(-1),), index.new_ones(()).bool())
    )
    made = rows.masked_fill(named.reshape(-1, *[1] * (rows.ndim - 1)), value)
    return made.movedim(0, axis) if x.ndim else made.reshape(())


def index_copy(x: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """Rows of `source` in the place of the rows that `index` names."""
    rows, axis = rows_of(x, dim, index, "index_copy")
    if source.dtype is not x.dtype:
        raise RuntimeError(
            f"index_copy_(): self and source expected to have the same dtype: {x.dtype}, {source.dtype}"
        )
    new = source if source.ndim else source.reshape(1)
    if new.ndim != rows.ndim or new.shape[axis] != index.numel():
        raise IndexError(
            f"index_copy_(): source {source.shape} does not fit into {x.shape} at {index.numel()} indices"
        )
    made = rows.index_put((index.reshape(-1),), new.movedim(axis, 0))
    return made.movedim(0, axis) if x.ndim else made.reshape(())


def take(x: Tensor, index: Tensor) -> Tensor:
    """The numbers at places counted in reading order."""
    return x.flatten()[index.flatten()].reshape(index.shape)


def fliplr(x: Tensor) -> Tensor:
    """The second axis backwards."""
    if x.ndim < 2:
        raise RuntimeError(f"fliplr: Input must be >= 2-d, not {x.ndim}-d")
    return x.flip(1)


def flipud(x: Tensor) -> Tensor:
    """The first axis backwards."""
    if x.ndim < 1:
        raise RuntimeError("flipud: Input must be >= 1-d")
    return x.flip(0)


def rot90(x: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """Turned by `k` quarters, from the first of two axes towards the second."""
    if len(dims) != 2 or x.ndim < 2:
        raise RuntimeError(
            f"expected total rotation dims == 2 of at least 2 axes, but got {tuple(dims)} of {x.ndim}"
        )
    first, second = [canonical_dim(each, x.ndim) for each in dims]
    if first == second:
        raise RuntimeError(f"expected rotation dims to be different, but got {tuple(dims)}")
    quarters = k % 4
    if quarters == 0:
        return x.clone()
    if quarters == 2:
        return x.flip(first, second)
    return (
        x.flip(second).transpose(first, second) if quarters == 1 else x.transpose(first, second).flip(second)
    )


def kron(x: Tensor, other: Tensor) -> Tensor:
    """Every number of `x` times all of `other`, side by side."""
    ndim = max(x.ndim, other.ndim)
    a, b = ((1,) * (ndim - each.ndim) + each.shape for each in (x, other))
    wide = x.reshape([size for n in a for size in (n, 1)]) * other.reshape(
        [size for n in b for size in (1, n)]
    )
    return wide.reshape([n * m for n, m in zip(a, b, strict=True)])


def moveaxis(x: Tensor, source: Any, destination: Any) -> Tensor:
    """`movedim`."""
    return x.movedim(source, destination)


def narrow_copy(x: Tensor, dim: int, start: int, length: int) -> Tensor:
    """`narrow`, in new memory."""
    return x.narrow(dim, start, length).clone()


def ravel(x: Tensor) -> Tensor:
    """All numbers in one axis, in reading order."""
    return x.reshape(-1)


def split_with_sizes(x: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """`split` into pieces of the sizes given."""
    return x.split(list(split_sizes), dim)


def tensor_split(x: Tensor, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Pieces between the indices given, or so many pieces, the first ones longer by one where it does not divide."""
    axis = canonical_dim(dim, x.ndim)
    size = x.shape[axis]
    if hasattr(indices_or_sections, "tolist"):
        indices_or_sections = indices_or_sections.tolist()
    if isinstance(indices_or_sections, int):
        count = indices_or_sections
        if count < 1:
            raise RuntimeError(f"number of sections must be larger than 0, got {count}")
        sizes = [size // count + (i < size % count) for i in range(count)]
        cuts = [sum(sizes[:i]) for i in range(1, count)]
    else:
        cuts = list(indices_or_sections)
    bounds = [slice(*each).indices(size)[:2] for each in zip([None, *cuts], [*cuts, None], strict=True)]
    return tuple([x.narrow(axis, start, max(stop - start, 0)) for start, stop in bounds])


def hsplit(x: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` along the second axis, or along the only one."""
    return even(x, indices_or_sections, 0 if x.ndim == 1 else 1, "hsplit", 1)


def vsplit(x: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` along the first of at least two axes."""
    return even(x, indices_or_sections, 0, "vsplit", 2)


def dsplit(x: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` along the third axis."""
    return even(x, indices_or_sections, 2, "dsplit", 3)


def even(x: Tensor, parts: Any, dim: int, name: str, needs: int) -> tuple[Tensor, ...]:
    """Pieces of an axis that the number of pieces must divide."""
    if x.ndim < needs:
        raise RuntimeError(f"{name} requires a tensor with at least {needs} dimension, but got {x.ndim}")
    if isinstance(parts, int) and (not parts or x.shape[dim] % parts):
        raise RuntimeError(f"{name}: {parts} does not divide {x.shape[dim]}, the size of axis {dim}")
    return tensor_split(x, parts, dim)


def sum_to_size(x: Tensor, *size: Any) -> Tensor:
    """Summed over the axes that would have been stretched to make this shape of the one given."""
    shape = tuple(size[0]) if len(size) == 1 and not isinstance(size[0], int) else size
    new = x.ndim - len(shape)
    if new < 0 or any(n not in (1, m) for n, m in zip(shape, x.shape[new:], strict=True)):
        raise ShapeError(f"{x.shape} cannot be summed to {shape}: that does not stretch to it")
    axes = [*range(new), *[i + new for i, n in enumerate(shape) if n == 1 and x.shape[i + new] != 1]]
    return (x.sum(axes, keepdim=True) if axes or not x.ndim else x).reshape(shape)


def rows_of(x: Tensor, dim: int, index: Tensor, name: str) -> tuple[Tensor, int]:
    """A tensor with the named axis in front, a number as a vector of one; and where the axis was."""
    if index.ndim > 1:
        raise IndexError(f"{name}(): Index is supposed to be a vector, not of shape {index.shape}")
    axis = canonical_dim(dim, x.ndim)
    return (x if x.ndim else x.reshape(1)).movedim(axis, 0), axis
