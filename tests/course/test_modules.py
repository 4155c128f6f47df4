"""What holds for every exercise of every module."""

from __future__ import annotations

import ast
import re
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tinytorch_studio import check as checks
from tinytorch_studio.course import Variant, modules, variants
from tinytorch_studio.folder import Folder, functions
from tinytorch_studio.judge import alike, compare, dearer
from tinytorch_studio.starters import empty, fill

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
def test_each_known_mistake_fails_and_is_told_from_every_other(module, exercise):
    right = checks.run_reference(module, exercise)
    known = [v for v in variants(module.path("mistakes.py"), module) if v.exercise == exercise.name]
    seen = {each.name: checks.run_reference(module, exercise, each) for each in known}
    assert known
    for name, cases in seen.items():
        assert compare(cases, right) is not None, f"{name} passes"
        for other, theirs in seen.items():
            same = alike(cases, theirs) and dearer_or_wrong(cases, right) == dearer_or_wrong(theirs, right)
            assert (name == other) == same, f"{name} looks like {other}"


def dearer_or_wrong(cases, right):
    """The counts that are too high, for what is right in all values; else nothing but that it is wrong."""
    difference = compare(cases, right)
    return dearer(cases, right) if difference is not None and difference.cost else "wrong"


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
def test_a_starter_filled_again_is_the_source_byte_for_byte(module):
    for file in module.files:
        source = module.reference(file).read_text(encoding="utf-8")
        named = {f: e.id for e in module.exercises if e.file == file for f in e.functions}
        assert fill(empty(source, named), source, named) == source


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.folder.name)
def test_an_untouched_starter_is_not_started(module, tmp_path):
    folder = Folder.create(tmp_path / "mine")
    folder.begin(module)
    for exercise in module.exercises:
        assert checks.check(folder, module, exercise).status == checks.NOT_STARTED


@pytest.mark.parametrize(("module", "exercise"), EXERCISES, ids=ids(EXERCISES))
def test_every_exercise_has_hints_and_its_mistakes_a_reason(module, exercise):
    hints = module.path("hints.md").read_text(encoding="utf-8")
    assert f"## {exercise.name}\n" in hints
    part = hints.split(f"## {exercise.name}\n", 1)[1].split("\n## ", 1)[0]
    assert re.findall(r"^### (.*)$", part, re.MULTILINE) == ["1", "2", "3", "Worked example"]


@pytest.mark.parametrize(("module", "exercise"), EXERCISES, ids=ids(EXERCISES))
def test_a_probe_notices_that_its_exercise_is_empty(module, exercise):
    right = checks.run_reference(module, exercise)
    for function in exercise.functions:
        gone = Variant(
            exercise.name, "empty", "", function, f"def f():\n    raise NotImplementedError('{function}')"
        )
        assert compare(checks.run_reference(module, exercise, gone), right) is not None


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.folder.name)
def test_every_known_mistake_has_a_paragraph(module):
    hints = module.path("hints.md").read_text(encoding="utf-8")
    written = set(re.findall(r"^## (\S+)\n\S", hints.partition("\n# Why\n")[2], re.MULTILINE))
    known = [each.name for each in variants(module.path("mistakes.py"), module)]
    assert sorted(written) == sorted(known)


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.folder.name)
def test_every_function_of_an_owned_file_is_an_exercise_or_given_with_a_reason(module):
    spec = tomllib.loads(module.path("module.toml").read_text(encoding="utf-8"))
    given = [each["name"] for each in spec.get("given", []) if each["why"]]
    used = set()
    for file in module.files:
        taught = {f for exercise in module.exercises if exercise.file == file for f in exercise.functions}
        there = set(functions(ast.parse(module.reference(file).read_bytes())))
        assert taught <= there, file
        for name in there - taught:
            found = [each for each in given if fnmatchcase(name, each)]
            assert found, f"{file}: {name}"
            used |= set(found)
    assert used == set(given)
