"""Linear algebra cards: inverses, determinants and decompositions of matrices (..., n, m), batch by batch.

Gradients: M. Giles, "Collected matrix derivative results for forward and reverse mode algorithmic differentiation"
(2008); for the decompositions as in `torch/csrc/autograd/FunctionsManual.cpp`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from tinytorch.errors import LinAlgError
from tinytorch.ops.card import SAME, Grads, Op

if TYPE_CHECKING:
    from tinytorch.array import Array
    from tinytorch.tensor import Tensor


def on_host(function: Callable[..., Any], *xs: Array) -> Any:
    """NumPy's function of the values. Raises LinAlgError where it has no answer."""
    try:
        made = function(*[x.device.download(x) for x in xs])
    except np.linalg.LinAlgError as error:
        raise LinAlgError(f"{function.__name__}: {error}") from error
    several = made if isinstance(made, tuple) else (made,)
    arrays = tuple([xs[0].device.upload(np.asarray(each)) for each in several])
    return arrays if isinstance(made, tuple) else arrays[0]


class Inverse(Op):
    """The inverse of a square matrix"""

    __slots__ = ()
    fresh = True
    reads = {"x": ("out",)}

    def forward(self, x: Array) -> Array:
        return on_host(np.linalg.inv, x)  # type: ignore[no-any-return]

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (-(out.mT @ g @ out.mT),)


class PseudoInverse(Op):
    """The Moore-Penrose inverse: singular values up to `rtol` times the largest count as 0"""

    __slots__ = ("rtol",)
    fresh = True

    def __init__(self, rtol: float) -> None:
        self.rtol = rtol

    def forward(self, x: Array) -> Array:
        def pinv(values: Any) -> Any:
            return np.linalg.pinv(values, self.rtol)

        return on_host(pinv, x)  # type: ignore[no-any-return]

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        gt, pt = g.mT, out.mT
        if x.shape[-2] <= x.shape[-1]:
            k = gt @ out
            kp = k @ pt
            return (-(out @ k).mT + kp - (x @ out) @ kp + (pt @ out) @ (gt - k @ x),)
        k = out @ gt
        pk = pt @ k
        return (-(k @ out).mT + (gt - x @ k) @ out @ pt + pk - (pk @ out) @ x,)


class Solve(Op):
    """The X with A X = B, for A (..., n, n) and B (..., n, k)"""

    __slots__ = ()
    promotion = SAME
    fresh = True
    reads = {"a": ("a", "out"), "b": ("a",)}

    def forward(self, a: Array, b: Array) -> Array:
        return on_host(np.linalg.solve, a, b)  # type: ignore[no-any-return]

    def grad(self, g: Tensor, out: Tensor, a: Tensor, b: Tensor) -> Grads:
        to_b = g.apply(SOLVE, a.mT, g)
        return -(to_b @ out.mT) if a.requires_grad else None, to_b


class Det(Op):
    """The determinant of a square matrix"""

    __slots__ = ()
    fresh = True

    def forward(self, x: Array) -> Array:
        return on_host(np.linalg.det, x)  # type: ignore[no-any-return]

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        outer = g.unsqueeze(-1).unsqueeze(-1)
        if x.shape[-1] and not bool((out == 0).any().item()):
            return (outer * out.unsqueeze(-1).unsqueeze(-1) * x.inverse().mT,)
        return (outer * x.new_tensor(cofactors(x.detach().numpy_view())),)


def cofactors(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The derivative of the determinant, also of a singular matrix: by its singular values, each time without one."""
    u, s, vh = np.linalg.svd(x)
    count = s.shape[-1]
    others = np.stack([np.delete(s, i, -1).prod(-1) for i in range(count)], -1) if count else s
    sign = np.linalg.det(u) * np.linalg.det(vh)
    return np.asarray(sign[..., None, None] * ((u * others[..., None, :]) @ vh))


class Slogdet(Op):
    """The sign of the determinant, and the logarithm of its size"""

    __slots__ = ()
    reads = {"x": ("x",)}

    def forward(self, x: Array) -> tuple[Array, Array]:
        return on_host(lambda values: tuple(np.linalg.slogdet(values)), x)  # type: ignore[no-any-return]

    def grad(self, g: Any, out: Any, x: Tensor) -> Grads:
        return (None,) if g[1] is None else (g[1].unsqueeze(-1).unsqueeze(-1) * x.inverse().mT,)


class Cholesky(Op):
    """The lower triangle L with L L^T = A, for a symmetric positive definite A"""

    __slots__ = ()
    fresh = True
    reads = {"x": ("out",)}

    def forward(self, x: Array) -> Array:
        return on_host(np.linalg.cholesky, x)  # type: ignore[no-any-return]

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        lower = (out.mT @ g).tril()
        half = lower - lower.diagonal(0, -2, -1).diag_embed() * 0.5
        inverse = out.inverse()
        made = inverse.mT @ half @ inverse
        return ((made + made.mT) * 0.5,)


class Qr(Op):
    """Q with orthonormal columns and an upper triangle R with Q R = A; as many columns as the smaller size"""

    __slots__ = ("mode",)

    def __init__(self, mode: str) -> None:
        self.mode = mode

    def forward(self, x: Array) -> tuple[Array, Array]:
        return on_host(lambda values: tuple(np.linalg.qr(values, self.mode)), x)  # type: ignore[no-any-return,arg-type,call-overload]

    def grad(self, g: Any, out: Any, x: Tensor) -> Grads:
        (q, r), (rows, columns) = out, x.shape[-2:]
        if q.shape[-1] > columns:
            raise LinAlgError("qr is not differentiable with mode='complete' and more rows than columns")
        to_q = q * 0 if g[0] is None else g[0]
        to_r = r * 0 if g[1] is None else g[1]
        if rows >= columns:
            return (qr_backward(q, r, to_q, to_r),)
        square, rest = x.narrow(-1, 0, rows), x.narrow(-1, rows, columns - rows)
        to_rest = to_r.narrow(-1, rows, columns - rows)  # these columns of R are Q^T times those of A
        to_square = qr_backward(q, r.narrow(-1, 0, rows), to_q + rest @ to_rest.mT, to_r.narrow(-1, 0, rows))
        return (to_square.cat_after(q @ to_rest, square.ndim - 1),)


def qr_backward(q: Tensor, r: Tensor, to_q: Tensor, to_r: Tensor) -> Tensor:
    """The gradient of Q R = A for A (..., n, m) with at least as many rows as columns."""
    m = r @ to_r.mT - to_q.mT @ q
    symmetric = m.tril() + m.tril(-1).mT
    return (to_q + q @ symmetric) @ r.inverse().mT


class Eigh(Op):
    """The eigenvalues of a symmetric matrix, smallest first, and its eigenvectors in columns"""

    __slots__ = ("uplo",)

    def __init__(self, uplo: str) -> None:
        self.uplo = uplo

    def forward(self, x: Array) -> tuple[Array, Array]:
        return on_host(lambda values: tuple(np.linalg.eigh(values, self.uplo)), x)  # type: ignore[no-any-return,call-overload]

    def grad(self, g: Any, out: Any, x: Tensor) -> Grads:
        values, vectors = out
        inner = vectors.new_zeros(x.shape) if g[0] is None else g[0].diag_embed()
        if g[1] is not None:
            gaps, unit = (
                values.unsqueeze(-2) - values.unsqueeze(-1),
                values.new_ones(x.shape[-1]).diag_embed(),
            )
            turn = (
                vectors.mT @ g[1] / (gaps + unit)
            )  # an eigenvector turns towards the others, not along itself
            inner = inner + turn * (1.0 - unit)
        made = vectors @ inner @ vectors.mT
        return ((made + made.mT) * 0.5,)


class Svd(Op):
    """U, the singular values, largest first, and V^T with U diag(S) V^T = A; reduced, unless `full`"""

    __slots__ = ("full",)

    def __init__(self, full: bool) -> None:
        self.full = full

    def forward(self, x: Array) -> tuple[Array, Array, Array]:
        return on_host(lambda values: tuple(np.linalg.svd(values, self.full)), x)  # type: ignore[no-any-return]

    def grad(self, g: Any, out: Any, x: Tensor) -> Grads:
        (u, s, vt), count = out, min(x.shape[-2:])
        inner = u.new_zeros((*s.shape, count)) if g[1] is None else g[1].diag_embed()
        if g[0] is None and g[2] is None:
            return (u[..., :count] @ inner @ vt[..., :count, :],)
        to_u, to_v = g[0], g[2]
        if self.full:  # what the further columns are is nobody's promise
            u, vt = u.narrow(-1, 0, count), vt.narrow(-2, 0, count)
            to_u = None if to_u is None else to_u.narrow(-1, 0, count)
            to_v = None if to_v is None else to_v.narrow(-2, 0, count)
        squares = s * s
        gaps = squares.unsqueeze(-2) - squares.unsqueeze(-1) + s.new_ones(count).diag_embed()
        more = 0.0
        if to_u is not None:
            m = u.mT @ to_u
            inner = inner + (m - m.mT) / gaps * s.unsqueeze(-2)
            if x.shape[-2] > count:
                more = more + ((to_u - u @ m) / s.unsqueeze(-2)) @ vt
        if to_v is not None:
            m = vt @ to_v.mT
            inner = inner + s.unsqueeze(-1) * ((m - m.mT) / gaps)
            if x.shape[-1] > count:
                more = more + u @ ((to_v - m.mT @ vt) / s.unsqueeze(-1))
        return (u @ inner @ vt + more,)


INVERSE, SOLVE, DET, SLOGDET, CHOLESKY = Inverse(), Solve(), Det(), Slogdet(), Cholesky()
