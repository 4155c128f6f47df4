"""Activations as functions and as modules, in place too, and RMSprop and Adagrad, against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import tinytorch as tt

X = np.random.default_rng(11).normal(0, 3, (3, 4))
FUNCTIONS = {
    "celu": (1.3,), "selu": (), "mish": (), "hardsigmoid": (), "hardswish": (), "hardshrink": (0.7,), "softshrink": (0.7,),
    "softsign": (), "tanhshrink": (), "logsigmoid": (), "threshold": (0.1, 20.0), "softmin": (1,), "glu": (1,), "elu": (0.5,),
    "leaky_relu": (0.2,), "relu6": (), "silu": (), "hardtanh": (-1.0, 2.0), "gelu": (), "softplus": (2.0, 3.0), "relu": (),
}  # fmt: skip
IN_PLACE = [
    "celu",
    "selu",
    "mish",
    "hardsigmoid",
    "hardswish",
    "elu",
    "leaky_relu",
    "relu6",
    "silu",
    "hardtanh",
    "relu",
]
MODULES = {
    "CELU": {"alpha": 2.0}, "SELU": {}, "Mish": {}, "Hardsigmoid": {}, "Hardswish": {}, "Hardshrink": {"lambd": 0.3}, "Softshrink": {"lambd": 0.3},
    "Softsign": {}, "Tanhshrink": {}, "LogSigmoid": {}, "Threshold": {"threshold": 0.1, "value": 20}, "Softmin": {"dim": 1}, "GLU": {}, "PReLU": {},
    "ELU": {"inplace": True}, "ReLU6": {"inplace": True}, "LeakyReLU": {"inplace": True},
}  # fmt: skip


def first_and_second(ns, function, name=""):
    x = ns.from_numpy(X.copy()).requires_grad_()
    out = function(x)
    seed = ns.from_numpy(np.random.default_rng(5).normal(size=tuple(out.shape)))
    (g,) = ns.autograd.grad(out, x, seed, create_graph=True)
    twice = g.requires_grad and name != "hardsigmoid"  # of which PyTorch has no second derivative
    again = ns.autograd.grad(g.sum(), x, allow_unused=True)[0] if twice else None
    second = np.zeros_like(X) if again is None else again.detach().numpy()
    return out.detach().numpy(), g.detach().numpy(), second


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_activation_and_two_derivatives_agree(name):
    found = [
        first_and_second(ns, lambda x, ns=ns: getattr(ns.nn.functional, name)(x, *FUNCTIONS[name]), name)
        for ns in (tt, torch)
    ]
    for yours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(yours, theirs, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", IN_PLACE)
def test_an_activation_in_place_writes_into_its_input(name):
    found = []
    for ns in (tt, torch):
        x = ns.from_numpy(X.copy()).requires_grad_()
        h = x * 1
        out = getattr(ns.nn.functional, name)(h, inplace=True)
        assert out is h
        out.sum().backward()
        found.append((h.detach().numpy(), x.grad.numpy()))
    for yours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(yours, theirs, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_agrees_in_its_result_its_words_and_its_state(name):
    made = [getattr(ns.nn, name)(**MODULES[name]) for ns in (tt, torch)]
    assert repr(made[0]) == repr(made[1])
    assert list(made[0].state_dict()) == list(made[1].state_dict())
    results = [
        m.to(ns.float64)(ns.from_numpy(X.copy())).detach().numpy()
        for m, ns in zip(made, (tt, torch), strict=True)
    ]
    np.testing.assert_allclose(*results, rtol=1e-6, atol=1e-9)


def test_prelu_with_a_weight_for_each_channel():
    w = np.random.default_rng(2).normal(size=4)
    found = [
        first_and_second(ns, lambda x, ns=ns: ns.nn.functional.prelu(x, ns.from_numpy(w.copy())))
        for ns in (tt, torch)
    ]
    for yours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(yours, theirs, rtol=1e-6)


OPTIMIZERS = {
    "RMSprop": [{}, {"momentum": 0.9}, {"centered": True, "weight_decay": 0.1}, {"alpha": 0.5, "maximize": True}],
    "Adagrad": [{}, {"lr_decay": 0.1}, {"weight_decay": 0.1, "initial_accumulator_value": 0.5}],
    "SGD": [{"lr": 0.1, "foreach": False}], "Adam": [{"fused": True}], "AdamW": [{"foreach": True}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "options"), [(name, each) for name, some in OPTIMIZERS.items() for each in some], ids=str
)
def test_an_optimizer_goes_the_same_way(name, options):
    found = []
    for ns in (tt, torch):
        p = ns.nn.Parameter(ns.from_numpy(X.copy()))
        optimizer = getattr(ns.optim, name)([p], **options)
        for i in range(5):
            optimizer.zero_grad()
            ((p - i) ** 2).sum().backward()
            optimizer.step()
        found.append(
            (
                p.detach().numpy(),
                sorted(
                    set(optimizer.state_dict()["param_groups"][0]) - {"decoupled_weight_decay", "capturable"}
                ),
            )
        )
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-6)
    assert found[0][1] == found[1][1] or name == "RMSprop"
