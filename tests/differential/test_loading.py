"""Datasets, samplers and collate against PyTorch, on generated samples."""

from collections import namedtuple

import numpy as np
import pytest
import torch
import torch.utils.data as theirs
from hypothesis import given
from hypothesis import strategies as st

import tinytorch as tt
from tinytorch.utils import data as ours

Pair = namedtuple("Pair", "first second")
NUMBERS = st.one_of(
    st.integers(-(2**40), 2**40), st.floats(-5, 5), st.booleans(), st.text(max_size=3), st.binary(max_size=2)
)
ARRAYS = st.sampled_from(
    [np.float32(1.5), np.ones((2, 0), np.int16), np.arange(6.0).reshape(2, 3).T, np.int8(3), np.bool_(1)]
)
SAMPLES = st.recursive(
    st.one_of(NUMBERS, ARRAYS, ARRAYS.map(lambda a: ("tensor", np.asarray(a)))),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
        st.builds(Pair, inner, inner),
    ),
    max_leaves=6,
)


def made(namespace, sample):
    """The sample with its marked arrays as tensors."""
    if isinstance(sample, tuple) and sample and isinstance(sample[0], str) and sample[0] == "tensor":
        return namespace.from_numpy(sample[1].copy())
    if isinstance(sample, dict):
        return {name: made(namespace, each) for name, each in sample.items()}
    if isinstance(sample, (list, tuple)):
        parts = [made(namespace, each) for each in sample]
        return type(sample)(*parts) if hasattr(sample, "_fields") else type(sample)(parts)
    return sample


def shown(value):
    """A batch in words that both frameworks share."""
    if isinstance(value, (tt.Tensor, torch.Tensor)):
        return "tensor", str(value.dtype).rpartition(".")[2], tuple(value.shape), value.tolist()
    if isinstance(value, dict):
        return {name: shown(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [shown(each) for each in value]
    return type(value).__name__, value.tolist() if isinstance(value, np.ndarray) else value


def outcome(action):
    try:
        return shown(action())
    except Exception as error:
        return type(error).__name__


@given(SAMPLES, st.integers(1, 3))
def test_batches_are_collated_alike(sample, size):
    mine = outcome(lambda: ours.default_collate([made(tt, sample)] * size))
    assert mine == outcome(lambda: theirs.default_collate([made(torch, sample)] * size))


@given(SAMPLES)
def test_samples_are_converted_alike(sample):
    mine = outcome(lambda: ours.default_convert(made(tt, sample)))
    assert mine == outcome(lambda: theirs.default_convert(made(torch, sample)))


@pytest.mark.filterwarnings("ignore:Length of split")
@given(
    st.integers(0, 30),
    st.lists(st.sampled_from([0, 0.1, 0.2, 0.25, 0.3, 0.5, 0.7, 1, 5, 10]), min_size=1, max_size=4),
)
def test_splits_have_the_same_lengths(n, lengths):
    mine = outcome(lambda: [len(part) for part in ours.random_split(range(n), lengths)])
    assert mine == outcome(lambda: [len(part) for part in theirs.random_split(range(n), lengths)])


@given(st.lists(st.integers(0, 4), min_size=1, max_size=4), st.integers(-16, 16))
def test_concatenated_datasets_give_the_same_samples(lengths, index):
    def ask(data):
        parts = [[(i, j) for j in range(n)] for i, n in enumerate(lengths)]
        return list(data.ConcatDataset(parts)[index])

    assert outcome(lambda: ask(ours)) == outcome(lambda: ask(theirs))


@given(
    st.integers(0, 13),
    st.one_of(st.none(), st.integers(0, 5)),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_loaders_give_the_same_batches(n, size, drop_last, stream, named):
    def passed(data):
        class Stream(data.IterableDataset):
            def __iter__(self):
                return iter(range(n))

            def __len__(self):
                return n

        rows = data.StackDataset(a=range(n), b=range(n, 2 * n)) if named else data.StackDataset(range(n))
        loader = data.DataLoader(Stream() if stream else rows, size, drop_last=drop_last)
        return [len(loader), *loader]

    assert outcome(lambda: passed(ours)) == outcome(lambda: passed(theirs))


def test_loaders_have_the_same_arguments():
    import inspect

    mine, its = (inspect.signature(data.DataLoader).parameters for data in (ours, theirs))
    assert [(p.name, p.default, p.kind) for p in mine.values()] == [
        (p.name, p.default, p.kind) for p in its.values()
    ]


@pytest.mark.parametrize("workers", [0, 2])
def test_streams_come_in_the_same_order_from_workers(workers):
    def passed(data):
        class Stream(data.IterableDataset):
            def __iter__(self):
                info = data.get_worker_info()
                return iter(range(11)) if info is None else iter(range(info.id, 11, info.id + 1))

        return [batch.tolist() for batch in data.DataLoader(Stream(), 3, num_workers=workers)]

    assert passed(ours) == passed(theirs)
