"""What a picture of memory says is held against NumPy, and what one of a graph says against its edges and PyTorch."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tinytorch_studio import pictures
from tinytorch_studio.course import find
from tinytorch_studio.drawings import drawings
from tinytorch_studio.pictures.cells import View
from tinytorch_studio.pictures.paper import GLYPH

AXES = st.lists(st.tuples(st.integers(1, 4), st.integers(-6, 9)), max_size=3)
WILD = st.lists(st.tuples(st.integers(0, 30), st.integers(-(10**5), 10**5)), max_size=3)


def drawn(shape, strides, offset=0):
    return {"kind": "layout", "shape": list(shape), "strides": list(strides), "offset": offset}


def cells_by_numpy(shape, strides, offset):
    """The cells in reading order, read by NumPy out of an array that holds its own positions."""
    memory, start = np.arange(400), 150
    steps = [8 * each for each in strides]
    return np.lib.stride_tricks.as_strided(memory[start + offset :], shape, steps) - start


def ruler(text, axis):
    return next(line for line in text.splitlines() if line.startswith(f"axis {axis} "))


@given(AXES, st.integers(0, 9))
def test_a_cell_is_counted_as_often_as_numpy_reads_it(axes, offset):
    shape, strides = tuple(n for n, _ in axes), tuple(s for _, s in axes)
    wanted = dict(zip(*np.unique(cells_by_numpy(shape, strides, offset), return_counts=True), strict=True))
    view = View(shape, strides, offset)
    assert view.ends() == (min(wanted), max(wanted))
    assert {cell: view.times(cell) for cell in range(-60, 100) if view.times(cell)} == wanted


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3)), min_size=2, max_size=2), st.integers(0, 5))
def test_a_matrix_is_drawn_in_the_order_in_which_numpy_reads_it_and_its_cells_are_in_brackets(axes, offset):
    shape, strides = tuple(n for n, _ in axes), tuple(s for _, s in axes)
    wanted = cells_by_numpy(shape, strides, offset)
    text = pictures.text(drawn(shape, strides, offset))
    rows = text.partition("axis 1 ->\n")[2].splitlines()
    assert [[int(word) for word in line[9:].split()] for line in rows] == wanted.tolist()
    memory = next(line for line in text.splitlines() if line.startswith("memory"))
    marked = {int(n) for part in re.findall(r"\[([^\]]*)\]", memory) for n in part.split("|")}
    assert marked == set(wanted.reshape(-1).tolist())


def test_every_index_of_a_ruler_stands_under_the_cell_that_it_leads_to():
    for size, stride, offset in ((4, 2, 1), (3, 3, 0), (4, -1, 3), (3, -2, 5), (2, 5, 2)):
        text = pictures.text(drawn((size,), (stride,), offset))
        memory = next(line for line in text.splitlines() if line.startswith("memory"))
        line = ruler(text, 0).partition("   size")[0]
        for index in range(size):
            at = line.index(str(index), len("axis 0"))
            assert memory[at] == str(offset + index * stride), text


def test_permute_swaps_the_rulers_and_moves_nothing():
    before, after = pictures.text(drawn((2, 3), (3, 1))), pictures.text(drawn((3, 2), (1, 3)))
    assert before.splitlines()[2] == after.splitlines()[2]
    assert ruler(before, 0)[6:] == ruler(after, 1)[6:]
    assert ruler(before, 1)[6:] == ruler(after, 0)[6:]


def test_cells_that_are_not_there_and_what_is_left_out_are_said():
    assert "no cells before 0" in pictures.text(drawn((3,), (-2,), 1))
    assert "2 sizes, but 1 stride" in pictures.text(drawn((3, 2), (1,)))
    much = pictures.text(drawn((4096, 4096), (1, 4096)))
    assert "Cells left out: 16,777,209 after." in much
    assert "Elements left out: 16,777,180 of 16,777,216." in much


@settings(max_examples=40, deadline=None)
@given(WILD, st.integers(0, 10**6))
def test_any_layout_is_drawn_in_80_columns_and_all_words_lie_on_the_sheet(axes, offset):
    drawing = drawn([n for n, _ in axes], [s for _, s in axes], offset)
    text = pictures.text(drawing)
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 80
    fits(pictures.svg(drawing))


def fits(svg):
    """All words lie on the sheet."""
    root = ElementTree.fromstring(svg)
    left, top, wide, high = (float(each) for each in root.get("viewBox").split())
    for each in root.iter("{http://www.w3.org/2000/svg}text"):
        reach = len(each.text or "") * float(each.get("font-size")) * GLYPH
        start = (
            float(each.get("x")) - {"start": 0, "middle": reach / 2, "end": reach}[each.get("text-anchor")]
        )
        assert left <= start
        assert start + reach <= left + wide
        assert top <= float(each.get("y")) <= top + high


@st.composite
def graphs(draw, most=12):
    """A graph whose nodes are all behind the first; edges lead to later nodes, some of them twice."""
    count = draw(st.integers(1, most))
    edges = [
        draw(st.lists(st.integers(n + 1, count - 1), max_size=3)) if n < count - 1 else []
        for n in range(count)
    ]
    for node in range(1, count):
        if not any(node in targets for targets in edges[:node]):
            edges[draw(st.integers(0, node - 1))].append(node)
    return edges


def of(edges):
    """The drawing of a graph in which node 3 makes `r3`."""
    nodes = [
        {"operation": "Op", "name": f"r{n}", "value": "", "g": "", "kept": [], "edges": targets}
        for n, targets in enumerate(edges)
    ]
    return {"kind": "graph", "nodes": nodes, "more": 0}


def traced(text):
    """The nodes of a picture from above, and for each the nodes that its lanes end at: by following the characters."""
    lines = text.partition("\n\n")[0].splitlines()[1:]
    margin = text.index("result")
    stops = [n for n, line in enumerate(lines) if "o" in line[:margin]]
    name = {n: int(re.search(r"r(\d+)", lines[n]).group(1)) for n in stops}
    found = {}
    for n in stops:
        places, ends = {lines[n].index("o")}, []
        for below in range(n + 1, len(lines)):
            line = lines[below][:margin].ljust(margin)
            if below in name:
                ends += [name[below] for place in places if line[place] == "o"]
                assert all(line[place] in "o|" for place in places)
                places = {place for place in places if line[place] == "|"}
                continue
            straight = {place for place in places if line[place] == "|"}
            right = {place + 2 for place in places if line[place + 1] == "\\"}
            left = {place - 2 for place in places if place and line[place - 1] == "/"}
            places = straight | right | left
        assert not places or n == stops[-1]
        found[name[n]] = sorted(ends)
    return list(name.values()), found


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_whoever_follows_the_lanes_of_a_graph_finds_its_edges_and_consumers_before_what_they_consume(edges):
    text = pictures.text(of(edges), 200)
    order, found = traced(text)
    assert found == {node: sorted(targets) for node, targets in enumerate(edges)}
    assert all(order.index(node) < order.index(to) for node, targets in enumerate(edges) for to in targets)
    leaves = [not edges[node] for node in order]
    assert leaves == sorted(leaves)


@settings(max_examples=60, deadline=None)
@given(graphs(40))
def test_any_graph_is_drawn_in_80_columns_with_an_arrow_for_every_edge_and_no_two_boxes_in_one_place(edges):
    text, svg = pictures.text(of(edges)), pictures.svg(of(edges))
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 80
    fits(svg)
    boxes = re.findall(r'<rect x="([-\d.]+)" y="([-\d.]+)" [^>]*class="read"', svg)
    assert len(boxes) == len(set(boxes)) == min(len(edges), 24)
    for path in re.findall(r'<path d="(M[^"Z]*)" class="line axis0"', svg):
        across = [float(each) for each in re.findall(r"[-\d.]+", path)][::2]
        assert across == sorted(across)  # to the right, all the way
        assert across[0] < across[-1]
    if len(edges) <= 24:
        assert svg.count('class="line axis0"') == sum(map(len, edges))
    assert (f"Nodes left out: {len(edges) - 24} of {len(edges)}." in svg) == (len(edges) > 24)


def test_a_circle_is_said_and_not_walked_for_ever():
    text = pictures.text(of([[1], [2], [1]]))
    assert "runs in a circle" in text
    assert "r0" in text


PROGRAM = """x = tt.tensor([2.0, -1.0, 0.5], requires_grad=True)
w = tt.ones(2, 3)
y = x * x
z = (y * y + y).exp() @ w.T
values, places = z.sort()
out = values.sum() + (y * 3.0).tanh()[0]
out.grad_fn"""


def test_the_graph_that_is_drawn_is_the_one_that_pytorch_records():
    import torch

    (drawing,) = drawings(None, find("05")[0], [PROGRAM])
    names = {"tt": torch}
    exec(PROGRAM, names)
    root = names["out"].grad_fn

    def shape_of(name, targets):
        return (name, *sorted(targets))

    def ours(place):
        node = drawing["nodes"][place]
        return shape_of(len(node["edges"]), [ours(to) for to in node["edges"]])

    def theirs(function):
        targets = [each for each, _ in function.next_functions if each is not None]
        return shape_of(len(targets), [theirs(each) for each in targets])

    assert ours(0) == theirs(root)
    named = {each["name"]: each for each in drawing["nodes"] if each["name"]}
    assert named["y"]["operation"] == "Mul"
    assert named["y"]["kept"] == ["x"]
    assert named["x"]["operation"] == "leaf"
