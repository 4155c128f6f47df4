"""Which values a parameter or a sample may have (`torch.distributions.constraints`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinytorch.tensor import Tensor


class Constraint:
    """A set of values. `event_dim` axes at the end belong to one value; `is_discrete` sets have gaps everywhere."""

    is_discrete: Any = False
    event_dim: Any = 0

    def check(self, value: Tensor) -> Tensor:
        """Which values lie in the set: bool, in the shape of `value` without its event axes."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Dependent(Constraint):
    """A set that is known only when the other parameters are. Raises NotImplementedError when asked about."""

    def __init__(self, *, is_discrete: Any = False, event_dim: Any = 0) -> None:
        self.is_discrete, self.event_dim = is_discrete, event_dim


class DependentProperty(property, Dependent):
    """A property that gives the set; on the class it stands for a set that depends on the object."""

    def __init__(
        self, fget: Callable[..., Any] | None = None, *, is_discrete: Any = False, event_dim: Any = 0
    ) -> None:
        property.__init__(self, fget)
        Dependent.__init__(self, is_discrete=is_discrete, event_dim=event_dim)

    def __call__(self, fget: Callable[..., Any]) -> DependentProperty:
        return DependentProperty(fget, is_discrete=self.is_discrete, event_dim=self.event_dim)


class IndependentConstraint(Constraint):
    """Values that are all in a set, along the last axes: they count as one value of several parts."""

    def __init__(self, base_constraint: Constraint, reinterpreted_batch_ndims: int) -> None:
        self.base_constraint = base_constraint
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims
        self.is_discrete = base_constraint.is_discrete
        self.event_dim = base_constraint.event_dim + reinterpreted_batch_ndims

    def check(self, value: Tensor) -> Tensor:
        """Raises ValueError for a value of too few axes."""
        found, count = self.base_constraint.check(value), self.reinterpreted_batch_ndims
        if found.dim() < count:
            raise ValueError(f"Expected value.dim() >= {self.event_dim} but got {value.dim()}")
        return found.reshape(*found.shape[: found.dim() - count], -1).all(-1)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_constraint!r}, {self.reinterpreted_batch_ndims})"


class Boolean(Constraint):
    """0 and 1."""

    is_discrete = True

    def check(self, value: Tensor) -> Tensor:
        """Which values are 0 or 1."""
        return (value == 0) | (value == 1)


class Real(Constraint):
    """Everything but NaN."""

    def check(self, value: Tensor) -> Tensor:
        """Which values are numbers: NaN differs from itself."""
        return value == value


class Simplex(Constraint):
    """Vectors of parts that are not negative and sum to 1."""

    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        """Which vectors along the last axis do, to one part in a million."""
        return (value >= 0).all(-1) & ((value.sum(-1) - 1).abs() < 1e-6)


class Bounded(Constraint):
    """A set with a bound, or two."""

    def __repr__(self) -> str:
        bounds = ", ".join(f"{name}={bound}" for name, bound in vars(self).items())
        return f"{type(self).__name__}({bounds})"


class GreaterThan(Bounded):
    """Above a bound."""

    def __init__(self, lower_bound: Any) -> None:
        self.lower_bound = lower_bound

    def check(self, value: Tensor) -> Tensor:
        """Which values lie above."""
        return value > self.lower_bound


class GreaterThanEq(GreaterThan):
    """At a bound or above it."""

    def check(self, value: Tensor) -> Tensor:
        """Which values lie at the bound or above."""
        return value >= self.lower_bound


class LessThan(Bounded):
    """Below a bound."""

    def __init__(self, upper_bound: Any) -> None:
        self.upper_bound = upper_bound

    def check(self, value: Tensor) -> Tensor:
        """Which values lie below."""
        return value < self.upper_bound


class Interval(Bounded):
    """From one bound to another, both included."""

    def __init__(self, lower_bound: Any, upper_bound: Any) -> None:
        self.lower_bound, self.upper_bound = lower_bound, upper_bound

    def check(self, value: Tensor) -> Tensor:
        """Which values lie between the bounds or at one."""
        return (value >= self.lower_bound) & (value <= self.upper_bound)


class IntegerInterval(Interval):
    """Whole numbers from one bound to another, both included."""

    is_discrete = True

    def check(self, value: Tensor) -> Tensor:
        """Which values are whole and between the bounds."""
        return (value % 1 == 0) & super().check(value)


def is_dependent(constraint: object) -> bool:
    """Whether a set is known only when the other parameters are."""
    return isinstance(constraint, Dependent)


dependent = Dependent()
dependent_property = DependentProperty
independent = IndependentConstraint
boolean = Boolean()
real = Real()
real_vector = independent(real, 1)
simplex = Simplex()
greater_than = GreaterThan
greater_than_eq = GreaterThanEq
less_than = LessThan
positive = GreaterThan(0.0)
nonnegative = GreaterThanEq(0.0)
interval = Interval
unit_interval = Interval(0.0, 1.0)
integer_interval = IntegerInterval
