"""The affine card: a matrix product and a bias in one piece of work."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from tinytorch.ops.card import FREE, Fused, Grads
from tinytorch.ops.contract import MATMUL

if TYPE_CHECKING:
    from tinytorch.tensor import Tensor


class Linear(Fused):
    """x (..., n) times weight (m, n) transposed, plus bias (m,) or none: (..., m)

    Its gradients are products of two matrices, whatever axes x has in front: a batch of small products, summed
    afterwards, took a GPT three times as long.
    """

    __slots__ = ()
    promotion = FREE  # whoever sends it has looked at the types
    reads = {"x": ("weight",), "weight": ("x",), "bias": ()}

    def definition(self, x: Tensor, weight: Tensor, *bias: Tensor) -> Any:
        out = (rows(x) @ weight.mT).reshape(*x.shape[:-1], weight.shape[0])
        return out + bias[0] if bias else out

    def grad(self, g: Tensor, out: Tensor, x: Tensor, weight: Tensor, *bias: Tensor) -> Grads:
        # Each of the two is read for the gradient of the other alone, and may not be there otherwise.
        left = asked(rows(x), x) if weight.requires_grad else x
        right = asked(weight.mT, weight) if x.requires_grad else weight
        to_x, to_right = MATMUL.grad(rows(g), out, left, right)
        to_x = None if to_x is None else to_x.reshape(x.shape)
        return to_x, None if to_right is None else to_right.mT, *[rows(g).sum(0) for _ in bias]

    def flops(self, out: Any, *xs: Any) -> int:
        """A multiplication and an addition for each of n terms."""
        return int(2 * out.numel() * xs[0].shape[-1])


def asked(made: Tensor, like: Tensor) -> Tensor:
    """A view of a value whose gradient is wanted wants one too, also where nothing is recorded."""
    made.requires_grad = like.requires_grad
    return made


def rows(x: Tensor) -> Tensor:
    """A matrix: all axes but the last as one."""
    return x if x.ndim == 2 else x.reshape(prod(x.shape[:-1]), x.shape[-1])


LINEAR = Linear()
