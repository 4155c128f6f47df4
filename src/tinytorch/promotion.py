"""Promotion: numbers become tensors, and the inputs of an operation get the one type in which its card computes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from tinytorch import dtypes, ops
from tinytorch.dtypes import FLOATING
from tinytorch.errors import DtypeError
from tinytorch.ops.card import FLOAT, FREE, Op

if TYPE_CHECKING:
    from tinytorch.array import Array
    from tinytorch.tensor import Tensor

Number = int | float | bool


def rewritten(op: Op, inputs: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], list[Array]]:
    """The inputs as the card takes them: in one dtype, or in a floating point one, where it says so."""
    arrays = [x.array for x in inputs]
    if op.promotion is FREE and not op.least:
        return inputs, arrays
    first = arrays[0].dtype
    mixed = False
    for array in arrays:
        if array.dtype is not first:
            mixed = True
    if op.promotion is FREE or not (mixed or (op.promotion is FLOAT and first.category != FLOATING)):
        if first.category < op.least:
            refuse(op, first)
        return inputs, arrays
    inputs = promoted(op, inputs)
    return inputs, [x.array for x in inputs]


def refuse(op: Op, dtype: dtypes.dtype) -> NoReturn:
    """Say that a card does not take elements of this kind."""
    raise DtypeError(f"{type(op).__name__} is not implemented for {dtype.name}")


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
    if target.category < op.least:
        refuse(op, target)
    if type(op) is ops.Where and inputs[0].array.dtype is not dtypes.bool_:
        raise DtypeError(f"where expects a condition of dtype bool, not {inputs[0].dtype}")
    same = tuple([x if x.array.dtype is target else x.to(target) for x in values])
    return (inputs[0], *same) if type(op) is ops.Where else same


CONSTANTS: dict[Any, Tensor] = {}


def constant(x: Tensor, value: Number, dtype: dtypes.dtype) -> Tensor:
    """A number as a zero-dimensional tensor, remembered: most programs use few of them."""
    on = x.array.device
    key = (value, type(value), dtype, on)
    found = CONSTANTS.get(key) if value else None  # 0.0 and -0.0 are equal, and different
    if found is None:
        if len(CONSTANTS) > 4096:
            CONSTANTS.clear()
        found = CONSTANTS[key] = x.wrap(on.upload(np.array(value).astype(dtype.numpy)))
    return found


def operand(x: Tensor, other: Any) -> Any:
    """The other side of an operator: a tensor as it is, a number as a constant; strangers refused."""
    if isinstance(other, x.wrap):
        return other
    if isinstance(other, np.generic):
        other = other.item()
    if type(other) not in (float, int, bool):
        return NotImplemented
    mine, its = x.array.dtype, dtypes.of_number(other)
    return constant(x, other, mine if its.category <= mine.category else its)
