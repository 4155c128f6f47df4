"""Pooling against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from twins import LAYOUTS, agree, refused

import tinytorch as tt

torch.set_num_threads(1)
INF, NAN = float("inf"), float("nan")


def drawn(seed, axes):
    """Sizes and settings of one pooling, at random."""
    random = np.random.default_rng(seed)
    pick = lambda low, high: int(random.integers(low, high + 1))
    kernel = [pick(1, 4) for _ in range(axes)]
    return {
        "shape": (*([pick(1, 3)] if seed % 4 else []), pick(1, 3), *[k * 2 + pick(0, 4) for k in kernel]),
        "kernel_size": kernel if seed % 3 else kernel[0],
        "stride": None if seed % 3 == 1 else [pick(1, 4) for _ in range(axes)],
        "padding": [pick(0, (k if seed % 3 else kernel[0]) // 2) for k in kernel],
        "ceil_mode": bool(pick(0, 1)),
        "random": random,
    }


def with_ties(case, low=3):
    """Few different numbers, so that the first of equal ones has to be found."""
    return case["random"].integers(-low, low, size=case["shape"]).astype("f8")


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_max_pooling(axes):
    for seed in range(60 if axes < 3 else 12):
        case = drawn(seed, axes)
        settings = {key: case[key] for key in ("kernel_size", "stride", "padding", "ceil_mode")}
        dilation = 1 if seed % 2 else 2
        x = with_ties(case) if seed % 3 else case["random"].normal(size=case["shape"])

        def run(ns, x):
            function = getattr(ns.nn.functional, f"max_pool{axes}d")
            return function(x, dilation=dilation, return_indices=seed % 5 < 3, **settings)

        agree(run, [x], LAYOUTS[seed % 3])


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_average_pooling(axes):
    for seed in range(60 if axes < 3 else 12):
        case = drawn(seed, axes)
        settings = {key: case[key] for key in ("kernel_size", "stride", "padding", "ceil_mode")}
        if seed % 2:
            settings["count_include_pad"] = False
        if axes > 1 and seed % 5 == 0:
            settings["divisor_override"] = 3

        def run(ns, x):
            return getattr(ns.nn.functional, f"avg_pool{axes}d")(x, **settings)

        agree(run, [case["random"].normal(size=case["shape"])], LAYOUTS[seed % 3])


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("kind", ["avg", "max"])
def test_adaptive_pooling(kind, axes):
    random = np.random.default_rng(axes)
    for seed in range(30 if axes < 3 else 10):
        shape = (*([2] if seed % 4 else []), 2, *random.integers(1, 9, size=axes))
        size = [int(n) for n in random.integers(1, 7, size=axes)]
        if seed % 5 == 0:
            size = size[0]
        elif seed % 5 == 1 and axes > 1:
            size[0] = None
        more = {"return_indices": True} if kind == "max" and seed % 3 else {}
        x = random.integers(-3, 3, size=shape).astype("f8") if seed % 2 else random.normal(size=shape)

        def run(ns, x):
            return getattr(ns.nn.functional, f"adaptive_{kind}_pool{axes}d")(x, size, **more)

        agree(run, [x], LAYOUTS[seed % 3])


SPECIAL = {
    "nan": [[NAN, 9.0, 1.0, 2.0], [NAN, 3.0, INF, NAN], [0.0, -INF, -INF, 1.0], [2.0, 2.0, NAN, 0.0]],
    "nothing but -inf": np.full((4, 4), -INF).tolist(),
    "infinities": [
        [INF, INF, -INF, 0.0],
        [-INF, -INF, -INF, 1.0],
        [0.0, INF, -1.0, INF],
        [1.0, 2.0, INF, 0.0],
    ],
}


@pytest.mark.parametrize("name", SPECIAL)
@pytest.mark.parametrize("settings", [{"kernel_size": 2}, {"kernel_size": 3, "stride": 1, "padding": 1}, {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}], ids=str)  # fmt: skip
def test_what_is_not_a_number(name, settings):
    x = np.array([SPECIAL[name]])
    agree(lambda ns, x: ns.nn.functional.max_pool2d(x, return_indices=True, **settings), [x], order=1)
    agree(lambda ns, x: ns.nn.functional.adaptive_max_pool2d(x, 3, return_indices=True), [x], order=1)
    agree(lambda ns, x: ns.nn.functional.avg_pool2d(x, **settings), [x], order=1)
    agree(lambda ns, x: ns.nn.functional.adaptive_avg_pool2d(x, 3), [x], order=1)


@pytest.mark.parametrize("dtype", ["f4", "f2", "i8", "u1", "i4"])
def test_other_types(dtype):
    x = np.random.default_rng(4).integers(0 if dtype == "u1" else -9, 9, size=(2, 2, 7, 6)).astype(dtype)
    agree(lambda ns, x: ns.nn.functional.max_pool2d(x, 3, 2, 1, return_indices=True), [x], order=1)
    if dtype in ("f4", "f2", "i8"):
        agree(lambda ns, x: ns.nn.functional.avg_pool2d(x, 3, 2, 1), [x], order=1)


def test_lp_pooling():
    x = np.abs(np.random.default_rng(5).normal(size=(2, 3, 9, 8))) + 0.1
    for p in (1.0, 2, 3.5, INF):
        agree(lambda ns, x: ns.nn.functional.lp_pool2d(x, p, (2, 3), stride=2, ceil_mode=True), [x])
        agree(lambda ns, x: ns.nn.functional.lp_pool1d(x[0], p, 3), [x])
    agree(lambda ns, x: ns.nn.functional.lp_pool3d(x[None], 2.0, 2), [x])


def test_max_unpooling():
    x = np.random.default_rng(6).normal(size=(2, 3, 9, 8))
    for size in (None, [9, 8], [2, 3, 9, 9]):

        def run(ns, x):
            values, indices = ns.nn.functional.max_pool2d(x, 2, 2, return_indices=True)
            return ns.nn.functional.max_unpool2d(values, indices, 2, 2, output_size=size)

        agree(run, [x])
    refused(lambda ns, x: ns.nn.functional.max_unpool2d(x, x.long(), 2, output_size=(9, 4)), (1, 2, 2))
    refused(lambda ns, x: ns.nn.functional.max_unpool2d(x, x.long() * 20, 2), (1, 2, 2))
    refused(lambda ns, x: ns.nn.functional.max_unpool2d(x, x.long()[:, :1], 2), (1, 2, 2))


def max_pool(**settings):
    return lambda ns, x: ns.nn.functional.max_pool2d(x, **{"kernel_size": 2} | settings)


def avg_pool(**settings):
    return lambda ns, x: ns.nn.functional.avg_pool2d(x, **{"kernel_size": 2} | settings)


REFUSED = {
    "axes": (max_pool(), (3, 3)),
    "five axes": (max_pool(), (1, 1, 1, 3, 3)),
    "sequence": (lambda ns, x: ns.nn.functional.max_pool1d(x, 2), (3,)),
    "padding": (max_pool(padding=2), (1, 3, 3)),
    "negative padding": (max_pool(padding=-1), (1, 3, 3)),
    "kernel": (max_pool(kernel_size=4), (1, 3, 3)),
    "no kernel": (max_pool(kernel_size=0), (1, 3, 3)),
    "no stride": (max_pool(stride=0), (1, 3, 3)),
    "no dilation": (max_pool(dilation=0), (1, 3, 3)),
    "no channels": (max_pool(), (1, 0, 3, 3)),
    "no rows": (max_pool(), (1, 1, 0, 3)),
    "three numbers": (max_pool(kernel_size=(2, 2, 2)), (1, 1, 3, 3)),
    "bools": (lambda ns, x: ns.nn.functional.max_pool2d(x.bool(), 2), (1, 3, 3)),
    "average's padding": (avg_pool(padding=2), (1, 3, 3)),
    "average's axes": (avg_pool(), (1, 1, 1, 3, 3)),
    "divisor": (avg_pool(divisor_override=0), (1, 3, 3)),
    "adaptive sizes": (lambda ns, x: ns.nn.functional.adaptive_avg_pool2d(x, (1, 2, 3)), (1, 3, 3)),
    "adaptive negative": (lambda ns, x: ns.nn.functional.adaptive_avg_pool2d(x, -1), (1, 3, 3)),
    "adaptive axes": (lambda ns, x: ns.nn.functional.adaptive_avg_pool1d(x, 1), (3,)),
    "adaptive whole": (lambda ns, x: ns.nn.functional.adaptive_avg_pool2d(x.long(), 1), (1, 3, 3)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_pytorch_refuses_is_refused(name):
    refused(*REFUSED[name])


@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d"])
def test_an_empty_batch(name):
    agree(lambda ns, x: getattr(ns.nn.functional, name)(x, 2), [np.ones((0, 2, 4, 5))])


LAYERS = {
    "max1d": (lambda nn: nn.MaxPool1d(2, padding=1), (2, 3, 7)),
    "max2d": (lambda nn: nn.MaxPool2d((3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2)), (2, 3, 7, 8)),
    "max2d positional": (lambda nn: nn.MaxPool2d(3, 2, 1, 1, True, True), (2, 3, 7, 8)),
    "max3d": (lambda nn: nn.MaxPool3d(2), (2, 3, 4, 4, 4)),
    "avg1d": (lambda nn: nn.AvgPool1d(3, 2, 1, True, False), (2, 3, 7)),
    "avg2d": (lambda nn: nn.AvgPool2d(2, ceil_mode=True), (2, 3, 7, 8)),
    "avg2d divisor": (lambda nn: nn.AvgPool2d((2, 3), 1, divisor_override=5), (2, 3, 7, 8)),
    "avg3d": (lambda nn: nn.AvgPool3d(2), (2, 3, 4, 4, 4)),
    "lp1d": (lambda nn: nn.LPPool1d(2, 3), (2, 3, 7)),
    "lp2d": (lambda nn: nn.LPPool2d(2, (2, 3), stride=1), (2, 3, 7, 8)),
    "adaptive avg1d": (lambda nn: nn.AdaptiveAvgPool1d(3), (2, 3, 7)),
    "adaptive avg2d": (lambda nn: nn.AdaptiveAvgPool2d((1, 1)), (2, 3, 7, 8)),
    "adaptive avg3d": (lambda nn: nn.AdaptiveAvgPool3d((None, 2, 3)), (2, 3, 4, 4, 4)),
    "adaptive max1d": (lambda nn: nn.AdaptiveMaxPool1d(3), (2, 3, 7)),
    "adaptive max2d": (lambda nn: nn.AdaptiveMaxPool2d((None, 2), True), (2, 3, 7, 8)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_computes_the_same(name):
    build, shape = LAYERS[name]
    ours, theirs = build(tt.nn), build(torch.nn)
    assert repr(ours) == repr(theirs)
    x = np.abs(np.random.default_rng(7).normal(size=shape)) + 0.1
    agree(lambda ns, x: (ours if ns is tt else theirs)(x), [x])


def test_an_unpooling_layer():
    for axes, shape in ((1, (2, 2, 8)), (2, (2, 2, 8, 6)), (3, (1, 2, 4, 4, 4))):

        def run(ns, x):
            nn = ns.nn
            values, indices = getattr(nn, f"MaxPool{axes}d")(2, return_indices=True)(x)
            return getattr(nn, f"MaxUnpool{axes}d")(2)(values, indices)

        agree(run, [np.random.default_rng(8).normal(size=shape)])
        assert repr(getattr(tt.nn, f"MaxUnpool{axes}d")(2)) == repr(getattr(torch.nn, f"MaxUnpool{axes}d")(2))


def test_the_result_can_be_viewed():
    sentence = tt.ones(2, 7, 3).permute(0, 2, 1)
    assert tt.nn.functional.max_pool1d(sentence, 7).view(2, 3).shape == (2, 3)
    assert tt.nn.functional.avg_pool1d(sentence, 2).view(2, -1).shape == (2, 9)
