"""NAdam, RAdam and Adamax: Adam with a look ahead, a cautious start, or the largest gradient for the mean square."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tinytorch.creation import tensor, zeros_like
from tinytorch.optim.optimizer import Group, Optimizer, at_least_zero, check_betas, ways
from tinytorch.tensor import Tensor


class Averaging(Optimizer):
    """Base of these: a running mean of gradients and of something else, decay in the gradient or apart from it."""

    second = "exp_avg_sq"  # the name of the second average

    def averaged(self, p: Tensor, g: Tensor, state: Group, group: Group) -> Tensor:
        """Count the step, decay, and bring the first average up to date; returns the gradient with its decay."""
        if not state:
            state |= {"step": 0, "exp_avg": zeros_like(p), self.second: zeros_like(p)}
        state["step"] += 1
        if group.get("decoupled_weight_decay") and group["weight_decay"]:
            p.mul_(1 - group["lr"] * group["weight_decay"])  # type: ignore[attr-defined]
        elif group["weight_decay"]:
            g = g + p * group["weight_decay"]
        state["exp_avg"] = state["exp_avg"].lerp(g, 1 - group["betas"][0])
        return g

    def squared(self, g: Tensor, state: Group, group: Group) -> Tensor:
        """The running mean of squares, brought up to date."""
        beta = group["betas"][1]
        state["exp_avg_sq"] = mean = state["exp_avg_sq"] * beta + g * g * (1 - beta)
        return mean


def options_of(
    lr: float,
    betas: tuple[float, float],
    eps: float,
    weight_decay: float,
    foreach: bool | None,
    differentiable: bool,
) -> Group:
    """What all of these take, checked."""
    at_least_zero(learning_rate=lr, epsilon=eps, weight_decay=weight_decay)
    check_betas(betas)
    how = ways(foreach, differentiable, None)
    kept = {name: how[name] for name in ("foreach", "differentiable")}
    return {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, **kept}


class NAdam(Averaging):
    """Adam with Nesterov's look ahead: Dozat, 2016 (`torch.optim.NAdam`)."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        at_least_zero(momentum_decay=momentum_decay)
        options = options_of(lr, betas, eps, weight_decay, foreach, differentiable)
        options |= {"momentum_decay": momentum_decay, "decoupled_weight_decay": decoupled_weight_decay}
        super().__init__(params, options | {"maximize": maximize, "capturable": capturable})

    def update(self, p: Tensor, g: Tensor, state: Group, group: Group) -> None:
        """One step of one parameter."""
        g = self.averaged(p, g, state, group)
        step, lr, (first, second) = state["step"], group["lr"], group["betas"]
        spread = (self.squared(g, state, group) / (1 - second**step)).sqrt() + group["eps"]
        now, ahead = [first * (1 - 0.5 * 0.96 ** (t * group["momentum_decay"])) for t in (step, step + 1)]
        state["mu_product"] = product = state.get("mu_product", tensor(1.0)) * now
        product = float(product)
        p.sub_(g / spread * (lr * (1 - now) / (1 - product)))  # type: ignore[attr-defined]
        p.sub_(state["exp_avg"] / spread * (lr * ahead / (1 - product * ahead)))  # type: ignore[attr-defined]


class RAdam(Averaging):
    """Adam that leaves the squares alone until there are enough of them: Liu et al., 2020 (`torch.optim.RAdam`)."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        options = options_of(lr, betas, eps, weight_decay, foreach, differentiable)
        options |= {"decoupled_weight_decay": decoupled_weight_decay}
        super().__init__(params, options | {"maximize": maximize, "capturable": capturable})

    def update(self, p: Tensor, g: Tensor, state: Group, group: Group) -> None:
        """One step of one parameter."""
        g = self.averaged(p, g, state, group)
        mean_square = self.squared(g, state, group)
        step, (first, second) = state["step"], group["betas"]
        move = state["exp_avg"] / (1 - first**step) * group["lr"]
        longest = 2 / (1 - second) - 1  # how many squares the average is worth in the end, and now
        length = longest - 2 * step * second**step / (1 - second**step)
        if length > 5.0:
            share = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
            move = move / (mean_square.sqrt() + group["eps"]) * ((1 - second**step) ** 0.5 * share**0.5)
        p.sub_(move)  # type: ignore[attr-defined]


class Adamax(Averaging):
    """Adam by the largest gradient, slowly forgotten, instead of the mean square: Kingma and Ba, 2015 (`torch.optim.Adamax`)."""

    second = "exp_inf"

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        options = options_of(lr, betas, eps, weight_decay, foreach, differentiable)
        super().__init__(params, options | {"maximize": maximize, "capturable": capturable})

    def update(self, p: Tensor, g: Tensor, state: Group, group: Group) -> None:
        """One step of one parameter."""
        g = self.averaged(p, g, state, group)
        first, second = group["betas"]
        state["exp_inf"] = largest = (state["exp_inf"] * second).maximum(g.abs() + group["eps"])
        p.sub_(state["exp_avg"] / largest * (group["lr"] / (1 - first ** state["step"])))  # type: ignore[attr-defined]
