"""Module 03: its labs measure, its questions are right, its incident is one, and its perceptron learns."""

from __future__ import annotations

import ast
import random
import re

import numpy as np
import pytest
from parts import asked, before_and_after, generators, measured, part

from tinytorch_studio.course import find

MODULE, _ = find("03")
labs, questions, incident, run = (part(MODULE, name) for name in ("labs", "questions", "incident", "run"))
GENERATORS = generators(questions)
RANK = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]


def test_every_prediction_is_measured():
    found = measured(labs)
    door, lines = found["door"], found["lines"]
    assert 0 < door["one"] < 1000
    assert door["ten"] < 5  # the way is the same
    assert door["equal"] > 10
    counts = {name: count for name, count in lines.items() if name in labs.LINES}
    assert list(counts.values()) == [4, 2, 11, 4, 1]
    assert lines["apart"] == 3 * 1000 * 64 * 4 + 1000 * 4  # two exponentials and a quotient, and the sums
    assert lines["fused"] == 1000 * 64 * 4


def test_the_two_lines_of_the_lab_that_should_agree_do():
    *_, apart, fused = labs.LINES.values()
    x = labs.tt.tensor([[0.5, -1.0, 2.0], [3.0, 0.25, -0.75]])
    assert np.allclose(apart(x).numpy(), fused(x).numpy(), rtol=1e-6)


def test_a_view_is_an_operation_and_no_memory():
    assert labs.passes(lambda x: x.mT[1:], labs.tt.ones(3, 4)) == (["Permute", "View"], 0)


def tuples(text):
    return [ast.literal_eval(each) for each in re.findall(r"\([-\d, ]*\)", text)]


def category(name):
    return 0 if name == "bool" else 2 if name.startswith("float") else 1


def type_of_a_result(question):
    def found(code):
        left, right = code.split(" + ", 1)
        first = re.search(r"tt\.(\w+)\)", left).group(1)
        weak = {"0.5": "float32", "2": "int64", "True": "bool"}.get(right)
        second = weak or re.search(r"dtype=tt\.(\w+)\)", right).group(1)
        if right.startswith("tt.ones") and category(first) == category(second):
            pair = {first, second}
            return "int16" if pair == {"int8", "uint8"} else max(pair, key=RANK.index)
        return second if category(second) > category(first) else first

    return {code: found(code) for code in question.answers}


def shape_of_a_reduction(question):
    shape, dims, keep = re.search(r"ones(\(.*?\))\.sum\((.*), keepdim=(\w+)\)`", question.prompt).groups()
    x = np.ones(ast.literal_eval(shape)).sum(ast.literal_eval(dims), keepdims=keep == "True")
    return {"shape": x.shape, "element": float(x.ravel()[0])}


def what_a_mean_divides_by(question):
    shape = tuples(question.prompt)[0]
    dims = ast.literal_eval(re.search(r"mean\((.*)\)` divide", question.prompt).group(1))
    sums = np.ones(shape, np.float32).sum(dims)
    wrong = sums / np.float32(np.prod(shape))
    return {"divides by": int(sums.ravel()[0]), "wrong mean": pytest.approx(float(wrong.ravel()[0]))}


def minus_one(question):
    shape, wanted = tuples(question.prompt)[:2]
    try:
        return {"shape": np.ones(shape).reshape(wanted).shape}
    except ValueError:
        return {"shape": None}


def copies_or_not(question):
    shape = tuples(question.prompt)[0]
    x = np.arange(np.prod(shape)).reshape(shape)

    def numpys(line):
        line = line.replace("x.mT", "x.swapaxes(1, 2)").replace(".permute(", ".transpose(")
        return line.replace(".unsqueeze(1)", "[:, None]")

    return {line: not np.shares_memory(x, eval(numpys(line), {"x": x})) for line in question.answers}


def shape_of_a_product(question):
    left, right = tuples(question.prompt)[:2]
    try:
        return {"shape": np.matmul(np.ones(left), np.ones(right)).shape}
    except ValueError:
        return {"shape": None}


def size_of_a_mistake(question):
    n = tuples(question.prompt)[0][0]
    wrong = np.ones((n, 1), np.float32) - np.ones(n, np.float32)
    return {"shape": wrong.shape, "bytes": wrong.nbytes}


def entries_of_a_subscript(question):
    shape = tuples(question.prompt)[0]
    index = re.search(r"`x\[(.*?)\]`", question.prompt).group(1)
    named = [each.strip() for each in index.split(",")]
    used = sum(each not in ("None", "...") for each in named)
    return {"filled in": len(shape) - used, "shape": eval(f"x[{index}]", {"x": np.ones(shape)}).shape}


RECORDED = {
    "w * 2": True, "x * 2": False, "(w > 0)": False, "w.argmax()": False, "w.detach() * 2": False, "(w * x).sum()": True,
    "x.sum()": False, "w.long()": False, "w.reshape(3, 2)": True, "w.to(tt.float64)": True,
}  # fmt: skip


def what_is_recorded(question):
    return {line: RECORDED[line] for line in question.answers}


ORACLES = {
    each.__name__: each
    for each in (
        type_of_a_result, shape_of_a_reduction, what_a_mean_divides_by, minus_one, copies_or_not, shape_of_a_product, size_of_a_mistake,
        entries_of_a_subscript, what_is_recorded,
    )
}  # fmt: skip


def test_every_generator_has_an_oracle_that_is_not_tinytorch():
    assert set(GENERATORS) == {*ORACLES, "on_your_own_code"}


@pytest.mark.parametrize("name", ORACLES)
def test_twenty_questions_are_answered_as_the_oracle_answers_them(name):
    asked(GENERATORS[name], ORACLES[name], 4 if name == "size_of_a_mistake" else 10)


def of_own_code(prompt):
    """The function that is asked about, and what it is called with."""
    call = re.search(r"`(?:tt\.ones(\(.*?\))\.)?(\w+)(\(.*\))`[:?]? ?(?:return|how)", prompt)
    shape, name, arguments = call.groups()
    given = eval(arguments, {"slice": slice})
    return name, (given if shape is None else (ast.literal_eval(shape), given))


def by_numpy(name, given):
    """What is right."""
    if name == "canonical_dims":
        dim, ndim = given
        every = dim is None or dim == ()
        names = range(ndim) if every else (dim if isinstance(dim, (tuple, list)) else [dim])
        return {"result": tuple(range(ndim)[each] for each in names)}
    if name == "filled_in":
        return {"result": np.ones(given[0]).reshape(given[1]).shape}
    index, shape = given
    named = [each for each in index if each is not None and each is not ...]
    entries = len(shape) + index.count(None)
    return {"entries": entries, "slice(None)": len(shape) - len(named)}


WRONG = {
    "canonical_dims": (
        'def canonical_dims(dim, ndim):\n    """Doc."""\n    return (4, 2)\n',
        {"result": (4, 2)},
    ),
    "filled_in": ('def filled_in(x, shape):\n    """Doc."""\n    return (x.ndim,)\n', {"result": (3,)}),
    "normalize_index": (
        'def normalize_index(index, shape):\n    """Doc."""\n    return [slice(None), None]\n',
        {"entries": 2, "slice(None)": 1},
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_question_about_own_code_runs_that_code_wrong_as_it_is(name):
    source, wrong = WRONG[name]
    for seed in range(5):
        question = questions.on_your_own_code(random.Random(seed), {name: source})
        assert question.answers == wrong
        assert "return" in question.prompt
        assert "Doc" not in question.prompt


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_run_is_asked_by_its_docstring_and_answered_as_numpy_does(name):
    for seed in range(20):
        question = questions.on_your_own_code(random.Random(seed), {name: "def broken(*_): return 1 / 0"})
        assert of_own_code(question.prompt)[0] == name
        assert question.answers == by_numpy(*of_own_code(question.prompt))
        assert "def " not in question.prompt


def test_the_regression_compares_each_with_all_and_repaired_it_learns():
    wrong, right = before_and_after(incident.INCIDENT)
    assert abs(wrong["weight"]) < 0.1
    assert wrong["bytes"] == 1000 * 1000 * 4
    assert abs(right["weight"] - 3) < 0.05
    assert right["bytes"] == 1000 * 4


def test_the_perceptron_tells_two_digits_apart_and_does_not_learn_xor(capsys):
    run.main()
    printed = capsys.readouterr().out
    last = re.findall(r"unseen (\d+) of (\d+) right", printed)[-1]
    assert int(last[0]) / int(last[1]) > 0.95
    assert int(re.search(r"passes: (\d) of 4", printed).group(1)) < 4
