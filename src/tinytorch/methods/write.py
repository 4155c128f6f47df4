"""Methods that write into the memory of a tensor, and how any method gets a variant that does."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from tinytorch import composed_elementwise, ops
from tinytorch.autograd.grad_mode import MODE
from tinytorch.autograd.versions import check_writable, keep_overwritten, rebind
from tinytorch.errors import DtypeError, ShapeError
from tinytorch.layout import Layout
from tinytorch.methods.movement import axes_of
from tinytorch.ops.movement import reach

if TYPE_CHECKING:
    from tinytorch.array import Array
    from tinytorch.tensor import Tensor

WRITERS = [  # the methods that have a variant with an underscore
    *[name for name in composed_elementwise.NAMES if name not in ("isreal", "positive", "signbit")],
    "eq", "ne", "lt", "le", "gt", "ge", "not_equal", "less", "less_equal", "greater", "greater_equal",
    "acosh", "asinh", "atanh", "arccosh", "arcsinh", "arctanh", "erfc", "erfinv", "lgamma", "digamma",
    "polygamma", "logical_and", "logical_or", "logical_xor", "logical_not", "bitwise_and", "bitwise_or", "bitwise_xor",
    "bitwise_not", "acos", "asin", "atan", "atan2", "arccos", "arcsin", "arctan", "cosh", "sinh", "tan",
    "exp2", "log2", "log10", "absolute", "negative", "fix", "fmod", "sgn", "true_divide", "cumprod",
    "index_copy", "index_fill", "masked_scatter", "addbmm", "addmv", "addr", "baddbmm", "add", "sub", "mul",
    "div", "pow", "neg", "abs", "exp", "log", "sqrt", "rsqrt", "reciprocal", "sin", "cos", "tanh",
    "sigmoid", "relu", "floor", "ceil", "round", "trunc", "sign", "clamp", "masked_fill", "index_put",
    "scatter", "scatter_add", "index_add", "lerp", "addcmul", "addcdiv", "square", "erf", "floor_divide",
    "remainder", "tril", "triu", "cumsum", "log1p", "expm1", "multiply", "divide", "subtract", "clip",
    "addmm",
]  # fmt: skip
COMPOSED = {  # made of several operations, the first of which may keep for its gradient what the last overwrites
    *composed_elementwise.NAMES, "div", "divide", "lerp", "addcmul", "addcdiv", "addmm", "addbmm", "addmv", "addr",
    "baddbmm", "square", "clamp", "clip", "round", "tril", "triu", "masked_scatter", "index_copy", "index_fill",
    "renorm", "index_reduce", "scatter_reduce",
}  # fmt: skip
OPERATORS = ("add", "sub", "mul", "truediv", "pow", "floordiv", "mod", "and", "or", "xor", "lshift", "rshift")
MOVERS = ("squeeze", "unsqueeze", "transpose", "t", "swapaxes", "swapdims", "as_strided")


def in_place(method: Callable[..., Tensor], name: str) -> Callable[..., Tensor]:
    """The variant of a method that writes its result into the tensor itself."""
    composed, running = name.rstrip("_") in COMPOSED, name in ("cumsum_", "cumprod_")

    def write(self: Tensor, *args: Any, **options: Any) -> Tensor:
        check_writable(self)
        wanted = (
            composed
            and MODE.recording
            and any(each.requires_grad for each in (self, *args) if isinstance(each, self.wrap))
        )
        if running:
            options.setdefault("dtype", self.dtype)
        new = method(self.clone() if wanted else self, *args, **options)
        if new is NotImplemented:
            raise TypeError(f"{name} does not take {args[0]!r}")
        if name == "float_power_" and self.dtype is not new.dtype:
            raise RuntimeError(f"float_power_ computes in {new.dtype}, and this tensor has {self.dtype}")
        return overwrite(self, new, name)

    write.__name__ = name
    write.__doc__ = f"`{name.rstrip('_')}`, written into this tensor."
    return write


def overwrite(x: Tensor, new: Tensor, writer: str) -> Tensor:
    """Put the values of `new` into the memory of `x`, and its history in the place of x's."""
    source, target = new.array, x.array
    if source.shape != target.shape:
        raise ShapeError(
            f"{writer} cannot write a result of shape {source.shape} into a tensor of shape {target.shape}"
        )
    if target.stored is not None and shared(target):
        raise ShapeError(
            "unsupported operation: more than one element of the written-to tensor refers to a single memory location. "
            f"Please clone() the tensor before {writer}"
        )
    if source.dtype.category > target.dtype.category:
        raise DtypeError(
            f"result type {source.dtype.name} can't be cast to the desired output type {target.dtype.name}"
        )
    if new.requires_grad and source.dtype is not target.dtype:
        new = new.to(target.dtype)
    if new.edge is not None:
        keep_overwritten(new.edge[0], target)
    target.device.map(0, source, out=target)
    rebind(x, new, writer)
    return x


def shared(x: Array) -> bool:
    """Whether several elements are one in memory, as after `expand`."""
    return x.size > 0 and any(
        step == 0 and size > 1 for step, size in zip(x.layout.strides, x.shape, strict=True)
    )


def copy_(x: Tensor, src: Any) -> Tensor:
    """Take over the values of `src`, broadcast and converted."""
    src = src if isinstance(src, x.wrap) else x.new_tensor(src)
    check_writable(x)
    src.array.layout.expand(x.shape)
    return overwrite(x, x.apply(ops.ASSIGN, x, src.to(x.dtype)), "copy_")


def fill_(x: Tensor, value: Any) -> Tensor:
    """Every element becomes `value`."""
    if getattr(value, "ndim", 0):
        raise RuntimeError(
            f"fill_ only supports 0-dimension value tensor but got tensor with {value.ndim} dimensions."
        )
    return x.copy_(value)


def fill_diagonal_(x: Tensor, fill_value: Any, wrap: bool = False) -> Tensor:
    """Every element on the diagonal becomes `fill_value`; with `wrap` it starts again below a tall matrix."""
    if x.ndim < 2:
        raise RuntimeError("fill_diagonal_: dimensions must larger than 1")
    if x.ndim > 2 and len(set(x.shape)) > 1:
        raise RuntimeError(f"fill_diagonal_: all dimensions of input must be of equal length, not {x.shape}")
    size, step = min(x.shape), sum(x.stride())
    x.as_strided((size,), (step,)).fill_(fill_value)
    if wrap and x.ndim == 2 and x.shape[0] > x.shape[1] + 1:
        x[x.shape[1] + 1 :].fill_diagonal_(fill_value, wrap=True)
    return x


def resize_(x: Tensor, *sizes: Any, memory_format: Any = None) -> Tensor:
    """Its memory under a new shape, in reading order; more memory, with arbitrary values, where that is too little."""
    shape, array = axes_of(sizes), x.array
    if x.requires_grad:
        raise RuntimeError("cannot resize variables that require grad")
    layout = Layout(shape, Layout.contiguous(shape).strides, array.layout.offset)
    if reach(layout) <= array.storage.buffer.size:
        x.array = array.view(layout)
        return x
    larger = x.new_empty(shape)
    kept = min(x.numel(), larger.numel())
    larger.reshape(-1)[:kept] = x.detach().reshape(-1)[:kept]
    x.array = larger.array
    return x


def resize_as_(x: Tensor, the_template: Tensor, memory_format: Any = None) -> Tensor:
    """`resize_` to the shape of another tensor."""
    return x.resize_(the_template.shape)


def moved_in_place(name: str) -> Callable[..., Tensor]:
    """The variant of a view method that gives the tensor itself the new shape."""

    def move(self: Tensor, *args: Any, **options: Any) -> Tensor:
        seen = getattr(self, name)(*args, **options)
        self.array, self.edge, self.view_of = (
            seen.array,
            seen.edge,
            seen.view_of if seen.edge is not None else None,
        )
        return self

    move.__name__ = f"{name}_"
    move.__doc__ = f"`{name}`, as the new shape of this tensor."
    return move


def zero_(x: Tensor) -> Tensor:
    """Every element becomes 0."""
    return x.copy_(0)


def set_data(x: Tensor, values: np.ndarray[Any, Any], writer: str) -> Tensor:
    """Values from NumPy, written in place without history (random fills)."""
    check_writable(x)
    np.copyto(x.array.host, values, casting="unsafe")
    x.array.storage.bump(writer)
    return x
