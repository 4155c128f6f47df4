"""Anomaly mode against PyTorch: the same functions and outputs are named."""

import re

import pytest
import torch

import tinytorch as tt

PROGRAMS = {
    "sqrt": lambda ns, x: ((x * 0).sqrt()).sum(),
    "log": lambda ns, x: (x - x).log().exp().sum(),
    "division": lambda ns, x: (x / (x - x)).sum() * 0,
    "power": lambda ns, x: ((x * 0) ** 0.5).sum(),
    "where": lambda ns, x: ns.where(x > 5, (x - 9).log(), x).sum(),
    "healthy": lambda ns, x: x.tanh().sum(),
    "infinite": lambda ns, x: (x - 1).sqrt().sum(),
    "norm": lambda ns, x: ((x * 0) * (x * 0)).sum().sqrt() * 2,
}


@pytest.mark.filterwarnings("ignore:Anomaly Detection", "ignore:Error detected in")
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_same_function_is_named(name):
    def outcome(ns):
        x = ns.tensor([1.0, 2.0], requires_grad=True)
        with ns.autograd.detect_anomaly():
            try:
                PROGRAMS[name](ns, x).backward()
            except RuntimeError as error:
                return re.match(r"Function '\w+' returned nan values in its \dth output", str(error)).group()
        return "finite" if x.grad.isfinite().all() else "infinite"

    assert outcome(tt) == outcome(torch)
