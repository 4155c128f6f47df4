"""Other bodies for an exercise's function, known mistakes and independent answers, read from the files that list them."""

from __future__ import annotations

import ast
import textwrap
from dataclasses import dataclass
from pathlib import Path

from tinytorch_studio.course import CourseError, Exercise, Module
from tinytorch_studio.folder import functions


@dataclass(frozen=True)
class Variant:
    """Another body for a function: a known mistake, or an independent answer."""

    exercise: str
    name: str
    sentence: str
    function: str  # dotted name in the file
    source: str


def variants(path: Path, module: Module) -> tuple[Variant, ...]:
    """What a file lists: decorated functions, which are written out, and changes, which say how one differs from the reference."""
    named = {each.name: each for each in module.exercises}
    found = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        call = listing(node)
        if call is None:
            continue
        name, *words = [ast.literal_eval(each) for each in call.args]
        if name not in named:
            raise CourseError(f"{path}:{node.lineno}: there is no exercise {name!r}")
        try:
            if isinstance(node, ast.FunctionDef):
                id, sentence, function, source = *[*words, ""][:2], *written(node, named[name])
            else:
                id, sentence, *edits = words
                function = named[name].functions[0]
                source = changed(module, named[name], edits)
        except LookupError as error:
            raise CourseError(f"{path}:{node.lineno}: {error.args[0]}") from error
        found.append(Variant(name, id, sentence, function, source))
    return tuple(found)


def listing(node: ast.stmt) -> ast.Call | None:
    """The call of `mistake`, `answer` or `change` that a statement is or is decorated with; None for any other."""
    call = node.value if isinstance(node, ast.Expr) else None
    if isinstance(node, ast.FunctionDef) and node.decorator_list:
        call = node.decorator_list[0]
    return call if isinstance(call, ast.Call) else None


def written(node: ast.FunctionDef, exercise: Exercise) -> tuple[str, str]:
    """The function that a written-out variant is for, and its source."""
    targets = [name for name in exercise.functions if name.rpartition(".")[2] == node.name]
    if not targets:
        raise LookupError(f"{exercise.name} has no function {node.name}")
    node.decorator_list = []
    return targets[0], ast.unparse(node)


def changed(module: Module, exercise: Exercise, edits: list[tuple[str, str]]) -> str:
    """The reference's function with some of its lines exchanged.

    Raises LookupError for lines that are not there, or there more than once.
    """
    text = module.reference(exercise.file).read_text(encoding="utf-8")
    function = functions(ast.parse(text))[exercise.functions[0]]
    lines = textwrap.dedent(
        "\n".join(text.splitlines()[function.lineno - 1 : function.end_lineno])
    ).splitlines()
    for old, new in edits:
        size = len(old.strip().splitlines())
        at = [i for i in range(len(lines)) if block(lines[i : i + size]) == block(old.splitlines())]
        if len(at) != 1:
            raise LookupError(f"{exercise.name} has {len(at)} places that read {old.strip()!r}")
        indent = lines[at[0]][: -len(lines[at[0]].lstrip())]
        lines[at[0] : at[0] + size] = textwrap.indent(block(new.splitlines()), indent).splitlines()
    return "\n".join(lines)


def block(lines: list[str]) -> str:
    """Some lines as they would stand at the left margin."""
    return textwrap.dedent("\n".join(lines)).strip()
