"""The child: composes the files that a job names, runs probes on them, and writes down what it saw.

`python -P -m tinytorch_studio.inside.probe JOB RESULTS`. RESULTS receives one JSON line for each case.
Nothing here knows what the right observations are.
"""

from __future__ import annotations

import ast
import base64
import importlib
import importlib.util
import json
import os
import random
import sys
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any, TextIO

MEMORY = 4 * 2**30  # bytes that the learner's code may take
OUTPUT = 2**24  # bytes that it may write to any file
PROCESSES = 64  # that it may start beside those that run


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


def limit() -> None:
    """Bounds that the operating system holds, where it has them."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (OUTPUT, OUTPUT))
    running = Path(
        "/proc/loadavg"
    )  # counts every thread of the machine; elsewhere the system's own limit holds
    if running.exists():
        there = int(running.read_text(encoding="ascii").split()[3].partition("/")[2])
        most = there + (os.cpu_count() or 1) + PROCESSES
        _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(resource.RLIMIT_NPROC, (most, most))


def plain(value: Any) -> Any:
    """An observation as JSON: arrays as bytes with shape and dtype."""
    if hasattr(value, "numpy_view"):
        value = value.numpy_view()
    if hasattr(value, "tobytes") and hasattr(value, "dtype"):
        content = base64.b64encode(value.tobytes()).decode()
        return {"array": content, "dtype": str(value.dtype), "shape": list(value.shape)}
    if isinstance(value, dict):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return repr(value)


class Cases:
    """What a probe calls for each of its cases."""

    def __init__(self, probe: str, names: dict[str, Any], files: list[str], results: TextIO) -> None:
        self.probe = probe
        self.names = names
        self.files = files
        self.results = results
        self.count = 0
        self.process = os.getpid()

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
        seen: dict[str, Any] = {"probe": self.probe, "case": self.count, "code": code}
        seen |= {"against": against or {}, "labels": labels or {}}
        self.count += 1
        try:
            value = run(code, dict(self.names))
            seen["observed"] = plain(observe(value) if observe else {"result": value})
            if note is not None:
                seen["note"] = note(value)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # whatever the learner's code does is an observation
            seen["observed"] = {"error": type(error).__name__}
            seen |= {"message": str(error)[:500]} | where(error, self.files)
        if os.getpid() != self.process:  # the learner's code forked: one process tells what it saw
            os._exit(0)
        self.results.write(json.dumps(seen) + "\n")
        self.results.flush()


def where(error: BaseException, files: list[str]) -> dict[str, Any]:
    """The last line of the composed files that an error came through, and the end of its traceback."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename in files]
    trace = "".join(traceback.format_exception(error, limit=-8))
    return {"line": lines[-1] if lines else None, "trace": trace[-4000:]}


def run(code: str, names: dict[str, Any]) -> Any:
    """Execute statements; the value of the last expression."""
    tree = ast.parse(code)
    *before, last = tree.body
    assert isinstance(last, ast.Expr), f"a case ends in an expression: {code}"
    exec(compile(ast.Module(before, []), "<case>", "exec"), names)
    return eval(compile(ast.Expression(last.value), "<case>", "eval"), names)


def main(job_path: str, results_path: str) -> None:
    """Run the job."""
    job = json.loads(Path(job_path).read_text(encoding="utf-8"))
    sys.path += job["path"]
    sys.meta_path.insert(0, Finder(job["files"]))
    with open(results_path, "a", encoding="utf-8") as results:
        spec = importlib.util.spec_from_file_location("probes", job["probes"])
        assert spec is not None
        assert spec.loader is not None
        probes = importlib.util.module_from_spec(spec)
        limit()
        try:
            for name in job["files"]:
                importlib.import_module(name)
            spec.loader.exec_module(probes)
        except BaseException as error:
            import traceback

            trace = traceback.format_exc(limit=-3)
            line = {"failed": type(error).__name__, "message": str(error)[:500], "trace": trace}
            results.write(json.dumps(line) + "\n")
            return
        for name, module in job["files"].items():
            assert sys.modules[name].__file__ == module["path"], f"{name} is not the file that was meant"
        paths = [each["path"] for each in job["files"].values()]
        for probe in job["run"]:
            random.seed(1)
            getattr(probes, probe)(Cases(probe, dict(vars(probes)), paths, results))
        results.write(json.dumps({"finished": True}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
