"""The benchmarks compute on TinyTorch what they compute on PyTorch: every number that a run would compare, in this process."""

from __future__ import annotations

import pytest
import torch
from benchmarks import costs, growth, measure
from benchmarks.process import compare
from benchmarks.workloads import TABLE, make

import tinytorch

CHEAP = [name for name in TABLE if name not in ("gpt384", "loader")]  # these two take seconds
SMALLEST = [f"{case}, {each.sizes[0]}, {way}" for case, each in growth.CASES.items() for way in growth.WAYS]


def both(build, name):
    ours, theirs = (build(ns, name).numbers() for ns in (tinytorch, torch))
    compare(name, "tinytorch", ours, theirs)


@pytest.mark.parametrize(
    ("name", "fused"), [*[(each, False) for each in CHEAP], ("mlp", True), ("lenet", True)]
)
def test_a_workload_begins_with_the_same_numbers(name, fused):
    ours, theirs = (make(ns, name, fused) for ns in (tinytorch, torch))
    for _ in range(1 if name == "generate" else 2):  # before an update, and after it
        compare(name, "tinytorch", [ours.step()], [theirs.step()])


@pytest.mark.parametrize("name", costs.names())
def test_an_operation_gives_the_same(name):
    both(costs.make, name)


@pytest.mark.parametrize("name", SMALLEST)
def test_the_smallest_size_of_a_case_gives_the_same(name):
    both(growth.make, name)


def test_a_row_has_every_backend_or_a_reason(monkeypatch):
    chosen = ("tinytorch", "tinytorch+compiled", "torch", "jax")  # each starts a process
    monkeypatch.setattr(measure, "BACKENDS", {each: measure.BACKENDS[each] for each in chosen})
    row = measure.measured("mlp", 1, 1)
    assert {"tinytorch", "torch"} <= set(row.figures)
    assert set(row.figures) | set(row.reasons) == set(chosen)
    assert not any("FAILED" in reason for reason in row.reasons.values()), row.reasons
    assert row.work.flops > 6e7
    assert all(each.milliseconds > 0 for each in row.figures.values())
