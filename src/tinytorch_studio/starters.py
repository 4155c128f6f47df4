"""Starters: reference code with the bodies of named functions emptied, and filled again.

Everything outside these bodies stays exactly as it was written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

import libcst as cst


class Editor(cst.CSTTransformer):
    """Replaces the bodies of functions, knowing the dotted name of where it stands."""

    def __init__(self, bodies: Mapping[str, Callable[[cst.FunctionDef], cst.BaseSuite]]) -> None:
        super().__init__()
        self.bodies = bodies
        self.path: list[str] = []
        self.seen: set[str] = set()

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        """One name deeper."""
        self.path.append(node.name.value)

    def leave_ClassDef(self, original_node: cst.ClassDef, updated_node: cst.ClassDef) -> cst.ClassDef:
        """Back."""
        self.path.pop()
        return updated_node

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        """One name deeper."""
        self.path.append(node.name.value)

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        """A named function gets its new body."""
        name = ".".join(self.path)
        self.path.pop()
        if name not in self.bodies or name in self.seen:
            return updated_node
        self.seen.add(name)
        return updated_node.with_changes(body=self.bodies[name](original_node))


def rewrite(source: str, bodies: Mapping[str, Callable[[cst.FunctionDef], cst.BaseSuite]]) -> str:
    """The source with other bodies. Raises LookupError for a function that is not there."""
    editor = Editor(bodies)
    made = cst.parse_module(source).visit(editor)
    missing = sorted(set(bodies) - editor.seen)
    if missing:
        raise LookupError(f"no such function: {', '.join(missing)}")
    return made.code


def stub(sentence: str) -> Callable[[cst.FunctionDef], cst.BaseSuite]:
    """A body of the docstring, if there is one, and the line that says what is to do."""

    def body(function: cst.FunctionDef) -> cst.BaseSuite:
        todo = cst.parse_statement(f'raise NotImplementedError("{sentence}")')
        kept = []
        if isinstance(function.body, cst.IndentedBlock) and function.get_docstring() is not None:
            kept = [function.body.body[0]]
            return function.body.with_changes(body=[*kept, todo], footer=[])
        return cst.IndentedBlock([todo])

    return body


def empty(source: str, ids: Mapping[str, str]) -> str:
    """The starter: each named function emptied; `ids` maps its dotted name to the id of its exercise.

    >>> print(empty("def f(x):\\n    return x + 1\\n", {"f": "01.demo.f"}))
    def f(x):
        raise NotImplementedError("01.demo.f is yours to write")
    <BLANKLINE>
    """
    return emptied(source, tuple(ids.items()))


@lru_cache(maxsize=64)
def emptied(source: str, ids: tuple[tuple[str, str], ...]) -> str:
    """`empty`, remembered: the large files of the framework take a second to parse."""
    return rewrite(source, {name: stub(f"{id} is yours to write") for name, id in ids})


def fill(starter: str, source: str, names: Mapping[str, str] | list[str]) -> str:
    """The starter with the bodies of `names` taken from `source`."""
    bodies: dict[str, cst.BaseSuite] = {}

    def note(name: str) -> Callable[[cst.FunctionDef], cst.BaseSuite]:
        def body(function: cst.FunctionDef) -> cst.BaseSuite:
            bodies[name] = function.body
            return function.body

        return body

    rewrite(source, {name: note(name) for name in names})
    return rewrite(starter, {name: lambda _, name=name: bodies[name] for name in names})  # type: ignore[misc]


def put(source: str, name: str, definition: str) -> str:
    """The source with the body of the function `name` taken from another definition; its docstring stays.

    >>> print(put("def f(x):\\n    # why\\n    return x\\n", "f", "def f(x): return x + 1"), end="")
    def f(x):
        return x + 1
    """
    made = cst.ensure_type(cst.parse_module(definition.strip() + "\n").body[0], cst.FunctionDef)
    body = made.body
    if isinstance(body, cst.SimpleStatementSuite):
        body = cst.IndentedBlock([cst.SimpleStatementLine(body.body)])
    lines = list(body.body)[1:] if made.get_docstring() is not None else list(body.body)

    def filled(function: cst.FunctionDef) -> cst.BaseSuite:
        documented = isinstance(function.body, cst.IndentedBlock) and function.get_docstring() is not None
        return cst.IndentedBlock([]).with_changes(body=[*function.body.body[:documented], *lines])

    return rewrite(source, {name: filled})
