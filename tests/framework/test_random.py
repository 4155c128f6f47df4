"""Random numbers: the distributions by their statistics, the streams by their seeds."""

import math
import subprocess
import sys

import numpy as np
import pytest

import tinytorch as tt
from tinytorch import random

N = 100_000


def stream(seed=0):
    return tt.Generator().manual_seed(seed)


def test_the_same_seed_gives_the_same_numbers():
    assert tt.rand(5, generator=stream(3)).tolist() == tt.rand(5, generator=stream(3)).tolist()
    assert tt.rand(5, generator=stream(3)).tolist() != tt.rand(5, generator=stream(4)).tolist()


def test_manual_seed_governs_the_default_stream():
    tt.manual_seed(7)
    first = tt.randn(4).tolist()
    assert tt.initial_seed() == 7
    tt.manual_seed(7)
    assert tt.randn(4).tolist() == first


def test_two_programs_that_set_no_seed_draw_different_numbers():
    code = "import tinytorch as tt; print(tt.rand(4).tolist())"
    runs = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    assert len(runs) == 2


def test_importing_the_framework_starts_no_stream():
    code = "import tinytorch.random as r; print(r.default_generator.stream, r.default_generator.start)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["None", "None"]


def test_a_saved_state_continues_where_it_was_taken():
    g = stream()
    tt.randint(10, (3,), generator=g)  # leaves half of a 64-bit draw behind
    state = g.get_state()
    assert state.dtype is tt.uint8
    after = tt.rand(3, generator=g).tolist()
    assert tt.rand(3, generator=tt.Generator().set_state(state)).tolist() == after
    assert tt.rand(3, generator=g.set_state(state)).tolist() == after
    assert g.initial_seed() == 0


def test_a_cloned_generator_goes_its_own_way():
    g = stream()
    twin = g.clone_state()
    assert tt.rand(2, generator=g).tolist() == tt.rand(2, generator=twin).tolist()
    tt.rand(1, generator=g)
    assert tt.rand(2, generator=g).tolist() != tt.rand(2, generator=twin).tolist()


def test_bytes_that_are_no_state_are_refused_and_change_nothing():
    g = stream()
    before = g.get_state().tolist()
    with pytest.raises(RuntimeError, match="not the state"):
        g.set_state(tt.zeros(4, dtype=tt.uint8))
    with pytest.raises(TypeError, match="uint8"):
        g.set_state(tt.zeros(4))
    assert g.get_state().tolist() == before


def test_the_default_state_can_be_taken_and_set():
    state = tt.get_rng_state()
    first = tt.rand(3).tolist()
    tt.set_rng_state(state)
    assert tt.rand(3).tolist() == first


@pytest.mark.parametrize("dtype", [tt.float64, tt.float32, tt.float16])
def test_rand_is_even_over_zero_to_one_and_never_one(dtype):
    x = tt.rand(N, generator=stream(), dtype=dtype).numpy().astype(np.float64)
    assert x.min() >= 0 and x.max() < 1
    counts = np.histogram(x, 10, (0, 1))[0]
    # 99.9 % of chi-squared with 9 degrees of freedom lies below 27.9
    assert ((counts - N / 10) ** 2 / (N / 10)).sum() < 27.9


def test_rand_in_float64_uses_all_its_digits():
    x = tt.rand(100, dtype=tt.float64, generator=stream()).numpy()
    assert (x != x.astype(np.float32)).any()


def test_randn_has_the_moments_of_the_normal_distribution():
    x = tt.randn(N, generator=stream()).numpy()
    margin = 4 / math.sqrt(N)
    assert abs(x.mean()) < margin
    assert abs(x.std() - 1) < margin
    assert abs((np.abs(x) < 1).mean() - math.erf(1 / math.sqrt(2))) < margin


def test_randint_reaches_every_number_and_no_other():
    x = tt.randint(-2, 3, (1000,), generator=stream())
    assert x.dtype is tt.int64
    assert set(x.tolist()) == {-2, -1, 0, 1, 2}
    assert tt.randint(4, (2, 3)).shape == (2, 3)
    with pytest.raises(RuntimeError, match="no whole number"):
        tt.randint(3, 3, (1,))


def test_randperm_is_a_permutation_and_every_one_is_as_likely():
    g = stream()
    seen = [tuple(tt.randperm(3, generator=g).tolist()) for _ in range(6000)]
    assert {tuple(sorted(each)) for each in seen} == {(0, 1, 2)}
    counts = [seen.count(each) for each in set(seen)]
    assert len(counts) == 6 and min(counts) > 880 and max(counts) < 1120


def test_normal_takes_means_and_deviations_of_different_shapes():
    mean, std = tt.tensor([[0.0], [100.0]]), tt.tensor([0.0, 1.0, 2.0])
    x = tt.normal(mean, std, generator=stream())
    assert x.shape == (2, 3)
    assert x[:, 0].tolist() == [0.0, 100.0]
    assert tt.normal(5.0, 0.0, (2,)).tolist() == [5.0, 5.0]


def test_bernoulli_succeeds_as_often_as_its_probability_says():
    p = tt.tensor([0.0, 0.25, 1.0]).expand(N, 3)
    x = tt.bernoulli(p, generator=stream())
    assert x.dtype is tt.float32
    share = x.numpy().mean(0)
    assert share[0] == 0 and share[2] == 1 and abs(share[1] - 0.25) < 0.006
    with pytest.raises(RuntimeError, match="between 0 and 1"):
        tt.bernoulli(tt.tensor([1.5]))


def test_multinomial_follows_the_weights():
    x = tt.multinomial(tt.tensor([1.0, 0.0, 3.0]), N, replacement=True, generator=stream())
    share = np.bincount(x.numpy(), minlength=3) / N
    assert share[1] == 0 and abs(share[2] - 0.75) < 0.006


def test_multinomial_without_replacement_takes_nothing_twice():
    rows = tt.multinomial(tt.tensor([[1.0, 2.0, 3.0], [5.0, 1.0, 1.0]]), 3, generator=stream())
    assert [sorted(row) for row in rows.tolist()] == [[0, 1, 2], [0, 1, 2]]
    with pytest.raises(RuntimeError, match="cannot draw 3 samples without replacement from 2"):
        tt.multinomial(tt.tensor([1.0, 0.0, 1.0]), 3)


def test_fills_write_into_the_memory_that_is_there():
    x = tt.zeros(3, 4)
    column = x[:, 1]
    assert column.uniform_(2, 3, generator=stream()) is column
    assert ((x[:, 1] >= 2) & (x[:, 1] < 3)).all()
    assert (x[:, 0] == 0).all() and (x[:, 2] == 0).all()


def test_fills_follow_their_distributions():
    x = tt.empty(N)
    assert abs(x.normal_(5, 2, generator=stream()).std().item() - 2) < 0.03
    assert abs(x.exponential_(4, generator=stream()).mean().item() - 0.25) < 0.005
    assert abs(x.bernoulli_(0.3, generator=stream()).mean().item() - 0.3) < 0.006
    assert set(tt.empty(500, dtype=tt.bool).random_(generator=stream()).tolist()) == {True, False}
    assert set(tt.empty(500).random_(2, 5, generator=stream()).tolist()) == {2.0, 3.0, 4.0}
    assert set(tt.empty(500, dtype=tt.int8).random_(3, generator=stream()).tolist()) == {0, 1, 2}


def test_a_fill_counts_as_a_write_for_the_gradient():
    x = tt.ones(2, requires_grad=True)
    y = x * 2
    z = y * y
    y.detach().uniform_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.sum().backward()
    with pytest.raises(RuntimeError, match="leaf"):
        x.normal_()


@pytest.mark.parametrize("draw", [tt.rand_like, tt.randn_like, random.fill_uniform, random.fill_normal])
def test_fractions_do_not_fit_into_whole_numbers(draw):
    with pytest.raises(RuntimeError, match="fractions"):
        draw(tt.zeros(2, dtype=tt.int64))


def test_dropout_keeps_the_mean_and_the_share_that_it_should():
    x = tt.ones(N, requires_grad=True)
    y = random.dropout(x, 0.25, True, stream())
    values = set(y.detach().numpy().tolist())
    assert values == {0.0, float(np.float32(4 / 3))}
    assert abs((y.detach() == 0).float().mean().item() - 0.25) < 0.006
    y.sum().backward()
    assert (x.grad == y.detach()).all()


def test_dropout_out_of_training_is_the_tensor_itself():
    x = tt.ones(3)
    assert random.dropout(x, 0.5, False) is x
    assert random.dropout(x, 1.0, True).tolist() == [0.0, 0.0, 0.0]
    with pytest.raises(ValueError, match=r"between 0 and 1, but got 1.5"):
        random.dropout(x, 1.5, True)
