"""The benchmarks compute on TinyTorch what they compute on PyTorch: every number that a run would compare, in this process."""

from __future__ import annotations

import pytest
import torch
from benchmarks import costs, growth
from benchmarks.measure import measured
from benchmarks.process import compare
from benchmarks.workloads import TABLE, make

import tinytorch

CHEAP = [name for name in TABLE if name not in ("gpt384", "loader")]  # these two take seconds
SMALLEST = [f"{case}, {each.sizes[0]}, {way}" for case, each in growth.CASES.items() for way in growth.WAYS]


def both(build, name, **more):
    ours, theirs = (build(ns, name, **more).numbers() for ns in (tinytorch, torch))
    compare(name, "tinytorch", ours, theirs)


@pytest.mark.parametrize("name", CHEAP)
def test_a_workload_begins_with_the_same_numbers(name):
    both(make, name)


@pytest.mark.parametrize("name", ["mlp", "lenet"])
def test_a_fused_optimizer_changes_no_number(name):
    both(make, name, fused=True)


@pytest.mark.parametrize("name", costs.names())
def test_an_operation_gives_the_same(name):
    both(costs.make, name)


@pytest.mark.parametrize("name", SMALLEST)
def test_the_smallest_size_of_a_case_gives_the_same(name):
    both(growth.make, name)


def test_a_row_has_every_backend_or_a_reason():
    row = measured("mlp", 1, 1)
    assert {"tinytorch", "tinytorch+numpy", "torch", "torch+fused"} <= set(row.figures)
    assert not any("FAILED" in reason for reason in row.reasons.values()), row.reasons
    assert row.work.flops > 6e7
    assert all(each.milliseconds > 0 for each in row.figures.values())
