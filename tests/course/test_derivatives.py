"""Module 04: its labs measure what they say, its questions are right, its incident is one, and its rules train."""

from __future__ import annotations

import ast
import random
import re

import numpy as np
import pytest
from parts import asked, before_and_after, generators, measured, part

from tinytorch_studio.course import find

MODULE, _ = find("04")
labs, questions, incident, run = (part(MODULE, name) for name in ("labs", "questions", "incident", "run"))
GENERATORS = generators(questions)


def test_backward_costs_a_little_more_than_forward_here():
    found = measured(labs)
    weights = [784 * 256, 256 * 128, 128 * 10]
    assert found["backward"]["ratio"] == pytest.approx((2 * sum(weights) - weights[0]) / sum(weights))


def test_the_best_step_is_where_both_errors_meet():
    found = labs.measure_steps()
    assert found["one-sided"] in (-7, -8, -9)
    assert found["central"] in (-4, -5, -6)
    assert 9 < found["digits"] < 13


def tuples(text):
    return [ast.literal_eval(each) for each in re.findall(r"\([-\d, ]*\)", text)]


def lists(text):
    return [ast.literal_eval(each) for each in re.findall(r"\[[-\d., ]+\]", text)]


def shapes_of_two_gradients(question):
    left, right = tuples(question.prompt)[:2]
    return {"g * y": np.broadcast_shapes(left, right), "x.grad": left, "y.grad": right}


def gradients_of_a_product(question):
    x, y, g = (float(each) for each in re.findall(r"tensor\((\d+\.\d)", question.prompt))
    line = re.search(r"out = (.*)\n", question.prompt).group(1)

    def slope(name):
        ends = []
        for step in (1e-6, -1e-6):
            at = {"x": x, "y": y}
            at[name] += step
            ends.append(g * eval(line, at))
        return (ends[0] - ends[1]) / 2e-6

    return {"x.grad": pytest.approx(slope("x"), rel=1e-5), "y.grad": pytest.approx(slope("y"), rel=1e-5)}


def who_gets_it(question):
    values = lists(question.prompt)[0]
    g = float(re.search(r"backward\(tt.tensor\((.*?)\)", question.prompt).group(1))
    return {"x.grad": tuple(g / values.count(max(values)) if v == max(values) else 0.0 for v in values)}


def rows_of_a_table(question):
    index, g = lists(question.prompt)[:2]
    return {
        "table.grad": tuple(
            sum((v for at, v in zip(index, g, strict=True) if at == i), 0.0) for i in range(4)
        )
    }


def way_back(question):
    return {"axes": tuple(int(i) for i in np.argsort(tuples(question.prompt)[0]))}


def central_difference(question):
    power, x, step = re.search(r"x\*\*(\d) at x = (\d).* a step of (0\.\d)", question.prompt).groups()
    power, x, step = int(power), float(x), float(step)
    above, below, here = ((x + s) ** power for s in (step, -step, 0.0))
    return {
        "central": pytest.approx((above - below) / step / 2),
        "one-sided": pytest.approx((above - here) / step),
    }


def bill_of_a_layer(question):
    (n, k), (_, m) = tuples(question.prompt)[:2]
    return {"forward": 2 * n * k * m, "backward": 2 * n * k * m * (2 if "does too" in question.prompt else 1)}


ORACLES = {
    each.__name__: each
    for each in (
        shapes_of_two_gradients, gradients_of_a_product, who_gets_it, rows_of_a_table, way_back, central_difference,
        bill_of_a_layer,
    )
}  # fmt: skip


def test_every_generator_has_an_oracle_that_is_not_tinytorch():
    assert set(GENERATORS) == {*ORACLES, "on_your_own_code"}


@pytest.mark.parametrize("name", ORACLES)
def test_twenty_questions_are_answered_as_the_oracle_answers_them(name):
    asked(GENERATORS[name], ORACLES[name], 6)


def test_a_question_about_own_code_runs_that_code_right_or_wrong():
    own = {"Mul.grad": 'def grad(self, g, out, x, y):\n    """Doc."""\n    return g + 1.0, x * y\n'}
    question = questions.on_your_own_code(random.Random(1), own)
    g, x, y = (float(re.search(rf"{name}=(\d)", question.prompt).group(1)) for name in "gxy")
    assert question.answers == {"for x": g + 1, "for y": x * y}
    assert "Doc" not in question.prompt
    for own in ({}, {"Div.grad": "def grad(self, g, out, x, y): return 1 / 0"}):
        question = questions.on_your_own_code(random.Random(1), own)
        g, x, y = (float(re.search(rf"{name}=(\d)", question.prompt).group(1)) for name in "gxy")
        assert question.answers == {"for x": pytest.approx(g / y), "for y": pytest.approx(-g * x / y / y)}
        assert "def " not in question.prompt


def test_each_row_learns_from_one_letter_and_repaired_from_all():
    wrong, right = before_and_after(incident.INCIDENT)
    assert len(set(wrong["sure"])) == 1
    assert len(set(right["sure"])) > 3
    assert right["loss"] < 0.6 < 0.8 < wrong["loss"]


def test_the_rules_train_xor(capsys):
    run.main()
    printed = capsys.readouterr().out
    assert "return g * y, g * x" in printed
    assert re.findall(r"right (\d) of 4", printed)[-1] == "4"
