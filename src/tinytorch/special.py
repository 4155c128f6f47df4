"""Special functions under PyTorch's names (`torch.special`); most are methods of tensors under other names."""

from __future__ import annotations

import math
from typing import Any

from tinytorch.functions import FUNCTIONS
from tinytorch.tensor import Tensor

SAME = ("digamma", "erf", "erfc", "erfinv", "exp2", "expm1", "log1p", "log_softmax", "logit", "logsumexp", "polygamma", "sinc", "softmax", "xlogy")  # fmt: skip
RENAMED = {"expit": "sigmoid", "gammaln": "lgamma", "psi": "digamma"}
globals().update(
    {name: FUNCTIONS[name] for name in SAME} | {name: FUNCTIONS[each] for name, each in RENAMED.items()}
)


def xlog1py(input: Tensor, other: Any) -> Tensor:
    """input * log(1 + other), and 0 where input is 0, unless other is NaN."""
    shifted = other.floating() if isinstance(other, Tensor) else other
    both = isinstance(input, Tensor) and isinstance(other, Tensor) and input.dtype is other.dtype
    if both and input.dtype.wide is not None:
        made: Tensor = xlog1py(input.float(), shifted.float()).to(input.dtype)  # halves are rounded once
        return made
    made = FUNCTIONS["xlogy"](input, shifted + 1)
    return made


def entr(input: Tensor) -> Tensor:
    """-x log(x): 0 at 0, and minus infinity below."""
    x = input.floating()
    return (-x.xlogy(x)).where(~(x < 0), -math.inf)


def ndtr(input: Tensor) -> Tensor:
    """The share of a standard normal distribution below x."""
    x = input.floating()
    made: Tensor = (-x * math.sqrt(0.5)).erfc() * 0.5
    return made


def ndtri(input: Tensor) -> Tensor:
    """The number below which that share lies: the inverse of `ndtr`."""
    x = input.floating()
    made: Tensor = (x.double() * 2 - 1).erfinv() * math.sqrt(2.0)  # near 0 the difference needs the digits
    return made.to(x.dtype)


def log_ndtr(input: Tensor) -> Tensor:
    """The logarithm of `ndtr`, by a series where that is too small to be held."""
    x = input.floating()
    low = x.where(x < -8.0, -8.0)
    square = (low * low).reciprocal()
    series = 1 - square * (1 - 3 * square * (1 - 5 * square * (1 - 7 * square * (1 - 9 * square))))
    tail = -low * low * 0.5 - (-low).log() - 0.5 * math.log(2 * math.pi) + series.log()
    return tail.where(x < -8.0, ndtr(x.where(~(x < -8.0), 0.0)).log())


def multigammaln(a: Tensor, p: int) -> Tensor:
    """The logarithm of the gamma function of p dimensions."""
    if p < 1:
        raise RuntimeError(f"p has to be greater than or equal to 1, not {p}")
    total = sum(
        [(a.arithmetic("multigammaln").floating() - i / 2).lgamma() for i in range(p)], a.floating() * 0
    )
    made: Tensor = total + p * (p - 1) / 4 * math.log(math.pi)
    return made
