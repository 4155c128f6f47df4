"""Distributions against PyTorch's: values, gradients of parameters, shapes, refusals; draws by their statistics."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest
import torch
from twins import LAYOUTS, agree

import tinytorch as tt

SHAPES = [(), (1,), (3,), (2, 3), (2, 1, 3), (0,), (0, 3)]
DTYPES = ["float32", "float64"]
QUESTIONS = ["mean", "variance", "stddev", "mode", "entropy", "perplexity"]


def values(shape, dtype, low, high, seed=0):
    return np.asarray(np.random.default_rng(seed).uniform(low, high, shape), dtype)


def weights(shape, dtype, seed=0):
    return values(shape, dtype, 0.1, 2, seed)


def answers(made):
    """What a distribution says about itself, where its kind says it."""
    found = []
    for name in QUESTIONS:
        try:
            answer = getattr(made, name)
        except NotImplementedError:
            continue
        found.append(answer() if callable(answer) else answer)
    return found


KINDS = {  # by name: how to make one of two arrays, and from where to where these lie
    "Normal": (lambda ns, a, b: ns.distributions.Normal(a, b), (-2, 2), (0.2, 2)),
    "Uniform": (lambda ns, a, b: ns.distributions.Uniform(a, b), (-2, 0), (0.5, 2)),
    "Bernoulli by probs": (lambda ns, a, b: ns.distributions.Bernoulli(probs=a * b), (0.1, 0.9), (0.5, 1)),
    "Bernoulli by logits": (lambda ns, a, b: ns.distributions.Bernoulli(logits=a * b), (-3, 3), (0.5, 1)),
}
INSIDE = {
    "Normal": (-3, 3),
    "Uniform": (0, 0.49),
    "Bernoulli by probs": (0, 2),
    "Bernoulli by logits": (0, 2),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_answers_and_their_gradients_agree(kind, shape, dtype):
    make, first, second = KINDS[kind]
    arrays = [values(shape, dtype, *first), values(shape, dtype, *second, 1)]
    agree(lambda ns, a, b: answers(make(ns, a, b)), arrays)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("sizes", [((3,), (3,)), ((2, 1), (3,)), ((), (4, 2)), ((2, 3), (5, 1, 1)), ((0, 2), (2,))], ids=str)  # fmt: skip
@pytest.mark.parametrize("kind", KINDS)
def test_log_prob_broadcasts(kind, sizes, layout):
    make, first, second = KINDS[kind]
    arrays = [values(sizes[0], "f8", *first), values(sizes[0], "f8", *second, 1)]
    value = values(sizes[1], "f8", *INSIDE[kind], 2)
    value = np.floor(value) if kind.startswith("Bernoulli") else value
    layout = layout if sizes[0] else "contiguous"  # a number lies in memory in one way
    agree(lambda ns, a, b, v: make(ns, a, b).log_prob(v.detach()), [*arrays, value], layout)


@pytest.mark.parametrize("kind", ["Normal", "Uniform"])
def test_cdf_and_its_inverse_agree(kind):
    make, first, second = KINDS[kind]
    arrays = [
        values((2, 3), "f8", *first),
        values((2, 3), "f8", *second, 1),
        values((4, 1, 3), "f8", 0.1, 0.4),
    ]
    agree(lambda ns, a, b, v: (make(ns, a, b).cdf(v), make(ns, a, b).icdf(v)), arrays)


@pytest.mark.parametrize("by", ["probs", "logits"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1,), (4,), (2, 3), (2, 1, 4), (0, 3)], ids=str)
def test_a_categorical_agrees(shape, dtype, by):
    classes = np.random.default_rng(3).integers(0, shape[-1], (5, *shape[:-1]))

    def asked(ns, w, c):
        made = ns.distributions.Categorical(**{by: w})
        return [made.probs, made.logits, made.log_prob(c), *answers(made)]

    if 0 in shape and by == "logits":  # PyTorch cannot check logits without elements
        refuse(lambda ns: ns.distributions.Categorical(logits=ns.zeros(shape)))
    else:
        agree(asked, [weights(shape, dtype), classes])


def test_classes_broadcast_with_the_batch():
    for sizes in ((), (1,), (2,), (3, 1), (5, 3, 2)):
        classes = np.random.default_rng(0).integers(0, 4, sizes)
        agree(
            lambda ns, w, c: ns.distributions.Categorical(w).log_prob(c), [weights((3, 2, 4), "f8"), classes]
        )


def test_a_class_that_never_comes_costs_no_nan():
    never = np.array([0.0, 0.3, 0.7])
    agree(lambda ns, w: ns.distributions.Categorical(w).entropy(), [never])
    agree(
        lambda ns, w: ns.distributions.Categorical(logits=w).entropy(),
        [np.array([-np.inf, 0.0, 1.0])],
        order=0,
    )
    agree(lambda ns, w: ns.distributions.Bernoulli(w).entropy(), [np.array([0.0, 1.0, 0.5])])


def test_a_fair_coin_has_no_mode():
    agree(lambda ns, p: ns.distributions.Bernoulli(p).mode, [np.array([0.5, 0.4, 0.6])])


@pytest.mark.parametrize("expand", [True, False])
def test_all_values_are_listed(expand):
    for ns_kind, shape in (
        ("Categorical", (2, 1, 3)),
        ("Categorical", (3,)),
        ("Bernoulli", (2, 3)),
        ("Bernoulli", ()),
    ):
        agree(
            lambda ns, w, k=ns_kind: getattr(ns.distributions, k)(w / 2).enumerate_support(expand),
            [weights(shape, "f4")],
        )


PAIRS = [((), ()), ((3,), (3,)), ((2, 3), (1, 3)), ((2, 3), (2, 3))]


@pytest.mark.parametrize("sizes", PAIRS, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_divergences_agree(kind, sizes):
    make, first, second = KINDS[kind]
    arrays = [values(s, "f8", *edges, seed) for seed, (s, edges) in enumerate([(s, e) for s in sizes for e in (first, second)])]  # fmt: skip

    def divergence(ns, a, b, c, d):
        return ns.distributions.kl_divergence(make(ns, a, b), make(ns, c, d))

    if kind.startswith("Normal") or sizes[0] == sizes[1]:  # PyTorch's other formulas do not broadcast
        agree(divergence, arrays)


@pytest.mark.parametrize("by", ["probs", "logits"])
def test_divergences_of_categoricals_agree(by):
    def divergence(ns, a, b):
        kind = ns.distributions.Categorical
        return ns.distributions.kl_divergence(kind(**{by: a}), kind(**{by: b}))

    for first, second in (((4,), (4,)), ((2, 4), (2, 4)), ((2, 3, 4), (3, 4))):
        agree(divergence, [weights(first, "f8"), weights(second, "f8", 1)])
    hollow, other = np.array([0.0, 0.5, 0.5]), np.array([0.5, 0.5, 0.0])
    if by == "probs":
        agree(divergence, [hollow, other], order=0)
        agree(divergence, [hollow, weights(3, "f8")])


def test_divergences_of_certain_coins_agree():
    sure = np.array([0.0, 1.0, 0.0, 1.0, 0.5, 0.5, 0.3])
    other = np.array([0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.6])
    kind = "Bernoulli"
    agree(lambda ns, a, b: ns.distributions.kl_divergence(*[getattr(ns.distributions, kind)(x) for x in (a, b)]), [sure, other])  # fmt: skip


def test_divergences_broadcast_where_pytorch_cannot():
    p, q = weights((2, 3), "f8") / 2, weights((3,), "f8", 1) / 2
    kind = tt.distributions.Bernoulli
    ours = tt.distributions.kl_divergence(kind(tt.tensor(p)), kind(tt.tensor(q)))
    theirs = torch.distributions.kl_divergence(
        *[torch.distributions.Bernoulli(torch.tensor(x)) for x in (p, np.broadcast_to(q, (2, 3)).copy())]
    )
    np.testing.assert_allclose(ours.numpy(), theirs.numpy())


def test_independent_agrees():
    def asked(ns, a, b, v):
        d = ns.distributions
        p = d.Independent(d.Normal(a, b), 1)
        q = d.Independent(d.Normal(b, b), 1)
        assert (p.batch_shape, p.event_shape) == ((2,), (3,))
        assert p.expand((5, 2)).log_prob(v).shape == (5, 2)
        return p.log_prob(v), p.entropy(), p.mean, p.variance, p.mode, d.kl_divergence(p, q)

    agree(
        asked, [values((2, 3), "f8", -1, 1), values((2, 3), "f8", 0.5, 1), values((5, 1, 3), "f8", -1, 1)][:3]
    )


def refuse(call):
    """Both refuse, with a kind of error that PyTorch's except clauses catch."""
    with pytest.raises(Exception) as theirs:
        call(torch)
    with pytest.raises(type(theirs.value)) as ours:
        call(tt)
    return str(ours.value), str(theirs.value)


REFUSALS = {
    "no probabilities": lambda ns: ns.distributions.Categorical(),
    "both": lambda ns: ns.distributions.Bernoulli(probs=0.5, logits=0.0),
    "no axes": lambda ns: ns.distributions.Categorical(ns.tensor(1.0)),
    "no axes, logits": lambda ns: ns.distributions.Categorical(logits=ns.tensor(1.0)),
    "negative": lambda ns: ns.distributions.Categorical(ns.tensor([-1.0, 2.0])),
    "all zero": lambda ns: ns.distributions.Categorical(ns.zeros(2)),
    "nan": lambda ns: ns.distributions.Categorical(logits=ns.tensor([float("nan"), 2.0])),
    "no spread": lambda ns: ns.distributions.Normal(0.0, 0.0),
    "negative spread": lambda ns: ns.distributions.Normal(ns.zeros(2), ns.tensor([1.0, -1.0])),
    "nan mean": lambda ns: ns.distributions.Normal(float("nan"), 1.0),
    "more than certain": lambda ns: ns.distributions.Bernoulli(ns.tensor([0.5, 1.5])),
    "upside down": lambda ns: ns.distributions.Uniform(1.0, 0.0),
    "half a coin": lambda ns: ns.distributions.Bernoulli(0.5).log_prob(ns.tensor(0.5)),
    "no such class": lambda ns: ns.distributions.Categorical(ns.ones(3)).log_prob(ns.tensor(3)),
    "outside": lambda ns: ns.distributions.Uniform(0.0, 1.0).log_prob(ns.tensor(1.5)),
    "a number as value": lambda ns: ns.distributions.Normal(0.0, 1.0).log_prob(0.5),
    "another shape": lambda ns: ns.distributions.Normal(ns.zeros(3), 1.0).log_prob(ns.zeros(2)),
    "another event": lambda ns: ns.distributions.Independent(
        ns.distributions.Normal(ns.zeros(3), 1.0), 1).log_prob(ns.zeros(2)),
    "too many axes": lambda ns: ns.distributions.Independent(ns.distributions.Normal(0.0, 1.0), 1),
    "a word": lambda ns: ns.distributions.Normal("0", 1.0),
    "shapes that do not fit": lambda ns: ns.distributions.Normal(ns.zeros(3), ns.ones(2)),
    "no formula": lambda ns: ns.distributions.kl_divergence(
        ns.distributions.Bernoulli(0.5), ns.distributions.Categorical(ns.ones(2))),
    "no gradient through classes": lambda ns: ns.distributions.Categorical(ns.ones(2)).rsample(),
    "neither on nor off": lambda ns: ns.distributions.Distribution.set_default_validate_args(2),
    "no mode": lambda ns: ns.distributions.Distribution(validate_args=False).mode,
    "no draws": lambda ns: ns.distributions.Categorical(ns.ones(2)).sample((0,)),
    "a product of values": lambda ns: ns.distributions.Independent(
        ns.distributions.Bernoulli(ns.ones(2)), 1).enumerate_support(),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSALS)
def test_what_pytorch_refuses_is_refused(what):
    ours, theirs = refuse(REFUSALS[what])
    if theirs.startswith(("Expected", "Either", "`", "Value is", "The value", "The right", "No KL")):
        said = re.sub(r"torch.Size\(\[(\d*)\]\)", lambda m: f"({m[1]},)" if m[1] else "()", theirs)
        said = said.replace(
            "Number, torch.Tensor or objects implementing __torch_function__.", "Number or tinytorch.Tensor"
        )
        # how values print is tested elsewhere
        assert ours.partition("found invalid")[0] == said.partition("found invalid")[0]


@pytest.mark.parametrize("ns", [tt, torch], ids=["tinytorch", "torch"])
def test_checks_can_be_switched_off(ns):
    kind = ns.distributions.Distribution
    assert ns.distributions.Bernoulli(0.5, validate_args=False).log_prob(ns.tensor(0.25)).isfinite()
    kind.set_default_validate_args(False)
    try:
        ns.distributions.Normal(0.0, -1.0)
    finally:
        kind.set_default_validate_args(True)
    with pytest.raises(ValueError, match="to satisfy the constraint GreaterThan"):
        ns.distributions.Normal(0.0, -1.0)


MAKERS = {
    "Normal": lambda ns: ns.distributions.Normal(ns.tensor([-1.0, 2.0]), ns.tensor([0.5, 2.0])),
    "Uniform": lambda ns: ns.distributions.Uniform(ns.tensor([-1.0, 2.0]), ns.tensor([0.5, 3.0])),
    "Bernoulli": lambda ns: ns.distributions.Bernoulli(ns.tensor([0.2, 0.9])),
    "logits": lambda ns: ns.distributions.Bernoulli(logits=ns.tensor([0.2, -0.9])),
    "Categorical": lambda ns: ns.distributions.Categorical(ns.tensor([[1.0, 2.0, 5.0], [3.0, 1.0, 0.0]])),
    "Independent": lambda ns: ns.distributions.Independent(
        ns.distributions.Normal(ns.tensor([-1.0, 2.0]), ns.tensor([0.5, 2.0])), 1),
    "one": lambda ns: ns.distributions.Normal(0.0, 1),
    "one coin": lambda ns: ns.distributions.Bernoulli(logits=1),
    "one die": lambda ns: ns.distributions.Categorical(logits=ns.ones(6)),
}  # fmt: skip


@pytest.mark.parametrize("what", MAKERS)
def test_shapes_types_and_expansions_agree(what):
    ours, theirs = MAKERS[what](tt), MAKERS[what](torch)
    for both in (
        (ours, theirs),
        (ours.expand((4, *ours.batch_shape)), theirs.expand((4, *theirs.batch_shape))),
    ):
        seen = [
            (
                tuple(d.batch_shape), tuple(d.event_shape), d.has_rsample, d.has_enumerate_support,
                str(d.support).replace("torch.Size", "").partition("tensor")[0],
                *[tuple(d.sample(s).shape) for s in ((), (3,), [2, 1])],
                repr(d.sample().dtype).rpartition(".")[2],
                tuple(d.log_prob(d.sample((2,))).shape), tuple(d.entropy().shape), d._validate_args,
                repr(d).replace("torch.Size([", "(").partition("(")[0],
            )
            for d in both
        ]  # fmt: skip
        assert seen[0] == seen[1]


@pytest.mark.parametrize("what", MAKERS)
def test_draws_have_the_mean_and_the_spread(what):
    tt.manual_seed(0)
    made, count = MAKERS[what](tt), 20000
    drawn = made.sample((count,)).numpy().astype("f8")
    assert not made.sample().requires_grad
    if made.has_enumerate_support and "Categorical" in type(made).__name__:
        shares = np.stack([(drawn == k).mean(0) for k in range(made.probs.shape[-1])], -1)
        np.testing.assert_allclose(shares, made.probs.numpy(), atol=0.015)
        return
    spread = made.stddev.numpy()
    assert (abs(drawn.mean(0) - made.mean.numpy()) < 4 * spread / count**0.5).all()
    np.testing.assert_allclose(drawn.std(0), spread, rtol=0.03)


@pytest.mark.parametrize("kind", ["Normal", "Uniform"])
def test_gradients_reach_the_parameters_through_draws(kind):
    grads = []
    for ns in (tt, torch):
        a, b = ns.tensor([0.0, 1.0], requires_grad=True), ns.tensor([2.0, 3.0], requires_grad=True)
        made = getattr(ns.distributions, kind)(a, b)
        drawn = made.rsample((5,))
        ((grad_a, grad_b)) = ns.autograd.grad(drawn.sum(), (a, b))
        # d(draw)/d(parameters), from the draw itself
        noise = (drawn.detach() - a.detach()) / (b.detach() - (a.detach() if kind == "Uniform" else 0))
        want_b = noise.sum(0)
        want_a = 5 - want_b if kind == "Uniform" else ns.full((2,), 5.0)
        grads.append((grad_a - want_a, grad_b - want_b))
    for each in (*grads[0], *grads[1]):
        np.testing.assert_allclose(each.numpy(), 0, atol=1e-5)


def test_sample_n_is_an_old_name():
    with pytest.warns(FutureWarning, match="will be deprecated"):
        assert tt.distributions.Normal(0.0, 1.0).sample_n(3).shape == (3,)


def test_what_is_computed_later_has_gradients():
    w = tt.tensor([0.5, 0.5], requires_grad=True)
    made = tt.distributions.Categorical(w)
    with tt.no_grad():
        made.logits  # noqa: B018
    assert made.logits.requires_grad


@pytest.mark.parametrize("ns", [tt, torch], ids=["tinytorch", "torch"])
def test_the_nearest_formula_counts(ns):
    d = ns.distributions

    class Mine(d.Normal):
        pass

    class Other(d.Normal):
        def __init__(self):
            super().__init__(0.0, 1.0)

    p, q = Mine(0.0, 1.0), Other()
    assert d.kl_divergence(p, q).item() == 0
    d.register_kl(Mine, d.Normal)(lambda p, q: 1)
    assert (d.kl_divergence(p, q), d.kl_divergence(q, q).item()) == (1, 0)
    d.register_kl(d.Normal, Other)(lambda p, q: 2)
    with pytest.warns(RuntimeWarning, match=r"Ambiguous kl_divergence\(Mine, Other\)"):
        assert d.kl_divergence(p, q) == 1
    d.register_kl(Mine, Other)(lambda p, q: 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert d.kl_divergence(p, q) == 3
    assert isinstance(Mine(0.0, 1.0).expand((2,)), Mine)
    with pytest.raises(NotImplementedError, match=r"must also define a custom .expand\(\) method"):
        q.expand((2,))


@pytest.mark.parametrize("ns", [tt, torch], ids=["tinytorch", "torch"])
def test_a_kind_of_ones_own(ns):
    class Sure(ns.distributions.Distribution):
        arg_constraints = {"at": ns.distributions.constraints.real}

        def __init__(self, at, validate_args=None):
            self.at = at
            super().__init__(at.shape, validate_args=validate_args)

        def rsample(self, sample_shape=()):
            return self.at.expand(self._extended_shape(sample_shape))

        def log_prob(self, value):
            self._validate_sample(value)
            return (value == self.at).to(value.dtype).log()

    made = Sure(ns.zeros(2))
    assert tuple(made.sample((3,)).shape) == (3, 2)
    with pytest.warns(UserWarning, match="does not define `support`"):
        assert made.log_prob(ns.zeros(2)).tolist() == [0, 0]
    with pytest.warns(UserWarning, match="does not define `arg_constraints`"):
        ns.distributions.Distribution()
    with pytest.raises(ValueError, match=r"the constraint Real\(\)"):
        Sure(ns.tensor(float("nan")))


OLD = [
    "FloatTensor()", "FloatTensor([[1, 2], [3, 4]])", "FloatTensor(np.arange(3))", "LongTensor([1.5])", "FloatTensor([])",
    "LongTensor(np.array([1.5]))", "LongTensor(range(4))", "FloatTensor(T.ones(2))", "FloatTensor((2, 3))",
    "BoolTensor([1, 0, 2])", "HalfTensor([1.5])", "DoubleTensor([1])", "ShortTensor([7])", "IntTensor([7])",
    "CharTensor([-7])", "ByteTensor([7])", "LongTensor(np.arange(4)[::2])", "FloatTensor([T.tensor(1.0), T.tensor(2)])",
    "FloatTensor(bytearray(b'ab'))", "LongTensor([True])", "ByteTensor(np.array([300]))",
    "tensor(__import__('collections').deque([1, 2.5]))",
]  # fmt: skip
SIZES = [
    "FloatTensor(2, 3)",
    "FloatTensor(5)",
    "LongTensor(T.Size([2, 3]))",
    "FloatTensor(np.int64(3))",
    "BoolTensor(0)",
]
NOT = [
    "FloatTensor(2.5)", "FloatTensor(True)", "FloatTensor('ab')", "FloatTensor(None)", "FloatTensor({1: 2})",
    "FloatTensor(T.tensor([1]))", "LongTensor(T.ones(2))", "FloatTensor(-1)", "FloatTensor([1], [2])",
    "FloatTensor(2, 3.5)", "FloatTensor([[1], [2, 3]])", "IntTensor([2**40])", "ByteTensor([300])",
    "LongTensor(2, dtype=T.int64)", "FloatTensor(x for x in [1])",
]  # fmt: skip


@pytest.mark.parametrize("call", OLD + SIZES)
def test_old_constructors_agree(call):
    ours, theirs = [eval(f"T.{call}", {"T": ns, "np": np}) for ns in (tt, torch)]
    assert (tuple(ours.shape), ours.type() if "." not in call else None) == (tuple(theirs.shape), theirs.type() if "." not in call else None)  # fmt: skip
    assert repr(ours.dtype).rpartition(".")[2] == repr(theirs.dtype).rpartition(".")[2]
    if call not in SIZES:
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


@pytest.mark.parametrize("call", NOT)
def test_old_constructors_refuse(call):
    refuse(lambda ns: eval(f"T.{call}", {"T": ns}))


@pytest.mark.parametrize("ns", [tt, torch], ids=["tinytorch", "torch"])
def test_old_types_name_and_share(ns):
    x, array = ns.ones(2), np.zeros(2, "f4")
    ns.FloatTensor(x)[0] = 5
    ns.FloatTensor(array)[0] = 5
    assert (x.tolist(), array.tolist()) == ([5, 1], [5, 0])
    assert isinstance(x, ns.FloatTensor)
    assert not isinstance(x, ns.LongTensor)
    assert x.type(ns.LongTensor).dtype is ns.int64
    assert ns.HalfTensor.dtype is ns.float16
