"""The learner's folder: their files, and a hidden `.tt` beside them."""

from __future__ import annotations

import ast
from pathlib import Path

from tinytorch_studio.course import Exercise, Module, modules
from tinytorch_studio.snapshots import Snapshots, append, entries, write_whole

UNWRITTEN = "is yours to write"


class FolderError(Exception):
    """A folder in which the command cannot work."""


class Folder:
    """Where one learner works."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.snapshots = Snapshots(root)
        self.progress = root / ".tt" / "progress.jsonl"

    @staticmethod
    def find(start: Path) -> Folder:
        """The folder that `start` lies in. Raises FolderError with the command that makes one."""
        for path in (start, *start.parents):
            if (path / ".tt").is_dir():
                return Folder(path)
        raise FolderError(f"{start} is not in a learner's folder. Begin one with: tt start my-torch")

    @staticmethod
    def create(root: Path) -> Folder:
        """A new folder; one of ours is taken as it is, a stranger's with files in it is refused."""
        if not (root / ".tt").is_dir() and root.exists() and any(root.iterdir()):
            raise FolderError(f"{root} is not empty, and not a learner's folder; choose a new name")
        (root / ".tt").mkdir(parents=True, exist_ok=True)
        return Folder(root)

    def begin(self, module: Module) -> list[str]:
        """Write the starters of a module's files that are not there yet."""
        self.snapshots.keep(f"before module {module.number}")
        made = []
        for file in module.files:
            target = self.root / file
            if not target.exists():
                write_whole(target, self.starter(module, file).encode())
                made.append(file)
        self.snapshots.keep(f"module {module.number}")
        return made

    def starter(self, module: Module, file: str) -> str:
        """A file as it is given: the reference with the bodies of the exercises removed."""
        from tinytorch_studio.starters import empty  # libcst takes long to import

        ids = {f: e.id for e in module.exercises if e.file == file for f in e.functions}
        return empty(module.reference(file).read_text(encoding="utf-8"), ids)

    def begun(self) -> list[Module]:
        """The modules of which files are here."""
        return [m for m in modules() if any((self.root / file).exists() for file in m.files)]

    def state(self, exercise: Exercise) -> str:
        """ "absent" (no file), "unreadable" (does not parse), "missing" (function gone), "unwritten", "written"."""
        path = self.root / exercise.file
        if not path.exists():
            return "absent"
        try:
            found = functions(ast.parse(path.read_bytes()))
        except (SyntaxError, ValueError):
            return "unreadable"
        if any(name not in found for name in exercise.functions):
            return "missing"
        return "unwritten" if any(unwritten(found[name]) for name in exercise.functions) else "written"

    def line(self, exercise: Exercise) -> int:
        """Where the body of its first function ends: the line to write in; 1 in a file that does not parse."""
        try:
            found = functions(ast.parse((self.root / exercise.file).read_bytes()))
        except (OSError, SyntaxError, ValueError):
            return 1
        function = found.get(exercise.functions[0])
        return 1 if function is None else function.body[-1].lineno

    def built(self) -> set[str]:
        """The ids of the exercises that have passed."""
        return {each["id"] for each in entries(self.progress) if each.get("what") == "built"}

    def last(self) -> tuple[str, bool]:
        """The id of the exercise that was last asked for, and whether it has passed since; "" at the beginning."""
        asked = [each for each in entries(self.progress) if each.get("what") == "at"]
        return (asked[-1]["id"], bool(asked[-1].get("passed"))) if asked else ("", False)

    def at(self, id: str, passed: bool = False) -> None:
        """Note which exercise is asked for, and whether it passed."""
        if self.last() != (id, passed):
            self.note("at", id, passed=passed)

    def note(self, what: str, id: str, **more: object) -> None:
        """One line of progress."""
        append(self.progress, {"what": what, "id": id, **more})


def functions(tree: ast.AST, prefix: str = "") -> dict[str, ast.FunctionDef]:
    """Every function of a file, and of the classes in it, by dotted name."""
    found: dict[str, ast.FunctionDef] = {}
    for node in getattr(tree, "body", []):
        if isinstance(node, ast.FunctionDef):
            found[prefix + node.name] = node
        elif isinstance(node, ast.ClassDef):
            found |= functions(node, f"{prefix}{node.name}.")
    return found


def unwritten(function: ast.FunctionDef) -> bool:
    """Whether the body is still the starter's."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return len(body) == 1 and isinstance(body[0], ast.Raise) and UNWRITTEN in ast.unparse(body[0])
