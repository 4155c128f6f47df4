"""`tt status` and `tt list`: what is the learner's, how far they are, and what there is."""

from __future__ import annotations

import json

import click

from tinytorch_studio import course
from tinytorch_studio.commands.common import current, here, point_at
from tinytorch_studio.folder import Folder
from tinytorch_studio.standing import Standing, standing


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def status(as_json: bool) -> None:
    """What is yours, and what is still the reference's; what is built, understood and felt."""
    folder = here()
    if as_json:
        click.echo(json.dumps([row(folder, m, e) for m in course.modules() for e in m.exercises]))
        return
    tell(folder)


def row(folder: Folder, module: course.Module, exercise: course.Exercise) -> dict[str, object]:
    """One exercise, for a program."""
    runs = "yours" if folder.state(exercise) == "written" else "reference's"
    return {"id": exercise.id, "file": exercise.file, "runs": runs, "built": exercise.id in folder.built()}


def tell(folder: Folder) -> None:
    """Every module in a few lines, and where to go on."""
    begun = folder.begun()
    for module in course.modules():
        click.secho(f"{module.number} {module.title}", bold=True)
        if module not in begun:
            click.echo(f"   not begun: all of it runs as the reference's (tt next {module.number})")
            continue
        click.echo(f"   {summary(standing(folder, module))}")
        for file in module.files:
            click.echo(f"   {file}")
            for each in module.exercises:
                if each.file == file:
                    tell_exercise(folder, each)
    click.echo()
    step = current(folder)
    if step is None:
        click.echo(
            "Everything there is so far is built. tt quiz, tt lab, tt incident and tt milestone remain."
        )
    else:
        point_at(folder, step[1])


def tell_exercise(folder: Folder, exercise: course.Exercise) -> None:
    """Whose function runs, and whether it has passed."""
    state, built = folder.state(exercise), exercise.id in folder.built()
    whose = {
        "written": "yours",
        "unreadable": "nobody's: the file cannot be read",
        "missing": "nobody's: it is gone",
    }
    says = whose.get(state, "reference's")
    note = "built" if built and state == "written" else "built once" if built else ""
    if exercise.starred and not built:
        note = "starred: never needed later"
    line = f"     {exercise.name:<24} {says:<12} {note}".rstrip()
    click.secho(line, fg="green" if note == "built" else "red" if state in whose and says[0] == "n" else None)


def summary(found: Standing) -> str:
    """Built, understood, felt."""
    parts = [f"built {found.built}"]
    parts += [f"questions {found.understood}"] if found.understood.of else []
    parts += [f"labs {found.felt}"] if found.felt.of else []
    if found.incident.of:
        parts.append("incident solved" if found.incident.done else "incident open")
    return " · ".join(parts) + (" · finished" if found.finished else "")


@click.command(name="list")
def list_modules() -> None:
    """The modules there are."""
    for module in course.modules():
        click.echo(f"{module.number}  {module.title}   {len(module.exercises)} exercises")
        click.echo(f"    {module.question}")
