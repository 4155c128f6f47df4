"""Where a number stopped being one: a loss or a gradient that is nan or infinite, traced to its operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from tinytorch.autograd.anomaly import AnomalyError, suspects, unsound
from tinytorch.nn import Module
from tinytorch.random import default_generator
from tinytorch.tensor import Tensor


def explain_loss(
    words: str,
    model: Module,
    inputs: Sequence[Any],
    target: Any,
    loss: Callable[[Any, Any], Tensor],
    stream: Tensor,
) -> NoReturn:
    """Compute a loss that is not finite once more, watched; raises AnomalyError with what made it so.

    stream: the state of the default generator before it was computed, so that dropout drops the same.
    """
    already = held_already(model, [*inputs, target])
    if already:
        raise AnomalyError(f"{words}: {already}")
    default_generator.set_state(stream)
    with suspects() as found:
        value = loss(model(*inputs), target).item()
    if not found:
        raise AnomalyError(f"{words}: computed once more from the same numbers, it is {value}")
    raise AnomalyError(f"{words}: " + "\nThen ".join(found.values()))


def held_already(model: Module, batch: Sequence[Any]) -> str:
    """What is no number before anything is computed, in words; nothing if all are."""
    named = {f"part {i} of the batch": x for i, x in enumerate(batch) if isinstance(x, Tensor)}
    named |= {f"parameter {name!r}": p for name, p in model.named_parameters()}
    for name, x in named.items():
        if unsound(x):
            return f"{name}, of shape {x.shape}, holds {' and '.join(sorted(unsound(x)))} already"
    for name, x in model.named_buffers():
        if "nan" in unsound(x):  # a mask may well be infinite
            return f"buffer {name!r}, of shape {x.shape}, holds nan already"
    return ""


def explain_gradient(words: str, step: Callable[[], Any], stream: Tensor) -> NoReturn:
    """Do a forward and backward pass once more, watched; raises AnomalyError with the gradient that is no number."""
    default_generator.set_state(stream)
    try:
        with suspects():
            step()
    except AnomalyError as error:
        raise AnomalyError(f"{words}: {error}") from None
    raise AnomalyError(f"{words}: each number is finite, and their sum is more than the dtype can hold")
