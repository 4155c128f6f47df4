"""How tensors print, against PyTorch: numbers of all sizes and types, broken lines, cut axes, options."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import tinytorch as tt
from tinytorch.formats import Naming
from tinytorch_studio.dev.agreement.translate import translated

DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool)
SHAPES = [(), (1,), (3,), (2, 3, 4), (0,), (2, 0), (30,), (1001,), (40, 40), (2, 2, 300), (3, 3000)]
OPTIONS = [
    {"precision": 2},
    {"sci_mode": True},
    {"linewidth": 40},
    {"threshold": 10, "edgeitems": 2},
    {"profile": "full"},
]


@pytest.fixture(autouse=True)
def _under_pytorchs_name(monkeypatch):
    monkeypatch.setattr(Naming, "prefix", "torch")


def same(x):
    ours = translated(x, {})
    assert [repr(ours), str(ours), f"{ours}"] == [repr(x), str(x), f"{x}"]


def numbers(shape, scale):
    return np.random.default_rng(0).normal(size=shape) * scale


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_numbers_print_as_in_pytorch(dtype, shape):
    for scale in (1, 1e-3, 1e5, 1e-8):
        values = numbers(shape, scale)
        same(torch.tensor(values if dtype.is_floating_point else np.asarray(values * 100 % 120)).to(dtype))


@pytest.mark.parametrize("shape", [(), (3,), (2, 20)], ids=str)
def test_infinities_whole_numbers_and_zeros(shape):
    values = numbers(shape, 3.0)
    broken = np.array([np.inf, np.nan, -np.inf, 1.5] * 10)[: values.size].reshape(shape)
    for each in (broken, np.round(values), values * 0, -values * 0):
        same(torch.tensor(each))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_options(options):
    for ns in (torch, tt):
        ns.set_printoptions(**options)
    try:
        for scale in (1, 1e-5, 1e6):
            same(torch.tensor(numbers((20, 30), scale)))
    finally:
        for ns in (torch, tt):
            ns.set_printoptions(profile="default")


def test_leaves_results_parameters_sizes_and_dtypes():
    for ns in (torch, tt):
        x = ns.ones(2, 2, requires_grad=True)
        said = [
            x,
            x * 2,
            (x @ x).sum(),
            ns.nn.Parameter(ns.ones(1)),
            x.shape,
            x.shape[:1],
            ns.float64,
            ns.Size([1]),
        ]
        if ns is torch:
            expected = list(map(repr, said))
        assert list(map(repr, said)) == expected
