"""Pictures of memory and of tapes, `tt show` and `tt lesson`."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner

from tinytorch_studio import pictures
from tinytorch_studio.cli import main
from tinytorch_studio.course import find
from tinytorch_studio.folder import Folder
from tinytorch_studio.starters import put

LAYOUTS = {
    "a matrix": ((2, 3), (3, 1), 0),
    "a transposed matrix": ((3, 2), (1, 3), 0),
    "a stretched column": ((3, 4), (1, 0), 0),
    "every third": ((3,), (3,), 2),
    "windows": ((3, 3), (1, 1), 0),
    "backwards": ((4,), (-1,), 3),
    "a view that begins later": ((2, 2), (4, 1), 5),
    "one number": ((), (), 7),
    "nothing": ((0, 3), (3, 1), 0),
    "a block": ((2, 3, 4), (12, 4, 1), 0),
    "much": ((100, 200), (200, 1), 0),
}
TAPE = {
    "kind": "tape",
    "numbers": [
        {"name": "a", "value": 2.0, "grad": 5.0, "inputs": []},
        {"name": "b", "value": 4.0, "grad": 1.0, "inputs": [[0, 2.0], [0, 2.0]]},
        {"name": "c", "value": 6.0, "grad": 1.0, "inputs": [[1, 1.0], [0, 1.0]]},
    ],
}
WRONG = "def f(self, axes):\n    return Layout(tuple(self.shape[a] for a in axes), self.strides, self.offset)"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYTORCH_CACHE", str(tmp_path / "cache"))
    mine = Folder.create(tmp_path / "mine")
    for number in ("00", "01"):
        mine.begin(find(number)[0])
    monkeypatch.chdir(mine.root)
    return mine


def tt(*words):
    return CliRunner().invoke(main, words, catch_exceptions=False)


def drawing(name):
    shape, strides, offset = LAYOUTS[name]
    return {"kind": "layout", "shape": list(shape), "strides": list(strides), "offset": offset}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_is_drawn_within_80_columns_and_as_a_whole_svg(name):
    text = pictures.text(drawing(name))
    assert text.isascii()
    assert all(len(line) <= 80 for line in text.splitlines())
    root = ElementTree.fromstring(pictures.svg(drawing(name)))
    assert root.tag.endswith("svg")
    left, top, wide, high = (float(each) for each in root.get("viewBox").split())
    for each in root.iter("{http://www.w3.org/2000/svg}text"):
        if each.get("x") is not None:
            assert left <= float(each.get("x")) <= left + wide
            assert top <= float(each.get("y")) <= top + high


@pytest.mark.parametrize(
    "name", [name for name, (shape, _, _) in LAYOUTS.items() if 0 < np.prod(shape) <= 24]
)
def test_the_cells_of_a_drawing_are_those_that_numpy_reads(name):
    shape, strides, offset = LAYOUTS[name]
    cells = np.arange(40)
    read = np.lib.stride_tricks.as_strided(cells[offset:], shape, [8 * each for each in strides])
    text = pictures.text(drawing(name)).rpartition("in reading order")[2]
    numbers = [int(word) for word in text.replace(",", " ").split() if word.isdigit()]
    wanted = read.reshape(-1).tolist()
    assert any(numbers[i : i + 1] == wanted[:1] for i in range(len(numbers)))
    assert set(wanted) <= set(numbers)


def test_a_tape_shows_who_was_made_from_whom_and_how_steeply():
    text = pictures.text(TAPE)
    assert all(len(line) <= 80 for line in text.splitlines())
    for part in ("a", "b", "c", "2", "4", "6", "5"):
        assert part in text
    assert ElementTree.fromstring(pictures.svg(TAPE)).tag.endswith("svg")


def test_show_draws_an_expression_with_the_learners_own_functions(folder, tmp_path):
    code = "Layout.contiguous((2, 3)).permute((1, 0))"
    right = tt("show", code, "--module", "01")
    assert right.exit_code == 0
    assert "strides (1, 3)" in right.output
    path = folder.root / "tinytorch" / "layout.py"
    path.write_text(put(path.read_text(encoding="utf-8"), "Layout.permute", WRONG), encoding="utf-8")
    assert "strides (3, 1)" in tt("show", code, "--module", "01").output
    tt("show", code, "--module", "01", "--svg", str(tmp_path / "picture.svg"))
    assert ElementTree.parse(tmp_path / "picture.svg").getroot().tag.endswith("svg")
    before = path.read_bytes()
    assert tt("show", code, "--module", "01", "--svg", str(path)).exit_code != 0
    assert path.read_bytes() == before


def test_show_draws_the_case_in_which_an_exercise_fails(folder):
    path = folder.root / "tinytorch" / "layout.py"
    path.write_text(put(path.read_text(encoding="utf-8"), "Layout.permute", WRONG), encoding="utf-8")
    found = tt("show", "01.layout.permute")
    assert "Layout.contiguous((2, 3)).permute((1, 0))" in found.output
    assert "strides (3, 1)" in found.output
    assert "first" not in tt("show", "no such thing at all").output


def test_a_lesson_is_read_whole_by_exercise_and_plain(folder):
    whole = tt("lesson", "01")
    assert whole.exit_code == 0
    assert all(len(line) <= 80 for line in whole.output.splitlines())
    assert "<!--" not in whole.output
    assert "memory [ 0 | 1 |" in whole.output
    part = tt("lesson", "01.layout.expand")
    assert "expand" in part.output
    assert len(part.output) < len(whole.output) / 4
    assert "### Layout.expand" in tt("lesson", "01", "--plain").output
    assert tt("lesson", "no-such-thing").exit_code == 2
