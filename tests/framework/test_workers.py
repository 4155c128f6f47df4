"""Worker processes of a DataLoader: order, seeds, death, and that none is left behind."""

import itertools
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from pathlib import Path

import pytest

import tinytorch as tt
from tinytorch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    get_worker_info,
)

ROWS = TensorDataset(tt.arange(46).reshape(23, 2).float(), tt.arange(23))
pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals and forks are those of POSIX")


class Whole(Dataset):
    """Twelve numbers."""

    def __getitem__(self, index):
        return index

    def __len__(self):
        return 12


class Drawn(Whole):
    """Numbers with noise from the default stream."""

    def __getitem__(self, index):
        return index + tt.rand(1).item()


class Who(Whole):
    """Which process made a sample, and what it knows of itself."""

    def __getitem__(self, index):
        info = get_worker_info()
        return os.getpid(), info.id, info.num_workers, info.seed, len(info.dataset)


class Hindered(Whole):
    """A sample where something happens."""

    def __init__(self, hindrance, at=5):
        self.hindrance = hindrance
        self.at = at

    def __getitem__(self, index):
        if index == self.at:
            self.hindrance()
        return index


class Picky(Exception):
    """An exception that takes two arguments."""

    def __init__(self, first, second):
        super().__init__(first)


class Shards(IterableDataset):
    """A stream of which each worker gives its share, in unequal parts."""

    def __init__(self, n=11, shared=True):
        self.n, self.shared = n, shared

    def __iter__(self):
        info = get_worker_info()
        if info is None or not self.shared:
            return iter(range(self.n))
        first = self.n // 3  # the first worker has fewer
        return iter(range(first) if info.id == 0 else range(first, self.n))


def kill_this():
    os.kill(os.getpid(), signal.SIGKILL)


def leave():
    os._exit(3)


def go_wrong():
    raise KeyError("sample five is spoiled")


def go_wrong_in_two_words():
    raise Picky("a", "b")


def go_wrong_where_nobody_finds_it():
    class Local(Exception):
        pass

    raise Local("hidden")


def sleep_long():
    time.sleep(60)


def values(loader):
    return [batch.tolist() for batch in loader]


def alive(pid):
    """Whether a process runs (one that has ended and waits to be noticed does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def gone(pids, within=10.0):
    until = time.monotonic() + within
    while any(map(alive, pids)) and time.monotonic() < until:
        time.sleep(0.02)
    return not any(map(alive, pids))


# order and content


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_batches_are_the_same_with_any_number_of_workers(workers):
    def passes(n):
        tt.manual_seed(3)
        loader = DataLoader(ROWS, 4, shuffle=True, num_workers=n)
        return [[[part.tolist() for part in batch] for batch in loader] for _ in range(2)], tt.rand(1).item()

    assert passes(workers) == passes(0)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_what_a_dataset_draws_is_the_same_with_any_number_of_workers(workers):
    def passes(n):
        g = tt.Generator().manual_seed(3)
        loader = DataLoader(Drawn(), 2, num_workers=n, generator=g)
        return values(loader), values(loader)

    first, second = passes(workers)
    assert (first, second) == passes(0)
    noise = [number % 1 for batch in (*first, *second) for number in batch]
    assert len(set(noise)) == len(noise)  # no two batches, nor two passes, share a stream


def test_what_a_dataset_draws_leaves_the_stream_of_the_program_alone():
    tt.manual_seed(0)
    list(DataLoader(Drawn(), 2))
    drawn = tt.rand(1).item()
    tt.manual_seed(0)
    list(DataLoader(Whole(), 2))
    assert tt.rand(1).item() == drawn


def test_each_worker_knows_who_it_is_and_the_training_process_is_none():
    assert get_worker_info() is None
    rows = list(DataLoader(Who(), batch_size=None, num_workers=3))
    pids, ids, counts, seeds, sizes = zip(*rows, strict=True)
    assert ids == (0, 1, 2) * 4 and set(counts) == {3} and set(sizes) == {12}
    assert len(set(pids)) == 3 and os.getpid() not in pids
    assert [seed - seeds[0] for seed in seeds] == list(ids)


def test_a_slow_worker_does_not_keep_the_others_from_their_work(tmp_path):
    class Slow(Whole):
        def __getitem__(self, index):
            (tmp_path / f"{index}").touch()
            until = time.monotonic() + 20
            while index == 0 and not all((tmp_path / name).exists() for name in ("1", "3", "5")):
                assert time.monotonic() < until, "the others have not worked ahead"
                time.sleep(0.01)
            return index

    assert values(DataLoader(Slow(), 1, num_workers=2, prefetch_factor=3)) == [[i] for i in range(12)]


def test_out_of_order_everything_comes_once_and_the_slowest_last():
    def wait():
        time.sleep(1)

    loader = DataLoader(Hindered(wait, at=0), 2, num_workers=2, in_order=False)
    batches = values(loader)
    assert sorted(batches) == [[i, i + 1] for i in range(0, 12, 2)] and batches[0] != [0, 1]


def test_batches_larger_than_a_pipe_come_whole_and_may_be_written_to():
    rows = TensorDataset(tt.arange(6 * 300_000).reshape(6, 300_000))
    for i, (batch,) in enumerate(DataLoader(rows, 2, num_workers=2)):
        assert batch.shape == (2, 300_000) and batch[0, 0].item() == 600_000 * i
        batch += 1


def test_long_lists_of_numbers_and_large_batches_do_not_wait_for_each_other():
    rows = TensorDataset(tt.arange(90_000))
    loader = DataLoader(rows, batch_size=30_000, shuffle=True, num_workers=1, prefetch_factor=4)
    assert sorted(i for (batch,) in loader for i in batch.tolist()) == list(range(90_000))


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_workers_may_be_started_afresh(method):
    tt.manual_seed(1)
    got = values(DataLoader(Drawn(), 3, num_workers=2, multiprocessing_context=method))
    tt.manual_seed(1)
    assert got == values(DataLoader(Drawn(), 3))


def test_no_samples_are_no_batches():
    assert list(DataLoader([], num_workers=2)) == []


# preparation


def test_workers_are_prepared_when_they_have_been_seeded():
    seen = []

    class Prepared(Whole):
        def __getitem__(self, index):
            return (*seen[0], get_worker_info().seed)

    def prepare(worker):
        import random

        import numpy as np

        seen.append((worker, tt.initial_seed(), random.random(), float(np.random.random())))

    rows = list(DataLoader(Prepared(), batch_size=None, num_workers=2, worker_init_fn=prepare))
    assert [row[0] for row in rows] == [0, 1] * 6
    assert all(row[1] == row[4] for row in rows)
    assert len({row[2] for row in rows}) == len({row[3] for row in rows}) == 2 and seen == []


def test_a_preparation_that_fails_is_reported_in_the_place_of_the_first_batch():
    def prepare(worker):
        raise ValueError("no licence")

    with pytest.raises(ValueError, match=r"(?s)Caught ValueError in DataLoader worker process 0.*no licence"):
        next(iter(DataLoader(Whole(), num_workers=2, worker_init_fn=prepare)))


# streams


def test_a_stream_comes_from_each_worker_in_turn_until_all_have_ended():
    got = values(DataLoader(Shards(), 2, num_workers=2))
    assert got == [[0, 1], [3, 4], [2], [5, 6], [7, 8], [9, 10]]
    assert values(DataLoader(Shards(), 2, num_workers=2, drop_last=True)) == [[0, 1], *got[1:2], *got[3:]]
    assert list(DataLoader(Shards(), None, num_workers=2)) == [0, 3, 1, 4, 2, 5, 6, 7, 8, 9, 10]
    assert values(DataLoader(Shards(0), 2, num_workers=2)) == []


def test_a_stream_that_does_not_ask_who_it_is_comes_from_every_worker():
    got = Counter(itertools.chain(*values(DataLoader(Shards(5, shared=False), 2, num_workers=3))))
    assert got == dict.fromkeys(range(5), 3)


# failure


@pytest.mark.parametrize(
    ("hindrance", "kind", "words"),
    [
        (go_wrong, KeyError, "sample five is spoiled"),
        (go_wrong_in_two_words, RuntimeError, r"Picky\(\"a\", \"b\"\)"),
        (go_wrong_where_nobody_finds_it, RuntimeError, "Local: hidden"),
    ],
)
def test_an_exception_comes_with_its_traceback_in_the_place_of_its_batch(hindrance, kind, words):
    got = []
    batches = map(tt.Tensor.tolist, DataLoader(Hindered(hindrance), 2, num_workers=2))
    with pytest.raises(kind, match=words) as caught:
        got.extend(batches)
    assert got == [[0, 1], [2, 3]]
    assert "in DataLoader worker process 0" in str(caught.value)
    assert hindrance.__name__ in str(caught.value) and Path(__file__).name in str(caught.value)


def test_a_sample_that_cannot_be_sent_is_an_error_of_its_batch():
    class Functions(Whole):
        def __getitem__(self, index):
            return lambda: index

    with pytest.raises(AttributeError, match="Can't pickle"):
        list(DataLoader(Functions(), batch_size=None, num_workers=1))


@pytest.mark.parametrize(
    ("hindrance", "words"), [(kill_this, r"was killed by signal 9 \(Killed\)"), (leave, "exit code 3")]
)
def test_a_dead_worker_is_reported_at_once_with_its_batch(hindrance, words):
    loader, start = DataLoader(Hindered(hindrance), 1, num_workers=2), time.monotonic()
    with pytest.raises(
        RuntimeError, match=rf"worker 1 \(pid \d+\) exited unexpectedly: it .*{words}.* owed batch [35]"
    ):
        list(loader)  # 5, or 3 where it dies with that batch still in its hands
    assert time.monotonic() - start < 5


def test_a_dead_worker_is_reported_though_another_keeps_everybody_waiting():
    class Both(Whole):
        def __getitem__(self, index):
            return sleep_long() if index == 0 else kill_this()

    start = time.monotonic()
    with pytest.raises(RuntimeError, match=r"worker 1 .*killed"):
        next(iter(DataLoader(Both(), num_workers=2)))
    assert time.monotonic() - start < 4  # the sleeper gets no time to finish


def test_whoever_takes_too_long_is_named():
    loader = DataLoader(Hindered(sleep_long, at=1), 1, num_workers=2, timeout=0.5)
    with pytest.raises(RuntimeError, match=r"timed out after 0.5 seconds: worker 1 \(pid \d+\) .* batch 1"):
        list(loader)


# workers that stay


def test_workers_that_stay_serve_every_pass_and_end_with_the_loader():
    loader = DataLoader(Who(), batch_size=None, num_workers=2, persistent_workers=True)
    pids = {row[0] for row in loader}
    next(iter(loader))  # a pass that is left early
    assert {row[0] for row in loader} == pids and len(pids) == 2
    del loader
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)  # ended, and noticed


def test_passes_of_workers_that_stay_are_like_those_of_others():
    def passes(**options):
        loader = DataLoader(Drawn(), 2, generator=tt.Generator().manual_seed(3), **options)
        first = iter(loader)
        return next(first).tolist(), values(loader), values(loader)

    assert passes(num_workers=2, persistent_workers=True) == passes()


def test_streams_of_workers_that_stay_begin_anew():
    loader = DataLoader(Shards(), 2, num_workers=2, persistent_workers=True)
    assert values(loader) == values(loader) == values(DataLoader(Shards(), 2, num_workers=2))


def test_a_pass_that_has_lost_its_workers_to_another_says_so():
    loader = DataLoader(Whole(), 1, num_workers=1, persistent_workers=True)
    first, second = iter(loader), iter(loader)
    assert next(first).item() == next(second).item() == 0
    with pytest.raises(RuntimeError, match="another pass over this DataLoader has begun"):
        list(first)


def test_after_a_death_the_next_pass_has_new_workers(tmp_path):
    def once():
        if not (tmp_path / "done").exists():
            (tmp_path / "done").touch()
            kill_this()

    loader = DataLoader(Hindered(once), 2, num_workers=2, persistent_workers=True)
    with pytest.raises(RuntimeError, match="killed"):
        list(loader)
    assert values(loader) == [[i, i + 1] for i in range(0, 12, 2)]


# nothing is left behind


def pids_of(batch):
    return set(batch[0].tolist())


def test_a_pass_that_ends_or_is_left_leaves_no_process():
    loader = DataLoader(Who(), 1, num_workers=2)
    pids = set().union(*map(pids_of, loader))
    assert len(pids) == 2 and not any(map(alive, pids))
    for batch in loader:
        pids = pids_of(batch)
        break
    assert gone(pids)
    iterator = iter(loader)
    pids = pids_of(next(iterator)) | pids_of(next(iterator))
    assert all(map(alive, pids))
    del iterator
    assert gone(pids)


PROGRAM = """
    import os, sys, time
    from tinytorch.utils.data import DataLoader, Dataset

    class Slow(Dataset):
        def __getitem__(self, index):
            if index > 3:
                time.sleep({slow} or 0.01)
            return os.getpid()

        def __len__(self):
            return 1000

    iterator = iter(DataLoader(Slow(), batch_size=None, num_workers=2))
    print(next(iterator), next(iterator), flush=True)
    {then}
"""


def started(slow, then):
    code = textwrap.dedent(PROGRAM).format(slow=slow, then=then)
    command = [sys.executable, "-c", code]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, start_new_session=True)
    return process, [int(word) for word in process.stdout.readline().split()]


@pytest.mark.parametrize("slow", [0, 30])
def test_after_ctrl_c_no_process_is_left_and_only_the_program_speaks(slow):
    process, pids = started(slow, "for _ in iterator: time.sleep(0.01)")
    assert len(pids) == 2 and all(map(alive, pids))
    os.killpg(process.pid, signal.SIGINT)  # what a terminal does
    _, errors = process.communicate(timeout=30)
    assert gone(pids) and process.returncode == -signal.SIGINT
    assert errors.count("Traceback") == 1 and errors.rstrip().endswith("KeyboardInterrupt")


def test_when_the_program_is_killed_its_workers_end():
    process, pids = started(0, "time.sleep(60)")
    process.kill()
    process.communicate()
    assert gone(pids)


def test_workers_end_though_a_busy_one_of_another_loader_holds_their_pipes():
    busy = (
        "Slow.__getitem__ = lambda self, index: time.sleep(8); next(iter(DataLoader(Slow(), num_workers=1)))"
    )
    process, pids = started(0, busy)
    time.sleep(1)
    process.kill()
    process.wait()
    process.stdout.close(), process.stderr.close()  # the busy one has them open until it wakes
    assert gone(pids, within=4)


@pytest.mark.parametrize("slow", [0, 30])
def test_a_program_that_ends_with_an_open_iterator_ends_silently(slow):
    process, pids = started(slow, "sys.exit(0)")
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "") and gone(pids)


# resuming


def sampler(kind, generator):
    return {
        "shuffled": lambda: {"batch_size": 4, "shuffle": True},
        "own": lambda: {"batch_size": 4, "shuffle": True, "generator": generator},
        "many": lambda: {
            "batch_size": 4,
            "sampler": RandomSampler(ROWS, num_samples=40, generator=generator),
        },
        "subset": lambda: {"batch_size": 4, "sampler": SubsetRandomSampler(range(20))},
        "weighted": lambda: {"batch_sampler": BatchSampler(WeightedRandomSampler([1.0] * 23, 23), 4, True)},
        "single": lambda: {"batch_size": None, "shuffle": True},
    }[kind]()


class Noisy(Dataset):
    """Rows with noise."""

    def __getitem__(self, index):
        return index, tt.rand(1).item()

    def __len__(self):
        return 23


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("kind", ["shuffled", "own", "many", "subset", "weighted", "single"])
def test_a_loader_continues_in_the_middle_of_a_pass(kind, workers):
    def run(passes, stop=None, state=None, stream=None):
        tt.manual_seed(7)
        loader = DataLoader(Noisy(), num_workers=workers, **sampler(kind, tt.Generator().manual_seed(8)))
        if state is not None:
            loader.load_state_dict(state)
            tt.set_rng_state(stream)
        got = []
        for _ in range(passes):
            for batch in loader:
                got.append((repr(batch), tt.rand(1).item()))  # the program draws between batches
                if len(got) == stop:
                    return got, loader.state_dict(), tt.get_rng_state()
        return got, loader.state_dict(), tt.get_rng_state()

    whole, *end = run(2)
    n = len(whole) // 2
    assert repr(run(1, None, *end)[0]) == repr(run(3)[0][2 * n :])
    for stop, passes in ((1, 2), (n - 1, 2), (n, 2), (n + 2, 1), (2 * n, 1)):
        had, *place = run(2, stop)
        left, *there = run(passes, None, *place)
        assert had + left == whole and repr(there) == repr(end)


def test_a_stream_continues_in_the_middle():
    for workers in (0, 2):
        loader = DataLoader(Shards(), 2, num_workers=workers)
        got = []
        for batch in loader:
            got.append(batch.tolist())
            if len(got) == 3:
                break
        other = DataLoader(Shards(), 2, num_workers=workers)
        other.load_state_dict(loader.state_dict())
        assert got + values(other) == values(other)


def test_the_batches_before_are_not_made_again():
    loader = DataLoader(Whole(), 1)
    iterator = iter(loader)
    for _ in range(6):
        next(iterator)
    other = DataLoader(Hindered(go_wrong), 1)
    other.load_state_dict(loader.state_dict())
    assert values(other) == [[i] for i in range(6, 12)]


def test_the_state_of_a_loader_with_other_generators_is_refused():
    state = DataLoader(ROWS, shuffle=True, generator=tt.Generator()).state_dict()
    with pytest.raises(ValueError, match="1 generators of its own, this one has 0"):
        DataLoader(ROWS).load_state_dict(state)
