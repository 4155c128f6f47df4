"""A multilayer perceptron: linear layers with a bend between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from tinytorch import nn
from tinytorch.tensor import Tensor


class MLP(nn.Module):
    """Layers of the given sizes: MLP((64, 32, 10)) takes (..., 64) to (..., 10).

    >>> MLP((4, 8, 2))
    MLP(
      (layers): Sequential(
        (0): Linear(in_features=4, out_features=8, bias=True)
        (1): ReLU()
        (2): Linear(in_features=8, out_features=2, bias=True)
      )
    )
    """

    def __init__(self, sizes: Sequence[int], activation: Callable[[], nn.Module] = nn.ReLU) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for wide, narrow in pairwise(sizes):
            layers += [nn.Linear(wide, narrow), activation()]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, x: Tensor) -> Tensor:
        """(..., sizes[0]) to (..., sizes[-1])."""
        out: Tensor = self.layers(x)
        return out
