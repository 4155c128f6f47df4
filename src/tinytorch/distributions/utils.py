"""What the distributions share: parameters brought to one shape, probabilities and their logarithms."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from tinytorch import creation, dtypes
from tinytorch.autograd.grad_mode import enable_grad
from tinytorch.joining import broadcast_tensors
from tinytorch.tensor import Tensor

NUMBERS = (int, float, bool)


class lazy_property(cached_property[Any]):
    """An attribute that is computed when first asked for, with gradients even inside `no_grad`."""

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        with enable_grad():
            return super().__get__(instance, owner)


def broadcast_all(*values: Any) -> tuple[Tensor, ...]:
    """Numbers and tensors as tensors of one shape (`torch.distributions.utils.broadcast_all`).

    A number takes the dtype and device of the first tensor, or the default dtype where there is no tensor.
    Raises ValueError for anything else, ShapeError for shapes that do not go together.

    >>> broadcast_all(creation.zeros(2), 1)
    (tensor([0., 0.]), tensor([1., 1.]))
    """
    if not all(isinstance(each, (Tensor, *NUMBERS)) for each in values):
        raise ValueError("Input arguments must all be instances of Number or tinytorch.Tensor")
    first = next((each for each in values if isinstance(each, Tensor)), None)
    dtype = dtypes.get_default_dtype() if first is None else first.dtype
    device = None if first is None else first.device
    tensors = [
        each if isinstance(each, Tensor) else creation.tensor(each, dtype=dtype, device=device)
        for each in values
    ]
    return tuple(broadcast_tensors(*tensors))


def sum_rightmost(value: Tensor, dim: int) -> Tensor:
    """The sum over the last `dim` axes."""
    return value.reshape(*value.shape[: value.dim() - dim], -1).sum(-1) if dim else value


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """Probabilities: of each class along the last axis, or, for log-odds (`is_binary`), of a 1."""
    return logits.sigmoid() if is_binary else logits.softmax(-1)


def clamp_probs(probs: Tensor) -> Tensor:
    """Probabilities that differ from 0 and 1 by the dtype's epsilon at least, so that logarithms are finite.

    >>> clamp_probs(creation.tensor([0.0, 0.5], dtype=dtypes.float64)).tolist()
    [2.220446049250313e-16, 0.5]
    """
    eps = dtypes.finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """Logarithms of probabilities, or, for the probability of a 1 (`is_binary`), log-odds. Both finite."""
    clamped = clamp_probs(probs)
    return clamped.log() - (-clamped).log1p() if is_binary else clamped.log()
