"""LRScheduler: the base of all schedules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinytorch.optim.optimizer import Optimizer


class LRScheduler:
    """Sets the learning rate of every group at each `step()` (`torch.optim.lr_scheduler.LRScheduler`).

    Subclasses say the rates in `get_lr`. last_epoch: the last step of a run that is continued; -1 for a new one.
    """

    _is_initial = False  # whether this is the step that the constructor takes
    optimizer: Optimizer
    last_epoch: int

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
        self.initial_step()

    def initial_step(self) -> None:
        """The step that every schedule takes when it is made."""
        self._is_initial = True
        self.step()
        self._is_initial = False

    def get_lr(self) -> list[float]:
        """The rates of all groups at the present step, `last_epoch`."""
        raise NotImplementedError(f"{type(self).__name__} does not say its rates")

    def rates(self) -> list[float]:
        """The rates that the groups have."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def get_last_lr(self) -> list[float]:
        """The rates that were set last."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """One step on: set the rate of every group. epoch: jump there instead (PyTorch discourages it)."""
        if epoch is None:
            self.last_epoch += 1
            self.set_rates(self.get_lr())
        else:
            self.jump(epoch)

    def jump(self, epoch: int) -> None:
        """Set the rates of a step, whatever they were before."""
        self.last_epoch = epoch
        self.set_rates(self.get_lr())

    def set_rates(self, rates: Sequence[float]) -> None:
        """Give each group its rate."""
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        self._last_lr = self.rates()

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer and functions."""
        return {name: v for name, v in vars(self).items() if name != "optimizer" and not is_function(v)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from `state_dict`."""
        vars(self).update(state_dict)


def is_function(value: Any) -> bool:
    """Whether a schedule holds code here, which no state has."""
    return callable(value) or (isinstance(value, list) and any(map(callable, value)))


def for_each_group(name: str, optimizer: Optimizer, value: Any) -> list[Any]:
    """One value for each group: the given ones, or the given one for all."""
    count = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [value] * count
    if len(value) != count:
        raise ValueError(
            f"{name} must have the same length as param_groups: {len(value)} values, {count} groups"
        )
    return list(value)
