"""Clipping: gradients made no larger than a bound."""

from __future__ import annotations

from collections.abc import Iterable

from tinytorch.autograd.grad_mode import no_grad
from tinytorch.creation import stack, tensor
from tinytorch.tensor import Tensor

Tensors = Tensor | Iterable[Tensor]


def gradients(parameters: Tensors) -> list[Tensor]:
    """The gradients that are there."""
    given = [parameters] if isinstance(parameters, Tensor) else parameters
    return [p.grad for p in given if p.grad is not None]


@no_grad()
def get_total_norm(
    tensors: Tensors, norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None
) -> Tensor:
    """The norm of all tensors together, as if they were one vector (`torch.nn.utils.get_total_norm`).

    Raises RuntimeError for a norm that is not finite, if asked to. `foreach` changes nothing here.

    >>> get_total_norm([tensor([3.0]), tensor([0.0, 4.0])])
    tensor(5.)
    """
    given = [g for g in ([tensors] if isinstance(tensors, Tensor) else tensors) if g.numel()]
    if not given:
        return tensor(0.0)
    total = stack([g.norm(float(norm_type)) for g in given]).norm(float(norm_type))
    if error_if_nonfinite and not total.isfinite().item():
        raise RuntimeError(
            f"The total norm of order {float(norm_type)} for gradients is non-finite, so it cannot be clipped: "
            f"it is {total.item()}"
        )
    return total


@no_grad()
def clip_grads_with_norm_(
    parameters: Tensors, max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Scale all gradients by what makes `total_norm` at most `max_norm`."""
    scale = (max_norm / (total_norm + 1e-6)).clamp(max=1.0)
    for g in gradients(parameters):
        g.mul_(scale)  # type: ignore[attr-defined]


def clip_grad_norm_(
    parameters: Tensors,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale all gradients together so that their common norm is at most `max_norm`.

    Returns the norm before clipping. Raises RuntimeError for a norm that is not finite, if asked to; the
    gradients are then as they were.
    """
    given = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    total = get_total_norm(gradients(given), norm_type, error_if_nonfinite)
    clip_grads_with_norm_(given, max_norm, total)
    return total


@no_grad()
def clip_grad_value_(parameters: Tensors, clip_value: float, foreach: bool | None = None) -> None:
    """Hold every number of every gradient between -clip_value and clip_value."""
    for g in gradients(parameters):
        g.clamp_(-clip_value, clip_value)  # type: ignore[attr-defined]
