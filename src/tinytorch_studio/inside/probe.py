"""The child: composes the files that a job names, runs probes on them, and writes down what it saw.

`python -P -m tinytorch_studio.inside.probe`; one line for each case (`telling.py` says where they come from and go).
Nothing here knows what the right observations are.
"""

from __future__ import annotations

import ast
import base64
import importlib
import importlib.util
import random
import sys
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from tinytorch_studio.inside.telling import Line, Telling, encoded, kind, lines_of, message, trace
from tinytorch_studio.wire import clean

TEXT = 100_000  # characters of a text that is observed
BITS = 10_000  # of a whole number


class Composed(SourceFileLoader):
    """Compiles a file of which some functions have another body."""

    def __init__(self, name: str, spec: dict[str, Any]) -> None:
        super().__init__(name, spec["path"])
        self.spec = spec

    def get_code(self, fullname: str) -> CodeType:
        """The file's tree with bodies from the reference, or from a mistake."""
        from tinytorch.overlay import functions, relabelled, unwritten

        path, taken = self.spec["path"], set()
        tree = ast.parse(Path(path).read_bytes(), path)
        given = functions(ast.parse(Path(self.spec["reference"]).read_bytes()))
        for name, function in functions(tree).items():
            if name in self.spec["replace"]:
                function.body = ast.parse(self.spec["replace"][name]).body[0].body  # type: ignore[attr-defined]
            elif name in given and (name in self.spec["take"] or (self.spec["fill"] and unwritten(function))):
                function.body = given[name].body
                taken.add(name)
        ast.fix_missing_locations(tree)
        return relabelled(compile(tree, path, "exec", dont_inherit=True), "", taken, self.spec["reference"])


class Finder(MetaPathFinder):
    """Finds the modules that the job composes, before anybody else does."""

    def __init__(self, files: dict[str, Any]) -> None:
        self.files = files

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """A spec with the composing loader."""
        if name not in self.files:
            return None
        loader = Composed(name, self.files[name])
        return importlib.util.spec_from_file_location(name, loader.path, loader=loader)


def plain(value: Any) -> Any:
    """An observation as JSON: arrays as bytes with shape and dtype; what only looks like one as its text."""
    if hasattr(value, "numpy_view"):
        value = value.numpy_view()
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic)) and value.dtype.isbuiltin == 1:
        array = numpy.asarray(value)
        if array.dtype.hasobject:
            return clean(repr(array), TEXT)
        content = base64.b64encode(array.tobytes()).decode()
        return {"array": content, "dtype": str(array.dtype), "shape": list(array.shape)}
    if isinstance(value, dict):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, str):
        return clean(value, TEXT)
    if isinstance(value, int) and value.bit_length() > BITS:
        return f"a whole number of {value.bit_length()} bits"
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return clean(repr(value), TEXT)


class Cases:
    """What a probe calls for each of its cases."""

    def __init__(self, probe: str, names: dict[str, Any], files: list[str], telling: Telling) -> None:
        self.probe = probe
        self.names = names
        self.files = files
        self.telling = telling
        self.count = 0

    def __call__(
        self,
        code: str,
        *,
        observe: Callable[[Any], dict[str, Any]] | None = None,
        against: dict[str, str] | None = None,
        labels: dict[str, str] | None = None,
        note: Callable[[Any], str] | None = None,
    ) -> None:
        """Run a snippet, and observe the value of its last expression."""
        known: Line = {"probe": self.probe, "case": self.count, "code": code}
        known |= {"against": against or {}, "labels": labels or {}}
        self.count += 1
        try:
            value = run(code, dict(self.names))
            seen = {"observed": plain(observe(value) if observe else {"result": value})}
            if note is not None:
                seen["note"] = clean(note(value), TEXT)
            text = encoded(known | seen)
        except BaseException as error:  # whatever the learner's code does is an observation
            text = encoded(known | {"observed": {"error": kind(error)}} | told(error, self.files))
        self.telling.send(text)


def told(error: BaseException, files: list[str]) -> Line:
    """What an error says, and the last line of the composed files that it came through."""
    own = [(Path(file).name, line) for file, line in lines_of(error) if file in files]
    file, line = own[-1] if own else (None, None)
    return {"message": message(error), "trace": trace(error), "file": file, "line": line}


def run(code: str, names: dict[str, Any]) -> Any:
    """Execute statements; the value of the last expression."""
    tree = ast.parse(code)
    *before, last = tree.body
    assert isinstance(last, ast.Expr), f"a case ends in an expression: {code}"
    exec(compile(ast.Module(before, []), "<case>", "exec"), names)
    return eval(compile(ast.Expression(last.value), "<case>", "eval"), names)


def main() -> None:
    """Run the job, and say what is seen; or why that is not possible."""
    telling = Telling()
    telling.begin()
    job = telling.job
    paths = [each["path"] for each in job["files"].values()]
    sys.path += job["path"]
    sys.meta_path.insert(0, Finder(job["files"]))
    try:
        probes = imported(job)
        telling.say({"imported": True})
        for probe in job["run"]:
            cases = Cases(probe, dict(vars(probes)), paths, telling)
            getattr(probes, probe)(cases)
            another = getattr(probes, f"{probe}_random", lambda cases, rng: None)
            for seed in range(job["random"]):
                another(cases, random.Random(seed))
        last: Line = {"finished": True}
    except BaseException as error:
        last = {"failed": kind(error)} | told(error, paths)
    telling.say(last)


def imported(job: Line) -> ModuleType:
    """The module of probes, after the files that are composed."""
    for name in job["files"]:
        importlib.import_module(name)
    spec = importlib.util.spec_from_file_location("probes", job["probes"])
    assert spec is not None
    assert spec.loader is not None
    probes = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(probes)
    for name, file in job["files"].items():
        if sys.modules[name].__file__ != file["path"]:
            raise ImportError(f"{name} is not {file['path']} any more")
    return probes


if __name__ == "__main__":
    main()
