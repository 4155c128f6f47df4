"""What the children share that run a module's files: the learner's in front, and one JSON line for each thing to tell."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from tinytorch_studio.inside.probe import limit

Line = dict[str, Any]


def tell(work: Callable[[dict[str, Any]], Iterator[Line]]) -> None:
    """Do the job that the first argument names; write what `work` yields into the file that the second names."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    sys.path[:0] = job["front"]
    with open(sys.argv[2], "a", encoding="utf-8") as results:
        try:
            limit()
            take(job["yours"])
            for line in work(job):
                results.write(json.dumps(line) + "\n")
                results.flush()
            last: Line = {"finished": True}
        except BaseException as error:  # whatever the learner's code does is told
            trace = "".join(traceback.format_exception(error, limit=-8))[-4000:]
            last = {"failed": type(error).__name__, "message": str(error)[:500], "trace": trace}
            last |= place(error, job["root"])
        results.write(json.dumps(last) + "\n")


def take(files: dict[str, str]) -> None:
    """Import the learner's files. A file of the same name from elsewhere would silently be the wrong one."""
    for name, path in files.items():
        found = importlib.import_module(name).__file__
        if found is None or Path(found).resolve() != Path(path):
            raise ImportError(f"{name} is {found}, and not {path}")


def load(path: str) -> ModuleType:
    """A file of a module, by its place."""
    name = f"of_this_module_{Path(path).stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made
    spec.loader.exec_module(made)
    return made


def place(error: BaseException, root: str) -> Line:
    """The last line of the learner's own files that an error came through; nothing if it came through none."""
    frames = [(each.filename, each.lineno) for each in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        frames.append((error.filename, error.lineno))
    own = [(Path(file), line) for file, line in frames if root and Path(file).is_relative_to(root)]
    if not own:
        return {}
    file, line = own[-1]
    text = file.read_text(encoding="utf-8", errors="replace").splitlines() if file.exists() else []
    at = text[line - 1].strip() if line and line <= len(text) else ""
    return {"file": file.relative_to(root).as_posix(), "line": line, "text": at}
