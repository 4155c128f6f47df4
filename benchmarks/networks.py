"""Small operations, networks of dense layers and of convolutions, and the loader that feeds them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

Step = Callable[[], float]
F32 = np.float32


def parameters_set(ns: Any, model: Any) -> Any:
    """The model with parameters that depend on no backend's random numbers."""
    random = np.random.default_rng(0)
    with ns.no_grad():
        for name, p in model.named_parameters():
            shape = tuple(p.shape)
            if len(shape) == 1:
                values = np.ones(shape, F32) if name.endswith("weight") else np.zeros(shape, F32)
            elif "embedding" in name:
                values = random.standard_normal(shape, F32) * F32(0.02)
            else:
                values = (random.random(shape, F32) * 2 - 1) / F32(math.sqrt(np.prod(shape[1:])))
            p.copy_(ns.from_numpy(values))
    return model


def training(ns: Any, model: Any, optimizer: Any, x: Any, y: Any) -> Step:
    """One step of training on a batch."""

    def step() -> float:
        optimizer.zero_grad()
        loss = ns.nn.functional.cross_entropy(model(x).flatten(0, -2), y.flatten())
        loss.backward()
        optimizer.step()
        return float(loss.item())

    return step


def images(ns: Any, *shape: int) -> tuple[Any, Any]:
    """A batch of random images or rows with labels below 10."""
    random = np.random.default_rng(1)
    x = ns.from_numpy(random.random(shape, F32))
    return x, ns.from_numpy(random.integers(0, 10, shape[0]))


def chain(ns: Any, fused: bool) -> Step:
    """What one operation costs."""
    random = np.random.default_rng(0)
    x = ns.from_numpy(random.random((8, 8), F32)).requires_grad_()
    y = ns.from_numpy(random.random((8, 8), F32))

    def step() -> float:
        x.grad = None
        h = x
        for _ in range(33):
            h = ((h * y) + y).tanh()
        loss = h.sum()
        loss.backward()
        return float(x.grad.sum().item() + loss.item())

    return step


def mlp(ns: Any, fused: bool) -> Step:
    """Three dense layers."""
    nn = ns.nn
    model = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))
    parameters_set(ns, model)
    optimizer = ns.optim.Adam(model.parameters(), lr=1e-3, **({"fused": True} if fused else {}))
    return training(ns, model, optimizer, *images(ns, 64, 784))


def lenet(ns: Any, fused: bool) -> Step:
    """Two convolutions and three dense layers."""
    nn = ns.nn
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip
    parameters_set(ns, model)
    optimizer = ns.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, **({"fused": True} if fused else {}))
    return training(ns, model, optimizer, *images(ns, 64, 1, 28, 28))


def block(ns: Any, entering: int, leaving: int, stride: int) -> Any:
    """Two convolutions, added to what they are given."""
    nn, relu = ns.nn, ns.nn.functional.relu

    class Block(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(entering, leaving, 3, stride=stride, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(leaving)
            self.conv2 = nn.Conv2d(leaving, leaving, 3, padding=1, bias=False)
            self.bn2 = nn.BatchNorm2d(leaving)
            self.shortcut = nn.Sequential()
            if stride != 1 or entering != leaving:
                self.shortcut.append(nn.Conv2d(entering, leaving, 1, stride=stride, bias=False))
                self.shortcut.append(nn.BatchNorm2d(leaving))

        def forward(self, x: Any) -> Any:
            h = self.bn2(self.conv2(relu(self.bn1(self.conv1(x)))))
            return relu(h + self.shortcut(x))

    return Block()


def resnet(ns: Any, fused: bool) -> Step:
    """One block in each of three stages."""
    nn = ns.nn
    stem = [nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    blocks = [block(ns, 16, 16, 1), block(ns, 16, 32, 2), block(ns, 32, 64, 2)]
    model = nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    parameters_set(ns, model)
    optimizer = ns.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, **({"fused": True} if fused else {}))
    return training(ns, model, optimizer, *images(ns, 32, 3, 32, 32))


def loader(ns: Any, fused: bool) -> Step:
    """A whole pass over a set of data; nothing is trained."""
    x, y = images(ns, 60_000, 784)
    data = ns.utils.data
    batches = data.DataLoader(data.TensorDataset(x, y), batch_size=64, shuffle=True)

    def step() -> float:
        return float(sum(len(labels) for _, labels in batches))

    return step
