"""Parameter: a tensor that a module owns and an optimizer changes."""

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
        array = data if type(data) is Array else (data if isinstance(data, Tensor) else Tensor(data)).array
        super().__init__(array, requires_grad=requires_grad)

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"
