"""Tensor: what people hold. Each method names a card and sends it through `apply`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any

import numpy as np

from tinytorch import composed, dtypes, ops, subscript
from tinytorch.array import Array
from tinytorch.autograd import graph
from tinytorch.autograd.grad_mode import MODE, no_grad
from tinytorch.autograd.versions import check_writable, rebind, settle
from tinytorch.devices.interface import backend, device
from tinytorch.dtypes import FLOATING, dtype
from tinytorch.errors import DeviceError, DtypeError, ShapeError
from tinytorch.indexing import canonical_dim, canonical_dims
from tinytorch.layout import Layout, Shape, broadcast_shapes
from tinytorch.observe import LISTENING, muted
from tinytorch.ops.card import FLOAT, FREE, Op
from tinytorch.printing import text

Number = int | float | bool
Dims = int | Sequence[int] | None


def apply(op: Op, *inputs: Tensor) -> Any:
    """Run one card. All tensor computation passes through here.

    Three ports: rewrite the inputs (promotion), record the operation (autograd), announce it
    (observers). Returns a Tensor, or a tuple of them where the card has several outputs.
    """
    arrays = [x.array for x in inputs]
    if op.promotion is not FREE:
        first = arrays[0].dtype
        for array in arrays:
            if array.dtype is not first or (op.promotion is FLOAT and first.category != FLOATING):
                inputs = promoted(op, inputs)
                arrays = [x.array for x in inputs]
                break
    made = evaluate(op, arrays) if op.defined else op.forward(*arrays)
    outs = (Tensor(made),) if type(made) is Array else tuple([Tensor(each) for each in made])
    if MODE.recording and op.differentiable:
        for x in inputs:
            if x.view is not None:
                settle(x)
        for x in inputs:
            if x.requires_grad:
                graph.record(op, inputs, arrays, outs)
                break
    result = outs[0] if type(made) is Array else outs
    if LISTENING.observers:
        for observer in LISTENING.observers:
            observer(op, inputs, result)
    return result


def evaluate(op: Any, arrays: list[Array]) -> Any:
    """A fused card: by the device's kernel for it, or by its definition, which counts as one operation."""
    kernel = arrays[0].device.kernel(op)
    if kernel is not None:
        return kernel(op, *arrays)
    with no_grad(), muted():
        made = op.definition(*[Tensor(array) for array in arrays])
    return tuple([each.array for each in made]) if isinstance(made, tuple) else made.array


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


def binary(card: Op, swapped: bool = False) -> Callable[[Tensor, Any], Any]:
    """An operator of two sides."""

    def method(self: Tensor, other: Any) -> Any:
        if type(other) is not Tensor:
            other = operand(self, other)
            if other is NotImplemented:
                return NotImplemented
        return apply(card, other, self) if swapped else apply(card, self, other)

    return method


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
        out.view = (x if x.view is None else x.view[0], x.array.storage.version)
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
    view_of: tuple[Tensor, int] | None

    def __init__(self, data: Any = (), *sizes: int, requires_grad: bool = False) -> None:
        if type(data) is Array:
            self.array = data
        else:
            self.array = legacy(data, sizes)
        self.requires_grad = requires_grad
        self.edge = None
        self.grad = None
        self.view_of = None
