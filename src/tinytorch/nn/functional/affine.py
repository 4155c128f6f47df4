"""Affine maps as functions (`torch.nn.functional`)."""

from __future__ import annotations

from tinytorch import ops
from tinytorch.errors import ShapeError
from tinytorch.tensor import Tensor, apply


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input @ weight.mT + bias."""
    x, w = input.array, weight.array
    if x.shape[-1:] != w.shape[-1:]:
        raise ShapeError(
            f"linear: the input {input.shape} ends in {input.shape[-1:]}, the weight {weight.shape} takes "
            f"{weight.shape[-1]} features"
        )
    usual = len(x.shape) > 1 and len(w.shape) == 2 and x.dtype is w.dtype and x.dtype.is_floating_point
    if bias is None and usual:
        made: Tensor = apply(ops.LINEAR, input, weight)
        return made
    if bias is not None and usual and bias.array.dtype is x.dtype and bias.array.shape == w.shape[:1]:
        made = apply(ops.LINEAR, input, weight, bias)
        return made
    out = input @ weight.mT
    return out if bias is None else out + bias


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input1 @ weight[k] @ input2 + bias[k], for each output k."""
    sizes = (input1.shape[-1], input2.shape[-1])
    if input1.shape[:-1] != input2.shape[:-1]:
        raise ShapeError(
            f"bilinear(): input batch dimensions do not match: {input1.shape} and {input2.shape}"
        )
    if sizes != weight.shape[1:]:
        raise ShapeError(f"bilinear(): inputs of {sizes} features for a weight {weight.shape}")
    left = input1 @ weight.permute(1, 0, 2).reshape(sizes[0], -1)  # (..., out * in2)
    out = (left.reshape(*input1.shape[:-1], *weight.shape[::2]) * input2.unsqueeze(-2)).sum(
        -1, dtype=left.dtype
    )
    return out if bias is None else out + bias
