"""Schedules that rise and fall: restarts, cycles, and one cycle with its momentum."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from tinytorch.optim.lr_scheduler.scheduler import LRScheduler, for_each_group
from tinytorch.optim.optimizer import Optimizer

Rates = float | Sequence[float]  # one for all groups, or one for each


class CosineAnnealingWarmRestarts(LRScheduler):
    """Half a cosine down to `eta_min`, again and again: Loshchilov and Hutter, 2017 (SGDR).

    T_0: steps of the first; each is T_mult times as long as the one before.
    """

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        if T_0 <= 0 or not isinstance(T_0, int):
            raise ValueError(f"Expected positive integer T_0, but got {T_0}")
        if T_mult < 1 or not isinstance(T_mult, int):
            raise ValueError(f"Expected integer T_mult >= 1, but got {T_mult}")
        self.T_0 = self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """The cosine at `T_cur` of `T_i` steps."""
        share = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (base - self.eta_min) * share for base in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """One step on, or to an epoch, which may lie between two whole ones."""
        if epoch is None and self.last_epoch >= 0:
            self.last_epoch += 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur, self.T_i = self.T_cur % self.T_i, self.T_i * self.T_mult
            self.set_rates(self.get_lr())
        else:
            self.jump(epoch or 0)

    def jump(self, epoch: float) -> None:
        """Set the rates of an epoch."""
        if epoch < 0:
            raise ValueError(f"Expected non-negative epoch, but got {epoch}")
        restarts = math.floor(epoch / self.T_0)
        if self.T_mult > 1:
            restarts = int(math.log(epoch / self.T_0 * (self.T_mult - 1) + 1, self.T_mult))
        done = (
            sum(self.T_0 * self.T_mult**i for i in range(restarts))
            if self.T_mult > 1
            else self.T_0 * restarts
        )
        self.T_cur, self.T_i = epoch - done, self.T_0 * self.T_mult**restarts
        self.last_epoch = math.floor(epoch)
        self.set_rates(self.get_lr())


class Momentum:
    """Where an optimizer has its momentum, and its bounds in each group."""

    def __init__(self, optimizer: Optimizer, low: Rates, high: Rates, fresh: bool) -> None:
        if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
            raise ValueError("optimizer must support momentum or beta1 with `cycle_momentum` option enabled")
        lows = for_each_group("base_momentum", optimizer, low)
        highs = for_each_group("max_momentum", optimizer, high)
        for group, least, most in zip(optimizer.param_groups, lows, highs, strict=True):
            if fresh:
                group["base_momentum"], group["max_momentum"] = least, most
                self.set(group, most)

    @staticmethod
    def set(group: dict[str, Any], value: float) -> None:
        """Give a group its momentum, which Adam and its like call the first beta."""
        if "betas" in group:
            group["betas"] = (value, *group["betas"][1:])
        else:
            group["momentum"] = value


class CyclicLR(LRScheduler):
    """Up and down between two rates, in straight lines: Smith, 2017.

    mode: "triangular"; "triangular2", each cycle half as high; "exp_range", gamma ** step as high. scale_fn: a
    function of the cycle (from 1), or of the step with scale_mode="iterations", instead. With
    `cycle_momentum` the momentum goes the other way.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: Rates,
        max_lr: Rates,
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: Rates = 0.8,
        max_momentum: Rates = 0.9,
        last_epoch: int = -1,
    ) -> None:
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ValueError(f"mode {mode!r} is invalid and scale_fn is None")
        lows = for_each_group("base_lr", optimizer, base_lr)
        self.max_lrs = for_each_group("max_lr", optimizer, max_lr)
        if last_epoch == -1:
            for group, rate in zip(optimizer.param_groups, lows, strict=True):
                group["lr"] = rate
        self.up = float(step_size_up)
        self.total_size = self.up + (self.up if step_size_down is None else float(step_size_down))
        self.mode, self.gamma, self.scale_fn = mode, gamma, scale_fn
        self.scale_mode = scale_mode
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            Momentum(optimizer, base_momentum, max_momentum, last_epoch == -1)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = lows

    def height(self) -> float:
        """How far up between its two rates the schedule stands."""
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        at = self.last_epoch - (cycle - 1) * self.total_size
        along = at / self.up if at <= self.up else (self.total_size - at) / (self.total_size - self.up)
        if self.scale_fn is not None:
            return along * self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        scales = {
            "triangular": 1.0,
            "triangular2": 0.5 ** (cycle - 1),
            "exp_range": self.gamma**self.last_epoch,
        }
        return along * scales[self.mode]

    def get_lr(self) -> list[float]:
        """The rates; the momenta are set on the way."""
        height = self.height()
        if self.cycle_momentum:
            for group in self.optimizer.param_groups:
                low, high = group["base_momentum"], group["max_momentum"]
                Momentum.set(group, high - (high - low) * height)
        return [low + (high - low) * height for low, high in zip(self.base_lrs, self.max_lrs, strict=True)]


class OneCycleLR(LRScheduler):
    """Up to `max_lr` and down to almost nothing, the momentum the other way: Smith and Topin, 2018.

    total_steps: or epochs and steps_per_epoch. pct_start: the share of the steps that go up. anneal_strategy: "cos", half
    a cosine for each phase, or "linear". three_phase: down as long as up, and then to nothing.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: Rates,
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: Rates = 0.85,
        max_momentum: Rates = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        if total_steps is None and epochs is not None and steps_per_epoch is not None:
            total_steps = epochs * steps_per_epoch
        if total_steps is None:
            raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
        if total_steps <= 0 or not isinstance(total_steps, int):
            raise ValueError(f"Expected positive integer total_steps, but got {total_steps}")
        if not 0 <= pct_start <= 1 or not isinstance(pct_start, float):
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', not {anneal_strategy!r}")
        self.total_steps = total_steps
        self.anneal_strategy = anneal_strategy
        self.cycle_momentum = cycle_momentum
        up = pct_start * total_steps
        ends = [up - 1, *([2 * up - 2] if three_phase else []), total_steps - 1]
        rates = ["initial_lr", "max_lr", *(["initial_lr"] if three_phase else []), "min_lr"]
        momenta = ["max_momentum", "base_momentum", "max_momentum", "max_momentum"][: len(rates)]
        self.phases = list(zip(ends, pairwise(rates), pairwise(momenta), strict=True))
        if last_epoch == -1:
            for group, most in zip(
                optimizer.param_groups, for_each_group("max_lr", optimizer, max_lr), strict=True
            ):
                group["initial_lr"], group["max_lr"] = most / div_factor, most
                group["min_lr"] = most / div_factor / final_div_factor
        if cycle_momentum:
            Momentum(optimizer, base_momentum, max_momentum, last_epoch == -1)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """The rates of the present phase; the momenta are set on the way. Raises ValueError beyond the end."""
        step = self.last_epoch
        if step > self.total_steps:
            raise ValueError(
                f"Tried to step {step} times, and the total number of steps is {self.total_steps}"
            )
        which = next((i for i, phase in enumerate(self.phases) if step <= phase[0]), len(self.phases) - 1)
        start = self.phases[which - 1][0] if which else 0.0
        end, rates, momenta = self.phases[which]
        along = (step - start) / (end - start)
        if self.cycle_momentum:
            for group in self.optimizer.param_groups:
                Momentum.set(group, self.between(group[momenta[0]], group[momenta[1]], along))
        return [
            self.between(group[rates[0]], group[rates[1]], along) for group in self.optimizer.param_groups
        ]

    def between(self, start: float, end: float, along: float) -> float:
        """From one value to another, along half a cosine or a straight line."""
        if self.anneal_strategy == "cos":
            return end + (start - end) / 2.0 * (math.cos(math.pi * along) + 1)
        return (end - start) * along + start
