"""Compound expressions in C: the list is what the cards come to, and each gives what NumPy gives."""

from __future__ import annotations

import numpy as np
import pytest

import tinytorch as tt
from tinytorch.devices.cpu import CALLS, FUNCTIONS, arity, source
from tinytorch.devices.native import compound
from tinytorch.devices.native.compound import EXPRESSIONS, LEAST, in_one_pass, inputs_of
from tinytorch.devices.native.expressions import (
    BOOL,
    DOUBLE,
    FLOAT,
    LONG,
    Code,
    Untranslated,
    one_at_a_time,
    squared,
    translated,
)
from tinytorch.devices.native.library import kernels
from tinytorch.ops import activations, elementwise
from tinytorch.ops.card import Elementwise

SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-40, 100.0, -100.0, 1.0, 0.5], np.float32)


@pytest.fixture(autouse=True)
def quietly():
    tt.zeros(1)  # the device turns NumPy's warnings off, which must outlast this block
    with np.errstate(all="ignore"):
        yield


def expressions_of_cards():
    """What takes more than one function and has C, from every elementwise card and every gradient of one."""
    cards = [
        c
        for module in (elementwise, activations)
        for c in vars(module).values()
        if isinstance(c, Elementwise)
    ]
    rules = [rule.expr for card in cards for rule in card.rules or () if rule and not rule.through]
    for expr in dict.fromkeys([*[card.expr for card in cards], *rules]):
        single = isinstance(expr, int) or expr[1:] == tuple(range(len(expr) - 1))
        if not single and not one_at_a_time(expr):
            try:
                translated(squared(expr), [Code("x", FLOAT)] * arity(expr))
            except Untranslated:
                continue
            yield expr


def passes(expr):
    """The expression by NumPy, function by function."""
    constants = {}
    text = source(expr, constants)
    return eval(f"lambda {', '.join(f'x{i}' for i in range(arity(expr)))}: {text}", CALLS | constants)


def inputs(expr, size, seed=0):
    random = np.random.default_rng(seed)
    xs = [random.standard_normal(size).astype(np.float32) for _ in range(inputs_of(expr))]
    for x in xs:
        x[: size // 8] = random.choice(SPECIAL, size // 8)
    return xs


def test_the_list_is_what_the_cards_come_to():
    assert set(EXPRESSIONS) == set(expressions_of_cards())
    assert len(set(EXPRESSIONS)) == len(EXPRESSIONS)


@pytest.mark.kernels
@pytest.mark.parametrize("expr", EXPRESSIONS, ids=str)
def test_each_gives_what_numpy_gives(expr):
    assert kernels() is not None
    for size in (LEAST, 3 * LEAST + 5):
        xs = inputs(expr, size)
        mine, theirs = in_one_pass(expr, None)(*xs), passes(expr)(*xs)
        assert mine.dtype == np.float32
        wide = passes(expr)(*[x.astype(np.float64) for x in xs])
        # Where differences cancel, what is rounded is small beside the inputs, not beside the result.
        near = np.isclose(mine, theirs, rtol=3e-6, atol=1e-30, equal_nan=True)
        largest = np.max([np.abs(x) for x in xs], 0)
        true = np.abs(mine - wide) <= np.abs(theirs - wide) + 1e-6 * np.abs(wide) + 2e-7 * largest
        assert (near | true).all(), [x[~(near | true)][:3] for x in (*xs, mine, theirs, wide)]
        np.testing.assert_array_equal(np.isnan(mine), np.isnan(theirs))


@pytest.mark.kernels
def test_numbers_without_axes_stand_for_all(monkeypatch):
    clamp = ("minimum", ("maximum", 0, 1), 2)
    x, low, high = inputs(clamp, LEAST)[0], np.array(-0.5, np.float32), np.array(0.25, np.float32)
    np.testing.assert_array_equal(in_one_pass(clamp, None)(x, low, high), passes(clamp)(x, low, high))


@pytest.mark.kernels
def test_what_c_does_not_take_stays_with_numpy():
    expr, seen = ("sub", 0, ("mul", ("mul", 0, 1), 1)), []
    function = in_one_pass(expr, lambda *xs: seen.append(xs))
    x = np.ones((80, 80), np.float32)
    for pair in ((x.astype(np.float64), x), (x.T[:, ::-1], x), (x, x[:1]), (x[:, :1], x), (x, x.T)):
        function(*pair)
    assert len(seen) == 4 + 1
    assert function(x, x).shape == (80, 80)
    assert len(seen) == 5


def test_large_arrays_take_it_and_small_ones_do_not(monkeypatch):
    expr, calls = ("mul", ("mul", 0, 1), ("sub", ("const", "1.0"), 1)), []
    real = compound.compiled
    monkeypatch.setattr(compound, "compiled", lambda each: calls.append(each) or real(each))
    for size, count in ((LEAST - 1, 0), (LEAST, 1)):
        FUNCTIONS[expr](*inputs(expr, size))
        assert len(calls) == count


def test_functions_that_are_not_this_packages_own_are_left_alone():
    class Functions(dict):
        def __missing__(self, expr):
            return None

    functions = Functions()
    compound.with_loops(functions, source, CALLS)
    assert functions == {}


def test_without_kernels_numpy_computes(monkeypatch):
    expr = ("sub", 0, ("mul", ("mul", 0, 1), 1))
    monkeypatch.setattr(compound, "compiled", lambda each: None)
    xs = inputs(expr, LEAST)
    np.testing.assert_array_equal(in_one_pass(expr, passes(expr))(*xs), passes(expr)(*xs))


@pytest.mark.parametrize("name", ["relu", "tanh", "sigmoid", "reciprocal", "rsqrt", "erf"])
def test_gradients_of_large_tensors(name):
    x = (tt.linspace(-4.0, 4.0, 3 * LEAST).abs() + 0.01).reshape(3, LEAST)
    small = x.detach().clone().requires_grad_()
    large = x.detach().clone().requires_grad_()
    getattr(large, name)().sum().backward()
    sum(getattr(part, name)().sum() for part in small.reshape(-1).split(LEAST // 2)).backward()
    np.testing.assert_allclose(large.grad.numpy(), small.grad.numpy(), rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("expr", "kinds", "text"),
    [
        (("mul", ("add", 0, 1), ("sub", 0, 1)), (FLOAT, FLOAT), "(a + b) * (a - b)"),
        (("sub", 0, ("sub", 0, 1)), (FLOAT, FLOAT), "a - (a - b)"),
        (("div", 0, ("mul", 0, 1)), (DOUBLE, DOUBLE), "a / (a * b)"),
        (("neg", ("neg", 0)), (FLOAT,), "-(-a)"),
        (("where", ("and", ("lt", 0, 1), ("not", ("isnan", 0))), ("exp", 0), ("const", "inf")), (FLOAT, FLOAT),
         "(a < b) & !(a != a) ? exponential(a) : INFINITY"),
        (("where", 0, ("where", 0, 1, 1), 1), (BOOL, FLOAT), "a ? (a ? b : b) : b"),
        (("exp", ("mul", 0, ("const", "0.1"))), (DOUBLE,), "exp(a * 0.1)"),
        (("ge", ("add", 0, ("const", "3")), 1), (LONG, LONG), "(int64_t)((uint64_t)a + (uint64_t)3) >= b"),
    ],
)  # fmt: skip
def test_c_has_the_parentheses_that_it_needs(expr, kinds, text):
    assert translated(expr, [Code(name, kind) for name, kind in zip("ab", kinds, strict=False)]).text == text


@pytest.mark.parametrize(
    ("expr", "kinds"),
    [(("lgamma", 0), (FLOAT,)), (("div", 0, 1), (LONG, LONG)), (("add", 0, 1), (FLOAT, DOUBLE)), (("where", 0, 0, 0), (FLOAT,)),
     (("neg", 0), (BOOL,))],
)  # fmt: skip
def test_what_has_no_c_is_said(expr, kinds):
    with pytest.raises(Untranslated):
        translated(expr, [Code(name, kind) for name, kind in zip("ab", kinds, strict=False)])
