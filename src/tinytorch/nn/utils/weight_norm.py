"""Weight normalisation: the length and the direction of each row of a weight, learned apart (`torch.nn.utils.weight_norm`).

Salimans and Kingma, 2016.
"""

from __future__ import annotations

from typing import Any

from tinytorch.nn.module import Module
from tinytorch.nn.parameter import Parameter
from tinytorch.tensor import Tensor


def norm_except_dim(v: Tensor, dim: int | None) -> Tensor:
    """The norm over all axes but one, kept as size 1; over all axes, without axes, for None."""
    if dim is None:
        return v.norm()
    return v.norm(dim=[axis for axis in range(v.ndim) if axis != dim % v.ndim], keepdim=True)


class WeightNorm:
    """Before each call of a module, makes its weight from `name`_g and `name`_v."""

    def __init__(self, name: str, dim: int | None) -> None:
        self.name = name
        self.dim = None if dim == -1 else dim

    def compute(self, module: Any) -> Tensor:
        """The direction, with the length that belongs to it."""
        g, v = getattr(module, f"{self.name}_g"), getattr(module, f"{self.name}_v")
        made: Tensor = v * (g / norm_except_dim(v, self.dim))
        return made

    def __call__(self, module: Module, inputs: Any) -> None:
        """The hook."""
        setattr(module, self.name, self.compute(module))


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Any:
    """Replace the parameter `name` by its lengths `name`_g and directions `name`_v; the module is changed, and returned.

    dim: the axis whose entries each have a length; -1 or None for one length in all. PyTorch: `torch.nn.utils.weight_norm`.
    Raises RuntimeError if the parameter is normalised already.

    >>> from tinytorch import nn
    >>> layer = weight_norm(nn.Linear(20, 40))
    >>> layer.weight_g.shape, layer.weight_v.shape
    ((40, 1), (40, 20))
    """
    for hook in module._forward_pre_hooks.values():
        if isinstance(hook, WeightNorm) and hook.name == name:
            raise RuntimeError(f"Cannot register two weight_norm hooks on the same parameter {name}")
    hook = WeightNorm(name, dim)
    weight = getattr(module, name)
    del module._parameters[name]
    module.register_parameter(f"{name}_g", Parameter(norm_except_dim(weight, hook.dim).detach()))
    module.register_parameter(f"{name}_v", Parameter(weight.detach()))
    hook(module, None)
    module.register_forward_pre_hook(hook)
    return module


def remove_weight_norm(module: Module, name: str = "weight") -> Any:
    """Make the parameter `name` whole again. Raises ValueError where it is not normalised."""
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, WeightNorm) and hook.name == name:
            weight = hook.compute(module).detach()
            delattr(module, name)
            del module._parameters[f"{name}_g"], module._parameters[f"{name}_v"]
            module.register_parameter(name, Parameter(weight))
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(f"weight_norm of '{name}' not found in {module}")
