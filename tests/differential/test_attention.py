"""Attention and transformers against PyTorch: values, gradients, second gradients, masks, and what is refused."""

from __future__ import annotations

import copy
import itertools
import math

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

import tinytorch as tt

torch.set_num_threads(1)
RANDOM = np.random.default_rng(14)


def drawn(*shape, dtype="f8"):
    return RANDOM.normal(size=shape).astype(dtype)


def tensors(ns, arrays, layout="plain", grad=True):
    """The same numbers in memory order, with two axes exchanged in memory, or with gaps."""
    made = []
    for array in arrays:
        if layout == "permuted":
            x = ns.from_numpy(np.ascontiguousarray(array.swapaxes(-1, -2))).transpose(-1, -2)
        elif layout == "sliced":
            x = ns.from_numpy(np.repeat(array, 2, -1))[..., ::2]
        else:
            x = ns.from_numpy(array.copy())
        made.append(x.requires_grad_() if grad else x)
    return made


def close(ours, theirs, tolerance=1e-9):
    np.testing.assert_allclose(
        ours.detach().numpy(), theirs.detach().numpy(), rtol=tolerance, atol=tolerance, equal_nan=True
    )


def agree(function, arrays, layout="plain", tolerance=1e-9, second=True):
    """A function of tensors: its value, its gradients, and the gradients of these."""
    results = []
    for ns in (tt, torch):
        xs = tensors(ns, arrays, layout)
        # PyTorch's fused kernels have no second derivative, its plain formula has one.
        with sdpa_kernel(SDPBackend.MATH):
            out = function(ns, *xs)
            seed = ns.from_numpy(np.cos(np.arange(math.prod(out.shape))).reshape(tuple(out.shape)))
            first = ns.autograd.grad(out, xs, seed.to(out.dtype), create_graph=second)
            found = [out, *first]
            if second:
                found += ns.autograd.grad(sum((g * g).sum() for g in first), xs)
        results.append(found)
    for ours, theirs in zip(*results, strict=True):
        assert tuple(ours.shape) == tuple(theirs.shape)
        assert str(ours.dtype).split(".")[1] == str(theirs.dtype).split(".")[1]
        close(ours, theirs, tolerance)


SHAPES = {  # of query, key and value
    "matrices": ((3, 4), (5, 4), (5, 2)),
    "heads": ((2, 3, 5, 4), (2, 3, 5, 4), (2, 3, 5, 4)),
    "more keys": ((2, 3, 4), (2, 6, 4), (2, 6, 3)),
    "more queries": ((2, 6, 4), (2, 3, 4), (2, 3, 3)),
    "one of each": ((1, 1, 1), (1, 1, 1), (1, 1, 1)),
    "batches broadcast": ((2, 1, 3, 4), (1, 3, 5, 4), (3, 5, 2)),
}
MASKS = ("none", "causal", "bool", "floating", "bool for all", "floating for each")


def masked_call(kind, shapes):
    """Scaled dot product attention with a mask of a kind; a floating one as a further input."""
    (*batch, length, _), (*_, size, _), _ = shapes
    allowed = RANDOM.random((length, size)) < 0.7
    allowed[:, 0] = True
    further = []
    if kind == "floating":
        further = [drawn(length, size)]
    elif kind == "floating for each":
        further = [drawn(*batch, length, size)]

    def function(ns, q, k, v, *mask):
        F, options = ns.nn.functional, {}
        if kind == "causal":
            options = {"is_causal": True}
        elif kind == "bool":
            options = {"attn_mask": ns.from_numpy(allowed)}
        elif kind == "bool for all":
            options = {"attn_mask": ns.from_numpy(allowed[:1])}
        elif mask:
            options = {"attn_mask": mask[0]}
        return F.scaled_dot_product_attention(q, k, v, **options)

    return function, further


@pytest.mark.parametrize("layout", ["plain", "permuted", "sliced"])
@pytest.mark.parametrize(("shape", "mask"), list(itertools.product(SHAPES, MASKS)))
def test_attention_and_two_derivatives_agree(shape, mask, layout):
    if shape == "batches broadcast" and mask == "floating for each":
        return  # PyTorch refuses a mask that is larger than the scores of the query alone
    function, further = masked_call(mask, SHAPES[shape])
    agree(function, [*[drawn(*each) for each in SHAPES[shape]], *further], layout)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("scale", [None, 0.3, 0.0, -1.5])
def test_attention_agrees_in_every_precision_and_scale(dtype, causal, scale):
    arrays = [drawn(2, 2, 5, 4, dtype=dtype) for _ in range(3)]
    tolerance = {"f2": 4e-3, "f4": 1e-5, "f8": 1e-12}[dtype]
    agree(
        lambda ns, q, k, v: ns.nn.functional.scaled_dot_product_attention(
            q, k, v, is_causal=causal, scale=scale
        ),
        arrays,
        tolerance=tolerance,
        second=False,
    )


@pytest.mark.parametrize(("queries", "keys", "values"), [(4, 2, 2), (6, 2, 3), (4, 1, 4), (3, 3, 3)])
def test_grouped_heads_agree(queries, keys, values):
    arrays = [drawn(2, queries, 3, 4), drawn(2, keys, 5, 4), drawn(2, values, 5, 2)]
    agree(
        lambda ns, q, k, v: ns.nn.functional.scaled_dot_product_attention(q, k, v, enable_gqa=True),
        arrays,
    )


@pytest.mark.parametrize("kind", ["bool", "floating"])
def test_a_query_that_may_look_nowhere_gets_zeros_and_passes_no_gradient(kind):
    allowed = np.array([[True, False, True], [False, False, False]])
    mask = allowed if kind == "bool" else np.where(allowed, 0.0, -np.inf)
    arrays = [drawn(1, 2, 4), drawn(1, 3, 4), drawn(1, 3, 4)]
    agree(
        lambda ns, q, k, v: ns.nn.functional.scaled_dot_product_attention(q, k, v, ns.from_numpy(mask)),
        arrays,
    )


@pytest.mark.parametrize("shapes", [((2, 3, 8), (2, 0, 8), (2, 0, 8)), ((2, 0, 8), (2, 3, 8), (2, 3, 8)),
                                    ((0, 3, 8), (0, 3, 8), (0, 3, 8)), ((2, 3, 0), (2, 4, 0), (2, 4, 5))])  # fmt: skip
@pytest.mark.parametrize("causal", [False, True])
def test_axes_without_elements_agree(shapes, causal):
    arrays = [drawn(*each) for each in shapes]
    agree(
        lambda ns, q, k, v: ns.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal),
        arrays,
        second=False,
    )


def test_dropout_in_attention_keeps_the_mean_and_drops_all_at_one():
    tt.manual_seed(0)
    q = tt.zeros(1, 2000, 4)
    out = tt.nn.functional.scaled_dot_product_attention(q, q, tt.ones(1, 2000, 4), dropout_p=0.25)
    assert abs(out.mean().item() - 1) < 0.005 and out.std().item() > 0.01
    assert (tt.nn.functional.scaled_dot_product_attention(q, q, q + 1, dropout_p=1.0) == 0).all()


ONES = (2, 4, 3, 8)
REFUSED = {
    "a vector": lambda ns, F: F(ns.ones(8), ns.ones(8), ns.ones(8)),
    "two dtypes": lambda ns, F: F(ns.ones(3, 8), ns.ones(3, 8, dtype=ns.float64), ns.ones(3, 8)),
    "whole numbers": lambda ns, F: F(*[ns.ones(3, 8, dtype=ns.int64)] * 3),
    "mask of whole numbers": lambda ns, F: F(*[ns.ones(3, 8)] * 3, ns.ones(3, 3, dtype=ns.int64)),
    "mask of doubles": lambda ns, F: F(*[ns.ones(3, 8)] * 3, ns.ones(3, 3, dtype=ns.float64)),
    "mask of a wrong size": lambda ns, F: F(*[ns.ones(3, 8)] * 3, ns.ones(2, 3)),
    "mask of a larger batch": lambda ns, F: F(*[ns.ones(1, 3, 8)] * 3, ns.ones(2, 3, 3)),
    "mask beside is_causal": lambda ns, F: F(*[ns.ones(3, 8)] * 3, ns.ones(3, 3), is_causal=True),
    "widths": lambda ns, F: F(ns.ones(3, 8), ns.ones(3, 7), ns.ones(3, 8)),
    "lengths": lambda ns, F: F(ns.ones(3, 8), ns.ones(3, 8), ns.ones(4, 8)),
    "heads": lambda ns, F: F(ns.ones(ONES), ns.ones(2, 2, 3, 8), ns.ones(2, 2, 3, 8)),
    "heads in groups": lambda ns, F: F(ns.ones(ONES), *[ns.ones(2, 3, 3, 8)] * 2, enable_gqa=True),
    "probability": lambda ns, F: F(*[ns.ones(3, 8)] * 3, dropout_p=1.5),
    "scale by position": lambda ns, F: F(*[ns.ones(3, 8)] * 3, None, 0.0, False, 1.0),
}


@pytest.mark.parametrize("name", REFUSED)
def test_attention_refuses_what_pytorch_refuses(name):
    with pytest.raises((RuntimeError, TypeError)) as expected:
        REFUSED[name](torch, torch.nn.functional.scaled_dot_product_attention)
    with pytest.raises(type(expected.value)):
        REFUSED[name](tt, tt.nn.functional.scaled_dot_product_attention)


# modules


def twins(build, dtype=None):
    """A module of each kind, with PyTorch's numbers in all parameters, biases too."""
    theirs, ours = build(torch), build(tt)
    with torch.no_grad():
        for i, parameter in enumerate(theirs.parameters()):
            torch.manual_seed(i)
            parameter.add_(0.3 * torch.randn_like(parameter))
    theirs, ours = theirs.double(), ours.double()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({k: tt.from_numpy(v.numpy().copy()) for k, v in theirs.state_dict().items()})
    assert repr(ours) == repr(theirs)
    return ours, theirs


def same_modules(models, arrays, call, tolerance=1e-9):
    """Results, and the gradients of inputs and parameters."""
    found = []
    for ns, model in zip((tt, torch), models, strict=True):
        xs = tensors(ns, arrays)
        out = call(ns, model, *xs)
        outs = [o for o in (out if isinstance(out, tuple) else (out,)) if o is not None]
        sum(
            (o * ns.from_numpy(np.sin(np.arange(o.numel())).reshape(tuple(o.shape)))).sum() for o in outs
        ).backward()
        grads = {name: p.grad for name, p in model.named_parameters()}
        found.append((outs, [x.grad for x in xs], grads))
        model.zero_grad()
    for ours, theirs in zip(found[0][0] + found[0][1], found[1][0] + found[1][1], strict=True):
        assert tuple(ours.shape) == tuple(theirs.shape)
        close(ours, theirs, tolerance)
    for name, theirs in found[1][2].items():
        ours = found[0][2][name]
        assert (ours is None) is (theirs is None), name
        if theirs is not None:
            close(ours, theirs, tolerance)


KINDS = {
    "plain": {},
    "one head": {"num_heads": 1},
    "no bias": {"bias": False},
    "other widths": {"kdim": 5, "vdim": 7},
    "other width of keys": {"kdim": 5},
    "extra key": {"add_bias_kv": True},
    "extra zero": {"add_zero_attn": True},
    "both extra": {"add_bias_kv": True, "add_zero_attn": True, "bias": False},
    "dropout of nothing": {"dropout": 0.0},
}
ASKED = [
    {"need_weights": n, "average_attn_weights": a} for n, a in ((True, True), (True, False), (False, True))
]
L, S, N = 4, 5, 2


def attention_masks(name, heads, batched):
    rng = np.random.default_rng(3)
    hidden, padded = rng.random((L, S)) < 0.4, rng.random((N, S)) < 0.4
    hidden[:, 0] = padded[:, 0] = False
    each = rng.random((N * heads if batched else heads, L, S)) < 0.4
    each[..., 0] = False
    padded = padded if batched else padded[0]
    return {
        "none": {},
        "hidden": {"attn_mask": hidden},
        "added": {"attn_mask": rng.normal(size=(L, S))},
        "each": {"attn_mask": each},
        "padded": {"key_padding_mask": padded},
        "padded, added": {"key_padding_mask": rng.normal(size=padded.shape)},
        "both": {"attn_mask": each, "key_padding_mask": padded},
        "hint": {"attn_mask": np.triu(np.ones((L, S), bool), 1), "is_causal": True},
        "hint and padded": {
            "attn_mask": np.triu(np.ones((L, S), bool), 1),
            "is_causal": True,
            "key_padding_mask": padded,
        },
    }[name]


MASK_NAMES = ["none", "hidden", "added", "each", "padded", "padded, added", "both", "hint", "hint and padded"]


@pytest.mark.parametrize(
    "asked", ASKED, ids=lambda a: f"weights {a['need_weights']} {a['average_attn_weights']}"
)
@pytest.mark.parametrize("mask", MASK_NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_multihead_attention_agrees(kind, mask, asked):
    options = {"embed_dim": 6, "num_heads": 3} | KINDS[kind]
    for batch_first, batched in ((False, True), (True, True), (False, False)):
        models = twins(lambda ns: ns.nn.MultiheadAttention(**options, batch_first=batch_first))
        shapes = [(L, N, 6), (S, N, options.get("kdim", 6)), (S, N, options.get("vdim", 6))]
        if batch_first:
            shapes = [(b, a, c) for a, b, c in shapes]
        if not batched:
            shapes = [(a, c) for a, _, c in shapes]
        masks = attention_masks(mask, options["num_heads"], batched)

        def call(ns, model, q, k, v, masks=masks):
            given = {n: ns.from_numpy(m) if isinstance(m, np.ndarray) else m for n, m in masks.items()}
            return model(q, k, v, **given, **asked)

        same_modules(models, [drawn(*each) for each in shapes], call)


@pytest.mark.parametrize("training", [True, False])
def test_self_attention_in_one_product_agrees(training):
    models = twins(lambda ns: ns.nn.MultiheadAttention(8, 2, batch_first=True).train(training))
    same_modules(models, [drawn(2, 5, 8)], lambda ns, model, x: model(x, x, x))
    with torch.no_grad(), tt.no_grad():
        x = drawn(2, 5, 8)
        ours, theirs = (m(*[ns.from_numpy(x)] * 3) for ns, m in zip((tt, torch), models, strict=True))
    close(ours[0], theirs[0])
    close(ours[1], theirs[1])


def test_weights_of_a_query_that_may_look_nowhere_are_nan_as_in_pytorch():
    models = twins(lambda ns: ns.nn.MultiheadAttention(4, 2))
    x, mask = drawn(3, 1, 4), np.array([[False] * 3, [True] * 3, [False, True, True]])
    results = [
        m(*[ns.from_numpy(x)] * 3, attn_mask=ns.from_numpy(mask))
        for ns, m in zip((tt, torch), models, strict=True)
    ]
    for ours, theirs in zip(*results, strict=True):
        close(ours, theirs)
    assert results[0][1][0, 1].isnan().all()


REFUSED_BY_LAYER = {
    "heads": lambda ns: ns.nn.MultiheadAttention(6, 4),
    "nothing": lambda ns: ns.nn.MultiheadAttention(0, 1),
    "rank": lambda ns: ns.nn.MultiheadAttention(4, 2)(*[ns.ones(4)] * 3),
    "ranks": lambda ns: ns.nn.MultiheadAttention(4, 2)(ns.ones(3, 4), ns.ones(3, 1, 4), ns.ones(3, 1, 4)),
    "width": lambda ns: ns.nn.MultiheadAttention(4, 2)(*[ns.ones(3, 1, 5)] * 3),
    "key and value": lambda ns: ns.nn.MultiheadAttention(4, 2)(ns.ones(3, 1, 4), ns.ones(3, 1, 4), ns.ones(2, 1, 4)),
    "hint without mask": lambda ns: ns.nn.MultiheadAttention(4, 2)(*[ns.ones(3, 1, 4)] * 3, is_causal=True),
    "mask of whole numbers": lambda ns: ns.nn.MultiheadAttention(4, 2)(*[ns.ones(3, 1, 4)] * 3, attn_mask=ns.ones(3, 3).long()),
    "mask": lambda ns: ns.nn.MultiheadAttention(4, 2)(*[ns.ones(3, 1, 4)] * 3, attn_mask=ns.ones(3, 2)),
    "mask of four axes": lambda ns: ns.nn.MultiheadAttention(4, 2)(*[ns.ones(3, 1, 4)] * 3, attn_mask=ns.ones(1, 2, 3, 3)),
    "mask for each": lambda ns: ns.nn.MultiheadAttention(4, 2)(*[ns.ones(3, 1, 4)] * 3, attn_mask=ns.ones(1, 3, 3)),
    "padding": lambda ns: ns.nn.MultiheadAttention(4, 2)(*[ns.ones(3, 1, 4)] * 3, key_padding_mask=ns.ones(1, 2)),
    "padding's rank": lambda ns: ns.nn.MultiheadAttention(4, 2)(*[ns.ones(3, 1, 4)] * 3, key_padding_mask=ns.ones(3)),
    "activation": lambda ns: ns.nn.TransformerEncoderLayer(4, 2, activation="swish"),
    "batches": lambda ns: ns.nn.Transformer(4, 2, 1, 1, 8)(ns.ones(3, 2, 4), ns.ones(3, 1, 4)),
    "d_model": lambda ns: ns.nn.Transformer(4, 2, 1, 1, 8)(ns.ones(3, 2, 4), ns.ones(3, 2, 5)),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("name", REFUSED_BY_LAYER)
def test_a_layer_refuses_what_pytorch_refuses(name):
    with pytest.raises((RuntimeError, AssertionError, ValueError)) as expected:
        REFUSED_BY_LAYER[name](torch)
    with pytest.raises(type(expected.value)):
        REFUSED_BY_LAYER[name](tt)


LAYERS = {
    "plain": {},
    "norm first": {"norm_first": True},
    "gelu by name": {"activation": "gelu"},
    "no bias": {"bias": False},
    "wide eps": {"layer_norm_eps": 0.1},
}


def square(name, size):
    hidden = np.triu(np.ones((size, size), bool), 1)
    return {"none": None, "bool": hidden, "added": np.where(hidden, -np.inf, 0.0)}[name]


def given(ns, mask):
    return None if mask is None else ns.from_numpy(mask)


PADDED = np.array([[False] * 5, [False, False, False, True, True]])


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("mask", ["none", "bool", "added"])
@pytest.mark.parametrize("kind", [*LAYERS, "function"])
def test_an_encoder_layer_agrees(kind, mask, batch_first):
    def build(ns):
        options = {"activation": ns.nn.functional.silu} if kind == "function" else LAYERS[kind]
        return ns.nn.TransformerEncoderLayer(6, 3, 10, dropout=0.0, batch_first=batch_first, **options)

    shape = (2, 5, 6) if batch_first else (5, 2, 6)
    padding = np.where(PADDED, -np.inf, 0.0) if mask == "added" else PADDED
    same_modules(
        twins(build),
        [drawn(*shape)],
        lambda ns, m, x: m(x, given(ns, square(mask, 5)), ns.from_numpy(padding)),
    )
    same_modules(twins(build), [drawn(5, 6)], lambda ns, m, x: m(x, given(ns, square(mask, 5))))


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("kind", LAYERS)
def test_a_decoder_layer_agrees(kind, batch_first):
    def build(ns):
        return ns.nn.TransformerDecoderLayer(6, 2, 10, dropout=0.0, batch_first=batch_first, **LAYERS[kind])

    shapes = [(4, 2, 6), (5, 2, 6)]
    shapes = [(b, a, c) for a, b, c in shapes] if batch_first else shapes
    hidden = np.random.default_rng(1).random((4, 5)) < 0.3

    def call(ns, m, x, memory):
        return m(
            x,
            memory,
            ns.from_numpy(square("bool", 4)),
            ns.from_numpy(hidden),
            memory_key_padding_mask=ns.from_numpy(PADDED),
            tgt_is_causal=True,
        )

    hidden[:, 0] = False
    same_modules(twins(build), [drawn(*each) for each in shapes], call)


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("kind", LAYERS)
def test_a_transformer_agrees(kind, batch_first):
    def build(ns):
        return ns.nn.Transformer(6, 2, 2, 2, 10, dropout=0.0, batch_first=batch_first, **LAYERS[kind])

    shapes = [(5, 2, 6), (4, 2, 6)]
    shapes = [(b, a, c) for a, b, c in shapes] if batch_first else shapes

    def call(ns, m, src, tgt):
        mask = ns.nn.Transformer.generate_square_subsequent_mask(4, dtype=ns.float64)
        padding = ns.zeros(2, 5, dtype=ns.float64).masked_fill(ns.from_numpy(PADDED), -math.inf)
        return m(src, tgt, tgt_mask=mask, src_key_padding_mask=padding, memory_key_padding_mask=padding)

    same_modules(twins(build), [drawn(*each) for each in shapes], call)


@pytest.mark.filterwarnings("ignore:enable_nested_tensor", "ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("where", ["at the end", "in the middle", "floating"])
@pytest.mark.parametrize(
    "options", [{}, {"activation": "gelu"}, {"norm_first": True}, {"nhead": 3}, {"nested": False}]
)
def test_an_encoder_out_of_training_gives_zeros_for_padding_where_pytorch_does(options, where):
    options = dict(options)
    nested, heads = options.pop("nested", True), options.pop("nhead", 2)

    def build(ns):
        layer = ns.nn.TransformerEncoderLayer(6, heads, 10, batch_first=True, **options)
        return ns.nn.TransformerEncoder(layer, 2, ns.nn.LayerNorm(6), enable_nested_tensor=nested).eval()

    padding = PADDED if where != "in the middle" else PADDED[:, ::-1].copy()
    padding = np.where(padding, -np.inf, 0.0) if where == "floating" else padding
    x, models = drawn(2, 5, 6), twins(build)
    for grad_mode in (False, True):
        with torch.set_grad_enabled(grad_mode), tt.set_grad_enabled(grad_mode):
            outs = [
                m(ns.from_numpy(x), src_key_padding_mask=ns.from_numpy(padding))
                for ns, m in zip((tt, torch), models, strict=True)
            ]
        close(*outs, tolerance=1e-8)


def test_layers_of_a_stack_begin_alike_and_are_their_own():
    encoder = tt.nn.TransformerEncoder(tt.nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), 3)
    first, last = encoder.layers[0].linear1.weight, encoder.layers[2].linear1.weight
    assert (first == last).all() and first is not last
    with tt.no_grad():
        first.add_(1.0)
    assert (first != last).all()
    assert copy.deepcopy(encoder).layers[0].linear1.weight is not first


def test_dropout_in_training_only():
    tt.manual_seed(0)
    layer = tt.nn.TransformerEncoderLayer(8, 2, 16, dropout=0.5)
    x = tt.randn(5, 2, 8)
    assert not (layer(x) == layer(x)).all()
    layer.eval()
    assert (layer(x) == layer(x)).all()
