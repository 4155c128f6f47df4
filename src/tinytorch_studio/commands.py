"""The commands of a learner: start, next, check, status, list, hint, why, repro, undo, redo, history, run, milestone."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import click

from tinytorch_studio import check as checks
from tinytorch_studio import course, diagnosis
from tinytorch_studio.folder import Folder, FolderError
from tinytorch_studio.process import environment
from tinytorch_studio.snapshots import entries


def here() -> Folder:
    """The learner's folder that the command was called in."""
    try:
        return Folder.find(Path.cwd())
    except FolderError as error:
        raise click.ClickException(str(error)) from error


def meant(name: str) -> tuple[course.Module, tuple[course.Exercise, ...]]:
    """The module and exercises that a word means."""
    try:
        return course.find(name)
    except course.CourseError as error:
        raise click.UsageError(str(error)) from error


def current(folder: Folder) -> tuple[course.Module, course.Exercise] | None:
    """The first exercise that is not built."""
    built = folder.built()
    for module in course.modules():
        for exercise in module.exercises:
            if exercise.id not in built and not exercise.starred:
                return module, exercise
    return None


def point_at(folder: Folder, exercise: course.Exercise) -> None:
    """Say where to write."""
    click.echo(f"write      {exercise.name}   in {exercise.file}, line {folder.line(exercise)}")
    click.echo(f"then       tt check {exercise.id}")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def start(folder: Path) -> None:
    """Begin, in a new FOLDER, or go on in one of yours."""
    try:
        mine = Folder.create(folder.resolve())
    except (FolderError, OSError) as error:
        raise click.ClickException(str(error)) from error
    for file in mine.begin(course.modules()[0]):
        click.echo(f"wrote      {folder / file}")
    launcher = Path(course.__file__).parents[2] / "tt"
    if shutil.which("tt") is None and launcher.exists():
        say = (
            f"doskey tt=python {launcher} $*" if os.name == "nt" else f"alias tt={shlex.quote(str(launcher))}"
        )
        click.echo(f"once       {say}")
    click.echo(f"now        cd {folder}")
    step = current(mine)
    if step is not None:
        point_at(mine, step[1])


@click.command(name="next")
@click.argument("name", required=False)
def next_step(name: str | None) -> None:
    """Show the next exercise, or begin the one that NAME means."""
    folder = here()
    if name is None:
        step = current(folder)
        if step is None:
            click.echo("Everything there is so far is built.")
            return
        module, exercise = step
    else:
        module, exercises = meant(name)
        exercise = exercises[0]
    for file in folder.begin(module):
        click.echo(f"wrote      {file}")
    click.echo(f"{module.number} {module.title}")
    point_at(folder, exercise)


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each exercise.")
def check(name: str | None, as_json: bool) -> None:
    """Judge what you wrote: an exercise, a module, or by default the current exercise."""
    folder = here()
    if name is not None:
        module, exercises = meant(name)
    else:
        step = current(folder)
        if step is None:
            click.echo("Everything there is so far is built.")
            return
        module, exercises = step[0], (step[1],)
    folder.snapshots.keep("check")
    verdicts = [checks.check(folder, module, each) for each in exercises]
    for verdict in verdicts:
        if verdict.status in (checks.RIGHT, checks.COSTS) and verdict.exercise.id not in folder.built():
            folder.note("built", verdict.exercise.id)
    if as_json:
        for verdict in verdicts:
            found = {"id": verdict.exercise.id, "status": verdict.status}
            click.echo(json.dumps(found | {"mistake": verdict.mistake.name if verdict.mistake else None}))
    else:
        report(folder, verdicts)
    sys.exit(0 if all(v.status in (checks.RIGHT, checks.COSTS) for v in verdicts) else 1)


def report(folder: Folder, verdicts: list[checks.Verdict]) -> None:
    """One line for each exercise, and one diagnosis: the earliest."""
    wrong = [v for v in verdicts if v.status not in (checks.RIGHT, checks.NOT_STARTED)]
    for verdict in verdicts:
        if len(verdicts) > 1 or verdict.status in (checks.RIGHT, checks.NOT_STARTED):
            colour = {checks.RIGHT: "green", checks.NOT_STARTED: None}.get(verdict.status, "red")
            click.secho(f"{verdict.exercise.id:<28} {verdict.status}", fg=colour)
    if wrong:
        click.echo()
        for i, line in enumerate(diagnosis.message(folder, wrong[0])):
            click.secho(line, bold=i == 0)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def status(as_json: bool) -> None:
    """What is yours, and what is still the reference's."""
    folder, rows = here(), []
    built = folder.built()
    for module in course.modules():
        for exercise in module.exercises:
            state = folder.state(exercise)
            rows.append((exercise, "yours" if state == "written" else "reference's", exercise.id in built))
    if as_json:
        click.echo(json.dumps([{"id": e.id, "runs": whose, "built": done} for e, whose, done in rows]))
        return
    for exercise, whose, done in rows:
        click.echo(f"{exercise.id:<28} {whose:<12} {'built' if done else ''}".rstrip())


@click.command(name="list")
def list_modules() -> None:
    """The modules there are."""
    for module in course.modules():
        click.echo(f"{module.number}  {module.title}   {len(module.exercises)} exercises")


def section(module: course.Module, title: str) -> str:
    """The part of hints.md under a heading of the second level."""
    text = module.path("hints.md").read_text(encoding="utf-8")
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |^# |\Z)", text, re.MULTILINE | re.DOTALL)
    return found.group(1).strip() if found else ""


@click.command()
@click.argument("name", required=False)
def hint(name: str | None) -> None:
    """One hint more: where to look, the idea, nearly the line, and then a worked example."""
    folder = here()
    step = current(folder) if name is None else (meant(name)[0], meant(name)[1][0])
    if step is None:
        raise click.ClickException("there is nothing left to write")
    module, exercise = step
    rungs = re.split(r"^### .*\n", section(module, exercise.name), flags=re.MULTILINE)[1:]
    seen = sum(1 for e in entries(folder.progress) if e.get("what") == "hint" and e["id"] == exercise.id)
    number = min(seen, len(rungs) - 1)
    folder.note("hint", exercise.id)
    click.echo(f"{exercise.name}, hint {number + 1} of {len(rungs)}\n\n{rungs[number].strip()}")


@click.command()
@click.argument("mistake")
def why(mistake: str) -> None:
    """A paragraph about a known mistake."""
    for module in course.modules():
        for each in course.variants(module.path("mistakes.py"), module):
            if each.name == mistake:
                click.echo(f"{each.exercise}: {each.sentence}\n\n{section(module, mistake)}".rstrip())
                return
    raise click.UsageError(f"there is no known mistake {mistake!r}")


@click.command()
@click.argument("name", required=False)
def repro(name: str | None) -> None:
    """A few runnable lines that show the failing case."""
    folder = here()
    step = current(folder) if name is None else (meant(name)[0], meant(name)[1][0])
    if step is None:
        raise click.ClickException("there is nothing left to write")
    verdict = checks.check(folder, *step)
    if verdict.difference is None:
        raise click.ClickException(f"{step[1].id} is {verdict.status}: there is no failing case")
    click.echo(diagnosis.repro(folder, step[0].path("probes.py"), verdict), nl=False)


@click.command()
def undo() -> None:
    """Give your files the contents that they had before. Again goes further back; tt redo returns."""
    tell_restored(here().snapshots.undo(), "there is no earlier state")


@click.command()
def redo() -> None:
    """Take the last undo back."""
    tell_restored(here().snapshots.redo(), "there is no undo to take back")


def tell_restored(changed: list[str], otherwise: str) -> None:
    """Which files have other contents now."""
    for name in changed:
        click.echo(f"restored   {name}")
    if not changed:
        click.echo(otherwise)


@click.command()
def history() -> None:
    """The states of your files that were kept."""
    for each in entries(here().snapshots.journal):
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(each["time"]))
        click.echo(f"{when}  {each['why']:<20} {len(each['files'])} files")


RUN = """
import cProfile, pstats, runpy, sys
profile = cProfile.Profile()
profile.runcall(runpy.run_path, sys.argv[1], run_name="__main__")
rows = pstats.Stats(profile).stats.items() if profile.getstats() else ()
names = sys.argv[3].split(",")
mine = [(calls[1], name) for (file, _, name), calls in rows if file.startswith(sys.argv[2]) and name in names]
if mine:
    print("\\nyours, and how often it was called:")
for calls, name in sorted(mine, reverse=True):
    print(f"{calls:12,}  {name}")
"""


def in_front(folder: Folder, *others: Path) -> dict[str, str]:
    """The environment of a program that runs on the learner's files."""
    settings = environment()
    settings["PYTHONPATH"] = os.pathsep.join(map(str, [folder.root, *others, settings["PYTHONPATH"]]))
    return settings


@click.command()
@click.argument("name")
def run(name: str) -> None:
    """Run a program on your functions: NAME is a file, or the number of a module (its *Run it*)."""
    folder = here()
    path, others = Path(name), []
    if not path.is_file():
        module, _ = meant(name)
        path, others = module.path("run.py"), [module.folder]
        if not path.exists():
            raise click.ClickException(f"module {module.number} has nothing to run yet")
    mine = [f.rpartition(".")[2] for m in folder.begun() for e in m.exercises for f in e.functions]
    command = [sys.executable, "-P", "-c", RUN, str(path.resolve()), str(folder.root), ",".join(mine)]
    sys.exit(subprocess.run(command, env=in_front(folder, *others)).returncode)


RUNNER = """
import json, sys
from pathlib import Path
import importlib
milestone = importlib.import_module("tinytorch_course.milestones." + sys.argv[1])
out = Path(sys.argv[2])
try:
    result = milestone.train(out, lambda line: print(line, flush=True))
except Exception as error:
    import traceback
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(sys.argv[3])]
    if not frames:
        traceback.print_exc(limit=-3)
    for frame in frames[-3:]:
        print(f"{frame.filename}, line {frame.lineno}, {frame.name}:  {frame.line}")
    sys.exit(f"{type(error).__name__}: {error}")
(out / "result.json").write_text(json.dumps(result))
"""


@click.command()
@click.argument("name")
def milestone(name: str) -> None:
    """Reproduce a historical result with your framework: NAME is digits."""
    root = Path(course.__file__).parents[1] / "tinytorch_course" / "milestones"
    path = root / f"{name}.py"
    if not path.exists():
        there = ", ".join(sorted(p.stem for p in root.glob("*.py") if p.stem != "__init__"))
        raise click.UsageError(f"there is no milestone {name!r}; there is {there}")
    folder = here()
    out = folder.root / "milestones" / name
    out.mkdir(parents=True, exist_ok=True)
    (out / "result.json").unlink(missing_ok=True)
    values = constants(path)
    click.echo(f"{values['YEAR']}  {values['TITLE']}")
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-P", "-c", RUNNER, name, str(out), str(folder.root)], env=in_front(folder)
    )
    seconds = time.perf_counter() - begun
    if done.returncode or not (out / "result.json").exists():
        raise click.ClickException("the milestone did not run to its end")
    figure = json.loads((out / "result.json").read_text(encoding="utf-8"))["figure"]
    mine = [e.file for m in folder.begun() for e in m.exercises if folder.state(e) == "written"]
    click.echo(f"{values['FIGURE']}: {figure:.4g}   (target {values['TARGET']}), {seconds:.1f} s")
    click.echo(f"yours: {', '.join(sorted(set(mine))) or 'nothing yet; all of it was the reference'}")
    click.echo(f"kept in {out.relative_to(folder.root)}")
    sys.exit(0 if figure >= values["TARGET"] else 1)


def constants(path: Path) -> dict[str, object]:
    """The plain values that a file assigns, without running it."""
    import ast

    tree = ast.parse(path.read_text(encoding="utf-8"))
    simple = [n for n in tree.body if isinstance(n, ast.Assign) and isinstance(n.value, ast.Constant)]
    return {n.targets[0].id: n.value.value for n in simple if isinstance(n.targets[0], ast.Name)}  # type: ignore[attr-defined]
