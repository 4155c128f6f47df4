"""`tt status` and `tt list`: what is the learner's, how far they are, and what there is."""

from __future__ import annotations

import json
import textwrap
from typing import Any

import click

from tinytorch_studio import course
from tinytorch_studio.check import COSTS, NOT_STARTED, RIGHT
from tinytorch_studio.commands.common import (
    ALL_BUILT,
    complaint,
    current,
    here,
    meant,
    point_at,
    strangers,
    was_there,
)
from tinytorch_studio.diagnosis import row
from tinytorch_studio.folder import Folder
from tinytorch_studio.standing import Count, Standing, built, milestones, standing, verdicts
from tinytorch_studio.terminal import width

NOBODYS = ("unreadable", "missing")


@click.command()
@click.argument("name", metavar="[MODULE]", required=False)
@click.option("--all", "everything", is_flag=True, help="The exercises of every module that you began.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object about all modules.")
def status(name: str | None, everything: bool, as_json: bool) -> None:
    """Say what is yours, what is the reference's, and what is done.

    Below the table stand the exercises of MODULE, by default the current one. "Built" is what passed; built,
    understood (questions) and felt (labs) are counted module by module.
    """
    folder = here()
    if as_json:
        click.echo(json.dumps(whole(folder)))
    else:
        tell(folder, course.modules() if everything else (meant(name)[0],) if name else ())


def whole(folder: Folder) -> dict[str, Any]:
    """All of it, for a program."""
    step, last, done = current(folder), verdicts(folder), built(folder)
    modules = []
    for module in course.modules():
        found = standing(folder, module)
        counts = {
            "built": found.built,
            "questions": found.understood,
            "labs": found.felt,
            "incident": found.incident,
        }
        about: dict[str, Any] = {"number": module.number, "title": module.title}
        about |= {"begun": module in folder.begun(), "finished": found.finished}
        about |= {name: {"done": count.done, "of": count.of} for name, count in counts.items()}
        modules.append(about | {"exercises": [line(folder, each, last, done) for each in module.exercises]})
    runs = [
        {"name": name, "figure": r["figure"], "reached": r["reached"]}
        for name, r in milestones(folder).items()
    ]
    at = step[1].id if step is not None else None
    return {"folder": str(folder.root), "current": at, "modules": modules, "milestones": runs}


def line(folder: Folder, exercise: course.Exercise, last: dict[str, str], done: set[str]) -> dict[str, Any]:
    """One exercise, for a program."""
    said = {"id": exercise.id, "name": exercise.name, "file": exercise.file, "starred": exercise.starred}
    said |= {"runs": runs_as(folder.state(exercise)), "built": exercise.id in done}
    return said | {"last_check": last.get(exercise.id)}


def runs_as(state: str) -> str:
    """Whose function runs."""
    return "yours" if state == "written" else "nobody's" if state in NOBODYS else "reference's"


def tell(folder: Folder, shown: tuple[course.Module, ...] = ()) -> None:
    """A table of the modules, the exercises of some of them, by default of the current, and where to go on."""
    begun, step = folder.begun(), current(folder)
    click.secho(f"{'':<24}{'yours':<11}{'built':<11}{'questions':<11}{'labs':<9}incident", bold=True)
    for module in course.modules():
        name = f"{module.number} {module.title.partition(':')[0]}"
        if module in begun:
            click.echo(f"{name:<24}{summary(folder, module, standing(folder, module))}".rstrip())
        else:
            click.echo(f"{name:<24}not begun: the reference's   (tt next {module.number})")
    for module in shown or ((step[0],) if step is not None else ()):
        if module in begun:
            tell_module(folder, module)
    click.echo()
    ran = [
        f"{name} {each['figure']:.4g}{'' if each['reached'] else ', not reached'}"
        for name, each in milestones(folder).items()
    ]
    for path in strangers(folder):
        click.secho(row("wrong", f"{path.relative_to(folder.root)} hides the framework: tt doctor"), fg="red")
    if ran:
        click.echo(row("milestones", " · ".join(ran)))
    if step is None:
        click.echo(ALL_BUILT)
    else:
        point_at(folder, step[1])


def summary(folder: Folder, module: course.Module, found: Standing) -> str:
    """One line of the table."""
    mine = sum(folder.state(each) == "written" for each in module.exercises)
    counts = [Count(mine, len(module.exercises)), found.built, found.understood, found.felt]
    cells = [f"{count if count.of else ''!s}" for count in counts]
    solved = ("solved" if found.incident.done else "open") if found.incident.of else ""
    line = "".join(f"{cell:<{wide}}" for cell, wide in zip(cells, (11, 11, 11, 9), strict=True))
    return f"{line}{solved}{'  finished' if found.finished else ''}"


def tell_module(folder: Folder, module: course.Module) -> None:
    """Every exercise of a module, file by file."""
    last, done = verdicts(folder), built(folder)
    click.secho(f"\n{module.number} {module.title}", bold=True)
    for file in module.files:
        there = [each for each in module.exercises if each.file == file]
        if any(folder.state(each) == "unreadable" for each in there):
            click.secho(f"   {file}: none of it runs: {complaint(folder.root / file)}", fg="red")
        elif was_there(folder, file):
            click.secho(f"   {file}: gone, so the reference's runs   (tt undo brings it back)", fg="red")
        else:
            click.echo(f"   {file}")
        for each in there:
            tell_exercise(folder, each, last.get(each.id, ""), each.id in done)


def tell_exercise(folder: Folder, exercise: course.Exercise, last: str, done: bool) -> None:
    """Whose function runs, and what is known of it."""
    state = folder.state(exercise)
    if state == "written":
        alone = "built" if done else "not checked yet"
        note = last if last not in ("", NOT_STARTED, RIGHT, COSTS) else alone
    elif state == "missing":
        note = "the function is gone from the file"
    else:
        note = "built once" if done else "starred: never needed later" if exercise.starred else ""
    colour = "green" if note == "built" else "red" if state in NOBODYS else None
    click.secho(f"     {exercise.name:<24} {runs_as(state):<12} {note}".rstrip(), fg=colour)


@click.command(name="list")
@click.argument("name", metavar="[MODULE]", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object: the modules and their exercises.")
def list_modules(name: str | None, as_json: bool) -> None:
    """List the modules; of one MODULE the exercises."""
    chosen = course.modules() if name is None else (meant(name)[0],)
    if as_json:
        click.echo(json.dumps({"modules": [described(module) for module in chosen]}))
        return
    for module in chosen:
        click.echo(f"{module.number}  {module.title}   {len(module.exercises)} exercises")
        click.echo(textwrap.fill(module.question, width(), initial_indent=" " * 4, subsequent_indent=" " * 4))
        for each in module.exercises if name is not None else ():
            click.echo(f"    {each.id:<29} {each.name:<22} {'starred' if each.starred else ''}".rstrip())
    if name is None:
        click.echo("\nexercises  tt list 01\nmilestones tt milestone")


def described(module: course.Module) -> dict[str, Any]:
    """A module for a program."""
    exercises = [
        {
            "id": each.id,
            "name": each.name,
            "file": each.file,
            "functions": each.functions,
            "starred": each.starred,
        }
        for each in module.exercises
    ]
    about = {"number": module.number, "title": module.title, "question": module.question}
    return about | {"files": module.files, "exercises": exercises}
