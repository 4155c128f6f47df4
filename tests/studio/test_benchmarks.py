"""Benchmarks without their times: what is refused, what is counted, and the page that is written from given figures."""

from __future__ import annotations

import math
import re

import pytest
from benchmarks import __main__ as command
from benchmarks import ahead, costs, growth, limits, measure, page, pictures
from benchmarks.counting import counted
from benchmarks.measure import Figures, Row
from benchmarks.process import Taken, Unequal, compare
from benchmarks.results import Facts, Results
from benchmarks.work import Missing, Training, Work
from benchmarks.workloads import make

import tinytorch as tt


def taken(*seconds, memory=1.0):
    return [Taken(each, memory) for each in seconds]


def row(name, reasons=None, **milliseconds):
    times = {each.replace("_", "+"): value for each, value in milliseconds.items()}
    found = measure.figures({each: taken(value / 1000, memory=20.4) for each, value in times.items()})
    return Row(name, f"the {name}", measure.Counted(3e9, 1e8), found, reasons or {})


@pytest.fixture
def results():
    facts = Facts("2026-01-02", "a processor", 2, 2, (0.1, None), {"NumPy": "2.4", "JAX": None}, True, 4.4)
    rows = [
        row("mlp", {"jax": "not installed", "tinytorch+compiled": "NO COMPILER YET"}, tinytorch=3, torch=2, torch_fused=1),
        row("gpt", {"tinytorch+compiled": "FAILED: a | b\nc"}, tinytorch=5, torch=10, jax=20),
    ]  # fmt: skip
    cost = [costs.Cost("x + y", way, 1.5, 2.0, r) for way, r in zip(costs.WAYS, (0.7, 0.8, 1.3), strict=True)]
    imported = [costs.Import("tinytorch", 0.2, 0.1), costs.Import("torch", 1.0, 0.9)]
    most = [limits.Limits(1, 100.0, 10.0, 12.0), limits.Limits(2, 190.0, 14.0, 13.0)]
    points = [
        growth.Point("matmul", way, size, 1.0 * size, 2.0 * size, ratio, 2.0 * size**3, 12.0 * size**2)
        for way in growth.WAYS
        for size, ratio in ((16, 2.5), (32, 1.0), (64, 1.5))
    ]
    return Results(facts, rows, cost, imported, most, points)


@pytest.mark.parametrize("wrong", [1.01, math.nan, -1.0])
def test_an_unequal_loss_is_refused(wrong):
    compare("mlp", "tinytorch", [1.0, 1.0005], [1.0, 1.0])
    with pytest.raises(Unequal, match=r"mlp: tinytorch has .*, PyTorch 1.0: no time counts"):
        compare("mlp", "tinytorch", [1.0, wrong], [1.0, 1.0])


class Told:
    """A worker that answers what it was told to."""

    def __init__(self, answer):
        self.answer, self.closed = answer, False

    def make(self, name):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def close(self):
        self.closed = True


def test_a_backend_that_computes_something_else_gives_no_time():
    wrong = Told([2.0])
    workers = {"tinytorch": Told([1.0]), "tinytorch+compiled": wrong, "torch": Told([1.0])}
    workers["torch+malloc"] = Told(Missing("no settings"))
    reasons = {}
    measure.prepared("mlp", workers, reasons)
    assert list(workers) == ["tinytorch", "torch"] and wrong.closed
    assert "no time counts" in reasons["tinytorch+compiled"] and reasons["torch+malloc"] == "no settings"
    with pytest.raises(Unequal):
        measure.prepared("mlp", {"tinytorch": Told([2.0]), "torch": Told([1.0])}, {})


def test_ratios_are_of_slices_taken_in_turn():
    found = measure.figures({"tinytorch": taken(1.0, 4.0, 9.0), "torch": taken(2.0, 4.0, 3.0)})
    assert found["tinytorch"] == Figures(4000.0, 1000.0, 1.0, 0.5, 1.0, 1.0)
    assert found["torch"].ratio == 1.0 and found["torch"].behind == 1.0


def test_each_input_that_needs_a_gradient_counts_once_more():
    x, w = tt.ones(5, 3), tt.ones(3, 4).requires_grad_()
    product = 2 * 5 * 3 * 4
    assert counted(Work(lambda: x @ x.mT)).flops == 2 * 5 * 3 * 5
    assert counted(Work(lambda: x @ w)).flops == 2 * product
    assert counted(Work(lambda: x.requires_grad_() @ w)) == (3 * product, 3 * 4 * (15 + 12 + 20))
    with tt.no_grad():
        assert counted(Work(lambda: x @ w)).flops == product


def test_the_update_is_neither_counted_nor_compiled():
    w = tt.ones(3, 1).requires_grad_()
    work = Training(lambda x: (x @ w).sum(), (tt.ones(2, 3),), lambda: w.mul_(2))
    assert counted(work).flops == 2 * (2 * 2 * 3) + 2 * 2 and w.tolist() == [[1.0]] * 3

    class Compiler:
        @staticmethod
        def compile(function):
            return lambda *inputs: function(*inputs) * 10

    work = Training(lambda x: (x @ w).sum(), (tt.ones(2, 3),), lambda: 0.5)
    work.compile(Compiler)
    assert work.step() == 60.5
    assert w.grad.tolist() == [[2.0]] * 3


def test_a_compiler_that_gives_back_what_it_took_is_said_loudly():
    class Compiler:
        @staticmethod
        def compile(function):
            return function

    with pytest.raises(Missing, match="NO COMPILER YET"):
        make(tt, "mlp").compile(Compiler)
    with pytest.raises(Missing, match="nothing to compile"):
        Work(lambda: 1.0).compile(Compiler)


def test_the_page_has_figures_reasons_and_facts(results):
    text = page.text(results)
    assert "2 threads in every process" in text and "NumPy 2.4, no JAX; with compiled kernels" in text
    assert "Load 0.10 before the run, unknown after it" in text
    assert "| the gpt | 5 |  | **FAILED: a / b c** | 10 |  |  | 20 |" in text
    assert "| the mlp | 3 |  | **NO COMPILER YET** | 2 |  | 1 | not installed |" in text
    assert "| gpt | 0.50 (0.50) |  |  | 1.00 (1.00) |  |  | 2.00 (2.00) |" in text
    assert "| gpt | 20 |" in text
    assert "| `x + y` | 1.50 | 2.00 | 0.70 | 1.50 | 2.00 | 0.80 | 1.50 | 2.00 | 1.30 |" in text
    for line in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({each.count("|") for each in line.splitlines()}) == 1


def test_where_others_are_ahead_is_read_off_the_figures(results):
    _, listed = ahead.section(results)
    assert listed.splitlines() == [
        "- the mlp: beside PyTorch: 1.50; beside PyTorch, fused optimizer: 3.00",
        "- `x + y` on 8 x 8, beside PyTorch: with backward 1.30",
        "- x @ y, forward, beside PyTorch: 2.50 at most, at 16, 64 (rows and columns)",
        "- x @ y, with backward, beside PyTorch: 2.50 at most, at 16, 64 (rows and columns)",
    ]
    assert "Nowhere" in "".join(ahead.section(Results(results.facts, [results.rows[1]], [], [], [], [])))


def test_the_page_is_written_between_its_marks_and_the_same_figures_give_the_same_files(results, tmp_path):
    target = tmp_path / "performance.md"
    target.write_text(f"# Own words\n\n{page.BEGIN}\n\nold\n{page.END}\n\nMore words.\n", encoding="utf-8")
    page.write(results, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.rglob("*.*")}
    page.write(results, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.rglob("*.*")} == before
    assert sorted(before) == ["growth.svg", "performance.md", "roofline.svg", "workloads.svg"]
    text = target.read_text(encoding="utf-8")
    assert text.startswith("# Own words\n") and text.endswith(f"\n{page.END}\n\nMore words.\n")
    assert "old" not in text.splitlines()
    assert page.replaced(f"a\n{page.BEGIN}\nold", "new") == f"a\n{page.BEGIN}\n\nnew\n{page.END}\n"


def test_a_point_stands_under_the_limits_at_its_intensity(results, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(pictures, "keep", lambda made, target: drawn.append(made))
    pictures.roofline(tmp_path / "x", results.rows, results.limits)
    one, two, ours, theirs, jax = drawn[0].axes[0].lines
    assert list(one.get_ydata())[-1] == 100.0 and list(two.get_ydata())[-1] == 190.0
    assert list(ours.get_xdata()) == [30.0, 30.0]
    assert list(ours.get_ydata()) == pytest.approx([1000.0, 600.0])
    assert list(theirs.get_ydata()) == pytest.approx([1500.0, 300.0]) and len(jax.get_xdata()) == 1
    assert pictures.least_time(results.points[0], results.limits[1]) == pytest.approx(12 * 256 / 14.0 / 1e3)


def test_every_part_can_be_named(monkeypatch):
    seen = []
    monkeypatch.setattr(measure, "measured", lambda name, threads, rounds: seen.append((name, rounds)))
    monkeypatch.setattr(costs, "measured", lambda threads, rounds: [])
    found = command.run(("mlp", "costs"), True, 1)
    assert seen == [("mlp", command.FEW)] and found.points == [] and found.facts.threads == 1
    assert len(costs.names()) == 27 and "x.tanh(), recorded" in costs.names()
