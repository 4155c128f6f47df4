"""Module 05: its labs count what they say, its questions are right, its incident is one, and XOR is learnt."""

from __future__ import annotations

import ast
import random
import re

import numpy as np
import pytest
from parts import asked, before_and_after, generators, measured, part

from tinytorch_studio.course import find

MODULE, _ = find("05")
labs, questions, incident, run = (part(MODULE, name) for name in ("labs", "questions", "incident", "run"))
GENERATORS = generators(questions)


def test_paths_are_counted_and_nodes_are_visited_once():
    found = measured(labs)
    assert found["visits"] | {"_times": 0} == {"recursion": 2**21 - 1, "yours": 21, "_times": 0}
    assert found["memory"]["kept"] == pytest.approx(2 * found["memory"]["half"])
    layers = 128 * 4 * sum(labs.WIDTHS[1:]) / 2**20
    assert layers <= found["memory"]["kept"] < 4 * layers


def tuples(text):
    return [ast.literal_eval(each) for each in re.findall(r"\([\d, ]*\)", text)]


def code(question):
    return re.search(r"```python\n(.*?)\n```", question.prompt, re.DOTALL).group(1)


def slope(lines, result, x):
    ends = []
    for step in (1e-6, -1e-6):
        names = {"x": x + step}
        exec("\n".join(lines), names)
        ends.append(names[result])
    return (ends[0] - ends[1]) / 2e-6


def gradient_of_a_small_graph(question):
    first, *lines, _ = code(question).splitlines()
    x = float(re.search(r"tensor\((.*?),", first).group(1))
    return {"x.grad": pytest.approx(slope(lines, "z", x), rel=1e-5)}


USES = {"a": ["b", "c"], "b": ["c", "z"], "c": ["z"], "z": []}


def order_of_visits(question):
    order = []
    while len(order) < 4:
        order += [n for n in USES if n not in order and all(each in order for each in USES[n])][:1]
    one, two = re.search(r"the node of `(.)` or that of `(.)`", question.prompt).groups()
    name = re.search(r"arrive at the node of `(.)`", question.prompt).group(1)
    return {"first": min(one, two, key=order.index), "contributions": len(USES[name])}


def back_to_its_shape(question):
    shape, full = tuples(question.prompt)[:2]
    return {"element": float(np.prod(full) / np.prod(shape))}


def second_backward(question):
    n, scale = re.search(r"range\((\d)\).*x \* (\d\.\d)", code(question), re.DOTALL).groups()
    return {"x.grad": int(n) * float(scale)}


def nested_modes(question):
    outer, inner = ("enable" in each for each in re.findall(r"with tt\.(\w+)", code(question)))
    return {"a": outer, "b": inner, "c": outer, "d": True}


READS = {"y * y": "y", "y + 2": "", "y.exp()": "z", "y.sum()": "", "y.tanh()": "z", "y / 3": ""}


def is_it_refused(question):
    operation, written = re.search(r"z = (.*)\n.*\n    (.)\.add_", code(question)).groups()
    return {"refused": READS[operation] == written}


def derivative_of_a_derivative(question):
    x, power = re.search(r"tensor\((\d\.0).*x\*\*(\d)", code(question), re.DOTALL).groups()
    x, p = float(x), int(power)
    polynomial = np.polynomial.Polynomial([0, 1] + [0] * (p - 1)) + np.polynomial.Polynomial([0] * p + [1])
    return {"first": float(polynomial.deriv()(x)), "second": float(polynomial.deriv(2)(x))}


ORACLES = {
    each.__name__: each
    for each in (
        gradient_of_a_small_graph, order_of_visits, back_to_its_shape, second_backward, nested_modes, is_it_refused,
        derivative_of_a_derivative,
    )
}  # fmt: skip


def test_every_generator_has_an_oracle_that_is_not_tinytorch():
    assert set(GENERATORS) == {*ORACLES, "on_your_own_code"}


@pytest.mark.parametrize("name", [name for name in ORACLES if name != "is_it_refused"])
def test_twenty_questions_are_answered_as_the_oracle_answers_them(name):
    asked(GENERATORS[name], ORACLES[name], 4)


def test_what_is_refused_is_what_the_gradient_reads():
    made = [GENERATORS["is_it_refused"](random.Random(seed)) for seed in range(30)]
    assert all(question.answers == is_it_refused(question) for question in made)
    assert {question.answers["refused"] for question in made} == {True, False}


def test_a_question_about_own_code_runs_that_code_right_or_wrong():
    own = {"sum_to_size": 'def sum_to_size(g, shape):\n    """Doc."""\n    return g.sum().reshape(1, 1)\n'}
    question = questions.on_your_own_code(random.Random(1), own)
    full = tuples(re.search(r"of shape (\(.*?\))", question.prompt).group(1))[0]
    assert question.answers == {"shape": (1, 1), "element": float(np.prod(full))}
    assert "Doc" not in question.prompt
    for own in ({}, {"sum_to_size": "def sum_to_size(g, shape): return 1 / 0"}):
        question = questions.on_your_own_code(random.Random(1), own)
        full, shape = tuples(question.prompt)[:2]
        assert question.answers == {"shape": shape, "element": float(np.prod(full) / np.prod(shape))}
        assert "def " not in question.prompt


def test_a_list_of_losses_keeps_every_graph_and_a_list_of_numbers_none():
    wrong, right = before_and_after(incident.INCIDENT)
    assert wrong["alive"][-1] > 3 * wrong["alive"][0] > 0
    assert right["alive"][-1] <= right["alive"][0] + 10
    assert wrong["losses"] == right["losses"]


def test_xor_and_the_ring_are_learnt(capsys):
    run.main()
    printed = capsys.readouterr().out
    assert re.findall(r"right (\d+) of 4\n", printed)[-1] == "4"
    assert int(re.findall(r"right (\d+) of 40", printed)[-1]) >= 39
