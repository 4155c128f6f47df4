"""Linear algebra as a tensor's methods, under PyTorch's older names. `Tensor` adopts all of `NAMES`; `linalg` stands on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tinytorch import ops
from tinytorch.errors import DtypeError, LinAlgError, ShapeError

if TYPE_CHECKING:
    from tinytorch.tensor import Tensor

NAMES = [
    "adjoint",
    "cholesky",
    "cholesky_solve",
    "det",
    "inverse",
    "logdet",
    "matrix_power",
    "pinverse",
    "qr",
    "slogdet",
    "svd",
]


class SignLogdet(NamedTuple):
    """What `slogdet` returns."""

    sign: Tensor
    logabsdet: Tensor


class Svd(NamedTuple):
    """What `torch.svd` returns: V, where `linalg.svd` gives its transpose."""

    U: Tensor
    S: Tensor
    V: Tensor


class Qr(NamedTuple):
    """What `qr` returns."""

    Q: Tensor
    R: Tensor


def matrices(x: Tensor, name: str, square: bool = False) -> Tensor:
    """Itself. Raises for what is no matrix, or no batch of them, of float32 or float64."""
    if x.ndim < 2:
        raise LinAlgError(f"{name}: The input tensor must have at least 2 dimensions, not {x.ndim}")
    if square and x.shape[-1] != x.shape[-2]:
        raise LinAlgError(
            f"{name}: A must be batches of square matrices, but they are {x.shape[-2]} by {x.shape[-1]}"
        )
    if not x.is_floating_point() or x.dtype.wide is not None:
        raise DtypeError(f"{name}: expected a tensor of float32 or float64, not {x.dtype.name}")
    return x


def adjoint(x: Tensor) -> Tensor:
    """The last two axes exchanged: there are no complex numbers here."""
    if x.ndim == 1:
        raise ShapeError("tensor.adjoint() is only supported on matrices or batches of matrices, not 1-D")
    return x.mT if x.ndim else x


def inverse(x: Tensor) -> Tensor:
    """The inverse of each square matrix. Raises LinAlgError for a singular one."""
    made: Tensor = x.apply(ops.INVERSE, matrices(x, "linalg.inv", square=True))
    return made


def pinverse(x: Tensor, rcond: float = 1e-15) -> Tensor:
    """The Moore-Penrose inverse; singular values up to `rcond` times the largest count as 0."""
    made: Tensor = x.apply(ops.PseudoInverse(rcond), matrices(x, "linalg.pinv"))
    return made


def det(x: Tensor) -> Tensor:
    """The determinant of each square matrix."""
    made: Tensor = x.apply(ops.DET, matrices(x, "linalg.det", square=True))
    return made


def slogdet(x: Tensor) -> SignLogdet:
    """The sign of the determinant, and the logarithm of its size."""
    return SignLogdet(*x.apply(ops.SLOGDET, matrices(x, "linalg.slogdet", square=True)))


def logdet(x: Tensor) -> Tensor:
    """The logarithm of the determinant, NaN where that is negative."""
    sign, size = slogdet(x)
    return size.where(sign != -1, float("nan"))


def cholesky(x: Tensor, upper: bool = False) -> Tensor:
    """The lower triangle L with L L^T = A; or the upper one, its transpose."""
    made: Tensor = x.apply(ops.CHOLESKY, matrices(x, "linalg.cholesky", square=True))
    return made.mT if upper else made


def cholesky_solve(x: Tensor, L: Tensor, upper: bool = False) -> Tensor:
    """The X with A X = x, for x (..., n, k) and the Cholesky triangle L of A: A = L L^T, or L^T L for an upper one."""
    if x.ndim < 2 or L.ndim < 2:
        raise ShapeError(f"cholesky_solve needs matrices, not {x.shape} and {L.shape}")
    lower = L.triu().mT if upper else L.tril()
    made: Tensor = x.apply(ops.SOLVE, lower.mT, x.apply(ops.SOLVE, lower, x))
    return made


def qr(x: Tensor, some: bool = True) -> Qr:
    """Orthonormal columns times an upper triangle."""
    return Qr(*x.apply(ops.Qr("reduced" if some else "complete"), matrices(x, "linalg.qr")))


def svd(x: Tensor, some: bool = True, compute_uv: bool = True) -> Svd:
    """U, the singular values and V with U diag(S) V^T = A."""
    u, s, vt = x.apply(ops.Svd(not some), matrices(x, "linalg.svd"))
    return Svd(u, s, vt.mT) if compute_uv else Svd(u * 0, s, vt.mT * 0)


def matrix_power(x: Tensor, n: int) -> Tensor:
    """Each square matrix times itself, n times, by squaring; of the inverse for negative n."""
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise LinAlgError(f"linalg.matrix_power: A must be batches of square matrices, not {x.shape}")
    base: Any = x if n >= 0 else x.inverse()
    made, left = None, abs(n)
    while left:
        if left % 2:
            made = base if made is None else made @ base
        left //= 2
        base = base @ base if left else base
    return made if made is not None else (x * 0 + x.new_ones(x.shape[-1]).diag_embed()).to(x.dtype)
