"""In-place operations: functional in the graph, and in place in memory.

Writing to a tensor rebinds its history to the operation that wrote. Writing through a view patches the
history of the base; the other views of it notice by the version of the shared storage, and take a
fresh view of the base's present history before they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinytorch.autograd.grad_mode import MODE
from tinytorch.autograd.graph import Node, keep, opened, record
from tinytorch.dtypes import FLOATING
from tinytorch.errors import GradientError
from tinytorch.ops.movement import Patch, View

if TYPE_CHECKING:
    from tinytorch.array import Array
    from tinytorch.tensor import Tensor


def settle(x: Any) -> None:
    """Give a view whose base was written to since it was taken the base's present history."""
    base, version = x.view_of
    if x.array.storage.version == version:
        return
    x.view_of = (base, x.array.storage.version)
    if base.requires_grad and x.array.dtype.category == FLOATING:
        recent(x, View(x.array.layout, base.array.layout), (base,))


def recent(x: Tensor, op: Any, inputs: tuple[Tensor, ...]) -> None:
    """Make `op` of `inputs` the history of `x`."""
    record(op, inputs, [each.array for each in inputs], (x,))


def check_writable(x: Tensor) -> None:
    """Refuse what PyTorch refuses. Raises GradientError for a leaf whose gradient is wanted."""
    if not MODE.recording:
        return
    base = x.view_of[0] if x.view_of is not None else x
    if base.requires_grad and base.edge is None:
        kind = "a leaf Variable" if base is x else "a view of a leaf Variable"
        raise GradientError(
            f"{kind} that requires grad is being used in an in-place operation: its gradient would "
            "belong to a value that is no longer there. Write to it under no_grad"
        )


def keep_overwritten(node: Node, target: Array) -> None:
    """The operation about to write to `target` reads its old values backward: keep a copy of them."""
    for position, value in node.inputs.items():
        array, version = opened(value)
        if array.storage is target.storage and version == target.storage.version:
            node.inputs[position] = array.copy()


def rebind(x: Tensor, new: Tensor, writer: str) -> None:
    """`x` was overwritten with the value of `new`: take over its history, and let the base know."""
    x.array.storage.bump(writer)
    if not MODE.recording:  # the values change, the history does not
        return
    if new.edge is not None and new.edge[0].outputs:
        # The card reads its own result backward: that is what `x` holds from now on.
        new.edge[0].outputs[new.edge[1]] = keep(x.array)
    if x.view_of is None:
        x.edge, x.requires_grad = new.edge, new.requires_grad
        return
    base = x.view_of[0]
    if new.requires_grad or base.requires_grad:
        op = Patch(x.array.layout, base.array.layout)
        recent(base, op, (base, new))
    if base.requires_grad:
        x.view_of = (base, -1)
        settle(x)
    else:
        x.view_of = (base, x.array.storage.version)
