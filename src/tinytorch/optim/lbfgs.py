"""L-BFGS: the direction of a quadratic model of the loss, learnt from the last steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tinytorch.autograd.grad_mode import enable_grad, no_grad
from tinytorch.creation import cat
from tinytorch.optim.line_search import Point, strong_wolfe
from tinytorch.optim.optimizer import Group, Optimizer
from tinytorch.tensor import Tensor


class LBFGS(Optimizer):
    """Limited-memory BFGS: Liu and Nocedal, 1989 (`torch.optim.LBFGS`).

    `step` needs a closure that clears the gradients, computes the loss and goes backward: it is called many times. One
    group of parameters only. line_search_fn: None, or "strong_wolfe". Raises ValueError for several groups.

    >>> from tinytorch import nn, tensor
    >>> x = nn.Parameter(tensor([-1.0, 2.0]))
    >>> optimizer = LBFGS([x], max_iter=60, line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
    ...     loss.backward()
    ...     return loss
    >>> _ = optimizer.step(closure)
    >>> [round(each, 3) for each in x.tolist()]
    [1.0, 1.0]
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        if lr < 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        options: Group = {"lr": lr, "max_iter": max_iter}
        options["max_eval"] = max_iter * 5 // 4 if max_eval is None else max_eval
        options |= {"tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change}
        super().__init__(params, options | {"history_size": history_size, "line_search_fn": line_search_fn})
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")
        self.params = self.param_groups[0]["params"]

    def gathered(self) -> Tensor:
        """All gradients, one after another."""
        return cat([(p.new_zeros(p.numel()) if p.grad is None else p.grad.reshape(-1)) for p in self.params])

    def move(self, t: float, direction: Tensor) -> None:
        """Move all parameters by `t` times the direction."""
        first = 0
        for p in self.params:
            p.add_(direction[first : first + p.numel()].reshape(p.shape) * t)
            first += p.numel()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Up to `max_iter` steps; returns the loss before the first. Raises RuntimeError without a closure."""
        if closure is None:
            raise RuntimeError("LBFGS needs a closure: it computes the loss several times in one step")
        evaluate = enable_grad()(closure)
        with no_grad():
            return self.descend(evaluate, self.param_groups[0], self.state[self.params[0]])

    def descend(self, evaluate: Callable[[], Any], group: Group, state: Group) -> Any:
        """The steps, until the gradient or the movement is small enough."""
        if not state:
            state |= {"func_evals": 0, "n_iter": 0, "old_dirs": [], "old_stps": [], "ro": []}
        first = evaluate()
        loss, calls = float(first), 1
        gradient = self.gathered()
        state["func_evals"] += 1
        if not len(gradient) or gradient.abs().max() <= group["tolerance_grad"]:
            return first
        for turn in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            direction = self.direction(gradient, group, state)
            before, state["prev_flat_grad"], state["prev_loss"] = loss, gradient.clone(), loss
            size = 1.0 if state["n_iter"] > 1 else min(1.0, 1.0 / gradient.abs().sum().item())
            t, slope = size * group["lr"], (gradient @ direction).item()
            state |= {"d": direction, "t": t}
            if slope > -group["tolerance_change"]:
                break
            if group["line_search_fn"] is not None:
                reached, more = self.searched(
                    evaluate, Point(0.0, loss, gradient, slope), t, direction, calls
                )
                t, loss, gradient = reached.t, reached.loss, reached.gradient
                self.move(t, direction)
            else:
                self.move(t, direction)
                more = int(turn != group["max_iter"])
                if more:
                    loss, gradient = float(evaluate()), self.gathered()
            state["t"] = t
            calls, state["func_evals"] = calls + more, state["func_evals"] + more
            small = group["tolerance_change"]
            if (
                calls >= group["max_eval"]
                or gradient.abs().max() <= group["tolerance_grad"]
                or (direction * t).abs().max() <= small
                or abs(loss - before) < small
            ):
                break
        return first

    def direction(self, gradient: Tensor, group: Group, state: Group) -> Tensor:
        """Downhill, bent by what the last steps showed of the curvature: the two-loop recursion."""
        if state["n_iter"] == 1:
            state["H_diag"] = 1
            return -gradient
        changes, steps, rates = state["old_dirs"], state["old_stps"], state["ro"]
        change, step = gradient - state["prev_flat_grad"], state["d"] * state["t"]
        curvature = change @ step
        if curvature > 1e-10:
            if len(changes) == group["history_size"]:
                for kept in (changes, steps, rates):
                    kept.pop(0)
            changes.append(change)
            steps.append(step)
            rates.append(1.0 / curvature)
            state["H_diag"] = curvature / (change @ change)
        q, shares = -gradient, []
        for y, s, rate in zip(reversed(changes), reversed(steps), reversed(rates), strict=True):
            shares.append(s @ q * rate)
            q = q - y * shares[-1]
        made = q * state["H_diag"]
        for y, s, rate, share in zip(changes, steps, rates, reversed(shares), strict=True):
            made = made + s * (share - y @ made * rate)
        return made

    def searched(
        self, evaluate: Callable[[], Any], start: Point, t: float, direction: Tensor, calls: int
    ) -> tuple[Point, int]:
        """The line search from here, with the parameters put back after each look. Raises RuntimeError for an unknown one."""
        group = self.param_groups[0]
        if group["line_search_fn"] != "strong_wolfe":
            raise RuntimeError("only 'strong_wolfe' is supported")
        here = [p.clone() for p in self.params]

        def at(t: float) -> Point:
            self.move(t, direction)
            loss, gradient = float(evaluate()), self.gathered()
            for p, old in zip(self.params, here, strict=True):
                p.copy_(old)
            return Point(t, loss, gradient, (gradient @ direction).item())

        longest = direction.abs().max().item()
        return strong_wolfe(at, start, t, longest, turns=group["max_eval"] - calls)
