"""A scripted learner goes through every module, exercise by exercise, with every known mistake on the way."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from learner import Learner

from tinytorch_studio.course import modules
from tinytorch_studio.folder import functions
from tinytorch_studio.standing import standing
from tinytorch_studio.variants import variants

MODULES = modules()
EXERCISES = [(module, exercise) for module in MODULES for exercise in module.exercises]
ANSWERS = Path(__file__).parent / "answers"
WHOLE = {  # a program of the whole framework; what it prints may not depend on whose functions run
    "00": """
from first.ring import Network, step
from first import tape
network = Network(hidden=3)
print([round(step(network), 9) for _ in range(3)], tape.__file__)
""",
    "01": """
import tinytorch as tt
from tinytorch import layout
tt.manual_seed(0)
model = tt.nn.Sequential(tt.nn.Linear(6, 5), tt.nn.Tanh(), tt.nn.Linear(5, 3))
x, labels = tt.randn(4, 6)[:, ::2].mT.repeat(1, 2).mT.flip(0), tt.tensor([0, 2, 1, 1, 0, 2, 1, 0])
x = tt.cat([x, x.roll(1, 1)], 1)
losses = []
optimizer = tt.optim.Adam(model.parameters(), lr=0.1)
for _ in range(3):
    loss = tt.nn.functional.cross_entropy(model(x), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(round(loss.item(), 5))
print(losses, x.unfold(1, 3, 1).sum(-1).expand(2, -1, -1).reshape(-1)[:5].tolist(), layout.__file__)
""",
    "02": """
from pathlib import Path
import tinytorch as tt
from tinytorch.devices import cpu, loops
tt.manual_seed(0)
table, bias = tt.randn(5, 3, requires_grad=True), tt.zeros(4, requires_grad=True)
weight = tt.randn(4, 3, requires_grad=True)
for _ in range(3):
    out = (table[tt.tensor([0, 2, 2, 1])] @ weight.mT + bias).tanh()
    loss = (out.half().sum(0).float() * out.amax(1)).mean()
    loss.backward()
    with tt.no_grad():
        for each in (table, weight, bias):
            each -= 0.1 * each.grad
            each.grad = None
slow = weight.detach().to("loops").mT
product = (slow @ slow.mT).exp().sum(1)
print(round(loss.item(), 5), [round(value, 4) for value in product.tolist()], end=" ")
assert str(product.device) == "loops" and Path(loops.__file__).name == "loops.py"
print(cpu.__file__)
""",
    "03": """
import sys
import tinytorch as tt
tt.manual_seed(0)
model = tt.nn.Sequential(tt.nn.Linear(6, 5), tt.nn.Tanh(), tt.nn.Linear(5, 3))
x, labels = tt.randn(4, 2, 3)[..., None].reshape(4, -1), tt.tensor([0, 2, 1, 1])
optimizer = tt.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
losses = []
for _ in range(3):
    out = 1 - model(x)
    loss = tt.nn.functional.cross_entropy(out, labels) + 2 / (out * out).sum(-1, keepdim=True).mean() + (out @ tt.ones(3)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(round(loss.item(), 5))
print(losses, (tt.tensor([1, 2]) * 0.5).dtype, sys.modules["tinytorch.tensor"].__file__)
""",
    "04": """
import sys
import tinytorch as tt
from tinytorch.ops import contract
tt.manual_seed(0)
table, w = tt.randn(5, 6, requires_grad=True), tt.randn(6, 4, requires_grad=True)
losses = []
for _ in range(3):
    rows = table[tt.tensor([0, 2, 2, 1])]
    out = ((rows @ w).tanh() / (rows.narrow(1, 1, 4).permute(1, 0).mT.exp() + 1.0)).maximum(rows[:, :4] * 0.1)
    loss = out.amax(1).sum() + (out * out).sum(0).mean()
    loss.backward()
    with tt.no_grad():
        for each in (table, w):
            each -= 0.1 * each.grad
            each.grad = None
    losses.append(round(loss.item(), 5))
print(losses, contract.MATMUL.flops(out @ w.mT, out, w.mT), contract.__file__)
""",
    "05": """
import tinytorch as tt
from tinytorch.autograd import graph
tt.manual_seed(0)
model = tt.nn.Sequential(tt.nn.Linear(6, 5), tt.nn.Tanh(), tt.nn.Linear(5, 3))
x, labels = tt.randn(4, 6), tt.tensor([0, 2, 1, 1])
optimizer = tt.optim.Adam(model.parameters(), lr=0.05)
losses = []
for _ in range(3):
    out = model(x)
    penalty = tt.autograd.grad(out.amax(1).sum(), model[0].weight, create_graph=True)[0]
    loss = tt.nn.functional.cross_entropy(out, labels) + (penalty * penalty).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(round(loss.item(), 5))
with tt.no_grad():
    last = model(x).sum()
print(losses, last.requires_grad, graph.__file__)
""",
}

REFERENCE: dict[str, str] = {}  # what the programs print while nothing is written


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYTORCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def right_answers(module, exercise):
    """Definitions that are right: those written independently, last; the reference's first."""
    source = module.reference(exercise.file).read_text(encoding="utf-8")
    reference = functions(ast.parse(source))
    made = [(name, ast.unparse(reference[name])) for name in exercise.functions]
    found = variants(ANSWERS / f"{module.folder.name}.py", module)
    return made + [(each.function, each.source) for each in found if each.exercise == exercise.name]


def result(learner):
    """What the program of the whole framework prints; the learner's file was the one that ran."""
    printed, _, file = learner.runs(WHOLE[learner.module.number]).strip().rpartition(" ")
    assert Path(file).is_relative_to(learner.folder.root)
    return printed


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.folder.name)
def test_a_learner_goes_through_a_module_from_the_starter_to_the_end(module, tmp_path):
    learner = Learner(tmp_path / "mine", module)
    assert {learner.judged(each)["status"] for each in module.exercises} == {"not started"}
    wanted = result(learner)  # nothing is written: all of it is the reference's
    known = variants(module.path("mistakes.py"), module)
    for exercise in module.exercises:
        starter = learner.text(exercise)
        for wrong in [each for each in known if each.exercise == exercise.name]:
            learner.write(exercise, wrong.function, wrong.source)
            found = learner.judged(exercise)
            assert found["status"] in ("wrong", "right, but costs more"), wrong.name
            assert found["mistake"] == wrong.name
            learner.tt("undo")
            assert learner.text(exercise) == starter
        assert learner.judged(exercise)["status"] == "not started"
        for function, definition in right_answers(module, exercise):
            learner.write(exercise, function, definition)
            assert learner.judged(exercise)["status"] == "right", definition
        assert result(learner) == wanted
        written = learner.text(exercise)
        learner.tt("undo")
        assert learner.text(exercise) != written
        learner.tt("redo")
        assert learner.text(exercise) == written
    everything = learner.tt("check", module.number)
    assert everything.exit_code == 0, everything.output
    assert standing(learner.folder, module).built.whole


@pytest.mark.parametrize(("module", "exercise"), EXERCISES, ids=[each.id for _, each in EXERCISES])
def test_with_one_exercise_alone_the_whole_framework_runs_and_is_right(module, exercise, tmp_path):
    learner = Learner(tmp_path / "mine", module)
    wanted = REFERENCE.setdefault(module.number, "") or result(learner)
    REFERENCE[module.number] = wanted
    for function, definition in right_answers(module, exercise):
        learner.write(exercise, function, definition)
    assert result(learner) == wanted
    others = [each for each in module.exercises if each != exercise]
    assert learner.folder.state(exercise) == "written"
    assert {learner.folder.state(each) for each in others} <= {"unwritten"}


def test_with_all_five_modules_written_another_way_the_milestones_are_reached(tmp_path):
    chosen = [module for module in MODULES if module.number != "00"]
    for module in chosen:
        learner = Learner(tmp_path / "mine", module)
        for exercise in module.exercises:
            for function, definition in dict(right_answers(module, exercise)).items():  # the last of each
                learner.write(exercise, function, definition)
    for module in chosen:
        everything = learner.tt("check", module.number)
        assert everything.exit_code == 0, everything.output
    exercises = {exercise.id: exercise for module in chosen for exercise in module.exercises}
    told = json.loads(learner.tt("status", "--json").output)["modules"]
    rows = [row for module in told for row in module["exercises"] if row["id"] in exercises]
    assert {row["runs"] for row in rows} == {"yours"} and all(row["built"] for row in rows)
    for name in ("perceptron", "xor", "digits"):
        done = learner.tt("milestone", name)
        assert done.exit_code == 0, done.output
        for module in chosen:
            assert f"{module.number} {module.title}: all {len(module.exercises)} functions" in done.output
