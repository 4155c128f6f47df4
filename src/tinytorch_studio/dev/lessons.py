"""Lessons are run: `python -m tinytorch_studio.dev.lessons 01` names everything that is not as lesson.md says."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tinytorch_studio import lessons, pictures
from tinytorch_studio.course import CourseError, Exercise, Module, find, modules
from tinytorch_studio.drawings import drawings
from tinytorch_studio.folder import Folder
from tinytorch_studio.lessons import Command, Console, Heading, Lesson, Link, Picture, Program, Write
from tinytorch_studio.process import SOURCE, environment
from tinytorch_studio.snapshots import write_whole
from tinytorch_studio.starters import fill, put
from tinytorch_studio.variants import variants

SECONDS = 300.0
WIDE = 80

# The lesson's program, block by block, in a module of its own called __main__: one line of JSON for each.
RUNNER = """
import contextlib, io, json, linecache, sys, traceback, types
job = json.load(open(sys.argv[1], encoding="utf-8"))
program = sys.modules["__main__"] = types.ModuleType("__main__")
with open(sys.argv[2], "a", encoding="utf-8") as results:
    for block in job["blocks"]:
        source = "\\n" * block["line"] + block["code"]
        linecache.cache[job["path"]] = (len(source), None, source.splitlines(True), job["path"])
        out, failed = io.StringIO(), ""
        with contextlib.redirect_stdout(out):
            try:
                exec(compile(source, job["path"], "exec", dont_inherit=True), program.__dict__)
            except BaseException:
                failed = "".join(traceback.format_exc().splitlines(True)[-6:])
        results.write(json.dumps({"printed": out.getvalue(), "failed": failed}) + "\\n")
        results.flush()
        if failed:
            break
"""


@dataclass(frozen=True)
class Mismatch:
    """Something that is not as the lesson says."""

    line: int
    what: str
    printed: str = ""  # what came instead

    def __str__(self) -> str:
        below = "\n" + self.printed.rstrip() if self.printed.strip() else ""
        return f"line {self.line}: {self.what}{below}"


def mismatches(module: Module, lesson: Lesson, place: Path) -> list[Mismatch]:
    """All of them, in the order of the lesson. place: an empty folder to work in."""
    found = [*headings(module, lesson), *links(lesson), *drawn(module, lesson)]
    found += [*programs(module, lesson, place), *sessions(module, lesson, place)]
    return sorted(found, key=lambda each: each.line)


def headings(module: Module, lesson: Lesson) -> list[Mismatch]:
    """Every exercise has its heading, in the order of module.toml."""
    there = [each for each in lesson.items if isinstance(each, Heading) and each.level == 3]
    names = [exercise.name for exercise in module.exercises]
    found = [
        Mismatch(1, f"there is no heading ### {name}")
        for name in names
        if name not in {h.text for h in there}
    ]
    own = [each for each in there if each.text in names]
    wanted = [name for name in names if name in {each.text for each in own}]
    for each, name in zip(own, wanted, strict=False):
        if each.text != name:
            return [
                *found,
                Mismatch(each.line, f"here is ### {each.text}; module.toml has {name} in this place"),
            ]
    return found


def links(lesson: Lesson) -> list[Mismatch]:
    """Links to files lead somewhere."""
    found = []
    for each in lesson.items:
        if isinstance(each, Link) and not re.match(r"[a-z]+:|#", each.target):
            path = lesson.path.parent / each.target.partition("#")[0]
            if not path.exists():
                found.append(Mismatch(each.line, f"the link leads to {each.target}, which is not there"))
    return found


def drawn(module: Module, lesson: Lesson) -> list[Mismatch]:
    """Every picture can be drawn, as text and as SVG."""
    all_of_them = [each for each in lesson.items if isinstance(each, Picture)]
    found = []
    codes = [each.code for each in all_of_them]
    for each, drawing in zip(all_of_them, drawings(None, module, codes) if codes else [], strict=True):
        if drawing["kind"] in ("error", "text"):
            found.append(Mismatch(each.line, "this is no picture", pictures.text(drawing)))
            continue
        shown = pictures.text(drawing)
        ElementTree.fromstring(pictures.svg(drawing))
        if not shown.isascii() or max(map(len, shown.splitlines())) > WIDE:
            found.append(
                Mismatch(each.line, f"the picture is not plain, or wider than {WIDE} columns", shown)
            )
    return found


def programs(module: Module, lesson: Lesson, place: Path) -> list[Mismatch]:
    """The python blocks as one program, and what each prints."""
    blocks = [each for each in lesson.items if isinstance(each, Program)]
    seen, ending = run_blocks(module, lesson, blocks, place)
    found = []
    for each, result in zip(blocks, seen, strict=False):
        printed = result["printed"]
        if result["failed"]:
            found.append(Mismatch(each.line, "the program fails in this block", printed + result["failed"]))
        elif each.printed is None:
            if printed:
                found.append(Mismatch(each.line, "this prints, and no text block follows:", printed))
        elif not each.timing and plain(printed) != plain(each.printed):
            found.append(Mismatch(each.shown_at, "the block above prints:", printed or "nothing"))
        elif each.timing and len(plain(printed)) != len(plain(each.printed)):
            found.append(Mismatch(each.shown_at, "the block above prints another number of lines:", printed))
    if len(seen) < len(blocks) and not (seen and seen[-1]["failed"]):
        found.append(
            Mismatch(blocks[len(seen)].line, f"the program does not get beyond this block: {ending}")
        )
    return found


def run_blocks(
    module: Module, lesson: Lesson, blocks: list[Program], place: Path
) -> tuple[list[dict[str, Any]], str]:
    """What each block printed, up to the first that failed; and how the process ended."""
    if not blocks:
        return [], ""
    scratch = place / "scratch"
    scratch.mkdir()
    job, results = place / "program.json", place / "printed.jsonl"
    codes = [{"line": each.line, "code": each.code} for each in blocks]
    job.write_text(json.dumps({"path": str(lesson.path), "blocks": codes}), encoding="utf-8")
    results.touch()
    path = os.pathsep.join([str(module.folder), str(SOURCE)])
    command = [sys.executable, "-P", "-W", "error", "-c", RUNNER, str(job), str(results)]
    try:
        done = subprocess.run(
            command,
            cwd=scratch,
            env=environment() | {"PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
        )
        ending = done.stderr.decode(errors="replace")[-2000:]
    except subprocess.TimeoutExpired:
        ending = f"it was still running after {SECONDS:.0f} seconds"
    return [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()], ending


def plain(text: str) -> list[str]:
    """Lines without trailing blanks, and without empty lines at the end."""
    return [line.rstrip() for line in text.rstrip().splitlines()]


def sessions(module: Module, lesson: Lesson, place: Path) -> list[Mismatch]:
    """The console blocks in a learner's folder, with the directives that write into it."""
    steps = [each for each in lesson.items if isinstance(each, (Console, Write))]
    asked = [command for each in steps if isinstance(each, Console) for command in each.commands]
    session = Session(module, place, starts=bool(asked) and asked[0].text.startswith("tt start"))
    found = []
    for each in steps:
        if isinstance(each, Write):
            found += session.write(each)
        else:
            found += [wrong for command in each.commands for wrong in session.run(command)]
    return found


class Session:
    """A learner's folder, and where in it the next command runs."""

    def __init__(self, module: Module, place: Path, starts: bool) -> None:
        self.module = module
        self.place = self.cwd = place / "learner"
        self.place.mkdir()
        if not starts:  # otherwise the lesson makes the folder itself
            self.cwd = self.place / "my-torch"
            Folder.create(self.cwd).begin(modules()[0])

    def run(self, command: Command) -> list[Mismatch]:
        """Run one command, and hold its output against the lesson's."""
        words = shlex.split(command.text)
        if words[0] == "cd":
            self.cwd = self.cwd / words[1]
            return []
        if words[0] not in ("tt", "./tt", "python"):
            return [Mismatch(command.line, f"only tt, python and cd run here, not {words[0]}")]
        first = [sys.executable] if words[0] == "python" else [sys.executable, "-m", "tinytorch_studio"]
        settings = {"NO_COLOR": "1", "COLUMNS": str(WIDE), "TERM": "dumb", "PYTHONPATH": str(SOURCE)}
        try:
            done = subprocess.run(
                [*first, *words[1:]],
                cwd=self.cwd,
                env=os.environ | settings | {"PYTHONUTF8": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=SECONDS,
            )
        except subprocess.TimeoutExpired:
            return [Mismatch(command.line, f"{command.text} still runs after {SECONDS:.0f} seconds")]
        printed = plain(done.stdout.decode(errors="replace"))
        if agrees(plain("\n".join(command.output)), printed):
            return []
        below = "\n".join(printed) or "nothing"
        return [Mismatch(command.line, f"{command.text} prints:", below)]

    def write(self, directive: Write) -> list[Mismatch]:
        """Put a body into the learner's file."""
        try:
            exercise = self.exercise(directive.function)
            folder = Folder.find(self.cwd)
            path = folder.root / exercise.file
            if not path.exists():
                folder.begin(self.module)
            text = path.read_text(encoding="utf-8")
            write_whole(path, self.filled(folder, exercise, text, directive).encode())
        except (LookupError, CourseError) as error:
            return [Mismatch(directive.line, f"cannot write {directive.function}: {error}")]
        return []

    def exercise(self, function: str) -> Exercise:
        """The exercise that a function belongs to."""
        for each in self.module.exercises:
            if function in (each.name, *each.functions):
                return each
        raise LookupError(f"module {self.module.number} has no such exercise")

    def filled(self, folder: Folder, exercise: Exercise, text: str, directive: Write) -> str:
        """The file's text with the body."""
        names = [directive.function] if directive.function in exercise.functions else list(exercise.functions)
        if directive.body == "reference":
            return fill(text, self.module.reference(exercise.file).read_text(encoding="utf-8"), names)
        if directive.body == "untouched":
            return fill(text, folder.starter(self.module, exercise.file), names)
        known = variants(self.module.path("mistakes.py"), self.module)
        for each in known:
            if each.exercise == exercise.name and each.name == directive.body and each.function in names:
                return put(text, each.function, each.source)
        there = ", ".join(each.name for each in known if each.exercise == exercise.name)
        raise LookupError(f"there is no mistake {directive.body}; there is {there}, reference, untouched")


def agrees(wanted: list[str], printed: list[str]) -> bool:
    """Whether lines are as wanted, where `...` in a line is any text, and alone in a line any lines.

    >>> agrees(["a ... c", "...", "z"], ["a b c", "x", "y", "z"]), agrees(["a"], ["a", "b"])
    (True, False)
    """
    reachable = {0}  # how many printed lines the wanted ones so far can have used up
    for line in wanted:
        if line.strip() == "...":
            reachable = set(range(min(reachable, default=0), len(printed) + 1)) if reachable else set()
        else:
            pattern = ".*".join(map(re.escape, line.split("...")))
            reachable = {n + 1 for n in reachable if n < len(printed) and re.fullmatch(pattern, printed[n])}
    return len(printed) in reachable


def main(names: list[str]) -> int:
    """Run the lessons of some modules, or of all; the number of mismatches."""
    count = 0
    for module in [find(name)[0] for name in names] or modules():
        lesson = lessons.read(module)
        if lesson is None:
            print(f"{module.number}: there is no {module.path('lesson.md').name} yet")
            continue
        with tempfile.TemporaryDirectory(prefix="tt-lesson-", ignore_cleanup_errors=True) as place:
            os.environ.setdefault("TINYTORCH_CACHE", str(Path(place, "cache")))
            found = mismatches(module, lesson, Path(place))
        print("\n\n".join(f"{lesson.path.parent.name}/{lesson.path.name}, {each}" for each in found))
        print(f"{module.number}: {len(found)} mismatches\n")
        count += len(found)
    return count


if __name__ == "__main__":
    sys.exit(bool(main(sys.argv[1:])))
