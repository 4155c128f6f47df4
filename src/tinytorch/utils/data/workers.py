"""Worker processes: they make batches beside the process that trains.

Each worker hangs on a pipe of its own, so that one that is killed in the middle of a word spoils nobody
else's. Batches cross it as pickled bytes: 64 images of 3 x 32 x 32 floats take about a millisecond. Shared
memory would take a tenth of that, and stay behind, under a name, when the training process is killed.
"""

from __future__ import annotations

import os
import pickle
import random
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection, wait
from queue import SimpleQueue
from typing import Any

import numpy as np

from tinytorch.random import manual_seed, seeded
from tinytorch.utils.data.collate import default_collate
from tinytorch.utils.data.dataset import IterableDataset, gives_batches, samples

GRACE = 5.0  # seconds that a worker gets to finish a sample before it is terminated
WATCH = 1.0  # seconds between two looks at whether the parent is still there
SPREAD = 0x9E3779B97F4A7C15  # an odd number with its bits well mixed: seeds of neighbours lie far apart


@dataclass(frozen=True)
class WorkerInfo:
    """Which worker this process is (`torch.utils.data.get_worker_info`)."""

    id: int  # from 0 to num_workers - 1
    num_workers: int
    seed: int  # of this worker: the loader's own plus id
    dataset: Any  # the copy that this worker has


class Here:
    """What a process knows of itself."""

    info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """Which worker of which loader this process is; None in a process that is no worker."""
    return Here.info


@dataclass(frozen=True)
class Task:
    """One batch to make."""

    number: int  # which batch of the pass it is
    seed: int
    indices: Any


class Ended:
    """Stands in the place of a batch that a stream has no more samples for."""


class Fetch:
    """Makes batches from the numbers of their samples; from a stream, from how many there are."""

    def __init__(self, dataset: Any, collate: Callable[[Any], Any], batched: bool, drop_last: bool) -> None:
        self.dataset = dataset
        self.collate = collate
        self.batched = batched
        self.drop_last = drop_last
        self.stream: Iterator[Any] | None = None  # begun with the first batch of a pass

    def __call__(self, task: Task) -> Any:
        """The batch, or Ended. What it draws at random depends on the task's seed and on nothing else."""
        with seeded(task.seed):
            if isinstance(self.dataset, IterableDataset):
                return self.next_of_stream(task)
            if self.batched and self.collate is default_collate and gives_batches(self.dataset):
                return self.dataset.batch(task.indices)  # the same rows in far fewer steps
            found = samples(self.dataset, task.indices) if self.batched else self.dataset[task.indices]
            return self.collate(found)

    def next_of_stream(self, task: Task) -> Any:
        """The next samples of the stream."""
        if self.stream is None:
            self.stream = iter(self.dataset)
        found = list(islice(self.stream, len(task.indices) if self.batched else 1))
        if not found or (self.batched and self.drop_last and len(found) < len(task.indices)):
            return Ended()
        return self.collate(found if self.batched else found[0])


def seed_of_batch(seed: int, number: int) -> int:
    """The seed of one batch of a pass: the same whoever makes it, and whatever was made before."""
    return (seed + (number + 1) * SPREAD) % 2**64


@dataclass(frozen=True)
class Failure:
    """An exception on its way to the process that trains."""

    kind: type[Exception]
    text: str

    def raised(self) -> Exception:
        """The same kind of exception, with the worker's traceback as its message."""
        try:
            return self.kind(self.text)
        except Exception:  # a kind that takes other arguments
            return RuntimeError(self.text)


def failure(error: Exception, worker: int) -> bytes:
    """An exception as bytes, with its traceback."""
    text = f"Caught {type(error).__name__} in DataLoader worker process {worker}.\nOriginal {traceback.format_exc()}"
    try:
        return pickle.dumps(Failure(type(error), text))
    except Exception:  # a class that pickle cannot find again
        return pickle.dumps(Failure(RuntimeError, text))


def work(
    pipe: Connection, others: Sequence[Connection], fetch: Fetch, info: WorkerInfo, prepare: Any
) -> None:
    """A worker's life: seeds first, then one batch after the other, until it is told to stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    for each in others:  # a forked process inherits the parent's ends, which would keep the pipes open
        each.close()
    done: SimpleQueue[tuple[int, int, bytes]] = SimpleQueue()
    # Batches are sent by a thread, so that the next is made while the parent is busy and the pipe is full.
    threading.Thread(target=deliver, args=(pipe, done), daemon=True).start()
    Here.info = info
    seed_everything(info)
    unready: bytes | None = None
    try:
        if prepare is not None:
            prepare(info.id)
    except Exception as error:
        unready = failure(error, info.id)
    present = -1
    for sweep, task in tasks(pipe):
        if sweep != present:
            present, fetch.stream = sweep, None
        done.put((sweep, task.number, unready or attempt(fetch, task, info.id)))


def seed_everything(info: WorkerInfo) -> None:
    """Start the default stream, Python's and NumPy's from this worker's seed."""
    manual_seed(info.seed)
    random.seed(info.seed)
    np.random.seed(np.random.SeedSequence(info.seed).generate_state(4))


def tasks(pipe: Connection) -> Iterator[tuple[int, Task]]:
    """What the parent asks for, and for which pass, until it says None or is gone."""
    parent = os.getppid()
    with suppress(EOFError, OSError):
        while os.getppid() == parent:
            if pipe.poll(WATCH):
                asked = pipe.recv()
                if asked is None:
                    return
                yield asked


def attempt(fetch: Fetch, task: Task, worker: int) -> bytes:
    """The batch, or what went wrong, as bytes."""
    try:
        return pickle.dumps(fetch(task), protocol=5)
    except Exception as error:
        return failure(error, worker)


def deliver(pipe: Connection, done: SimpleQueue[tuple[int, int, bytes]]) -> None:
    """Send what is done, until nobody reads any more."""
    with suppress(OSError):
        while True:
            sweep, number, content = done.get()
            pipe.send((sweep, number))
            pipe.send_bytes(content)


class Crew:
    """The workers of one loader, asked in turn."""

    def __init__(self, context: Any, count: int, fetch: Fetch, seed: int, prepare: Any) -> None:
        self.parent = os.getpid()
        self.processes: list[Any] = []
        self.pipes: list[Connection] = []
        self.sweep = -1
        self.turn = 0
        self.closed = self.broken = False
        try:
            for i in range(count):
                self.start(context, fetch, WorkerInfo(i, count, seed + i, fetch.dataset), prepare)
        except BaseException:
            self.close()
            raise

    def start(self, context: Any, fetch: Fetch, info: WorkerInfo, prepare: Any) -> None:
        """One more process."""
        mine, its = context.Pipe()
        self.pipes.append(mine)
        others = self.pipes if context.get_start_method() == "fork" else []
        name = f"DataLoader worker {info.id}"
        process = context.Process(
            target=work, args=(its, others, fetch, info, prepare), name=name, daemon=True
        )
        try:
            process.start()
        finally:
            its.close()  # from now on the pipe ends when the worker does
        self.processes.append(process)

    def begin(self) -> int:
        """A new pass: everybody takes part, and what is still under way belongs to none. Returns its number."""
        self.sweep += 1
        self.turn = 0
        self.at_work: list[set[int]] = [set() for _ in self.pipes]  # the numbers of the batches under way
        self.resting = [False] * len(self.pipes)  # whose stream has ended
        return self.sweep

    @property
    def busy(self) -> bool:
        """Whether somebody is at work for this pass."""
        return any(self.at_work)

    def ask(self, task: Task) -> None:
        """Give a task to the worker whose turn it is. Nobody gets it if all streams have ended."""
        for _ in self.pipes:
            worker, self.turn = self.turn, (self.turn + 1) % len(self.pipes)
            if not self.resting[worker]:
                self.at_work[worker].add(task.number)
                try:
                    self.pipes[worker].send((self.sweep, task))
                except OSError as error:
                    raise self.obituary(worker) from error
                return

    def receive(self, sweep: int, timeout: float) -> tuple[int, Any]:
        """The number and the content of the next batch that is ready, of whichever worker.

        Raises RuntimeError as soon as a worker is dead, and where nothing comes within `timeout` seconds.
        """
        until = time.monotonic() + timeout if timeout else None
        while True:
            if sweep != self.sweep:
                raise RuntimeError(
                    "another pass over this DataLoader has begun: its workers serve that one now"
                )
            left = None if until is None else max(0.0, until - time.monotonic())
            ready = wait([*self.pipes, *[each.sentinel for each in self.processes]], left)
            if not ready:
                self.broken = True
                raise RuntimeError(f"DataLoader timed out after {timeout} seconds: {self.under_way()}")
            for worker, process in enumerate(self.processes):
                if process.sentinel in ready:
                    raise self.obituary(worker)
            worker = next(i for i, pipe in enumerate(self.pipes) if pipe in ready)
            try:
                found = self.message(worker)
            except (EOFError, OSError) as error:
                raise self.obituary(worker) from error
            if found is not None:
                return found

    def message(self, worker: int) -> tuple[int, Any] | None:
        """What a worker has sent; None if it belongs to an earlier pass."""
        sweep, number = self.pipes[worker].recv()
        content = self.pipes[worker].recv_bytes()
        if sweep != self.sweep:
            return None
        self.at_work[worker].discard(number)
        made = pickle.loads(content)
        if isinstance(made, Ended):
            self.resting[worker] = True
        return number, made

    def under_way(self) -> str:
        """Who is at work on what, in words."""
        return ", ".join(
            f"worker {i} (pid {self.processes[i].pid}) is at work on batch {min(numbers)}"
            for i, numbers in enumerate(self.at_work)
            if numbers
        )

    def obituary(self, worker: int) -> RuntimeError:
        """How a worker ended, as an error."""
        self.broken = True
        process = self.processes[worker]
        process.join(GRACE)  # its pipe may end a moment before the process does
        code = process.exitcode
        if code is not None and code < 0:
            how = f"was killed by signal {-code} ({signal.strsignal(-code)})"
        else:
            how = f"ended with exit code {code}"
        with suppress(EOFError, OSError):  # what it still sent belongs to nobody, but tells how far it came
            while self.pipes[worker].poll():
                self.message(worker)
        owed = min(self.at_work[worker], default=None)
        task = "" if owed is None else f" and owed batch {owed}"
        return RuntimeError(
            f"DataLoader worker {worker} (pid {process.pid}) exited unexpectedly: it {how}{task}. "
            "With num_workers=0 the dataset runs in this process, where its own error can be seen"
        )

    def close(self) -> None:
        """End all workers; one that does not listen within the grace period is terminated.

        After a death or a timeout nobody waits: whoever is left is terminated at once.
        """
        if self.closed or os.getpid() != self.parent:
            return
        self.closed = True
        for pipe in self.pipes:
            with suppress(
                OSError, AttributeError
            ):  # where a pipe can be told not to wait for one who does not read
                os.set_blocking(pipe.fileno(), False)
            with suppress(OSError):
                pipe.send(None)
            pipe.close()
        until = time.monotonic() + (0 if self.broken else GRACE)
        for process in self.processes:
            process.join(max(0.0, until - time.monotonic()))
        for end in ("terminate", "kill"):
            late = [each for each in self.processes if each.is_alive()]
            for process in late:
                getattr(process, end)()
            for process in late:
                process.join(1.0)
        for process in self.processes:
            process.close()
