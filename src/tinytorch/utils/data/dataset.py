"""Datasets: samples by number, or as a stream."""

from __future__ import annotations

import math
import warnings
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
    """Samples by number: `dataset[i]`, and usually `len(dataset)`.

    One that gets many samples faster than one by one may also say `__getitems__(indices)`, a list of them.
    """

    def __class_getitem__(cls, sample: Any) -> type[Dataset]:
        """`Dataset[Tensor]` in annotations and base classes says what a sample is; it changes nothing."""
        return cls

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not say how to get a sample")

    def __add__(self, other: Any) -> Any:
        return ConcatDataset([self, other])


class IterableDataset(Dataset):
    """Samples as a stream: `iter(dataset)`.

    With worker processes each has a copy of it, and all of them give their whole stream: `get_worker_info()`
    tells a copy which of them it is, so that it can give its share.
    """

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__} does not say how to iterate")

    def __add__(self, other: Any) -> Any:
        return ChainDataset([self, other])


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
        rows = in_range(from_numpy(np.array(indices, np.int64)), len(self), 0)
        return [apply(ops.INDEX_SELECT, t, rows) for t in self.tensors]

    def __len__(self) -> int:
        return len(self.tensors[0])


class Subset(Dataset):
    """Some samples of another dataset."""

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        if type(self).__getitem__ is not Subset.__getitem__:  # a subclass that changes its samples
            return [self[i] for i in indices]
        return samples(self.dataset, [self.indices[i] for i in indices])

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
        if any(isinstance(each, IterableDataset) for each in self.datasets):
            raise AssertionError("ConcatDataset does not support IterableDataset: ChainDataset does")
        self.cumulative_sizes = list(accumulate(len(each) for each in self.datasets))

    def __getitem__(self, index: int) -> Any:
        place = index + len(self) if index < 0 else index
        if place < 0:
            raise ValueError(f"index {index} is out of range for {len(self)} samples")
        if place >= len(self):
            raise IndexError(f"index {index} is out of range for {len(self)} samples")
        which = bisect_right(self.cumulative_sizes, place)
        return self.datasets[which][place - (self.cumulative_sizes[which - 1] if which else 0)]

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]


class ChainDataset(IterableDataset):
    """Several streams, one after the other."""

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = datasets

    def checked(self) -> Iterator[Any]:
        """The streams. Raises AssertionError for a dataset that is none."""
        for each in self.datasets:
            if not isinstance(each, IterableDataset):
                raise AssertionError(f"ChainDataset only supports IterableDataset, not {type(each).__name__}")
            yield each

    def __iter__(self) -> Iterator[Any]:
        for each in self.checked():
            yield from each

    def __len__(self) -> int:
        return sum([len(each) for each in self.checked()])


class StackDataset(Dataset):
    """Datasets of one length side by side: a sample is a tuple, or a dictionary for datasets by name.

    >>> StackDataset("ab", range(2))[1], StackDataset(letter="ab", number=range(2))[1]
    (('b', 1), {'letter': 'b', 'number': 1})
    """

    datasets: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args and kwargs:
            raise ValueError("datasets are given in order or by name, not both")
        if not args and not kwargs:
            raise ValueError("At least one dataset should be passed")
        self.datasets = args or kwargs
        lengths = [len(each) for each in args or kwargs.values()]
        if len(set(lengths)) > 1:
            raise ValueError(f"Size mismatch between datasets: {lengths}")

    def __getitem__(self, index: Any) -> Any:
        if isinstance(self.datasets, dict):
            return {name: each[index] for name, each in self.datasets.items()}
        return tuple([each[index] for each in self.datasets])

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        if isinstance(self.datasets, dict):
            columns = zip(*[samples(each, indices) for each in self.datasets.values()], strict=True)
            return [dict(zip(self.datasets, row, strict=True)) for row in columns]
        return list(zip(*[samples(each, indices) for each in self.datasets], strict=True))

    def __len__(self) -> int:
        return len(
            next(iter(self.datasets.values())) if isinstance(self.datasets, dict) else self.datasets[0]
        )


def samples(dataset: Any, indices: Sequence[Any]) -> list[Any]:
    """The samples with these numbers: all at once where the dataset can, else one by one."""
    at_once = getattr(dataset, "__getitems__", None)
    if at_once is None:
        return [dataset[i] for i in indices]
    found = list(at_once(indices))
    if len(found) != len(indices):
        raise ValueError(
            f"{type(dataset).__name__}.__getitems__ gave {len(found)} samples for {len(indices)} indices"
        )
    return found


def gives_batches(dataset: Any) -> bool:
    """Whether `dataset.batch(indices)` equals collating `dataset[i]` for each index.

    A subclass that gets its samples in its own way has to be asked for each of them.
    """
    kind = type(dataset)
    if isinstance(dataset, Subset):
        return kind.__getitem__ is Subset.__getitem__ and gives_batches(dataset.dataset)
    return isinstance(dataset, TensorDataset) and kind.__getitem__ is TensorDataset.__getitem__


def random_split(dataset: Any, lengths: Sequence[float], generator: Generator | None = None) -> list[Subset]:
    """Disjoint random subsets of the given lengths, or of the given fractions that add up to 1.

    What fractions leave over when rounded down goes to the first subsets, one sample each.

    >>> [len(part) for part in random_split(range(10), [0.5, 0.25, 0.25])]
    [6, 2, 2]
    """
    sizes = from_fractions(lengths, len(dataset)) if math.isclose(sum(lengths), 1) else list(lengths)
    if sum(sizes) != len(dataset):
        raise ValueError(f"the lengths {list(lengths)} do not add up to the {len(dataset)} samples there are")
    order = randperm(len(dataset), generator=generator).tolist()
    ends = list(accumulate(int(size) for size in sizes))
    return [Subset(dataset, order[end - int(size) : end]) for end, size in zip(ends, sizes, strict=True)]


def from_fractions(fractions: Sequence[float], count: int) -> list[float]:
    """Whole numbers that add up to `count`, as near to its fractions as rounding allows."""
    for i, share in enumerate(fractions):
        if not 0 <= share <= 1:
            raise ValueError(f"Fraction at index {i} is not between 0 and 1: it is {share}")
    sizes = [math.floor(count * share) for share in fractions]
    for i in range(count - sum(sizes)):
        sizes[i % len(sizes)] += 1
    for i, size in enumerate(sizes):
        if size == 0:
            warnings.warn(
                f"Length of split at index {i} is 0: this might result in an empty dataset", stacklevel=3
            )
    return list(sizes)
