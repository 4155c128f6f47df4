"""What a picture of memory says is held against NumPy, for made-up layouts and for the ones in lessons."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tinytorch_studio import pictures
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
    root = ElementTree.fromstring(pictures.svg(drawing))
    left, top, wide, high = (float(each) for each in root.get("viewBox").split())
    for each in root.iter("{http://www.w3.org/2000/svg}text"):
        reach = len(each.text or "") * float(each.get("font-size")) * GLYPH
        start = (
            float(each.get("x")) - {"start": 0, "middle": reach / 2, "end": reach}[each.get("text-anchor")]
        )
        assert left <= start
        assert start + reach <= left + wide
        assert top <= float(each.get("y")) <= top + high
