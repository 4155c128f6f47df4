"""Integers as vectors (`torch.nn.functional`); the tables of learned ones stand in nn/embedding.py."""

from __future__ import annotations

from tinytorch.creation import arange
from tinytorch.dtypes import int64
from tinytorch.errors import DtypeError
from tinytorch.nn.embedding import embedding as embedding
from tinytorch.nn.embedding import embedding_bag as embedding_bag
from tinytorch.tensor import Tensor


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """A 1 at each index, int64, on a new last axis."""
    if tensor.dtype is not int64:
        raise DtypeError(f"one_hot is only applicable to index tensors of dtype int64, not {tensor.dtype}")
    count = int(tensor.max().item()) + 1 if num_classes == -1 else num_classes
    if tensor.numel() and (int(tensor.min().item()) < 0 or int(tensor.max().item()) >= count):
        raise RuntimeError(f"Class values must be between 0 and {count - 1}")
    return (tensor.unsqueeze(-1) == arange(count)).long()
