"""Dropout layers: some numbers, or whole channels, set to 0 at random, in training only."""

from __future__ import annotations

from tinytorch.nn import functional
from tinytorch.nn.module import Module
from tinytorch.tensor import Tensor


class _DropoutNd(Module):
    """What all of them share: the probability `p`, and whether the input is overwritten."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_DropoutNd):
    """Each element 0 with probability `p`, the others scaled up: Srivastava et al., 2014."""

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        return functional.dropout(x, self.p, self.training, self.inplace)


class Dropout1d(_DropoutNd):
    """Whole channels of (N, C, L) or (C, L)."""

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        return functional.dropout1d(x, self.p, self.training, self.inplace)


class Dropout2d(_DropoutNd):
    """Whole channels of (N, C, H, W): Tompson et al., 2015."""

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        return functional.dropout2d(x, self.p, self.training, self.inplace)


class Dropout3d(_DropoutNd):
    """Whole channels of (N, C, D, H, W) or (C, D, H, W)."""

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        return functional.dropout3d(x, self.p, self.training, self.inplace)


class AlphaDropout(_DropoutNd):
    """Elements at the lower end of a SELU, mean and spread kept: Klambauer et al., 2017."""

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        return functional.alpha_dropout(x, self.p, self.training)


class FeatureAlphaDropout(_DropoutNd):
    """AlphaDropout of whole channels."""

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        return functional.feature_alpha_dropout(x, self.p, self.training)
