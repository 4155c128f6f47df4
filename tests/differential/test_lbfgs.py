"""L-BFGS beside PyTorch's: every parameter after every step, with and without a line search."""

import copy

import numpy as np
import pytest
import torch

import tinytorch

START = np.random.default_rng(0)
DATA, TARGET = START.standard_normal((20, 3)), START.standard_normal((20, 1))
WEIGHTS = [START.standard_normal((4, 3)), START.standard_normal((1, 4))]
LOSSES = {
    "rosenbrock": lambda ns, ps: (1 - ps[0][0, 0]) ** 2 + 100 * (ps[1][0, 0] - ps[0][0, 0] ** 2) ** 2,
    "network": lambda ns, ps: (
        ((ns.from_numpy(DATA) @ ps[0].mT).tanh() @ ps[1].mT - ns.from_numpy(TARGET)) ** 2
    ).mean(),
    "bent": lambda ns, ps: (ps[0] ** 4 + ps[0].sin() * 3).sum() + ps[1].exp().sum() - ps[1].sum() * 2,
}
OPTIONS = {
    "plain": {"lr": 0.1},
    "short memory": {"lr": 0.2, "history_size": 3, "max_iter": 8},
    "line search": {"line_search_fn": "strong_wolfe"},
    "line search from afar": {"line_search_fn": "strong_wolfe", "lr": 30.0, "max_iter": 7},
    "few evaluations": {"line_search_fn": "strong_wolfe", "max_eval": 6},
}  # fmt: skip


def steps(ns, loss, options, resumed=False):
    """The losses and the parameters after each of four steps, and how often the loss was computed."""
    parameters = [ns.from_numpy(each.copy()).requires_grad_() for each in WEIGHTS]
    optimizer = ns.optim.LBFGS(parameters, **OPTIONS[options])
    calls, seen = 0, []

    def closure():
        nonlocal calls
        calls += 1
        optimizer.zero_grad()
        value = LOSSES[loss](ns, parameters)
        value.backward()
        return value

    for turn in range(4):
        if resumed and turn == 2:
            kept = copy.deepcopy(optimizer.state_dict())
            optimizer = ns.optim.LBFGS(parameters, **OPTIONS[options])
            optimizer.load_state_dict(kept)
        seen.append(np.array(optimizer.step(closure).item()))
        seen += [each.detach().numpy().copy() for each in parameters]
    return calls, seen


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("loss", LOSSES)
def test_every_step_is_pytorchs(loss, options):
    calls, wanted = steps(torch, loss, options)
    own, found = steps(tinytorch, loss, options)
    assert own == calls
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, 1e-6, 1e-8)


@pytest.mark.parametrize("options", ["plain", "line search"])
def test_a_run_that_is_continued_from_its_state_goes_on_the_same(options):
    whole, parts = (steps(tinytorch, "network", options, resumed)[1] for resumed in (False, True))
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_is_refused():
    x = tinytorch.nn.Parameter(tinytorch.ones(2))
    with pytest.raises(RuntimeError, match="needs a closure"):
        tinytorch.optim.LBFGS([x]).step()
    with pytest.raises(ValueError, match="parameter groups"):
        tinytorch.optim.LBFGS([{"params": [x]}, {"params": [tinytorch.nn.Parameter(x.detach())]}])

    def closure():
        loss = (x**2).sum()
        loss.backward()
        return loss

    with pytest.raises(RuntimeError, match="strong_wolfe"):
        tinytorch.optim.LBFGS([x], line_search_fn="golden").step(closure)
