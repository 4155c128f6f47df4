"""The learner's folder: their files, and a hidden `.tt` beside them."""

from __future__ import annotations

import ast
import io
import os
import stat
import tokenize
import warnings
from pathlib import Path

from tinytorch_studio.course import Exercise, Module, modules
from tinytorch_studio.snapshots import Snapshots, append, entries, write_whole
from tinytorch_studio.wire import clean

UNWRITTEN = "is yours to write"
LARGEST = 2**20  # bytes of a file of exercises


class FolderError(Exception):
    """A folder in which the command cannot work."""


class Unreadable(Exception):
    """A file that is not Python, or no file at all. The message names it, and the line if there is one."""


class Folder:
    """Where one learner works."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.snapshots = Snapshots(root, [file for module in modules() for file in module.files])
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
        """A new folder; one of ours is taken as it is, even without its `.tt`; a stranger's with files in it is refused."""
        if not (root / ".tt").is_dir() and not lost(root) and root.exists() and any(root.iterdir()):
            raise FolderError(f"{root} is not empty, and not a learner's folder; choose a new name")
        (root / ".tt").mkdir(parents=True, exist_ok=True)
        return Folder(root)

    def begin(self, module: Module) -> list[str]:
        """Write the starters of a module's files that are not there yet."""
        made = []
        with self.snapshots.change(f"before module {module.number}", f"module {module.number}"):
            for file in module.files:
                target = self.root / file
                if not os.path.lexists(target):
                    write_whole(target, self.starter(module, file).encode())
                    made.append(file)
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
        if not os.path.lexists(path):
            return "absent"
        try:
            found = functions(tree(path))
        except Unreadable:
            return "unreadable"
        if any(name not in found for name in exercise.functions):
            return "missing"
        return "unwritten" if any(unwritten(found[name]) for name in exercise.functions) else "written"

    def line(self, exercise: Exercise) -> int:
        """Where the body of its first function ends: the line to write in; 1 in a file that does not parse."""
        try:
            found = functions(tree(self.root / exercise.file))
        except Unreadable:
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


def lost(root: Path) -> bool:
    """Whether a folder is a learner's that has lost its `.tt`: it has some of their files, and is no package of its own."""
    files = [file for module in modules() for file in module.files]
    there = [file for file in files if (root / file).is_file()]
    return any(not (root / file.partition("/")[0] / "__init__.py").exists() for file in there)


def content(path: Path) -> bytes:
    """What is in a learner's file. Raises Unreadable for what is no file, or too large for one of exercises."""
    try:
        what = path.stat()
        if not stat.S_ISREG(what.st_mode):
            raise Unreadable(
                f"{path.name} is {'a folder' if path.is_dir() else 'something else'}, and no file"
            )
        if what.st_size > LARGEST:
            raise Unreadable(
                f"{path.name} has {what.st_size / 2**20:.1f} MB; {LARGEST // 2**20} MB are the most"
            )
        return path.read_bytes()
    except OSError as error:
        raise Unreadable(f"{path.name}: {error.strerror or error}") from error


def text(path: Path) -> tuple[str, str]:
    """The text of a learner's file, its line ends as they are, and its encoding: the one that Python reads it in."""
    whole = content(path)
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(whole).readline)
        return whole.decode(encoding), encoding
    except UnicodeDecodeError as error:
        line = whole[: error.start].count(b"\n") + 1
        what = f"byte {whole[error.start]:#04x} is no {error.encoding.upper()}"
        raise Unreadable(f"{path.name}, line {line}: {what}") from error
    except SyntaxError as error:
        raise Unreadable(f"{path.name}: {error}") from error


def tree(path: Path) -> ast.Module:
    """The syntax tree of a learner's file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            text(path)  # which Python itself demands, and `ast.parse` does not where a comment cannot be read
            return ast.parse(content(path))
    except SyntaxError as error:
        where = f", line {error.lineno}" if error.lineno else ""
        line = (error.text or "").strip()
        raise Unreadable(clean(f"{path.name}{where}: {error.msg}{': ' * bool(line)}{line}", 300)) from error
    except ValueError as error:
        raise Unreadable(f"{path.name}: {error}") from error
    except (RecursionError, MemoryError) as error:
        raise Unreadable(f"{path.name} is nested too deeply for Python") from error


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
    if len(body) != 1 or not isinstance(body[0], ast.Raise):
        return False
    words = [each.value for each in ast.walk(body[0]) if isinstance(each, ast.Constant)]
    return any(isinstance(each, str) and UNWRITTEN in each for each in words)
