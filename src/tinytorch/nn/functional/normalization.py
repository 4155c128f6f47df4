"""Normalisation as functions (`torch.nn.functional`)."""

from __future__ import annotations

from collections.abc import Sequence

from tinytorch import dtypes
from tinytorch.errors import ShapeError
from tinytorch.tensor import Tensor


def last_axes(input: Tensor, normalized_shape: Sequence[int]) -> tuple[int, ...]:
    """The axes that `normalized_shape` names. Raises ShapeError where the input does not end in it."""
    shape = tuple(normalized_shape)
    if not shape or input.shape[-len(shape) :] != shape:
        raise ShapeError(f"Given normalized_shape={list(shape)}, the input ends otherwise: {input.shape}")
    return tuple(range(-len(shape), 0))


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Mean 0 and variance 1 over the last axes, then scaled and shifted: Ba et al., 2016."""
    axes = last_axes(input, normalized_shape)
    centred = input - input.mean(axes, keepdim=True)
    out = centred * ((centred * centred).mean(axes, keepdim=True) + eps).rsqrt()
    out = out if weight is None else out * weight
    return out if bias is None else out + bias


def rms_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """Divided by the root of the mean square over the last axes: Zhang and Sennrich, 2019."""
    axes = last_axes(input, normalized_shape)
    eps = dtypes.finfo(input.dtype).eps if eps is None else eps
    out = input * ((input * input).mean(axes, keepdim=True) + eps).rsqrt()
    return out if weight is None else out * weight
