"""The Gumbel-softmax beside PyTorch's: gradients for one draw, and how often each choice comes."""

import numpy as np
import pytest
import torch

import tinytorch

LOGITS = np.random.default_rng(0).standard_normal((5, 4))
WEIGHTS = np.random.default_rng(1).standard_normal((5, 4))
WAITS = np.random.default_rng(2).standard_exponential((5, 4))


@pytest.mark.parametrize(
    ("tau", "hard", "dim"), [(1, False, -1), (0.3, False, 0), (2.0, True, -1), (0.5, True, 0)]
)
def test_for_the_same_draw_choices_and_gradients_are_the_same(tau, hard, dim, monkeypatch):
    made = []
    for ns in (torch, tinytorch):
        monkeypatch.setattr(ns.Tensor, "exponential_", lambda x, ns=ns: x.copy_(ns.from_numpy(WAITS)))
        x = ns.from_numpy(LOGITS).requires_grad_()
        out = ns.nn.functional.gumbel_softmax(x, tau, hard, dim=dim)
        (out * ns.from_numpy(WEIGHTS)).sum().backward()
        made.append((out.detach().numpy(), x.grad.numpy()))
    for wanted, found in zip(*made, strict=True):
        np.testing.assert_allclose(found, wanted, 1e-9, 1e-12)


def test_each_choice_comes_as_often_as_the_softmax_says():
    tinytorch.manual_seed(0)
    x = tinytorch.tensor([0.5, -1.0, 2.0]).expand(20_000, 3)
    shares = tinytorch.nn.functional.gumbel_softmax(x, hard=True).mean(0)
    assert tinytorch.allclose(shares, x[0].softmax(0), atol=0.02)


def test_as_strided_is_a_function_too():
    x = np.arange(6.0)
    found, wanted = (ns.as_strided(ns.from_numpy(x), (2, 2), (1, 2), 1).numpy() for ns in (tinytorch, torch))
    np.testing.assert_array_equal(found, wanted)
