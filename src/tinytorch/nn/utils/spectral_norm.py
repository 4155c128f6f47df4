"""Spectral normalisation: a weight divided by the most that it can stretch a vector (`torch.nn.utils.spectral_norm`).

Miyato et al., 2018. The stretch is followed by power iteration, one turn for each call in training.
"""

from __future__ import annotations

from typing import Any

from tinytorch.autograd import no_grad
from tinytorch.nn.functional import normalize
from tinytorch.nn.module import Module
from tinytorch.nn.parameter import Parameter
from tinytorch.random import randn
from tinytorch.tensor import Tensor


class SpectralNorm:
    """Before each call of a module, makes its weight from `name`_orig and the vectors `name`_u and `name`_v."""

    def __init__(self, name: str, turns: int, dim: int, eps: float) -> None:
        if turns <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={turns}"
            )
        self.name = name
        self.turns = turns
        self.dim = dim
        self.eps = eps

    def matrix(self, weight: Tensor) -> Tensor:
        """The weight with the axis `dim` as rows, and all others as columns."""
        moved = weight if self.dim == 0 else weight.movedim(self.dim, 0)
        return moved.reshape(moved.shape[0], -1)

    def compute(self, module: Any, turn: bool) -> Tensor:
        """The weight over its largest singular value, as far as that is known; `turn`: get to know it better first."""
        weight = getattr(module, f"{self.name}_orig")
        u, v = getattr(module, f"{self.name}_u"), getattr(module, f"{self.name}_v")
        matrix = self.matrix(weight)
        if turn:
            with no_grad():
                for _ in range(self.turns):
                    v.copy_(normalize(matrix.mT @ u, dim=0, eps=self.eps))
                    u.copy_(normalize(matrix @ v, dim=0, eps=self.eps))
                u, v = u.clone(), v.clone()  # a later call must not change what this call's gradient reads
        made: Tensor = weight / (u @ (matrix @ v))
        return made

    def __call__(self, module: Module, inputs: Any) -> None:
        """The hook."""
        setattr(module, self.name, self.compute(module, module.training))


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Any:
    """Let a module compute with its weight over the largest singular value of that; it is changed, and returned.

    dim: the axis of the outputs; None for 1 in transposed convolutions and 0 in all others. PyTorch:
    `torch.nn.utils.spectral_norm`. Raises RuntimeError if the parameter is normalised already.

    >>> from tinytorch import nn
    >>> layer = spectral_norm(nn.Linear(20, 40))
    >>> layer.weight_u.shape, sorted(layer.state_dict())
    ((40,), ['bias', 'weight_orig', 'weight_u', 'weight_v'])
    """
    for hook in module._forward_pre_hooks.values():
        if isinstance(hook, SpectralNorm) and hook.name == name:
            raise RuntimeError(f"Cannot register two spectral_norm hooks on the same parameter {name}")
    if dim is None:
        dim = 1 if type(module).__name__.startswith("ConvTranspose") else 0
    hook, weight = SpectralNorm(name, n_power_iterations, dim, eps), module._parameters[name]
    if weight is None:
        raise ValueError(f"`SpectralNorm` cannot be applied as parameter `{name}` is None")
    rows, columns = hook.matrix(weight.detach()).shape
    del module._parameters[name]
    module.register_parameter(f"{name}_orig", weight)
    setattr(module, name, weight.detach())
    for side, size in (("u", rows), ("v", columns)):
        module.register_buffer(f"{name}_{side}", normalize(randn(size, dtype=weight.dtype), dim=0, eps=eps))
    module.register_forward_pre_hook(hook)
    return module


def remove_spectral_norm(module: Module, name: str = "weight") -> Any:
    """Make the parameter `name` whole again, as it was last used. Raises ValueError where it is not normalised."""
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, SpectralNorm) and hook.name == name:
            with no_grad():
                weight = hook.compute(module, turn=False)
            delattr(module, name)
            del module._buffers[f"{name}_u"], module._buffers[f"{name}_v"]
            del module._parameters[f"{name}_orig"]
            module.register_parameter(name, Parameter(weight.detach()))
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(f"spectral_norm of '{name}' not found in {module}")
