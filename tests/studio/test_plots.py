"""Drawings: what is in them, read back from the SVG and from the figure."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest

from tinytorch_studio import plots
from tinytorch_studio.plots import Bar, NoPlot, bars, curves, panels_of


@pytest.fixture
def drawn(monkeypatch):
    """The figures that were drawn."""
    made = []
    new = plots.figure
    monkeypatch.setattr(plots, "figure", lambda *size: made.append(new(*size)) or made[-1])
    return made


def widths(panel):
    return [patch.get_x() + patch.get_width() for patch in panel.patches]


def test_bars_end_at_their_numbers_on_a_logarithmic_axis(tmp_path, drawn):
    files = bars(tmp_path / "x", "cost", [Bar("a", "ms", 2.0, 300.0), Bar("b", "ms", 0.0, 5.0)])
    assert files == [tmp_path / "x.svg", tmp_path / "x.png"]
    (panel,) = drawn[0].axes
    assert panel.get_xscale() == "log"
    low = panel.get_xlim()[0]
    assert widths(panel) == pytest.approx([2.0, low, 300.0, 5.0])
    assert low < 2.0
    assert [text.get_text() for text in panel.texts] == ["2", "0", "300", "5"]


def test_each_unit_has_a_panel_of_its_own(tmp_path, drawn):
    bars(tmp_path / "x", "t", [Bar("a", "ms", 1, 2), Bar("b", "bytes", 1e6, 2e6), Bar("c", "ms", 3, 4)])
    assert [panel.get_xlabel() for panel in drawn[0].axes] == ["ms", "bytes"]
    assert [len(panel.patches) for panel in drawn[0].axes] == [4, 2]


@pytest.mark.parametrize(
    "rows", [[Bar("a", "", 0, 0)], [Bar("a $x", "$", -1, 2)], [Bar("a", "x", 1e-9, 1e12)]]
)
def test_zeros_negatives_and_dollar_signs_can_be_drawn(tmp_path, rows):
    for file in bars(tmp_path / "x", "what $ costs", rows):
        assert file.stat().st_size > 1000


def test_the_same_drawing_gives_the_same_file(tmp_path):
    one, two = (curves(tmp_path / name, "t", {"loss": [3, 2, 1]})[0] for name in "ab")
    assert one.read_bytes() == two.read_bytes()
    assert ElementTree.parse(one).getroot().tag.endswith("svg")


def test_lines_of_different_scale_have_two_panels_and_epochs_count_from_one(tmp_path, drawn):
    loss, accuracy = [2.2, 1.0, 0.6], [0.88, 0.95, 0.98]
    curves(tmp_path / "x", "digits", {"loss": loss, "accuracy": accuracy}, goals={"accuracy": 0.97})
    top, bottom = drawn[0].axes
    assert [list(line.get_ydata()) for line in top.lines] == [loss]
    assert list(top.lines[0].get_xdata()) == [1, 2, 3]
    assert [list(line.get_ydata()) for line in bottom.lines] == [accuracy, [0.97, 0.97]]
    assert bottom.get_xlabel() == "epoch"


def test_lines_of_one_scale_share_a_panel():
    assert panels_of({"train": [2.0, 1.0], "held out": [2.1, 1.4]}) == [["train", "held out"]]
    assert panels_of({"flat": [1.0, 1.0], "loss": [9.0, 1.0]}) == [["flat", "loss"]]
    assert panels_of({"a": [], "b": [math.nan, 1.0]}) == [["a", "b"]]


def test_a_missing_library_is_said_with_the_line_that_installs_it(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(NoPlot, match="python -m pip install matplotlib"):
        curves(tmp_path / "x", "t", {"loss": [1.0]})
