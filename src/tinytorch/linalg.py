"""Linear algebra under PyTorch's names (`torch.linalg`): norms, inverses, decompositions, all differentiable."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from tinytorch import ops
from tinytorch.composed_linalg import SignLogdet, matrices
from tinytorch.dtypes import dtype as Dtype
from tinytorch.dtypes import finfo
from tinytorch.errors import LinAlgError
from tinytorch.indexing import canonical_dim, canonical_dims
from tinytorch.joining import broadcast_shapes
from tinytorch.tensor import Tensor
from tinytorch.writing import into

Dims = int | Sequence[int] | None
TWO_AXES = (-2, -1)


class QR(NamedTuple):
    """What `qr` returns."""

    Q: Tensor
    R: Tensor


class SVD(NamedTuple):
    """What `svd` returns."""

    U: Tensor
    S: Tensor
    Vh: Tensor


class Eigh(NamedTuple):
    """What `eigh` returns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


def floats(x: Tensor, name: str, dtype: Dtype | None) -> Tensor:
    """In the type wished. Raises RuntimeError for whole numbers."""
    x = x if dtype is None else x.to(dtype)
    if not x.is_floating_point():
        raise RuntimeError(
            f"{name}: Expected a floating point or complex tensor as input. Got {x.dtype.name}"
        )
    return x


def vector_norm(
    x: Tensor,
    ord: float = 2,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: Dtype | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """The p-norm of the numbers along `dim`, or of all.

    >>> import tinytorch as tt
    >>> vector_norm(tt.tensor([3.0, 4.0]))
    tensor(5.)
    """
    made = floats(x, "linalg.vector_norm", dtype).norm(ord, dim, keepdim)
    return made if out is None else into(out, made, "vector_norm")


def matrix_norm(
    A: Tensor,
    ord: Any = "fro",
    dim: Sequence[int] = TWO_AXES,
    keepdim: bool = False,
    *,
    dtype: Dtype | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """A norm of matrices: "fro", "nuc", or by 1, -1 (columns), inf, -inf (rows), 2, -2 (singular values)."""
    x = floats(A, "linalg.matrix_norm", dtype)
    if x.ndim < 2 or isinstance(dim, int) or len(dim) != 2:
        raise RuntimeError(
            f"linalg.matrix_norm: dim must be a 2-tuple of axes of a matrix, not {dim} of {x.shape}"
        )
    rows, columns = canonical_dims(tuple(dim), x.ndim)
    if ord == "fro":
        return x.norm(2, (rows, columns), keepdim)
    if ord in ("nuc", 2, -2):
        if x.dtype.wide is not None:
            raise RuntimeError(f"linalg.matrix_norm: Low precision dtypes not supported. Got {x.dtype.name}")
        values = svdvals(x.movedim((rows, columns), TWO_AXES))
        made = values.sum(-1) if ord == "nuc" else values.amax(-1) if ord == 2 else values.amin(-1)
    elif ord in (1, -1, math.inf, -math.inf):
        along, over = (rows, columns) if abs(ord) == 1 else (columns, rows)
        sums = x.abs().sum(along, keepdim=True)
        made = (sums.amax(over, keepdim=True) if ord > 0 else sums.amin(over, keepdim=True)).squeeze(
            (rows, columns)
        )
    else:
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    if keepdim:
        first, second = sorted((rows, columns))
        made = made.unsqueeze(first).unsqueeze(second)
    return made if out is None else into(out, made, "matrix_norm")


def norm(
    A: Tensor,
    ord: Any = None,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: Dtype | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """A vector's or a matrix's norm: of matrices where `ord` is given and two axes are meant, else of vectors."""
    axes = None if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    if ord is not None and ((axes is None and A.ndim == 2) or (axes is not None and len(axes) == 2)):
        return matrix_norm(A, ord, axes or TWO_AXES, keepdim, dtype=dtype, out=out)
    if ord is not None and axes is None and A.ndim > 2:
        raise RuntimeError("linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D.")
    if isinstance(ord, str):
        raise RuntimeError(f"linalg.norm: ord {ord!r} is a norm of matrices, and these are vectors")
    return vector_norm(A, 2 if ord is None else ord, axes, keepdim, dtype=dtype, out=out)


def inv(A: Tensor) -> Tensor:
    """The inverse of each square matrix. Raises LinAlgError for a singular one.

    >>> import tinytorch as tt
    >>> inv(tt.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    return A.inverse()


def pinv(
    A: Tensor, rtol: float | None = None, *, atol: float | None = None, hermitian: bool = False
) -> Tensor:
    """The Moore-Penrose inverse; singular values up to `rtol` times the largest count as 0."""
    if atol is not None:
        raise NotImplementedError("linalg.pinv takes rtol only")
    return A.pinverse(max(A.shape[-2:], default=0) * finfo(A.dtype).eps if rtol is None else rtol)


def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """The X with A X = B, or X A = B; B is a vector, or a matrix (batches of them).

    >>> import tinytorch as tt
    >>> solve(tt.tensor([[2.0, 0.0], [0.0, 4.0]]), tt.tensor([2.0, 2.0]))
    tensor([1.0000, 0.5000])
    """
    matrices(A, "linalg.solve", square=True)
    vector = B.ndim == 1 or (B.ndim == A.ndim - 1 and B.shape == A.shape[:-1])
    if not left:
        if vector:
            raise LinAlgError(
                "linalg.solve: Vector broadcasting of the left hand side is not supported for left=False."
            )
        return solve(A.mT, B.mT).mT
    columns = B.unsqueeze(-1) if vector else B
    if columns.shape[-2] != A.shape[-1]:
        raise LinAlgError(
            f"linalg.solve: Incompatible shapes of A and B for the equation AX = B: {A.shape} and {B.shape}"
        )
    batch = broadcast_shapes(A.shape[:-2], columns.shape[:-2])
    a, b = A.expand(*batch, *A.shape[-2:]), columns.expand(*batch, *columns.shape[-2:])
    made: Tensor = A.apply(ops.SOLVE, a, b)
    return made.squeeze(-1) if vector else made


def solve_triangular(
    A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Tensor:
    """`solve` for a triangle: what is on the other side of the diagonal is not read."""
    a = A.triu() if upper else A.tril()
    if unitriangular:
        a = a - a.diagonal(0, -2, -1).diag_embed() + a.new_ones(a.shape[-1]).diag_embed()
    if B.ndim < 2:
        raise LinAlgError(f"linalg.solve_triangular: B must have at least 2 dimensions, not {B.ndim}")
    return solve(a, B, left=left)


def det(A: Tensor) -> Tensor:
    """The determinant of each square matrix."""
    return A.det()


def slogdet(A: Tensor) -> SignLogdet:
    """The sign of the determinant, and the logarithm of its size."""
    return A.slogdet()


def cholesky(A: Tensor, *, upper: bool = False) -> Tensor:
    """The lower triangle L with L L^T = A, for symmetric positive definite matrices."""
    return A.cholesky(upper)


def qr(A: Tensor, mode: str = "reduced") -> QR:
    """Orthonormal columns Q and an upper triangle R with Q R = A; `mode` is "reduced", "complete" or "r"."""
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or 'complete'"
        )
    q, r = A.apply(ops.Qr("complete" if mode == "complete" else "reduced"), matrices(A, "linalg.qr"))
    return QR(q.new_empty(0), r) if mode == "r" else QR(q, r)


def eigh(A: Tensor, UPLO: str = "L") -> Eigh:
    """The eigenvalues of symmetric matrices, smallest first, and the eigenvectors in columns."""
    return Eigh(*A.apply(ops.Eigh(UPLO.upper()), matrices(A, "linalg.eigh", square=True)))


def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    """The eigenvalues of symmetric matrices, smallest first."""
    return eigh(A, UPLO).eigenvalues


def svd(A: Tensor, full_matrices: bool = True) -> SVD:
    """U, the singular values, largest first, and V^T with U diag(S) V^T = A."""
    return SVD(*A.apply(ops.Svd(full_matrices), matrices(A, "linalg.svd")))


def svdvals(A: Tensor) -> Tensor:
    """The singular values, largest first."""
    return svd(A, full_matrices=False).S


def matrix_power(A: Tensor, n: int) -> Tensor:
    """Each square matrix times itself, n times."""
    return A.matrix_power(n)


def matrix_rank(
    A: Tensor,
    rtol: float | Tensor | None = None,
    *,
    atol: float | Tensor | None = None,
    hermitian: bool = False,
) -> Tensor:
    """How many singular values are above `rtol` times the largest, and above `atol`: numbers, or one for each matrix."""
    values = svdvals(A.tril() + A.tril(-1).mT if hermitian else A)
    relative = max(A.shape[-2:], default=0) * finfo(A.dtype).eps if rtol is None and atol is None else rtol
    if not values.numel():
        return values.sum(-1).long()
    limits = [
        values.new_tensor(0.0) if each is None else as_floats(each, values) for each in (relative, atol)
    ]
    least = (values.amax(-1) * limits[0]).maximum(limits[1])  # (...)
    return (values > least.unsqueeze(-1)).sum(-1)


def as_floats(limit: float | Tensor, like: Tensor) -> Tensor:
    """A limit as a tensor of the type of the values that are held against it."""
    return limit.to(like.dtype) if isinstance(limit, Tensor) else like.new_tensor(limit)


def cond(A: Tensor, p: Any = None) -> Tensor:
    """How much errors grow where A is solved: its norm times that of its inverse; infinite for a singular matrix."""
    if p in (None, 2, -2):
        values = svdvals(A)
        first, last = values.amax(-1), values.amin(-1)
        return first / last if p != -2 else last / first
    matrices(A, "linalg.cond", square=True)
    singular = A.detach().det() == 0
    unit = A.new_ones(A.shape[-1]).diag_embed()
    inverse = A.where(~singular.unsqueeze(-1).unsqueeze(-1), unit).inverse()
    return (matrix_norm(A, p) * matrix_norm(inverse, p)).where(~singular, math.inf)


class LeastSquares(NamedTuple):
    """What `lstsq` returns."""

    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


def lstsq(A: Tensor, B: Tensor, rcond: float | None = None, *, driver: str | None = None) -> LeastSquares:
    """The X that makes A X - B smallest, (..., n, k) for A (..., m, n) and B (..., m, k) or (..., m).

    Of several such X the smallest. residuals are the squares left over in each column, where A is tall and of
    full rank; they, the rank and the singular values are empty where PyTorch's `driver` does not find them:
    "gelsy" (the usual one), "gels", "gelsd" or "gelss".

    >>> import tinytorch as tt
    >>> lstsq(tt.tensor([[1.0], [1.0]]), tt.tensor([[1.0], [3.0]])).solution.round(decimals=3)
    tensor([[2.]])
    """
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise RuntimeError(
            f"linalg.lstsq: parameter `driver` should be one of gels, gelsy, gelsd, gelss, not {driver}"
        )
    matrices(A, "linalg.lstsq")
    vector = B.ndim == A.ndim - 1
    columns = B.unsqueeze(-1) if vector else B
    if columns.shape[-2] != A.shape[-2]:
        raise RuntimeError(f"linalg.lstsq: A and B have different numbers of rows: {A.shape} and {B.shape}")
    least = max(A.shape[-2:], default=0) * finfo(A.dtype).eps if rcond is None else rcond
    solution = A.pinverse(least) @ columns
    rank, none = matrix_rank(A.detach(), least), solution.flatten().narrow(0, 0, 0)
    tall = A.shape[-2] > A.shape[-1] and bool((rank == A.shape[-1]).all().item())
    return LeastSquares(
        solution.squeeze(-1) if vector else solution,
        ((A @ solution - columns) ** 2).sum(-2) if tall and driver not in (None, "gelsy") else none,
        rank.new_empty(0) if driver == "gels" else rank,
        svdvals(A) if driver in ("gelsd", "gelss") else none,
    )


def multi_dot(tensors: Sequence[Tensor]) -> Tensor:
    """The product of several matrices, in the order that costs least; the outer two may be vectors."""
    if len(tensors) < 2:
        raise RuntimeError("multi_dot(): expected at least 2 tensors")
    chain = list(tensors)
    while len(chain) > 2:  # the largest inner size first: for a few matrices as good as the best order
        sizes = [each.shape[0] for each in chain[1:]]
        at = sizes.index(max(sizes))
        chain[at : at + 2] = [chain[at] @ chain[at + 1]]
    return chain[0] @ chain[1]


def cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    """The vector product along an axis of size 3."""
    if input.ndim != other.ndim:
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    if input.shape[dim] != 3 or other.shape[dim] != 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. Got {input.shape[dim]} and {other.shape[dim]}"
        )
    return input.cross(other, dim)


def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """The sum of products along an axis."""
    product = floats(x, "linalg.vecdot", None) * floats(y, "linalg.vecdot", None)
    return product.sum(canonical_dim(dim, product.ndim))


def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The diagonal of matrices."""
    return A.diagonal(offset, dim1, dim2)
