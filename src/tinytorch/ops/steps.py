"""Optimizer steps as cards: the new parameter and the new state from the old ones and the gradient.

`definition` takes and returns tensors and changes nothing; whoever sends the card writes the results
back. Decay, maximisation and the like happen in it, in PyTorch's order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinytorch.ops.card import Fused

if TYPE_CHECKING:
    from tinytorch.tensor import Tensor


class SgdStep(Fused):
    """Stochastic gradient descent with momentum (`torch.optim.SGD`)

    Takes (parameter, gradient) or (parameter, gradient, velocity); returns the new (parameter,) and velocity.
    Without a velocity and with momentum, the first velocity is the gradient.
    """

    __slots__ = ("dampening", "lr", "momentum", "nesterov", "weight_decay")
    differentiable = False

    def __init__(
        self, lr: float, momentum: float, dampening: float, weight_decay: float, nesterov: bool
    ) -> None:
        self.lr = lr
        self.momentum = momentum
        self.dampening = dampening
        self.weight_decay = weight_decay
        self.nesterov = nesterov

    def definition(self, p: Tensor, g: Tensor, *state: Tensor) -> Any:
        if self.weight_decay:
            g = g + p * self.weight_decay
        if not self.momentum:
            return (p - g * self.lr,)
        velocity = state[0] * self.momentum + g * (1.0 - self.dampening) if state else g.clone()
        direction = g + velocity * self.momentum if self.nesterov else velocity
        return p - direction * self.lr, velocity


class AdamStep(Fused):
    """Adam: Kingma and Ba, 2015 (`torch.optim.Adam`)

    Takes (parameter, gradient, mean, variance) and, with amsgrad, the largest variance so far; returns
    the new values of all but the gradient. `step` counts from 1.
    """

    __slots__ = ("amsgrad", "betas", "eps", "lr", "step", "weight_decay")
    differentiable = False

    def __init__(
        self,
        lr: float,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float,
        step: int,
        amsgrad: bool = False,
    ) -> None:
        self.lr = lr
        self.betas = betas
        self.eps = eps
        self.weight_decay = weight_decay
        self.step = step
        self.amsgrad = amsgrad

    def definition(self, p: Tensor, g: Tensor, mean: Tensor, variance: Tensor, *largest: Tensor) -> Any:
        if self.weight_decay:
            p, g = self.decayed(p, g)
        first, second = self.betas
        mean = mean + (g - mean) * (1.0 - first)
        variance = variance * second + g * g * (1.0 - second)
        top = (largest[0].maximum(variance),) if self.amsgrad else ()
        spread = (top[0] if top else variance).sqrt() / (1.0 - second**self.step) ** 0.5 + self.eps
        return p - mean / spread * (self.lr / (1.0 - first**self.step)), mean, variance, *top

    def decayed(self, p: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
        """Decay as part of the gradient."""
        return p, g + p * self.weight_decay


class AdamWStep(AdamStep):
    """Adam with decay apart from the averages: Loshchilov and Hutter, 2019 (`torch.optim.AdamW`)"""

    __slots__ = ()

    def decayed(self, p: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
        """Decay of the parameter itself."""
        return p * (1.0 - self.lr * self.weight_decay), g
