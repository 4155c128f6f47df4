"""Lengths and angles (`torch.nn.functional`)."""

from __future__ import annotations

from tinytorch import dtypes
from tinytorch.joining import pdist as pdist
from tinytorch.tensor import Tensor
from tinytorch.writing import into


def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """The p-norm of x1 - x2 + eps over the last axis."""
    difference = x1 - x2 + eps
    return difference.norm(p, -1 if difference.ndim else None, keepdim)


def normalize(
    input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: Tensor | None = None
) -> Tensor:
    """Divided by its norm along `dim`."""
    made = input / input.norm(p, dim, keepdim=True).clamp(min=eps)
    return made if out is None else into(out, made, "normalize")


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between vectors along `dim`."""
    kind = dtypes.promote_types(x1.dtype, x2.dtype)
    if not kind.is_floating_point:
        raise RuntimeError(f"expected common dtype to be floating point, yet common dtype is {kind}")
    x, y = x1.to(kind).broadcast_with(x2.to(kind))
    return (unit(x, dim, eps) * unit(y, dim, eps)).sum(dim)


def unit(x: Tensor, dim: int, eps: float) -> Tensor:
    """Divided by its length along an axis, which is held above `eps` as a number without gradient."""
    length = x.norm(2, dim, keepdim=True)
    return x / (length + (length.detach().clamp(min=eps) - length.detach()))
