"""Mutants: they are made, they differ, and a sample of them is noticed by the probes of every module."""

import ast

import pytest

from tinytorch_studio.course import modules
from tinytorch_studio.dev.mutants import (
    Mutant,
    Tally,
    equivalent,
    mutants,
    page,
    same_in_random_cases,
    survives,
    variants_of,
)

EVERY = 12  # of the mutants; `tt dev mutants` runs all
EXERCISES = [(module, exercise) for module in modules() for exercise in module.exercises]


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYTORCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def made_from(source):
    (function,) = ast.parse(source).body
    return {
        ast.unparse(ast.fix_missing_locations(each)).partition(":")[2].strip()
        for each in variants_of(function)
    }


def test_operands_operators_bounds_statements_and_accumulation_are_changed():
    assert {"return b - a", "return a + b", "return a", "return b"} <= made_from("def f(a, b): return a - b")
    assert "return a <= 1" in made_from("def f(a): return a < 1")
    assert "return a < 2" in made_from("def f(a): return a < 1")
    found = made_from("def f(a):\n    a.grad += 1\n    return a")
    assert {"a.grad = 1\n    return a", "pass\n    return a"} <= found
    assert "return g(b, a)" in made_from("def f(a, b): return g(a, b)")
    assert "return g(a)" in made_from("def f(a): return g(a, keepdim=True)")


def test_the_signature_and_the_words_of_an_error_are_left_alone():
    assert made_from("def f(a: int = 1) -> int: return a") == set()
    assert made_from("def f(a):\n    raise ValueError(f'{a + 1}')") == {"pass"}


@pytest.mark.parametrize(("module", "exercise"), EXERCISES, ids=[each.id for _, each in EXERCISES])
def test_a_sample_of_the_mutants_is_noticed(module, exercise):
    same = equivalent(module)
    for mutant in mutants(module, exercise)[::EVERY]:
        if (exercise.name, mutant.change) not in same:
            assert not survives(module, mutant), mutant.change


def test_a_probe_that_does_not_look_lets_mutants_live(monkeypatch):
    module, exercise = EXERCISES[0]
    monkeypatch.setattr("tinytorch_studio.dev.mutants.compare", lambda yours, wanted: None)
    mutant = mutants(module, exercise)[0]
    assert survives(module, mutant)
    assert f"not noticed: `{mutant.change}`" in page([Tally(exercise, 1, 2, [], [mutant.change])])


def test_what_is_called_equivalent_must_be_so_in_random_cases_too(monkeypatch):
    module, exercise = next(each for each in EXERCISES if each[1].id == "01.layout.contiguous_strides")
    right = "def f(shape):\n    return tuple(prod(shape[i + 1:]) for i in range(len(shape)))"
    seldom = right.replace("    return", "    if shape[:3] == (5, 3, 2): return ()\n    return")
    same, other = (Mutant(exercise, "contiguous_strides", "", source) for source in (right, seldom))
    assert survives(module, same) and survives(module, other)  # the few cases of a check have no such shape
    monkeypatch.setattr("tinytorch_studio.dev.mutants.MANY", 4000)
    assert same_in_random_cases(module, same)
    assert not same_in_random_cases(module, other)


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.folder.name)
def test_every_mutant_that_is_called_equivalent_exists(module):
    there = {(each.name, mutant.change) for each in module.exercises for mutant in mutants(module, each)}
    assert set(equivalent(module)) <= there
