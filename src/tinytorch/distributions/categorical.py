"""Categorical: one of K classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tinytorch import creation, dtypes, random
from tinytorch.distributions import constraints
from tinytorch.distributions.distribution import Distribution
from tinytorch.distributions.utils import lazy_property, logits_to_probs, probs_to_logits
from tinytorch.formats import Size
from tinytorch.joining import broadcast_tensors
from tinytorch.tensor import Tensor


class Categorical(Distribution):
    """Class 0 to K - 1, by weights or unnormalised logarithms of them (`torch.distributions.Categorical`).

    Exactly one of `probs` and `logits` is given, a tensor `(..., K)`; the attributes of these names are
    normalised. Samples are int64. Raises ValueError for both or none, for a tensor without axes, and for
    weights that are negative, sum to 0, or are NaN.

    >>> Categorical(creation.tensor([1.0, 3.0])).probs
    tensor([0.2500, 0.7500])
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    has_enumerate_support = True

    def __init__(
        self, probs: Tensor | None = None, logits: Tensor | None = None, validate_args: bool | None = None
    ) -> None:
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        if probs is not None:
            if probs.dim() < 1:
                raise ValueError("`probs` parameter must be at least one-dimensional.")
            self.probs = self._param = probs / probs.sum(-1, keepdim=True)
        elif logits is not None:
            if logits.dim() < 1:
                raise ValueError("`logits` parameter must be at least one-dimensional.")
            self.logits = self._param = logits - logits.logsumexp(-1, keepdim=True)
        super().__init__(self._param.size()[:-1], validate_args=validate_args)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """The same distributions, repeated to a batch shape without new memory."""
        names = ("probs", "logits", "_param")
        return self.expanded(Categorical, batch_shape, _instance, names, self._num_events)

    @property
    def _num_events(self) -> int:
        return self._param.shape[-1]

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:
        """0 to K - 1."""
        return constraints.integer_interval(0, self._num_events - 1)

    @lazy_property
    def logits(self) -> Tensor:
        """The logarithm of each class's probability, `(..., K)`."""
        return probs_to_logits(self.probs)

    @lazy_property
    def probs(self) -> Tensor:
        """The probability of each class, `(..., K)`."""
        return logits_to_probs(self.logits)

    @property
    def param_shape(self) -> Size:
        """The shape of the parameter that was given."""
        return self._param.size()

    @property
    def mean(self) -> Tensor:
        """NaN: classes have no order."""
        return creation.full(self._batch_shape, math.nan, dtype=self.probs.dtype, device=self.probs.device)

    @property
    def mode(self) -> Tensor:
        """The most probable class."""
        return self.probs.argmax(-1)

    @property
    def variance(self) -> Tensor:
        """NaN: classes have no order."""
        return self.mean

    def sample(self, sample_shape: Sequence[int] = Size()) -> Tensor:
        """Classes, int64."""
        rows = self.probs.reshape(-1, self._num_events)
        drawn = random.multinomial(rows, Size(sample_shape).numel(), replacement=True)
        return drawn.T.reshape(self._extended_shape(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the probability of each class in `value`, which broadcasts with the batch."""
        if self._validate_args:
            self._validate_sample(value)
        classes, logits = broadcast_tensors(value.long().unsqueeze(-1), self.logits)
        return logits.gather(-1, classes[..., :1]).squeeze(-1)

    def entropy(self) -> Tensor:
        """The entropy in nats, in the batch shape; a class that never comes adds nothing."""
        logits = self.logits.clamp(min=dtypes.finfo(self.logits.dtype).min)
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """0 to K - 1 along a new first axis, int64; the batch axes have size 1 without `expand`."""
        values = creation.arange(self._num_events, device=self._param.device)
        values = values.view(-1, *[1] * len(self._batch_shape))
        return values.expand(-1, *self._batch_shape) if expand else values
