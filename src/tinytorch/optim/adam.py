"""Adam and AdamW: a rate for every number, from running averages of its gradients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tinytorch.creation import zeros_like
from tinytorch.ops.steps import AdamStep, AdamWStep
from tinytorch.optim.optimizer import Group, Optimizer, advanced, at_least_zero, check_betas, ways
from tinytorch.tensor import Tensor


class Adam(Optimizer):
    """Adam: Kingma and Ba, 2015; with `decoupled_weight_decay` it is AdamW (`torch.optim.Adam`)."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        at_least_zero(learning_rate=lr, epsilon=eps, weight_decay=weight_decay)
        check_betas(betas)
        options: Group = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        options |= {"amsgrad": amsgrad, "maximize": maximize, "capturable": capturable}
        options["decoupled_weight_decay"] = decoupled_weight_decay
        super().__init__(params, options | ways(foreach, differentiable, fused))

    def update(self, p: Tensor, g: Tensor, state: Group, group: Group) -> None:
        """One step of one parameter."""
        names = ["exp_avg", "exp_avg_sq", *(["max_exp_avg_sq"] if group["amsgrad"] else [])]
        if not state:
            state["step"] = 0
            state.update({name: zeros_like(p) for name in names})
        state["step"] += 1
        kind = AdamWStep if group["decoupled_weight_decay"] else AdamStep
        card = kind(
            lr=group["lr"],
            betas=group["betas"],
            eps=group["eps"],
            weight_decay=group["weight_decay"],
            step=state["step"],
            amsgrad=group["amsgrad"],
        )
        state.update(zip(names, advanced(card, p, g, *[state[name] for name in names]), strict=True))


class AdamW(Adam):
    """Adam with decay apart from the averages: Loshchilov and Hutter, 2019 (`torch.optim.AdamW`)."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )
