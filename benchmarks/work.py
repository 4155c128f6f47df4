"""What one time of a workload does, in the pieces that are timed, counted and compiled."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any


class Missing(Exception):
    """A backend cannot do this. The message is what the table says in its place."""


class Work:
    """Something to be timed: a function, done once by each call."""

    def __init__(self, step: Callable[[], Any]) -> None:
        self.step = step

    def forward(self) -> Any:
        """The part whose operations are counted."""
        return self.step()

    def numbers(self) -> list[float]:
        """What is compared between backends before any time counts: the numbers of the first three times."""
        return [float(self.step()) for _ in range(3)]

    def compile(self, ns: Any) -> None:
        """Put a compiled function in the place of what can be compiled. Raises Missing where nothing can."""
        raise Missing("nothing to compile")


class Operation(Work):
    """One operation, whose results are tensors."""

    def numbers(self) -> list[float]:
        """The size of each result, and its sum in proportion, since what nearly cancels is mostly rounding."""
        made = self.step()
        found = []
        for each in made if isinstance(made, (tuple, list)) else [made]:
            size = float(each.abs().sum().item())
            found += [size, float(each.sum().item()) / (size or 1.0)]
        return found


class Training(Work):
    """A step of training: forward and backward are one function of tensors, an update ends the step.

    loss: what is minimised, of the inputs. update: changes the parameters and clears their gradients; returns what
    else is compared between backends.
    """

    def __init__(
        self, loss: Callable[..., Any], inputs: Sequence[Any], update: Callable[[], float | None]
    ) -> None:
        def forward_backward(*inputs: Any) -> Any:
            made = loss(*inputs)
            made.backward()
            return made

        self.loss, self.inputs, self.update = loss, inputs, update
        self.forward_backward = forward_backward
        super().__init__(self.train)

    def train(self) -> float:
        """One step; the loss before it."""
        loss = self.forward_backward(*self.inputs)
        more = self.update()
        return float(loss.item()) + (more or 0.0)

    def forward(self) -> Any:
        """The loss, without its gradients."""
        return self.loss(*self.inputs)

    def compile(self, ns: Any) -> None:
        """Compile forward and backward; the optimizer stays outside."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it says is in the table
            made = ns.compile(self.forward_backward)
        if made is self.forward_backward:
            raise Missing("NO COMPILER YET")
        self.forward_backward = made
