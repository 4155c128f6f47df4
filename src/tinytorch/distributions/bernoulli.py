"""Bernoulli: 1 or 0, as a coin falls."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tinytorch import creation, random
from tinytorch.autograd.grad_mode import no_grad
from tinytorch.distributions import constraints
from tinytorch.distributions.distribution import Distribution
from tinytorch.distributions.utils import broadcast_all, lazy_property, logits_to_probs, probs_to_logits
from tinytorch.formats import Size
from tinytorch.nn.functional import binary_cross_entropy_with_logits
from tinytorch.tensor import Tensor


class Bernoulli(Distribution):
    """1 with probability `probs`, or with log-odds `logits`; else 0 (`torch.distributions.Bernoulli`).

    One of the two is given, a number or a tensor. Raises ValueError for both or none, and for probabilities
    outside [0, 1]. Samples have the parameter's dtype.

    >>> Bernoulli(0.5).entropy()
    tensor(0.6931)
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.boolean
    has_enumerate_support = True

    def __init__(
        self,
        probs: Tensor | float | None = None,
        logits: Tensor | float | None = None,
        validate_args: bool | None = None,
    ) -> None:
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        if probs is not None:
            (self.probs,) = (self._param,) = broadcast_all(probs)
        else:
            (self.logits,) = (self._param,) = broadcast_all(logits)
        super().__init__(self._param.size(), validate_args=validate_args)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """The same distributions, repeated to a batch shape without new memory."""
        return self.expanded(Bernoulli, batch_shape, _instance, ("probs", "logits", "_param"))

    @lazy_property
    def logits(self) -> Tensor:
        """The log-odds of a 1."""
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self) -> Tensor:
        """The probability of a 1."""
        return logits_to_probs(self.logits, is_binary=True)

    @property
    def param_shape(self) -> Size:
        """The shape of the parameter that was given."""
        return self._param.size()

    @property
    def mean(self) -> Tensor:
        """The probability of a 1."""
        return self.probs

    @property
    def mode(self) -> Tensor:
        """The more probable value; NaN where both are equally probable."""
        return (self.probs >= 0.5).to(self.probs.dtype).masked_fill(self.probs == 0.5, math.nan)

    @property
    def variance(self) -> Tensor:
        """p(1 - p)."""
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Sequence[int] = Size()) -> Tensor:
        """Zeros and ones, through which no gradient flows."""
        with no_grad():
            return random.bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the probability of each value."""
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        return -binary_cross_entropy_with_logits(logits, value, reduction="none")

    def entropy(self) -> Tensor:
        """The entropy in nats, in the batch shape."""
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """0 and 1 along a new first axis; the batch axes have size 1 without `expand`."""
        values = creation.arange(2, dtype=self._param.dtype, device=self._param.device)
        values = values.view(-1, *[1] * len(self._batch_shape))
        return values.expand(-1, *self._batch_shape) if expand else values
