"""Collate: a list of samples becomes one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tinytorch.creation import from_numpy, stack, tensor
from tinytorch.dtypes import float64
from tinytorch.tensor import Tensor


def default_collate(batch: Sequence[Any]) -> Any:
    """Tensors stacked, numbers as tensors, tuples, lists and dictionaries position by position.

    Tensors and arrays keep their dtype; Python floats become float64, as in PyTorch. Strings stay as they
    are. Raises TypeError for anything else, RuntimeError for samples of different lengths.

    >>> default_collate([(1, "a"), (2, "b")])
    [tensor([1, 2]), ('a', 'b')]
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return stack(list(batch))
    if isinstance(first, (np.ndarray, np.generic)):
        return from_numpy(np.stack(batch))
    if isinstance(first, float):
        return tensor(list(batch), dtype=float64)
    if isinstance(first, int):
        return tensor(list(batch))
    if isinstance(first, (str, bytes)):
        return tuple(batch) if isinstance(batch, tuple) else batch
    if isinstance(first, Mapping):
        return {name: default_collate([sample[name] for sample in batch]) for name in first}
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*[default_collate(part) for part in zip(*batch, strict=True)])
    if isinstance(first, Sequence):
        if any(len(sample) != len(first) for sample in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        return [default_collate(part) for part in zip(*batch, strict=True)]
    raise TypeError(f"a batch cannot be made of {type(first).__name__}; pass collate_fn")
