"""All parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

from tinytorch.autograd.grad_mode import no_grad
from tinytorch.creation import cat
from tinytorch.tensor import Tensor


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """One after the other, flat."""
    return cat([p.reshape(-1) for p in parameters])


@no_grad()
def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Copy the pieces of a vector into the parameters."""
    start = 0
    for p in parameters:
        p.copy_(vec.narrow(0, start, p.numel()).reshape(p.shape))
        start += p.numel()
