"""The rules that every module keeps. `tt dev check` names whatever breaks one, as `rustlings dev check` does."""

from __future__ import annotations

import ast
import importlib.util
import re
import tomllib
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from tinytorch_studio import check as checks
from tinytorch_studio.course import CourseError, Exercise, Module
from tinytorch_studio.folder import functions
from tinytorch_studio.judge import Case, alike, compare, dearer
from tinytorch_studio.starters import empty, fill
from tinytorch_studio.variants import Variant

RUNGS = ["1", "2", "3", "Worked example"]


def text(module: Module, name: str) -> str:
    """A file of the module's folder; "" where there is none."""
    path = module.path(name)
    return path.read_text(encoding="utf-8") if path.exists() else ""


def probe_exists(module: Module, exercise: Exercise) -> Iterator[str]:
    """There is a function that observes it, and one that makes a random case."""
    there = functions(ast.parse(text(module, "probes.py")))
    for name in (exercise.probe, f"{exercise.probe}_random"):
        if name not in there:
            yield f"probes.py has no function {name}"


def functions_exist(module: Module, exercise: Exercise) -> Iterator[str]:
    """What is to be written stands in the reference's file."""
    there = functions(ast.parse(module.reference(exercise.file).read_bytes()))
    for name in exercise.functions:
        if name not in there:
            yield f"{exercise.file} has no function {name}"


def hinted(module: Module, exercise: Exercise) -> Iterator[str]:
    """Three rungs and a worked example."""
    _, heading, rest = text(module, "hints.md").partition(f"## {exercise.name}\n")
    rungs = re.findall(r"^### (.*)$", rest.split("\n## ", 1)[0].split("\n# ", 1)[0], re.MULTILINE)
    if not heading or rungs != RUNGS:
        yield f"hints.md has the rungs {rungs} under '## {exercise.name}', not {RUNGS}"


def taught(module: Module, exercise: Exercise) -> Iterator[str]:
    """The lesson has a heading of its name."""
    headings = [
        each.strip("` ") for each in re.findall(r"^### (.*)$", text(module, "lesson.md"), re.MULTILINE)
    ]
    if exercise.name not in headings:
        yield f"lesson.md has no heading '### {exercise.name}'"


def mistakes_explained(module: Module, exercise: Exercise) -> Iterator[str]:
    """There are mistakes, and each has a sentence and a paragraph."""
    written = set(
        re.findall(r"^## (\S+)\n\S", text(module, "hints.md").partition("\n# Why\n")[2], re.MULTILINE)
    )
    known = checks.mistakes_of(module, exercise)
    if not known:
        yield "mistakes.py has no mistake for it"
    for each in known:
        if not each.sentence:
            yield f"the mistake {each.name} has no sentence"
        if each.name not in written:
            yield f"hints.md has no paragraph for the mistake {each.name} under '# Why'"


def starter_fails(module: Module, exercise: Exercise) -> Iterator[str]:
    """The starter does not pass: each function, emptied, is noticed."""
    right = checks.run_reference(module, exercise)
    for function in exercise.functions:
        body = f"def f():\n    raise NotImplementedError('{function}')"
        cases = checks.run_reference(module, exercise, Variant(exercise.name, "empty", "", function, body))
        if compare(cases, right) is None:
            yield f"its probe passes with {function} left empty"


def mistakes_told_apart(module: Module, exercise: Exercise) -> Iterator[str]:
    """Each mistake fails, or costs more, and looks like no other."""
    right = checks.run_reference(module, exercise)
    known = {each.name: each for each in checks.mistakes_of(module, exercise)}
    seen = {name: checks.run_reference(module, exercise, each) for name, each in known.items()}
    for name, cases in seen.items():
        if compare(cases, right) is None:
            yield f"the mistake {name} passes"
        for other, theirs in seen.items():
            if name < other and bill(cases, right) == bill(theirs, right) and alike(cases, theirs):
                yield f"the mistakes {name} and {other} look the same in every case"


def bill(cases: list[Case], right: list[Case]) -> Any:
    """The counts that are too high, for what is right in all values; None for what is wrong."""
    difference = compare(cases, right)
    return dearer(cases, right) if difference is not None and difference.cost else None


def links_lead_somewhere(module: Module, exercise: Exercise) -> Iterator[str]:
    """What it says of PyTorch is in the installed wheel; not asked where PyTorch is not installed."""
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return
    for link in exercise.production:
        path, _, name = link.partition(": ")
        file = Path(found.origin).parents[1] / path
        if not file.is_file():
            yield f"PyTorch has no file {path}"
        elif not defined(file.read_text(encoding="utf-8"), name, file.suffix):
            yield f"PyTorch's {path} does not define {name}"


def defined(source: str, name: str, suffix: str) -> bool:
    """Whether a file defines a name: a class or function of Python, by dots inside its class; an entry of a list; C++."""
    if suffix in (".yaml", ".yml"):
        return re.search(rf"^- (?:name|func): {re.escape(name)}\s*\(", source, re.MULTILINE) is not None
    if suffix != ".py":
        return re.search(rf"\b{re.escape(name)}\s*[(;{{]", source) is not None
    body: list[ast.stmt] = ast.parse(source).body
    for part in name.split("."):
        kinds = (ast.FunctionDef, ast.ClassDef)
        found = [node for node in body if isinstance(node, kinds) and node.name == part]
        if not found:
            return False
        body = found[-1].body
    return True


def all_given(module: Module) -> Iterator[str]:
    """Every function of its files is an exercise, or given with a reason; a pattern may stand for many."""
    spec = tomllib.loads(text(module, "module.toml"))
    given = {each["name"]: each.get("why", "") for each in spec.get("given", [])}
    yield from [f"module.toml gives {name} without a reason" for name, why in given.items() if not why]
    used = set()
    for file in module.files:
        mine = {f for exercise in module.exercises if exercise.file == file for f in exercise.functions}
        for name in sorted(set(functions(ast.parse(module.reference(file).read_bytes()))) - mine):
            matching = [pattern for pattern in given if fnmatchcase(name, pattern)]
            used |= set(matching)
            if not matching:
                yield f"{file}: {name} is neither an exercise nor given"
    yield from [
        f"module.toml gives {name}, and no function has that name" for name in given if name not in used
    ]


def starters_are_the_source(module: Module) -> Iterator[str]:
    """A starter whose bodies are put back is the reference, byte for byte."""
    for file in module.files:
        source = module.reference(file).read_text(encoding="utf-8")
        named = {f: e.id for e in module.exercises if e.file == file for f in e.functions}
        if fill(empty(source, named), source, named) != source:
            yield f"{file} is not the same when its bodies are taken out and put back"


def ids_differ(module: Module) -> Iterator[str]:
    """No two exercises have one id, and no paragraph is for a mistake that there is not."""
    ids = [each.id for each in module.exercises]
    yield from [f"the id {id} is there twice" for id in sorted(set(ids)) if ids.count(id) > 1]
    known = [mistake.name for each in module.exercises for mistake in checks.mistakes_of(module, each)]
    yield from [f"the mistake {name} is there twice" for name in sorted(set(known)) if known.count(name) > 1]
    written = re.findall(r"^## (\S+)\n\S", text(module, "hints.md").partition("\n# Why\n")[2], re.MULTILINE)
    yield from [f"hints.md explains {name}, which is no mistake" for name in written if name not in known]


OF_EXERCISES: tuple[Callable[[Module, Exercise], Iterator[str]], ...] = (
    functions_exist,
    probe_exists,
    hinted,
    taught,
    mistakes_explained,
    links_lead_somewhere,
    starter_fails,
    mistakes_told_apart,
)
OF_MODULES: tuple[Callable[[Module], Iterator[str]], ...] = (all_given, starters_are_the_source, ids_differ)


def problems(module: Module) -> Iterator[str]:
    """Everything that is not as it must be, as "id: what"; the exercise's other rules wait until it can run."""
    for rule in OF_MODULES:
        try:
            yield from [f"{module.number}: {what}" for what in rule(module)]
        except (LookupError, CourseError) as error:
            yield f"{module.number}: {error}"
    for exercise in module.exercises:
        for of_exercise in OF_EXERCISES:
            try:
                found = [f"{exercise.id}: {what}" for what in of_exercise(module, exercise)]
            except CourseError as error:
                found = [f"{exercise.id}: {error}"]
            yield from found
            if found and of_exercise in (functions_exist, probe_exists):
                break
