"""Muon: the direction of a weight matrix's momentum, with all its singular values made about 1."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from tinytorch.creation import zeros_like
from tinytorch.optim.optimizer import Group, Optimizer, at_least_zero
from tinytorch.tensor import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of Jordan's polynomial: small singular values grow fastest


class Muon(Optimizer):
    """Momentum made orthogonal by Newton and Schulz's iteration: Jordan et al., 2024 (`torch.optim.Muon`).

    For matrices only: embeddings, biases and the like are left to AdamW. adjust_lr_fn: "original", or None, scales by
    the shape; "match_rms_adamw" makes steps as large as AdamW's: Liu et al., 2025. The iteration runs in the
    parameter's dtype, where PyTorch takes bfloat16. Raises ValueError for a parameter that is no matrix.

    >>> from tinytorch import eye, nn
    >>> w = nn.Parameter(eye(2))
    >>> optimizer = Muon([w], lr=0.1, weight_decay=0.0)
    >>> (3 * w[0, 0] + 0.01 * w[1, 1]).backward()
    >>> optimizer.step()
    >>> [round(x, 2) for x in w.diagonal().tolist()]  # both move, though one gradient is 300 times the other
    [0.93, 0.88]
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = COEFFICIENTS,
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        at_least_zero(learning_rate=lr, momentum=momentum, weight_decay=weight_decay)
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        options: Group = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov}
        options |= {"ns_coefficients": ns_coefficients, "eps": eps, "ns_steps": ns_steps}
        super().__init__(params, options | {"adjust_lr_fn": adjust_lr_fn})
        for group in self.param_groups:
            for p in group["params"]:
                if p.ndim != 2:
                    raise ValueError(f"Muon only supports 2D parameters, and one has shape {p.shape}")

    def update(self, p: Tensor, g: Tensor, state: Group, group: Group) -> None:
        """One step of one parameter."""
        if not state:
            state["momentum_buffer"] = zeros_like(g)
        state["momentum_buffer"] = mean = state["momentum_buffer"].lerp(g, 1 - group["momentum"])
        direction = g.lerp(mean, group["momentum"]) if group["nesterov"] else mean
        direction = orthogonalized(direction, group["ns_coefficients"], group["ns_steps"], group["eps"])
        rows, columns = p.shape
        size = math.sqrt(max(1, rows / columns))
        if group["adjust_lr_fn"] == "match_rms_adamw":
            size = 0.2 * math.sqrt(max(rows, columns))
        p.mul_(1 - group["lr"] * group["weight_decay"])  # type: ignore[attr-defined]
        p.sub_(direction * (group["lr"] * size))  # type: ignore[attr-defined]


def orthogonalized(g: Tensor, coefficients: tuple[float, float, float], steps: int, eps: float) -> Tensor:
    """A matrix with the singular vectors of `g`, and singular values near 1, without a decomposition.

    Each iteration applies a x + b x^3 + c x^5 to every singular value.
    """
    a, b, c = coefficients
    x = g.mT if g.shape[0] > g.shape[1] else g  # the smaller product of the two
    x = x / x.norm().clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.mT
        x = x * a + (gram * b + gram @ gram * c) @ x
    return x.mT if g.shape[0] > g.shape[1] else x
