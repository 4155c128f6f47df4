"""Optimizer: parameter groups, state for each parameter, and the step over all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

from tinytorch.autograd.grad_mode import enable_grad, no_grad
from tinytorch.autograd.graph import clear
from tinytorch.creation import tensor
from tinytorch.observe import LISTENING
from tinytorch.ops.card import Op
from tinytorch.tensor import Tensor, apply

Group = dict[str, Any]


class Optimizer:
    """Base of all optimizers (`torch.optim.Optimizer`). Subclasses write `update` for one parameter.

    param_groups: dictionaries with "params" and options. state: a dictionary for each parameter.
    """

    def __init__(self, params: Iterable[Any], defaults: Group) -> None:
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts"
            )
        given = list(params)
        if not given:
            raise ValueError("optimizer got an empty parameter list")
        self.defaults = defaults
        self.state: dict[Any, Group] = defaultdict(dict)
        self.param_groups: list[Group] = []
        for group in given if isinstance(given[0], dict) else [{"params": given}]:
            self.add_param_group(group)

    def add_param_group(self, param_group: Group) -> None:
        """More parameters, with options of their own; named ones, as from `named_parameters()`, keep their names.

        Raises ValueError for one that is here already.
        """
        params = param_group["params"]
        if isinstance(params, set):
            raise TypeError("optimizer parameters need an order that lasts, and a set has none: use a list")
        params = [params] if isinstance(params, Tensor) else list(params)
        names = [each[0] for each in params if isinstance(each, tuple)]
        params = [each[1] if isinstance(each, tuple) else each for each in params]
        named = {"param_names": names} if names else {}
        if len(names) not in (0, len(params)) or any(
            ("param_names" in g) != bool(names) for g in self.param_groups
        ):
            raise ValueError(
                "all optimizer params should be with/without names. Some param names are missing"
            )
        here = {id(p) for group in self.param_groups for p in group["params"]}
        for p in params:
            if not isinstance(p, Tensor):
                raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {type(p)}")
            if not p.is_leaf:
                raise ValueError("can't optimize a non-leaf Tensor")
        if len({id(p) for p in params}) < len(params) or any(id(p) in here for p in params):
            raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append({**self.defaults, **param_group, "params": params, **named})

    def update(self, p: Tensor, g: Tensor, state: Group, group: Group) -> None:
        """One step of one parameter."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it updates a parameter")

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move every parameter that has a gradient; returns what `closure` returns, called first."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with no_grad():
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        self.update(p, -p.grad if group.get("maximize") else p.grad, self.state[p], group)
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or set them to 0."""
        for group in self.param_groups:
            for p in group["params"]:
                clear(p, set_to_none)

    def state_dict(self) -> dict[str, Any]:
        """State by the position of its parameter, and the options of the groups, in PyTorch's form."""
        order = {id(p): i for i, p in enumerate(p for group in self.param_groups for p in group["params"])}
        groups = [{**group, "params": [order[id(p)] for p in group["params"]]} for group in self.param_groups]
        state = {
            order[id(p)]: {name: tensor(float(v)) if name == "step" else v for name, v in its.items()}
            for p, its in self.state.items()
            if its
        }
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from `state_dict`, matched by position. Raises ValueError where the groups differ."""
        saved = state_dict["param_groups"]
        if len(saved) != len(self.param_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        for mine, its in zip(self.param_groups, saved, strict=True):
            if len(mine["params"]) != len(its["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of optimizer's group"
                )
            mine.update({name: deepcopy(value) for name, value in its.items() if name != "params"})
        params = [p for group in self.param_groups for p in group["params"]]
        positions = [i for group in saved for i in group["params"]]
        self.state.clear()
        for p, i in zip(params, positions, strict=True):
            if i in state_dict["state"]:
                self.state[p] = {n: loaded(n, each, p) for n, each in state_dict["state"][i].items()}

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {name}: {group[name]}" for name in sorted(group) if name != "params"]
        return "\n".join([*lines, ")"])


def advanced(card: Op, p: Tensor, g: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
    """Move a parameter by a step's card, in place; the state after it, in the order of the card's results.

    A device's kernel writes the state in place too, as PyTorch does.
    """
    arrays = [each.array for each in (p, g, *state)]
    kernel = p.array.device.kernel(card)
    if kernel and kernel.update and p.view_of is None and kernel.update(card, *arrays):
        for each in (p, *state):
            each.array.storage.bump("step")
        for observer in LISTENING.observers:
            observer(card, (p, g, *state), (p, *state))
        return state
    new: tuple[Tensor, ...] = apply(card, p, g, *state)
    p.copy_(new[0])
    return new[1:]


def loaded(name: str, value: Any, p: Tensor) -> Any:
    """One entry of a parameter's state, which nobody else holds: steps are counted, tensors have its dtype."""
    if name == "step":
        return int(value)
    return value.detach().to(p.dtype, copy=True) if isinstance(value, Tensor) else deepcopy(value)


def at_least_zero(**options: Any) -> None:
    """Refuse negative options by name."""
    for name, value in options.items():
        if value < 0.0:
            raise ValueError(f"Invalid {name.replace('_', ' ')} value: {value}")


def check_betas(betas: tuple[float, float]) -> None:
    """Refuse averages that never move, or that run away."""
    for i, beta in enumerate(betas):
        if not 0.0 <= beta < 1.0:
            raise ValueError(f"Invalid beta parameter at index {i}: {beta}")


def ways(foreach: bool | None, differentiable: bool, fused: bool | None) -> Group:
    """PyTorch's choices of how to compute a step. Here each step is one fused card; these are kept for its state_dict."""
    if differentiable:
        raise RuntimeError("a differentiable optimizer step is not there: steps are computed under no_grad")
    if fused and foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
    return {"foreach": foreach, "differentiable": differentiable, "fused": fused}
