"""Dropout as functions: numbers, or whole channels, set to 0 at random (`torch.nn.functional`)."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

from tinytorch import random
from tinytorch.errors import ShapeError
from tinytorch.nn.functional.activation import placed
from tinytorch.tensor import Tensor, overwrite

ALPHA = 1.7580993408473766  # minus the value that a SELU tends to: its scale times its alpha


def dropped(
    input: Tensor, p: float, training: bool, inplace: bool, name: str, function: Callable[[Tensor], Tensor]
) -> Tensor:
    """What a function drops; the input itself for p = 0 and out of training, zeros for p = 1.

    Whole numbers and bools go with the latter only. Raises ValueError unless 0 <= p <= 1.
    """
    random.dropout(input, p, False)  # says no to what is no probability
    if not training or not p or not input.numel():
        return input
    if p == 1.0:
        return overwrite(input, input.detach() * False, name) if inplace else input * False
    return placed(input, function, inplace, name)


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Each element 0 with probability `p`, the others scaled by 1 / (1 - p): Srivastava et al., 2014."""
    return dropped(input, p, training, inplace, "dropout_", lambda x: random.dropout(x, p, True))


def channels_of(input: Tensor) -> Tensor:
    """A 1 for each channel of each sample (N, C, ...). Raises ShapeError for fewer axes."""
    if input.ndim < 2:
        raise ShapeError(f"Feature dropout requires at least 2 dimensions in the input, not {input.shape}")
    return input.new_ones(*input.shape[:2], *[1] * (input.ndim - 2))


def drop_channels(input: Tensor, p: float, training: bool, inplace: bool) -> Tensor:
    """Each channel of each sample (N, C, ...) 0 with probability `p`, the others scaled by 1 / (1 - p)."""
    return dropped(
        input, p, training, inplace, "dropout_", lambda x: x * random.dropout(channels_of(x), p, True)
    )


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Whole channels of (N, C, L) or (C, L)."""
    if input.ndim not in (2, 3):
        raise ShapeError(f"dropout1d: Expected 2D or 3D input, but received a {input.ndim}D input")
    return drop_samples(input, 3, p, training, inplace)


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Whole channels of (N, C, H, W): Tompson et al., 2015. Three axes are taken as (N, C, L), as in PyTorch."""
    if input.ndim != 4:
        warnings.warn(
            f"dropout2d is for (N, C, H, W), and not for {input.ndim} axes: their first two are N and C"
        )
    return drop_channels(input, p, training, inplace)


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Whole channels of (N, C, D, H, W) or (C, D, H, W)."""
    if input.ndim not in (4, 5):
        warnings.warn(f"dropout3d is for (N, C, D, H, W) or (C, D, H, W), and not for {input.ndim} axes")
    return drop_samples(input, 5, p, training, inplace)


def drop_samples(input: Tensor, axes: int, p: float, training: bool, inplace: bool) -> Tensor:
    """Whole channels; an input without a batch counts as one sample."""
    if input.ndim == axes:
        return drop_channels(input, p, training, inplace)
    out = drop_channels(input.unsqueeze(0), p, training, inplace)
    return input if inplace else out.squeeze(0)


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Each element at the lower end of a SELU with probability `p`, then mean and spread put back: Klambauer et al., 2017."""
    return alpha_dropped(input, p, training, inplace, lambda x: x.new_ones(x.shape))


def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """`alpha_dropout` of whole channels (N, C, ...)."""
    return alpha_dropped(input, p, training, inplace, channels_of)


def alpha_dropped(
    input: Tensor, p: float, training: bool, inplace: bool, ones: Callable[[Tensor], Tensor]
) -> Tensor:
    """What a mask shaped like `ones(input)` drops goes to -ALPHA, and all is scaled and shifted back."""

    def function(x: Tensor) -> Tensor:
        kept = random.dropout(ones(x), p, True).bool().to(x.dtype)
        scale = 1.0 / math.sqrt((ALPHA * ALPHA * p + 1.0) * (1.0 - p))
        return x * (kept * scale) + ((kept - 1.0) * (ALPHA * scale) + ALPHA * scale * p)

    return dropped(input, p, training, inplace, "alpha_dropout_", function)
