"""Several schedules: one after the other, or all at each step."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from tinytorch.optim.lr_scheduler.plateau import ReduceLROnPlateau
from tinytorch.optim.lr_scheduler.scheduler import LRScheduler
from tinytorch.optim.optimizer import Optimizer


class Combined(LRScheduler):
    """Base of these: the states of all schedules belong to its own."""

    _schedulers: Sequence[LRScheduler]

    def check(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None) -> Optimizer:
        """The optimizer of all. Raises ValueError for schedules of different ones, or none."""
        name = type(self).__name__
        if not schedulers:
            raise ValueError(f"{name} expects at least one scheduler, but got no scheduler")
        optimizer = optimizer or schedulers[0].optimizer
        for i, each in enumerate(schedulers):
            if isinstance(each, ReduceLROnPlateau):
                raise ValueError(
                    f"{name} does not support `ReduceLROnPlateau`, whose step takes a metric: it is scheduler {i}"
                )
            if each.optimizer is not optimizer:
                raise ValueError(
                    f"{name} expects all schedulers to belong to the same optimizer: {i} does not"
                )
        return optimizer

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer, and the states of the schedules."""
        return {**super().state_dict(), "_schedulers": [each.state_dict() for each in self._schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from `state_dict`."""
        for mine, its in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            mine.load_state_dict(its)
        super().load_state_dict({n: v for n, v in state_dict.items() if n != "_schedulers"})


class SequentialLR(Combined):
    """One schedule after the other: the next begins, at its step 0, at each milestone."""

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
        last_epoch: int = -1,
    ) -> None:
        self.optimizer = self.check(schedulers, optimizer)
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                f"{len(schedulers)} schedules need {len(schedulers) - 1} milestones between them, "
                f"not {len(milestones)}"
            )
        self._schedulers = schedulers
        self._milestones = milestones
        self.last_epoch = last_epoch + 1
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        take_back(self)  # each has taken its first step when it was made; only one of them is to
        first = schedulers[bisect_right(milestones, 0)]
        first.initial_step()
        self._last_lr = first.get_last_lr()

    def step(self) -> None:  # type: ignore[override]
        """One step of the schedule whose turn it is."""
        self.last_epoch += 1
        which = bisect_right(self._milestones, self.last_epoch)
        now = self._schedulers[which]
        if which and self._milestones[which - 1] == self.last_epoch:
            now.jump(0)
        else:
            now.step()
        self._last_lr = now.get_last_lr()


def take_back(schedule: LRScheduler) -> None:
    """Undo the first step of a schedule, or of those that it combines."""
    if isinstance(schedule, Combined):
        for each in schedule._schedulers:
            take_back(each)
    else:
        schedule.last_epoch -= 1


class ChainedScheduler(Combined):
    """All schedules at each step, one on what the other has left."""

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        self.optimizer = self.check(schedulers, optimizer)
        self._schedulers = schedulers
        self._last_lr = self.rates()

    def step(self) -> None:  # type: ignore[override]
        """One step of each."""
        for each in self._schedulers:
            each.step()
        self._last_lr = self.rates()
