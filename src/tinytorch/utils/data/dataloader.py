"""DataLoader: batches of a dataset, one pass at a time."""

from __future__ import annotations

import multiprocessing
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice, repeat, takewhile
from typing import Any

from tinytorch.random import Generator, default_generator, randint
from tinytorch.utils.data.collate import default_collate, default_convert
from tinytorch.utils.data.dataset import IterableDataset
from tinytorch.utils.data.sampler import BatchSampler, RandomSampler, SequentialSampler
from tinytorch.utils.data.workers import Crew, Ended, Failure, Fetch, Task, seed_of_batch


class DataLoader:
    """Batches in order, or shuffled anew in each pass (`torch.utils.data.DataLoader`).

    With `num_workers` processes, batches are made beside the training, `prefetch_factor` of them ahead in
    each worker. They come in the same order as without, whoever is faster (unless `in_order=False`), and are the
    same: what a dataset draws from the default stream depends on the pass's seed and on the number of
    the batch. `worker_init_fn(id)` runs in each worker first, when Python's, NumPy's and the default stream
    have been seeded. `batch_size=None` gives single samples. `pin_memory` is accepted and has no effect.

    An exception in a worker is raised again, with its traceback, in the place of its batch; a worker that dies
    is a RuntimeError at once. Raises ValueError where two arguments contradict each other.

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
        timeout: float = 0,
        worker_init_fn: Callable[[int], Any] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        check_workers(num_workers, timeout, prefetch_factor, persistent_workers, multiprocessing_context)
        check_order(dataset, batch_size, shuffle, sampler, batch_sampler, drop_last)
        if sampler is None:
            if isinstance(dataset, IterableDataset):
                sampler = repeat(None)  # a stream knows itself what comes next
            elif shuffle:
                sampler = RandomSampler(dataset, generator=generator)
            else:
                sampler = SequentialSampler(dataset)
        if batch_sampler is not None:
            batch_size = None
        elif batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.dataset = dataset
        self.batch_size = batch_size
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.drop_last = drop_last
        self.collate_fn = collate_fn or (default_convert if batch_sampler is None else default_collate)
        self.generator = generator
        self.num_workers = num_workers
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.persistent_workers = persistent_workers
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.in_order = in_order
        self.crew: Crew | None = None  # the workers, while they are kept
        self.yielded = 0  # how many batches of the present pass the program has had
        self.began: list[Any] = []  # where the generators stood when it did
        self.resumed: dict[str, Any] | None = None  # where the next pass is to continue

    def __iter__(self) -> Iterator[Any]:
        default = default_generator.get_state()
        seed, had = self.begin()
        order = enumerate(self.sampler if self.batch_sampler is None else self.batch_sampler)
        todo = (Task(number, seed_of_batch(seed, number), indices) for number, indices in order)
        stream = isinstance(self.dataset, IterableDataset)
        if not stream:
            deque(islice(todo, had), maxlen=0)  # drawn once more, and their batches are not made again
        made = self.in_turn(todo, seed, 0 if stream else had) if self.num_workers else map(self.fetch(), todo)
        batches = takewhile(lambda batch: not isinstance(batch, Ended), made)
        if stream:
            deque(islice(batches, had), maxlen=0)
        if had:
            default_generator.set_state(default)
        for batch in batches:
            self.yielded += 1
            yield batch
        self.yielded, self.began = 0, []

    def begin(self) -> tuple[int, int]:
        """The seed of a pass, and how many of its batches were had before, in a run that ended in it."""
        streams, resumed = self.generators(), self.resumed
        if resumed is not None:
            for each, state in zip(streams, resumed["generators"], strict=True):
                each.set_state(state)
        self.yielded = 0 if resumed is None else resumed["yielded"]
        self.began, self.resumed = [each.get_state() for each in streams], None
        return int(randint(2**63 - 1, (), generator=self.generator)), self.yielded

    def in_turn(self, todo: Iterator[Task], seed: int, turn: int) -> Iterator[Any]:
        """What the workers make, in the order of the tasks from `turn` on; in that of arrival unless `in_order`."""
        crew = self.workers(seed)
        sweep = crew.begin()
        arrived: dict[int, Any] = {}
        try:
            for task in islice(todo, self.num_workers * (self.prefetch_factor or 1)):
                crew.ask(task)
            while crew.busy or arrived:
                while turn not in arrived and (self.in_order or not arrived):
                    number, batch = crew.receive(sweep, self.timeout)
                    arrived[number] = batch
                batch = arrived.pop(turn if self.in_order else next(iter(arrived)))
                turn += 1
                for task in islice(todo, 1):  # before the batch is used: it will be made meanwhile
                    crew.ask(task)
                if isinstance(batch, Failure):
                    raise batch.raised()
                if not isinstance(batch, Ended):
                    yield batch
        finally:
            self.dismiss(crew)

    def fetch(self) -> Fetch:
        """How a batch is made, in this process or in another."""
        return Fetch(self.dataset, self.collate_fn, self.batch_sampler is not None, self.drop_last)

    def workers(self, seed: int) -> Crew:
        """New worker processes, or those that were kept."""
        if self.crew is not None and not self.crew.closed:
            return self.crew
        context = self.multiprocessing_context
        if context is None or isinstance(context, str):
            context = multiprocessing.get_context(context)
        crew = Crew(context, self.num_workers, self.fetch(), seed, self.worker_init_fn)
        if self.persistent_workers:
            self.crew = crew
            weakref.finalize(self, crew.close)
        return crew

    def dismiss(self, crew: Crew) -> None:
        """The end of a pass: the workers go, unless they are to stay and nothing went wrong."""
        if crew is not self.crew or crew.broken:
            crew.close()

    def generators(self) -> list[Generator]:
        """The generators that decide over the order of a pass: the default one, and any of one's own."""
        holders = (self, self.sampler, self.batch_sampler, getattr(self.batch_sampler, "sampler", None))
        found = [getattr(each, "generator", None) for each in holders]
        return list(dict.fromkeys([default_generator, *[g for g in found if isinstance(g, Generator)]]))

    def state_dict(self) -> dict[str, Any]:
        """Where the latest pass stands: how many batches it has given, and what decides over the others.

        A loader that has loaded it continues there, without making the batches before. This is exact if the
        sampler draws from a generator of its own, or when a pass begins, as all of `torch.utils.data` do.
        """
        if self.resumed is not None:
            return self.resumed
        states = self.began if self.yielded else [each.get_state() for each in self.generators()]
        return {"yielded": self.yielded, "generators": states}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Let the next pass continue where `state_dict` was called. Raises ValueError for another loader's."""
        own = self.generators()
        if len(own) != len(state_dict["generators"]):
            raise ValueError(
                f"the state is that of a loader with {len(state_dict['generators']) - 1} generators of its own, "
                f"this one has {len(own) - 1}"
            )
        self.resumed = state_dict if state_dict["yielded"] else None
        for generator, state in zip(own[1:], state_dict["generators"][1:], strict=True):
            generator.set_state(state)

    def __len__(self) -> int:
        if isinstance(self.dataset, IterableDataset):
            return self.stream_length()
        return len(self.sampler if self.batch_sampler is None else self.batch_sampler)

    def stream_length(self) -> int:
        """How many batches a stream that knows its length gives. Raises TypeError for one that does not."""
        samples = len(self.dataset)  # type: ignore[arg-type]
        if self.batch_size is None:
            return samples
        return samples // self.batch_size if self.drop_last else -(-samples // self.batch_size)


def check_workers(workers: int, timeout: float, prefetch: int | None, persistent: bool, context: Any) -> None:
    """Refuse what cannot be asked of worker processes."""
    if workers < 0:
        raise ValueError(f"num_workers={workers}: it is a number of processes, and 0 means none")
    if timeout < 0:
        raise ValueError(f"timeout option should be non-negative, and it is {timeout} seconds")
    if prefetch is not None and prefetch < 1:
        raise ValueError(f"prefetch_factor={prefetch}: each worker makes at least one batch ahead")
    given = {"prefetch_factor": prefetch is not None, "persistent_workers": persistent}
    given |= {"multiprocessing_context": context is not None, "timeout": timeout > 0}
    for name in [name for name, is_given in given.items() if is_given and not workers]:
        raise ValueError(f"{name} is a matter of worker processes: it needs num_workers > 0")
    methods = multiprocessing.get_all_start_methods()
    if isinstance(context, str) and context not in methods:
        raise ValueError(f"multiprocessing_context={context!r} is none of this system's {methods}")


def check_order(
    dataset: Any, batch_size: int | None, shuffle: Any, sampler: Any, batch_sampler: Any, drop_last: bool
) -> None:
    """Refuse two answers to the question in which order, and in which groups, samples come."""
    if isinstance(dataset, IterableDataset) and (shuffle or sampler is not None or batch_sampler is not None):
        raise ValueError(
            "a stream has one order: no shuffle, sampler or batch_sampler for an IterableDataset"
        )
    if sampler is not None and shuffle:
        raise ValueError("sampler option is mutually exclusive with shuffle")
    if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
        raise ValueError(
            "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last"
        )
    if batch_sampler is None and batch_size is None and drop_last:
        raise ValueError("batch_size=None gives single samples, so there is no batch to drop")
