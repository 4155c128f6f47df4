"""More elements at the ends of axes (`torch.nn.functional`)."""

from __future__ import annotations

from typing import Any

from tinytorch.tensor import Tensor


def pad(input: Tensor, pad: Any, mode: str = "constant", value: float = 0.0) -> Tensor:
    """More elements at the ends of the last axes: (left, right) of the last, then of the one before."""
    if mode != "constant":
        raise NotImplementedError(f"pad mode {mode!r} is not there; only 'constant' is")
    for i in range(len(pad) // 2):
        axis = input.ndim - 1 - i
        for amount, before in ((pad[2 * i], True), (pad[2 * i + 1], False)):
            size = input.shape[axis]
            if amount < 0:
                input = input.narrow(axis, -amount if before else 0, size + amount)
            elif amount:
                shape = [amount if a == axis else n for a, n in enumerate(input.shape)]
                more = input.new_full(shape, value)
                input = more.cat_after(input, axis) if before else input.cat_after(more, axis)
    return input
