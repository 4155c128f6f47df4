"""Parameter and Buffer: tensors that a module owns. An optimizer changes the one, the module itself the other."""

from __future__ import annotations

from typing import Any

from tinytorch.array import Array
from tinytorch.tensor import Tensor


class Parameter(Tensor):
    """A leaf that wants a gradient, over the memory of `data` (`torch.nn.Parameter`).

    >>> import tinytorch as tt
    >>> Parameter(tt.ones(2))
    Parameter containing:
    tensor([1., 1.], requires_grad=True)
    """

    def __init__(self, data: Any = (), requires_grad: bool = True) -> None:
        super().__init__(memory_of(data), requires_grad=requires_grad)

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


class Buffer(Tensor):
    """State that is no parameter, over the memory of `data`: it registers as a buffer when a module takes it
    (`torch.nn.Buffer`). Only a `persistent` one is saved.
    """

    def __init__(self, data: Any = (), persistent: bool = True) -> None:
        super().__init__(memory_of(data))
        self.persistent = persistent

    def __repr__(self) -> str:
        return f"Buffer containing:\n{super().__repr__()}"


def memory_of(data: Any) -> Array:
    """The array of a tensor, or of what a tensor can be made of."""
    if type(data) is Array:
        return data
    return (data if isinstance(data, Tensor) else Tensor(data)).array
