"""The plots of the page: workloads beside PyTorch, the roofline with the workloads on it, cost over size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.growth import CASES, PAIR, WAYS, Point
from benchmarks.limits import Limits
from benchmarks.measure import BACKENDS, Row
from tinytorch_studio import plots

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = dict(zip(("tinytorch", "torch", "jax"), plots.COLOURS, strict=False))
SHADES = {"tinytorch+numpy": "#8fb3dc", "tinytorch+compiled": "#123a66", "torch+malloc": "#e3a57f", "torch+fused": "#7d370f"}  # fmt: skip
LINES = {"forward": "-", "with backward": "--"}
LIMIT = "#9aa5b1"


def keep(made: Figure, target: Path) -> None:
    """Keep the drawing as SVG alone."""
    for path in plots.keep(made, target):
        if path.suffix != ".svg":
            path.unlink()


def plain(panel: Axes) -> None:
    """No frame on two sides."""
    panel.spines[["top", "right"]].set_visible(False)


def workloads(target: Path, rows: Sequence[Row]) -> None:
    """How many times as long as plain PyTorch each backend takes: bars from 1 to the left or to the right."""
    backends = [backend for backend in BACKENDS if backend != "torch"]
    made = plots.figure(8, 1.2 + 0.2 * len(rows) * len(backends))
    panel = made.subplots()
    high = 0.8 / len(backends)
    for index, backend in enumerate(backends):
        found = [
            (place, row.figures[backend].ratio) for place, row in enumerate(rows) if backend in row.figures
        ]
        places = [place + (index - (len(backends) - 1) / 2) * high for place, _ in found]
        colour = COLOURS.get(backend) or SHADES[backend]
        values = [value for _, value in found]
        panel.barh(
            places,
            [value - 1 for value in values],
            left=1,
            height=high,
            color=colour,
            label=BACKENDS[backend],
        )
        for place, value in zip(places, values, strict=True):
            side = (3, "left") if value >= 1 else (-3, "right")
            panel.annotate(
                f"{value:.2f}", (value, place), (side[0], 0), textcoords="offset points", ha=side[1], va="center", fontsize=6
            )  # fmt: skip
    panel.set_xscale("log")
    panel.margins(x=0.12)
    panel.axvline(1, color="black", lw=0.8)
    panel.set_yticks(range(len(rows)), [row.name for row in rows], fontsize=9)
    panel.invert_yaxis()
    panel.set_xlabel("time over that of plain PyTorch (shorter is better)", fontsize=9)
    panel.xaxis.set_major_formatter("{x:g}")
    plain(panel)
    made.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    keep(made, target)


def roofline(target: Path, rows: Sequence[Row], limits: Sequence[Limits]) -> None:
    """What the machine can do, over operations for each byte; and where the workloads are."""
    made = plots.figure(8, 5)
    panel = made.subplots()
    shown = [row for row in rows if row.work.flops]
    intensities = [row.work.flops / row.work.bytes for row in shown]
    ends = min(intensities, default=0.1) / 2, max([*intensities, 10.0]) * 4
    for limit, style in zip(limits, (":", "-"), strict=False):
        ridge = limit.gflops / limit.bandwidth
        along = sorted({*ends, min(max(ridge, ends[0]), ends[1])})
        heights = [min(limit.gflops, limit.bandwidth * x) for x in along]
        name = f"limit with {limit.threads} thread{'s' * (limit.threads > 1)}"
        panel.loglog(
            along,
            heights,
            style,
            color=LIMIT,
            label=f"{name}: {limit.gflops:.0f} GFLOP/s, {limit.bandwidth:.0f} GB/s",
        )
    for backend, mark in zip(("tinytorch", "torch", "jax"), "osD", strict=True):
        found = [(x, row) for x, row in zip(intensities, shown, strict=True) if backend in row.figures]
        speeds = [row.work.flops / row.figures[backend].milliseconds / 1e6 for _, row in found]
        panel.loglog(
            [x for x, _ in found], speeds, mark, color=COLOURS[backend], ms=5, label=BACKENDS[backend]
        )
        if backend == "tinytorch":
            for (x, row), speed in zip(found, speeds, strict=True):
                panel.annotate(row.name, (x, speed), (6, -9), textcoords="offset points", fontsize=8)
    panel.set_xlabel("floating point operations for each byte", fontsize=9)
    panel.set_ylabel("GFLOP/s", fontsize=9)
    panel.legend(frameon=False, fontsize=8)
    plain(panel)
    keep(made, target)


def least_time(point: Point, limit: Limits) -> float:
    """Microseconds that the machine's limits allow for the forward pass."""
    return max(point.flops / limit.gflops, point.bytes / limit.bandwidth) / 1e3


def growth(target: Path, points: Sequence[Point], limit: Limits) -> None:
    """A panel for each case: time over size, both on logarithmic axes."""
    cases = [case for case in CASES if any(point.case == case for point in points)]
    rows = (len(cases) + 2) // 2  # the last place is the legend's
    made = plots.figure(8, 0.5 + 2.4 * rows)
    panels = made.subplots(rows, 2, squeeze=False).ravel()
    for panel, case in zip(panels, cases, strict=False):
        draw_case(panel, case, [point for point in points if point.case == case], limit)
    for panel in panels[len(cases) :]:
        panel.set_axis_off()
    lines, names = panels[0].get_legend_handles_labels()
    panels[-1].legend(lines, names, loc="center", frameon=False, fontsize=9)
    keep(made, target)


def draw_case(panel: Axes, case: str, points: Sequence[Point], limit: Limits) -> None:
    """One panel."""
    for way in WAYS:
        own = [point for point in points if point.way == way]
        sizes = [point.size for point in own]
        for backend, times in zip(PAIR, ([p.ours for p in own], [p.theirs for p in own]), strict=True):
            label = f"{BACKENDS[backend]}, {way}"
            panel.loglog(sizes, times, LINES[way], marker="o", ms=3, color=COLOURS[backend], label=label)
        if way == "forward":
            bound = [least_time(point, limit) for point in own]
            panel.loglog(sizes, bound, ":", color=LIMIT, label="limit of the machine, forward")
    panel.set_title(CASES[case].title, fontsize=9)
    panel.set_xlabel(CASES[case].along, fontsize=8)
    panel.set_ylabel("µs", fontsize=8)
    panel.tick_params(labelsize=7)
    plain(panel)
