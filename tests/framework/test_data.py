"""Datasets, samplers, collate and the loader, against plain Python."""

from collections import Counter, namedtuple
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinytorch as tt
from tinytorch.utils.data import (
    BatchSampler,
    ChainDataset,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    StackDataset,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
    default_convert,
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
    with pytest.raises(IndexError, match="out of range for 9"):
        both[9]
    with pytest.raises(ValueError, match="out of range for 9"):
        both[-10]
    assert list(both) == [0, 1, 4, 9, 16, 25, 36, 25, 1]


@pytest.mark.filterwarnings("ignore:Length of split")
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
    with pytest.raises(ValueError, match=r"index 1 is not between 0 and 1: it is 1\.5"):
        random_split(Squares(), [0.5, 1.5, -1.0])
    with pytest.warns(UserWarning, match="index 1 is 0"):
        assert [len(part) for part in random_split(range(2), [0.9, 0.1])] == [2, 0]


def test_streams_are_chained_and_datasets_stacked():
    both = Count() + CountWithLength()
    assert isinstance(both, ChainDataset) and list(both) == [0, 1, 2, 3, 4] * 2
    assert len(CountWithLength() + CountWithLength()) == 10
    with pytest.raises(AssertionError, match="only supports IterableDataset, not list"):
        list(ChainDataset([[1]]))
    with pytest.raises(AssertionError, match="does not support IterableDataset"):
        ConcatDataset([Count()])
    assert StackDataset(Squares(), range(7))[3] == (9, 3)
    assert StackDataset(s=Squares(), i=range(7))[3] == {"s": 9, "i": 3} and len(StackDataset(range(7))) == 7
    for wrong in (lambda: StackDataset(), lambda: StackDataset("a", b="b"), lambda: StackDataset("a", "bc")):
        with pytest.raises(ValueError, match="dataset"):
            wrong()


class AtOnce(Squares):
    """Samples that come several at a time."""

    def __getitems__(self, indices):
        return [i * i for i in indices] if indices else [0]


def test_samples_that_come_several_at_a_time_are_asked_for_so():
    class OnlyAtOnce(AtOnce):
        def __getitem__(self, index):
            raise AssertionError("one by one")

    for dataset in (OnlyAtOnce(), Subset(OnlyAtOnce(), range(7)), StackDataset(OnlyAtOnce(), OnlyAtOnce())):
        first = next(iter(DataLoader(dataset, 3)))
        assert (first[0] if isinstance(first, list) else first).tolist() == [0, 1, 4]
    named = next(iter(DataLoader(StackDataset(x=OnlyAtOnce(), y=Squares()), 3)))
    assert named["x"].tolist() == named["y"].tolist() == [0, 1, 4]
    with pytest.raises(ValueError, match="gave 1 samples for 0 indices"):
        list(DataLoader(OnlyAtOnce(), batch_sampler=[[]]))


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
    with pytest.raises(ValueError, match="num_samples=0"):
        RandomSampler([])


def test_subset_and_weighted_samplers():
    assert sorted(SubsetRandomSampler([4, 8, 15], generator=stream())) == [4, 8, 15]
    assert set(WeightedRandomSampler([0.0, 1.0, 0.0], 5, generator=stream())) == {1}
    assert sorted(WeightedRandomSampler([1, 2, 3], 3, replacement=False, generator=stream())) == [0, 1, 2]


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: RandomSampler("ab", replacement=1), TypeError),
        (lambda: RandomSampler("ab", num_samples=0), ValueError),
        (lambda: WeightedRandomSampler([1.0], 0), ValueError),
        (lambda: WeightedRandomSampler([1.0], 1, replacement=1), ValueError),
        (lambda: WeightedRandomSampler([[1.0]], 1), ValueError),
        (lambda: BatchSampler("ab", True, False), ValueError),
        (lambda: BatchSampler("ab", 2, 1), ValueError),
    ],
)
def test_samplers_refuse_what_pytorch_refuses(make, error):
    with pytest.raises(error, match="should be"):
        make()


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


class Tagged(dict):
    """A dictionary with something else."""

    tag = "plain"


class Pair(list):
    """A list of a kind of its own."""


def test_collate_keeps_the_kind_of_collections():
    sample = Tagged(x=1)
    sample.tag = "mine"
    batch = default_collate([sample, Tagged(x=2)])
    assert (
        type(batch) is Tagged and batch.tag == "mine" and batch["x"].tolist() == [1, 2] and sample["x"] == 1
    )
    frozen = default_collate([MappingProxyType({"x": 1}), MappingProxyType({"x": 2})])
    assert type(frozen) is MappingProxyType and frozen["x"].tolist() == [1, 2]
    pairs = [Pair([1, "a"]), Pair([2, "b"])]
    batch = default_collate(pairs)
    assert type(batch) is Pair and batch[0].tolist() == [1, 2] and batch[1] == ("a", "b")
    assert type(default_collate([range(2), range(2)])) is list


def test_convert_makes_tensors_of_arrays_and_nothing_else():
    pair = namedtuple("pair", "image name")
    made = default_convert(
        {"p": pair(np.ones(2), "a"), "n": [1, (np.float32(2), b"b")], "s": np.array(["t"])}
    )
    assert type(made["p"]) is pair and made["p"].image.dtype is tt.float64 and made["p"].name == "a"
    assert made["n"][0] == 1 and type(made["n"][1]) is list and made["n"][1][0].dtype is tt.float32
    assert type(made["s"]) is np.ndarray
    (sample,) = DataLoader([(np.ones(1), "a")], batch_size=None)
    assert sample[0].tolist() == [1.0] and sample[1] == "a"


def test_collate_refuses_what_does_not_fit():
    with pytest.raises(RuntimeError, match="equal size"):
        default_collate([[1], [1, 2]])
    for stranger in (object(), np.array(["a"]), np.array([None])):
        with pytest.raises(TypeError, match="found"):
            default_collate([stranger])


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
    for options in (
        {"num_workers": -1},
        {"timeout": -1},
        {"timeout": 1},
        {"prefetch_factor": 2},
        {"prefetch_factor": 0, "num_workers": 1},
        {"persistent_workers": True},
        {"multiprocessing_context": "fork"},
        {"multiprocessing_context": "telepathy", "num_workers": 1},
    ):
        with pytest.raises(ValueError, match=next(iter(options))):
            DataLoader(ROWS, **options)
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
