"""Datasets, samplers, collate and the loader, against plain Python."""

from collections import Counter, namedtuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinytorch as tt
from tinytorch.utils.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
    random_split,
)

ROWS = TensorDataset(tt.arange(20).reshape(10, 2).float(), tt.arange(10))


class Squares(Dataset):
    """Samples that are computed."""

    def __getitem__(self, index):
        return index * index

    def __len__(self):
        return 7


class Doubled(TensorDataset):
    """A TensorDataset that changes its samples."""

    def __getitem__(self, index):
        x, y = super().__getitem__(index)
        return x * 2, y


class Count(IterableDataset):
    """A stream."""

    def __iter__(self):
        return iter(range(5))


class CountWithLength(Count):
    """A stream that knows how long it is."""

    def __len__(self):
        return 5


def stream(seed=0):
    return tt.Generator().manual_seed(seed)


def lists(batches):
    return [[part.tolist() for part in batch] for batch in batches]


# datasets


def test_a_tensor_dataset_gives_a_row_of_each_tensor():
    x, y = ROWS[3]
    assert x.tolist() == [6.0, 7.0] and y.item() == 3 and len(ROWS) == 10


def test_tensors_of_different_lengths_are_no_dataset():
    with pytest.raises(AssertionError, match=r"\(2,\).*\(3,\)"):
        TensorDataset(tt.ones(2), tt.ones(3))


def test_datasets_can_be_chained_and_indexed_from_the_end():
    both = Squares() + Subset(Squares(), [5, 1])
    assert isinstance(both, ConcatDataset)
    assert [both[i] for i in range(len(both))] == [0, 1, 4, 9, 16, 25, 36, 25, 1]
    assert both[-1] == 1 and both[-9] == 0
    with pytest.raises(ValueError, match="out of range for 9"):
        both[9]


@given(st.integers(1, 60), st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_a_random_split_covers_everything_once(n, shares):
    fractions = [share / sum(shares) for share in shares]
    parts = random_split(range(n), fractions, generator=stream())
    assert sorted(i for part in parts for i in part) == list(range(n))
    assert all(abs(len(p) - n * f) <= len(fractions) for p, f in zip(parts, fractions, strict=True))


def test_a_random_split_by_lengths():
    parts = random_split(Squares(), [4, 3], generator=stream(1))
    assert [len(part) for part in parts] == [4, 3]
    again = random_split(Squares(), [4, 3], generator=stream(1))
    assert [part.indices for part in parts] == [part.indices for part in again]
    with pytest.raises(ValueError, match="do not add up to the 7"):
        random_split(Squares(), [4, 4])


def test_a_dataset_may_say_what_its_samples_are():
    class Typed(Dataset[int]):
        def __getitem__(self, index):
            return index

    assert Typed()[3] == 3


# samplers


def test_sequential_is_in_order_and_random_is_a_permutation():
    assert list(SequentialSampler("abc")) == [0, 1, 2]
    order = list(RandomSampler(range(50), generator=stream()))
    assert sorted(order) == list(range(50)) and order != list(range(50))


def test_each_pass_has_a_new_order_and_a_seed_brings_it_back():
    sampler = RandomSampler(range(50), generator=stream())
    first, second = list(sampler), list(sampler)
    assert first != second
    assert list(RandomSampler(range(50), generator=stream())) == first


def test_a_pass_takes_as_much_of_the_default_stream_for_many_samples_as_for_few():
    after = []
    for n in (3, 3000):
        tt.manual_seed(0)
        list(RandomSampler(range(n)))
        after.append(tt.rand(1).item())
    assert after[0] == after[1]


def test_a_sampler_with_its_own_generator_leaves_the_default_one_alone():
    tt.manual_seed(0)
    wanted = tt.rand(1).item()
    tt.manual_seed(0)
    list(RandomSampler(range(9), generator=stream()))
    assert tt.rand(1).item() == wanted


def test_num_samples_cuts_or_repeats_permutations():
    assert len(set(RandomSampler(range(9), num_samples=4, generator=stream()))) == 4
    long = list(RandomSampler(range(3), num_samples=7, generator=stream()))
    assert sorted(long[:3]) == sorted(long[3:6]) == [0, 1, 2] and len(long) == 7
    drawn = Counter(RandomSampler(range(3), replacement=True, num_samples=300, generator=stream()))
    assert set(drawn) == {0, 1, 2} and min(drawn.values()) > 70
    assert list(RandomSampler([], generator=stream())) == []


def test_subset_and_weighted_samplers():
    assert sorted(SubsetRandomSampler([4, 8, 15], generator=stream())) == [4, 8, 15]
    assert set(WeightedRandomSampler([0.0, 1.0, 0.0], 5, generator=stream())) == {1}
    assert sorted(WeightedRandomSampler([1, 2, 3], 3, replacement=False, generator=stream())) == [0, 1, 2]


@given(st.integers(0, 40), st.integers(1, 9), st.booleans())
def test_batches_are_slices_of_the_order(n, size, drop_last):
    sampler = BatchSampler(range(n), size, drop_last)
    wanted = [list(range(i, min(i + size, n))) for i in range(0, n, size)]
    if drop_last:
        wanted = [batch for batch in wanted if len(batch) == size]
    batches = list(sampler)
    assert batches == wanted and len(sampler) == len(wanted)
    assert len({id(batch) for batch in batches}) == len(batches)


# collate


def test_collate_keeps_dtypes_and_makes_floats_float64():
    x, y, i, b = default_collate([(tt.ones(2).half(), 0.5, 1, True), (tt.zeros(2).half(), 1.5, 2, False)])
    assert (x.dtype, y.dtype, i.dtype, b.dtype) == (tt.float16, tt.float64, tt.int64, tt.bool)
    assert x.tolist() == [[1.0, 1.0], [0.0, 0.0]] and y.tolist() == [0.5, 1.5]


def test_collate_keeps_strings_dictionaries_and_named_tuples():
    pair = namedtuple("pair", "image name")
    batch = default_collate([{"p": pair(np.float32(1), "a")}, {"p": pair(np.float32(2), "b")}])
    assert type(batch["p"]) is pair
    assert batch["p"].image.dtype is tt.float32 and tuple(batch["p"].name) == ("a", "b")


def test_collate_copies_arrays():
    a = np.zeros(2)
    batch = default_collate([a, a])
    batch[0, 0] = 1
    assert a[0] == 0 and batch.shape == (2, 2)


def test_collate_refuses_what_does_not_fit():
    with pytest.raises(RuntimeError, match="equal size"):
        default_collate([[1], [1, 2]])
    with pytest.raises(TypeError, match="object"):
        default_collate([object()])


# the loader


def test_batches_come_in_order_and_the_last_is_shorter():
    loader = DataLoader(ROWS, batch_size=4)
    assert [y.tolist() for _, y in loader] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert len(loader) == 3
    assert [len(y) for _, y in DataLoader(ROWS, 4, drop_last=True)] == [4, 4]


@pytest.mark.parametrize("make", [lambda: ROWS, lambda: Subset(Subset(ROWS, range(1, 9)), [5, 0, -1, 3, 2])])
def test_whole_batches_equal_collated_samples(make):
    fast = DataLoader(make(), 3, shuffle=True, generator=stream())
    slow = DataLoader(make(), 3, shuffle=True, generator=stream(), collate_fn=lambda b: default_collate(b))
    for quick, collated in zip(fast, slow, strict=True):
        assert type(quick) is type(collated) is list
        assert [part.dtype for part in quick] == [part.dtype for part in collated]
        assert lists([quick]) == lists([collated])


def test_whole_batches_count_negative_numbers_from_the_end_and_refuse_others():
    (batch,) = DataLoader(ROWS, batch_sampler=[[-1, 0]])
    assert batch[1].tolist() == [9, 0]
    with pytest.raises(IndexError, match="10"):
        list(DataLoader(ROWS, batch_sampler=[[10]]))


def test_a_batch_is_no_view_of_the_dataset():
    data = TensorDataset(tt.zeros(4))
    (batch,) = next(iter(DataLoader(data, batch_size=4)))
    batch += 1
    assert data.tensors[0].tolist() == [0.0] * 4


def test_a_subclass_that_changes_its_samples_is_asked_for_each():
    (x, _), *_ = DataLoader(Doubled(*ROWS.tensors), batch_size=2)
    assert x.tolist() == [[0.0, 2.0], [4.0, 6.0]]
    (x, _), *_ = DataLoader(Subset(Doubled(*ROWS.tensors), [1]), batch_size=2)
    assert x.tolist() == [[4.0, 6.0]]


def test_shuffled_passes_differ_and_a_generator_brings_them_back():
    def passes():
        loader = DataLoader(ROWS, 5, shuffle=True, generator=stream(3))
        return lists(loader), lists(loader)

    first, second = passes()
    assert first != second
    assert passes() == (first, second)


def test_without_batches_samples_come_as_they_are():
    assert list(DataLoader(Squares(), batch_size=None)) == [0, 1, 4, 9, 16, 25, 36]


def test_a_stream_is_batched_in_its_order():
    assert [b.tolist() for b in DataLoader(Count(), 2)] == [[0, 1], [2, 3], [4]]
    assert [b.tolist() for b in DataLoader(Count(), 2, drop_last=True)] == [[0, 1], [2, 3]]
    assert len(DataLoader(CountWithLength(), 2)) == 3
    with pytest.raises(TypeError):
        len(DataLoader(Count(), 2))


def test_contradictions_are_refused():
    with pytest.raises(ValueError, match=r"num_workers=2 .* must be 0"):
        DataLoader(ROWS, num_workers=2)
    with pytest.raises(ValueError, match="mutually exclusive"):
        DataLoader(ROWS, sampler=range(3), shuffle=True)
    with pytest.raises(ValueError, match="mutually exclusive"):
        DataLoader(ROWS, batch_size=2, batch_sampler=[[0]])
    with pytest.raises(ValueError, match="one order"):
        DataLoader(Count(), shuffle=True)
    with pytest.raises(ValueError, match="no batch to drop"):
        DataLoader(ROWS, batch_size=None, drop_last=True)
    with pytest.raises(ValueError, match="batch_size=0"):
        DataLoader(ROWS, batch_size=0)
