"""RMSprop, Adagrad and Adadelta: a rate for every number, from the squares of its gradients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tinytorch.creation import full_like, zeros_like
from tinytorch.optim.optimizer import Group, Optimizer, at_least_zero, ways
from tinytorch.tensor import Tensor


class RMSprop(Optimizer):
    """Steps divided by the root of a running mean of squares: Tieleman, 2012 (`torch.optim.RMSprop`)."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        at_least_zero(
            learning_rate=lr, epsilon=eps, momentum=momentum, weight_decay=weight_decay, alpha=alpha
        )
        options: Group = {"lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered}
        options |= {"weight_decay": weight_decay, "capturable": capturable, "maximize": maximize}
        how = ways(foreach, differentiable, None)
        super().__init__(params, options | {name: how[name] for name in ("foreach", "differentiable")})

    def update(self, p: Tensor, g: Tensor, state: Group, group: Group) -> None:
        """One step of one parameter."""
        alpha = group["alpha"]
        if not state:
            state |= {"step": 0, "square_avg": zeros_like(p)}
            if group["momentum"]:
                state["momentum_buffer"] = zeros_like(p)
            if group["centered"]:
                state["grad_avg"] = zeros_like(p)
        state["step"] += 1
        if group["weight_decay"]:
            g = g + p * group["weight_decay"]
        state["square_avg"] = mean = state["square_avg"] * alpha + g * g * (1 - alpha)
        if group["centered"]:
            state["grad_avg"] = middle = state["grad_avg"].lerp(g, 1 - alpha)
            mean = mean - middle * middle
        step = g / (mean.sqrt() + group["eps"])
        if group["momentum"]:
            state["momentum_buffer"] = step = state["momentum_buffer"] * group["momentum"] + step
        p.sub_(step * group["lr"])  # type: ignore[attr-defined]


class Adagrad(Optimizer):
    """Steps divided by the root of the sum of all squares so far: Duchi et al., 2011 (`torch.optim.Adagrad`)."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        start = initial_accumulator_value
        at_least_zero(learning_rate=lr, lr_decay=lr_decay, weight_decay=weight_decay, epsilon=eps)
        at_least_zero(initial_accumulator_value=start)
        options: Group = {"lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay}
        options |= {"initial_accumulator_value": start, "maximize": maximize}
        super().__init__(params, options | ways(foreach, differentiable, fused))
        for group in self.param_groups:
            for p in group["params"]:
                self.begin(self.state[p], p, group)

    def begin(self, state: Group, p: Tensor, group: Group) -> None:
        """The state of a parameter before its first step."""
        state |= {"step": 0, "sum": full_like(p, group["initial_accumulator_value"])}

    def update(self, p: Tensor, g: Tensor, state: Group, group: Group) -> None:
        """One step of one parameter."""
        if not state:  # of a group that was added later
            self.begin(state, p, group)
        state["step"] += 1
        if group["weight_decay"]:
            g = g + p * group["weight_decay"]
        lr = group["lr"] / (1 + (state["step"] - 1) * group["lr_decay"])
        state["sum"] = total = state["sum"] + g * g
        p.sub_(g / (total.sqrt() + group["eps"]) * lr)  # type: ignore[attr-defined]


class Adadelta(Optimizer):
    """Steps as large as the recent ones, by the squares of recent gradients: Zeiler, 2012 (`torch.optim.Adadelta`)."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        at_least_zero(learning_rate=lr, epsilon=eps, weight_decay=weight_decay, rho=rho)
        if rho > 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        options: Group = {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay}
        options |= {"maximize": maximize, "capturable": capturable}
        how = ways(foreach, differentiable, None)
        super().__init__(params, options | {name: how[name] for name in ("foreach", "differentiable")})

    def update(self, p: Tensor, g: Tensor, state: Group, group: Group) -> None:
        """One step of one parameter."""
        rho, eps = group["rho"], group["eps"]
        if not state:
            state |= {"step": 0, "square_avg": zeros_like(p), "acc_delta": zeros_like(p)}
        state["step"] += 1
        if group["weight_decay"]:
            g = g + p * group["weight_decay"]
        state["square_avg"] = mean = state["square_avg"] * rho + g * g * (1 - rho)
        step = (state["acc_delta"] + eps).sqrt() / (mean + eps).sqrt() * g
        state["acc_delta"] = state["acc_delta"] * rho + step * step * (1 - rho)
        p.sub_(step * group["lr"])  # type: ignore[attr-defined]
