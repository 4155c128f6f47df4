"""The CPU: NumPy on strided views."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinytorch.array import Array, Storage
from tinytorch.devices.interface import Device, Expr, Kernel, first_index, running, sorting_indices
from tinytorch.devices.memory import keep_freed_memory
from tinytorch.devices.native import KERNELS, added_rows, picked_rows
from tinytorch.devices.native.compound import with_loops
from tinytorch.devices.special import (
    digamma,
    erf,
    erfc,
    erfinv,
    floor_divide,
    fmod,
    lgamma,
    polygamma,
    power,
    remainder,
    sigmoid,
    sign,
    trunc_divide,
)
from tinytorch.dtypes import FROM_NUMPY, bfloat16, dtype, float16
from tinytorch.layout import Layout, Shape

ndarray = np.ndarray

UFUNCS: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "pow": power,
    "floor_divide": floor_divide,
    "remainder": remainder,
    "fmod": fmod,
    "trunc_divide": trunc_divide,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "atan2": np.arctan2,
    "neg": np.negative,
    "abs": np.absolute,
    "sign": sign,
    "reciprocal": np.reciprocal,
    "exp": np.exp,
    "exp2": np.exp2,
    "expm1": np.expm1,
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "log1p": np.log1p,
    "sqrt": np.sqrt,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "erf": erf,
    "erfc": erfc,
    "erfinv": erfinv,
    "lgamma": lgamma,
    "digamma": digamma,
    "polygamma": polygamma,
    "sigmoid": sigmoid,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.rint,
    "trunc": np.trunc,
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "not": np.invert,
    "shift_left": np.left_shift,
    "shift_right": np.right_shift,
    "isnan": np.isnan,
    "isinf": np.isinf,
    "where": np.where,
}
HALVES = (float16, bfloat16)  # stored in two bytes, computed in float32
FOLDS = {"add": np.add, "multiply": np.multiply, "maximum": np.maximum, "minimum": np.minimum}


class Functions(dict[Expr, Callable[..., Any]]):
    """From a scalar expression to a function of whole NumPy arrays, each built once.

    A single function is the ufunc itself; a compound one becomes one Python lambda.
    """

    def __missing__(self, expr: Expr) -> Callable[..., Any]:
        if isinstance(expr, tuple) and expr[1:] == tuple(range(len(expr) - 1)):
            made = UFUNCS[expr[0]]
        else:
            names = ", ".join(f"x{i}" for i in range(arity(expr)))
            constants: dict[str, Constant] = {}
            text = source(expr, constants)
            made = eval(f"lambda {names}: {text}", CALLS | constants)
        self[expr] = made
        return made


class Constant(dict[Any, Any]):
    """A number; for a floating point type as an array without axes, since NumPy takes a Python number twice as slowly."""

    def __init__(self, text: str) -> None:
        self.value = int(text) if text.lstrip("-").isdigit() else float(text)

    def __missing__(self, kind: np.dtype[Any]) -> Any:
        self[kind] = made = np.array(self.value, kind) if kind.kind == "f" else self.value
        return made


# What compound expressions may call; the underscore since `and` is no Python name.
CALLS: dict[str, Any] = {f"{name}_": call for name, call in UFUNCS.items()}


def source(expr: Expr, constants: dict[str, Constant]) -> str:
    """An expression as Python source; its numbers are put among `constants`.

    >>> source(("add", 0, ("exp", 1)), {})
    'add_(x0, exp_(x1))'
    """
    if isinstance(expr, int):
        return f"x{expr}"
    if expr[0] == "const":
        name = f"constant{len(constants)}"
        constants[name] = Constant(expr[1])
        return f"{name}[x0.dtype]"
    return f"{expr[0]}_({', '.join([source(part, constants) for part in expr[1:]])})"


def arity(expr: Expr) -> int:
    """How many inputs an expression names: one more than the highest.

    >>> arity(("mul", 2, 0))
    3
    """
    if isinstance(expr, int):
        return expr + 1
    return 0 if expr[0] == "const" else max(map(arity, expr[1:]), default=0)


FUNCTIONS = Functions()


class Cpu(Device):
    """This computer's processor, through NumPy."""

    name = "cpu"

    def empty(self, shape: Shape, dtype: dtype) -> Array:
        """New memory from NumPy."""
        return self.wrap(np.empty(shape, dtype.numpy))

    def upload(self, values: np.ndarray[Any, Any]) -> Array:
        """Shares the memory of `values`."""
        if values.flags.c_contiguous or packed(values):
            return self.wrap(values)
        return self.window(values)

    def download(self, x: Array) -> np.ndarray[Any, Any]:
        """Shares the memory of `x`."""
        host: np.ndarray[Any, Any] = x.host
        return host

    def wrap(self, host: np.ndarray[Any, Any]) -> Array:
        """An array over memory that NumPy has just made (or anything without gaps)."""
        made = Array.over(self, Storage(host), FROM_NUMPY[host.dtype])
        made.host = host
        made.shape = host.shape
        return made

    def window(self, values: np.ndarray[Any, Any]) -> Array:
        """An array over somebody else's memory, which may be strided and have gaps."""
        item = values.itemsize
        if values.size == 0 or any(stride % item for stride in values.strides):
            return self.wrap(np.array(values, order="C"))
        reach = [(size - 1) * stride for size, stride in zip(values.shape, values.strides, strict=True)]
        first, last = sum(min(r, 0) for r in reach), sum(max(r, 0) for r in reach)
        start = values[tuple(slice(None, None, -1) if s < 0 else slice(None) for s in values.strides)]
        flat = np.lib.stride_tricks.as_strided(start, ((last - first) // item + 1,), (item,))
        made = Array.over(self, Storage(flat), FROM_NUMPY[values.dtype])
        strides = tuple(stride // item for stride in values.strides)
        made.layout, made.host = Layout(values.shape, strides, -first // item), values
        made.shape = values.shape
        return made

    def strided(self, x: Array) -> np.ndarray[Any, Any]:
        """NumPy's view of a layout, without a copy."""
        shape, item = x.layout.shape, x.dtype.itemsize
        if 0 in shape:
            return np.empty(shape, x.dtype.numpy)
        buffer = x.storage.buffer
        if buffer.ndim != 1:  # a result that kept the memory order of its permuted inputs
            buffer = x.storage.buffer = buffer.ravel(order="K")
        strides = tuple([stride * item for stride in x.layout.strides])
        return np.ndarray(shape, x.dtype.numpy, buffer, x.layout.offset * item, strides)

    def layout_of(self, x: Array) -> Layout:
        """NumPy counts strides in bytes, a layout in elements."""
        host = x.host
        if host.flags.c_contiguous:
            return Layout.contiguous(host.shape)
        return Layout(host.shape, tuple([stride // host.itemsize for stride in host.strides]))

    def map(
        self, expr: Expr, x: Array, y: Array | None = None, *more: Array, out: Array | None = None
    ) -> Array:
        """One NumPy call per function in `expr`."""
        # One and two inputs are spelled out: small operations are made of steps as small as a comprehension.
        if x.dtype.wide is not None:
            return self.map_halves(expr, x, [x, *(() if y is None else (y, *more))], out)
        if out is not None:
            return self.write(expr, (x, *(() if y is None else (y, *more))), out)
        if y is None:
            host = FUNCTIONS[expr](x.host)
        elif not more:
            host = FUNCTIONS[expr](x.host, y.host)
        else:
            host = FUNCTIONS[expr](x.host, y.host, *[each.host for each in more])
        if type(host) is not ndarray:  # NumPy returns a scalar where all inputs have no axes
            host = np.asarray(host)
        made = Array()
        made.device, made.stored, made.dtype = self, None, FROM_NUMPY[host.dtype]
        made.host, made.shape = host, host.shape
        return made

    def map_halves(self, expr: Expr, x: Array, xs: list[Array], out: Array | None) -> Array:
        """In float32, rounded once: an expression of five functions loses no more digits than one."""
        if expr == 0:
            return self.write(expr, (x,), out) if out is not None else self.wrap(x.host)
        wide = np.asarray(
            FUNCTIONS[expr](
                *[each.host if each.dtype.wide is None else each.host.astype(each.dtype.wide) for each in xs]
            )
        )
        made = wide.astype(x.host.dtype) if wide.dtype == x.dtype.wide else wide
        if out is None:
            return self.wrap(made)
        np.copyto(out.host, made, casting="unsafe")
        return out

    def write(self, expr: Expr, xs: tuple[Array, ...], out: Array) -> Array:
        """Evaluate into existing memory."""
        function = FUNCTIONS[expr]
        hosts = [x.host for x in xs]
        if isinstance(function, np.ufunc) and xs[0].dtype is out.dtype:
            function(*hosts, out=out.host)
        else:
            np.copyto(out.host, function(*hosts), casting="unsafe")
        return out

    def reduce(self, name: str, x: Array, axes: Shape) -> Array:
        """NumPy's reduce; halves are accumulated in float32, or 5,000 ones would sum to 2,048."""
        fold, host = FOLDS[name], x.host
        if x.dtype in HALVES and name in ("add", "multiply"):
            wide = fold.reduce(host, axis=axes, keepdims=True, dtype=np.float32)
            return self.wrap(np.asarray(wide, host.dtype))
        return self.wrap(np.asarray(fold.reduce(host, axis=axes, keepdims=True, dtype=host.dtype)))

    def matmul(self, x: Array, y: Array) -> Array:
        """Transposed operands reach BLAS as they are; halves are multiplied in float32."""
        if x.dtype in HALVES:
            wide = np.matmul(x.host.astype(np.float32), y.host.astype(np.float32))
            return self.wrap(wide.astype(x.host.dtype))
        return self.wrap(np.matmul(x.host, y.host))

    def gather(self, x: Array, *indices: Array) -> Array:
        """NumPy's integer indexing; one index array takes the faster path."""
        if len(indices) == 1:
            made = picked_rows(x, indices[0])
            return self.wrap(x.host.take(indices[0].host, axis=0) if made is None else made)
        return self.wrap(np.asarray(x.host[tuple([index.host for index in indices])]))

    def scatter(self, out: Array, src: Array, *indices: Array, add: bool) -> Array:
        """`np.add.at` counts duplicates, which `out[index] += src` would lose. Whole rows have a kernel."""
        where = tuple([index.host for index in indices])
        if add:
            if len(indices) != 1 or not added_rows(out, src, indices[0]):
                np.add.at(out.host, where, src.host)
        else:
            out.host[where] = src.host
        return out

    def join(self, xs: Sequence[Array], axis: int) -> Array:
        """NumPy's concatenate."""
        return self.wrap(np.concatenate([x.host for x in xs], axis))

    def sort(self, x: Array, axis: int, descending: bool) -> Array:
        """NumPy's stable argsort."""
        return self.wrap(sorting_indices(x.host, axis, descending))

    def scan(self, name: str, x: Array, axis: int) -> Array:
        """NumPy's cumsum and cumprod."""
        return self.wrap(running(name, x.host, axis))

    def argreduce(self, name: str, x: Array, axis: int) -> Array:
        """NumPy's argmax and argmin."""
        return self.wrap(first_index(name, x.host, axis))

    def kernel(self, card: Any) -> Kernel | None:
        """What C has for it."""
        return KERNELS[type(card)]


def packed(values: np.ndarray[Any, Any]) -> bool:
    """Whether the elements fill their memory without gaps, in some order of the axes."""
    by_stride = sorted(zip(values.strides, values.shape, strict=True))
    step = values.itemsize
    for stride, size in by_stride:
        if size != 1 and stride != step:
            return False
        step *= size
    return True


def create() -> Cpu:
    """The one CPU. Tensors overflow quietly, as in PyTorch: NumPy's floating point warnings end here."""
    np.seterr(all="ignore")
    keep_freed_memory()
    with_loops(FUNCTIONS, source, CALLS)
    return Cpu()
