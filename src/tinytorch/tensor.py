"""Tensor: what people hold. Each method names a card and sends it through `apply`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any

import numpy as np

from tinytorch import composed, composed_axes, composed_elementwise, composed_statistics, dtypes, ops
from tinytorch.array import Array
from tinytorch.autograd import graph
from tinytorch.autograd.grad_mode import MODE, no_grad
from tinytorch.autograd.versions import check_writable, keep_overwritten, rebind, settle
from tinytorch.devices.interface import backend, device
from tinytorch.dtypes import FLOATING, dtype
from tinytorch.errors import DeviceError, DtypeError, IndexOutOfRange, ShapeError
from tinytorch.indexing import Picked, canonical_dim, canonical_dims, take_apart
from tinytorch.layout import Layout, Shape, broadcast_shapes
from tinytorch.observe import LISTENING, muted
from tinytorch.ops.card import FLOAT, FREE, Op
from tinytorch.printing import text

Number = int | float | bool
new = object.__new__  # filling slots in by hand takes half the time of a call of the class
# Inside the class these names belong to methods.
Int = int
Float = float
Flag = bool
Dtype = dtypes.dtype
DeviceName = device
Dims = int | Sequence[int] | None


def apply(op: Op, x: Tensor, y: Tensor | None = None, *more: Tensor) -> Any:
    """Run one card. All tensor computation passes through here.

    Three ports: rewrite the inputs (promotion), record the operation (autograd), announce it
    (observers). Returns a Tensor, or a tuple of them where the card has several outputs.
    """
    # Most operations are elementwise, on one or two inputs with nothing to rewrite: these take the short way.
    a = x.array
    if op.expr is not None and a.dtype.category == FLOATING and x.view_of is None:
        made: Any = None
        try:
            if y is None:
                made = a.device.map(op.expr, a)
            elif y.array.dtype is a.dtype and y.view_of is None and not more:
                made = a.device.map(op.expr, a, y.array)
        except (ValueError, TypeError) as error:
            raise refusal(op, (a,) if y is None else (a, y.array), error) from error
        if made is not None:
            result = new(Tensor)
            result.array, result.requires_grad = made, False
            result.edge = result.grad = result.view_of = None
            if (
                (x.requires_grad or (y is not None and y.requires_grad))
                and MODE.recording
                and op.differentiable
            ):
                graph.record_short(op, x, y, result)
            if LISTENING.observers:
                announce(op, (x,) if y is None else (x, y), result)
            return result
    return apply_fully(op, (x,) if y is None else (x, y, *more))


def apply_fully(op: Op, inputs: tuple[Tensor, ...]) -> Any:
    """The long way: any card, any number of inputs, of any types, and views whose base was written to."""
    for x in inputs:
        if x.view_of is not None:
            settle(x)
    inputs, arrays = rewritten(op, inputs)
    if op.expr is not None:
        try:
            made: Any = arrays[0].device.map(op.expr, *arrays)
        except (ValueError, TypeError) as error:
            raise refusal(op, arrays, error) from error
    else:
        made = evaluate(op, arrays) if op.defined else op.forward(*arrays)
    single = type(made) is Array
    result: Any = Tensor(made) if single else tuple([Tensor(each) for each in made])
    if MODE.recording and op.differentiable and any([x.requires_grad for x in inputs]):  # noqa: C419 a list is faster
        graph.record(op, inputs, arrays, (result,) if single else result)
    if LISTENING.observers:
        announce(op, inputs, result)
    return result


def announce(op: Op, inputs: tuple[Tensor, ...], result: Any) -> None:
    """Tell whoever listens."""
    for observer in LISTENING.observers:
        observer(op, inputs, result)


def refusal(op: Op, arrays: Sequence[Array], error: Exception) -> Exception:
    """Why a device could not map: sizes that do not fit (raised from here), or types that it does not take."""
    broadcast_shapes(*[array.shape for array in arrays])
    names = " and ".join(array.dtype.name for array in arrays)
    return DtypeError(f"{type(op).__name__} does not take {names}: {error}")


def evaluate(op: Any, arrays: Sequence[Array]) -> Any:
    """A fused card: by the device's kernel for it, or by its definition, which counts as one operation."""
    kernel = arrays[0].device.kernel(op)
    if kernel is not None:
        return kernel(op, *arrays)
    with no_grad(), muted():
        made = op.definition(*[Tensor(array) for array in arrays])
    return tuple([each.array for each in made]) if isinstance(made, tuple) else made.array


def rewritten(op: Op, inputs: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], list[Array]]:
    """The inputs as the card takes them: in one dtype, or in a floating point one, where it says so."""
    arrays = [x.array for x in inputs]
    first = arrays[0].dtype
    mixed = False
    for array in arrays:
        if array.dtype is not first:
            mixed = True
    if op.promotion is FREE or not (mixed or (op.promotion is FLOAT and first.category != FLOATING)):
        return inputs, arrays
    inputs = promoted(op, inputs)
    return inputs, [x.array for x in inputs]


def promoted(op: Op, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The inputs in the one dtype in which the card computes. The condition of a Where stays bool."""
    values = inputs[1:] if type(op) is ops.Where else inputs
    target = dtypes.result_type(*[(x.array.dtype, 2 if x.array.shape else 1) for x in values])
    if type(op) is ops.MatMul and any(x.array.dtype is not target for x in inputs):
        raise DtypeError(
            f"expected both to have the same dtype, but got {inputs[0].dtype} @ {inputs[1].dtype}: "
            "convert one of them with .to(dtype)"
        )
    if op.promotion is FLOAT and target.category != FLOATING:
        target = dtypes.get_default_dtype()
    if type(op) is ops.Where and inputs[0].array.dtype is not dtypes.bool_:
        raise DtypeError(f"where expects a condition of dtype bool, not {inputs[0].dtype}")
    same = tuple([x if x.array.dtype is target else x.to(target) for x in values])
    return (inputs[0], *same) if type(op) is ops.Where else same


CONSTANTS: dict[Any, Tensor] = {}


def constant(value: Number, dtype: dtype, on: Any) -> Tensor:
    """A number as a zero-dimensional tensor, remembered: most programs use few of them."""
    key = (value, type(value), dtype, on)
    found = CONSTANTS.get(key) if value else None  # 0.0 and -0.0 are equal, and different
    if found is None:
        if len(CONSTANTS) > 4096:
            CONSTANTS.clear()
        found = CONSTANTS[key] = Tensor(on.upload(np.array(value).astype(dtype.numpy)))
    return found


def operand(x: Tensor, other: Any) -> Any:
    """The other side of an operator: a tensor as it is, a number as a constant; strangers refused."""
    if isinstance(other, Tensor):
        return other
    if isinstance(other, np.generic):
        other = other.item()
    if type(other) not in (float, int, bool):
        return NotImplemented
    mine, its = x.array.dtype, dtypes.of_number(other)
    return constant(other, mine if its.category <= mine.category else its, x.array.device)


def binary(card: Op, swapped: bool = False) -> Callable[[Tensor, Any], Tensor]:
    """An operator of two sides."""

    def method(self: Tensor, other: Any) -> Tensor:
        if type(other) is not Tensor:
            other = operand(self, other)
            if other is NotImplemented:
                return NotImplemented
        made: Tensor = apply(card, other, self) if swapped else apply(card, self, other)
        return made

    return method


def subtracting(method: Callable[[Tensor, Any], Tensor]) -> Callable[[Tensor, Any], Tensor]:
    """The difference: refused for bools, as in PyTorch. `^` says where two differ, `~` is the opposite."""

    def minus(self: Tensor, other: Any) -> Tensor:
        if (
            self.array.dtype is dtypes.bool_
            or getattr(other, "dtype", None) is dtypes.bool_
            or type(other) is bool
        ):
            raise RuntimeError(
                "Subtraction, the `-` operator, with a bool tensor is not supported: use ^ or ~"
            )
        return method(self, other)

    return minus


def unary(card: Op) -> Callable[[Tensor], Tensor]:
    """A method without arguments."""

    def method(self: Tensor) -> Tensor:
        made: Tensor = apply(card, self)
        return made

    method.__doc__ = type(card).__doc__
    return method


def see(card: Op, x: Tensor) -> Tensor:
    """A view: its card, and whose memory it shows."""
    out: Tensor = apply(card, x)
    if MODE.recording:
        out.view_of = (x if x.view_of is None else x.view_of[0], x.array.storage.version)
    return out


def in_place(method: Callable[..., Tensor], name: str) -> Callable[..., Tensor]:
    """The variant of a method that writes its result into the tensor itself."""

    def write(self: Tensor, *args: Any, **options: Any) -> Tensor:
        check_writable(self)
        new = method(self, *args, **options)
        if new is NotImplemented:
            raise TypeError(f"{name} does not take {args[0]!r}")
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


def axes_of(given: tuple[Any, ...]) -> tuple[int, ...]:
    """Sizes or axes given one by one, or as one sequence."""
    if len(given) == 1 and not isinstance(given[0], (int, np.integer, Tensor)):
        return tuple([int(each) for each in given[0]])
    return tuple([int(each) for each in given])


class Tensor:
    """An n-dimensional array that remembers how it was made (`torch.Tensor`).

    Made of nested lists (float32, as PyTorch's constructor does) or, inside the framework, of an Array.
    Most programs use `tinytorch.tensor(...)`.

    >>> Tensor([[1, 2], [3, 4]]).sum()
    tensor(10.)
    """

    __slots__ = ("__weakref__", "array", "edge", "grad", "hooks", "requires_grad", "view_of")

    __array_priority__ = 1000  # so that a NumPy scalar on the left leaves the operator to us

    array: Array
    edge: graph.Edge | None
    grad: Tensor | None
    view_of: tuple[Tensor, Int] | None
    hooks: dict[Int, list[Callable[..., Any]]]
    wrap: type[Tensor]  # makes a plain tensor of an array; for the engine, which stands below this class
    add_: Callable[..., Tensor]  # this one and its kind are made from WRITERS below
    index_put_: Callable[..., Tensor]

    def __init__(self, data: Any = (), *sizes: Int, requires_grad: Flag = False) -> None:
        if type(data) is Array:
            self.array = data
        else:
            self.array = legacy(data, sizes)
        self.edge = None
        self.grad = None
        self.view_of = None
        self.requires_grad = False
        if requires_grad:
            self.requires_grad_()

    # what it is

    @property
    def shape(self) -> Shape:
        """The size of each axis, a plain tuple."""
        return self.array.shape

    @property
    def dtype(self) -> Dtype:
        """The element type."""
        return self.array.dtype

    @property
    def device(self) -> DeviceName:
        """Where its memory is."""
        return DeviceName(self.array.device.name)

    @property
    def ndim(self) -> Int:
        """How many axes it has."""
        return len(self.array.shape)

    @property
    def nbytes(self) -> Int:
        """Bytes that its elements take."""
        return self.numel() * self.array.dtype.itemsize

    @property
    def itemsize(self) -> Int:
        """Bytes of one element."""
        return self.array.dtype.itemsize

    @property
    def is_leaf(self) -> Flag:
        """Whether no recorded operation made it."""
        return self.edge is None

    @property
    def grad_fn(self) -> graph.Node | None:
        """The node that made it, None for a leaf."""
        if self.view_of is not None:
            settle(self)
        return None if self.edge is None else self.edge[0]

    @property
    def data(self) -> Tensor:
        """The same memory without history."""
        return self.detach()

    @data.setter
    def data(self, new: Tensor) -> None:
        self.array = new.array

    def size(self, dim: Int | None = None) -> Any:
        """The shape, or the size of one axis."""
        return self.shape if dim is None else self.shape[canonical_dim(dim, self.ndim)]

    def dim(self) -> Int:
        """How many axes it has."""
        return len(self.array.shape)

    def numel(self) -> Int:
        """How many elements it has."""
        return prod(self.array.shape)

    def element_size(self) -> Int:
        """Bytes of one element."""
        return self.array.dtype.itemsize

    def stride(self, dim: Int | None = None) -> Any:
        """Elements to move for one step along each axis, or along one."""
        strides = self.array.layout.strides
        return strides if dim is None else strides[canonical_dim(dim, self.ndim)]

    def storage_offset(self) -> Int:
        """Where its first element lies in the storage, in elements."""
        return self.array.layout.offset

    def is_contiguous(self) -> Flag:
        """Whether reading order is memory order."""
        return self.array.layout.is_contiguous()

    def is_floating_point(self) -> Flag:
        """Whether its type is a floating point one."""
        return self.array.dtype.is_floating_point

    def data_ptr(self) -> Int:
        """The address of its first element (CPU)."""
        return int(self.numpy_view().ctypes.data)

    def __len__(self) -> Int:
        if not self.shape:
            raise TypeError("len() of a 0-d tensor")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if not self.shape:
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))

    __hash__ = object.__hash__

    def __bool__(self) -> Flag:
        if self.numel() != 1:
            raise RuntimeError(
                f"Boolean value of Tensor with more than one value is ambiguous: this one has shape {self.shape}"
            )
        return bool(self.item())

    def __int__(self) -> Int:
        return int(self.item())

    def __float__(self) -> Float:
        return float(self.item())

    def __index__(self) -> Int:
        if self.array.dtype.is_floating_point or self.numel() != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __contains__(self, value: Any) -> Flag:
        return bool((self == value).any().item())

    def __repr__(self) -> str:
        values, suffixes = self.numpy_view(), []
        expected = (dtypes.get_default_dtype(), dtypes.int64, dtypes.bool_)
        if self.array.dtype not in expected or (not values.size and self.array.dtype is dtypes.int64):
            suffixes.append(f"dtype={self.array.dtype!r}")
        if self.grad_fn is not None:
            suffixes.append(f"grad_fn=<{self.grad_fn.name()}>")
        elif self.requires_grad:
            suffixes.append("requires_grad=True")
        return text(values, "tensor(", suffixes)

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec and not self.shape else repr(self)

    # from and to

    def numpy_view(self) -> np.ndarray[Any, Any]:
        """Its values as NumPy sees them; on the CPU the same memory."""
        return self.array.device.download(self.array)

    def numpy(self, *, force: Flag = False) -> np.ndarray[Any, Any]:
        """Its values as NumPy sees them; on the CPU the same memory. Refuses what would lose a gradient."""
        if self.requires_grad and not force:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy()")
        return self.numpy_view()

    def __array__(self, dtype: Any = None, copy: Flag | None = None) -> np.ndarray[Any, Any]:
        return np.array(self.numpy(), dtype=dtype, copy=copy)

    def item(self) -> Any:
        """The one number that it holds, as Python's."""
        if self.numel() != 1:
            raise RuntimeError(
                f"a Tensor with {self.numel()} elements cannot be converted to Scalar: its shape is {self.shape}"
            )
        return self.numpy_view().item()

    def tolist(self) -> Any:
        """Nested lists of Python numbers."""
        return self.numpy_view().tolist()

    def to(
        self, *args: Any, dtype: Dtype | None = None, device: Any = None, copy: Flag = False, **_: Any
    ) -> Tensor:
        """As another dtype, on another device, or like another tensor; itself where nothing changes."""
        for each in args:
            if isinstance(each, dtypes.dtype):
                dtype = each
            elif isinstance(each, Tensor):
                dtype, device = each.dtype, each.device
            elif not isinstance(each, bool):
                device = each
        if device is not None and str(device).split(":")[0] != self.array.device.name:
            raise DeviceError(f"cannot move to {device}: tensors live on {self.array.device.name} here")
        if dtype is None or dtype is self.array.dtype:
            return self.clone() if copy else self
        made: Tensor = apply(ops.Cast(self.array.dtype, dtype), self)
        return made

    def type(self, dtype: Any = None) -> Any:
        """As another dtype; without one, the name of the present type."""
        return repr(self.dtype) if dtype is None else self.to(dtype)

    def type_as(self, other: Tensor) -> Tensor:
        """In the dtype of another tensor."""
        return self.to(other.dtype)

    def float(self) -> Tensor:
        """As float32."""
        return self.to(dtypes.float32)

    def double(self) -> Tensor:
        """As float64."""
        return self.to(dtypes.float64)

    def half(self) -> Tensor:
        """As float16."""
        return self.to(dtypes.float16)

    def long(self) -> Tensor:
        """As int64."""
        return self.to(dtypes.int64)

    def int(self) -> Tensor:
        """As int32."""
        return self.to(dtypes.int32)

    def bool(self) -> Tensor:
        """As bool: whether each element is not 0."""
        return self.to(dtypes.bool_)

    def cpu(self) -> Tensor:
        """On the CPU, where it is."""
        return self.to(device="cpu")

    def new_tensor(self, data: Any, dtype: Dtype | None = None) -> Tensor:
        """New values in the dtype of this tensor."""
        return Tensor(self.array.device.upload(np.array(data, (dtype or self.array.dtype).numpy)))

    def new_full(self, size: Any, value: Any, *, dtype: Dtype | None = None) -> Tensor:
        """A new tensor full of one value."""
        return Tensor(self.array.device.upload(np.full(size, value, (dtype or self.array.dtype).numpy)))

    def new_zeros(self, *size: Any, dtype: Dtype | None = None) -> Tensor:
        """A new tensor of zeros."""
        return self.new_full(axes_of(size), 0, dtype=dtype)

    def new_ones(self, *size: Any, dtype: Dtype | None = None) -> Tensor:
        """A new tensor of ones."""
        return self.new_full(axes_of(size), 1, dtype=dtype)

    def new_empty(self, *size: Any, dtype: Dtype | None = None) -> Tensor:
        """A new tensor with arbitrary values."""
        return Tensor(self.array.device.empty(axes_of(size), dtype or self.array.dtype))

    def grid(self, dim: Int) -> Tensor:
        """The index along one axis, shaped to broadcast with this tensor."""
        axis = canonical_dim(dim, self.ndim)
        shape = [-1 if each == axis else 1 for each in range(self.ndim)]
        return Tensor(self.array.device.upload(np.arange(self.shape[axis]).reshape(shape)))

    def broadcast_with(self, other: Tensor) -> tuple[Tensor, Tensor]:
        """Both, expanded to their common shape."""
        shape = broadcast_shapes(self.shape, other.shape)
        return self.expand(shape), other.expand(shape)

    # autograd

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: Any = None,
        create_graph: Any = False,
        inputs: Any = None,
    ) -> None:
        """Add the gradient of this tensor to the `grad` of every leaf that it depends on."""
        if isinstance(inputs, Tensor):
            inputs = [inputs]
        keep = create_graph if retain_graph is None else retain_graph
        graph.backward([self], [gradient], keep_graph=keep, create_graph=create_graph, inputs=inputs)

    def detach(self) -> Tensor:
        """The same memory without history: no gradient flows back from it."""
        return Tensor(self.array)

    def detach_(self) -> Tensor:
        """Forget the history."""
        self.edge, self.requires_grad = None, False
        return self

    def alias(self) -> Tensor:
        """The same values as a result of their own in the graph."""
        return self.reshape(self.shape) if self.is_contiguous() else self.clone()

    def requires_grad_(self, requires_grad: Any = True) -> Tensor:
        """Say whether gradients are wanted for this leaf."""
        if self.edge is not None and not requires_grad:
            raise RuntimeError("you can only change requires_grad flags of leaf variables")
        if requires_grad and not self.is_floating_point():
            raise RuntimeError(
                f"only Tensors of floating point dtype can require gradients, not {self.dtype}"
            )
        self.requires_grad = bool(requires_grad)
        return self

    def retain_grad(self) -> None:
        """Also keep the gradient of a tensor that is not a leaf."""
        graph.retain_grad(self)

    def register_hook(self, hook: Callable[[Tensor], Any]) -> graph.RemovableHandle:
        """Call `hook(gradient)` when the gradient is complete; what it returns replaces it."""
        return graph.register_hook(self, hook)

    # operators

    __add__ = __radd__ = binary(ops.ADD)
    __sub__ = subtracting(binary(ops.SUB))
    __mul__ = __rmul__ = binary(ops.MUL)
    __truediv__ = binary(ops.DIV)
    __pow__ = binary(ops.POW)
    __rpow__ = binary(ops.POW, swapped=True)
    __floordiv__ = binary(ops.FLOOR_DIVIDE)
    __rfloordiv__ = binary(ops.FLOOR_DIVIDE, swapped=True)
    __mod__ = binary(ops.REMAINDER)
    __rmod__ = binary(ops.REMAINDER, swapped=True)
    __and__ = __rand__ = binary(ops.AND)
    __or__ = __ror__ = binary(ops.OR)
    __xor__ = __rxor__ = binary(ops.XOR)
    __lshift__ = binary(ops.SHIFT_LEFT)
    __rshift__ = binary(ops.SHIFT_RIGHT)
    __eq__ = binary(ops.EQUAL)  # type: ignore[assignment]
    __ne__ = binary(ops.NOT_EQUAL)  # type: ignore[assignment]
    __lt__ = binary(ops.LESS)
    __le__ = binary(ops.LESS_EQUAL)
    __gt__ = binary(ops.GREATER)
    __ge__ = binary(ops.GREATER_EQUAL)
    __neg__ = neg = negative = unary(ops.NEG)
    __abs__ = abs = absolute = unary(ops.ABS)
    __invert__ = bitwise_not = unary(ops.NOT)

    def __rsub__(self, other: Any) -> Any:
        """other - self."""
        other = operand(self, other)
        return other if other is NotImplemented else apply(ops.SUB, other, self)

    def __rtruediv__(self, other: Any) -> Any:
        """other / self."""
        other = operand(self, other)
        return other if other is NotImplemented else apply(ops.DIV, other, self)

    def __matmul__(self, other: Tensor) -> Tensor:
        return self.matmul(other) if isinstance(other, Tensor) else NotImplemented

    def add(self, other: Any, *, alpha: Any = 1) -> Tensor:
        """self + alpha * other."""
        return self + (other if alpha == 1 else other * alpha)

    def sub(self, other: Any, *, alpha: Any = 1) -> Tensor:
        """self - alpha * other."""
        return self - (other if alpha == 1 else other * alpha)

    def div(self, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        """self / other, rounded by "floor" or "trunc" on request."""
        if rounding_mode == "floor":
            return self // other
        quotient = self / other
        if rounding_mode is None:
            return quotient
        # Whole numbers stay whole, where `/` makes fractions of them.
        return quotient.trunc().to((self * 0 + other).dtype)

    mul = multiply = __mul__
    subtract, divide, true_divide = sub, div, __truediv__
    pow = __pow__
    floor_divide, remainder = __floordiv__, __mod__
    eq, ne, lt, le, gt, ge = __eq__, __ne__, __lt__, __le__, __gt__, __ge__
    less, less_equal, greater, greater_equal, not_equal = lt, le, gt, ge, ne
    bitwise_and, bitwise_or, bitwise_xor = __and__, __or__, __xor__
    maximum, minimum = binary(ops.MAXIMUM), binary(ops.MINIMUM)
    fmod, atan2 = binary(ops.FMOD), binary(ops.ATAN2)

    # elementwise

    exp, exp2, expm1 = unary(ops.EXP), unary(ops.EXP2), unary(ops.EXPM1)
    log, log2, log10, log1p = unary(ops.LOG), unary(ops.LOG2), unary(ops.LOG10), unary(ops.LOG1P)
    sqrt, rsqrt, reciprocal = unary(ops.SQRT), unary(ops.RSQRT), unary(ops.RECIPROCAL)
    sin, cos, tan = unary(ops.SIN), unary(ops.COS), unary(ops.TAN)
    asin, acos, atan = unary(ops.ASIN), unary(ops.ACOS), unary(ops.ATAN)
    arcsin, arccos, arctan = asin, acos, atan
    sinh, cosh, tanh = unary(ops.SINH), unary(ops.COSH), unary(ops.TANH)
    erf, sigmoid, relu = unary(ops.ERF), unary(ops.SIGMOID), unary(ops.RELU)
    sign, floor, ceil, trunc = unary(ops.SIGN), unary(ops.FLOOR), unary(ops.CEIL), unary(ops.TRUNC)
    isnan, isinf = unary(ops.IS_NAN), unary(ops.IS_INF)
    sgn, fix = sign, trunc

    def square(self) -> Tensor:
        """x * x; bools count as whole numbers."""
        x = self.long() if self.dtype is dtypes.bool_ else self
        return x * x

    def round(self, *, decimals: Any = 0) -> Tensor:
        """The nearest whole number, halves to the even one; or that many decimals."""
        if decimals:
            return (self * 10.0**decimals).round() / 10.0**decimals
        if not self.is_floating_point():
            return self.clone()
        made: Tensor = apply(ops.ROUND, self)
        return made

    def isfinite(self) -> Tensor:
        """Neither infinite nor NaN."""
        return ~(self.isnan() | self.isinf())

    def logical_not(self) -> Tensor:
        """Whether each element is 0."""
        return self == 0

    def logical_and(self, other: Tensor) -> Tensor:
        """Whether neither is 0."""
        return self.bool() & other.bool()

    def logical_or(self, other: Tensor) -> Tensor:
        """Whether one is not 0."""
        return self.bool() | other.bool()

    def logical_xor(self, other: Tensor) -> Tensor:
        """Whether exactly one is not 0."""
        return self.bool() ^ other.bool()

    def where(self, condition: Tensor, other: Any) -> Tensor:
        """This where the condition holds, `other` elsewhere."""
        made: Tensor = apply(ops.WHERE, condition, self, operand(self, other))
        return made

    def clamp(self, min: Any = None, max: Any = None) -> Tensor:
        """Held between `min` and `max`: numbers or tensors."""
        if min is None and max is None:
            raise RuntimeError("clamp needs at least one of min and max")
        low, high = (None if bound is None else operand(self, bound) for bound in (min, max))
        if (
            not self.is_floating_point()
        ):  # whole numbers have no infinity to stand for a bound that is not there
            raised = self if low is None else self.maximum(low)
            return raised if high is None else raised.minimum(high)
        low = operand(self, -np.inf) if low is None else low
        made: Tensor = apply(ops.CLAMP, self, low, operand(self, np.inf) if high is None else high)
        return made

    clip = clamp

    def softmax(self, dim: Int, dtype: Dtype | None = None) -> Tensor:
        """exp(x) over its sum along `dim`."""
        x = self.fractional("softmax") if dtype is None else self.to(dtype)
        made: Tensor = apply(ops.Softmax(canonical_dim(dim, self.ndim)), x)
        return made

    def log_softmax(self, dim: Int, dtype: Dtype | None = None) -> Tensor:
        """The logarithm of the softmax, without forming it."""
        x = self.fractional("log_softmax") if dtype is None else self.to(dtype)
        made: Tensor = apply(ops.LogSoftmax(canonical_dim(dim, self.ndim)), x)
        return made

    def fractional(self, name: str) -> Tensor:
        """Itself. Raises DtypeError for an operation that whole numbers have no answer to."""
        if not self.is_floating_point():
            raise DtypeError(f"{name} does not take {self.dtype.name}: convert it with .float()")
        return self

    # reductions

    def sum(self, dim: Dims = None, keepdim: Any = False, *, dtype: Dtype | None = None) -> Tensor:
        """All elements, or those along `dim`, added up. Integers and bools add up as int64."""
        axes = canonical_dims(dim, self.ndim)
        if dtype is None and self.array.dtype.category != FLOATING:
            dtype = dtypes.int64
        x = self if dtype is None else self.to(dtype)
        made: Tensor = apply(ops.Sum(axes, keepdim), x)
        return made

    def prod(self, dim: Int | None = None, keepdim: Any = False, *, dtype: Dtype | None = None) -> Tensor:
        """All elements, or those along `dim`, multiplied."""
        if dtype is None and self.array.dtype.category != FLOATING:
            dtype = dtypes.int64
        x = self if dtype is None else self.to(dtype)
        made: Tensor = apply(ops.Prod(canonical_dims(dim, self.ndim), keepdim), x)
        return made

    def amax(self, dim: Dims = None, keepdim: Any = False) -> Tensor:
        """The largest along `dim`; ties share the gradient."""
        made: Tensor = apply(ops.Amax(self.nonempty(dim, "amax"), keepdim), self)
        return made

    def amin(self, dim: Dims = None, keepdim: Any = False) -> Tensor:
        """The smallest along `dim`; ties share the gradient."""
        made: Tensor = apply(ops.Amin(self.nonempty(dim, "amin"), keepdim), self)
        return made

    def nonempty(self, dim: Dims, name: str) -> tuple[Any, ...]:
        """The axes of a reduction that has no answer for no elements."""
        axes = canonical_dims(dim, self.ndim)
        if any(self.shape[axis] == 0 for axis in axes):
            raise IndexError(f"{name}(): no elements to reduce in axes {axes} of shape {self.shape}")
        return axes

    def max(self, dim: Any = None, keepdim: Any = False) -> Any:
        """The largest of all; along `dim` (values, indices); or, with a tensor, the larger of both."""
        if isinstance(dim, Tensor):
            return self.maximum(dim)
        if dim is None:
            if not self.numel():
                raise RuntimeError("max(): expected a tensor with at least one element")
            return self.amax()
        return self.extreme("maximum", dim, keepdim)

    def min(self, dim: Any = None, keepdim: Any = False) -> Any:
        """The smallest of all; along `dim` (values, indices); or, with a tensor, the smaller of both."""
        if isinstance(dim, Tensor):
            return self.minimum(dim)
        if dim is None:
            if not self.numel():
                raise RuntimeError("min(): expected a tensor with at least one element")
            return self.amin()
        return self.extreme("minimum", dim, keepdim)

    def extreme(self, fold: str, dim: Int, keepdim: Any) -> composed.ValuesIndices:
        """The extreme values along one axis, and where the first of them stand."""
        axis = canonical_dim(dim, self.ndim)
        if not self.ndim:
            return composed.ValuesIndices(self.clone(), self.new_zeros((), dtype=dtypes.int64))
        self.nonempty(axis, fold)
        indices: Tensor = apply(ops.ArgReduce(fold, axis, True), self)
        values = self.gather(axis, indices)
        if keepdim:
            return composed.ValuesIndices(values, indices)
        return composed.ValuesIndices(values.squeeze(axis), indices.squeeze(axis))

    def argmax(self, dim: Int | None = None, keepdim: Any = False) -> Tensor:
        """Where the first largest element stands: in reading order, or along `dim`."""
        return self.first_of("maximum", dim, keepdim)

    def argmin(self, dim: Int | None = None, keepdim: Any = False) -> Tensor:
        """Where the first smallest element stands: in reading order, or along `dim`."""
        return self.first_of("minimum", dim, keepdim)

    def first_of(self, fold: str, dim: Int | None, keepdim: Any) -> Tensor:
        """The index of an extreme."""
        x = self.flatten() if dim is None or not self.ndim else self
        axis = canonical_dim(0 if dim is None else dim, self.ndim if dim is not None else 1)
        x.nonempty(axis, "argmax" if fold == "maximum" else "argmin")
        made: Tensor = apply(ops.ArgReduce(fold, axis, keepdim and self.ndim > 0), x)
        return made.reshape((1,) * self.ndim) if dim is None and keepdim else made

    def any(self, dim: Dims = None, keepdim: Any = False) -> Tensor:
        """Whether any element is not 0."""
        found = self.bool().to(dtypes.uint8).sum(dim, keepdim) > 0
        return found.to(self.dtype) if self.dtype is dtypes.uint8 else found  # as PyTorch does

    def all(self, dim: Dims = None, keepdim: Any = False) -> Tensor:
        """Whether no element is 0."""
        found = (self == 0).to(dtypes.uint8).sum(dim, keepdim) == 0
        return found.to(self.dtype) if self.dtype is dtypes.uint8 else found  # as PyTorch does

    def count_nonzero(self, dim: Dims = None) -> Tensor:
        """How many elements are not 0."""
        return (self != 0).sum(dim)

    def cumsum(self, dim: Int, *, dtype: Dtype | None = None) -> Tensor:
        """Running sum."""
        if dtype is None and self.array.dtype.category != FLOATING:
            dtype = dtypes.int64
        x = self if dtype is None else self.to(dtype)
        made: Tensor = apply(ops.Cumsum(canonical_dim(dim, self.ndim)), x)
        return made

    def cumprod(self, dim: Int, *, dtype: Dtype | None = None) -> Tensor:
        """Running product."""
        if dtype is None and self.array.dtype.category != FLOATING:
            dtype = dtypes.int64
        x = self if dtype is None else self.to(dtype)
        made: Tensor = apply(ops.Cumprod(canonical_dim(dim, self.ndim)), x)
        return made

    def sort(self, dim: Int = -1, descending: Any = False, stable: Any = False) -> composed.ValuesIndices:
        """In order along an axis, and where the elements stood; equal ones keep their order."""
        axis = canonical_dim(dim, self.ndim)
        if not self.ndim:
            return composed.ValuesIndices(self.clone(), self.new_zeros((), dtype=dtypes.int64))
        values, indices = apply(ops.Sort(axis, descending), self)
        return composed.ValuesIndices(values, indices)

    def argsort(self, dim: Int = -1, descending: Any = False, stable: Any = False) -> Tensor:
        """Where the elements stand that `sort` would put in order."""
        return self.sort(dim, descending).indices

    # products

    def matmul(self, other: Tensor) -> Tensor:
        """The matrix product; 1-d operands are a row on the left, a column on the right; batches broadcast."""
        x, y = self, other
        if not x.ndim or not y.ndim:
            raise RuntimeError(
                f"both arguments to matmul need to be at least 1D, but they are {x.ndim}D and {y.ndim}D"
            )
        if x.shape[-1] != y.shape[-2 if y.ndim > 1 else 0]:
            raise ShapeError(
                f"cannot multiply {x.shape} @ {y.shape}: {x.shape[-1]} columns meet "
                f"{y.shape[-2 if y.ndim > 1 else 0]} rows"
            )
        x = x if x.ndim > 1 else x.unsqueeze(0)
        y = y if y.ndim > 1 else y.unsqueeze(-1)
        if x.ndim > 2 or y.ndim > 2:
            broadcast_shapes(x.shape[:-2], y.shape[:-2])
        out: Tensor = apply(ops.MATMUL, x, y)
        if self.ndim == 1:
            out = out.squeeze(-2)
        return out.squeeze(-1) if other.ndim == 1 else out

    def mm(self, other: Tensor) -> Tensor:
        """The product of two matrices."""
        if self.ndim != 2 or other.ndim != 2:
            raise RuntimeError(f"mm takes two matrices, not shapes {self.shape} and {other.shape}")
        return self.matmul(other)

    def bmm(self, other: Tensor) -> Tensor:
        """The products of two batches of matrices."""
        if self.ndim != 3 or other.ndim != 3 or self.shape[0] != other.shape[0]:
            raise RuntimeError(
                f"bmm takes two batches of matrices, not shapes {self.shape} and {other.shape}"
            )
        return self.matmul(other)

    def dot(self, other: Tensor) -> Tensor:
        """The product of two vectors."""
        if self.ndim != 1 or other.ndim != 1:
            raise RuntimeError(f"1D tensors expected, but got {self.ndim}D and {other.ndim}D tensors")
        return self.matmul(other)

    def mv(self, other: Tensor) -> Tensor:
        """A matrix times a vector."""
        return self.matmul(other)

    def outer(self, other: Tensor) -> Tensor:
        """Every element of one vector times every element of another."""
        if self.ndim != 1 or other.ndim != 1:
            raise RuntimeError(f"outer: Expected 1-D arguments, but got {self.ndim}D and {other.ndim}D")
        return self.unsqueeze(-1) * other.unsqueeze(0)

    # movement

    def view(self, *shape: Any) -> Tensor:
        """The same memory under another shape. Raises where that needs a copy."""
        if isinstance(shape[0], dtypes.dtype):
            raise RuntimeError("view(dtype) is not supported: use .to(dtype), which converts the values")
        sizes = self.filled_in(axes_of(shape))
        if self.array.layout.view(sizes) is None:
            raise RuntimeError(
                f"view size is not compatible with input tensor's size and stride: shape {self.shape} with "
                f"strides {self.stride()} cannot be seen as {sizes} without a copy. Use .reshape(...) instead"
            )
        return see(ops.Reshape(sizes), self)

    def reshape(self, *shape: Any) -> Tensor:
        """The same elements in reading order under another shape: a view where one exists, else a copy."""
        sizes = self.filled_in(axes_of(shape))
        x = self if self.array.layout.view(sizes) is not None else self.clone()
        return see(ops.Reshape(sizes), x)

    def filled_in(self, shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """A shape with its one -1 replaced by what is left."""
        if -1 not in shape:
            return shape
        known = -prod(shape)
        if shape.count(-1) > 1 or known < 0:
            raise ShapeError(f"only one dimension can be inferred, and {shape} leaves more open")
        if not known:
            raise ShapeError(f"cannot reshape {self.shape} to {shape}: -1 could be any size beside a 0")
        rest = self.numel() // known
        return tuple([rest if size == -1 else size for size in shape])

    def view_as(self, other: Tensor) -> Tensor:
        """Under the shape of another tensor."""
        return self.view(other.shape)

    def reshape_as(self, other: Tensor) -> Tensor:
        """Under the shape of another tensor."""
        return self.reshape(other.shape)

    def permute(self, *dims: Any) -> Tensor:
        """The axes in a new order."""
        axes = axes_of(dims)
        if len(axes) != self.ndim:
            raise ShapeError(f"permute needs each of the {self.ndim} axes once, not {axes}")
        return see(ops.Permute(canonical_dims(axes, self.ndim)), self)

    def transpose(self, dim0: Int, dim1: Int) -> Tensor:
        """Two axes exchanged."""
        first, second = canonical_dim(dim0, self.ndim), canonical_dim(dim1, self.ndim)
        axes = list(range(self.ndim))
        if axes:
            axes[first], axes[second] = second, first
        return see(ops.Permute(tuple(axes)), self)

    swapaxes = swapdims = transpose

    def t(self) -> Tensor:
        """A matrix with its axes exchanged."""
        if self.ndim > 2:
            raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {self.ndim}D")
        return self.transpose(0, 1) if self.ndim == 2 else self

    @property
    def T(self) -> Tensor:
        """All axes in reverse order."""
        return self.permute(*reversed(range(self.ndim)))

    @property
    def mT(self) -> Tensor:
        """The last two axes exchanged."""
        if self.ndim < 2:
            raise RuntimeError(
                f"tensor.mT is only supported on matrices or batches of matrices, not {self.ndim}D"
            )
        return self.transpose(-2, -1)

    def expand(self, *sizes: Any) -> Tensor:
        """Axes of size 1 stretched without a copy; -1 keeps a size."""
        return see(ops.Expand(self.array.layout.expand(axes_of(sizes)).shape), self)

    def expand_as(self, other: Tensor) -> Tensor:
        """Stretched to the shape of another tensor."""
        return self.expand(other.shape)

    broadcast_to = expand

    def squeeze(self, dim: Dims = None) -> Tensor:
        """Without axes of size 1: all of them, or those named."""
        axes = canonical_dims(dim, self.ndim)
        return see(ops.Reshape(self.array.layout.squeeze(axes).shape), self)

    def unsqueeze(self, dim: Int) -> Tensor:
        """With a new axis of size 1."""
        axis = canonical_dim(dim, self.ndim + 1)
        return self.seen(self.array.layout.unsqueeze(axis))

    def seen(self, layout: Layout) -> Tensor:
        """Its memory under any layout."""
        return see(ops.View(layout, self.array.layout), self)

    def select(self, dim: Int, index: Int) -> Tensor:
        """One index of an axis."""
        return self.seen(self.array.layout.select(canonical_dim(dim, self.ndim), index))

    def narrow(self, dim: Int, start: Int, length: Int) -> Tensor:
        """`length` indices of an axis from `start` on."""
        axis = canonical_dim(dim, self.ndim)
        size = self.shape[axis]
        start = start + size if start < 0 else start
        if not 0 <= start <= start + length <= size:
            raise ShapeError(
                f"start ({start}) + length ({length}) exceeds dimension size ({size}) of axis {axis}"
            )
        return see(ops.Slice(axis, start, start + length, 1), self)

    def unfold(self, dimension: Int, size: Int, step: Int) -> Tensor:
        """Windows of `size` elements, one every `step`; the window is a new last axis."""
        return self.seen(self.array.layout.unfold(canonical_dim(dimension, self.ndim), size, step))

    def diagonal(self, offset: Int = 0, dim1: Int = 0, dim2: Int = 1) -> Tensor:
        """The elements (i, i + offset) of two axes, as a new last axis."""
        first, second = canonical_dim(dim1, self.ndim), canonical_dim(dim2, self.ndim)
        return self.seen(self.array.layout.diagonal(offset, first, second))

    def flip(self, *dims: Any) -> Tensor:
        """Axes walked backwards. A view here (strides may be negative); PyTorch copies."""
        return see(ops.Flip(canonical_dims(axes_of(dims), self.ndim)), self)

    def as_strided(self, size: Any, stride: Any, storage_offset: Int | None = None) -> Tensor:
        """Its storage under any shape, strides and offset."""
        offset = self.storage_offset() if storage_offset is None else storage_offset
        return self.seen(Layout(tuple(size), tuple(stride), offset))

    def contiguous(self) -> Tensor:
        """Itself where memory order is reading order, else a copy that is."""
        return self if self.is_contiguous() else self.clone()

    def clone(self) -> Tensor:
        """The same values in new memory; gradients flow through."""
        made: Tensor = apply(ops.COPY, self)
        return made

    def __copy__(self) -> Tensor:
        return self.detach().requires_grad_(self.requires_grad)

    def __deepcopy__(self, memo: dict[Any, Any]) -> Tensor:
        if self.edge is not None:
            raise RuntimeError("Only Tensors created explicitly by the user support the deepcopy protocol")
        with no_grad():
            made = type(self)(self.array.copy(), requires_grad=self.requires_grad)
        if self.grad is not None:
            made.grad = self.grad.__deepcopy__(memo)
        memo[id(self)] = made
        return made

    def __reduce__(self) -> Any:
        return unpickled, (self.numpy_view().copy(), self.requires_grad, type(self))

    def cat_after(self, other: Tensor, axis: Int) -> Tensor:
        """This tensor, and then another along one axis."""
        sizes = (self.shape[axis], other.shape[axis])
        made: Tensor = apply(ops.Cat(canonical_dim(axis, self.ndim), sizes), self, other)
        return made

    def pad_axis(self, axis: Int, size: Int) -> Tensor:
        """Zeros after the end of one axis, up to `size`."""
        shape = [size - n if i == axis else n for i, n in enumerate(self.shape)]
        return self.cat_after(self.new_zeros(shape), axis)

    def spread(self, layout: Layout, base: Layout) -> Tensor:
        """Zeros laid out as `base`, with this added where `layout` reads: the gradient of a view."""
        made: Tensor = apply(ops.Spread(layout, base), self)
        return made

    def viewed(self, layout: Layout, base: Layout) -> Tensor:
        """The values laid out as `base`, read as `layout` reads them."""
        made: Tensor = apply(ops.View(layout, base), self)
        return made

    # picking and placing

    def __getitem__(self, index: Any) -> Tensor:
        """Basic subscripts give a view; integer and boolean index tensors give a copy."""
        parts = take_apart(as_tensors(self, index), self.array.layout)
        x = self.seen(parts.layout)
        if not parts.picked:
            return x
        x, indices, rank, front = prepared(x, parts.picked)
        out: Tensor = (
            apply(ops.INDEX, x, *indices) if len(indices) > 1 else apply(ops.INDEX_SELECT, x, *indices)
        )
        if parts.adjacent and front:
            out = out.movedim(tuple(range(rank)), tuple(range(front, front + rank)))
        return out

    def __setitem__(self, index: Any, value: Any) -> None:
        """Write `value`, broadcast, into the elements that the subscript names."""
        parts = take_apart(as_tensors(self, index), self.array.layout)
        x = self.seen(parts.layout)
        if not isinstance(value, Tensor):
            value = self.new_tensor(value)
        if not parts.picked:
            x.copy_(value.reshape(trimmed(value.shape, x.ndim)))
            return
        x, indices, rank, front = prepared(x, parts.picked)
        shape = indices[0].shape + x.shape[len(indices) :]
        if parts.adjacent and front:
            here = (*shape[rank : rank + front], *shape[:rank], *shape[rank + front :])
            value = value.reshape(trimmed(value.shape, len(here))).expand(here)
            value = value.movedim(tuple(range(front, front + rank)), tuple(range(rank)))
        x.index_put_(indices, value.reshape(trimmed(value.shape, len(shape))))

    def index_put(self, indices: Any, values: Tensor, accumulate: Any = False) -> Tensor:
        """`values` written, or added, at x[indices]; duplicates all count when adding."""
        indices = tuple(indices)
        shape = broadcast_shapes(*[i.shape for i in indices])
        value = values.to(self.dtype).expand(shape + self.shape[len(indices) :])
        checked = [in_range(i, self.shape[axis], axis).expand(shape) for axis, i in enumerate(indices)]
        made: Tensor = apply(ops.IndexPut(accumulate), self, value, *checked)
        return made

    def index_select(self, dim: Int, index: Tensor) -> Tensor:
        """The rows along an axis that `index` names."""
        axis = canonical_dim(dim, self.ndim)
        if index.ndim > 1:
            raise IndexError(f"index_select(): Index is supposed to be a vector, not of shape {index.shape}")
        x = self if self.ndim else self.reshape(1)
        rows: Tensor = apply(
            ops.INDEX_SELECT, x.movedim(axis, 0), in_range(index.reshape(-1), x.shape[axis], axis)
        )
        return rows.movedim(0, axis) if self.ndim else rows.reshape(())

    def gather(self, dim: Int, index: Tensor) -> Tensor:
        """Read at `index` along one axis, all other axes at their own position."""
        axis = canonical_dim(dim, self.ndim)
        index = self.lined_up(axis, index, "gather")
        made: Tensor = apply(ops.Gather(axis), self, index)
        return made

    def lined_up(self, axis: Int, index: Tensor, name: str) -> Tensor:
        """An index that fits for gather and scatter. Raises for one that does not."""
        if index.dtype is not dtypes.int64:
            raise DtypeError(f"{name}(): Expected dtype int64 for index, not {index.dtype}")
        if max(index.ndim, 1) != max(self.ndim, 1):
            raise ShapeError(
                f"{name}: the index has {index.ndim} axes and the tensor {self.ndim}; they must agree"
            )
        for each, (size, full) in enumerate(zip(index.shape, self.shape, strict=False)):
            if each != axis and size > full and index.numel():
                raise ShapeError(
                    f"{name}: the index {index.shape} reaches beyond {self.shape} on axis {each}"
                )
        return in_range(index, self.shape[axis] if self.ndim else 1, axis, wrap=False)

    def scatter(self, dim: Int, index: Tensor, src: Any) -> Tensor:
        """With `src` written at `index` along one axis."""
        axis = canonical_dim(dim, self.ndim)
        index = self.lined_up(axis, index, "scatter")
        value = src if isinstance(src, Tensor) else self.new_full(index.shape, src)
        made: Tensor = apply(ops.Scatter(axis, False), self, index, value)
        return made

    def scatter_add(self, dim: Int, index: Tensor, src: Tensor) -> Tensor:
        """With `src` added at `index` along one axis; duplicates all count."""
        axis = canonical_dim(dim, self.ndim)
        index = self.lined_up(axis, index, "scatter_add")
        made: Tensor = apply(ops.Scatter(axis, True), self, index, src)
        return made

    def take_along_dim(self, indices: Tensor, dim: Int) -> Tensor:
        """`gather` with broadcasting."""
        axis = canonical_dim(dim, self.ndim)
        shape = [max(a, b) for a, b in zip(indices.shape, self.shape, strict=True)]
        full = [n if i == axis else s for i, (n, s) in enumerate(zip(indices.shape, shape, strict=True))]
        mine = [n if i == axis else s for i, (n, s) in enumerate(zip(self.shape, shape, strict=True))]
        return self.expand(mine).gather(axis, indices.expand(full))

    def nonzero(self, as_tuple: Any = False) -> Any:
        """The positions of the elements that are not 0: one row each, or one tensor for each axis."""
        found = [Tensor(self.array.device.upload(i)) for i in np.nonzero(np.atleast_1d(self.numpy_view()))]
        if as_tuple:
            return tuple(found)
        if not self.ndim:
            return self.new_zeros((found[0].numel(), 0), dtype=dtypes.int64)
        return Tensor(self.array.device.upload(np.argwhere(self.numpy_view())))

    # in place

    def copy_(self, src: Any) -> Tensor:
        """Take over the values of `src`, broadcast and converted."""
        src = src if isinstance(src, Tensor) else self.new_tensor(src)
        check_writable(self)
        src.array.layout.expand(self.shape)
        return overwrite(self, apply(ops.ASSIGN, self, src.to(self.dtype)), "copy_")

    def fill_(self, value: Any) -> Tensor:
        """Every element becomes `value`."""
        return self.copy_(value)

    def zero_(self) -> Tensor:
        """Every element becomes 0."""
        return self.copy_(0)

    def set_data(self, values: np.ndarray[Any, Any], writer: str) -> Tensor:
        """Values from NumPy, written in place without history (random fills)."""
        check_writable(self)
        np.copyto(self.array.host, values, casting="unsafe")
        self.array.storage.bump(writer)
        return self

    # compositions, in composed.py

    mean, var, std, norm, logsumexp = (
        composed.mean, composed.var, composed.std, composed.norm, composed.logsumexp,
    )  # fmt: skip
    flatten, unflatten, split, chunk, unbind = (
        composed.flatten, composed.unflatten, composed.split, composed.chunk, composed.unbind,
    )  # fmt: skip
    repeat, tile, repeat_interleave, roll = (
        composed.repeat, composed.tile, composed.repeat_interleave, composed.roll,
    )  # fmt: skip
    masked_fill, masked_select, index_add, movedim = (
        composed.masked_fill, composed.masked_select, composed.index_add, composed.movedim,
    )  # fmt: skip
    tril, triu, lerp, topk = composed.tril, composed.triu, composed.lerp, composed.topk
    addmm, addcmul, addcdiv = composed.addmm, composed.addcmul, composed.addcdiv
    isclose, allclose = composed.isclose, composed.allclose


def legacy(data: Any, sizes: tuple[int, ...]) -> Array:
    """What `torch.Tensor(...)` takes: nested lists as float32, or sizes of new memory."""
    on = backend()
    if isinstance(data, int) and not isinstance(data, bool):
        return on.empty((data, *sizes), dtypes.float32)
    if isinstance(data, Tensor):
        return data.array
    return on.upload(np.array(data, np.float32))


def unpickled(values: np.ndarray[Any, Any], requires_grad: bool, kind: Any) -> Any:
    """A tensor from what `__reduce__` wrote."""
    return kind(backend().upload(values), requires_grad=requires_grad)


def as_tensors(x: Tensor, index: Any) -> Any:
    """Lists, NumPy arrays and bools of a subscript as index tensors; all else as it is."""
    entries = index if isinstance(index, tuple) else (index,)
    made = []
    for each in entries:
        if isinstance(each, np.integer):
            each = int(each)
        if isinstance(each, (bool, list, range, np.ndarray, np.bool_)):
            values = np.array(each)
            each = Tensor(x.array.device.upload(values.astype(np.int64) if not values.size else values))
        if isinstance(each, Tensor):
            if each.dtype.is_floating_point:
                raise IndexError(f"tensors used as indices must be integers or bools, not {each.dtype}")
            if not each.ndim and each.dtype is not dtypes.bool_:
                each = int(each.item())
        made.append(each)
    return tuple(made)


def prepared(x: Tensor, picked: list[Picked]) -> tuple[Tensor, tuple[Tensor, ...], int, int]:
    """Picked axes in front, index tensors of one shape; the rank of that shape, and the first picked axis."""
    axes: list[int] = []
    indices: list[Tensor] = []
    for each in picked:
        if each.is_mask and not each.tensor.ndim:  # x[True]: a new axis of size 1 or 0
            x = x.unsqueeze(each.axis)
            axes, indices = [*axes, each.axis], [*indices, each.tensor.reshape(1).nonzero(as_tuple=True)[0]]
            continue
        parts = each.tensor.nonzero(as_tuple=True) if each.is_mask else (each.tensor.long(),)
        for i, part in enumerate(parts):
            axes.append(each.axis + i)
            indices.append(in_range(part, x.shape[each.axis + i], each.axis + i))
    shape = broadcast_shapes(*[i.shape for i in indices])
    front = x.movedim(tuple(axes), tuple(range(len(axes))))
    return front, tuple([i.expand(shape) for i in indices]), len(shape), axes[0]


def in_range(index: Tensor, size: int, axis: int, wrap: bool = True) -> Tensor:
    """An index tensor with negative positions counted from the end. Raises for one that is not there."""
    values = index.numpy_view()
    if not values.size:
        return index.long()
    low, high = int(values.min()), int(values.max())
    if high >= size or low < (-size if wrap else 0):
        wrong = high if high >= size else low
        raise IndexOutOfRange(f"index {wrong} is out of bounds for dimension {axis} with size {size}")
    index = index.long()
    return index if low >= 0 else (index + size).where(index < 0, index)


def trimmed(shape: tuple[int, ...], ndim: int) -> tuple[int, ...]:
    """Without leading ones beyond `ndim` axes: what may be assigned to fewer axes."""
    extra = len(shape) - ndim
    return shape[extra:] if extra > 0 and all(n == 1 for n in shape[:extra]) else shape


Tensor.wrap = Tensor
for _module in (composed_elementwise, composed_statistics, composed_axes):
    for _name in _module.NAMES:
        setattr(Tensor, _name, getattr(_module, _name))

WRITERS = [
    *[name for name in composed_elementwise.NAMES if name not in ("isreal", "positive", "signbit")],
    *["eq", "ne", "lt", "le", "gt", "ge", "not_equal", "less", "less_equal", "greater", "greater_equal"],
    *["logical_and", "logical_or", "logical_xor", "logical_not"],
    *["bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not"],
    *[
        "acos",
        "asin",
        "atan",
        "atan2",
        "arccos",
        "arcsin",
        "arctan",
        "cosh",
        "sinh",
        "tan",
        "exp2",
        "log2",
        "log10",
    ],
    *["absolute", "negative", "fix", "fmod", "not_equal", "sgn", "true_divide", "cumprod"],
    *["index_copy", "index_fill", "masked_scatter", "addbmm", "addmv", "addr", "baddbmm"],
    "add",
    "sub",
    "mul",
    "div",
    "pow",
    "neg",
    "abs",
    "exp",
    "log",
    "sqrt",
    "rsqrt",
    "reciprocal",
    "sin",
    "cos",
    "tanh",
    "sigmoid",
    "relu",
    "floor",
    "ceil",
    "round",
    "trunc",
    "sign",
    "clamp",
    "masked_fill",
    "index_put",
    "scatter",
    "scatter_add",
    "index_add",
    "lerp",
    "addcmul",
    "addcdiv",
    "square",
    "erf",
    "floor_divide",
    "remainder",
    "tril",
    "triu",
    "cumsum",
    "log1p",
    "expm1",
    "multiply",
    "divide",
    "subtract",
    "clip",
    "addmm",
]
for _name in WRITERS:
    setattr(Tensor, f"{_name}_", in_place(getattr(Tensor, _name), f"{_name}_"))
for _name in ("add", "sub", "mul", "truediv", "pow", "floordiv", "mod", "and", "or", "xor"):
    setattr(Tensor, f"__i{_name}__", in_place(getattr(Tensor, f"__{_name}__"), f"__i{_name}__"))
