"""Datasets: samples by number, or as a stream."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from tinytorch import ops
from tinytorch.creation import from_numpy
from tinytorch.random import Generator, randperm
from tinytorch.tensor import Tensor, apply, in_range


class Dataset:
    """Samples by number: `dataset[i]`, and usually `len(dataset)`."""

    def __class_getitem__(cls, sample: Any) -> type[Dataset]:
        """`Dataset[Tensor]` in annotations and base classes says what a sample is; it changes nothing."""
        return cls

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not say how to get a sample")

    def __add__(self, other: Dataset) -> ConcatDataset:
        return ConcatDataset([self, other])


class IterableDataset(Dataset):
    """Samples as a stream: `iter(dataset)`."""

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__} does not say how to iterate")


class TensorDataset(Dataset):
    """Rows of tensors with one first size: sample i is row i of each.

    >>> import tinytorch as tt
    >>> TensorDataset(tt.arange(3), tt.ones(3))[1]
    (tensor(1), tensor(1.))
    """

    def __init__(self, *tensors: Tensor) -> None:
        if any(t.size(0) != tensors[0].size(0) for t in tensors):
            raise AssertionError(f"Size mismatch between tensors: {[t.shape for t in tensors]}")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple([t[index] for t in self.tensors])

    def batch(self, indices: Sequence[int]) -> list[Tensor]:
        """What `default_collate` makes of these samples, in one step for each tensor."""
        rows = from_numpy(np.array(indices, np.int64))
        if min(indices, default=0) < 0 or max(indices, default=0) >= len(self):
            rows = in_range(rows, len(self), 0)
        return [apply(ops.INDEX_SELECT, t, rows) for t in self.tensors]

    def __len__(self) -> int:
        return len(self.tensors[0])


class Subset(Dataset):
    """Some samples of another dataset."""

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index: int) -> Any:
        return self.dataset[self.indices[index]]

    def batch(self, indices: Sequence[int]) -> list[Tensor]:
        """The same samples, asked of the dataset behind."""
        return list(self.dataset.batch([self.indices[i] for i in indices]))

    def __len__(self) -> int:
        return len(self.indices)


class ConcatDataset(Dataset):
    """Several datasets, one after the other."""

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise AssertionError("datasets should not be an empty iterable")
        self.cumulative_sizes = list(accumulate(len(each) for each in self.datasets))

    def __getitem__(self, index: int) -> Any:
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise ValueError(f"index {index} is out of range for {len(self)} samples")
        which = bisect_right(self.cumulative_sizes, place)
        return self.datasets[which][place - (self.cumulative_sizes[which - 1] if which else 0)]

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]


def gives_batches(dataset: Any) -> bool:
    """Whether `dataset.batch(indices)` equals collating `dataset[i]` for each index.

    A subclass that gets its samples in its own way has to be asked for each of them.
    """
    kind = type(dataset)
    if isinstance(dataset, Subset):
        return kind.__getitem__ is Subset.__getitem__ and gives_batches(dataset.dataset)
    return isinstance(dataset, TensorDataset) and kind.__getitem__ is TensorDataset.__getitem__


def random_split(dataset: Any, lengths: Sequence[float], generator: Generator | None = None) -> list[Subset]:
    """Disjoint random subsets of the given lengths, or of the given fractions that add up to 1."""
    sizes = list(lengths)
    if math.isclose(sum(sizes), 1) and not all(isinstance(each, int) for each in sizes):
        sizes = [math.floor(len(dataset) * share) for share in lengths]
        for i in range(len(dataset) - int(sum(sizes))):
            sizes[i % len(sizes)] += 1
    if sum(sizes) != len(dataset):
        raise ValueError(f"the lengths {list(lengths)} do not add up to the {len(dataset)} samples there are")
    order = randperm(len(dataset), generator=generator).tolist()
    ends = list(accumulate(int(size) for size in sizes))
    return [Subset(dataset, order[end - int(size) : end]) for end, size in zip(ends, sizes, strict=True)]
