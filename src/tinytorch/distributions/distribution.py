"""Distribution: what all distributions answer, and the checks that they share."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from tinytorch.autograd.grad_mode import no_grad
from tinytorch.distributions import constraints
from tinytorch.distributions.utils import lazy_property
from tinytorch.formats import Size
from tinytorch.tensor import Tensor


class Distribution:
    """A batch of distributions of one kind (`torch.distributions.Distribution`).

    A sample has the shape `sample_shape + batch_shape + event_shape`: draws that are independent and alike,
    then distributions with parameters of their own, then the parts of one draw. Subclasses name their
    parameters in `arg_constraints` and their samples' values in `support`; both are checked, with ValueError.
    """

    has_rsample = False
    has_enumerate_support = False
    _validate_args = __debug__

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Check parameters and samples (`True`, unless Python runs with -O) or not. Raises ValueError for no bool."""
        if value not in [True, False]:
            raise ValueError(f"checks are switched on by True and off by False, not by {value!r}")
        Distribution._validate_args = value

    def __init__(
        self,
        batch_shape: Sequence[int] = Size(),
        event_shape: Sequence[int] = Size(),
        validate_args: bool | None = None,
    ) -> None:
        self._batch_shape, self._event_shape = Size(batch_shape), Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self.check_parameters()

    def check_parameters(self) -> None:
        """Raises ValueError for a parameter outside its set; one that is computed from another is not looked at."""
        try:
            named = self.arg_constraints
        except NotImplementedError:
            warnings.warn(
                f"{type(self)} does not define `arg_constraints`. Please set `arg_constraints = {{}}` or "
                "initialize the distribution with `validate_args=False` to turn off validation.",
                stacklevel=3,
            )
            return
        for name, constraint in named.items():
            computed = name not in vars(self) and isinstance(getattr(type(self), name, None), lazy_property)
            if computed or constraints.is_dependent(constraint):
                continue
            value = getattr(self, name)
            if not constraint.check(value).all():
                raise ValueError(
                    f"Expected parameter {name} ({type(value).__name__} of shape {tuple(value.shape)}) of "
                    f"distribution {self!r} to satisfy the constraint {constraint!r}, but found invalid "
                    f"values:\n{value}"
                )

    @property
    def batch_shape(self) -> Size:
        """The shape of the parameters, without the parts of one draw."""
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """The shape of one draw."""
        return self._event_shape

    @property
    def arg_constraints(self) -> Any:
        """The set that each parameter must lie in, by its name."""
        raise NotImplementedError

    @property
    def support(self) -> Any:
        """The set that samples lie in."""
        raise NotImplementedError

    @property
    def mean(self) -> Tensor:
        """The expected value."""
        raise NotImplementedError

    @property
    def mode(self) -> Tensor:
        """The most probable value."""
        raise NotImplementedError(f"{type(self)} does not implement mode")

    @property
    def variance(self) -> Tensor:
        """The expected squared distance to the mean."""
        raise NotImplementedError

    @property
    def stddev(self) -> Tensor:
        """The square root of the variance."""
        return self.variance.sqrt()

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """The same distributions, repeated to a batch shape without new memory."""
        raise NotImplementedError

    def sample(self, sample_shape: Sequence[int] = Size()) -> Tensor:
        """Draws, through which no gradient flows."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Sequence[int] = Size()) -> Tensor:
        """Draws that are functions of the parameters, so that gradients reach these (where `has_rsample`).

        Source: Kingma and Welling, "Auto-Encoding Variational Bayes" (2013), the reparameterization.
        """
        raise NotImplementedError

    def sample_n(self, n: int) -> Tensor:
        """`sample((n,))`, by its old name: a FutureWarning says so."""
        warnings.warn(
            "`sample_n(n)` will be deprecated. Use `sample((n,))` instead.", FutureWarning, stacklevel=2
        )
        return self.sample((n,))

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the probability (or its density) of each value."""
        raise NotImplementedError

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of drawing `value` or less."""
        raise NotImplementedError

    def icdf(self, value: Tensor) -> Tensor:
        """The number that is drawn, or less, with probability `value`."""
        raise NotImplementedError

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values of a discrete distribution along a new first axis; the batch axes have size 1 without `expand`."""
        raise NotImplementedError

    def entropy(self) -> Tensor:
        """The expected negative log probability of a draw, in nats; in the batch shape."""
        raise NotImplementedError

    def perplexity(self) -> Tensor:
        """How many equally probable values would be as uncertain: the exponential of the entropy."""
        return self.entropy().exp()

    def _extended_shape(self, sample_shape: Sequence[int] = Size()) -> Size:
        return Size(tuple(sample_shape) + self._batch_shape + self._event_shape)

    def _validate_sample(self, value: Any) -> None:
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        actual, expected = value.size(), self._batch_shape + self._event_shape
        if actual[len(actual) - len(self._event_shape) :] != self._event_shape:
            raise ValueError(
                f"The right-most size of value must match event_shape: {actual} vs {self._event_shape}."
            )
        for i, j in zip(reversed(actual), reversed(expected), strict=False):
            if i != 1 and j != 1 and i != j:
                raise ValueError(
                    f"Value is not broadcastable with batch_shape+event_shape: {actual} vs {expected}."
                )
        self.check_support(value)

    def check_support(self, value: Tensor) -> None:
        """Raises ValueError for a value that is never drawn."""
        try:
            support = self.support
        except NotImplementedError:
            warnings.warn(
                f"{type(self)} does not define `support` to enable sample validation. Please initialize the "
                "distribution with `validate_args=False` to turn off validation.",
                stacklevel=4,
            )
            return
        if not support.check(value).all():
            raise ValueError(
                f"Expected value argument ({type(value).__name__} of shape {tuple(value.shape)}) to be within "
                f"the support ({support!r}) of the distribution {self!r}, but found invalid values:\n{value}"
            )

    def _get_checked_instance(self, cls: type, _instance: Any = None) -> Any:
        if _instance is None and type(self).__init__ is not cls.__init__:  # type: ignore[misc]
            raise NotImplementedError(
                f"Subclass {type(self).__name__} of {cls.__name__} that defines a custom __init__ method "
                "must also define a custom .expand() method."
            )
        return self.__new__(type(self)) if _instance is None else _instance

    def expanded(
        self, cls: type, batch_shape: Sequence[int], instance: Any, names: Sequence[str], *event: int
    ) -> Any:
        """What `expand` of `cls` returns: a new object whose tensors of these names have the new shape."""
        new = self._get_checked_instance(cls, instance)
        for name in names:
            if name in vars(self):
                setattr(new, name, vars(self)[name].expand(*batch_shape, *event))
        Distribution.__init__(new, batch_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    def __repr__(self) -> str:
        there = {name: vars(self)[name] for name in self.arg_constraints if name in vars(self)}
        shown = [f"{name}: {each if each.numel() == 1 else each.size()}" for name, each in there.items()]
        return f"{type(self).__name__}({', '.join(shown)})"
