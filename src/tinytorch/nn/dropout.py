"""Dropout: some numbers set to 0 at random, in training only."""

from __future__ import annotations

from tinytorch.nn.module import Module
from tinytorch.random import dropout
from tinytorch.tensor import Tensor


class Dropout(Module):
    """Each element 0 with probability `p`, the others scaled up: Srivastava et al., 2014."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        return dropout(x, self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"
