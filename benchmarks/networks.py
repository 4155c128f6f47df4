"""Small operations, networks of dense layers and of convolutions, and the loader that feeds them."""

from __future__ import annotations

from typing import Any

from benchmarks.numbers import images, initial, matrices
from benchmarks.work import Training, Work


def parameters_set(ns: Any, model: Any) -> Any:
    """The model with parameters that depend on no backend's random numbers."""
    named = dict(model.named_parameters())
    values = initial({name: tuple(p.shape) for name, p in named.items()})
    with ns.no_grad():
        for name, p in named.items():
            p.copy_(ns.from_numpy(values[name]))
    return model


def training(ns: Any, model: Any, optimizer: Any, x: Any, y: Any) -> Training:
    """Training on one batch."""

    def loss(x: Any, y: Any) -> Any:
        return ns.nn.functional.cross_entropy(model(x).flatten(0, -2), y.flatten())

    def update() -> None:
        optimizer.step()
        optimizer.zero_grad()

    return Training(loss, (ns.from_numpy(x), ns.from_numpy(y)), update)


def chain(ns: Any, fused: bool) -> Work:
    """100 operations on numbers so few that only the path to them counts."""
    a, b = matrices()
    x, y = ns.from_numpy(a).requires_grad_(), ns.from_numpy(b)

    def loss(x: Any, y: Any) -> Any:
        h = x
        for _ in range(33):
            h = ((h * y) + y).tanh()
        return h.sum()

    def update() -> float:
        found, x.grad = x.grad.sum().item(), None
        return float(found)

    return Training(loss, (x, y), update)


def mlp(ns: Any, fused: bool) -> Work:
    """Three dense layers."""
    nn = ns.nn
    model = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))
    parameters_set(ns, model)
    optimizer = ns.optim.Adam(model.parameters(), lr=1e-3, **({"fused": True} if fused else {}))
    return training(ns, model, optimizer, *images(64, 784))


def lenet(ns: Any, fused: bool) -> Work:
    """Two convolutions and three dense layers."""
    nn = ns.nn
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip
    parameters_set(ns, model)
    optimizer = ns.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, **({"fused": True} if fused else {}))
    return training(ns, model, optimizer, *images(64, 1, 28, 28))


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


def resnet(ns: Any, fused: bool) -> Work:
    """One block in each of three stages."""
    nn = ns.nn
    stem = [nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    blocks = [block(ns, 16, 16, 1), block(ns, 16, 32, 2), block(ns, 32, 64, 2)]
    model = nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    parameters_set(ns, model)
    optimizer = ns.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, **({"fused": True} if fused else {}))
    return training(ns, model, optimizer, *images(32, 3, 32, 32))


def loader(ns: Any, fused: bool) -> Work:
    """A whole pass over a set of data; nothing is trained."""
    x, y = images(60_000, 784)
    data = ns.utils.data
    pairs = data.TensorDataset(ns.from_numpy(x), ns.from_numpy(y))
    batches = data.DataLoader(pairs, batch_size=64, shuffle=True)
    return Work(lambda: sum(len(labels) for _, labels in batches))
