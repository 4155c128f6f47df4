"""The judge of derivatives: central differences against the gradients of the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinytorch.autograd.function import grad, sequence
from tinytorch.errors import GradientError
from tinytorch.tensor import Tensor


class GradcheckError(GradientError):
    """A gradient that differs from the slope."""


def differentiable(values: Any) -> list[Tensor]:
    """The tensors among `values` that require gradients."""
    return [each for each in sequence(values) if isinstance(each, Tensor) and each.requires_grad]


def slope(function: Callable[[], Tensor], x: Tensor, g: Tensor, eps: float) -> np.ndarray[Any, Any]:
    """d sum(g * function()) / d x by central differences, one element of x at a time; x is restored."""
    result = np.zeros(x.shape, np.float64)
    values = x.detach().numpy()
    for where in np.ndindex(x.shape):
        kept, ends = values[where].copy(), []
        for step in (eps, -eps):
            values[where] = kept + step
            ends.append(float((function().detach() * g).sum().item()))
        values[where] = kept
        result[where] = (ends[0] - ends[1]) / (2 * eps)
    return result


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    seed: int = 0,
) -> bool:
    """Compare the gradients of `func(*inputs)` with central differences (`torch.autograd.gradcheck`).

    The incoming gradient is random, never all ones, so a rule that drops it is noticed. Inputs should
    be float64. Raises GradcheckError naming input and numbers, or returns False.

    >>> import tinytorch as tt
    >>> x = tt.tensor([0.5, -2.0], dtype=tt.float64, requires_grad=True)
    >>> gradcheck(lambda x: x.exp() * x, (x,))
    True
    """
    given = sequence(inputs)
    random = np.random.default_rng(seed)
    for which, out in enumerate(differentiable(func(*given))):
        g = out.new_tensor(random.uniform(0.5, 1.5, out.shape))
        asked = differentiable(given)
        found = grad(out, asked, g, allow_unused=True, retain_graph=True)
        for i, (x, got) in enumerate(zip(asked, found, strict=True)):

            def again(which: int = which) -> Tensor:
                made = func(*given)
                floats: list[Tensor] = [each for each in sequence(made) if each.is_floating_point()]
                return floats[which]

            want = slope(again, x, g, eps)
            have = np.zeros(x.shape) if got is None else got.detach().numpy().astype(np.float64)
            if have.shape != want.shape or not np.allclose(have, want, rtol, atol, equal_nan=True):
                if not raise_exception:
                    return False
                raise GradcheckError(
                    f"Jacobian mismatch for output {which} with respect to input {i}:\n"
                    f"numerical: {want}\nanalytical: {have}"
                )
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    seed: int = 0,
) -> bool:
    """Compare the gradients of the gradients with central differences (`torch.autograd.gradgradcheck`).

    >>> import tinytorch as tt
    >>> x = tt.tensor([0.5, -2.0], dtype=tt.float64, requires_grad=True)
    >>> gradgradcheck(lambda x: x.exp() * x, (x,))
    True
    """
    given = sequence(inputs)
    random = np.random.default_rng(seed + 1)
    outs = differentiable(func(*given))
    gs = [out.new_tensor(random.uniform(0.5, 1.5, out.shape)).requires_grad_() for out in outs]
    count = len(given)

    def first(*both: Any) -> tuple[Any, ...]:
        made = differentiable(func(*both[:count]))
        asked = differentiable(both[:count])
        found = grad(made, asked, list(both[count:]), create_graph=True, allow_unused=True)
        return tuple([each for each in found if each is not None])

    return gradcheck(
        first, (*given, *gs), eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception, seed=seed
    )
