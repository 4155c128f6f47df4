"""Layers, losses, optimizers and schedules against PyTorch, from the same weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import tinytorch as tt

RANDOM = np.random.default_rng(1)


def same(ours, theirs, **tolerance):
    np.testing.assert_allclose(
        ours.detach().numpy(), theirs.detach().numpy(force=True), **{"rtol": 1e-5, "atol": 1e-6} | tolerance
    )


def twin_models(build):
    torch.manual_seed(0)
    theirs, ours = build(torch), build(tt)
    ours.load_state_dict({name: tt.from_numpy(t.numpy().copy()) for name, t in theirs.state_dict().items()})
    return ours, theirs


def mlp(ns):
    return ns.nn.Sequential(ns.nn.Linear(6, 8), ns.nn.Tanh(), ns.nn.Linear(8, 4))


OPTIMIZERS = {
    "sgd": lambda ns, p: ns.optim.SGD(p, lr=0.1),
    "momentum": lambda ns, p: ns.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01, dampening=0.1),
    "nesterov": lambda ns, p: ns.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "adam": lambda ns, p: ns.optim.Adam(p, lr=0.01, weight_decay=0.1),
    "amsgrad": lambda ns, p: ns.optim.Adam(p, lr=0.01, amsgrad=True),
    "adamw": lambda ns, p: ns.optim.AdamW(p, lr=0.01, betas=(0.8, 0.99), weight_decay=0.1),
    "maximize": lambda ns, p: ns.optim.AdamW(p, lr=0.01, maximize=True),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_twenty_steps_lead_to_the_same_parameters(name):
    models = twin_models(mlp)
    x, y = RANDOM.normal(size=(5, 6)).astype("f4"), RANDOM.integers(0, 4, 5)
    for ns, model in zip((tt, torch), models, strict=True):
        optimizer = OPTIMIZERS[name](ns, model.parameters())
        for _ in range(20):
            optimizer.zero_grad()
            loss = ns.nn.functional.cross_entropy(model(ns.from_numpy(x)), ns.from_numpy(y))
            loss.backward()
            ns.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            optimizer.step()
        again = OPTIMIZERS[name](ns, model.parameters())
        again.load_state_dict(optimizer.state_dict())
    for ours, theirs in zip(models[0].parameters(), models[1].parameters(), strict=True):
        same(ours, theirs, rtol=1e-4, atol=1e-5)


SCHEDULES = {
    "step": lambda s, o: s.StepLR(o, 3, 0.5),
    "multi": lambda s, o: s.MultiStepLR(o, [2, 5], 0.1),
    "exponential": lambda s, o: s.ExponentialLR(o, 0.9),
    "cosine": lambda s, o: s.CosineAnnealingLR(o, 10, 0.01),
    "linear": lambda s, o: s.LinearLR(o, 0.1, 1.0, 4),
    "lambda": lambda s, o: s.LambdaLR(o, lambda step: 1 / (step + 1)),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_give_the_same_rates(name):
    rates = []
    for ns in (tt, torch):
        optimizer = ns.optim.SGD([ns.ones(1, requires_grad=True)], lr=0.3)
        schedule = SCHEDULES[name](ns.optim.lr_scheduler, optimizer)
        seen = []
        for _ in range(15):
            seen += schedule.get_last_lr()
            optimizer.step()
            schedule.step()
        rates.append(seen)
    np.testing.assert_allclose(*rates, rtol=1e-9, atol=1e-12)


LOSSES = {
    "cross_entropy": (lambda F, x, i, p: F.cross_entropy(x, i), "logits"),
    "cross_entropy sum": (lambda F, x, i, p: F.cross_entropy(x, i, reduction="sum"), "logits"),
    "cross_entropy none": (lambda F, x, i, p: F.cross_entropy(x, i, reduction="none").mean(), "logits"),
    "cross_entropy ignore": (lambda F, x, i, p: F.cross_entropy(x, i, ignore_index=2), "logits"),
    "cross_entropy smooth": (lambda F, x, i, p: F.cross_entropy(x, i, label_smoothing=0.1), "logits"),
    "cross_entropy weight": (
        lambda F, x, i, p: F.cross_entropy(x, i, weight=p[0], label_smoothing=0.2),
        "logits",
    ),
    "cross_entropy soft": (
        lambda F, x, i, p: F.cross_entropy(x, p, weight=p[0], label_smoothing=0.1),
        "logits",
    ),
    "nll": (lambda F, x, i, p: F.nll_loss(x.log_softmax(1), i, weight=p[0]), "logits"),
    "mse": (lambda F, x, i, p: F.mse_loss(x, p), "logits"),
    "l1": (lambda F, x, i, p: F.l1_loss(x, p), "logits"),
    "huber": (lambda F, x, i, p: F.huber_loss(x, p, delta=0.5), "logits"),
    "smooth_l1": (lambda F, x, i, p: F.smooth_l1_loss(x, p, beta=0.3), "logits"),
    "bce": (lambda F, x, i, p: F.binary_cross_entropy(x.sigmoid(), p), "logits"),
    "bce logits": (lambda F, x, i, p: F.binary_cross_entropy_with_logits(x, p, pos_weight=p[0]), "logits"),
    "kl": (lambda F, x, i, p: F.kl_div(x.log_softmax(1), p, reduction="batchmean"), "logits"),
    "gelu": (lambda F, x, i, p: F.gelu(x).sum(), "logits"),
    "gelu tanh": (lambda F, x, i, p: F.gelu(x, approximate="tanh").sum(), "logits"),
    "silu": (lambda F, x, i, p: F.silu(x).sum(), "logits"),
    "softplus": (lambda F, x, i, p: F.softplus(x, beta=2.0).sum(), "logits"),
    "elu": (lambda F, x, i, p: F.elu(x, 0.7).sum(), "logits"),
    "leaky_relu": (lambda F, x, i, p: F.leaky_relu(x, 0.1).sum(), "logits"),
    "hardtanh": (lambda F, x, i, p: F.hardtanh(x).sum(), "logits"),
    "normalize": (lambda F, x, i, p: (F.normalize(x) * p).sum(), "logits"),
    "cosine": (lambda F, x, i, p: F.cosine_similarity(x, p).sum(), "logits"),
    "pad": (lambda F, x, i, p: (F.pad(x, (1, 2, 0, 1), value=3.0) ** 2).sum(), "logits"),
    "logsigmoid": (lambda F, x, i, p: F.logsigmoid(x).sum(), "logits"),
}


@pytest.mark.parametrize("name", LOSSES)
def test_functions_have_the_same_value_and_gradients(name):
    function = LOSSES[name][0]
    logits, index = RANDOM.normal(size=(6, 4)) * 2, RANDOM.integers(0, 4, 6)
    index[0] = 2
    weights = RANDOM.uniform(0.2, 1.0, (6, 4))
    weights /= weights.sum(1, keepdims=True)
    results = []
    for ns in (tt, torch):
        x = ns.from_numpy(logits.copy()).requires_grad_()
        out = function(ns.nn.functional, x, ns.from_numpy(index), ns.from_numpy(weights.copy()))
        (first,) = ns.autograd.grad(out, x, create_graph=True)
        second = None
        if first.requires_grad:
            (second,) = ns.autograd.grad((first * first).sum(), x, allow_unused=True)
        results.append((out, first, second))
    same(results[0][0], results[1][0], rtol=1e-9, atol=1e-12)
    same(results[0][1], results[1][1], rtol=1e-9, atol=1e-12)
    if results[0][2] is not None and results[1][2] is not None:
        same(results[0][2], results[1][2], rtol=1e-8, atol=1e-10)


def test_modules_print_as_in_pytorch():
    def build(ns):
        nn = ns.nn
        return nn.Sequential(
            nn.Flatten(), nn.Linear(3, 4, bias=False), nn.ReLU(), nn.Dropout(0.1), nn.GELU(), nn.Softmax(dim=1),
            nn.ModuleList([nn.Identity(), nn.LeakyReLU(0.2)]), nn.Sequential(nn.Tanh()), nn.CrossEntropyLoss(),
        )  # fmt: skip

    assert repr(build(tt)).replace("CrossEntropyLoss()", "") == repr(build(torch)).replace(
        "CrossEntropyLoss()", ""
    )


def test_loading_a_wrong_state_raises_pytorchs_message():
    state = {"0.weight": tt.ones(8, 7), "0.bias": tt.ones(8), "extra": tt.ones(1), "2.weight": tt.ones(4, 8)}
    theirs = {name: torch.from_numpy(t.numpy()) for name, t in state.items()}
    with pytest.raises(RuntimeError) as expected:
        mlp(torch).load_state_dict(theirs)
    with pytest.raises(RuntimeError) as got:
        mlp(tt).load_state_dict(state)
    for line in (
        'Missing key(s) in state_dict: "2.bias"',
        'Unexpected key(s) in state_dict: "extra"',
        "size mismatch for 0.weight",
    ):
        assert line in str(expected.value)
        assert line in str(got.value)
