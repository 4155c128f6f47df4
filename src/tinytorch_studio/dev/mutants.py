"""Mutants: the reference with one small thing wrong in one exercise. One that no probe notices is a hole in the checks."""

from __future__ import annotations

import ast
import copy
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from tinytorch_studio.check import RANDOM, job, module_name, run_reference, source
from tinytorch_studio.course import Exercise, Module
from tinytorch_studio.folder import functions
from tinytorch_studio.judge import Case, compare
from tinytorch_studio.process import probe
from tinytorch_studio.variants import Variant

OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
}
COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
MANY, SECONDS = (
    10_000,
    300.0,
)  # random cases in which an equivalent mutant must not differ, and the time for them


@dataclass(frozen=True)
class Mutant:
    """One change: the line before and after, and the whole function."""

    exercise: Exercise
    function: str
    change: str  # "step *= size -> step = size"
    source: str


def replacements(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand instead of one node."""
    if isinstance(node, ast.BinOp):
        other = OPERATORS.get(type(node.op))
        if other is not None:
            yield ast.BinOp(node.left, other(), node.right)
        if not isinstance(node.op, (ast.Add, ast.Mult)):
            yield ast.BinOp(node.right, node.op, node.left)
        yield node.left
        yield node.right
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        yield ast.Compare(node.left, [COMPARISONS[type(node.ops[0])]()], node.comparators)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
        yield from node.values
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield ast.Constant(node.value + 1)  # type: ignore[operator]
        yield ast.Constant(node.value - 1)  # type: ignore[operator]
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node, ast.AugAssign):
        yield ast.Assign([node.target], node.value)
    elif isinstance(node, ast.IfExp):
        yield node.body
        yield node.orelse
    elif isinstance(node, ast.Call):
        yield from calls(node)
    elif isinstance(node, ast.Attribute) and node.attr in ("shape", "strides"):
        yield ast.Attribute(node.value, "strides" if node.attr == "shape" else "shape", node.ctx)


def calls(node: ast.Call) -> Iterator[ast.AST]:
    """A call with arguments exchanged or left out, or without itself."""
    named = node.func.id if isinstance(node.func, ast.Name) else ""
    if len(node.args) > 1 and not any(isinstance(each, ast.Starred) for each in node.args):
        if named not in ("max", "min"):
            yield ast.Call(node.func, [node.args[1], node.args[0], *node.args[2:]], node.keywords)
        yield ast.Call(node.func, node.args[:-1], node.keywords)
    for number in range(len(node.keywords)):
        yield ast.Call(node.func, node.args, node.keywords[:number] + node.keywords[number + 1 :])
    if isinstance(node.func, ast.Name) and node.func.id in (
        "reversed",
        "list",
        "tuple",
        "sorted",
        "max",
        "min",
    ):
        yield node.args[0]


def without_statements(body: list[ast.stmt]) -> Iterator[int]:
    """Which statements of a body can be left out without leaving nothing."""
    for number, statement in enumerate(body):
        if isinstance(statement, (ast.Expr, ast.Assign, ast.AugAssign, ast.If, ast.For, ast.Raise)):
            yield number


def mutants(module: Module, exercise: Exercise) -> list[Mutant]:
    """Every mutant of an exercise's functions, each once."""
    tree = functions(ast.parse(module.reference(exercise.file).read_bytes()))
    found: dict[str, Mutant] = {}
    for name in exercise.functions:
        function = tree[name]
        if ast.get_docstring(function) is not None:
            function.body = function.body[1:]
        function.decorator_list = []
        original = ast.unparse(function)
        for changed in variants_of(function):
            text = ast.unparse(ast.fix_missing_locations(changed))
            if text != original and text not in found:
                found[text] = Mutant(exercise, name, difference(original, text), text)
    return list(found.values())


def variants_of(function: ast.FunctionDef) -> Iterator[ast.FunctionDef]:
    """The function with one node replaced, or one statement left out."""
    for number, node in enumerate(ast.walk(function)):
        if inside_error(function, node):
            continue
        for other in replacements(node):
            yield changed_at(function, number, other)
        for block in ("body", "orelse"):
            statements = getattr(node, block, None)
            for position in without_statements(statements) if isinstance(statements, list) else ():
                made = copy.deepcopy(function)
                getattr(list(ast.walk(made))[number], block)[position] = ast.Pass()
                yield made


def inside_error(function: ast.FunctionDef, node: ast.AST) -> bool:
    """Whether a node stands in the signature, in an annotation, or only words an error: none of that is judged."""
    apart: list[ast.AST | None] = [function.args, function.returns]
    for each in ast.walk(function):
        if isinstance(each, ast.Raise):
            apart.append(each.exc)
        elif isinstance(each, ast.AnnAssign):
            apart.append(each.annotation)
    return any(node is each for top in apart if top is not None for each in ast.walk(top))


def changed_at(function: ast.FunctionDef, number: int, other: ast.AST) -> ast.FunctionDef:
    """A copy in which the node of that number is another."""
    made, target = copy.deepcopy(function), list(ast.walk(function))[number]
    for parent, twin in zip(ast.walk(function), ast.walk(made), strict=True):
        for field, value in ast.iter_fields(parent):
            if value is target:
                setattr(twin, field, copy.deepcopy(other))
                return made
            if isinstance(value, list) and any(each is target for each in value):
                getattr(twin, field)[[each is target for each in value].index(True)] = copy.deepcopy(other)
                return made
    return made


def difference(before: str, after: str) -> str:
    """The first line that is another."""
    for old, new in zip(before.splitlines(), [*after.splitlines(), ""], strict=False):
        if old != new:
            return f"{old.strip()}  ->  {new.strip()}"
    return "a line more"


def seen_of(module: Module, mutant: Mutant, random: int = RANDOM, seconds: float = 3.0) -> list[Case] | None:
    """What the probe of its exercise observes; None if it does not come to its end."""
    exercise = mutant.exercise
    file = source(
        module, exercise.file, module.reference(exercise.file), replace={mutant.function: mutant.source}
    )
    seen = probe(job(module, [exercise.probe], {module_name(exercise.file): file}, random), seconds)
    return seen.cases if seen.finished else None


def survives(module: Module, mutant: Mutant) -> bool:
    """Whether the probe of its exercise notices nothing."""
    cases = seen_of(module, mutant)
    return cases is not None and compare(cases, run_reference(module, mutant.exercise)) is None


def same_in_random_cases(module: Module, mutant: Mutant) -> bool:
    """Whether a mutant that is called equivalent does what the reference does in many random cases, too."""
    function = functions(ast.parse(module.reference(mutant.exercise.file).read_bytes()))[mutant.function]
    unchanged = Mutant(mutant.exercise, mutant.function, "", ast.unparse(function))
    wanted = reference_of_many(module, unchanged)
    cases = seen_of(module, mutant, MANY, SECONDS)
    return cases is not None and compare(cases, wanted) is None


@cache
def reference_of_many(module: Module, unchanged: Mutant) -> list[Case]:
    """What the reference does in many random cases."""
    cases = seen_of(module, unchanged, MANY, SECONDS)
    assert cases is not None, f"{unchanged.exercise.id}: {MANY} random cases take longer than {SECONDS:.0f} s"
    return cases


def equivalent(module: Module) -> dict[tuple[str, str], str]:
    """The survivors that do the same as the reference, each with the reason."""
    path = module.path("equivalent.toml")
    if not path.exists():
        return {}
    listed: list[dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8")).get("mutant", [])
    return {(each["exercise"], each["change"]): each["reason"] for each in listed}


@dataclass
class Tally:
    """What became of an exercise's mutants."""

    exercise: Exercise
    mistakes: int
    made: int
    same: list[tuple[str, str]]  # change, reason
    survivors: list[str]

    @property
    def killed(self) -> int:
        """How many were noticed."""
        return self.made - len(self.same) - len(self.survivors)


def tally(module: Module, exercise: Exercise, known: tuple[Variant, ...]) -> Tally:
    """Run all mutants of an exercise."""
    reasons, all_of_them = equivalent(module), mutants(module, exercise)
    same, left = [], []
    for each in all_of_them:
        if survives(module, each):
            reason = reasons.get((exercise.name, each.change))
            if reason is not None and same_in_random_cases(module, each):
                same.append((each.change, reason))
            else:
                left.append(each.change)
    mistakes = sum(each.exercise == exercise.name for each in known)
    return Tally(exercise, mistakes, len(all_of_them), same, left)


def page(tallies: list[Tally]) -> str:
    """The table of docs/mutants.md."""
    lines = [
        "# What the checks notice",
        "",
        "Each exercise's function is changed in one small place (an operator exchanged, an argument left out, a bound moved",
        "by one, a statement removed) and put to its probe. A mutant that does what the reference does, however it is asked, is",
        f"listed with the reason, and does the same in {MANY:,} random cases; any other that is not noticed is a hole.",
        "Made by `./tt dev mutants`.",
        "",
        "| exercise | known mistakes | mutants | noticed | the same | not noticed |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {t.exercise.id} | {t.mistakes} | {t.made} | {t.killed} | {len(t.same)} | {len(t.survivors)} |"
        for t in tallies
    ]
    different = sum(t.made - len(t.same) for t in tallies)
    killed = sum(t.killed for t in tallies)
    lines += [
        "",
        f"In all {killed} of {different} mutants that differ are noticed: {killed / different:.1%}.",
        "",
    ]
    for t in tallies:
        if t.same or t.survivors:
            lines += [f"## {t.exercise.id}", ""]
            lines += [f"- not noticed: `{change}`" for change in t.survivors]
            lines += [f"- `{change}`: {reason}" for change, reason in t.same]
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"
