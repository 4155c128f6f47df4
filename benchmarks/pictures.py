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

OWN, TORCH, JAX = plots.COLOURS[:3]
COLOURS = {
    "tinytorch": OWN,
    "tinytorch+numpy": "#8fb3dc",
    "tinytorch+compiled": "#123a66",
    "torch": TORCH,
    "torch+malloc": "#e3a57f",
    "torch+fused": "#7d370f",
    "jax": JAX,
}
LINES = {"forward": "-", "with backward": "--"}
MARKS = {"tinytorch": "o", "torch": "s", "jax": "D"}
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
    shown = [[each for each in BACKENDS if each != "torch" and each in row.figures] for row in rows]
    made = plots.figure(8, 1.2 + 0.2 * sum(len(each) + 1 for each in shown))
    panel = made.subplots()
    place, names = 0, []
    for row, backends in zip(rows, shown, strict=True):
        names.append(place + (len(backends) - 1) / 2)
        for backend in backends:
            draw_bar(panel, place, backend, row.figures[backend].ratio)
            place += 1
        place += 1
    panel.set_xscale("log")
    panel.xaxis.set_major_formatter("{x:g}")
    panel.margins(x=0.12, y=0.01)
    panel.axvline(1, color="black", lw=0.8)
    panel.set_yticks(names, [row.name for row in rows], fontsize=9)
    panel.invert_yaxis()
    panel.set_xlabel("time over that of plain PyTorch (further left is better)", fontsize=9)
    plain(panel)
    lines = dict(zip(*reversed(panel.get_legend_handles_labels()), strict=True))
    made.legend(lines.values(), lines.keys(), loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    keep(made, target)


def draw_bar(panel: Axes, place: float, backend: str, ratio: float) -> None:
    """A bar from 1, with its number behind its end."""
    panel.barh(place, ratio - 1, left=1, height=1, color=COLOURS[backend], label=BACKENDS[backend])
    shift, side = (3, "left") if ratio >= 1 else (-3, "right")
    place_of = (ratio, place)
    panel.annotate(
        f"{ratio:.2f}", place_of, (shift, 0), textcoords="offset points", ha=side, va="center", fontsize=7
    )


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
    for backend, mark in MARKS.items():
        draw_speeds(panel, backend, mark, [row for row in shown if backend in row.figures])
    panel.set_xlabel("floating point operations for each byte", fontsize=9)
    panel.set_ylabel("GFLOP/s", fontsize=9)
    panel.legend(frameon=False, fontsize=8)
    plain(panel)
    keep(made, target)


def draw_speeds(panel: Axes, backend: str, mark: str, rows: Sequence[Row]) -> None:
    """The points of one backend; TinyTorch's have the names, every other one above its point."""
    along = [row.work.flops / row.work.bytes for row in rows]
    speeds = [row.work.flops / row.figures[backend].milliseconds / 1e6 for row in rows]
    if rows:
        panel.loglog(along, speeds, mark, color=COLOURS[backend], ms=5, label=BACKENDS[backend])
    if backend == "tinytorch":
        for number, at in enumerate(sorted(zip(along, speeds, [row.name for row in rows], strict=True))):
            panel.annotate(
                at[2], at[:2], (6, 5 if number % 2 else -9), textcoords="offset points", fontsize=8
            )


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
    panel.set_xscale("log", base=2)  # as the sizes are
    panel.set_title(CASES[case].title, fontsize=9)
    panel.set_xlabel(CASES[case].along, fontsize=8)
    panel.set_ylabel("µs", fontsize=8)
    panel.tick_params(labelsize=7)
    plain(panel)
