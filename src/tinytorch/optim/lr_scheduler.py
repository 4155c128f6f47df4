"""Schedules: the learning rate as a function of the step (`torch.optim.lr_scheduler`)."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any

from tinytorch.optim.optimizer import Optimizer


class LRScheduler:
    """Base of schedules: subclasses say the rate of a group in `rate`, from its first rate and the step."""

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch != -1 and "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{i}] when resuming a scheduler"
                )
            group.setdefault("initial_lr", group["lr"])
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self.step()

    def rate(self, base: float, step: int) -> float:
        """The rate at a step, for a group that began with `base`."""
        raise NotImplementedError(f"{type(self).__name__} does not say its rate")

    def get_lr(self) -> list[float]:
        """The rates of all groups now."""
        return [self.rate(base, self.last_epoch) for base in self.base_lrs]

    def get_last_lr(self) -> list[float]:
        """The rates that were set last."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """One step on: set the rate of every group."""
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        self._last_lr = self.get_lr()
        for group, rate in zip(self.optimizer.param_groups, self._last_lr, strict=True):
            group["lr"] = rate

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer and functions."""
        return {n: v for n, v in self.__dict__.items() if n != "optimizer" and not callable(v)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from `state_dict`."""
        self.__dict__.update(state_dict)


class LambdaLR(LRScheduler):
    """The first rate times a function of the step."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable[[int], float], last_epoch: int = -1) -> None:
        self.lr_lambda = lr_lambda
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, step: int) -> float:
        """base * lr_lambda(step)."""
        return base * self.lr_lambda(step)


class StepLR(LRScheduler):
    """Times `gamma` every `step_size` steps."""

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, step: int) -> float:
        """base * gamma ** (how often it was due)."""
        return base * self.gamma ** (step // self.step_size)


class MultiStepLR(LRScheduler):
    """Times `gamma` at each milestone."""

    def __init__(
        self, optimizer: Optimizer, milestones: Sequence[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones = sorted(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, step: int) -> float:
        """base * gamma ** (milestones passed)."""
        return base * self.gamma ** bisect_right(self.milestones, step)


class ExponentialLR(LRScheduler):
    """Times `gamma` every step."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, step: int) -> float:
        """base * gamma ** step."""
        return base * self.gamma**step


class LinearLR(LRScheduler):
    """From one share of the rate to another, evenly over `total_iters` steps: a warm-up."""

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, step: int) -> float:
        """The straight line, and its end from then on."""
        along = min(step, self.total_iters) / self.total_iters
        return base * (self.start_factor + (self.end_factor - self.start_factor) * along)


class CosineAnnealingLR(LRScheduler):
    """Half a cosine from the first rate down to `eta_min` in `T_max` steps: Loshchilov and Hutter, 2017."""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, step: int) -> float:
        """The closed form; beyond T_max it rises again."""
        return self.eta_min + (base - self.eta_min) * (1 + math.cos(math.pi * step / self.T_max)) / 2


class ConstantLR(LRScheduler):
    """A share of the rate for `total_iters` steps, then all of it."""

    def __init__(
        self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1
    ) -> None:
        if not 0 <= factor <= 1:
            raise ValueError(f"Constant multiplicative factor expected to be between 0 and 1, not {factor}")
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, step: int) -> float:
        """base * factor, and base from `total_iters` on."""
        return base * (self.factor if step < self.total_iters else 1.0)


class PolynomialLR(LRScheduler):
    """Down to 0 in `total_iters` steps, along a power of what is left."""

    def __init__(
        self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1
    ) -> None:
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, step: int) -> float:
        """base * (share of the steps that is left) ** power."""
        return float(base * (1.0 - min(step, self.total_iters) / self.total_iters) ** self.power)


class OneCycleLR(LRScheduler):
    """Up to `max_lr` and down to almost nothing, each along half a cosine: Smith and Topin, 2018.

    The momentum stays as it is (PyTorch's `cycle_momentum=False`).
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float,
        total_steps: int,
        pct_start: float = 0.3,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        last_epoch: int = -1,
        *,
        cycle_momentum: bool = False,
    ) -> None:
        if cycle_momentum:
            raise ValueError("OneCycleLR leaves the momentum alone here: pass cycle_momentum=False")
        self.max_lr = max_lr
        self.total_steps = total_steps
        self.peak = pct_start * total_steps - 1
        self.final_div_factor = final_div_factor
        for group in optimizer.param_groups if last_epoch == -1 else ():
            group["initial_lr"] = max_lr / div_factor
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, step: int) -> float:
        """Half a cosine up to the peak, half a cosine down from it. Raises ValueError beyond the end."""
        if step > self.total_steps:
            raise ValueError(f"Tried to step {step} times, and the total is {self.total_steps}")
        if step <= self.peak:
            start, end, along = base, self.max_lr, step / self.peak
        else:
            start, end = self.max_lr, base / self.final_div_factor
            along = (step - self.peak) / (self.total_steps - 1 - self.peak)
        return end + (start - end) / 2.0 * (math.cos(math.pi * along) + 1)


class SequentialLR(LRScheduler):
    """One schedule after the other: the next begins, at its step 0, at each milestone."""

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
        last_epoch: int = -1,
    ) -> None:
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                f"{len(schedulers)} schedules need {len(schedulers) - 1} milestones between them, "
                f"not {len(milestones)}"
            )
        self._schedulers = schedulers
        self._milestones = milestones
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """What the schedule of this step says, counted from its own beginning."""
        which = bisect_right(self._milestones, self.last_epoch)
        now = self._schedulers[which]
        now.last_epoch = self.last_epoch - (self._milestones[which - 1] if which else 0)
        return now.get_lr()

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer, and the states of the schedules."""
        return {**super().state_dict(), "_schedulers": [each.state_dict() for each in self._schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from `state_dict`."""
        for mine, its in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            mine.load_state_dict(its)
        super().load_state_dict({n: v for n, v in state_dict.items() if n != "_schedulers"})


class ReduceLROnPlateau(LRScheduler):
    """Times `factor` when a metric has not improved for more than `patience` steps."""

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        min_lr: float = 0.0,
        eps: float = 1e-8,
    ) -> None:
        if factor >= 1.0:
            raise ValueError(f"Factor should be < 1.0, not {factor}")
        if mode not in ("min", "max"):
            raise ValueError(f"mode {mode} is unknown: it is min or max")
        self.optimizer = optimizer
        self.mode, self.factor, self.patience, self.threshold = mode, factor, patience, threshold
        self.min_lr, self.eps = min_lr, eps
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.last_epoch = 0
        self._last_lr = [group["lr"] for group in optimizer.param_groups]

    def step(self, metrics: Any) -> None:  # type: ignore[override]
        """One step on, with the metric of this one."""
        self.last_epoch += 1
        now = float(metrics)
        lower = now < self.best * (1.0 - self.threshold)
        higher = now > self.best * (1.0 + self.threshold)
        if lower if self.mode == "min" else higher:
            self.best, self.num_bad_epochs = now, 0
        else:
            self.num_bad_epochs += 1
        if self.num_bad_epochs > self.patience:
            self.num_bad_epochs = 0
            for group in self.optimizer.param_groups:
                reduced = max(group["lr"] * self.factor, self.min_lr)
                if group["lr"] - reduced > self.eps:
                    group["lr"] = reduced
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]
