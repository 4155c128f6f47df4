"""Module 02: its labs count what they say, its questions are right, its incident is one, and two devices agree."""

from __future__ import annotations

import ast
import random
import re

import numpy as np
import pytest
from parts import asked, before_and_after, generators, measured, part

from tinytorch_studio.course import find

MODULE, _ = find("02")
labs, questions, incident, run = (part(MODULE, name) for name in ("labs", "questions", "incident", "run"))
GENERATORS = generators(questions)


def test_every_prediction_is_measured():
    found = measured(labs)
    cache, devices = found["cache"], found["devices"]
    assert {name: count for name, count in cache.items() if not name.startswith("_")} == {
        "i-j-k": 266_496, "i-k-j": 16_896, "tiles of 16": 2_304, "tiles of 32": 17_408,
    }  # fmt: skip
    for name, split in {  # what the lab's answer says of each matrix
        "i-j-k": (256, 64**3, 64**2), "i-k-j": (256, 64 * 256, 256), "tiles of 16": (1024, 4 * 256, 256),
        "tiles of 32": (512, 8 * 32 * 64, 512),
    }.items():  # fmt: skip
        assert sum(split) == cache[name]
        assert tuple(numbers(cache[f"_{name}, by matrix"])) == split
    assert devices["slower"] > 100
    assert devices["product"] == pytest.approx(64 / 6)
    assert devices["sum"] == pytest.approx(1 / 12)


def test_the_roofline_rises_with_the_bytes_and_is_flat_from_the_bend_on():
    drawn = labs.roofline(1e11, 1e10, {"A": (0.1, 1e9), "B": (10.0, 1e6)})
    lines = {name[1:].split()[0]: line for name, line in drawn.items() if "GFLOP/s" in name}
    assert list(lines) == ["1000", "100", "10", "1", "0.1", "0.01", "0.001", "0.0001"]
    assert lines["100"].rstrip().endswith("-" * 18)  # from 10 operations per byte on, two powers of ten
    assert [lines[power].index("/") for power in ("0.1", "1", "10", "100")] == sorted(
        lines[power].index("/") for power in ("0.1", "1", "10", "100")
    )
    assert lines["1"][9] == "A"  # one power of ten to the right of 0.01
    assert lines["0.001"].strip() == "B"
    assert max(map(len, drawn.values())) <= 80 - 25


def test_the_cache_forgets_what_was_used_longest_ago():
    within = [line * labs.LINE for line in range(labs.LINES)]
    assert labs.misses(iter(within * 3)) == labs.LINES  # all of them fit
    assert labs.misses(iter([*within, labs.LINES * labs.LINE] * 3)) == 3 * (labs.LINES + 1)  # one too many
    kept = [0, *within, labs.LINES * labs.LINE, 1]  # line 0 was the first, and then the first again
    assert labs.misses(iter(kept)) == labs.LINES + 2
    assert labs.misses(iter(range(labs.LINE))) == 1


def test_every_order_of_the_lab_visits_the_same_products():
    walks = [labs.rows_by_columns(), labs.in_tiles(64), labs.in_tiles(16), labs.in_tiles(32)]
    seen = [np.unique(list(walk)) for walk in walks]
    assert all(np.array_equal(each, np.arange(3 * 64 * 64)) for each in seen)


# questions


def numbers(text):
    return [ast.literal_eval(each.replace(",", "")) for each in re.findall(r"-?[\d,]*\d(?:\.\d+)?", text)]


def tuples(text):
    return [ast.literal_eval(each) for each in re.findall(r"\([-\d, ]*\)", text)]


def walked(shape, strides, offset):
    return [offset + int(np.dot(index, strides)) for index in np.ndindex(shape)]


def lines_of_two_sums(question):
    rows, columns = tuples(question.prompt)[0]
    cells = np.arange(rows * columns).reshape(rows, columns) * 4 // 64
    count = [int(1 + np.count_nonzero(np.diff(each.ravel()))) for each in (cells, cells.T)]
    return {"row after row": count[0], "column after column": count[1]}


def where_the_walk_goes(question):
    shape, strides = tuples(question.prompt)[:2]
    offset = int(re.search(r"\), (\d+)\)`", question.prompt).group(1))
    return {"positions": tuple(walked(shape, strides, offset))}


def value_of_an_expression(question):
    x = numbers(question.prompt.split(" at one")[0])
    call = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "neg": np.negative, "maximum": np.maximum}
    call |= {"gt": np.greater, "where": np.where}

    def worked(expr):
        if isinstance(expr, int):
            return float(x[expr])
        if expr[0] == "const":
            return float(expr[1])
        return call[expr[0]](*map(worked, expr[1:]))

    return {"value": float(worked(ast.literal_eval(question.prompt.split("`")[1])))}


def where_a_sum_stops(question):
    count, step = numbers(re.search(r"digits of a number. (.*) is added", question.prompt).group(1))
    total, exact = 0.0, float(step)
    for _ in range(count):  # rounded by hand: 11 digits, ties to even
        wide = total + exact
        gap = 2.0 ** (max(np.floor(np.log2(wide)), -14) - 10)
        total = float(np.round(wide / gap) * gap)
    return {"sum": total}


def operations_per_byte(question):
    (n, k), (_, m) = tuples(question.prompt)[:2]
    moved = sum(np.zeros(shape, np.float32).nbytes for shape in ((n, k), (k, m), (n, m)))
    return {"operations": n * m * (k + k), "bytes": moved}


def largest_tile(question):
    lines, line, several = numbers(question.prompt)[:2] + numbers(question.prompt)[-1:]
    found = {}
    for side in range(several, 600, several):
        cells = np.add.outer(np.arange(side) * 4096, np.arange(side)) * 4 // line  # a tile of a wide matrix
        found[side] = 3 * len(np.unique(cells))
    side = max(side for side, needed in found.items() if needed <= lines)
    return {"side": side, "lines": found[side]}


def folds_of_nothing(question):
    axis = int(re.search(r"folds axis (\d)", question.prompt).group(1))
    fold = {"sum": np.sum, "product": np.prod, "maximum": np.max, "minimum": np.min}
    word = re.search(r"by its (\w+)", question.prompt).group(1)
    start = {"maximum": -np.inf, "minimum": np.inf}.get(word)
    how = {} if start is None else {"initial": start}
    made = fold[word](np.zeros(tuples(question.prompt)[0]), axis=axis, keepdims=True, **how)
    return {"shape": made.shape, "element": f"{made.ravel()[0]:g}"}


def rows_that_meet(question):
    index, src = (ast.literal_eval(each) for each in re.findall(r"\[[\d, ]+\]", question.prompt)[:2])
    right = [sum(value for at, value in zip(index, src, strict=True) if at == i) for i in range(4)]
    last = dict(zip(index, src, strict=True))
    return {"scatter": tuple(right), "out[index] += src": tuple(last.get(i, 0) for i in range(4))}


def strides_in_bytes(question):
    shape = [int(n) for n in re.search(r"zeros\(([\d, ]+), dtype", question.prompt).group(1).split(",")]
    x = np.zeros(shape, re.search(r"tt\.(\w+\d+)", question.prompt).group(1))
    view = re.search(r"y = x(.*)\n", question.prompt).group(1)
    if view.startswith(".expand"):
        y = np.broadcast_to(x, (2, *x.shape))[1, 1:]
    else:
        turned = {
            ".permute(2, 0, 1)": lambda: x.transpose(2, 0, 1),
            ".mT[:, 1:]": lambda: x.swapaxes(1, 2)[:, 1:],
        }
        turned["[:, ::2].mT"] = lambda: x[:, ::2].swapaxes(1, 2)
        y = turned[view]() if view in turned else eval(f"x{view}", {"x": x})
    begin = y.__array_interface__["data"][0] - x.__array_interface__["data"][0]
    return {"strides in bytes": y.strides, "offset in bytes": begin}


ORACLES = {
    each.__name__: each
    for each in (
        lines_of_two_sums, where_the_walk_goes, value_of_an_expression, where_a_sum_stops, operations_per_byte,
        largest_tile, folds_of_nothing, rows_that_meet, strides_in_bytes,
    )
}  # fmt: skip


def test_every_generator_has_an_oracle_that_is_not_tinytorch():
    assert set(GENERATORS) == {*ORACLES, "on_your_own_code", "reads_of_your_product"}


@pytest.mark.parametrize("name", ORACLES)
def test_twenty_questions_are_answered_as_the_oracle_answers_them(name):
    asked(GENERATORS[name], ORACLES[name], 7 if name == "largest_tile" else 10)


def test_a_question_about_own_code_runs_that_code_right_or_wrong():
    own = {"offsets": 'def offsets(layout):\n    """Doc."""\n    return [1, 2, 40]\n'}
    question = questions.on_your_own_code(random.Random(1), own)
    assert question.answers == {"how many": 3, "sum": 43}
    assert "return [1, 2, 40]" in question.prompt
    assert "Doc" not in question.prompt
    for own in ({}, {"offsets": "def offsets(layout): return 1 / 0"}):
        question = questions.on_your_own_code(random.Random(1), own)
        shape, strides = tuples(question.prompt)[:2]
        offset = int(re.search(r"\), (\d+)\)\)", question.prompt).group(1))
        cells = walked(shape, strides, offset)
        assert question.answers == {"how many": len(cells), "sum": sum(cells)}
        assert "def " not in question.prompt


ROW_AT_ONCE = '''def matmul(self, x, y):
    """Doc."""
    out = self.empty((x.shape[0], y.shape[1]), x.dtype)
    for i in range(x.shape[0]):
        row = [at(x, x.layout, (i, k)) for k in range(x.shape[1])]
        for j in range(y.shape[1]):
            total = sum(row[k] * at(y, y.layout, (k, j)) for k in range(x.shape[1]))
            out.storage.buffer[place(out.layout, (i, j))] = total
    return out
'''


def test_reads_are_counted_on_the_learners_own_product():
    for own, once in (
        ({}, False),
        ({"Loops.matmul": ROW_AT_ONCE}, True),
        ({"Loops.matmul": "def f(: 1"}, False),
    ):
        question = questions.reads_of_your_product(random.Random(2), own)
        (n, k), (_, m) = tuples(question.prompt.rpartition("multiplies")[2])
        assert question.answers == {"of x": n * k if once else n * k * m, "of y": n * k * m}
        assert ("row = [" in question.prompt) == once
        assert "Doc" not in question.prompt


# the incident, and the run


def test_the_mean_falls_and_repaired_it_stays():
    wrong, right = before_and_after(incident.INCIDENT)
    assert wrong["means"][-1] < 0.7
    assert max(abs(mean - 1) for mean in right["means"]) < 0.01
    assert wrong["samples"] == right["samples"]


def test_both_devices_read_the_same_digits(capsys):
    run.main()
    printed = capsys.readouterr().out
    read = re.findall(r"(?:read|are) +(\[.*?\])", printed)
    assert len(read) == 3
    assert len(set(read)) == 1
    assert float(re.search(r"differ by (\S+)", printed).group(1)) < 1e-5
