"""Drawings that are kept in the learner's folder, each as SVG and as PNG: bars of a lab, curves of a training run."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tinytorch_studio.amounts import shown
from tinytorch_studio.snapshots import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INSTALL = "plots need matplotlib: python -m pip install matplotlib"
PREDICTED, MEASURED = "#9aa5b1", "#1f5fa8"
COLOURS = ("#1f5fa8", "#c2571a", "#3a7d44", "#7a4fa3", "#5b6770")
APART = 3  # lines of which one moves so many times as far as the other get a panel each


class NoPlot(Exception):
    """The drawing library is not there. The message holds the line that installs it."""


class Bar(NamedTuple):
    """One number, as it was predicted and as it was measured."""

    label: str
    unit: str
    predicted: float
    measured: float


def figure(width: float, height: float) -> Figure:
    """An empty figure in inches; needs no display. Raises NoPlot without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise NoPlot(INSTALL) from error
    return Figure(figsize=(width, height), layout="constrained")


def keep(made: Figure, target: Path) -> list[Path]:
    """Write target.svg and target.png, each whole or not at all; the same drawing gives the same SVG."""
    from matplotlib import rc_context

    paths = []
    for kind in ("svg", "png"):
        buffer, path = BytesIO(), target.with_name(f"{target.name}.{kind}")
        details: dict[str, Any] = {"metadata": {"Date": None}} if kind == "svg" else {"dpi": 144}
        with rc_context({"svg.hashsalt": "tinytorch"}):
            made.savefig(buffer, format=kind, **details)
        write_whole(path, buffer.getvalue())
        paths.append(path)
    return paths


def words(text: str) -> str:
    """A text of which nothing is read as mathematics."""
    return text.replace("$", r"\$")


def bars(target: Path, title: str, rows: Sequence[Bar]) -> list[Path]:
    """Prediction beside measurement, on a logarithmic axis, one panel for each unit. Returns the files written.

    A zero has no place on such an axis: it is a bar of no length with its number beside it.
    """
    units = list(dict.fromkeys(each.unit for each in rows))
    groups = [[each for each in rows if each.unit == unit] for unit in units]
    made = figure(8, 1.2 + 0.65 * len(rows) + 0.5 * len(units))
    panels = made.subplots(len(units), squeeze=False, height_ratios=[len(group) for group in groups])[:, 0]
    for panel, unit, group in zip(panels, units, groups, strict=True):
        draw_bars(panel, unit, group)
    made.suptitle(words(title), fontsize=12)
    panels[0].legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False, fontsize=9)
    return keep(made, target)


def draw_bars(panel: Axes, unit: str, rows: Sequence[Bar]) -> None:
    """One panel: a pair of bars for each row, the first row on top."""
    values = [value for row in rows for value in (row.predicted, row.measured)]
    positive = [value for value in values if value > 0]
    if positive and min(values) >= 0:
        low = 10.0 ** (math.floor(math.log10(min(positive))) - 1)
        panel.set_xscale("log")
        panel.set_xlim(low, max(positive) * (max(positive) / low) ** 0.25)  # room for the numbers
    else:
        low = 0.0
        panel.margins(x=0.25)
        if not any(values):
            panel.set_xlim(0, 1)
    sides = (("predicted", PREDICTED, -0.2), ("measured", MEASURED, 0.2))
    for name, colour, shift in sides:
        found = [getattr(row, name) for row in rows]
        places = [index + shift for index in range(len(rows))]
        lengths = [value - low if value else 0.0 for value in found]
        panel.barh(places, lengths, left=low, height=0.38, color=colour, label=name)
        for place, value in zip(places, found, strict=True):
            at = value if value else low
            panel.annotate(
                shown(value), (at, place), (4, 0), textcoords="offset points", va="center", fontsize=8
            )
    panel.set_yticks(range(len(rows)), [words(row.label) for row in rows], fontsize=9)
    panel.invert_yaxis()
    panel.set_xlabel(words(unit), fontsize=9)
    panel.spines[["top", "right"]].set_visible(False)


def curves(
    target: Path,
    title: str,
    lines: Mapping[str, Sequence[float]],
    *,
    along: str = "epoch",
    goals: Mapping[str, float] | None = None,
) -> list[Path]:
    """Named lines over epochs, counted from 1, in two panels where their scales differ. Returns the files written.

    target: the files' place and name without its ending; target.svg and target.png are written.
    lines: by name, one number for each epoch. A line that is not a number somewhere has a gap there.
    goals: by a line's name, a height to be reached: a dashed line in that line's panel.
    Raises NoPlot without matplotlib.
    """
    groups = panels_of(lines)
    made = figure(7, 1 + 2.4 * len(groups))
    panels = made.subplots(len(groups), sharex=True, squeeze=False)[:, 0]
    colours = dict(zip(lines, COLOURS * len(lines), strict=False))
    for panel, names in zip(panels, groups, strict=True):
        for name in names:
            values = lines[name]
            mark = "o" if len(values) < 40 else ""
            panel.plot(
                range(1, len(values) + 1), values, mark + "-", color=colours[name], label=words(name), ms=3
            )
            goal = (goals or {}).get(name)
            if goal is not None:
                panel.axhline(goal, color=colours[name], ls="--", lw=1, label=words(f"{name}: {goal:g}"))
        panel.legend(frameon=False, fontsize=9)
        panel.spines[["top", "right"]].set_visible(False)
        panel.xaxis.get_major_locator().set_params(integer=True)
    panels[-1].set_xlabel(words(along))
    made.suptitle(words(title), fontsize=12)
    return keep(made, target)


def panels_of(lines: Mapping[str, Sequence[float]]) -> list[list[str]]:
    """The names that share a panel: all of them, or two groups, divided where their spans differ most."""

    def span(name: str) -> float:
        finite = [value for value in lines[name] if math.isfinite(value)]
        return max(finite) - min(finite) if finite else 0.0

    moving = sorted((name for name in lines if span(name) > 0), key=span)
    gaps = [span(b) / span(a) for a, b in itertools.pairwise(moving)]
    if not gaps or max(gaps) <= APART:
        return [list(lines)]
    cut = gaps.index(max(gaps)) + 1
    small = set(moving[:cut])
    groups = [[name for name in lines if name not in small], [name for name in lines if name in small]]
    return sorted(groups, key=lambda names: list(lines).index(names[0]))  # the first line's panel on top
