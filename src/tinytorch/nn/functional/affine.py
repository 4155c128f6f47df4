"""Affine maps as functions (`torch.nn.functional`)."""

from __future__ import annotations

from tinytorch.errors import ShapeError
from tinytorch.tensor import Tensor


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input @ weight.mT + bias."""
    if input.shape[-1:] != weight.shape[-1:]:
        raise ShapeError(
            f"linear: the input {input.shape} ends in {input.shape[-1:]}, the weight {weight.shape} takes "
            f"{weight.shape[-1]} features"
        )
    out = input @ weight.mT
    return out if bias is None else out + bias
