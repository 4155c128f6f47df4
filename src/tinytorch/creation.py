"""New tensors: from numbers, from NumPy, and full of one thing."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from functools import reduce, wraps
from typing import Any

import numpy as np

from tinytorch import dtypes, formats, ops
from tinytorch.devices.interface import backend
from tinytorch.dtypes import dtype as Dtype
from tinytorch.errors import DtypeError, ShapeError
from tinytorch.indexing import canonical_dim
from tinytorch.layout import Layout
from tinytorch.tensor import Tensor, apply, axes_of
from tinytorch.writing import into

# How PyTorch's programs may wish memory to be; here it is as it is.
WISHES = ("layout", "pin_memory", "memory_format", "names")


def as_in_pytorch(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A function with the keywords that all of PyTorch's have: `out`, `size`, and wishes about memory.

    `layout`, `pin_memory` and `memory_format` change no value here. Raises RuntimeError for a layout that is
    not there.
    """

    @wraps(function)
    def call(*args: Any, **options: Any) -> Tensor:
        if not options:
            return function(*args)
        if options.get("layout") not in (None, formats.strided):
            raise RuntimeError(f"there is no layout {options['layout']!r}, only {formats.strided!r}")
        options = {name: value for name, value in options.items() if name not in WISHES}
        out = options.pop("out", None)
        if "size" in options:
            args = (*args, options.pop("size"))
        made = function(*args, **options)
        return made if out is None else into(out, made, function.__name__)

    return call


def made(values: np.ndarray[Any, Any], dtype: Dtype | None, device: Any, requires_grad: bool) -> Tensor:
    """A tensor over memory that nobody else holds."""
    array = backend(str(device or "cpu").split(":")[0]).upload(values)
    new = Tensor(array if dtype is None or dtype is array.dtype else array.cast(dtype))
    return new.requires_grad_() if requires_grad else new


def sizes_of(given: tuple[Any, ...]) -> tuple[int, ...]:
    """Sizes given one by one, or as one sequence. Raises RuntimeError for a negative one."""
    sizes = axes_of(given)
    if any(size < 0 for size in sizes):
        raise RuntimeError(f"Trying to create tensor with negative dimension: {list(sizes)}")
    return sizes


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


@as_in_pytorch
def tensor(
    data: Any, *, dtype: Dtype | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A copy of nested lists, numbers, an array or a tensor (`torch.tensor`).

    >>> tensor([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    """
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes, bytearray)):
        data = list(data)  # also a range or a deque
    if not isinstance(data, (Tensor, np.ndarray, list, tuple)) and hasattr(data, "__array__"):
        data = np.asarray(data)
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


def asarray(
    obj: Any,
    *,
    dtype: Dtype | None = None,
    device: Any = None,
    copy: bool | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of anything that holds numbers, without a copy where that is possible (`torch.asarray`)."""
    made = tensor(obj, dtype=dtype, device=device) if copy else as_tensor(obj, dtype, device)
    return made.detach().requires_grad_() if requires_grad else made


def from_numpy(ndarray: np.ndarray[Any, Any]) -> Tensor:
    """A tensor that shares the memory of a NumPy array.

    >>> a = np.zeros(2)
    >>> t = from_numpy(a)
    >>> a[0] = 5
    >>> t
    tensor([5., 0.], dtype=tinytorch.float64)
    """
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    dtypes.from_numpy(ndarray.dtype)
    if not ndarray.flags.writeable:
        warnings.warn(
            "the array is not writable, and the tensor shares its memory: do not write to it", stacklevel=2
        )
    return Tensor(backend().upload(ndarray))


def frombuffer(
    buffer: Any, *, dtype: Dtype, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:
    """A tensor over the bytes of any object with a buffer (`torch.frombuffer`).

    >>> frombuffer(bytearray([1, 2, 3]), dtype=dtypes.uint8, offset=1)
    tensor([2, 3], dtype=tinytorch.uint8)
    """
    rest = memoryview(buffer).nbytes - offset
    if rest <= 0 or (rest % dtype.itemsize and count < 0):
        raise ValueError(f"{rest} bytes from {offset} on are no whole number of elements of {dtype.itemsize}")
    if count >= 0 and count * dtype.itemsize > rest:
        raise ValueError(
            f"{count} elements of {dtype.itemsize} bytes are more than the {rest} that there are"
        )
    made = Tensor(backend().upload(np.frombuffer(buffer, dtype.numpy, count, offset)))
    return made.requires_grad_() if requires_grad else made


def from_dlpack(ext_tensor: Any) -> Tensor:
    """A tensor over the memory of any object that speaks DLPack, without a copy (`torch.from_dlpack`).

    >>> a = np.zeros(2)
    >>> from_dlpack(a)[0] = 1.0
    >>> a.tolist()
    [1.0, 0.0]
    """
    values = np.from_dlpack(ext_tensor)
    if not values.flags.writeable:  # said of what comes by an older protocol, which could not say
        values = np.lib.stride_tricks.as_strided(values, writeable=True)
    return from_numpy(values)


@as_in_pytorch
def full(
    size: Any, fill_value: Any, *, dtype: Dtype | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor full of one number."""
    if isinstance(fill_value, Tensor):
        fill_value = fill_value.item()
    chosen = dtype or dtypes.of_number(fill_value)
    value = np.asarray(fill_value).astype(chosen.numpy)
    return made(np.full(sizes_of((size,)), value, chosen.numpy), None, device, requires_grad)


@as_in_pytorch
def zeros(*size: Any, dtype: Dtype | None = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of zeros.

    >>> zeros(2, 3)
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """
    chosen = dtype or dtypes.get_default_dtype()
    return made(np.zeros(sizes_of(size), chosen.numpy), None, device, requires_grad)


@as_in_pytorch
def ones(*size: Any, dtype: Dtype | None = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of ones."""
    chosen = dtype or dtypes.get_default_dtype()
    return made(np.ones(sizes_of(size), chosen.numpy), None, device, requires_grad)


@as_in_pytorch
def empty(*size: Any, dtype: Dtype | None = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor with arbitrary values."""
    chosen = dtype or dtypes.get_default_dtype()
    return made(np.empty(sizes_of(size), chosen.numpy), None, device, requires_grad)


def empty_strided(
    size: Any, stride: Any, *, dtype: Dtype | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Arbitrary values under any strides (`torch.empty_strided`)."""
    steps = zip(size, stride, strict=True)
    reach = 0 if 0 in tuple(size) else 1 + sum((n - 1) * step for n, step in steps)
    flat = empty(reach, dtype=dtype, device=device)
    made = Tensor(flat.array.view(Layout(tuple(size), tuple(stride), 0)))
    return made.requires_grad_() if requires_grad else made


def like(x: Tensor, options: dict[str, Any]) -> dict[str, Any]:
    """The dtype and device of `x` for a new tensor, where nothing else is wished."""
    return {
        "dtype": options.pop("dtype", None) or x.dtype,
        "device": options.pop("device", None) or x.device,
    } | options


@as_in_pytorch
def zeros_like(input: Tensor, **options: Any) -> Tensor:
    """Zeros in the shape, dtype and device of `input`; options as for `zeros`."""
    return zeros(input.shape, **like(input, options))


@as_in_pytorch
def ones_like(input: Tensor, **options: Any) -> Tensor:
    """Ones in the shape, dtype and device of `input`; options as for `ones`."""
    return ones(input.shape, **like(input, options))


@as_in_pytorch
def full_like(input: Tensor, fill_value: Any, **options: Any) -> Tensor:
    """One number in the shape, dtype and device of `input`; options as for `full`."""
    return full(input.shape, fill_value, **like(input, options))


@as_in_pytorch
def empty_like(input: Tensor, **options: Any) -> Tensor:
    """Arbitrary values in the shape, dtype and device of `input`; options as for `empty`."""
    return empty(input.shape, **like(input, options))


def number(value: Any) -> Any:
    """A number, also where it comes as a tensor without axes."""
    if isinstance(value, Tensor):
        if value.ndim:
            raise RuntimeError(f"expected a number or a tensor without axes, not one of shape {value.shape}")
        return value.item()
    return value


@as_in_pytorch
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
    start, end, step = number(start), number(end), number(step)
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (end - start) * step < 0:
        raise RuntimeError(f"arange from {start} to {end} does not get there in steps of {step}")
    whole = all(isinstance(each, (int, np.integer)) for each in (start, end, step))
    chosen = dtype or (dtypes.int64 if whole else dtypes.get_default_dtype())
    if chosen is dtypes.bool_:
        raise DtypeError("arange is not implemented for bool")
    if chosen is dtypes.int64:  # each bound is cut to a whole number first
        start, end, step = int(start), int(end), int(step)
    count = max(math.ceil((end - start) / step), 0)
    if chosen.category != dtypes.FLOATING:
        start, step = int(start), int(step)
    return made((start + np.arange(count) * step).astype(chosen.numpy), None, device, requires_grad)


@as_in_pytorch
def linspace(
    start: Any,
    end: Any,
    steps: int,
    *,
    dtype: Dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`steps` numbers from `start` to `end`, both included, evenly spaced."""
    if dtype is dtypes.bool_ and steps > 1:
        raise DtypeError("linspace is not implemented for bool")
    values = evenly(number(start), number(end), steps, dtype)
    return made(values, dtype or dtypes.get_default_dtype(), device, requires_grad)


def evenly(start: float, end: float, steps: int, dtype: Dtype | None) -> np.ndarray[Any, Any]:
    """The numbers of `linspace` in float64, in whole steps for a whole type."""
    if steps < 0:
        raise RuntimeError(f"number of steps must be non-negative, not {steps}")
    if dtype is not None and not dtype.is_floating_point:
        start, end = int(start), int(end)
    return np.linspace(start, end, steps)


@as_in_pytorch
def logspace(
    start: Any,
    end: Any,
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
    if dtype is dtypes.bool_ and steps > 1:
        raise DtypeError("logspace is not implemented for bool")
    values = np.power(float(base), evenly(number(start), number(end), steps, dtype))
    return made(values, dtype or dtypes.get_default_dtype(), device, requires_grad)


@as_in_pytorch
def tril_indices(
    row: int, col: int, offset: int = 0, *, dtype: Dtype | None = None, device: Any = None
) -> Tensor:
    """Rows and columns, (2, n), of the entries on and below a diagonal of a (row, col) matrix.

    >>> tril_indices(2, 2)
    tensor([[0, 1, 1],
            [0, 0, 1]])
    """
    return indices(np.tril_indices, row, col, offset, dtype, device)


@as_in_pytorch
def triu_indices(
    row: int, col: int, offset: int = 0, *, dtype: Dtype | None = None, device: Any = None
) -> Tensor:
    """Rows and columns, (2, n), of the entries on and above a diagonal of a (row, col) matrix."""
    return indices(np.triu_indices, row, col, offset, dtype, device)


def indices(find: Any, row: int, col: int, offset: int, dtype: Dtype | None, device: Any) -> Tensor:
    """Both rows of indices, as whole numbers of 32 or 64 bits."""
    if row < 0 or col < 0:
        raise RuntimeError(f"row and col must be non-negative, not {row} and {col}")
    if dtype not in (None, dtypes.int64, dtypes.int32):
        raise DtypeError(f"the indices of a triangle are int64 or int32, not {dtype}")
    return made(np.stack(find(row, offset, col)), dtype or dtypes.int64, device, False)


@as_in_pytorch
def eye(
    n: int,
    m: int | None = None,
    *,
    dtype: Dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Ones on the diagonal."""
    rows, columns = sizes_of((n, n if m is None else m))
    chosen = dtype or dtypes.get_default_dtype()
    return made(np.eye(rows, columns, dtype=chosen.numpy), None, device, requires_grad)


def listed(name: str, tensors: Any) -> list[Tensor]:
    """Several tensors as a list. Raises ValueError for none, TypeError for what is no tensor."""
    if isinstance(tensors, Tensor):
        raise TypeError(f"{name}(): argument 'tensors' (position 1) must be tuple of Tensors, not Tensor")
    given = list(tensors)
    for each in given:
        if not isinstance(each, Tensor):
            raise TypeError(f"{name}() takes tensors, not {type(each).__name__}")
    if not given:
        raise EmptyListError(f"{name}(): expected a non-empty list of Tensors")
    return given


class EmptyListError(ValueError, RuntimeError):
    """No tensor where at least one is needed; PyTorch raises sometimes the one, sometimes the other."""


@as_in_pytorch
def cat(tensors: Sequence[Tensor], dim: int = 0, *, axis: int | None = None) -> Tensor:
    """Tensors one after the other along an axis.

    >>> cat([ones(2), zeros(1)])
    tensor([1., 1., 0.])
    """
    tensors = listed("cat", tensors)
    given = [x for x in tensors if x.array.shape != (0,)] or tensors[:1]
    axis = canonical_dim(dim if axis is None else axis, given[0].ndim)
    first = given[0].array.shape
    front, behind = first[:axis], first[axis + 1 :]
    for i, x in enumerate(given):
        shape = x.array.shape
        if shape[:axis] != front or shape[axis + 1 :] != behind or not shape:
            raise ShapeError(
                f"cannot cat {first} and {shape} along axis {axis}: all other axes must agree (tensor {i})"
            )
    kinds = {x.dtype for x in tensors}
    if len(kinds) > 1:
        kind = reduce(dtypes.promote_types, kinds)
        given = [x.to(kind) for x in given]
    joined: Tensor = apply(ops.Cat(axis, tuple([x.array.shape[axis] for x in given])), *given)
    return joined


concat = concatenate = cat


@as_in_pytorch
def stack(tensors: Sequence[Tensor], dim: int = 0, *, axis: int | None = None) -> Tensor:
    """Tensors of one shape along a new axis."""
    tensors = listed("stack", tensors)
    for x in tensors:
        if x.shape != tensors[0].shape:
            raise ShapeError(
                f"stack expects each tensor to be equal size, but got {tensors[0].shape} and {x.shape}"
            )
    axis = canonical_dim(dim if axis is None else axis, tensors[0].ndim + 1)
    return cat([x.unsqueeze(axis) for x in tensors], axis)


@as_in_pytorch
def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """`input` where the condition holds, `other` elsewhere; alone, the positions where it holds.

    Two numbers make a tensor of the default type of their kind.
    """
    if input is None:
        return condition.nonzero(as_tuple=True)
    if not isinstance(input, Tensor):
        weak = isinstance(other, Tensor) and dtypes.of_number(input).category <= other.dtype.category
        input = other.new_tensor(input) if weak else tensor(input)
    return input.where(condition, other)
