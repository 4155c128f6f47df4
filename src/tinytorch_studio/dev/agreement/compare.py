"""Whether two results are the same: structure, type, shape, numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

import tinytorch as tt

# Relative and absolute: PyTorch's own tolerances for comparisons between its devices; halves, which may be rounded
# after each of several steps, get four units in the last place.
TOLERANCES = {
    "float64": (1e-7, 1e-7),
    "float32": (1.3e-6, 1e-5),
    "float16": (4e-3, 1e-3),
    "bfloat16": (3.2e-2, 1e-2),
}


def numbers(x: Any) -> Any:
    """A tensor of either side as NumPy sees it, halves as float32."""
    if isinstance(x, torch.Tensor):
        x = x.detach()
        return (x.float() if x.dtype is torch.bfloat16 else x).numpy(force=True)
    values = x.detach().numpy_view()
    return values.astype(np.float32) if x.dtype.name == "bfloat16" else values


def kind(x: Any) -> str:
    """The name of a dtype, whoever's it is."""
    return str(x.dtype).rpartition(".")[2]


def tensors_differ(theirs: Any, ours: Any, loose: float) -> str | None:
    """How two tensors differ; None if they do not."""
    if not isinstance(ours, tt.Tensor):
        return f"a {type(ours).__name__} for a tensor"
    if kind(theirs) != kind(ours):
        return f"dtype {kind(ours)} for {kind(theirs)}"
    if tuple(theirs.shape) != tuple(ours.shape):
        return f"shape {tuple(ours.shape)} for {tuple(theirs.shape)}"
    want, have = numbers(theirs), numbers(ours)
    relative, absolute = TOLERANCES.get(kind(theirs), (0.0, 0.0))
    with np.errstate(all="ignore"):
        close = (
            np.isclose(have, want, relative * loose, absolute * loose, equal_nan=True)
            if relative
            else have == want
        )
    if not close.all():
        at = np.unravel_index(np.flatnonzero(~close)[0], close.shape)
        return f"{have[at]!r} for {want[at]!r}, and {int((~close).sum())} of {close.size} differ"
    return None


def differ(theirs: Any, ours: Any, loose: float = 1.0) -> str | None:
    """How two results differ: tensors, numbers, and tuples and lists of them; None if they do not."""
    if isinstance(theirs, torch.Tensor):
        return tensors_differ(theirs, ours, loose)
    if isinstance(theirs, torch.dtype):
        return (
            None if str(theirs).rpartition(".")[2] == str(ours).rpartition(".")[2] else f"{ours} for {theirs}"
        )
    if isinstance(theirs, (list, tuple)):
        if not isinstance(ours, (list, tuple)) or len(ours) != len(theirs):
            return f"{type(ours).__name__} of other length for {type(theirs).__name__} of {len(theirs)}"
        for i, (want, have) in enumerate(zip(theirs, ours, strict=True)):
            said = differ(want, have, loose)
            if said:
                return f"output {i}: {said}"
        return None
    if isinstance(theirs, float) and isinstance(ours, float):
        return None if np.isclose(ours, theirs, 1e-6, 1e-8, equal_nan=True) else f"{ours} for {theirs}"
    return None if type(theirs) is type(ours) and theirs == ours else f"{ours!r} for {theirs!r}"


def refusals_differ(theirs: Exception, ours: Exception) -> str | None:
    """Whether an error of ours would be caught where theirs is."""
    for expected in (IndexError, TypeError, ValueError, RuntimeError):
        if isinstance(theirs, expected):
            if isinstance(ours, expected):
                return None
            return f"{type(ours).__name__} for {type(theirs).__name__}: {first_line(theirs)}"
    return None


def first_line(error: BaseException) -> str:
    """Of what an error says."""
    return (str(error).splitlines() or [""])[0][:160]
