"""Files and functions found earlier on `sys.path` win over this package's; what they leave unwritten is found here.

Write `tinytorch/layout.py` in a folder of your own, put that folder first on the path, and
`import tinytorch.layout` finds yours; every file that you have not written comes from this package.
A function in your file whose body is only `raise NotImplementedError("... is yours to write")` gets the
body of the same function in this package's file, on the syntax tree, before the module is compiled:
one namespace, one identity of each class.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from itertools import takewhile
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ast

UNWRITTEN = "is yours to write"


def overlaid(package: str, path: Iterable[str]) -> list[str]:
    """Put folders of the same name from earlier on `sys.path` in front of a package's own `path`.

    A folder with an `__init__.py` is a package of its own, and no part of this one.
    """
    own = [str(Path(folder).resolve()) for folder in path]
    parts = package.split(".")
    folders = [Path(entry or ".").resolve().joinpath(*parts) for entry in sys.path]
    earlier = [
        str(folder)
        for folder in takewhile(lambda folder: str(folder) not in own, folders)
        if folder.is_dir() and not (folder / "__init__.py").exists()
    ]
    if earlier:
        sys.meta_path.insert(0, Finder(package, tuple(earlier), own[0]))
    return earlier + own


class Finder(MetaPathFinder):
    """Gives the modules of one package that lie in an overlay folder a loader that completes them."""

    def __init__(self, package: str, folders: tuple[str, ...], own: str) -> None:
        self.package = package
        self.folders = folders
        self.own = own

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of a module whose file lies in one of the folders; None leaves it to the others."""
        if name.rpartition(".")[0] != self.package or path is None:
            return None
        spec = PathFinder.find_spec(name, list(self.folders))
        if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
            return None
        reference = Path(self.own, Path(spec.origin).name)
        spec.loader = Completing(name, spec.origin, reference if reference.exists() else None)
        spec.cached = None  # bytecode would go stale when the reference changes
        return spec


class Completing(SourceFileLoader):
    """Compiles a file with its unwritten functions taken from a reference file."""

    def __init__(self, name: str, path: str, reference: Path | None) -> None:
        super().__init__(name, path)
        self.reference = reference
        self.filled: set[str] = set()  # dotted names of the functions that came from the reference

    def get_code(self, fullname: str) -> CodeType:
        """Always from source."""
        import ast

        path = self.get_filename(fullname)
        tree = ast.parse(self.get_data(path), path)
        if self.reference is None:
            return compile(tree, path, "exec", dont_inherit=True)
        return completed(tree, path, self.reference, self.filled)


def completed(tree: ast.Module, path: str, reference: Path, filled: set[str]) -> CodeType:
    """Compile `tree`, its unwritten functions filled; those report the reference's file and lines."""
    import ast

    given = functions(ast.parse(reference.read_bytes(), str(reference)))
    for name, function in functions(tree).items():
        if unwritten(function) and name in given:
            function.body = given[name].body
            filled.add(name)
    code = compile(tree, path, "exec", dont_inherit=True)
    return relabelled(code, "", filled, str(reference)) if filled else code


def relabelled(code: CodeType, prefix: str, filled: set[str], filename: str) -> CodeType:
    """The code with the filled functions, and all that is inside them, carrying another file name."""
    constants: list[Any] = []
    for each in code.co_consts:
        if isinstance(each, CodeType):
            name = prefix + each.co_name
            each = whole(each, filename) if name in filled else relabelled(each, f"{name}.", filled, filename)
        constants.append(each)
    return code.replace(co_consts=tuple(constants))


def whole(code: CodeType, filename: str) -> CodeType:
    """The code and everything nested in it under another file name."""
    nested = [whole(each, filename) if isinstance(each, CodeType) else each for each in code.co_consts]
    return code.replace(co_filename=filename, co_consts=tuple(nested))


def functions(tree: Any, prefix: str = "") -> dict[str, Any]:
    """Every function of a file, and of the classes in it, by dotted name."""
    import ast

    found: dict[str, Any] = {}
    for node in getattr(tree, "body", []):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found[prefix + node.name] = node
        elif isinstance(node, ast.ClassDef):
            found |= functions(node, f"{prefix}{node.name}.")
    return found


def unwritten(function: Any) -> bool:
    """Whether a function's body is only the `raise` that says so, after a docstring at most."""
    import ast

    body = function.body
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    return len(body) == 1 and isinstance(body[0], ast.Raise) and UNWRITTEN in ast.unparse(body[0])


def completions() -> dict[str, set[str]]:
    """For each imported module that lies in an overlay folder, the functions that were filled in."""
    loaders = {name: getattr(module, "__loader__", None) for name, module in sys.modules.items()}
    return {name: each.filled for name, each in loaders.items() if isinstance(each, Completing)}
