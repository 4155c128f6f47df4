"""Checks: an exercise judged alone and together, and its known mistakes recognised by what they do."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import sys
from dataclasses import dataclass
from importlib.metadata import version as numpy_version
from pathlib import Path
from typing import Any

from tinytorch_studio.course import CourseError, Exercise, Module, framework, modules
from tinytorch_studio.folder import Folder, Unreadable, functions, tree
from tinytorch_studio.hearing import Heard, sound
from tinytorch_studio.judge import Case, Difference, alike, compare, dearer
from tinytorch_studio.process import SECONDS, probe
from tinytorch_studio.snapshots import write_whole
from tinytorch_studio.variants import Variant, variants

NOT_STARTED, RIGHT, COSTS, WRONG, CANNOT_RUN = (
    "not started",
    "right",
    "right, but costs more",
    "wrong",
    "cannot run",
)
RANDOM = 12
AGAIN = 3.0  # seconds for files that never came to an end before
ENDLESS: set[str] = set()  # what these were, in this process
UNKEPT: set[Path] = set()  # observations that could not be kept


@dataclass
class Verdict:
    """What a check found about one exercise."""

    exercise: Exercise
    status: str
    reason: str = ""  # why it cannot run
    trace: str = ""  # Python's own words about that
    difference: Difference | None = None
    mistake: Variant | None = None
    ending: str = ""
    together: bool = False  # right alone, and not with the rest of the learner's functions

    @property
    def passed(self) -> bool:
        """Whether it is right, be it dear or not."""
        return self.status in (RIGHT, COSTS)


def module_name(file: str) -> str:
    """The import name of a file: tinytorch/layout.py is tinytorch.layout."""
    return ".".join(Path(file).with_suffix("").parts)


def job(module: Module, probes: list[str], files: dict[str, Any], random: int = RANDOM) -> dict[str, Any]:
    """What the child is told; `random`: how many random cases follow those that are written down."""
    return {
        "probes": str(module.path("probes.py")),
        "path": [str(module.folder)],
        "run": probes,
        "random": random,
        "files": files,
    }


def source(module: Module, file: str, path: Path, **how: Any) -> dict[str, Any]:
    """One file of a job: which text, and which bodies come from elsewhere."""
    plain: dict[str, Any] = {"replace": {}, "take": [], "fill": False}
    return plain | {"path": str(path), "reference": str(module.reference(file))} | how


def run_reference(module: Module, exercise: Exercise, variant: Variant | None = None) -> list[Case]:
    """What the reference does, or the reference with one body replaced. Kept between runs."""
    key = hashlib.sha256(repr((version(module), exercise.id, variant)).encode()).hexdigest()
    path = cache() / f"{key}.json"
    kept = observations(path)
    if kept is not None:
        return kept
    replace = {} if variant is None else {variant.function: variant.source}
    reference = module.reference(exercise.file)
    files = {module_name(exercise.file): source(module, exercise.file, reference, replace=replace)}
    seen = probe(job(module, [exercise.probe], files), SECONDS if variant is None else 3.0)
    if variant is None and not (seen.finished and seen.cases):
        reason = seen.failed["trace"] if seen.failed else seen.ending
        raise CourseError(f"the probe {exercise.probe} does not run on the reference: {reason}")
    keep(path, seen.cases)
    return seen.cases


def observations(path: Path) -> list[Case] | None:
    """What was kept in a file; None if that is damaged, or not there."""
    try:
        kept = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    whole = isinstance(kept, list) and all(isinstance(case, dict) and sound(case) for case in kept)
    return kept if whole else None


def keep(path: Path, cases: list[Case]) -> None:
    """Keep observations for the next time. Where that is not possible, each check makes them anew, and says so once."""
    try:
        write_whole(path, json.dumps(cases).encode())
    except OSError as error:
        if not UNKEPT:
            print(
                f"slow       nothing can be kept in {path.parent}: {error.strerror or error}", file=sys.stderr
            )
        UNKEPT.add(path)


def remember(module: Module) -> None:
    """Observe the reference and every known mistake of a module, so that no check has to wait for it."""
    for exercise in module.exercises:
        for variant in (None, *mistakes_of(module, exercise)):
            run_reference(module, exercise, variant)


def cache() -> Path:
    """Where observations are kept between runs."""
    root = os.environ.get("TINYTORCH_CACHE") or Path.home() / ".cache" / "tinytorch"
    return Path(root) / "observations"


def version(module: Module) -> str:
    """A fingerprint of everything that observations depend on."""
    state = hashlib.sha256(f"{sys.version} {numpy_version('numpy')}".encode())
    observers = Path(__file__).parent / "inside"
    for path in (*sorted(module.folder.rglob("*.py")), *observers.glob("*.py"), *framework().rglob("*.py")):
        stat = path.stat()
        state.update(f"{path}:{stat.st_mtime_ns}:{stat.st_size}".encode())
    return state.hexdigest()


def check(folder: Folder, module: Module, exercise: Exercise) -> Verdict:
    """Judge one exercise of a learner: alone first, then together with all else that is theirs."""
    path = folder.root / exercise.file
    state = folder.state(exercise)
    if state in ("absent", "unwritten"):
        return Verdict(exercise, NOT_STARTED)
    if state in ("unreadable", "missing"):
        return Verdict(exercise, CANNOT_RUN, unreadable(path, exercise))
    changed = signature_changed(path, module, exercise)
    if changed:
        return Verdict(exercise, CANNOT_RUN, changed)
    verdict = judged(module, exercise, alone(folder, module, exercise))
    if verdict.passed:
        rest = judged(module, exercise, everything(folder, module))
        if not rest.passed:
            rest.together = True
            return rest
    return verdict


def alone(folder: Folder, module: Module, exercise: Exercise) -> dict[str, Any]:
    """The learner's file with every other exercise in it, of whichever module, as the reference has it."""
    all_of_them = [each for every in modules() for each in every.exercises if each.file == exercise.file]
    others = [function for each in all_of_them if each != exercise for function in each.functions]
    path = folder.root / exercise.file
    return {module_name(exercise.file): source(module, exercise.file, path, take=others)}


def everything(folder: Folder, module: Module) -> dict[str, Any]:
    """All files that the learner has of the framework, and those of the module; one that does not parse is left out."""
    made = {}
    for each in folder.begun():
        for file in each.files:
            path = folder.root / file
            if (each == module or file.startswith("tinytorch/")) and parses(path):
                made[module_name(file)] = source(each, file, path, fill=True)
    return made


def parses(path: Path) -> bool:
    """Whether a file is there, and is Python."""
    try:
        tree(path)
    except Unreadable:
        return False
    return True


def observed(module: Module, exercise: Exercise, files: dict[str, Any]) -> Heard:
    """Run the probe once. Files that never came to an end before do not get their whole time again in this process."""
    texts = [Path(each["path"]).read_bytes() for each in files.values()]
    key = hashlib.sha256(repr([*files, *texts]).encode()).hexdigest()
    seen = probe(job(module, [exercise.probe], files), *([AGAIN] if key in ENDLESS else []))
    if seen.late:
        ENDLESS.add(key)
    return seen


def judged(module: Module, exercise: Exercise, files: dict[str, Any]) -> Verdict:
    """Run the probe on one composition and compare."""
    wanted = run_reference(module, exercise)
    seen = observed(module, exercise, files)
    if seen.failed is not None:
        return Verdict(exercise, CANNOT_RUN, failure(seen.failed), trace=seen.failed["trace"])
    if not seen.imported:
        names = ", ".join(Path(each["path"]).name for each in files.values())
        return Verdict(exercise, CANNOT_RUN, f"while {names} was imported, {seen.ending}")
    difference = compare(seen.cases, wanted)
    if difference is not None and not difference.cost:
        return Verdict(
            exercise,
            WRONG,
            difference=difference,
            trace=difference.case.get("trace", ""),
            mistake=recognised(module, exercise, seen),
            ending=seen.ending,
        )
    if not seen.finished:
        return Verdict(exercise, CANNOT_RUN, seen.ending)
    if difference is None:
        return Verdict(exercise, RIGHT)
    why = recognised_by_cost(module, exercise, seen, wanted)
    return Verdict(exercise, COSTS, difference=difference, mistake=why)


def failure(failed: dict[str, Any]) -> str:
    """Why a child could not go on: the learner's line if it is one of theirs, and the error."""
    where = f"{failed['file']}, line {failed['line']}: " if failed.get("file") else ""
    return f"{where}{failed['failed']}: {failed['message']}".rstrip(": ")


def recognised(module: Module, exercise: Exercise, seen: Heard) -> Variant | None:
    """The one known mistake that observes the same in every case."""
    known = mistakes_of(module, exercise)
    found = [each for each in known if alike(seen.cases, run_reference(module, exercise, each))]
    return found[0] if len(found) == 1 else None


def recognised_by_cost(module: Module, exercise: Exercise, seen: Heard, wanted: list[Case]) -> Variant | None:
    """The known mistake that is right as well and too dear in the same places; among several, by the same counts."""
    mine = dearer(seen.cases, wanted)
    found = {}
    for each in mistakes_of(module, exercise):
        cases = run_reference(module, exercise, each)
        difference = compare(cases, wanted)
        if difference is not None and difference.cost and dearer(cases, wanted).keys() == mine.keys():
            found[each] = dearer(cases, wanted)
    same = [each for each, its in found.items() if its == mine]
    left = same or list(found)
    return left[0] if len(left) == 1 else None


def mistakes_of(module: Module, exercise: Exercise) -> list[Variant]:
    """The known mistakes of an exercise."""
    return [each for each in variants(module.path("mistakes.py"), module) if each.exercise == exercise.name]


def unreadable(path: Path, exercise: Exercise) -> str:
    """Why the file cannot be used."""
    try:
        there = tree(path)
    except Unreadable as error:
        return str(error)
    found = functions(there)
    gone = [name for name in exercise.functions if name not in found]
    instead = [f"{name} is {what}" for name in gone if (what := kind(there, name))]
    also = f" ({'; '.join(instead)})" if instead else ""
    return f"{path.name} has no function {', '.join(gone)} any more{also}; tt undo brings it back"


def kind(there: ast.AST, name: str) -> str:
    """What a dotted name stands for in a file, if not for a function."""
    first, _, rest = name.partition(".")
    for node in getattr(there, "body", []):
        if isinstance(node, ast.ClassDef) and node.name == first:
            return kind(node, rest) if rest else "a class"
        if isinstance(node, ast.AsyncFunctionDef) and node.name == first:
            return "async"
        if isinstance(node, ast.Assign) and any(ast.unparse(each) == first for each in node.targets):
            return "a name that is given a value"
    return ""


def signature_changed(path: Path, module: Module, exercise: Exercise) -> str:
    """Which parameters differ from those that callers rely on."""
    mine = functions(tree(path))
    right = functions(ast.parse(module.reference(exercise.file).read_bytes()))
    for name in exercise.functions:
        have = [each.arg for each in (*mine[name].args.posonlyargs, *mine[name].args.args)]
        want = [each.arg for each in (*right[name].args.posonlyargs, *right[name].args.args)]
        if have[: len(want)] != want:
            return f"{name} takes ({', '.join(want)}), yours takes ({', '.join(have)}): callers rely on that"
    return ""
