"""Every function and module on some of PyTorch's own samples; `./tt dev agreement` runs all of them."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

import pytest

import tinytorch as tt
from tinytorch_studio.dev.agreement import functions, modules, run
from tinytorch_studio.dev.agreement.compare import differ, refusals_differ
from tinytorch_studio.dev.agreement.deviations import reason_for
from tinytorch_studio.dev.agreement.page import Line, page

ENTRIES = defaultdict(list)
for _name, _make, _ in run.entries(2, thorough=False, dtypes=run.FEW):
    ENTRIES[_name].append(_make)


def compared(name):
    line = Line(name)
    for make in ENTRIES[name]:
        run.seeded()
        for case in make():
            line.take(case)
    return line


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_the_two_agree_or_it_is_said_why(name):
    with ThreadPoolExecutor(
        1
    ) as thread:  # PyTorch writes down the whole stack at each seed, and here it is short
        line = thread.submit(compared, name).result()
    assert line.unexplained == []


def test_most_of_pytorchs_list_is_here():
    here = {op.name for op in functions.op_db() if any(way[3] is not None for way in functions.ways(op))}
    modules_here = {info for info in modules.module_db() if hasattr(tt.nn, info.module_cls.__name__)}
    assert len(here) > 440 and len(modules_here) > 100


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("torch.ones(2)", "tt.ones(2) * 1.001"),
        ("torch.ones(2)", "tt.ones(2, dtype=tt.float64)"),
        ("torch.ones(2)", "tt.ones(2, 1)"),
        ("(torch.ones(2), 1)", "(tt.ones(2), 2)"),
        ("torch.tensor([float('nan')])", "tt.zeros(1)"),
        ("torch.float32", "tt.float64"),
        ("True", "1"),
    ],
)
def test_a_difference_is_seen(theirs, ours):
    import torch

    import tinytorch as tt

    names = {"torch": torch, "tt": tt}
    assert differ(eval(theirs, names), eval(ours, names))


def test_an_error_that_would_not_be_caught_is_a_difference():
    assert refusals_differ(RuntimeError("x"), TypeError("y"))
    assert refusals_differ(RuntimeError("x"), NotImplementedError("y")) is None


def test_a_deviation_needs_a_reason():
    assert reason_for("abs", "value", "1 for 2", "float32[2]") is None


def test_the_page_counts_what_it_was_given():
    line = Line("abs")
    for difference in (None, None, "1 for 2"):
        line.take(
            type("Case", (), {"function": "abs", "respect": "value", "difference": difference, "sample": "x"})
        )
    text = page([line], ["stft"], ["eye"], "2.13")
    assert "3 cases of 1 functions and modules; 2 agree (66.67%)" in text
    assert "| abs | 3 |  |  |  |  | 66.7% | **1 unexplained** |" in text
