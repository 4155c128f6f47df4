"""What holds for every exercise of every module."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinytorch_studio import check as checks
from tinytorch_studio.course import modules
from tinytorch_studio.dev import rules
from tinytorch_studio.folder import Folder
from tinytorch_studio.judge import compare
from tinytorch_studio.variants import variants

MODULES = modules()
EXERCISES = [(module, exercise) for module in MODULES for exercise in module.exercises]
ANSWERS = Path(__file__).parent / "answers"


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYTORCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def ids(values):
    return [exercise.id for _, exercise in values]


@pytest.mark.parametrize(("module", "exercise"), EXERCISES, ids=ids(EXERCISES))
@pytest.mark.parametrize("rule", rules.OF_EXERCISES, ids=lambda rule: rule.__name__)
def test_an_exercise_keeps_the_rule(rule, module, exercise):
    assert list(rule(module, exercise)) == []


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.folder.name)
@pytest.mark.parametrize("rule", rules.OF_MODULES, ids=lambda rule: rule.__name__)
def test_a_module_keeps_the_rule(rule, module):
    assert list(rule(module)) == []


def own_answers(module):
    path = ANSWERS / f"{module.folder.name}.py"
    return [(module, each) for each in variants(path, module)]


INDEPENDENT = [pair for module in MODULES for pair in own_answers(module)]


@pytest.mark.parametrize(
    ("module", "answer"), INDEPENDENT, ids=[f"{a.exercise} {a.name}" for _, a in INDEPENDENT]
)
def test_an_independent_right_answer_passes(module, answer):
    exercise = next(each for each in module.exercises if each.name == answer.exercise)
    difference = compare(
        checks.run_reference(module, exercise, answer), checks.run_reference(module, exercise)
    )
    assert difference is None, difference


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.folder.name)
def test_an_untouched_starter_is_not_started(module, tmp_path):
    folder = Folder.create(tmp_path / "mine")
    folder.begin(module)
    for exercise in module.exercises:
        assert checks.check(folder, module, exercise).status == checks.NOT_STARTED
