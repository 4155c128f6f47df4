"""`tt dev check`: a module that keeps every rule, and the same module with each rule broken once."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from tinytorch_studio import course
from tinytorch_studio.cli import main
from tinytorch_studio.dev import rules

FILES = {
    "module.toml": """\
title = "Sums"
question = "How are numbers added?"
files = ["sums/total.py"]

[[exercise]]
name = "total"

[[given]]
name = "twi*"
why = "one product"
""",
    "sums/__init__.py": "",
    "sums/total.py": '''\
"""Sums."""


def total(values):
    """Their sum."""
    return sum(values)


def twice(value):
    """Twice as much."""
    return 2 * value
''',
    "probes.py": '''\
"""What is observed."""

from sums.total import total


def total_total(case):
    case("total([1, 2, 4])")
    case("total([])")


def total_total_random(case, rng):
    case(f"total({[rng.randint(0, 9) for _ in range(rng.randint(0, 4))]})")
''',
    "mistakes.py": '''\
"""What people write."""

from tinytorch_course.kit import mistake


@mistake("total", "first-only", "you took the first")
def total(values):
    return values[0]


@mistake("total", "one-more", "you began at 1")
def total(values):
    return sum(values) + 1
''',
    "hints.md": """\
# Hints

## total
### 1
a
### 2
b
### 3
c
### Worked example
d

# Why

## first-only
The first is not all.

## one-more
A sum of nothing is 0.
""",
    "lesson.md": "# Sums\n\n### `total`\n\nAdd.\n",
}
BROKEN = {  # what is changed in which file, and what is said about it
    "a probe that is not there": ("probes.py", "total_total(", "other(", "no function total_total"),
    "random cases that are not there": ("probes.py", "total_random", "other", "no function total_total_random"),
    "a probe that fails": ("probes.py", "sums.total", "sums.totals", "does not run on the reference"),
    "a starter that passes": ("probes.py", "from sums.total import total", "total = sum", "left empty"),
    "a function that is not there": ("module.toml", 'name = "total"', 'name = "totals"', "no function totals"),
    "a missing rung": ("hints.md", "### 2\nb\n", "", "rungs"),
    "a missing heading": ("lesson.md", "### `total`", "## total", "no heading"),
    "a mistake without a paragraph": ("hints.md", "## one-more\nA sum of nothing is 0.\n", "", "no paragraph"),
    "a paragraph without a mistake": ("hints.md", "## one-more", "## one-less", "explains one-less"),
    "a mistake without a sentence": ("mistakes.py", ', "you took the first"', "", "no sentence"),
    "a mistake that passes": ("mistakes.py", "sum(values) + 1", "sum(values) + 0", "one-more passes"),
    "two mistakes that look the same": ("mistakes.py", "sum(values) + 1", "values[0] + 0", "look the same"),
    "a given function without a reason": ("module.toml", 'why = "one product"', 'why = ""', "without a reason"),
    "a function that nobody gives": ("module.toml", "twi*", "thrice", "neither an exercise nor given"),
    "a pattern for nothing": ("module.toml", '"twi*"', '"twi*"\nwhy = "x"\n[[given]]\nname = "z"', "no function has"),
    "a mistake of a strange exercise": ("mistakes.py", '"total", "one', '"totals", "one', "there is no exercise"),
}  # fmt: skip


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYTORCH_CACHE", str(tmp_path / "cache"))


def small(root, **changed):
    """A module of one exercise on disk."""
    for name, content in FILES.items():
        path = root / "07_sums" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(changed.get(name, content), encoding="utf-8")
    return course.read_module(root / "07_sums")


def test_a_module_that_keeps_the_rules_has_no_problem(tmp_path):
    assert list(rules.problems(small(tmp_path))) == []


@pytest.mark.parametrize("name", BROKEN)
def test_each_broken_rule_is_named(tmp_path, name):
    file, old, new, says = BROKEN[name]
    assert FILES[file].count(old) == 1
    found = list(rules.problems(small(tmp_path, **{file: FILES[file].replace(old, new)})))
    assert any(says in each for each in found), found
    assert all(each.startswith("07") for each in found)


def test_names_are_looked_up_where_production_has_them():
    assert rules.defined("class Tensor:\n    def backward(self): ...\n", "Tensor.backward", ".py")
    assert not rules.defined("class Tensor:\n    def forward(self): ...\n", "Tensor.backward", ".py")
    assert rules.defined("inline void cpu_kernel_vec(int x) {", "cpu_kernel_vec", ".h")
    assert not rules.defined("inline void cpu_kernel(int x) {", "cpu_kernel_vec", ".h")
    assert rules.defined("- name: tanh(Tensor self) -> Tensor\n", "tanh", ".yaml")
    assert not rules.defined("- name: tanh_backward(Tensor self) -> Tensor\n", "tanh", ".yaml")
    assert rules.defined("  bool create_graph_;\n", "create_graph_", ".h")


def test_the_command_prints_what_is_wrong_and_fails(tmp_path, monkeypatch):
    good, bad = small(tmp_path / "good"), small(tmp_path / "bad", **{"lesson.md": "# Sums\n"})
    for module, code, says in (
        (good, 0, "no problem found"),
        (bad, 1, "07.total.total: lesson.md has no heading"),
    ):
        monkeypatch.setattr(course, "modules", lambda module=module: (module,))
        done = CliRunner().invoke(main, ["dev", "check"], catch_exceptions=False)
        assert done.exit_code == code, done.output
        assert says in done.output
