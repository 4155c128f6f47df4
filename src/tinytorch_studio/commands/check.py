"""`tt check` and `tt repro`: what was written is judged, and a failing case shown as a program."""

from __future__ import annotations

import json
import sys

import click

from tinytorch_studio import check as checks
from tinytorch_studio import course, diagnosis
from tinytorch_studio.commands.common import current, here, meant, one, point_at
from tinytorch_studio.folder import Folder
from tinytorch_studio.snapshots import entries

COLOURS = {checks.RIGHT: "green", checks.COSTS: "yellow", checks.NOT_STARTED: None}
PATIENCE = 3  # as often as one message may come before another way is offered


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each exercise.")
@click.option("--traceback", is_flag=True, help="Python's own words after the message.")
def check(name: str | None, as_json: bool, traceback: bool) -> None:
    """Judge what you wrote: an exercise, a module, or by default the current exercise."""
    folder = here()
    if name is not None:
        module, exercises = meant(name)
        if len(exercises) == 1:
            folder.at(exercises[0].id)
    else:
        step = current(folder)
        if step is None:
            click.echo("Everything there is so far is built.")
            return
        module, exercises = step[0], (step[1],)
    verdicts = judge(folder, module, exercises)
    if as_json:
        for verdict in verdicts:
            found = {"id": verdict.exercise.id, "status": verdict.status}
            click.echo(json.dumps(found | {"mistake": verdict.mistake.name if verdict.mistake else None}))
    else:
        report(folder, verdicts, traceback)
    sys.exit(0 if all(verdict.passed for verdict in verdicts) else 1)


def judge(
    folder: Folder, module: course.Module, exercises: tuple[course.Exercise, ...]
) -> list[checks.Verdict]:
    """The verdicts, noted in the folder."""
    folder.snapshots.keep("check")
    verdicts = [checks.check(folder, module, each) for each in exercises]
    for verdict in verdicts:
        id = verdict.exercise.id
        if verdict.passed and id not in folder.built():
            folder.note("built", id)
        if verdict.passed and id == folder.last()[0]:
            folder.at(id, passed=True)
    return verdicts


def report(folder: Folder, verdicts: list[checks.Verdict], traceback: bool) -> None:
    """One line for each exercise, and one diagnosis: the earliest; or the step that comes next."""
    wrong = [v for v in verdicts if not v.passed and v.status != checks.NOT_STARTED]
    dear = [v for v in verdicts if v.status == checks.COSTS]
    for verdict in verdicts:
        if len(verdicts) > 1 or verdict.status in (checks.RIGHT, checks.NOT_STARTED):
            colour = COLOURS.get(verdict.status, "red")
            click.secho(f"{verdict.exercise.id:<28} {verdict.status}", fg=colour)
    if wrong or dear:
        if len(verdicts) > 1:
            click.echo()
        lines = diagnosis.message(folder, (wrong or dear)[0])
        click.secho(lines[0], bold=True)
        click.echo("\n".join(lines[1:]))
    if wrong:
        if told_again(folder, wrong[0].exercise, lines):
            click.echo(f"again      the same message {PATIENCE} times. Another way in: tt hint --example")
        if traceback and wrong[0].trace:
            click.echo(f"\n{wrong[0].trace.rstrip()}")
    elif all(v.passed for v in verdicts):
        module, step = verdicts[0].exercise.module, current(folder)
        if step is None or step[1].module != module:
            click.echo(f"built      all of {module}. Now {' · '.join(remaining(course.find(module)[0]))}")
        if step is not None:
            point_at(folder, step[1], "next")
    else:
        todo = next(v.exercise for v in verdicts if v.status == checks.NOT_STARTED)
        point_at(folder, todo)


def remaining(module: course.Module) -> list[str]:
    """What a module has besides its exercises, as commands."""
    files = {"run": "run.py", "lab": "labs.py", "quiz": "questions.py", "incident": "incident.py"}
    return [f"tt {command} {module.number}" for command, file in files.items() if module.path(file).exists()]


def told_again(folder: Folder, exercise: course.Exercise, lines: list[str]) -> bool:
    """Note what was said about an exercise; whether it is the same for the third time running."""
    said = lines[0] + "".join(line for line in lines if line.startswith(("likely", "because", "case")))
    folder.note("told", exercise.id, message=said)
    told = [each for each in entries(folder.progress) if each["id"] == exercise.id]
    last = [each.get("message") for each in told[-PATIENCE:] if each["what"] == "told"]
    return last == [said] * PATIENCE


@click.command()
@click.argument("name", required=False)
def repro(name: str | None) -> None:
    """A few runnable lines that show the failing case."""
    folder = here()
    module, exercise = one(folder, name)
    verdict = checks.check(folder, module, exercise)
    if verdict.difference is None:
        raise click.ClickException(f"{exercise.id} is {verdict.status}: there is no failing case")
    click.echo(diagnosis.repro(folder, module.path("probes.py"), verdict), nl=False)
