"""New tensors: from numbers, from NumPy, and full of one thing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinytorch import dtypes, ops
from tinytorch.devices.interface import backend
from tinytorch.dtypes import dtype as Dtype
from tinytorch.errors import DtypeError, ShapeError
from tinytorch.indexing import canonical_dim
from tinytorch.tensor import Tensor, apply, axes_of


def made(values: np.ndarray[Any, Any], dtype: Dtype | None, device: Any, requires_grad: bool) -> Tensor:
    """A tensor over memory that nobody else holds."""
    array = backend(str(device or "cpu").split(":")[0]).upload(values)
    new = Tensor(array if dtype is None or dtype is array.dtype else array.cast(dtype))
    return new.requires_grad_() if requires_grad else new


def shape_of(data: Any, path: str = "") -> tuple[int, ...]:
    """The shape of nested lists. Raises ShapeError where they are ragged, and says where."""
    if isinstance(data, (Tensor, np.ndarray)):
        return tuple(data.shape)
    if not isinstance(data, (list, tuple)):
        return ()
    shapes = [shape_of(each, f"{path}[{i}]") for i, each in enumerate(data)]
    for i, shape in enumerate(shapes):
        if shape != shapes[0]:
            raise ShapeError(
                f"nested lists must be rectangular: data{path}[{i}] has shape {shape}, data{path}[0] {shapes[0]}"
            )
    return (len(data), *(shapes[0] if shapes else ()))


def inferred(data: Any) -> Dtype:
    """The dtype of Python data: floats have the default type, whole numbers int64."""
    if isinstance(data, Tensor):
        return data.dtype
    if isinstance(data, (np.ndarray, np.generic)):
        return dtypes.from_numpy(data.dtype)
    if isinstance(data, (list, tuple)):
        kinds = {inferred(each) for each in data}
        return (
            max(kinds, key=lambda each: (each.category, each.itemsize))
            if kinds
            else dtypes.get_default_dtype()
        )
    return dtypes.of_number(data)


def plain(data: Any) -> Any:
    """Nested lists with the tensors in them replaced by their values."""
    if isinstance(data, Tensor):
        return data.numpy_view()
    return [plain(each) for each in data] if isinstance(data, (list, tuple)) else data


def tensor(
    data: Any, *, dtype: Dtype | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A copy of nested lists, numbers, an array or a tensor (`torch.tensor`).

    >>> tensor([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    """
    if isinstance(data, range):
        data = list(data)
    shape = shape_of(data)
    chosen = dtype or inferred(data)
    try:
        values = np.array(plain(data), chosen.numpy)
    except OverflowError as error:
        raise DtypeError(f"a number is beyond what {chosen} can hold: {error}") from error
    return made(values.reshape(shape), None, device, requires_grad)


def as_tensor(data: Any, dtype: Dtype | None = None, device: Any = None) -> Tensor:
    """A tensor of `data`; shares memory with tensors and NumPy arrays where the dtype stays."""
    if isinstance(data, np.ndarray):
        data = from_numpy(data)
    return (
        data.to(dtype=dtype, device=device)
        if isinstance(data, Tensor)
        else tensor(data, dtype=dtype, device=device)
    )


def from_numpy(values: np.ndarray[Any, Any]) -> Tensor:
    """A tensor that shares the memory of a NumPy array.

    >>> a = np.zeros(2)
    >>> t = from_numpy(a)
    >>> a[0] = 5
    >>> t
    tensor([5., 0.], dtype=tinytorch.float64)
    """
    dtypes.from_numpy(values.dtype)
    return Tensor(backend().upload(values))


def full(
    size: Any, fill_value: Any, *, dtype: Dtype | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor full of one number."""
    chosen = dtype or dtypes.of_number(fill_value)
    return made(np.full(axes_of((size,)), fill_value, chosen.numpy), None, device, requires_grad)


def zeros(*size: Any, dtype: Dtype | None = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of zeros.

    >>> zeros(2, 3)
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """
    chosen = dtype or dtypes.get_default_dtype()
    return made(np.zeros(axes_of(size), chosen.numpy), None, device, requires_grad)


def ones(*size: Any, dtype: Dtype | None = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of ones."""
    chosen = dtype or dtypes.get_default_dtype()
    return made(np.ones(axes_of(size), chosen.numpy), None, device, requires_grad)


def empty(*size: Any, dtype: Dtype | None = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor with arbitrary values."""
    chosen = dtype or dtypes.get_default_dtype()
    return made(np.empty(axes_of(size), chosen.numpy), None, device, requires_grad)


def zeros_like(x: Tensor, *, dtype: Dtype | None = None, requires_grad: bool = False) -> Tensor:
    """Zeros in the shape and dtype of `x`."""
    return zeros(x.shape, dtype=dtype or x.dtype, requires_grad=requires_grad)


def ones_like(x: Tensor, *, dtype: Dtype | None = None, requires_grad: bool = False) -> Tensor:
    """Ones in the shape and dtype of `x`."""
    return ones(x.shape, dtype=dtype or x.dtype, requires_grad=requires_grad)


def full_like(x: Tensor, fill_value: Any, *, dtype: Dtype | None = None) -> Tensor:
    """One number in the shape and dtype of `x`."""
    return full(x.shape, fill_value, dtype=dtype or x.dtype)


def empty_like(x: Tensor, *, dtype: Dtype | None = None) -> Tensor:
    """Arbitrary values in the shape and dtype of `x`."""
    return empty(x.shape, dtype=dtype or x.dtype)


def arange(
    start: Any,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: Dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Numbers from `start` up to, not including, `end`.

    >>> arange(3), arange(1, 2, 0.25)
    (tensor([0, 1, 2]), tensor([1.0000, 1.2500, 1.5000, 1.7500]))
    """
    if end is None:
        start, end = 0, start
    if step == 0 or (end - start) * step < 0:
        raise RuntimeError(f"arange from {start} to {end} does not get there in steps of {step}")
    whole = all(isinstance(each, (int, np.integer)) for each in (start, end, step))
    chosen = dtype or (dtypes.int64 if whole else dtypes.get_default_dtype())
    count = math.ceil((end - start) / step)
    return made((start + np.arange(count) * step).astype(chosen.numpy), None, device, requires_grad)


def linspace(
    start: float,
    end: float,
    steps: int,
    *,
    dtype: Dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`steps` numbers from `start` to `end`, both included, evenly spaced."""
    chosen = dtype or dtypes.get_default_dtype()
    return made(np.linspace(start, end, steps).astype(chosen.numpy), None, device, requires_grad)


def logspace(
    start: float,
    end: float,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`steps` powers of `base`, their exponents evenly spaced from `start` to `end`.

    >>> logspace(0, 3, 4, base=2)
    tensor([1., 2., 4., 8.])
    """
    chosen = dtype or dtypes.get_default_dtype()
    return made(np.logspace(start, end, steps, base=base).astype(chosen.numpy), None, device, requires_grad)


def tril_indices(row: int, col: int, offset: int = 0) -> Tensor:
    """Rows and columns, (2, n), of the entries on and below a diagonal of a (row, col) matrix.

    >>> tril_indices(2, 2)
    tensor([[0, 1, 1],
            [0, 0, 1]])
    """
    return made(np.stack(np.tril_indices(row, offset, col)), None, None, False)


def triu_indices(row: int, col: int, offset: int = 0) -> Tensor:
    """Rows and columns, (2, n), of the entries on and above a diagonal of a (row, col) matrix."""
    return made(np.stack(np.triu_indices(row, offset, col)), None, None, False)


def eye(
    n: int,
    m: int | None = None,
    *,
    dtype: Dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Ones on the diagonal."""
    chosen = dtype or dtypes.get_default_dtype()
    return made(np.eye(n, m, dtype=chosen.numpy), None, device, requires_grad)


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensors one after the other along an axis.

    >>> cat([ones(2), zeros(1)])
    tensor([1., 1., 0.])
    """
    if not tensors:
        raise RuntimeError("cat(): expected a non-empty list of Tensors")
    given = [x for x in tensors if x.shape != (0,)] or list(tensors[:1])
    axis = canonical_dim(dim, given[0].ndim)
    for i, x in enumerate(given):
        rest = [a for a in range(given[0].ndim) if a != axis]
        if x.ndim != given[0].ndim or any(x.shape[a] != given[0].shape[a] for a in rest) or not x.ndim:
            raise ShapeError(
                f"cannot cat {given[0].shape} and {x.shape} along axis {axis}: "
                f"all other axes must agree (tensor {i})"
            )
    joined: Tensor = apply(ops.Cat(axis, tuple([x.shape[axis] for x in given])), *given)
    return joined


concat = concatenate = cat


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Tensors of one shape along a new axis."""
    if not tensors:
        raise RuntimeError("stack expects a non-empty TensorList")
    for x in tensors:
        if x.shape != tensors[0].shape:
            raise ShapeError(
                f"stack expects each tensor to be equal size, but got {tensors[0].shape} and {x.shape}"
            )
    axis = canonical_dim(dim, tensors[0].ndim + 1)
    return cat([x.unsqueeze(axis) for x in tensors], axis)


def where(condition: Tensor, x: Any = None, y: Any = None) -> Any:
    """`x` where the condition holds, `y` elsewhere; alone, the positions where it holds."""
    if x is None:
        return condition.nonzero(as_tuple=True)
    if not isinstance(x, Tensor):
        x = (
            y.new_tensor(x)
            if isinstance(y, Tensor) and dtypes.of_number(x).category <= y.dtype.category
            else tensor(x)
        )
    return x.where(condition, y)


def einsum(equation: str, *operands: Any) -> Tensor:
    """A sum of products named by letters (`torch.einsum`), made of permute, expand, * and sum.

    >>> einsum("ij,jk->ik", eye(2), ones(2, 3)).shape
    (2, 3)
    """
    given = (
        list(operands[0]) if len(operands) == 1 and isinstance(operands[0], (list, tuple)) else list(operands)
    )
    sources, _, target = equation.replace(" ", "").partition("->")
    terms = sources.split(",")
    if len(terms) != len(given):
        raise RuntimeError(f"einsum: {equation!r} names {len(terms)} operands, and {len(given)} were given")
    if "..." in equation:
        terms, target = without_dots(terms, target, given, "->" in equation)
    elif "->" not in equation:
        target = "".join(sorted({c for c in sources if c.isalpha() and sources.count(c) == 1}))
    letters = target + "".join(sorted({c for term in terms for c in term} - set(target)))
    spread = [placed(x, term, letters) for x, term in zip(given, terms, strict=True)]
    product = spread[0]
    for i, each in enumerate(spread[1:], 1):
        product = contracted(product, each, letters, target, terms[i + 1 :])
    axes = tuple(range(len(target), len(letters)))
    return product.sum(axes) if axes else product


def without_dots(terms: list[str], target: str, given: list[Tensor], arrow: bool) -> tuple[list[str], str]:
    """`...` spelled out with letters that nobody uses."""
    used = set("".join(terms) + target)
    free = [c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" if c not in used]
    counts = [
        x.ndim - len(term.replace("...", "")) for x, term in zip(given, terms, strict=True) if "..." in term
    ]
    dots = "".join(free[: max(counts, default=0)])
    spelled = []
    for x, term in zip(given, terms, strict=True):
        mine = x.ndim - len(term.replace("...", ""))
        spelled.append(term.replace("...", dots[len(dots) - mine :]) if "..." in term else term)
    if not arrow:
        flat = "".join(terms).replace("...", "")
        target = "..." + "".join(sorted({c for c in flat if flat.count(c) == 1}))
    return spelled, target.replace("...", dots)


def placed(x: Tensor, term: str, letters: str) -> Tensor:
    """`x` with one axis for each letter: its own in their place, size 1 for the others."""
    if len(term) != x.ndim:
        raise RuntimeError(f"einsum: {term!r} names {len(term)} axes of a tensor of shape {x.shape}")
    for letter in set(term):
        while term.count(letter) > 1:  # a repeated letter is a diagonal
            first, second = term.index(letter), term.rindex(letter)
            x = x.diagonal(0, first, second)
            term = term[:first] + term[first + 1 : second] + term[second + 1 :] + letter
    order = sorted(range(len(term)), key=lambda axis: letters.index(term[axis]))
    x = x.permute(order)
    present = iter(x.shape)
    return x.reshape([next(present) if letter in term else 1 for letter in letters])


def contracted(x: Tensor, y: Tensor, letters: str, target: str, later: list[str]) -> Tensor:
    """The product of two operands, summed over letters that nobody needs any more, as one matmul."""
    ended = [
        i
        for i, c in enumerate(letters)
        if c not in target and all(c not in term for term in later) and x.shape[i] == y.shape[i] != 1
    ]
    batch = [i for i in range(len(letters)) if i not in ended and x.shape[i] != 1 and y.shape[i] != 1]
    left = [i for i in range(len(letters)) if i not in ended + batch and x.shape[i] != 1]
    right = [i for i in range(len(letters)) if i not in ended + batch + left]
    if not ended:
        return x * y
    rows = x.permute([*batch, *left, *right, *ended]).reshape(
        [*[x.shape[i] for i in batch], math.prod([x.shape[i] for i in left]), -1]
    )
    columns = y.permute([*batch, *ended, *left, *right]).reshape(
        [*[y.shape[i] for i in batch], rows.shape[-1], -1]
    )
    out = rows @ columns
    sizes = [
        *[x.shape[i] for i in batch],
        *[x.shape[i] for i in left],
        *[y.shape[i] for i in right],
        *[1] * len(ended),
    ]
    order = [*batch, *left, *right, *ended]
    return out.reshape(sizes).permute([order.index(i) for i in range(len(letters))])
