"""Compiled kernels of convolution, pooling and batch normalisation against PyTorch, and against the definitions."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
import torch

import tinytorch as tt
from tinytorch.devices import cpu
from tinytorch.devices.native import KERNELS

torch.set_num_threads(1)
INF, NAN = float("inf"), float("nan")
CARDS = ("Convolution", "TransposedConvolution", "ConvolutionWeight", "MaxPool", "SumPool", "BatchNorm")


pytestmark = pytest.mark.kernels


@pytest.mark.parametrize("name", CARDS)
def test_there_is_a_kernel(name):
    assert KERNELS.of(getattr(tt.ops, name)) is not None


def without_kernels(monkeypatch, run):
    """What the definitions give."""
    with monkeypatch.context() as patch:
        patch.setattr(cpu, "KERNELS", defaultdict(lambda: None))
        return run()


def results(ns, function, *values):
    """A function's value, and the gradients of its inputs for weights that depend on nothing but the shape."""
    inputs = [ns.from_numpy(each).requires_grad_() for each in values]
    out = function(ns.nn.functional, *inputs)
    more = out[1:] if isinstance(out, tuple) else ()
    out = out[0] if isinstance(out, tuple) else out
    g = np.random.default_rng(9).normal(size=tuple(out.shape)).astype("f4")
    out.backward(ns.from_numpy(g))
    return [np.array(each.detach().numpy()) for each in (out, *more, *[x.grad for x in inputs])]


def close(ours, theirs, tolerance=1e-5):
    """Whether all numbers agree to a share of the largest that is finite."""
    assert len(ours) == len(theirs)
    for x, y in zip(ours, theirs, strict=True):
        assert x.shape == y.shape
        scale = np.abs(y[np.isfinite(y)]).max(initial=1.0)
        np.testing.assert_allclose(x, y, rtol=0, atol=tolerance * scale)


def compare(monkeypatch, function, *values, tolerance=1e-5):
    """Kernels against PyTorch, and against the definitions."""
    ours = results(tt, function, *values)
    close(ours, results(torch, function, *values), tolerance)
    close(ours, without_kernels(monkeypatch, lambda: results(tt, function, *values)), tolerance)


def pick(random, low, high):
    return int(random.integers(low, high + 1))


def window(random, axes):
    """Settings of a window, and an input's sizes into which at least one fits."""
    kernel = [pick(random, 1, 5) for _ in range(axes)]
    dilation = [pick(random, 1, 3) for _ in range(axes)]
    padding = [pick(random, 0, 4) for _ in range(axes)]
    reach = [d * (k - 1) + 1 - 2 * p for k, d, p in zip(kernel, dilation, padding, strict=True)]
    size = [max(each, 1) + pick(random, 0, most) for each, most in zip(reach, (12, 40)[-axes:], strict=True)]
    settings = {"stride": [pick(random, 1, 4) for _ in range(axes)], "padding": padding, "dilation": dilation}
    return kernel, size, settings


def numbers(random, *shape):
    return random.normal(size=shape).astype("f4")


@pytest.mark.parametrize("seed", range(40))
def test_convolutions_of_any_setting(seed, monkeypatch):
    random = np.random.default_rng(seed)
    axes = 1 + seed % 2
    kernel, size, settings = window(random, axes)
    groups = pick(random, 1, 3) if seed % 3 == 0 else 1
    batch, channels, outputs = pick(random, 1, 7), groups * pick(random, 1, 9), groups * pick(random, 1, 20)
    x, w = numbers(random, batch, channels, *size), numbers(random, outputs, channels // groups, *kernel)
    bias = [numbers(random, outputs)] if seed % 4 else []

    def function(f, *operands):
        return getattr(f, f"conv{axes}d")(*operands, groups=groups, **settings)

    compare(monkeypatch, function, x, w, *bias)


@pytest.mark.parametrize("seed", range(40))
def test_transposed_convolutions_of_any_setting(seed, monkeypatch):
    random = np.random.default_rng(seed)
    axes = 1 + seed % 2
    kernel, size, settings = window(random, axes)
    groups = pick(random, 1, 3) if seed % 3 == 0 else 1
    channels, outputs = groups * pick(random, 1, 9), groups * pick(random, 1, 9)
    more = [
        pick(random, 0, max(s, d) - 1)
        for s, d in zip(settings["stride"], settings["dilation"], strict=True)
    ]  # fmt: skip
    spare = [
        d * (k - 1) + m - 2 * p
        for d, k, m, p in zip(settings["dilation"], kernel, more, settings["padding"], strict=True)
    ]
    size = [
        n + max(0, -(each // s)) for n, each, s in zip(size, spare, settings["stride"], strict=True)
    ]  # fmt: skip
    x, w = numbers(random, 2, channels, *size), numbers(random, channels, outputs // groups, *kernel)
    bias = [numbers(random, outputs)] if seed % 4 else []

    def function(f, x, w, bias=None):
        transposed = getattr(f, f"conv_transpose{axes}d")
        return transposed(x, w, bias, groups=groups, output_padding=more, **settings)

    compare(monkeypatch, function, x, w, *bias)


@pytest.mark.parametrize(
    ("batch", "channels", "size", "outputs", "kernel", "stride", "padding"),
    [
        (64, 1, 28, 6, 5, 1, 2),  # LeNet's, whose outputs fill no vector
        (64, 6, 14, 16, 5, 1, 0),
        (32, 16, 32, 32, 3, 2, 1),  # of a residual block that halves the image
        (32, 16, 32, 32, 1, 2, 0),  # three quarters of the input reach nothing
        (1, 3, 64, 16, 7, 2, 3),  # one image, cut into bands
        (1, 64, 56, 64, 3, 1, 1),
        (2, 128, 9, 24, 3, 1, 1),  # more taps than stay in the first cache at a time
        (5, 2, 1, 3, 1, 1, 0),  # single elements
        (2, 8, 6, 8, 3, 1, 5),  # windows that see nothing but padding
    ],
)
def test_convolutions_of_networks(batch, channels, size, outputs, kernel, stride, padding, monkeypatch):
    random = np.random.default_rng(size)
    x, w = numbers(random, batch, channels, size, size), numbers(random, outputs, channels, kernel, kernel)

    def function(f, x, w):
        return f.conv2d(x, w, stride=stride, padding=padding)

    compare(monkeypatch, function, x, w, tolerance=3e-5)


@pytest.mark.filterwarnings("ignore:Using padding='same'")  # PyTorch's, about a copy
def test_unequal_padding(monkeypatch):
    random = np.random.default_rng(0)
    x, w = numbers(random, 3, 4, 10, 11), numbers(random, 5, 4, 4, 2)
    compare(monkeypatch, lambda f, x, w: f.conv2d(x, w, padding="same"), x, w)


def test_a_channel_to_itself(monkeypatch):
    random = np.random.default_rng(0)
    x, w = numbers(random, 3, 12, 9, 20), numbers(random, 12, 1, 3, 3)
    compare(monkeypatch, lambda f, x, w: f.conv2d(x, w, padding=1, groups=12), x, w)


LAYOUTS = {
    "permuted": lambda x: x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2),
    "every second": lambda x: x.repeat_interleave(2, 3)[..., ::2],
    "backwards in memory": lambda x: x.transpose(2, 3).contiguous().transpose(2, 3),
    "expanded": lambda x: x[:1].expand(*x.shape),
    "a part": lambda x: x[1:, 1:, 2:, 1:],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_operands_that_lie_in_memory_otherwise(layout, monkeypatch):
    random = np.random.default_rng(0)
    x, w = numbers(random, 4, 6, 12, 14), numbers(random, 5, 6, 3, 4)
    change = LAYOUTS[layout]

    def convolution(f, x, w):
        x = change(x)
        return change(f.conv2d(x, w[:, : x.shape[1]].transpose(2, 3), stride=(1, 2), padding=1))

    compare(monkeypatch, convolution, x, w)
    compare(monkeypatch, lambda f, x: change(f.max_pool2d(change(x), 2)), x)
    compare(monkeypatch, lambda f, x: change(f.avg_pool2d(change(x), 3, 1)), x)
    compare(
        monkeypatch,
        lambda f, x: change(f.batch_norm(change(x), None, None, training=True)),
        x,
        tolerance=1e-4,
    )


def test_nan_and_infinity_stay_where_windows_see_them(monkeypatch):
    random = np.random.default_rng(0)
    x, w = numbers(random, 3, 2, 12, 13), numbers(random, 3, 2, 3, 3)
    x[0, 0, 3, 12], x[1, 1, 0, 0], x[2, 0, 11, 5] = NAN, INF, -INF
    ours = results(tt, lambda f, x, w: f.conv2d(x, w, padding=1), x, w)
    theirs = results(torch, lambda f, x, w: f.conv2d(x, w, padding=1), x, w)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(np.isnan(a), np.isnan(b))
        np.testing.assert_array_equal(np.isinf(a), np.isinf(b))
    assert (
        np.isnan(ours[0]).sum() == 18
    )  # 6 windows of each of 3 outputs, besides which all is finite or infinite


@pytest.mark.parametrize("seed", range(60))
def test_pools_of_any_setting(seed, monkeypatch):
    random = np.random.default_rng(seed)
    axes = 1 + seed % 2
    kernel = [pick(random, 1, 4) for _ in range(axes)] if seed % 3 else [2] * axes
    settings = {
        "stride": [pick(random, 1, 4) for _ in range(axes)] if seed % 3 else 2,
        "padding": [pick(random, 0, k // 2) for k in kernel] if seed % 4 else 0,
        "ceil_mode": bool(seed // 3 % 2),
    }
    size = [k + pick(random, 0, most) for k, most in zip(kernel, (9, 70)[-axes:], strict=True)]
    x = random.integers(-3, 3, size=(pick(random, 1, 3), pick(random, 1, 3), *size)).astype("f4")  # with ties
    if seed % 5 == 0:
        x[random.random(x.shape) < 0.1] = NAN
    if seed % 7 == 0:
        x[random.random(x.shape) < 0.4] = -INF

    def largest(f, x):
        pool = getattr(f, f"max_pool{axes}d")
        return pool(x, kernel, dilation=1, return_indices=True, **settings)

    ours = results(tt, largest, x)
    np.testing.assert_array_equal(ours[0], results(torch, largest, x)[0])
    np.testing.assert_array_equal(ours[1], results(torch, largest, x)[1])
    compare(monkeypatch, largest, x)
    x = numbers(random, *x.shape)
    compare(monkeypatch, lambda f, x: getattr(f, f"avg_pool{axes}d")(x, kernel, **settings), x)


@pytest.mark.parametrize(
    "size", [(2, 2), (4, 6), (5, 34), (28, 28), (10, 10), (6, 64), (7, 7), (3, 32), (64, 2)]
)
def test_pools_of_pairs_with_whatever_stands_beside_them(size, monkeypatch):
    random = np.random.default_rng(size)
    x = random.integers(-2, 3, size=(3, 2, *size)).astype("f4")
    compare(monkeypatch, lambda f, x: f.max_pool2d(x, 2, return_indices=True), x)


def test_dilated_pools(monkeypatch):
    x = numbers(np.random.default_rng(0), 2, 3, 15, 16)
    for stride in (1, 2, 3):
        function = lambda f, x, s=stride: f.max_pool2d(x, 3, s, 1, dilation=2, return_indices=True)
        compare(monkeypatch, function, x)


def test_the_result_of_a_pool_may_be_written_to():
    def function(f, x):
        return f.max_pool2d(x, 2).mul_(2.0).relu_()

    x = numbers(np.random.default_rng(0), 2, 3, 8, 8)
    close(results(tt, function, x), results(torch, function, x))


@pytest.mark.parametrize(
    "shape", [(4, 3), (2, 1, 5), (8, 16, 32, 32), (3, 5, 7, 9), (2, 4, 3, 4, 5), (1, 2, 9, 1)]
)
@pytest.mark.parametrize("parameters", [0, 1, 2])
def test_batch_normalisation(shape, parameters, monkeypatch):
    random = np.random.default_rng(parameters)
    x = numbers(random, *shape) * 2 + 1
    affine = [numbers(random, shape[1]) for _ in range(parameters)]

    def function(f, x, weight=None, bias=None):
        return f.batch_norm(x, None, None, weight, bias, training=True)

    compare(monkeypatch, function, x, *affine, tolerance=1e-4 if shape[0] < 4 else 2e-5)


@pytest.mark.parametrize("middle", [0.0, 3.0, 100.0, 1000.0])
def test_batch_normalisation_is_as_exact_as_pytorchs(middle):
    random = np.random.default_rng(0)
    x, g = numbers(random, 2, 4, 150, 150) + np.float32(middle), numbers(random, 2, 4, 150, 150)
    found = []
    for ns, kind in ((tt, "f4"), (torch, "f4"), (torch, "f8")):
        inputs = [ns.from_numpy(each.astype(kind)).requires_grad_() for each in (x, np.ones(4), np.zeros(4))]
        running = [ns.from_numpy(np.zeros(4, kind)), ns.from_numpy(np.ones(4, kind))]
        out = ns.nn.functional.batch_norm(inputs[0], *running, *inputs[1:], training=True)
        out.backward(ns.from_numpy(g.astype(kind)))
        found.append([each.detach().numpy() for each in (out, *running, *[x.grad for x in inputs])])
    for ours, theirs, right in zip(*found, strict=True):
        scale = np.abs(right).max()
        assert np.abs(ours - right).max() <= 2 * np.abs(theirs - right).max() + 3e-7 * scale


def test_the_running_statistics_agree():
    x = numbers(np.random.default_rng(0), 6, 3, 5, 5)
    for momentum in (0.1, 0.5, 1.0):
        running = []
        for ns in (tt, torch):
            pair = [ns.zeros(3), ns.ones(3)]
            ns.nn.functional.batch_norm(ns.from_numpy(x), *pair, training=True, momentum=momentum)
            running.append([each.numpy() for each in pair])
        close(*running, 1e-6)


def test_only_wanted_gradients_of_a_batch_norm_are_computed():
    x, weight = tt.randn(4, 3, 5, 5), tt.ones(3, requires_grad=True)
    tt.nn.functional.batch_norm(x, None, None, weight, tt.zeros(3), training=True).sum().backward()
    assert x.grad is None
    assert weight.grad.shape == (3,)


SECOND = {
    "convolution": lambda f, x, w: f.conv2d(x, w, stride=2, padding=1),
    "transposed convolution": lambda f, x, w: f.conv_transpose2d(x, w, stride=2, padding=1),
    "largest": lambda f, x, w: f.max_pool2d(x * x, 2) * w[0, 0, 0, 0],
    "average": lambda f, x, w: f.avg_pool2d(x * x, 3, 2, 1) * w[0, 0, 0, 0],
    "batch norm": lambda f, x, w: f.batch_norm(x, None, None, w[:, 0, 0, 0], w[:, 1, 1, 1], training=True),
}


@pytest.mark.parametrize("name", SECOND)
def test_second_derivatives(name):
    random = np.random.default_rng(0)
    x, w = numbers(random, 3, 4, 8, 8), numbers(random, 4, 4, 3, 3)
    found = []
    for ns in (tt, torch):
        inputs = [ns.from_numpy(each).requires_grad_() for each in (x, w)]
        out = SECOND[name](ns.nn.functional, *inputs)
        first = ns.autograd.grad((out * out * out).sum(), inputs, create_graph=True)
        second = ns.autograd.grad(sum((each * each).sum() for each in first), inputs)
        found.append([each.detach().numpy() for each in (*first, *second)])
    close(*found, 1e-4)


@pytest.mark.parametrize("kind", ["float64", "float16", "bfloat16", "int64"])
def test_other_types_are_left_to_the_definitions(kind, monkeypatch):
    x = tt.arange(2 * 3 * 6 * 6).reshape(2, 3, 6, 6).to(getattr(tt, kind))
    w = tt.ones(2, 3, 2, 2, dtype=getattr(tt, kind))
    run = lambda: [tt.nn.functional.conv2d(x, w), tt.nn.functional.max_pool2d(x, 2)]
    for ours, defined in zip(run(), without_kernels(monkeypatch, run), strict=True):
        assert ours.dtype is getattr(tt, kind)
        assert tt.equal(ours, defined)


def test_an_empty_batch():
    x, w = tt.ones(0, 2, 6, 6, requires_grad=True), tt.ones(3, 2, 3, 3, requires_grad=True)
    out = tt.nn.functional.max_pool2d(tt.nn.functional.conv2d(x, w), 2)
    assert out.shape == (0, 3, 2, 2)
    out.sum().backward()
    assert not w.grad.numpy().any()


def test_windows_over_three_axes_are_left_to_the_definition():
    random = np.random.default_rng(0)
    x, w = numbers(random, 2, 3, 4, 5, 6), numbers(random, 2, 3, 2, 2, 2)
    function = lambda f, x, w: f.max_pool3d(f.conv3d(x, w), 2)
    close(results(tt, function, x, w), results(torch, function, x, w))
