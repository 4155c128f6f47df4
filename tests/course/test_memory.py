"""Module 01: its labs measure what they say, its questions are right, its incident is one, and its network reads."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

import tinytorch as tt
from tinytorch import checkpoint
from tinytorch.datasets import Digits
from tinytorch_course.kit import LEVELS
from tinytorch_course.models import digits
from tinytorch_studio.course import find

SOURCE = Path(__file__).resolve().parents[2] / "src"
MODULE, EXERCISES = find("01")


def part(name):
    """One file of the module; its folder's name is no name of a package."""
    spec = importlib.util.spec_from_file_location(f"memory_{name}", MODULE.path(f"{name}.py"))
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = loaded
    spec.loader.exec_module(loaded)
    return loaded


labs, questions, incident, run = map(part, ("labs", "questions", "incident", "run"))
GENERATORS = {
    name: each
    for name, each in vars(questions).items()
    if inspect.isfunction(each) and each.__module__ == questions.__name__ and not name.startswith("_")
}


# labs


def test_three_views_take_nothing_and_two_copies_take_all_of_it_to_the_byte():
    found = labs.measure_views()
    assert [found[name] * 2**20 for name in labs.VIEWS] == [0, 0, 0, 4096 * 4096 * 4, 4096 * 4096 * 4]


def test_the_measurement_sees_every_byte_that_is_taken_and_none_that_is_not():
    x = tt.ones(300, 200)
    for line, wanted in (
        (lambda x: x, 0),
        (lambda x: x + x, 240_000),
        (lambda x: x[::2].clone(), 120_000),
        (lambda x: x.expand(3, -1, -1).reshape(-1), 720_000),
        (lambda x: x.double(), 480_000),
        (lambda x: x[1:].reshape(-1), 0),
    ):
        assert labs.new_bytes(line, x) == wanted


def test_every_prediction_is_measured_and_nothing_else_is_asked():
    names = [lab.name for lab in labs.LABS]
    assert names == ["views", "order"]
    for lab in labs.LABS:
        began = time.perf_counter()
        found = lab.measure()
        assert time.perf_counter() - began < 10
        assert [key for key in found if not key.startswith("_")] == [each.name for each in lab.predictions]
        assert lab.explain and lab.answer


def test_the_lab_of_orders_measures_what_is_predicted():
    found = labs.measure_order()  # times: how large they are is the machine's affair
    assert [name for name in found if name[0] != "_"] == [each.name for each in labs.LABS[1].predictions]
    assert all(found[name] > 0 for name in ("spread", "turned", "copied"))


# questions


def code(question):
    return re.search(r"```python\n(.*?)\n```", question.prompt, re.DOTALL).group(1)


def as_numpy(layout):
    """NumPy's view of a layout, over cells that hold their own number."""
    cells = np.arange(1000)
    strides = tuple(stride * 8 for stride in layout.strides)
    return np.ndarray(layout.shape, cells.dtype, cells, layout.offset * 8, strides)


def strides_after_views(question):
    names = {"np": np}
    exec(code(question).replace("tt.arange", "np.arange").replace(".permute(", ".transpose("), names)
    x, y = names["x"], names["y"]
    offset = (y.__array_interface__["data"][0] - x.__array_interface__["data"][0]) // 8
    return {"shape": y.shape, "strides": tuple(s // 8 for s in y.strides), "offset": offset}


def can_it_be_a_view(question):
    x = as_numpy(questions._run(code(question).removeprefix("x = ")))
    shapes = {name: ast.literal_eval(name.removeprefix("view")) for name in question.answers}
    return {name: np.shares_memory(x, x.reshape(shape)) for name, shape in shapes.items()}


def cells_that_are_read(question):
    return {"cells": tuple(as_numpy(questions._run(question.prompt.split("`")[1])).ravel().tolist())}


def bytes_of_a_broadcast(question):
    names = {"tt": np}  # its ones takes a shape as one argument
    exec(re.sub(r"ones\(([\d, ]+), dtype", r"ones((\1), dtype", code(question)), names)
    return {
        "shape of c": names["c"].shape,
        "bytes of c": names["c"].nbytes,
        "new bytes of a.expand(c.shape)": 0
        if np.broadcast_to(names["a"], names["c"].shape).base is not None
        else -1,
    }


NUMPY_LINES = {
    "x.expand(3, -1, -1)": lambda x: np.broadcast_to(x, (3, *x.shape)),
    "x.flip(0)": lambda x: np.flip(x, 0),
    "x.unfold(1, 2, 1)": lambda x: sliding_window_view(x, 2, axis=1),
    "x.unsqueeze(1)": lambda x: x[:, None],
    "x.contiguous()": np.ascontiguousarray,
    "x.mT.contiguous()": lambda x: np.ascontiguousarray(x.T),
    "x.clone()": np.copy,
    "x.expand(3, -1, -1).reshape(-1)": lambda x: np.broadcast_to(x, (3, *x.shape)).reshape(-1),
}


def which_lines_allocate(question):
    x = eval(question.prompt.split("`")[1].removeprefix("x = ").replace("tt.", "np."), {"np": np})

    def made(line):
        other = NUMPY_LINES.get(line)
        return other(x) if other else eval(line.replace("mT", "T"), {"x": x})

    return {line: not np.shares_memory(x, made(line)) for line in question.answers}


def windows(question):
    length, size, step = map(
        int, re.search(r"\((\d+),\)\)\.unfold\(0, (\d+), (\d+)\)", question.prompt).groups()
    )
    made = sliding_window_view(np.arange(length), size)[::step]
    return {
        "windows": len(made),
        "strides": tuple(s // 8 for s in made.strides),
        "elements that w shows": made.size,
        "cells of memory that it reads": len(np.unique(made)),
    }


def cache_lines(question):
    rows, columns = map(int, re.search(r"contiguous \((\d+), (\d+)\)", question.prompt).groups())
    lines = np.arange(rows * columns).reshape(rows, columns) * 4 // 64
    return {"one row": len(np.unique(lines[1])), "one column": len(np.unique(lines[:, 1]))}


def broadcast_or_not(question):
    first, second = map(ast.literal_eval, re.findall(r"`(\(.*?\))`", question.prompt))
    try:
        return {"shape": np.broadcast_shapes(first, second)}
    except ValueError:
        return {"shape": None}


ORACLES = {
    each.__name__: each
    for each in (
        strides_after_views, can_it_be_a_view, cells_that_are_read, bytes_of_a_broadcast, which_lines_allocate,
        windows, cache_lines, broadcast_or_not,
    )
}  # fmt: skip


def test_every_generator_has_an_oracle_that_is_not_tinytorch():
    assert set(GENERATORS) == {*ORACLES, "on_your_own_code"}


@pytest.mark.parametrize("name", ORACLES)
def test_twenty_questions_are_answered_as_numpy_answers_them(name):
    asked = [GENERATORS[name](random.Random(seed)) for seed in range(20)]
    for question in asked:
        assert question.answers == ORACLES[name](question), question.prompt
        assert question.explain
    assert len({each.prompt for each in asked}) > 10
    assert len({repr(list(each.answers.values())) for each in asked}) > 4


def test_yes_and_no_are_both_right_answers_often_enough():
    for name in ("can_it_be_a_view", "which_lines_allocate"):
        answers = [a for seed in range(20) for a in GENERATORS[name](random.Random(seed)).answers.values()]
        assert 0.25 < sum(answers) / len(answers) < 0.75


def test_a_question_about_own_code_runs_that_code_right_or_wrong():
    own = {"contiguous_strides": 'def contiguous_strides(shape):\n    """Doc."""\n    return shape\n'}
    question = questions.on_your_own_code(random.Random(1), own)
    shape = ast.literal_eval(re.search(r"`contiguous_strides\((\(.*\))\)`", question.prompt).group(1))
    assert question.answers == {"result": shape}
    assert "    return shape" in question.prompt
    assert "Doc" not in question.prompt


def test_own_code_is_asked_about_for_every_function_that_can_be_asked():
    text = MODULE.reference("tinytorch/layout.py").read_text(encoding="utf-8")
    nodes = {}
    for node in ast.parse(text).body:
        inside = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        nodes |= {prefix + each.name: each for each in inside if isinstance(each, ast.FunctionDef)}
    for name in questions._asked_of(random.Random(0)):
        for seed in range(5):
            question = questions.on_your_own_code(
                random.Random(seed), {name: ast.get_source_segment(text, nodes[name])}
            )
            assert question.prompt.startswith(f"Your own `{name}`")
            call = re.search(r"What does `(.*)` return", question.prompt).group(1)
            answer = questions._run(call, contiguous_strides=numpy_strides)
            if hasattr(answer, "shape"):
                told = {"shape": answer.shape, "strides": answer.strides, "offset": answer.offset}
            else:
                told = {"result": answer}
            assert question.answers == told


def numpy_strides(shape):
    """Strides in elements."""
    return tuple(stride // 8 for stride in np.empty(shape).strides)


def test_without_own_code_nothing_is_shown_that_is_still_to_be_written():
    question = questions.on_your_own_code(random.Random(3), {})
    assert "def " not in question.prompt
    assert set(question.answers) == {"shape", "strides", "offset"}
    broken = questions.on_your_own_code(random.Random(3), {"Layout.slice": "def slice(self): return 1 / 0"})
    assert "def " not in broken.prompt


# the incident


def outcome(program, capsys):
    names: dict[str, object] = {}
    exec(program, names)
    return incident.INCIDENT.observe(names), capsys.readouterr().out


def test_the_broken_program_misreads_and_says_nothing_and_the_repaired_one_reads(capsys):
    it = incident.INCIDENT
    assert len(it.program.splitlines()) < 40
    assert it.program.count(it.line) == 1 and it.repair not in it.program
    assert it.level == "layout" and it.level in LEVELS
    bad, log = outcome(it.program, capsys)
    good, _ = outcome(it.program.replace(it.line, it.repair), capsys)
    assert bad["read right"] < 0.3 * 360
    assert good["read right"] > 0.95 * 360
    assert bad["pictures"] != good["pictures"]
    assert log.count("(360, 8, 8)") == 2  # nothing in the log but the count tells them apart
    assert f"read right {bad['read right']} of 360" in log


def test_the_repair_gives_the_pictures_that_went_into_the_archive_and_so_does_another_one(capsys):
    it = incident.INCIDENT
    images = Digits(train=False).images.numpy().copy()
    images[:, :, [0, 7]] = 0
    wanted = [digits.drawn(tt.tensor(image.tolist())) for image in images[:3]]
    other = "narrow = archived.permute(0, 2, 1).flip(1)"
    for line in (it.repair, other):
        seen, _ = outcome(it.program.replace(it.line, line), capsys)
        assert seen["pictures"] == wanted


# the network, and pictures


def by_numpy(state, images):
    """What the network of a checkpoint takes pictures for, without tinytorch."""
    x = images.reshape(len(images), 64) - state["average"].numpy()
    hidden = np.maximum(
        x @ state["network.layers.0.weight"].numpy().T + state["network.layers.0.bias"].numpy(), 0
    )
    scores = hidden @ state["network.layers.2.weight"].numpy().T + state["network.layers.2.bias"].numpy()
    return scores.argmax(1).tolist()


def test_the_checkpoint_has_the_accuracy_that_is_stated():
    held_out = Digits(train=False)
    found = digits.read(digits.load(), held_out.images)
    assert found == by_numpy(checkpoint.load(digits.CHECKPOINT), held_out.images.numpy())
    right = np.mean(np.array(found) == held_out.labels.numpy())
    assert abs(right - digits.ACCURACY) < 0.003  # one digit


def test_training_again_gives_the_network_that_ships():
    held_out = Digits(train=False)
    trained, ships = digits.train(), digits.load()
    made = digits.read(trained, held_out.images)
    assert abs(np.mean(np.array(made) == held_out.labels.numpy()) - digits.ACCURACY) < 0.012
    mine, theirs = ([each.detach().numpy() for each in model.parameters()] for model in (trained, ships))
    apart = [np.abs(a - b).mean() / np.abs(b).mean() for a, b in zip(mine, theirs, strict=True)]
    assert max(apart) < 0.1  # another seed: about 1; another order of additions: far below


def test_a_picture_is_drawn_row_by_row_from_paper_to_black():
    assert digits.drawn(tt.tensor([[0.0, 1.0, 0.5], [1.0, 0.0, 0.0]])) == ["  @@++", "@@    "]
    two = digits.side_by_side([tt.ones(1, 2), tt.ones(2, 1)], ["a", "long"])
    assert two == "@@@@  @@\n      @@\na     long"


def test_run_it_shows_a_picture_and_its_turns_in_one_storage(capsys):
    run.main()
    shown = capsys.readouterr().out
    rows = [line.ljust(64) for line in shown.splitlines()[:8]]
    cells = np.array([[[row[i * 18 + 2 * j] for j in range(8)] for row in rows] for i in range(3)])
    assert (cells[1] == cells[0].T).all()
    assert (cells[2] == np.rot90(cells[0], -1)).all()
    assert not (cells[1] == cells[0]).all()
    assert shown.count("the same\n") == 4 and "its own" not in shown
    assert re.search(r"35\d of 360 read right", shown)


def accuracy_with(folder, right, wrong):
    """`digits.main` with a changed layout.py in front; 0 where it fails."""
    source = MODULE.reference("tinytorch/layout.py").read_text(encoding="utf-8")
    assert source.count(right) == 1
    (folder / "tinytorch").mkdir()
    (folder / "tinytorch" / "layout.py").write_text(source.replace(right, wrong), encoding="utf-8")
    paths = {"PYTHONPATH": os.pathsep.join([str(folder), str(SOURCE)])}
    command = [sys.executable, "-c", "from tinytorch_course.models import digits; digits.main()"]
    done = subprocess.run(command, env={**os.environ, **paths}, capture_output=True, text=True, timeout=60)
    found = re.search(r"(\d+) of 360 read right", done.stdout)
    return int(found.group(1)) if found else 0


def test_the_network_reads_through_the_files_in_front_and_not_with_wrong_ones(tmp_path):
    line = "            tuple([strides[axis] for axis in axes]),\n"
    for name, wrong in (("right", line), ("wrong", "            strides,\n")):
        (tmp_path / name).mkdir()
        found = accuracy_with(tmp_path / name, line, wrong)
        assert (found > 340) == (name == "right")


# the lesson


def test_the_lesson_has_one_heading_for_each_exercise_in_order():
    text = MODULE.path("lesson.md").read_text(encoding="utf-8")
    names = [each.name for each in EXERCISES]
    assert [each for each in re.findall(r"^### (.*)$", text, re.MULTILINE) if each in names] == names
    order = ["## Labs", "## In production", "## Questions"]
    assert sorted(order, key=text.index) == order
    for lens in ("**Complexity.**", "**Memory.**", "**Scaling.**", "## In production"):
        assert lens in text


def test_neither_lesson_nor_hints_print_the_body_of_an_exercise():
    source = MODULE.reference("tinytorch/layout.py").read_text(encoding="utf-8")
    lines = source.splitlines()
    told = MODULE.path("lesson.md").read_text(encoding="utf-8") + MODULE.path("hints.md").read_text(
        encoding="utf-8"
    )
    wanted = {each.name.rpartition(".")[2] for each in EXERCISES}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and node.name in wanted:
            body = [lines[n].strip() for n in range(node.body[1].lineno - 1, node.end_lineno)]
            seen = [line for line in body if len(line) > 20 and line in told]
            assert not seen, (node.name, seen)
