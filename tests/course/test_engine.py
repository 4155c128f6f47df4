"""Module 05: its labs count what they say, its questions are right, its incident is one, and XOR is learnt."""

from __future__ import annotations

import ast
import importlib.util
import random
import re
from pathlib import Path

import numpy as np
import pytest
from parts import asked, before_and_after, generators, measured, part, ran

from tinytorch_studio.course import find

MODULE, _ = find("05")
labs, questions, incident, run = (part(MODULE, name) for name in ("labs", "questions", "incident", "run"))
GENERATORS = generators(questions)


def test_the_opening_keeps_two_numbers_and_no_new_byte():
    found = labs.measure_opening()
    assert (found["nodes"], found["bytes"], found["new"]) == (3, 8, 0)


def test_paths_are_counted_and_nodes_are_visited_once():
    found = measured(labs)["visits"]
    assert (found["recursion"], found["yours"], found["gradient"]) == (2**21 - 1, 21, 2.0**20)


def test_memory_is_fullest_at_the_beginning_of_backward_or_at_its_end_as_the_batch_says():
    found = labs.measure_memory()
    hidden, weights = 2 * 512 * labs.LARGE * 4, 4 * (256 * 512 + 512 * 512 + 512 * 10 + 512 + 512 + 10)
    assert found["kept"] * labs.MIB == pytest.approx(hidden, rel=0.02)
    assert found["peak"] * labs.MIB == pytest.approx(hidden * 1.5, rel=0.02)
    assert (found["large"], found["small"]) == (2, 5)
    line = labs.timeline(labs.SMALL)
    assert sum(name == "MatMul" for when, name, _ in line if when == "backward") == 5
    assert line[-1][2] == pytest.approx(2 * weights, rel=0.01)


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


def uses(lines):
    """Which names each name is read by, once for each time."""
    read = [(line.split(" = ")[0], re.findall(r"\b[xabc]\b", line.split(" = ")[1])) for line in lines]
    return {name: [made for made, names in read for each in names if each == name] for name in "xabcz"}


def gradients_in_the_boxes(question):
    first, *lines = code(question).splitlines()
    x = float(re.search(r"tensor\((.*?),", first).group(1))
    found = {}
    for name in "cbax":
        later = [line for line in lines if line[0] > name or name == "x"]
        known = {"x": x}
        exec("\n".join(lines), known)
        ends = []
        for step in (1e-5, -1e-5):
            names = known | {name: known[name] + step}
            exec("\n".join(later), names)
            ends.append(names["z"])
        found[f"at {name}"] = pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-4, abs=1e-3)
    return found


def who_is_complete(question):
    lines = code(question).splitlines()[1:-1]
    assert code(question).splitlines()[-1].startswith("d = ")
    readers = uses(lines)
    done = set(
        re.findall(r"`([zc])`", question.prompt.partition("has handed on")[2].partition(", and no other")[0])
    )
    found = {f"contributions at {name} in the end": len(readers[name]) for name in "xab"}
    found["contributions at d in the end"] = 0
    return found | {f"{name} complete now": set(readers[name]) <= done for name in "abc" if name not in done}


KEPT = {  # a line, and what its gradient reads: i its input, o its result, w
    "{} * {}": "i", "{} * w": "w", "{} + w": "", "{} - {}.sum()": "", "{}.exp()": "o", "{}.tanh()": "o", "{}.sin()": "i",
    "w / {}": "iw", "{}.sum(1)": "", "{}[1:]": "",
}  # fmt: skip


def what_is_kept(question):
    first, h, y, _ = code(question).splitlines()
    n, m = tuples(first.replace("requires_grad=True", "").replace(", )", ")"))[0]
    made = {line.format("x", "x"): read for line, read in KEPT.items()}
    kept = {{"i": "x", "o": "h", "w": "w"}[each] for each in made[h.removeprefix("h = ")]}
    made = {line.format("h", "h"): read for line, read in KEPT.items()}
    kept |= {{"i": "h", "o": "y", "w": "w"}[each] for each in made[y.removeprefix("y = ")]}
    sizes = dict.fromkeys("xwhy", n * m)
    small = {"sum(1)": n, "[1:]": (n - 1) * m}
    for line, names in ((h, "hy"), (y, "y")):
        for cut, size in small.items():
            if cut in line:
                sizes |= dict.fromkeys(names, size)
    return {name: name in kept for name in "xwhy"} | {"bytes": sum(4 * sizes[name] for name in kept)}


def which_fault(question):
    """By arithmetic on paper: what y hands to x per unit, what the product hands to y, and what it hands to x directly."""
    lines = code(question).splitlines()
    x = float(re.search(r"tensor\((.*?),", lines[0]).group(1))
    y, per_unit = {"x * x": (x * x, [x, x]), "x + x": (2 * x, [1, 1]), "x * 3": (3 * x, [3])}[lines[1][4:]]
    product, direct = {"y * y": ([y, y], 0), "y * 2": ([2], 0), "y * x": ([x], y)}[lines[2][4:9]]
    partial = np.cumsum([*product, 1])
    once = per_unit[0] if lines[1][4:] in ("x * x", "x + x") else sum(per_unit)
    numbers = {
        "overwrites": product[-1] * per_unit[-1],
        "once per tensor": (product[0] + 1) * once + direct,
        "too early": sum(per_unit) + direct,
        "running total": sum(partial) * sum(per_unit) + direct,
    }
    right, said = re.search(r"should be (\S+)\. An engine says (\S+)\. One", question.prompt).groups()
    assert float(right) == (sum(product) + 1) * sum(per_unit) + direct
    return {"fault": next(fault for fault, number in numbers.items() if number == float(said))}


def back_to_its_shape(question):
    shape, full = tuples(question.prompt)[:2]
    return {"shape": shape, "element": float(np.prod(full) / np.prod(shape))}


def several_backwards(question):
    n, scale = re.search(r"range\((\d)\).*x \* (\d\.\d)", code(question), re.DOTALL).groups()
    cleared = re.search(r"i == (\d)", code(question))
    return {"x.grad": (int(n) - (int(cleared.group(1)) if cleared else 0)) * float(scale)}


def nested_modes(question):
    outer, inner = ("enable" in each for each in re.findall(r"with tt\.(\w+)", code(question)))
    return {"a": outer, "b": inner, "c": outer, "d": True}


READS = {
    "y * y": "y", "y + 2": "", "y.exp()": "z", "y.sum()": "", "y.tanh()": "z", "y / 3": "", "y.sin()": "y",
}  # fmt: skip


def is_it_refused(question):
    operation, written = re.search(r"z = (.*)\n.*\n    (.)(?:\[1:\])?\.add_", code(question)).groups()
    return {"refused": READS[operation] == written}


def derivative_of_a_derivative(question):
    x, power = re.search(r"tensor\((\d\.0).*x\*\*(\d)", code(question), re.DOTALL).groups()
    x, p = float(x), int(power)
    polynomial = np.polynomial.Polynomial([0, 1] + [0] * (p - 1)) + np.polynomial.Polynomial([0] * p + [1])
    return {"first": float(polynomial.deriv()(x)), "second": float(polynomial.deriv(2)(x))}


def what_keeps_a_graph(question):
    return {
        line: "item" not in line and "float" not in line and "detach" not in line for line in question.answers
    }


ORACLES = {
    each.__name__: each
    for each in (
        gradients_in_the_boxes, who_is_complete, what_is_kept, which_fault, back_to_its_shape, several_backwards,
        nested_modes, is_it_refused, derivative_of_a_derivative, what_keeps_a_graph,
    )
}  # fmt: skip
FEW = ("is_it_refused", "nested_modes")  # too few different answers for twenty questions


def test_every_generator_has_an_oracle_that_is_not_tinytorch():
    assert set(GENERATORS) == {*ORACLES, "on_your_own_code"}


@pytest.mark.parametrize("name", [name for name in ORACLES if name not in FEW])
def test_twenty_questions_are_answered_as_the_oracle_answers_them(name):
    asked(GENERATORS[name], ORACLES[name], 4)


@pytest.mark.parametrize("name", FEW)
def test_questions_with_few_answers_are_answered_as_the_oracle_answers_them(name):
    made = [GENERATORS[name](random.Random(seed)) for seed in range(40)]
    assert all(question.answers == ORACLES[name](question) for question in made)
    assert len({repr(question.answers) for question in made}) > 1


def own(name, body):
    """What a learner wrote for one exercise."""
    head = {"sum_to_size": "def sum_to_size(g, shape):", "record": "def record(op, inputs, arrays, outs):"}[
        name
    ]
    return {name: f'{head}\n    """Doc."""\n{body}'}


def test_a_question_about_own_code_runs_that_code_right_or_wrong():
    question = questions.on_your_own_code(
        random.Random(1), own("sum_to_size", "    return g.sum().reshape(1, 1)\n")
    )
    full = tuples(re.search(r"of shape (\(.*?\))", question.prompt).group(1))[0]
    assert question.answers == {"shape": (1, 1), "element": float(np.prod(full))}
    assert "Doc" not in question.prompt
    for there in ({}, own("sum_to_size", "    return 1 / 0\n"), own("record", "    return 1 / 0\n")):
        question = questions.on_your_own_code(random.Random(1), there)
        assert "def " not in question.prompt
        if "sum_to_size" in question.prompt:
            full, shape = tuples(question.prompt)[:2]
            assert question.answers == {"shape": shape, "element": float(np.prod(full) / np.prod(shape))}


EVERYTHING = """    node = new(Node)
    node.op, node.age, node.made, node.hooks, node.spent = op, next(AGES), len(outs), None, False
    node.edges, node.shapes = [(x.edge or (x, 0)) for x in inputs], [array.shape for array in arrays]
    node.inputs, node.outputs = dict(enumerate(arrays)), [out.array for out in outs]
    for index, out in enumerate(outs):
        out.edge, out.requires_grad = (node, index), True
"""
RECORDED = {  # edges, inputs and results that a right record keeps
    "w.exp()": (1, 0, 1), "w.sin()": (1, 1, 0), "w @ c": (1, 1, 0), "w @ v": (2, 2, 0), "w.sum(1)": (1, 0, 0),
    "tt.where(w > 0, w, u)": (1, 1, 0),
}  # fmt: skip


def test_a_question_about_an_own_record_counts_what_that_record_keeps():
    lines = set()
    for seed in range(40):
        question = questions.on_your_own_code(random.Random(seed), own("record", EVERYTHING))
        line = re.search(r"It records `(.*?)`", question.prompt).group(1)
        count = {"tt": 3, "w @": 2}.get(line[:3].strip("."), 1)
        assert tuple(question.answers.values()) == (count, count, 1)
        assert tuple(questions._recorded(questions.reference.record, line).values()) == RECORDED[line]
        lines.add(line)
    assert lines == set(RECORDED)


def test_a_list_of_losses_keeps_every_graph_and_a_list_of_numbers_none():
    wrong, right = before_and_after(incident.INCIDENT)
    assert (wrong["grows"], right["grows"]) == (True, False)
    assert wrong["losses"] == right["losses"]
    assert right["losses"][2] < right["losses"][0] / 3
    other = incident.INCIDENT.program.replace(
        incident.INCIDENT.line, "    with tt.no_grad():\n        held_out.append(error(unseen))"
    )
    assert ran(other, incident.INCIDENT.observe)[0] == right


def test_xor_and_the_ring_are_learnt_and_the_ring_as_on_the_tape(capsys):
    run.main()
    printed = capsys.readouterr().out
    assert re.findall(r"(\d) of 4 cases\n", printed)[-1] == "4"
    assert re.findall(r"(\d+) of 40 dots\n", printed)[::3] == ["18", "40"]
    assert "the same to 12 digits: True" in printed


def test_what_the_lesson_quotes_of_pytorchs_headers_stands_there():
    torch = importlib.util.find_spec("torch")
    if torch is None:
        return  # where PyTorch cannot be installed the rest runs
    include = Path(torch.origin).parent / "include/torch/csrc/autograd"
    quoted = re.findall(
        r"```cpp\n// (\S+)\n(.*?)```", MODULE.path("lesson.md").read_text(encoding="utf-8"), re.DOTALL
    )
    assert quoted
    for file, lines in quoted:
        header = (include / file).read_text(encoding="utf-8")
        for line in filter(None, map(str.strip, lines.splitlines())):
            assert line in header, f"{file} has no line {line}"
