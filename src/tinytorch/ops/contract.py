"""Contraction cards: products summed over an axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinytorch.ops.card import NUMBERS, SAME, Grads, Op

if TYPE_CHECKING:
    from tinytorch.array import Array
    from tinytorch.tensor import Tensor


class MatMul(Op):
    """Rows of x (..., n, k) times columns of y (..., k, m), leading axes broadcast"""

    __slots__ = ()
    promotion = SAME
    least = NUMBERS
    fresh = True
    reads = {"x": ("y",), "y": ("x",)}

    def forward(self, x: Array, y: Array) -> Array:
        return x.device.matmul(x, y)

    def grad(self, g: Tensor, out: Tensor, x: Tensor, y: Tensor) -> Grads:
        to_x = g @ y.mT if x.requires_grad else None  # each is dear enough to skip
        to_y = x.mT @ g if y.requires_grad else None
        return to_x, to_y

    def flops(self, out: Any, *xs: Any) -> int:
        """A multiplication and an addition for each of k terms."""
        return int(2 * out.numel() * xs[0].shape[-1])


MATMUL = MatMul()
