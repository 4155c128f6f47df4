"""The Kullback-Leibler divergence between two distributions, by a formula for each pair of kinds."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

from tinytorch.distributions.bernoulli import Bernoulli
from tinytorch.distributions.categorical import Categorical
from tinytorch.distributions.distribution import Distribution
from tinytorch.distributions.independent import Independent
from tinytorch.distributions.normal import Normal
from tinytorch.distributions.uniform import Uniform
from tinytorch.distributions.utils import sum_rightmost
from tinytorch.nn.functional import softplus
from tinytorch.tensor import Tensor

Formula = Callable[[Any, Any], Tensor]
FORMULAS: dict[tuple[type, type], Formula] = {}


def register_kl(type_p: type, type_q: type) -> Callable[[Formula], Formula]:
    """A decorator: the function is the divergence between these kinds and their subclasses.

    Raises TypeError for what is no subclass of Distribution (`torch.distributions.register_kl`).
    """
    for name, kind in (("type_p", type_p), ("type_q", type_q)):
        if not (isinstance(kind, type) and issubclass(kind, Distribution)):
            raise TypeError(f"Expected {name} to be a Distribution subclass but got {kind}")

    def register(formula: Formula) -> Formula:
        FORMULAS[type_p, type_q] = formula
        return formula

    return register


def formula_for(type_p: type, type_q: type) -> Formula | None:
    """The formula for the nearest kinds that these are subclasses of; None if there is none.

    Where the nearest kind of p and the nearest kind of q belong to different formulas, a RuntimeWarning says
    so, and p's counts.
    """
    fitting = [pair for pair in FORMULAS if issubclass(type_p, pair[0]) and issubclass(type_q, pair[1])]
    if not fitting:
        return None
    steps = {pair: (type_p.__mro__.index(pair[0]), type_q.__mro__.index(pair[1])) for pair in fitting}
    left, right = min(fitting, key=lambda pair: steps[pair]), min(fitting, key=lambda pair: steps[pair][::-1])
    if FORMULAS[left] is not FORMULAS[right]:
        warnings.warn(
            f"Ambiguous kl_divergence({type_p.__name__}, {type_q.__name__}). "
            f"Please register_kl({left[0].__name__}, {right[1].__name__})",
            RuntimeWarning,
            stacklevel=3,
        )
    return FORMULAS[left]


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """How many nats more a draw from `p` costs in a code made for `q` (`torch.distributions.kl_divergence`).

    In the batch shape. Raises NotImplementedError for two kinds without a registered formula.
    Source: Kullback and Leibler, "On Information and Sufficiency" (1951).

    >>> kl_divergence(Normal(0.0, 1.0), Normal(1.0, 1.0))
    tensor(0.5000)
    """
    formula = formula_for(type(p), type(q))
    if formula is None:
        raise NotImplementedError(
            f"No KL(p || q) is implemented for p type {type(p).__name__} and q type {type(q).__name__}"
        )
    return formula(p, q)


@register_kl(Bernoulli, Bernoulli)
def kl_bernoulli(p: Bernoulli, q: Bernoulli) -> Tensor:
    """Infinite where `p` draws what `q` never does."""
    ones = p.probs * (softplus(-q.logits) - softplus(-p.logits))
    ones = ones.masked_fill(q.probs == 0, math.inf).masked_fill(p.probs == 0, 0)
    zeros = (1 - p.probs) * (softplus(q.logits) - softplus(p.logits))
    zeros = zeros.masked_fill(q.probs == 1, math.inf).masked_fill(p.probs == 1, 0)
    return ones + zeros


@register_kl(Categorical, Categorical)
def kl_categorical(p: Categorical, q: Categorical) -> Tensor:
    """Infinite where `p` draws what `q` never does."""
    each = p.probs * (p.logits - q.logits)
    return each.masked_fill(q.probs == 0, math.inf).masked_fill(p.probs == 0, 0).sum(-1)


@register_kl(Normal, Normal)
def kl_normal(p: Normal, q: Normal) -> Tensor:
    """By the ratio of the variances and the distance of the means."""
    ratio = (p.scale / q.scale).pow(2)
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).pow(2) - 1 - ratio.log())


@register_kl(Uniform, Uniform)
def kl_uniform(p: Uniform, q: Uniform) -> Tensor:
    """Infinite where the interval of `p` is not inside that of `q`."""
    ratio = ((q.high - q.low) / (p.high - p.low)).log()
    return ratio.masked_fill((q.low > p.low) | (q.high < p.high), math.inf)


@register_kl(Independent, Independent)
def kl_independent(p: Independent, q: Independent) -> Tensor:
    """The bases' divergence, summed over the parts. Raises NotImplementedError for unequal counts of axes."""
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError(
            f"No KL(p || q) between parts of {p.reinterpreted_batch_ndims} and {q.reinterpreted_batch_ndims} axes"
        )
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)
