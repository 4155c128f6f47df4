"""A graph of recorded operations: what was made from what, what each node keeps, and a box for the gradient that arrives."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, takewhile
from typing import Any

from tinytorch_studio.pictures.paper import GLYPH, MONO, Paper

LINES, NODES = 16, 24  # nodes that are shown in a terminal, and in a document
HEADS = ("result", "made by", "g", "keeps")
LEGEND = "Lines lead down from a result to what it was made from; each o is a gradient that arrives."
CIRCLE = "What is left runs in a circle: none of it comes after all of its consumers."
Node = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """One node between the lanes above it and those below. A lane is an edge on its way; its number is its target's."""

    node: int
    above: tuple[int, ...]
    ends: tuple[int, ...]  # the lanes above that end here
    below: tuple[int, ...]


def rows(nodes: list[Node]) -> Iterator[Row]:
    """Every node after all of its consumers, leaves last; of those that are ready the one whose lane is leftmost."""
    arrivals = [0] * len(nodes)
    for target in [0, *[target for node in nodes for target in node["edges"]]]:
        arrivals[target] += 1
    lanes: tuple[int, ...] = (0,)
    while lanes:
        ready = [target for target in lanes if lanes.count(target) == arrivals[target]]
        if not ready:
            return
        node = min(ready, key=lambda each: not nodes[each]["edges"])
        ends = tuple([place for place, target in enumerate(lanes) if target == node])
        rest = [target for target in lanes if target != node]
        below = (*rest[: ends[0]], *nodes[node]["edges"], *rest[ends[0] :])
        yield Row(node, lanes, ends, below)
        lanes = below


def text(drawing: dict[str, Any], width: int) -> str:
    """Lanes on the left, consumers first; beside each node what it says."""
    nodes: list[Node] = drawing["nodes"]
    order = list(rows(nodes))
    shown = list(takewhile(lambda row: 6 * len(row.above) <= width, order[:LINES]))
    words = [inscription(nodes[row.node]) for row in shown]
    wide = [max(map(len, column)) for column in zip(HEADS, *words, strict=True)]
    lanes = 2 * max(len(row.above) for row in shown) + 2
    lines = [" " * lanes + "   ".join(map(str.ljust, HEADS, wide))]
    for row, said in zip(shown, words, strict=True):
        lines.append(stop(row).ljust(lanes) + "   ".join(map(str.ljust, said, wide)))
        lines += connectors(row) if row is not shown[-1] else []
    notes = [LEGEND, left_out(drawing, len(shown)), CIRCLE if len(order) < len(nodes) else ""]
    lines = [cut(line.rstrip(), width) for line in lines]
    return "\n".join([*lines, "", *[line for note in notes for line in textwrap.wrap(note, width)]])


def cut(line: str, width: int) -> str:
    """A line that fits; two dots where it was cut."""
    return line if len(line) <= width else line[: width - 2] + ".."


def left_out(drawing: dict[str, Any], shown: int) -> str:
    """How many nodes are not shown, in words; empty if none."""
    total = len(drawing["nodes"]) + drawing.get("more", 0)
    return f"Nodes left out: {total - shown:,} of {total:,}." if shown < total else ""


def inscription(node: Node) -> tuple[str, str, str, str]:
    """Result, operation, gradient and what is kept, in plain characters."""
    name, value = node["name"] or "-", node["value"]
    parts = (
        f"{name} = {value}" if value else name,
        node["operation"],
        f"[{node['g'] or '':>6}]",
        ", ".join(node["kept"]) or ("" if node["operation"] == "leaf" else "nothing"),
    )
    result, operation, g, kept = [part.encode("ascii", "replace").decode() for part in parts]
    return result, operation, g, kept


def stop(row: Row) -> str:
    """The line of a node: an `o` for every lane that ends here, tied together."""
    line = ["|" if place % 2 == 0 else " " for place in range(2 * len(row.above) - 1)]
    for place in range(2 * row.ends[0], 2 * row.ends[-1] + 1):
        line[place] = line[place].replace(" ", "-")
    for place in row.ends:
        line[2 * place] = "o"
    return "".join(line)


def connectors(row: Row) -> list[str]:
    """The lines between a node and the next: every lane goes to its new place, one step in each line."""
    first, count = row.ends[0], len(row.below) - len(row.above) + len(row.ends)
    moves = [(first, first + number) for number in range(count)]
    for place in range(len(row.above)):
        if place not in row.ends:
            gone = sum(end < place for end in row.ends)
            moves.append((place, place - gone + (count if place > first else 0)))
    made = []
    for step in range(max([1, *[abs(there - here) for here, there in moves]]) if moves else 0):
        line = [" "] * (2 * max(max(move) for move in moves) + 2)
        for here, there in moves:
            way = (there > here) - (there < here)
            now = here + way * min(step, abs(there - here))
            sign, place = ("|", 2 * now) if now == there else ("/ \\"[way + 1], 2 * now + way)
            line[place] = sign
        made.append("".join(line))
    return made


COLUMN, ROW, TALL = 76.0, 88.0, 64.0  # pixels: between columns, from row to row, the height of a box
PLACE = 7 * MONO * GLYPH  # the width of the place for g
Spot = Any  # a node, or (edge, column): a column that an edge passes on its way


def svg(drawing: dict[str, Any]) -> str:
    """Boxes from left to right, results left of what they were made from; an arrow for every edge."""
    nodes: list[Node] = drawing["nodes"]
    order = [row.node for row in rows(nodes)][:NODES]
    paper = Paper("The graph behind a result; arrows lead from results to causes", text(drawing, 80))
    Sheet(nodes, order, paper).draw()
    if left_out(drawing, len(order)):
        paper.words(0, paper.bottom + 24, left_out(drawing, len(order)), "soft", size=12)
    return paper.whole()


class Sheet:
    """Some nodes of a graph, consumers first, on paper."""

    def __init__(self, nodes: list[Node], order: list[int], paper: Paper) -> None:
        self.nodes = nodes
        self.paper = paper
        self.order = order
        self.edges = [(node, to) for node in order for to in nodes[node]["edges"] if to in order]
        self.columns = self.placed()
        self.routes = [self.route(edge) for edge in range(len(self.edges))]
        self.spots = self.spread()
        said = [inscription(nodes[node]) for node in order]
        longest = max(max(len(each[0]), len(below(each)), 12) for each in said)
        self.wide = longest * MONO * GLYPH + 20
        self.said = dict(zip(order, said, strict=True))

    def placed(self) -> dict[int, int]:
        """The column of each node: right of all its consumers, leaves in the last."""
        columns = dict.fromkeys(self.order, 0)
        for node, to in self.edges:  # consumers first, so a node's own column is final when its edges come
            columns[to] = max(columns[to], columns[node] + 1)
        last = max(columns.values())
        return {node: column if self.nodes[node]["edges"] else last for node, column in columns.items()}

    def route(self, edge: int) -> list[Spot]:
        """The spots that an edge leads through, both ends included: one in every column."""
        node, to = self.edges[edge]
        passed = range(self.columns[node] + 1, self.columns[to])
        return [node, *[(edge, column) for column in passed], to]

    def spread(self) -> dict[Spot, tuple[int, float]]:
        """Column and row of every spot: near the rows that it is reached from, and not on another."""
        fed: dict[Spot, list[Spot]] = {node: [] for node in self.order}
        column = dict[Spot, int](self.columns)
        for route in self.routes:
            for before, after in pairwise(route):
                fed.setdefault(after, []).append(before)
                column.setdefault(after, column[before] + 1)
        found: dict[Spot, tuple[int, float]] = {}
        for number in range(max(column.values()) + 1):
            here = [spot for spot, where in column.items() if where == number]
            near = {spot: sum(found[each][1] for each in fed[spot]) / max(len(fed[spot]), 1) for spot in here}
            free = float("-inf")
            for spot in sorted(here, key=lambda each: (near[each], not isinstance(each, int))):
                found[spot] = (number, max(near[spot], free))
                free = found[spot][1] + 1.0
        return found

    def draw(self) -> None:
        """Arrows, and boxes over their ends."""
        starts, ends = self.slots(0), self.slots(-1)
        for edge, (first, *passed, last) in enumerate(self.routes):
            x, y = self.corner(first)
            points = [(x + self.wide, y + TALL / 2 + starts[edge])]
            for spot in passed:
                x, y = self.corner(spot)
                points += [(x, y + TALL / 2), (x + self.wide, y + TALL / 2)]
            x, y = self.corner(last)
            lead(self.paper, [*points, (x, y + TALL / 2 + ends[edge])])
        for node in self.order:
            box(self.paper, self.corner(node), self.wide, self.said[node])

    def corner(self, spot: Spot) -> tuple[float, float]:
        """Upper left, in pixels."""
        column, row = self.spots[spot]
        return column * (self.wide + COLUMN), row * ROW

    def slots(self, end: int) -> dict[int, float]:
        """How far above or below the middle of its box each edge begins (0) or ends (-1), so that no two meet."""
        found = dict[int, float]()
        next_to = 1 if end == 0 else -2
        for node in self.order:
            here = [edge for edge, route in enumerate(self.routes) if route[end] == node]
            here.sort(key=lambda edge: self.spots[self.routes[edge][next_to]][1])
            step = min(13.0, (TALL - 16) / max(len(here), 1))
            found |= {edge: (place - (len(here) - 1) / 2) * step for place, edge in enumerate(here)}
        return found


def below(said: tuple[str, str, str, str]) -> str:
    """The second line in a box: the operation, and what is kept for it."""
    return f"{said[1]}  keeps {said[3]}" if said[3] else said[1]


def lead(paper: Paper, points: list[tuple[float, float]]) -> None:
    """An arrow through some points, level at each of them."""
    path = f"M{points[0][0]:g} {points[0][1]:g}"
    for (x1, y1), (x2, y2) in pairwise(points):
        bend = (x2 - x1) / 2
        path += f"C{x1 + bend:g} {y1:g} {x2 - bend:g} {y2:g} {x2:g} {y2:g}"
        paper.room(x1, min(y1, y2), x2 - x1, abs(y2 - y1))
    paper.path(path, "line axis0")
    paper.head(*points[-1], 1, 0, "axis0")


def box(paper: Paper, corner: tuple[float, float], wide: float, said: tuple[str, str, str, str]) -> None:
    """One node: result, operation and what is kept, and the place for g."""
    x, y = corner
    paper.box(x, y, wide, TALL, "read", 6)
    paper.words(x + 10, y + 17, said[0], "strong")
    paper.words(x + 10, y + 34, below(said), "", size=MONO - 1)
    paper.words(x + 10, y + 54, "g", "axis1", size=MONO - 1)
    paper.box(x + 24, y + 41, PLACE, 17, "unread", 3)
    paper.words(x + 24 + PLACE / 2, y + 54, said[2].strip("[] "), "axis1", "middle", MONO - 1)
