"""Collate: a list of samples becomes one batch."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from tinytorch.creation import as_tensor, from_numpy, stack, tensor
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
    if isinstance(first, (np.ndarray, np.generic)) and first.dtype.kind not in "SUO":
        return from_numpy(np.stack(batch))
    if isinstance(first, float):
        return tensor(list(batch), dtype=float64)
    if isinstance(first, int):
        return tensor(list(batch))
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, Mapping):
        return like(first, {name: default_collate([sample[name] for sample in batch]) for name in first})
    if isinstance(first, Sequence):
        if any(len(sample) != len(first) for sample in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        return like(first, [default_collate(part) for part in zip(*batch, strict=True)])
    raise TypeError(
        f"default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {type(first)}"
    )


def default_convert(data: Any) -> Any:
    """One sample with its NumPy arrays as tensors; everything else stays as it is.

    >>> default_convert({"x": np.arange(2), "name": "a"})
    {'x': tensor([0, 1]), 'name': 'a'}
    """
    if isinstance(data, (np.ndarray, np.generic)):
        return data if data.dtype.kind in "SUO" else as_tensor(data)
    if isinstance(data, Mapping):
        return like(data, {name: default_convert(data[name]) for name in data})
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return like(data, [default_convert(each) for each in data])
    return data


def like(first: Any, parts: Any) -> Any:
    """New values in a collection of the same kind; a list for a tuple, as in PyTorch."""
    if isinstance(first, tuple):
        return type(first)(*parts) if hasattr(first, "_fields") else parts
    make: Callable[[Any, Any], Any] = (
        refilled if isinstance(first, (MutableMapping, MutableSequence)) else rebuilt
    )
    try:
        return make(first, parts)
    except TypeError:  # a kind that cannot be copied, or made of one argument, such as a range
        return parts


def refilled(first: Any, parts: Any) -> Any:
    """A copy, which keeps what else a subclass has, with the new values in it."""
    clone = copy.copy(first)
    for place, value in parts.items() if isinstance(parts, dict) else enumerate(parts):
        clone[place] = value
    return clone


def rebuilt(first: Any, parts: Any) -> Any:
    """A new collection of the kind."""
    return type(first)(parts)
