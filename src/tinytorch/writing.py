"""Results written into tensors that are there already: the argument `out`."""

from __future__ import annotations

import warnings
from typing import Any

from tinytorch.autograd.grad_mode import MODE
from tinytorch.errors import DtypeError
from tinytorch.ops.movement import overlapping
from tinytorch.tensor import Tensor


def into(out: Any, made: Any, name: str) -> Any:
    """`made`, written into the memory of `out` (PyTorch's `out=`), or several into several; returns `out`.

    An `out` of another shape gets memory of the right size, with a warning unless it was empty. Raises RuntimeError
    where a gradient is wanted, DtypeError where the type of `out` cannot hold the result.
    """
    if isinstance(out, (tuple, list)):
        pairs = [into(each, one, name) for each, one in zip(out, made, strict=True)]
        return type(made)(*pairs) if hasattr(made, "_fields") else tuple(pairs)
    if not isinstance(out, Tensor):
        raise TypeError(f"{name}(): argument 'out' must be Tensor, not {type(out).__name__}")
    if MODE.recording and (out.requires_grad or made.requires_grad):
        raise RuntimeError(
            f"{name}(): functions with out=... arguments don't support automatic differentiation, "
            "but one of the arguments requires grad."
        )
    if made.dtype.category > out.dtype.category:
        raise DtypeError(
            f"result type {made.dtype.name} can't be cast to the desired output type {out.dtype.name}"
        )
    if out.shape != made.shape:
        if out.numel():
            warnings.warn(
                f"An output with one or more elements was resized since it had shape {out.shape}, "
                f"which does not match the required output shape {made.shape}.",
                stacklevel=3,
            )
        out.array = out.new_empty(made.shape).array
    elif overlapping(out.array.layout):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a single memory location"
        )
    out.detach().copy_(made)
    return out
