"""Clipping: gradients made no larger than a bound."""

from __future__ import annotations

from collections.abc import Iterable

from tinytorch.autograd.grad_mode import no_grad
from tinytorch.creation import stack, tensor
from tinytorch.tensor import Tensor


def gradients(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    """The gradients that are there."""
    given = [parameters] if isinstance(parameters, Tensor) else parameters
    return [p.grad for p in given if p.grad is not None]


@no_grad()
def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> Tensor:
    """Scale all gradients together so that their common norm is at most `max_norm`.

    Returns the norm before clipping. Raises RuntimeError for a norm that is not finite, if asked to.
    """
    found = gradients(parameters)
    if not found:
        return tensor(0.0)
    total = stack([g.norm(norm_type) for g in found]).norm(norm_type)
    if error_if_nonfinite and not total.isfinite().item():
        raise RuntimeError(f"The total norm of order {norm_type} for gradients is non-finite: {total.item()}")
    scale = (max_norm / (total + 1e-6)).clamp(max=1.0)
    for g in found:
        g.mul_(scale)  # type: ignore[attr-defined]
    return total


@no_grad()
def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Hold every number of every gradient between -clip_value and clip_value."""
    for g in gradients(parameters):
        g.clamp_(-clip_value, clip_value)  # type: ignore[attr-defined]
