"""Module 00: its network learns, its lab measures what it says, and its answers agree with nudging."""

from __future__ import annotations

import importlib.util
import random
import re
import sys
from itertools import pairwise

import pytest

from tinytorch_studio.course import find

MODULE, _ = find("00")
SEEDS = range(20)


@pytest.fixture(scope="module")
def files():
    """The module's files, imported with its folder on the path."""
    sys.path.insert(0, str(MODULE.folder))
    made = {}
    for name in ("labs", "questions"):
        spec = importlib.util.spec_from_file_location(f"first_evening_{name}", MODULE.path(f"{name}.py"))
        made[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(made[name])
    yield made
    sys.path.remove(str(MODULE.folder))


def test_the_network_tells_all_forty_dots_from_five_seeds_and_five_sets_of_dots(files):
    from first.ring import DOTS, Network, dots
    from first.tape import descend

    for seed in range(5):
        for some in (DOTS, dots(seed)):
            network = Network(seed=seed if some is DOTS else 0)
            for _ in range(150):
                network.loss(some).backward()
                descend(network.parameters, 0.02)
                network.forget()
            assert network.right(some) == 40


def test_the_lab_measures_what_is_predicted(files):
    (lab,) = files["labs"].LABS
    found = lab.measure()
    assert [each.name for each in lab.predictions] == [name for name in found if not name.startswith("_")]
    assert found["wide"] == 40 * (7 * 16 + 7) + 4 * 16 + 2  # counted by hand
    assert files["labs"].PRODUCTS == 64 * (784 * 256 + 256 * 128 + 128 * 10)
    assert found["seconds"] * 1000 > 50 * found["tensor"]
    assert found["memory"] > 1


def nudged(lines, values, name, by):
    """Where a program of plain floats ends if one of its starts is moved."""
    names = values | {name: values[name] + by}
    exec("\n".join(lines), {}, names)
    return names["c"]


def slope(lines, values, name):
    """By finite differences."""
    return (nudged(lines, values, name, 1e-4) - nudged(lines, values, name, -1e-4)) / 2e-4


def program(prompt):
    """The lines and the starts of a program in a prompt."""
    lines = re.search(r"```python\n(a = .*?)```", prompt, re.DOTALL).group(1).splitlines()
    values = {m[1]: float(m[2]) for m in (re.match(r"(\w) = Number\((.*)\)", line) for line in lines) if m}
    return [line for line in lines if "Number(" not in line and "backward" not in line], values


@pytest.mark.parametrize("seed", SEEDS)
def test_grads_agree_with_nudging(files, seed):
    question = files["questions"].grads_of_a_program(random.Random(seed))
    lines, values = program(question.prompt)
    assert set(question.answers) == {f"{name}.grad" for name in values}
    for name in values:
        assert question.answers[f"{name}.grad"] == pytest.approx(slope(lines, values, name), abs=1e-4)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_nudge_moves_the_end_as_the_answer_says(files, seed):
    question = files["questions"].a_nudge(random.Random(seed))
    lines, values = program(question.prompt)
    by = float(re.search(r"made larger by (\S+)\. ", question.prompt).group(1))
    moved = nudged(lines, values, "a", by) - nudged(lines, values, "a", 0.0)
    assert question.answers["c moves by"] == pytest.approx(moved, rel=0.01)


def moved_through(lines, values, name, by):
    """Where the program ends if a name is moved just before `lines`, and all that was made earlier is held."""
    names = values | {name: values[name] + by}
    exec("\n".join(lines), {}, names)
    return names["c"]


@pytest.mark.parametrize("seed", SEEDS)
def test_an_unfinished_walk_has_handed_on_what_goes_through_the_last_lines(files, seed):
    question = files["questions"].a_walk_that_stops(random.Random(seed))
    lines, values = program(question.prompt)
    count = int(re.search(r"only (\d) of the", question.prompt).group(1))
    everything = dict(values)
    exec("\n".join(lines), {}, everything)
    for asked, grad in question.answers.items():
        name = asked[0]
        rest = lines[max(3 - count, 1 if name == "d" else 0) :]
        up, down = (moved_through(rest, everything, name, by) for by in (1e-4, -1e-4))
        assert grad == pytest.approx((up - down) / 2e-4, abs=1e-4), asked


@pytest.mark.parametrize("seed", SEEDS)
def test_slopes_and_steps_are_right(files, seed):
    pairs = files["questions"].slopes_in_the_pairs(random.Random(seed))
    a, b = (float(each) for each in re.findall(r"Number\((\S+)\)", pairs.prompt))
    is_sum = "+" in pairs.prompt
    assert pairs.answers == {"slope to a": 1.0 if is_sum else b, "slope to b": 1.0 if is_sum else a}
    down = files["questions"].one_step_down(random.Random(seed))
    value, grad, lr = (
        float(x) for x in re.findall(r"value (\S+) .*grad (\S+)\. .*lr=(\S+)\)", down.prompt)[0]
    )
    assert down.answers == {"value": pytest.approx(value - lr * grad), "grad": 0.0}
    count = files["questions"].numbers_on_the_tape(random.Random(seed))
    hidden, dots = (int(x) for x in re.findall(r"has (\d+) hidden.*do (\d+) dots", count.prompt)[0])
    assert list(count.answers.values()) == [7 * hidden + 3, (7 * hidden + 3) * dots]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_log_shows_what_is_broken(files, seed):
    question = files["questions"].a_log(random.Random(seed))
    rows = re.findall(r"loss +(\S+) +p.grad +(\S+)", question.prompt)
    losses = [float(loss) for loss, _ in rows]
    falls = all(after < before for before, after in pairwise(losses))
    looks = {
        "copy": losses[0] == losses[-1],
        "climbs": losses[0] < losses[1] < losses[-1],
        "healthy": falls,
        "never clears": not falls and losses[1] < losses[0] and losses[0] != losses[-1],
    }
    assert [name for name, so in looks.items() if so] == [question.answers["broken"]]
    assert question.answers["broken"] in question.choices["broken"]


def test_a_question_about_own_code_runs_that_code(files):
    wasteful = "def __add__(self, other):\n    Number(0.0)\n    return Number(self.value + other.value, ())\n"
    ask = files["questions"].on_your_own_code
    longer = 0
    for seed in SEEDS:
        mine = ask(random.Random(seed), {"Number.__add__": wasteful})
        plain = ask(random.Random(seed), {})
        sums = sum("+" in line for line in program(plain.prompt)[0])
        assert mine.answers["numbers"] == plain.answers["numbers"] + sums
        longer += sums
    assert longer
    broken = ask(random.Random(0), {"Number.__add__": "def __add__(self, other):\n    return missing\n"})
    assert broken.answers == ask(random.Random(0), {}).answers
