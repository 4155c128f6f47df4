"""Affine maps as functions (`torch.nn.functional`)."""

from __future__ import annotations

from tinytorch import ops
from tinytorch.array import Array
from tinytorch.errors import ShapeError
from tinytorch.ops.affine import rows
from tinytorch.tensor import Tensor, apply


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input @ weight.mT + bias."""
    x, w = input.array, weight.array
    if x.shape[-1:] != w.shape[-1:]:
        raise ShapeError(
            f"linear: the input {input.shape} ends in {input.shape[-1:]}, the weight {weight.shape} takes "
            f"{weight.shape[-1]} features"
        )
    matrices = len(x.shape) > 1 and len(w.shape) == 2 and x.dtype is w.dtype
    # One card where the device has a kernel for it; else a product and a sum, each with its own gradient.
    if matrices and x.device.kernel(ops.LINEAR) is not None and beside(bias, w):
        made: Tensor = apply(ops.LINEAR, input, weight, *(() if bias is None else (bias,)))
        return made
    if matrices and len(x.shape) > 2:  # a gradient for each matrix of a batch would be dear
        return linear(rows(input), weight, bias).reshape(*x.shape[:-1], w.shape[0])
    out = input @ weight.mT
    return out if bias is None else out + bias


def beside(bias: Tensor | None, weight: Array) -> bool:
    """Whether a bias is one number of the weight's type for each of its rows, or not there."""
    return bias is None or (bias.array.dtype is weight.dtype and bias.array.shape == weight.shape[:1])


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
