"""DataLoader: batches of a dataset, one pass at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from tinytorch.random import Generator
from tinytorch.utils.data.collate import default_collate
from tinytorch.utils.data.dataset import IterableDataset, gives_batches
from tinytorch.utils.data.sampler import BatchSampler, RandomSampler, SequentialSampler


class DataLoader:
    """Batches in order, or shuffled anew in each pass (`torch.utils.data.DataLoader`).

    `batch_size=None` gives single samples. Worker processes are not there yet: num_workers must be 0.
    `pin_memory` is accepted and has no effect. Raises ValueError where two arguments contradict each other.

    >>> import tinytorch as tt
    >>> dataset = tt.utils.data.TensorDataset(tt.arange(5))
    >>> [len(x) for (x,) in DataLoader(dataset, batch_size=2)]
    [2, 2, 1]
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Any = None,
        batch_sampler: Any = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        *,
        generator: Generator | None = None,
    ) -> None:
        if num_workers:
            raise ValueError(
                f"num_workers={num_workers} asks for worker processes, which are not there yet: it must be 0"
            )
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_size is None and batch_sampler is None and drop_last:
            raise ValueError("batch_size=None gives single samples, so there is no batch to drop")
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
            raise ValueError(
                "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last"
            )
        self.dataset = dataset
        self.batch_size = None if batch_sampler is not None else batch_size
        self.drop_last = drop_last
        self.collate_fn = collate_fn
        self.generator = generator
        self.sampler: Any = None
        self.batch_sampler: Any = None
        if isinstance(dataset, IterableDataset):
            if shuffle or sampler is not None or batch_sampler is not None:
                raise ValueError(
                    "a stream has one order: no shuffle, sampler or batch_sampler for an IterableDataset"
                )
            return
        if sampler is None:
            sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
        if batch_sampler is None and batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.sampler = sampler
        self.batch_sampler = batch_sampler

    def __iter__(self) -> Iterator[Any]:
        collate = self.collate_fn or default_collate
        if isinstance(self.dataset, IterableDataset):
            yield from self.stream(collate)
        elif self.batch_sampler is None:
            for i in self.sampler:
                yield self.dataset[i] if self.collate_fn is None else collate(self.dataset[i])
        elif collate is default_collate and gives_batches(self.dataset):
            for numbers in self.batch_sampler:  # the same rows in far fewer steps
                yield self.dataset.batch(numbers)
        else:
            for numbers in self.batch_sampler:
                yield collate([self.dataset[i] for i in numbers])

    def stream(self, collate: Callable[[Any], Any]) -> Iterator[Any]:
        """Batches of an IterableDataset."""
        samples = iter(self.dataset)
        if self.batch_size is None:
            yield from samples if self.collate_fn is None else map(collate, samples)
            return
        while batch := list(islice(samples, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield collate(batch)

    def __len__(self) -> int:
        if isinstance(self.dataset, IterableDataset):
            return self.stream_length()
        return len(self.sampler if self.batch_sampler is None else self.batch_sampler)

    def stream_length(self) -> int:
        """How many batches a stream that knows its length gives. Raises TypeError for one that does not."""
        samples = len(self.dataset)
        if self.batch_size is None:
            return samples
        return samples // self.batch_size if self.drop_last else -(-samples // self.batch_size)
