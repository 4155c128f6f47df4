"""The tape: every number, what it was made from and how steeply, and where the slopes add up."""

from __future__ import annotations

import textwrap
from typing import Any

from tinytorch_studio.pictures.paper import GLYPH, MONO, Paper

LINES = 20  # numbers that are shown in a terminal
NODES = 24  # and in a document
NONE = "The tape is empty: no number has been made."
Number = dict[str, Any]


def plain(value: float | str) -> str:
    """A number in at most six digits."""
    return f"{value:.6g}" if isinstance(value, (int, float)) else value.encode("ascii", "replace").decode()


def called(numbers: list[Number], index: int) -> str:
    """Its name, or its place on the tape."""
    return str(numbers[index]["name"] or f"#{index}")


def left_out(drawing: dict[str, Any], shown: int) -> str:
    """How many numbers are not shown, in words; empty if none."""
    total = len(drawing["numbers"]) + drawing.get("more", 0)
    return f"Numbers left out: {total - shown:,} of {total:,}." if shown < total else ""


def text(drawing: dict[str, Any], width: int) -> str:
    """A table, one line for each number; below it one line of arrows for each number that feeds others."""
    numbers: list[Number] = drawing["numbers"]
    if not numbers:
        return NONE
    shown = numbers[:LINES]
    rows = [("", "name", "value", "grad", "made from: number x slope")]
    for index, each in enumerate(shown):
        made = ", ".join(f"{called(numbers, source)} x {plain(slope)}" for source, slope in each["inputs"])
        rows.append((f"#{index}", each["name"] or "", plain(each["value"]), plain(each["grad"]), made or "-"))
    wide = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = []
    for row in rows:
        first = f"{row[0]:<{wide[0]}}  {row[1]:<{wide[1]}}  {row[2]:>{wide[2]}}  {row[3]:>{wide[3]}}   "
        lines += textwrap.wrap(row[4], width, initial_indent=first, subsequent_indent=" " * len(first))
    if left_out(drawing, len(shown)):
        lines.append(left_out(drawing, len(shown)))
    return "\n".join([*lines, *arrows(numbers, len(shown), width)])


def arrows(numbers: list[Number], shown: int, width: int) -> list[str]:
    """Who feeds whom, and with which slope."""
    feeds: dict[int, list[str]] = {}
    for index, each in enumerate(numbers[:shown]):
        for source, slope in each["inputs"]:
            feeds.setdefault(source, []).append(
                f"--\N{NO-BREAK SPACE}{plain(slope)}\N{NO-BREAK SPACE}-->\N{NO-BREAK SPACE}{called(numbers, index)}"
            )
    if not feeds:
        return []
    wide = max(len(called(numbers, source)) for source in feeds)
    made = ["", "who feeds whom, and with which slope:"]
    for source in sorted(feeds):
        first = f"  {called(numbers, source):<{wide}} "
        made += textwrap.wrap(
            "  ".join(feeds[source]),
            width,
            initial_indent=first,
            subsequent_indent=" " * len(first),
            break_on_hyphens=False,
        )
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in made]


ROW, GAP = 78.0, 84.0  # pixels: from one row of numbers to the next, and between columns
TALL = 56.0


def svg(drawing: dict[str, Any]) -> str:
    """Boxes from left to right, each number right of all that it was made from; a slope on every arrow."""
    numbers: list[Number] = drawing["numbers"]
    paper = Paper("The tape, from left to right in the order of making", text(drawing, 80))
    if not numbers:
        paper.words(0, 0, NONE)
        return paper.whole()
    shown = numbers[:NODES]
    places = placed(shown)
    wide = (
        max(len(line) for index in range(len(shown)) for line in inscription(shown, index)) * MONO * GLYPH
        + 20
    )
    corner = {index: (column * (wide + GAP), row * ROW) for index, (column, row) in places.items()}
    for index, each in enumerate(shown):
        merged: dict[int, list[str]] = {}
        for source, slope in each["inputs"]:
            merged.setdefault(source, []).append(plain(slope))
        for source, slopes in merged.items():
            x, y = corner[source]
            feed(paper, (x + wide, y + TALL / 2), corner[index], slopes)
    for index in range(len(shown)):
        node(paper, corner[index], wide, inscription(shown, index))
    if left_out(drawing, len(shown)):
        bottom = max(y for _, y in corner.values()) + TALL
        paper.words(0, bottom + 24, left_out(drawing, len(shown)), "soft", size=12)
    return paper.whole()


def placed(numbers: list[Number]) -> dict[int, tuple[int, float]]:
    """The column and row of each number: right of all its inputs, near the middle of their rows."""
    columns: dict[int, int] = {}
    for index, each in enumerate(numbers):
        columns[index] = 1 + max((columns[source] for source, _ in each["inputs"]), default=-1)
    rows: dict[int, float] = {}
    taken: dict[int, list[float]] = {}
    for index, each in enumerate(numbers):
        used = taken.setdefault(columns[index], [])
        sources = [rows[source] for source, _ in each["inputs"]]
        row = sum(sources) / len(sources) if sources else float(len(used))
        while any(abs(row - other) < 1 for other in used):
            row = max(used) + 1
        rows[index] = row
        used.append(row)
    return {index: (columns[index], rows[index]) for index in rows}


def inscription(numbers: list[Number], index: int) -> list[str]:
    """The lines in a box."""
    each = numbers[index]
    name = f"{each['name']}  " if each["name"] else ""
    return [f"{name}#{index}", f"value {plain(each['value'])}", f"grad  {plain(each['grad'])}"]


def node(paper: Paper, corner: tuple[float, float], wide: float, lines: list[str]) -> None:
    """One number."""
    x, y = corner
    paper.box(x, y, wide, TALL, "read", 6)
    for number, line in enumerate(lines):
        kind = ("strong", "", "axis1")[number]
        paper.words(x + 10, y + 17 + 16 * number, line, kind, size=MONO if number == 0 else MONO - 1)


def feed(paper: Paper, start: tuple[float, float], corner: tuple[float, float], slopes: list[str]) -> None:
    """An arrow from one number to another that it was made into."""
    (x1, y1), (x2, y2) = start, (corner[0], corner[1] + TALL / 2)
    bend = (x2 - x1) / 2
    paper.path(f"M{x1:g} {y1:g}C{x1 + bend:g} {y1:g} {x2 - bend:g} {y2:g} {x2 - 2:g} {y2:g}", "line axis0")
    paper.head(x2, y2, 1, 0, "axis0")
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    paper.words(x, y - 5, " + ".join(slopes), "axis0", "middle", 12)
