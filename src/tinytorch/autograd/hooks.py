"""Hooks: functions that see a gradient when it is complete, and may replace it."""

from __future__ import annotations

import weakref
from collections.abc import Callable, MutableMapping
from itertools import count
from typing import TYPE_CHECKING, Any

from tinytorch.errors import GradientError

if TYPE_CHECKING:
    from tinytorch.tensor import Tensor

Hook = Callable[[Any], Any]
IDS = count()


class RemovableHandle:
    """Takes a hook off again: `handle.remove()`, or at the end of a `with` block.

    It is made with the table that the hook goes into; `id` is its place there, in order of registration.
    """

    def __init__(self, table: MutableMapping[int, Any], *others: MutableMapping[int, Any]) -> None:
        self.tables = (table, *others)
        self.id = next(IDS)

    def remove(self) -> None:
        """Take the hook off. Twice is once."""
        for table in self.tables:
            table.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        """The handle itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Take the hook off."""
        self.remove()


def run_hooks(hooks: dict[int, dict[int, Hook]], gs: list[Any]) -> None:
    """Let hooks see each complete gradient, or replace it; those that only keep it come last."""
    for index, table in hooks.items():
        if gs[index] is not None:
            for function in sorted(table.values(), key=lambda each: hasattr(each, "retains")):
                replaced = function(gs[index])
                if replaced is not None:
                    gs[index] = replaced


def register_hook(tensor: Tensor, hook: Hook) -> RemovableHandle:
    """Call `hook(gradient)` when the gradient of `tensor` is complete; what it returns replaces it."""
    if not tensor.requires_grad:
        raise GradientError("cannot register a hook on a tensor that doesn't require gradient")
    holder: Any = tensor if tensor.edge is None else tensor.edge[0]
    index = 0 if tensor.edge is None else tensor.edge[1]
    if getattr(holder, "hooks", None) is None:
        holder.hooks = {}
    handle = RemovableHandle(holder.hooks.setdefault(index, {}))
    handle.tables[0][handle.id] = hook
    return handle


def register_leaf_hook(tensor: Tensor, hook: Callable[[Any], Any]) -> RemovableHandle:
    """Call `hook(leaf)` after a gradient was added to the `grad` of a leaf."""
    if not tensor.requires_grad or tensor.edge is not None:
        raise GradientError("post accumulate grad hooks cannot be registered on non-leaf tensors")
    if getattr(tensor, "after", None) is None:
        tensor.after = {}
    handle = RemovableHandle(tensor.after)
    tensor.after[handle.id] = hook
    return handle


def retain_grad(tensor: Tensor) -> None:
    """Also keep the gradient of a tensor that is not a leaf."""
    if not tensor.requires_grad:
        raise GradientError("can't retain_grad on Tensor that has requires_grad=False")
    if tensor.edge is None or tensor.retains_grad:
        return
    held = weakref.ref(tensor)  # the graph must not keep its own result alive

    def keep(g: Any) -> None:
        kept = held()
        if kept is not None:
            kept.grad = g if kept.grad is None else kept.grad + g

    keep.retains = True  # type: ignore[attr-defined]
    register_hook(tensor, keep)
