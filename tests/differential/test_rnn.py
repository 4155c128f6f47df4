"""Recurrent layers, their cells, and packed sequences against PyTorch."""

from __future__ import annotations

import copy
import itertools

import numpy as np
import pytest
import torch

import tinytorch as tt

torch.set_num_threads(1)
RANDOM = np.random.default_rng(9)
SPACES = (tt, torch)


def drawn(*shape):
    return RANDOM.normal(size=shape)


def twins(build):
    """A layer of each kind in float64 with PyTorch's weights."""
    torch.manual_seed(0)
    theirs, ours = build(torch).double(), build(tt).double()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({k: tt.from_numpy(v.numpy().copy()) for k, v in theirs.state_dict().items()})
    assert repr(ours) == repr(theirs)
    return ours, theirs


def flat(results):
    """All tensors of nested results, in order."""
    for each in results if isinstance(results, (tuple, list)) else [results]:
        if isinstance(each, (tuple, list)):
            yield from flat(each)
        elif each is not None:
            yield each


def agree(models, call, twice=False):
    """Results, gradients of the inputs that `call` makes leaves of, of all weights, and gradients of these."""
    found = []
    for ns, model in zip(SPACES, models, strict=True):
        leaves = []

        def leaf(array, ns=ns, leaves=leaves):
            leaves.append(ns.from_numpy(array.copy()).requires_grad_())
            return leaves[-1]

        outs = [each for each in flat(call(ns, model, leaf)) if each.is_floating_point()]
        parameters = list(model.parameters())
        total = sum(
            (o * ns.from_numpy(np.sin(1 + np.arange(o.numel())).reshape(tuple(o.shape)))).sum() for o in outs
        )
        grads = ns.autograd.grad(total, leaves + parameters, create_graph=twice)
        more = []
        if twice:  # of a relu, a bias has none
            total = sum((g * g).sum() for g in grads)
            again = ns.autograd.grad(total, leaves + parameters, allow_unused=True)
            more = [x * 0 if g is None else g for g, x in zip(again, leaves + parameters, strict=True)]
        found.append([*outs, *grads, *more])
    for ours, theirs in zip(*found, strict=True):
        assert tuple(ours.shape) == tuple(theirs.shape)
        np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-8, atol=1e-11)


KINDS = ["LSTM", "GRU", "RNN", "relu", "projected"]
T, N, WIDE, HIDDEN = 4, 3, 5, 6


def layer(ns, kind, **options):
    if kind == "relu":
        return ns.nn.RNN(WIDE, HIDDEN, nonlinearity="relu", **options)
    if kind == "projected":
        return ns.nn.LSTM(WIDE, HIDDEN, proj_size=2, **options)
    return getattr(ns.nn, kind)(WIDE, HIDDEN, **options)


def state_of(leaf, kind, rows, batch):
    """A state to begin with; `batch` is () without one."""
    out = 2 if kind == "projected" else HIDDEN
    h = leaf(drawn(rows, *batch, out))
    return (h, leaf(drawn(rows, *batch, HIDDEN))) if kind in ("LSTM", "projected") else h


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("layers", "both"), [(1, False), (1, True), (3, False), (2, True)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_agrees(kind, layers, both, bias):
    rows = layers * (2 if both else 1)
    for form, given in itertools.product(("time first", "batch first", "no batch"), (False, True)):
        models = twins(
            lambda ns: layer(
                ns, kind, num_layers=layers, bidirectional=both, bias=bias, batch_first=form == "batch first"
            )
        )
        shape = {"time first": (T, N, WIDE), "batch first": (N, T, WIDE), "no batch": (T, WIDE)}[form]
        batch = () if form == "no batch" else (N,)
        x, state = drawn(*shape), []

        def call(ns, model, leaf, x=x, state=state, batch=batch, given=given):
            def again(array):  # the same numbers for both
                state.append(array)
                return leaf(array)

            if not given:
                return model(leaf(x))
            kept = iter(list(state))
            hx = state_of((lambda _: leaf(next(kept))) if state else again, kind, rows, batch)
            return model(leaf(x), hx)

        agree(models, call)


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_gradient_agrees(kind):
    models = twins(lambda ns: layer(ns, kind, num_layers=2, bidirectional=True))
    x = drawn(T, N, WIDE)
    agree(models, lambda ns, model, leaf: model(leaf(x)), twice=True)


@pytest.mark.parametrize("lengths", [[4, 4, 2, 1], [1, 4, 2, 4], [3, 3, 3, 3], [1, 1, 1, 1]])
@pytest.mark.parametrize(("layers", "both"), [(1, False), (2, True)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_over_packed_sequences_agrees(kind, layers, both, lengths):
    models = twins(lambda ns: layer(ns, kind, num_layers=layers, bidirectional=both))
    x = drawn(max(lengths), 4, WIDE)
    rows = layers * (2 if both else 1)
    numbers = [drawn(rows, 4, 2 if kind == "projected" else HIDDEN), drawn(rows, 4, HIDDEN)]
    for given in (False, True):

        def call(ns, model, leaf, given=given):
            rnn = ns.nn.utils.rnn
            packed = rnn.pack_padded_sequence(leaf(x), ns.tensor(lengths), enforce_sorted=False)
            pair = kind in ("LSTM", "projected")
            hx = tuple(leaf(each) for each in numbers[: 2 if pair else 1]) if given else None
            hx = hx if pair or hx is None else hx[0]
            out, last = model(packed, hx)
            assert isinstance(out, rnn.PackedSequence)
            return [*rnn.pad_packed_sequence(out), last]

        agree(models, call)


def test_an_empty_batch_passes_through():
    for kind in KINDS:
        models = twins(lambda ns: layer(ns, kind, num_layers=2))
        outs = [
            list(flat(m(ns.zeros(2, 0, WIDE, dtype=ns.float64))))
            for ns, m in zip(SPACES, models, strict=True)
        ]
        assert [tuple(o.shape) for o in outs[0]] == [tuple(o.shape) for o in outs[1]]


def test_dropout_acts_between_layers_in_training_only():
    tt.manual_seed(0)
    models = twins(lambda ns: layer(ns, "LSTM", num_layers=2, dropout=0.5))
    x = drawn(T, N, WIDE)
    ours = models[0]
    assert not (ours(tt.from_numpy(x))[0] == ours(tt.from_numpy(x))[0]).all()
    first = [ours(tt.from_numpy(x))[1][0][0] for _ in range(2)]
    assert (first[0] == first[1]).all()  # the first layer's state has seen none
    for model in models:
        model.eval()
    agree(models, lambda ns, model, leaf: model(leaf(x)))


CELLS = {
    "RNNCell": [{}, {"nonlinearity": "relu"}, {"bias": False}],
    "LSTMCell": [{}, {"bias": False}],
    "GRUCell": [{}, {"bias": False}],
}


@pytest.mark.parametrize("batch", [(), (3,), (1,), (0,)])
@pytest.mark.parametrize(("name", "options"), [(n, o) for n, some in CELLS.items() for o in some], ids=str)
def test_a_cell_agrees(name, options, batch):
    models = twins(lambda ns: getattr(ns.nn, name)(WIDE, HIDDEN, **options))
    x, h, c = drawn(*batch, WIDE), drawn(*batch, HIDDEN), drawn(*batch, HIDDEN)
    agree(models, lambda ns, model, leaf: model(leaf(x)))

    def call(ns, model, leaf):
        return model(leaf(x), (leaf(h), leaf(c)) if name == "LSTMCell" else leaf(h))

    agree(models, call, twice=batch != (0,))


# sequences of different length


SEQUENCES = [drawn(2, 3), drawn(5, 3), drawn(1, 3), drawn(5, 3)]


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("batch_first", [False, True])
def test_padding_agrees(batch_first, side):
    found = []
    for ns in SPACES:
        given = [ns.from_numpy(each.copy()).requires_grad_() for each in SEQUENCES]
        out = ns.nn.utils.rnn.pad_sequence(given, batch_first, 7.5, side)
        (out * out).sum().backward()
        found.append([out, *[each.grad for each in given]])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy())


def same_packed(ours, theirs):
    for mine, yours in zip(ours, theirs, strict=True):
        assert (mine is None) is (yours is None)
        if mine is not None:
            assert str(mine.dtype).split(".")[1] == str(yours.dtype).split(".")[1]
            np.testing.assert_array_equal(mine.detach().numpy(), yours.detach().numpy())


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("lengths", [[5, 3, 3, 1], [1, 2, 5, 3], [2, 2, 2, 2], [3, 1, 2, 1]])
def test_packing_and_unpacking_agree(lengths, batch_first):
    array = drawn(4, 5, 2) if batch_first else drawn(5, 4, 2)
    descending = lengths == sorted(lengths, reverse=True)
    packed = []
    for ns in SPACES:
        rnn = ns.nn.utils.rnn
        packed.append(rnn.pack_padded_sequence(ns.from_numpy(array), lengths, batch_first, descending))
    same_packed(*packed)
    for total in (None, 7):
        padded = [
            ns.nn.utils.rnn.pad_packed_sequence(p, batch_first, -1.0, total)
            for ns, p in zip(SPACES, packed, strict=True)
        ]
        same_packed(*padded)


def test_packing_sequences_and_taking_them_apart_agree():
    results = []
    for ns in SPACES:
        rnn = ns.nn.utils.rnn
        packed = rnn.pack_sequence([ns.from_numpy(each) for each in SEQUENCES], enforce_sorted=False)
        results.append((packed, rnn.unpack_sequence(packed)))
    same_packed(results[0][0], results[1][0])
    same_packed(results[0][1], results[1][1])
    padded = tt.nn.utils.rnn.pad_sequence([tt.from_numpy(each) for each in SEQUENCES])
    parts = tt.nn.utils.rnn.unpad_sequence(padded, tt.tensor([len(each) for each in SEQUENCES]))
    same_packed(parts, [torch.from_numpy(each) for each in SEQUENCES])


def test_a_packed_sequence_is_a_tuple_and_changes_its_type():
    packed = tt.nn.utils.rnn.pack_sequence([tt.tensor([1.0, 2.0]), tt.tensor([3.0])])
    data, sizes, order, back = packed
    assert data is packed.data and sizes.tolist() == [2, 1] and order is None and back is None
    assert packed.double().data.dtype is tt.float64 and packed.to(tt.float32) is packed
    assert tt.nn.utils.rnn.PackedSequence((data, sizes)).batch_sizes is sizes
    assert copy.copy(packed).data is data


def steps(ns, *shape, dtype=None):
    return ns.ones(*shape, dtype=dtype)


REFUSED = {
    "no steps": lambda ns: ns.nn.LSTM(3, 4)(steps(ns, 0, 2, 3)),
    "rank": lambda ns: ns.nn.GRU(3, 4)(steps(ns, 2, 1, 3, 1)),
    "width": lambda ns: ns.nn.LSTM(3, 4)(steps(ns, 2, 1, 2)),
    "dtype": lambda ns: ns.nn.LSTM(3, 4)(steps(ns, 2, 1, 3, dtype=ns.float64)),
    "state's size": lambda ns: ns.nn.LSTM(3, 4)(steps(ns, 2, 1, 3), (steps(ns, 1, 1, 5), steps(ns, 1, 1, 4))),
    "state's rank": lambda ns: ns.nn.LSTM(3, 4)(steps(ns, 2, 1, 3), (steps(ns, 1, 4), steps(ns, 1, 4))),
    "state without batch": lambda ns: ns.nn.GRU(3, 4)(steps(ns, 2, 3), steps(ns, 1, 1, 4)),
    "state's layers": lambda ns: ns.nn.GRU(3, 4)(steps(ns, 2, 1, 3), steps(ns, 2, 1, 4)),
    "projection of a GRU": lambda ns: ns.nn.GRU(3, 4, proj_size=2),
    "projection of an RNN": lambda ns: ns.nn.RNN(3, 4, proj_size=2),
    "wide projection": lambda ns: ns.nn.LSTM(3, 4, proj_size=4),
    "nonlinearity": lambda ns: ns.nn.RNN(3, 4, nonlinearity="gelu"),
    "no layers": lambda ns: ns.nn.RNN(3, 4, 0),
    "no width": lambda ns: ns.nn.RNN(3, 0),
    "no input": lambda ns: ns.nn.RNN(0, 2),
    "dropout": lambda ns: ns.nn.RNN(3, 2, 2, dropout=1.5),
    "dropout of a bool": lambda ns: ns.nn.RNN(3, 2, 2, dropout=True),
    "bias": lambda ns: ns.nn.LSTM(2, 2, bias=1),
    "batch_first": lambda ns: ns.nn.LSTM(2, 2, batch_first=1),
    "hidden_size": lambda ns: ns.nn.LSTM(2, 2.5),
    "nonlinearity in place of bias": lambda ns: ns.nn.LSTM(3, 4, 2, "relu"),
    "cell's rank": lambda ns: ns.nn.LSTMCell(3, 4)(steps(ns, 1, 2, 3)),
    "cell's width": lambda ns: ns.nn.LSTMCell(3, 4)(steps(ns, 2, 2)),
    "cell's state": lambda ns: ns.nn.GRUCell(3, 4)(steps(ns, 2, 3), steps(ns, 2, 5)),
    "cell's batch": lambda ns: ns.nn.GRUCell(3, 4)(steps(ns, 2, 3), steps(ns, 3, 4)),
    "cell's nonlinearity": lambda ns: ns.nn.RNNCell(3, 4, nonlinearity="x")(steps(ns, 2, 3)),
    "unsorted": lambda ns: ns.nn.utils.rnn.pack_padded_sequence(steps(ns, 3, 2, 1), [1, 3]),
    "length of nothing": lambda ns: ns.nn.utils.rnn.pack_padded_sequence(steps(ns, 3, 2, 1), [3, 0]),
    "lengths": lambda ns: ns.nn.utils.rnn.pack_padded_sequence(steps(ns, 3, 2, 1), [3]),
    "nothing to pad": lambda ns: ns.nn.utils.rnn.pad_sequence([]),
    "widths": lambda ns: ns.nn.utils.rnn.pad_sequence([steps(ns, 2, 1), steps(ns, 2, 2)]),
    "side": lambda ns: ns.nn.utils.rnn.pad_sequence([steps(ns, 2)], padding_side="up"),
    "total length": lambda ns: ns.nn.utils.rnn.pad_packed_sequence(
        ns.nn.utils.rnn.pack_sequence([steps(ns, 3)]), total_length=2
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_pytorch_refuses_is_refused(name):
    with pytest.raises((RuntimeError, ValueError, TypeError)) as expected:
        REFUSED[name](torch)
    with pytest.raises(type(expected.value)):
        REFUSED[name](tt)


def test_dropout_of_one_layer_is_warned_of():
    for ns in SPACES:
        with pytest.warns(UserWarning, match="num_layers greater than 1"):
            ns.nn.GRU(3, 4, dropout=0.5)
