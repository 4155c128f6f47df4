"""Kernels of optimizer steps: they write over the parameter and its state."""

from __future__ import annotations

from typing import Any

from tinytorch.array import Array
from tinytorch.devices.interface import Kernel
from tinytorch.devices.native.arrays import ABSENT, dense, plain
from tinytorch.devices.native.library import function

run_sgd = function("sgd", "aaaffffi")  # p, g, velocity, lr, momentum, damped, decay, nesterov
run_adam = function("adam", "aaaaafffffffi")  # p, g, mean, variance, largest, and the numbers of the step


def fits(p: Array, g: Array, *state: Array) -> bool:
    """Whether they can be written where they lie."""
    if not plain(p, g, *state):
        return False
    return all(x.host.flags.c_contiguous and x.host.flags.writeable for x in (p, *state))


def sgd(card: Any, p: Array, g: Array, *velocity: Array) -> bool:
    """With momentum from the second step on: the first velocity is the gradient, in memory of its own."""
    if not fits(p, g, *velocity) or (card.momentum and not velocity):
        return False
    held = velocity[0].host if card.momentum else ABSENT
    numbers = (card.lr, card.momentum, 1.0 - card.dampening, card.weight_decay)
    run_sgd(p.host, dense(g), held, *numbers, card.nesterov)
    return True


def adam(decoupled: bool) -> Any:
    """Adam, or AdamW, whose decay is apart from the averages."""

    def update(card: Any, p: Array, g: Array, mean: Array, variance: Array, *largest: Array) -> bool:
        if not fits(p, g, mean, variance, *largest):
            return False
        first, second = card.betas
        decay = card.lr * card.weight_decay if decoupled else card.weight_decay
        rate, spread = card.lr / (1.0 - first**card.step), (1.0 - second**card.step) ** -0.5
        held = largest[0].host if largest else ABSENT
        numbers = (rate, second, 1.0 - first, 1.0 - second, card.eps, decay, spread)
        run_adam(p.host, dense(g), mean.host, variance.host, held, *numbers, decoupled)
        return True

    return update


KERNELS = {
    "SgdStep": Kernel(update=sgd),
    "AdamStep": Kernel(update=adam(False)),
    "AdamWStep": Kernel(update=adam(True)),
}
