"""The parts of attention, each by what it is for: which keys are seen, what is remembered, what is never computed."""

from __future__ import annotations

import math

import numpy as np
import pytest

import tinytorch as tt
from tinytorch import ops
from tinytorch.observe import observing
from tinytorch.ops.attention import attention_tiled, causal_mask, merge_heads, online_softmax, split_heads


def drawn(*shape):
    return tt.from_numpy(np.random.default_rng(sum(shape)).normal(size=shape))


@pytest.mark.parametrize(("queries", "keys"), [(3, 3), (2, 5), (5, 2), (1, 4), (4, 1)])
def test_the_last_query_sees_all_keys_and_each_one_before_it_sees_one_less(queries, keys):
    seen = causal_mask(tt.zeros(7, queries, keys)).numpy().reshape(queries, keys)
    assert seen.sum(1).tolist() == [max(0, keys - queries + 1 + i) for i in range(queries)]
    assert all((np.diff(row.astype(int)) <= 0).all() for row in seen)  # the keys in front


def test_heads_are_parts_of_vectors_and_come_together_again():
    x = tt.arange(24).reshape(1, 2, 12)
    heads = split_heads(x, 3)
    assert heads.shape == (1, 3, 2, 4)
    assert heads[0, 1].tolist() == [[4, 5, 6, 7], [16, 17, 18, 19]]
    assert (merge_heads(heads) == x).all()


def test_a_softmax_in_blocks_is_the_softmax():
    scores = drawn(3, 10) * 30
    highest, total = tt.full((3, 1), -math.inf, dtype=tt.float64), tt.zeros(3, 1, dtype=tt.float64)
    summed = tt.zeros(3, 1, dtype=tt.float64)
    values = drawn(10, 1)
    for start in (0, 3, 4, 8):
        size = {0: 3, 3: 1, 4: 4, 8: 2}[start]
        raised, highest, total, shrink = online_softmax(scores.narrow(1, start, size), highest, total)
        summed = summed * shrink + raised @ values.narrow(0, start, size)
    expected = np.exp(scores.numpy() - scores.numpy().max(1, keepdims=True))
    expected = expected / expected.sum(1, keepdims=True) @ values.numpy()
    np.testing.assert_allclose((summed / total).numpy(), expected, rtol=1e-12)
    assert (highest == scores.amax(1, keepdim=True)).all()


@pytest.mark.parametrize("block", [1, 3, 4, 64])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(("queries", "keys"), [(9, 9), (4, 10), (10, 4), (1, 7), (0, 3)])
def test_tiles_give_what_the_whole_gives_with_its_gradients(queries, keys, causal, block):
    found = []
    for tiled in (True, False):
        q, k, v = (
            x.requires_grad_() for x in (drawn(2, queries, 4), drawn(2, keys, 4), drawn(2, keys, 3) * 2)
        )
        out = (
            attention_tiled(q, k, v, 0.7, causal, block)
            if tiled
            else q.apply(ops.Attention(0.7, causal), q, k, v)
        )
        (out * out).sum().backward()
        found.append([out, *[tt.zeros_like(x) if x.grad is None else x.grad for x in (q, k, v)]])
    for ours, theirs in zip(*found, strict=True):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-9, atol=1e-12)


def test_tiles_of_no_keys_are_zeros():
    out = attention_tiled(drawn(3, 4), drawn(0, 4), drawn(0, 2), 1.0)
    assert out.shape == (3, 2) and (out == 0).all()


def sizes_and_products(function):
    """The number of elements of the largest result, and the multiplications of all products."""
    largest, products = 0, 0

    def watch(op, inputs, out):
        nonlocal largest, products
        largest = max(largest, out.numel())
        products += op.flops(out, *inputs) // 2 if type(op).__name__ == "MatMul" else 0

    with observing(watch):
        function()
    return largest, products


def test_tiles_never_hold_all_scores_and_skip_keys_that_no_query_may_see():
    q = drawn(256, 8)
    largest, products = sizes_and_products(lambda: attention_tiled(q, q, q, 1.0, False, 32))
    assert largest == 256 * 8  # the result; all scores would be 65,536
    assert products == 2 * 256 * 256 * 8
    _, causal = sizes_and_products(lambda: attention_tiled(q, q, q, 1.0, True, 32))
    assert causal == 2 * 256 * 8 * (256 + 32) // 2


def test_attention_keeps_no_weights_for_its_gradient():
    q = drawn(300, 4).requires_grad_()
    out = tt.nn.functional.scaled_dot_product_attention(q, q, q)
    kept = [*out.grad_fn.inputs.values(), *out.grad_fn.outputs]
    assert max(math.prod(each.shape) for each in kept) == 300 * 4


def test_a_gradient_that_nobody_wants_is_not_computed():
    q, k, v = drawn(6, 4), drawn(6, 4), drawn(6, 4).requires_grad_()
    out = tt.nn.functional.scaled_dot_product_attention(q, k, v)
    _, products = sizes_and_products(lambda: out.sum().backward())
    assert products == (6 * 6 * 4) * 3  # the scores again, their gradient, and that of the values


def products(made):
    """How many matrix products there were, alone or with a bias."""
    return made.count("MatMul") + made.count("Linear")


@pytest.mark.parametrize("options", [{}, {"batch_first": True}])
@pytest.mark.parametrize("shape", [(5, 3, 8), (5, 8)])
def test_queries_keys_and_values_of_one_sequence_are_one_product(options, shape):
    layer, x = tt.nn.MultiheadAttention(8, 2, **options), tt.ones(shape)
    made = []
    with observing(lambda op, inputs, out: made.append(type(op).__name__)):
        layer(x, x, x, need_weights=False)
    assert products(made) == 2  # that one, and the last; those of the card are its own
    made.clear()
    with observing(lambda op, inputs, out: made.append(type(op).__name__)):
        layer(x, x.clone(), x, need_weights=False)
    assert products(made) == 4


def test_flops_are_those_of_two_products_and_a_softmax():
    seen = []
    with observing(lambda op, inputs, out: seen.append(op.flops(out, *inputs))):
        tt.nn.functional.scaled_dot_product_attention(drawn(2, 3, 5), drawn(2, 4, 5), drawn(2, 4, 6))
    assert seen == [2 * 3 * 4 * (2 * 5 + 2 * 6 + 5)]
