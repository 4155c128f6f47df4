"""Dropout as a function (`torch.nn.functional`)."""

from __future__ import annotations

from tinytorch import random
from tinytorch.tensor import Tensor


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Each element 0 with probability `p`, the others scaled by 1 / (1 - p)."""
    return random.dropout(input, p, training)
