"""What the commands share: the folder that they are called in, and what a word means."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path

import click

from tinytorch_studio import course
from tinytorch_studio.diagnosis import row
from tinytorch_studio.folder import Folder, FolderError, Unreadable, tree
from tinytorch_studio.process import environment
from tinytorch_studio.standing import built
from tinytorch_studio.terminal import width

ALL_BUILT = """\
Everything there is so far is built.
What remains: tt quiz · tt lab · tt incident · tt milestone"""


def here() -> Folder:
    """The learner's folder that the command was called in."""
    try:
        return Folder.find(Path.cwd())
    except FolderError as error:
        raise click.ClickException(str(error)) from error


def meant(name: str) -> tuple[course.Module, tuple[course.Exercise, ...]]:
    """The module and exercises that a word means."""
    try:
        return course.find(name, near())
    except course.CourseError as error:
        raise click.UsageError(str(error)) from error


def near() -> str:
    """The number of the module that the learner is in; "" outside of every learner's folder."""
    try:
        folder = Folder.find(Path.cwd())
    except FolderError:
        return ""
    step = current(folder)
    return step[0].number if step is not None else folder.last()[0][:2]


def current(folder: Folder) -> tuple[course.Module, course.Exercise] | None:
    """Where the learner is: the exercise last asked for, until it passes; then the next one of its module.

    When the module is done, the first exercise that is not built: what was skipped comes back.
    """
    done, (last, passed) = built(folder), folder.last()
    everything = [(module, each) for module in course.modules() for each in module.exercises]
    for module, exercise in everything:
        if exercise.id == last and not passed:
            return module, exercise
    needed = [(module, each) for module, each in everything if each.id not in done and not each.starred]
    same = [(module, each) for module, each in needed if each.module == last[:2]]
    return next(iter(same or needed), None)


def first_open(folder: Folder, exercises: tuple[course.Exercise, ...]) -> course.Exercise:
    """Of several exercises the first that is not built; if all are, the first."""
    done = built(folder)
    return next((each for each in exercises if each.id not in done), exercises[0])


def one(folder: Folder, name: str | None) -> tuple[course.Module, course.Exercise]:
    """The exercise that a word means, or without a word the current one."""
    if name is not None:
        module, exercises = meant(name)
        exercise = first_open(folder, exercises)
        folder.at(exercise.id)
        return module, exercise
    step = current(folder)
    if step is None:
        raise click.ClickException("everything there is so far is built; name an exercise (tt list 01)")
    return step


def point_at(folder: Folder, exercise: course.Exercise, first: str = "write") -> None:
    """Say where to write, and how to go on."""
    state = folder.state(exercise)
    if state == "absent" and was_there(folder, exercise.file):
        click.echo(f"gone       {exercise.file}   (tt undo brings it back)")
    elif state == "absent":
        click.echo(f"{first:<10} {exercise.name}   (tt next {exercise.id})")
    elif state == "unreadable":
        click.echo(row("mend", complaint(folder.root / exercise.file)))
        click.echo("then       tt check")
    else:
        click.echo(f"{first:<10} {exercise.name}   in {exercise.file}, line {folder.line(exercise)}")
        click.echo("then       tt check")


def was_there(folder: Folder, file: str) -> bool:
    """Whether a file that is not in the folder was in it when a state was kept."""
    return not os.path.lexists(folder.root / file) and any(
        file in s["files"] for s in folder.snapshots.states()
    )


def strangers(folder: Folder) -> list[Path]:
    """The `__init__.py` in a learner's folder: with one, theirs is a package of its own, and the framework's is hidden."""
    return [
        path for name in ("tinytorch", "first") for path in sorted(folder.root.glob(f"{name}/**/__init__.py"))
    ]


def complaint(path: Path) -> str:
    """Why a file cannot be read as Python, with the line; nothing if it can."""
    try:
        tree(path)
    except Unreadable as error:
        return str(error)
    return ""


def in_front(folder: Folder, *others: Path) -> dict[str, str]:
    """The environment of a program that runs on the learner's files: all of it theirs, unless they ask for kernels."""
    settings = environment(kernels=os.environ.get("TINYTORCH_KERNELS") == "1")
    settings["PYTHONPATH"] = os.pathsep.join(map(str, [folder.root, *others, settings["PYTHONPATH"]]))
    return settings


def wrapped(text: str) -> str:
    """Paragraphs as wide as the terminal, 80 columns at most; what is indented, or stands in a fence, stays as it is."""
    made, fenced = [], False
    for line in text.splitlines():
        fence = line.startswith("```")
        fenced = fenced != fence
        plain = not fence and not fenced and not line.startswith(" ")
        made.append(textwrap.fill(line, width(), break_on_hyphens=False) if plain and line else line)
    return "\n".join(made)
