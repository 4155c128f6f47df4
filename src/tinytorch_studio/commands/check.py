"""`tt check` and `tt repro`: what was written is judged, and a failing case shown as a program."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import click

from tinytorch_studio import check as checks
from tinytorch_studio import course, diagnosis
from tinytorch_studio.commands.common import ALL_BUILT, current, here, meant, one, point_at
from tinytorch_studio.folder import Folder
from tinytorch_studio.snapshots import entries
from tinytorch_studio.standing import TOGETHER
from tinytorch_studio.standing import verdicts as last_verdicts

COLOURS = {checks.RIGHT: "green", checks.COSTS: "magenta", checks.NOT_STARTED: None}
PATIENCE = 3  # as often as one message may come before another way is offered


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object: passed, and the exercises.")
@click.option("--traceback", is_flag=True, help="Python's own words after the message.")
def check(name: str | None, as_json: bool, traceback: bool) -> None:
    """Judge what you wrote, and say what is wrong with it.

    NAME is an exercise, a module or a file; by default the current exercise. The exit code is 0 if all of it is
    right.
    """
    folder = here()
    if name is not None:
        module, exercises = meant(name)
        if len(exercises) == 1:
            folder.at(exercises[0].id)
    else:
        step = current(folder)
        if step is None:
            click.echo(json.dumps({"passed": True, "exercises": []}) if as_json else ALL_BUILT)
            return
        module, exercises = step[0], (step[1],)
    verdicts = []
    for verdict in judge(folder, module, exercises):
        verdicts.append(verdict)
        if not as_json:
            tell(verdict, alone=len(exercises) == 1)
    passed = all(verdict.passed for verdict in verdicts)
    if as_json:
        rows = [row(folder, each) for each in verdicts]
        click.echo(json.dumps({"passed": passed, "exercises": rows}))
    else:
        report(folder, verdicts, traceback)
    sys.exit(0 if passed else 1)


def judge(
    folder: Folder, module: course.Module, exercises: tuple[course.Exercise, ...]
) -> Iterator[checks.Verdict]:
    """The verdicts one after another, each noted in the folder."""
    folder.snapshots.keep("check")
    for exercise in exercises:
        verdict = checks.check(folder, module, exercise)
        id = exercise.id
        status = TOGETHER if verdict.together and not verdict.passed else verdict.status
        if last_verdicts(folder).get(id) != status:
            folder.note("verdict", id, status=status)
        if verdict.passed and id not in folder.built():
            folder.note("built", id)
        if verdict.passed and id == folder.last()[0]:
            folder.at(id, passed=True)
        yield verdict


def tell(verdict: checks.Verdict, alone: bool) -> None:
    """One line about an exercise; none where a whole message follows about it alone."""
    if not alone or verdict.status in (checks.RIGHT, checks.NOT_STARTED):
        click.secho(f"{verdict.exercise.id:<28} {verdict.status}", fg=COLOURS.get(verdict.status, "red"))


def row(folder: Folder, verdict: checks.Verdict) -> dict[str, Any]:
    """One verdict for a program: where the function is, and the message that a person would read."""
    exercise = verdict.exercise
    shown = verdict.status not in (checks.RIGHT, checks.NOT_STARTED)
    return {
        "id": exercise.id,
        "name": exercise.name,
        "file": exercise.file,
        "line": folder.line(exercise),
        "status": verdict.status,
        "passed": verdict.passed,
        "mistake": verdict.mistake.name if verdict.mistake else None,
        "message": "\n".join(diagnosis.message(folder, verdict)).splitlines() if shown else [],
        "traceback": verdict.trace,
    }


def report(folder: Folder, verdicts: list[checks.Verdict], traceback: bool) -> None:
    """One diagnosis, the earliest; or the step that comes next."""
    wrong = [v for v in verdicts if not v.passed and v.status != checks.NOT_STARTED]
    dear = [v for v in verdicts if v.status == checks.COSTS]
    if wrong or dear:
        if len(verdicts) > 1:
            click.echo()
        lines = diagnosis.message(folder, (wrong or dear)[0])
        click.secho(lines[0], bold=True)
        click.echo("\n".join(lines[1:]))
    if wrong:
        if told_again(folder, wrong[0], lines):
            click.echo(f"again      the same message {PATIENCE} times. Another way in: tt hint --example")
        if traceback:
            click.echo(f"\n{wrong[0].trace.rstrip() or 'Python said nothing: no error was raised.'}")
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


def told_again(folder: Folder, verdict: checks.Verdict, lines: list[str]) -> bool:
    """Note what was said about an exercise; whether it is the same for the third time running."""
    id, mistake = verdict.exercise.id, verdict.mistake.name if verdict.mistake else ""
    said = lines[0] + "".join(line for line in lines if line.startswith(("likely", "because", "case")))
    folder.note("told", id, message=said, mistake=mistake)
    told = [
        each for each in entries(folder.progress) if each.get("id") == id and each.get("what") != "verdict"
    ]
    last = [each.get("message") for each in told[-PATIENCE:] if each.get("what") == "told"]
    return last == [said] * PATIENCE


@click.command()
@click.argument("name", required=False)
def repro(name: str | None) -> None:
    """Print a few runnable lines that show the failing case.

    NAME is an exercise, by default the current one. To keep and run them:

    \b
    tt repro > case.py
    tt run case.py
    """
    folder = here()
    module, exercise = one(folder, name)
    verdict = checks.check(folder, module, exercise)
    if verdict.difference is None:
        raise click.ClickException(f"there is no failing case of {exercise.name}: {because(verdict)}")
    click.echo(diagnosis.repro(module.path("probes.py"), verdict), nl=False)


def because(verdict: checks.Verdict) -> str:
    """Why nothing fails."""
    if verdict.status == checks.CANNOT_RUN:
        return f"it cannot run at all; {verdict.reason}"
    return "it is not started yet" if verdict.status == checks.NOT_STARTED else "it is right"
