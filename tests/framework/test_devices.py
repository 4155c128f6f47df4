"""Each device against NumPy: strided, expanded, flipped, empty and zero-dimensional inputs."""

from __future__ import annotations

import numpy as np
import pytest

import tinytorch as tt
from tinytorch.devices.interface import backend
from tinytorch.errors import DeviceError

RANDOM = np.random.default_rng(0)


@pytest.fixture(params=["cpu", "loops"])
def device(request):
    return backend(request.param)


def views(device):
    """Pairs: an array on the device under some layout, and the same numbers in NumPy."""
    a = RANDOM.uniform(0.5, 2.0, (2, 3, 4))
    x = device.upload(a.copy())
    yield x, a
    yield x.view(x.layout.permute((2, 0, 1))), a.transpose(2, 0, 1)
    yield x.view(x.layout.slice(2, 1, 4, 2)), a[:, :, 1:4:2]
    yield x.view(x.layout.flip((0, 2))), a[::-1, :, ::-1]
    yield x.view(x.layout.select(1, 1).unsqueeze(1).expand((2, 5, 4))), np.broadcast_to(a[:, 1:2], (2, 5, 4))
    yield x.view(x.layout.slice(1, 2, 2)), a[:, 2:2]
    yield x.view(x.layout.select(0, 1).select(0, 2).select(0, 3)), a[1, 2, 3]


def same(device, got, want):
    np.testing.assert_allclose(device.download(got), want, rtol=1e-12)
    assert got.shape == np.shape(want)


def test_map_walks_any_layout(device):
    for x, a in views(device):
        same(device, device.map(("exp", 0), x), np.exp(a))
        same(device, device.map(("add", 0, ("mul", 0, ("const", "0.5"))), x), a * 1.5)
        same(device, device.map(("gt", 0, 1), x, x), a > a)


def test_map_broadcasts_and_writes_into_views(device):
    a, b = RANDOM.uniform(size=(2, 1, 3)), RANDOM.uniform(size=(4, 1))
    x, y = device.upload(a.copy()), device.upload(b.copy())
    same(device, device.map(("sub", 0, 1), x, y), a - b)
    out = device.upload(np.zeros((3, 4)))
    device.map(0, device.upload(np.arange(3.0)), out=out.view(out.layout.select(1, 2)))
    want = np.zeros((3, 4))
    want[:, 2] = np.arange(3)
    same(device, out, want)


@pytest.mark.parametrize("name", ["add", "multiply", "maximum", "minimum"])
def test_reduce_keeps_the_axes(device, name):
    fold = getattr(np, name)
    for x, a in views(device):
        for axes in [(), (0,), (a.ndim - 1,), (0, a.ndim - 1)]:
            if all(-1 < axis < a.ndim for axis in axes) and len(set(axes)) == len(axes):
                if name in ("maximum", "minimum") and any(a.shape[axis] == 0 for axis in axes):
                    continue
                same(device, device.reduce(name, x, axes), fold.reduce(a, axis=axes, keepdims=True))


def test_matmul_broadcasts_batches_and_takes_transposes(device):
    a, b = RANDOM.uniform(size=(3, 1, 2, 4)), RANDOM.uniform(size=(5, 3, 4))
    x, y = device.upload(a.copy()), device.upload(b.copy())
    turned = y.view(y.layout.permute((0, 2, 1)))
    same(device, device.matmul(x, turned), a @ b.transpose(0, 2, 1))


def test_gather_and_scatter_count_duplicates(device):
    a = RANDOM.uniform(size=(4, 3))
    index = np.array([[0, 2], [2, 0]])
    x, i = device.upload(a.copy()), device.upload(index.copy())
    same(device, device.gather(x, i), a[index])
    same(device, device.gather(x, i, i), a[index, index])
    src = RANDOM.uniform(size=(2, 2, 3))
    want = a.copy()
    np.add.at(want, (index,), src)
    same(device, device.scatter(x, device.upload(src), i, add=True), want)


def test_halves_are_accumulated_in_float32():
    cpu = backend("cpu")
    ones = cpu.upload(np.ones(5000, np.float16))
    assert cpu.download(cpu.reduce("add", ones, (0,))).item() == 5000


def test_a_tensor_moves_to_another_device_and_its_gradient_comes_back():
    x = tt.tensor([[1.0, -2.0, 3.0], [4.0, 5.0, 6.0]], requires_grad=True)
    y = x.mT[1:].to("loops", tt.float64)
    assert (str(y.device), y.dtype, y.tolist()) == ("loops", tt.float64, [[-2.0, 5.0], [3.0, 6.0]])
    (y * y).sum().backward()
    assert (str(x.grad.device), x.grad.tolist()) == ("cpu", [[0.0, -4.0, 6.0], [0.0, 10.0, 12.0]])
    assert x.to("cpu") is x
    with pytest.raises(DeviceError, match="no device 'cuda'"):
        x.to("cuda")
