"""Methods that multiply matrices and vectors, all by way of `matmul`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinytorch import ops
from tinytorch.errors import ShapeError
from tinytorch.layout import broadcast_shapes

if TYPE_CHECKING:
    from tinytorch.tensor import Tensor


def matmul(self: Tensor, other: Tensor) -> Tensor:
    """The matrix product; 1-d operands are a row on the left, a column on the right; batches broadcast."""
    x, y = self, other
    if not x.ndim or not y.ndim:
        raise RuntimeError(
            f"both arguments to matmul need to be at least 1D, but they are {x.ndim}D and {y.ndim}D"
        )
    if x.shape[-1] != y.shape[-2 if y.ndim > 1 else 0]:
        raise ShapeError(
            f"cannot multiply {x.shape} @ {y.shape}: {x.shape[-1]} columns meet "
            f"{y.shape[-2 if y.ndim > 1 else 0]} rows"
        )
    x = x if x.ndim > 1 else x.unsqueeze(0)
    y = y if y.ndim > 1 else y.unsqueeze(-1)
    if x.ndim > 2 and y.ndim > 2:
        broadcast_shapes(x.shape[:-2], y.shape[:-2])
    out: Tensor = x.apply(ops.MATMUL, x, y)
    if self.ndim == 1:
        out = out.squeeze(-2)
    return out.squeeze(-1) if other.ndim == 1 else out


def mm(x: Tensor, other: Tensor) -> Tensor:
    """The product of two matrices."""
    if x.ndim != 2 or other.ndim != 2:
        raise RuntimeError(f"mm takes two matrices, not shapes {x.shape} and {other.shape}")
    return x.matmul(other)


def bmm(x: Tensor, other: Tensor) -> Tensor:
    """The products of two batches of matrices."""
    if x.ndim != 3 or other.ndim != 3 or x.shape[0] != other.shape[0]:
        raise RuntimeError(f"bmm takes two batches of matrices, not shapes {x.shape} and {other.shape}")
    return x.matmul(other)


def dot(x: Tensor, other: Tensor) -> Tensor:
    """The product of two vectors."""
    if x.ndim != 1 or other.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {x.ndim}D and {other.ndim}D tensors")
    return x.matmul(other)


def mv(x: Tensor, other: Tensor) -> Tensor:
    """A matrix times a vector."""
    return x.matmul(other)


def outer(x: Tensor, other: Tensor) -> Tensor:
    """Every element of one vector times every element of another."""
    if x.ndim != 1 or other.ndim != 1:
        raise RuntimeError(f"outer: Expected 1-D arguments, but got {x.ndim}D and {other.ndim}D")
    return x.unsqueeze(-1) * other.unsqueeze(0)
