"""Schedules that are a function of the step: each rate is a share of what it began with.

A step multiplies the rate that is there by how much the share has changed, as in PyTorch. So two schedules of
one optimizer multiply each other, and a rate that a program has set itself is scheduled from there.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from tinytorch.optim.lr_scheduler.scheduler import LRScheduler, for_each_group
from tinytorch.optim.optimizer import Optimizer


class Decay(LRScheduler):
    """Base of these: subclasses say the share of the first rate at a step."""

    waits: ClassVar[bool] = (
        True  # whether a schedule that is continued leaves the rate as it is when it is made
    )
    eta_min: float = 0.0  # what the rate falls to where its share is 0

    def share(self, step: int) -> float:
        """How much is left of the first rate at a step, counted from 0."""
        raise NotImplementedError(f"{type(self).__name__} does not say its share")

    def get_lr(self) -> list[float]:
        """The rates that are there, changed as the share has changed since the last step."""
        step, low = self.last_epoch, self.eta_min
        if step == 0:
            return [low + (lr - low) * self.share(0) for lr in self.rates()]
        before, now = self.share(step - 1), self.share(step)
        if now == before or (self._is_initial and self.waits):
            return self.rates()
        if before == 0.0:  # there is nothing left to multiply
            return [lr + (base - low) * now for lr, base in zip(self.rates(), self.base_lrs, strict=True)]
        return [low + (lr - low) * (now / before) for lr in self.rates()]

    def jump(self, epoch: int) -> None:
        """Set the rates of a step by its share alone."""
        self.last_epoch = epoch
        self.set_rates([self.eta_min + (base - self.eta_min) * self.share(epoch) for base in self.base_lrs])


class StepLR(Decay):
    """Times `gamma` every `step_size` steps.

    >>> from tinytorch import ones, optim
    >>> optimizer = optim.SGD([ones(1, requires_grad=True)], lr=1.0)
    >>> schedule = StepLR(optimizer, step_size=2, gamma=0.5)
    >>> for _ in range(5):
    ...     schedule.step()
    >>> schedule.get_last_lr()
    [0.25]
    """

    waits = False

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def share(self, step: int) -> float:
        """gamma ** (how often it was due)."""
        return float(self.gamma ** (step // self.step_size))


class MultiStepLR(Decay):
    """Times `gamma` at each milestone."""

    waits = False

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones = sorted(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def share(self, step: int) -> float:
        """gamma ** (milestones passed)."""
        return float(self.gamma ** bisect_right(self.milestones, step))


class ConstantLR(Decay):
    """A share of the rate for `total_iters` steps, then all of it."""

    waits = False

    def __init__(
        self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1
    ) -> None:
        if not 0 <= factor <= 1:
            raise ValueError(f"Constant multiplicative factor expected to be between 0 and 1, not {factor}")
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def share(self, step: int) -> float:
        """The factor, and 1 from `total_iters` on."""
        return self.factor if step < self.total_iters else 1.0


class LinearLR(Decay):
    """From one share of the rate to another, evenly over `total_iters` steps: a warm-up."""

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1:
            raise ValueError(
                f"Starting multiplicative factor expected to be greater than 0 and at most 1, not {start_factor}"
            )
        if not 0 <= end_factor <= 1:
            raise ValueError(f"Ending multiplicative factor expected to be between 0 and 1, not {end_factor}")
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def share(self, step: int) -> float:
        """The straight line, and its end from then on."""
        along = min(step, self.total_iters) / self.total_iters
        return self.start_factor + (self.end_factor - self.start_factor) * along


class ExponentialLR(Decay):
    """Times `gamma` every step."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def share(self, step: int) -> float:
        """gamma ** step."""
        return float(self.gamma**step)


class PolynomialLR(Decay):
    """Down to 0 in `total_iters` steps, along a power of what is left."""

    def __init__(
        self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1
    ) -> None:
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def share(self, step: int) -> float:
        """(share of the steps that is left) ** power."""
        return float((1.0 - min(step, self.total_iters) / self.total_iters) ** self.power)


class CosineAnnealingLR(Decay):
    """Half a cosine from the first rate down to `eta_min` in `T_max` steps: Loshchilov and Hutter, 2017."""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def share(self, step: int) -> float:
        """The closed form; beyond T_max it rises again."""
        return (1 + math.cos(math.pi * step / self.T_max)) / 2


class LambdaLR(LRScheduler):
    """The first rate times a function of the step: one function for all groups, or a list with one for each."""

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        self.lr_lambdas: list[Callable[[int], float]] = for_each_group("lr_lambda", optimizer, lr_lambda)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """base * lr_lambda(step)."""
        return [base * f(self.last_epoch) for base, f in zip(self.base_lrs, self.lr_lambdas, strict=True)]


class MultiplicativeLR(LambdaLR):
    """The rate that is there times a function of the step."""

    def get_lr(self) -> list[float]:
        """rate * lr_lambda(step), from step 1 on."""
        if self._is_initial:
            return self.rates()
        return [lr * f(self.last_epoch) for lr, f in zip(self.rates(), self.lr_lambdas, strict=True)]
