"""A GPT against one written in PyTorch's own functions: logits, loss, gradients, and the parameters after ten steps."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import tinytorch as tt
from tinytorch.models.gpt import GPT, flops_per_token, parameter_groups

torch.set_num_threads(1)
V, T, LAYERS, HEADS, WIDTH = 11, 8, 2, 2, 12
KINDS = list(itertools.product(("learned", "rotary"), ("layer", "rms"), (True, False), (True, False)))


def by_torch(w, ids, positions, norm):
    """The same model from a dictionary of weights, in complex numbers where it turns pairs."""

    def normal(x, name):
        if norm == "rms":
            return F.rms_norm(x, (WIDTH,), w[f"{name}.weight"])
        return F.layer_norm(x, (WIDTH,), w[f"{name}.weight"], w.get(f"{name}.bias"))

    def product(x, name):
        return F.linear(x, w[f"{name}.weight"], w.get(f"{name}.bias"))

    def turned(x):
        if positions == "learned":
            return x
        pairs = x.shape[-1] // 2
        angles = torch.arange(x.shape[2])[:, None] / 10000 ** (torch.arange(pairs).double() / pairs)
        z = torch.view_as_complex(x.reshape(*x.shape[:-1], pairs, 2).contiguous())
        return torch.view_as_real(z * torch.polar(torch.ones_like(angles), angles).to(z.dtype)).flatten(-2)

    x = w["tokens.weight"][ids]
    if positions == "learned":
        x = x + w["positions.weight"][: ids.shape[1]]
    for i in range(LAYERS):
        name = f"blocks.{i}"
        parts = product(normal(x, f"{name}.norm_1"), f"{name}.attention.qkv").chunk(3, -1)
        q, k, v = (p.reshape(*p.shape[:2], HEADS, -1).transpose(1, 2) for p in parts)
        y = F.scaled_dot_product_attention(turned(q), turned(k), v, is_causal=True)
        x = x + product(y.transpose(1, 2).reshape(x.shape), f"{name}.attention.projection")
        hidden = F.gelu(product(normal(x, f"{name}.norm_2"), f"{name}.mlp.0"), approximate="tanh")
        x = x + product(hidden, f"{name}.mlp.2")
    return F.linear(normal(x, "norm"), w["head.weight"])


def both(positions, norm, bias, tied):
    """Our model, and its weights as PyTorch's leaves, tied where ours are."""
    tt.manual_seed(3)
    model = GPT(V, T, LAYERS, HEADS, WIDTH, positions=positions, norm=norm, bias=bias, tied=tied).double()
    with tt.no_grad():
        for parameter in model.parameters():  # so that biases and norms matter
            parameter.add_(tt.randn(parameter.shape, dtype=tt.float64) * 0.2)
    weights = {
        n: torch.from_numpy(p.detach().numpy().copy()).requires_grad_() for n, p in model.state_dict().items()
    }
    if tied:
        weights["head.weight"] = weights["tokens.weight"]
    return model, weights


@pytest.mark.parametrize(("positions", "norm", "bias", "tied"), KINDS)
def test_logits_loss_and_gradients_agree(positions, norm, bias, tied):
    model, weights = both(positions, norm, bias, tied)
    ids = np.random.default_rng(0).integers(0, V, (3, T))
    targets = np.random.default_rng(1).integers(0, V, (3, T))
    logits, loss = model(tt.from_numpy(ids), tt.from_numpy(targets))
    expected = by_torch(weights, torch.from_numpy(ids), positions, norm)
    np.testing.assert_allclose(logits.detach().numpy(), expected.detach().numpy(), rtol=1e-8, atol=1e-10)
    cross = F.cross_entropy(expected.flatten(0, 1), torch.from_numpy(targets).flatten())
    np.testing.assert_allclose(loss.item(), cross.item(), rtol=1e-10)
    loss.backward()
    cross.backward()
    for name, parameter in model.named_parameters():
        np.testing.assert_allclose(
            parameter.grad.numpy(), weights[name].grad.numpy(), rtol=1e-7, atol=1e-10, err_msg=name
        )


def test_ten_steps_of_adamw_lead_to_the_same_parameters():
    model, weights = both("learned", "layer", True, True)
    optimizers = [
        tt.optim.AdamW(parameter_groups(model, 0.1), lr=1e-2, betas=(0.9, 0.95)),
        torch.optim.AdamW(
            [
                {"params": [w for w in dict.fromkeys(weights.values()) if w.ndim >= 2], "weight_decay": 0.1},
                {"params": [w for w in weights.values() if w.ndim < 2], "weight_decay": 0.0},
            ],
            lr=1e-2,
            betas=(0.9, 0.95),
        ),
    ]
    rng = np.random.default_rng(2)
    for _ in range(10):
        ids, targets = rng.integers(0, V, (2, 3, T))
        losses = [
            model(tt.from_numpy(ids), tt.from_numpy(targets))[1],
            F.cross_entropy(
                by_torch(weights, torch.from_numpy(ids), "learned", "layer").flatten(0, 1),
                torch.from_numpy(targets).flatten(),
            ),
        ]
        for loss, optimizer in zip(losses, optimizers, strict=True):
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        np.testing.assert_allclose(losses[0].item(), losses[1].item(), rtol=1e-8)
    for name, parameter in model.named_parameters():
        np.testing.assert_allclose(
            parameter.detach().numpy(), weights[name].detach().numpy(), rtol=1e-6, atol=1e-9
        )


@pytest.mark.parametrize(("positions", "tied"), [("learned", True), ("learned", False), ("rotary", True)])
def test_flops_are_those_that_pytorchs_counter_counts(positions, tied):
    model, weights = both(positions, "layer", True, tied)
    ids = torch.zeros(1, T, dtype=torch.long)
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        by_torch(weights, ids, positions, "layer").sum().backward()
    vectors = sum(
        p.numel() for p in model.parameters() if p.ndim < 2
    )  # 6 N counts them, though they are only added
    assert flops_per_token(model) == counter.get_total_flops() / T + 6 * vectors
