"""SGD: straight down the gradient, with momentum on request."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tinytorch.ops.steps import SgdStep
from tinytorch.optim.optimizer import Group, Optimizer, advanced, at_least_zero, ways
from tinytorch.tensor import Tensor


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum, Nesterov's form and weight decay (`torch.optim.SGD`)."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        at_least_zero(learning_rate=lr, momentum=momentum, weight_decay=weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        options: Group = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
        }
        options |= {"nesterov": nesterov, "maximize": maximize}
        super().__init__(params, options | ways(foreach, differentiable, fused))

    def update(self, p: Tensor, g: Tensor, state: Group, group: Group) -> None:
        """One step of one parameter."""
        names = ("lr", "momentum", "dampening", "weight_decay", "nesterov")
        velocity = state.get("momentum_buffer")
        held = [] if velocity is None else [velocity]
        after = advanced(SgdStep(*[group[name] for name in names]), p, g, *held)
        if after:
            state["momentum_buffer"] = after[0]
