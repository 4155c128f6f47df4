"""Tensor: what people hold. Each method names a card and sends it through `apply`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from tinytorch import (
    composed,
    composed_axes,
    composed_elementwise,
    composed_linalg,
    composed_statistics,
    dtypes,
    ops,
)
from tinytorch.array import Array
from tinytorch.autograd import graph
from tinytorch.autograd import hooks as hooking
from tinytorch.autograd.grad_mode import MODE, no_grad
from tinytorch.autograd.versions import settle
from tinytorch.devices.interface import device
from tinytorch.dtypes import FLOATING
from tinytorch.errors import DtypeError
from tinytorch.formats import SIZES, Size
from tinytorch.indexing import take_apart
from tinytorch.layout import broadcast_shapes
from tinytorch.methods import (
    contract,
    convert,
    copying,
    elementwise,
    exchange,
    facts,
    index,
    movement,
    reduce,
    write,
)
from tinytorch.methods.convert import as_type
from tinytorch.methods.index import as_tensors, prepared, trimmed
from tinytorch.methods.index import in_range as in_range
from tinytorch.methods.movement import axes_of as axes_of
from tinytorch.methods.names import SPREAD, with_numpy_names, with_spread_keyword
from tinytorch.methods.write import MOVERS, OPERATORS, WRITERS, in_place, moved_in_place
from tinytorch.methods.write import overwrite as overwrite
from tinytorch.observe import EVERYWHERE, LISTENING, muted
from tinytorch.ops.card import Op
from tinytorch.printing import text
from tinytorch.promotion import operand, rewritten

new = object.__new__  # filling slots in by hand takes half the time of a call of the class
# Inside the class these names belong to methods.
Int = int
Float = float
Flag = bool
Dtype = dtypes.dtype
DeviceName = device


def apply(op: Op, x: Tensor, y: Tensor | None = None, *more: Tensor) -> Any:
    """Run one card. All tensor computation passes through here.

    Three ports: rewrite the inputs (promotion), record the operation (autograd), announce it
    (observers). Returns a Tensor, or a tuple of them where the card has several outputs.
    """
    # Most operations are elementwise, on one or two inputs with nothing to rewrite: these take the short way.
    a, expr = x.array, op.expr
    if expr is not None and a.dtype.category == FLOATING and x.view_of is None:
        made: Any = None
        try:
            if y is None:
                made = a.device.map(expr, a)
            elif y.array.dtype is a.dtype and y.view_of is None and not more:
                made = a.device.map(expr, a, y.array)
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
            if EVERYWHERE.count and LISTENING.observers:
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
    made: Any = kernel.forward(op, *arrays) if kernel and kernel.forward else NotImplemented
    if made is not NotImplemented:
        return made
    with no_grad(), muted():
        made = op.definition(*[Tensor(array) for array in arrays])
    return tuple([each.array for each in made]) if isinstance(made, tuple) else made.array


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


def named(card: Op, numbers: bool = True) -> Callable[[Tensor, Any], Tensor]:
    """A method of two sides: `binary`, but what is no operand is refused, and numbers too where PyTorch refuses them."""
    name = type(card).__name__.lower()

    def method(self: Tensor, other: Any) -> Tensor:
        if type(other) is not Tensor:
            other = operand(self, other) if numbers else self.beside(other, name)
            if other is NotImplemented:
                raise TypeError(f"{name}(): argument 'other' must be Tensor or a number")
        made: Tensor = apply(card, self, other)
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


class Tensor:
    """An n-dimensional array that remembers how it was made (`torch.Tensor`).

    Made of nested lists (float32, as PyTorch's constructor does) or, inside the framework, of an Array.
    Most programs use `tinytorch.tensor(...)`.

    >>> Tensor([[1, 2], [3, 4]]).sum()
    tensor(10.)
    """

    __slots__ = ("__weakref__", "after", "array", "edge", "grad", "hooks", "requires_grad", "view_of")

    __array_priority__ = 1000  # so that a NumPy scalar on the left leaves the operator to us

    array: Array
    edge: graph.Edge | None
    grad: Tensor | None
    view_of: tuple[Tensor, Int] | None
    hooks: dict[Int, dict[Int, Callable[..., Any]]]  # of a leaf: by output (0), then in order
    after: dict[Int, Callable[..., Any]]  # called when a gradient has been added to a leaf
    # For the files below this one, which may not import it: the class itself, and the seam.
    wrap: ClassVar[type[Tensor]]
    apply: ClassVar[Callable[..., Any]]
    if TYPE_CHECKING:  # the methods adopted below, by the names that their files list

        def __getattr__(self, name: str) -> Any: ...

    def __init__(self, data: Any = (), *sizes: Int, requires_grad: Flag = False) -> None:
        if type(data) is Array:
            self.array = data
        else:
            self.array = convert.legacy(data, sizes)
        self.edge = None
        self.grad = None
        self.view_of = None
        self.requires_grad = False
        if requires_grad:
            self.requires_grad_()

    # what it is

    @property
    def shape(self) -> Size:
        """The size of each axis: a tuple that also knows their product, `numel()`."""
        return SIZES[self.array.shape]

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
        expected = [dtypes.get_default_dtype(), *([dtypes.int64, dtypes.bool_] if values.size else [])]
        if self.array.dtype not in expected:
            suffixes.append(f"dtype={self.array.dtype!r}")
        if self.grad_fn is not None:
            suffixes.append(f"grad_fn=<{self.grad_fn.name()}>")
        elif self.requires_grad:
            suffixes.append("requires_grad=True")
        return text(values, "tensor(", suffixes)

    def __format__(self, spec: str) -> str:
        return object.__format__(self, spec) if self.shape else format(self.item(), spec)  # as PyTorch's

    # from and to

    numpy_view, numpy, item, tolist = exchange.numpy_view, exchange.numpy, exchange.item, exchange.tolist
    __array__, __array_wrap__ = exchange.__array__, exchange.__array_wrap__
    __dlpack__, __dlpack_device__ = exchange.__dlpack__, exchange.__dlpack_device__

    # conversion

    to, type, type_as, cpu, cuda = convert.to, convert.type, convert.type_as, convert.cpu, convert.cuda
    new_tensor, new_full, new_zeros = convert.new_tensor, convert.new_full, convert.new_zeros
    new_ones, new_empty, grid = convert.new_ones, convert.new_empty, convert.grid
    broadcast_with, pin_memory = convert.broadcast_with, convert.pin_memory
    float, double, half = as_type(dtypes.float32), as_type(dtypes.float64), as_type(dtypes.float16)
    long, int, bool = as_type(dtypes.int64), as_type(dtypes.int32), as_type(dtypes.bool_)
    short, char, byte = as_type(dtypes.int16), as_type(dtypes.int8), as_type(dtypes.uint8)
    bfloat16 = as_type(dtypes.bfloat16)

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

    retain_grad, register_hook = hooking.retain_grad, hooking.register_hook
    register_post_accumulate_grad_hook = hooking.register_leaf_hook

    # operators

    __add__ = __radd__ = binary(ops.ADD)
    __sub__ = subtracting(binary(ops.SUB))
    __rsub__ = subtracting(binary(ops.SUB, swapped=True))
    __mul__ = __rmul__ = binary(ops.MUL)
    __truediv__ = binary(ops.DIV)
    __rtruediv__ = binary(ops.DIV, swapped=True)
    __pow__ = elementwise.power
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
    __rlshift__ = binary(ops.SHIFT_LEFT, swapped=True)
    __rrshift__ = binary(ops.SHIFT_RIGHT, swapped=True)
    __pos__ = composed_elementwise.positive
    __eq__ = binary(ops.EQUAL)  # type: ignore[assignment]
    __ne__ = binary(ops.NOT_EQUAL)  # type: ignore[assignment]
    __lt__ = binary(ops.LESS)
    __le__ = binary(ops.LESS_EQUAL)
    __gt__ = binary(ops.GREATER)
    __ge__ = binary(ops.GREATER_EQUAL)
    __neg__ = neg = negative = unary(ops.NEG)
    __abs__ = abs = absolute = unary(ops.ABS)
    __invert__ = bitwise_not = unary(ops.NOT)

    def __matmul__(self, other: Tensor) -> Tensor:
        return self.matmul(other) if isinstance(other, Tensor) else NotImplemented

    def add(self, other: Any, *, alpha: Any = 1) -> Tensor:
        """self + alpha * other."""
        return self + (other if alpha == 1 else other * alpha)

    def sub(self, other: Any, *, alpha: Any = 1) -> Tensor:
        """self - alpha * other."""
        return self - (other if alpha == 1 else other * alpha)

    mul = multiply = named(ops.MUL)
    div = divide = elementwise.div
    subtract, true_divide, pow = sub, named(ops.DIV), elementwise.pow
    floor_divide, trunc_divide = named(ops.FLOOR_DIVIDE), named(ops.TRUNC_DIVIDE)
    remainder, fmod = named(ops.REMAINDER), named(ops.FMOD)
    eq, ne, lt = named(ops.EQUAL), named(ops.NOT_EQUAL), named(ops.LESS)
    le, gt, ge = named(ops.LESS_EQUAL), named(ops.GREATER), named(ops.GREATER_EQUAL)
    less, less_equal, greater, greater_equal, not_equal = lt, le, gt, ge, ne
    bitwise_and, bitwise_or, bitwise_xor = named(ops.AND), named(ops.OR), named(ops.XOR)
    maximum, minimum = named(ops.MAXIMUM, numbers=False), named(ops.MINIMUM, numbers=False)
    atan2 = arctan2 = named(ops.ATAN2, numbers=False)

    # elementwise

    exp, exp2, expm1 = unary(ops.EXP), unary(ops.EXP2), unary(ops.EXPM1)
    log, log2, log10, log1p = unary(ops.LOG), unary(ops.LOG2), unary(ops.LOG10), unary(ops.LOG1P)
    sqrt, rsqrt, reciprocal = unary(ops.SQRT), unary(ops.RSQRT), unary(ops.RECIPROCAL)
    sin, cos, tan = unary(ops.SIN), unary(ops.COS), unary(ops.TAN)
    asin, acos, atan = unary(ops.ASIN), unary(ops.ACOS), unary(ops.ATAN)
    arcsin, arccos, arctan = asin, acos, atan
    sinh, cosh, tanh = unary(ops.SINH), unary(ops.COSH), unary(ops.TANH)
    asinh, acosh, atanh = unary(ops.ASINH), unary(ops.ACOSH), unary(ops.ATANH)
    arcsinh, arccosh, arctanh = asinh, acosh, atanh
    erf, erfc, erfinv = unary(ops.ERF), unary(ops.ERFC), unary(ops.ERFINV)
    lgamma, digamma, polygamma = unary(ops.LGAMMA), unary(ops.DIGAMMA), elementwise.polygamma
    sigmoid, relu = unary(ops.SIGMOID), unary(ops.RELU)
    sign, floor, ceil, trunc = unary(ops.SIGN), unary(ops.FLOOR), unary(ops.CEIL), unary(ops.TRUNC)
    isnan, isinf = unary(ops.IS_NAN), unary(ops.IS_INF)
    sgn, fix = sign, trunc

    where, clamp, square = elementwise.where, elementwise.clamp, elementwise.square
    round, isfinite, logical_not = elementwise.round, elementwise.isfinite, elementwise.logical_not
    logical_and, logical_or = elementwise.logical_and, elementwise.logical_or
    logical_xor, softmax = elementwise.logical_xor, elementwise.softmax
    log_softmax, fractional = elementwise.log_softmax, elementwise.fractional
    floating, arithmetic, beside = elementwise.floating, elementwise.arithmetic, elementwise.beside
    clip = clamp

    # reductions

    sum, prod, cumsum, cumprod, any = reduce.sum, reduce.prod, reduce.cumsum, reduce.cumprod, reduce.any
    all, count_nonzero, amax, amin = reduce.all, reduce.count_nonzero, reduce.amax, reduce.amin
    max, min, argmax, argmin = reduce.max, reduce.min, reduce.argmax, reduce.argmin
    nonempty, extreme, first_of, sort = reduce.nonempty, reduce.extreme, reduce.first_of, reduce.sort
    argsort = reduce.argsort

    # products

    matmul, mm, bmm, dot, mv = contract.matmul, contract.mm, contract.bmm, contract.dot, contract.mv
    outer = contract.outer

    # movement

    view, reshape, filled_in = movement.view, movement.reshape, movement.filled_in
    view_as, reshape_as, permute = movement.view_as, movement.reshape_as, movement.permute
    transpose, t, expand, expand_as = movement.transpose, movement.t, movement.expand, movement.expand_as
    squeeze, unsqueeze, seen, select = movement.squeeze, movement.unsqueeze, movement.seen, movement.select
    narrow, unfold, diagonal, flip = movement.narrow, movement.unfold, movement.diagonal, movement.flip
    as_strided, cat_after, pad_axis = movement.as_strided, movement.cat_after, movement.pad_axis
    spread, viewed, unbind = movement.spread, movement.viewed, movement.unbind
    swapaxes = swapdims = transpose
    broadcast_to = expand

    @property
    def T(self) -> Tensor:
        """All axes in reverse order."""
        return self.permute(*reversed(range(self.ndim)))

    @property
    def H(self) -> Tensor:
        """A matrix with its axes exchanged: there are no complex numbers here."""
        if self.ndim not in (0, 2):
            raise RuntimeError(f"tensor.H is only supported on matrices (2-D tensors), not {self.ndim}D")
        return self.t()

    @property
    def mH(self) -> Tensor:
        """The last two axes exchanged."""
        return self.mT

    @property
    def mT(self) -> Tensor:
        """The last two axes exchanged."""
        if self.ndim < 2:
            raise RuntimeError(
                f"tensor.mT is only supported on matrices or batches of matrices, not {self.ndim}D"
            )
        return self.transpose(-2, -1)

    def contiguous(self) -> Tensor:
        """Itself where memory order is reading order, else a copy that is."""
        return self if self.is_contiguous() else self.clone()

    def clone(self) -> Tensor:
        """The same values in new memory; gradients flow through."""
        made: Tensor = apply(ops.COPY, self)
        return made

    __copy__, __deepcopy__, __reduce__ = copying.shallow, copying.deep, copying.pickled

    # picking and placing

    def __getitem__(self, index: Any) -> Tensor:
        """Basic subscripts give a view; integer and boolean index tensors give a copy."""
        parts = take_apart(as_tensors(self, index), self.array.layout)
        x = self if parts.picked and parts.layout == self.array.layout else self.seen(parts.layout)
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
        x.index_put_(indices, value.reshape(trimmed(value.shape, len(shape))).to(x.dtype))

    index_put, index_select, gather = index.index_put, index.index_select, index.gather
    lined_up, scatter, scatter_add = index.lined_up, index.scatter, index.scatter_add
    scatter_reduce = index.scatter_reduce
    take_along_dim, nonzero = index.take_along_dim, index.nonzero

    # in place

    copy_, fill_, zero_, set_data = write.copy_, write.fill_, write.zero_, write.set_data
    fill_diagonal_, resize_, resize_as_ = write.fill_diagonal_, write.resize_, write.resize_as_

    # facts

    data_ptr, dim, element_size = facts.data_ptr, facts.dim, facts.element_size
    get_device, is_complex, is_contiguous = facts.get_device, facts.is_complex, facts.is_contiguous
    is_cpu, is_cuda, is_floating_point = facts.is_cpu, facts.is_cuda, facts.is_floating_point
    is_inference, is_meta, is_mps = facts.is_inference, facts.is_meta, facts.is_mps
    is_pinned, is_quantized, is_same_size = facts.is_pinned, facts.is_quantized, facts.is_same_size
    is_set_to, is_shared, is_signed = facts.is_set_to, facts.is_shared, facts.is_signed
    is_sparse, itemsize, layout, nbytes = facts.is_sparse, facts.itemsize, facts.layout, facts.nbytes
    ndimension, nelement, numel, output_nr = facts.ndimension, facts.nelement, facts.numel, facts.output_nr
    retains_grad, size, storage_offset = facts.retains_grad, facts.size, facts.storage_offset
    stride, _base, _is_view, _version = facts.stride, facts._base, facts._is_view, facts._version

    # compositions, in composed.py; those of the files beside it are adopted below

    addcdiv, addcmul, addmm = composed.addcdiv, composed.addcmul, composed.addmm
    allclose, chunk, flatten = composed.allclose, composed.chunk, composed.flatten
    index_add, isclose, lerp = composed.index_add, composed.isclose, composed.lerp
    logsumexp, masked_fill, masked_select = composed.logsumexp, composed.masked_fill, composed.masked_select
    mean, movedim, norm, repeat = composed.mean, composed.movedim, composed.norm, composed.repeat
    repeat_interleave, roll, split = composed.repeat_interleave, composed.roll, composed.split
    std, tile, topk, tril, triu = composed.std, composed.tile, composed.topk, composed.tril, composed.triu
    unflatten, var = composed.unflatten, composed.var


Tensor.wrap = Tensor
Tensor.apply = staticmethod(apply)  # type: ignore[method-assign, assignment]
for _module in (composed_elementwise, composed_statistics, composed_axes, composed_linalg):
    for _name in _module.NAMES:
        setattr(Tensor, _name, getattr(_module, _name))
for _name, _method in list(vars(Tensor).items()):
    if not _name.startswith("_"):
        setattr(Tensor, _name, with_numpy_names(_method))
for _name, _keyword in SPREAD.items():
    setattr(Tensor, _name, with_spread_keyword(getattr(Tensor, _name), _keyword))
for _name in WRITERS:
    setattr(Tensor, f"{_name}_", in_place(getattr(Tensor, _name), f"{_name}_"))
for _name in MOVERS:
    setattr(Tensor, f"{_name}_", moved_in_place(_name))
for _name in OPERATORS:
    setattr(Tensor, f"__i{_name}__", in_place(getattr(Tensor, f"__{_name}__"), f"__i{_name}__"))
