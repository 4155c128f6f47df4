"""What is timed: each workload is written once, against a torch-like namespace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Step = Callable[[], float]


def chain(ns: Any) -> Step:
    """100 tiny operations on 8 x 8, forward and backward: what one operation costs."""
    random = np.random.default_rng(0)
    x = ns.from_numpy(random.random((8, 8), np.float32)).requires_grad_()
    y = ns.from_numpy(random.random((8, 8), np.float32))

    def step() -> float:
        x.grad = None
        h = x
        for _ in range(33):
            h = ((h * y) + y).tanh()
        loss = h.sum()
        loss.backward()
        return x.grad.sum().item() + loss.item()

    return step


def mlp(ns: Any) -> Step:
    """784-256-128-10, batch 64, Adam: one step of training."""
    random = np.random.default_rng(0)
    nn = ns.nn
    model = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))
    with ns.no_grad():
        for p in model.parameters():
            p.copy_(ns.from_numpy(random.normal(0, 0.05, tuple(p.shape)).astype(np.float32)))
    optimizer = ns.optim.Adam(model.parameters(), lr=1e-3)
    x = ns.from_numpy(random.random((64, 784), np.float32))
    y = ns.from_numpy(random.integers(0, 10, 64))

    def step() -> float:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


WORKLOADS: dict[str, tuple[Callable[[Any], Step], int]] = {"chain": (chain, 60), "mlp": (mlp, 20)}
