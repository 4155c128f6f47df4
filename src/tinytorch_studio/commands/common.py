"""What the commands share: the folder that they are called in, and what a word means."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path

import click

from tinytorch_studio import course
from tinytorch_studio.folder import Folder, FolderError
from tinytorch_studio.process import environment


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
    """Where the learner is: the exercise last asked for, until it passes; then the next one of its module.

    When the module is done, the first exercise that is not built: what was skipped comes back.
    """
    built, (last, passed) = folder.built(), folder.last()
    everything = [(module, each) for module in course.modules() for each in module.exercises]
    for module, exercise in everything:
        if exercise.id == last and not passed:
            return module, exercise
    needed = [(module, each) for module, each in everything if each.id not in built and not each.starred]
    same = [(module, each) for module, each in needed if each.module == last[:2]]
    return next(iter(same or needed), None)


def one(folder: Folder, name: str | None) -> tuple[course.Module, course.Exercise]:
    """The exercise that a word means, or without a word the current one."""
    if name is not None:
        module, exercises = meant(name)
        folder.at(exercises[0].id)
        return module, exercises[0]
    step = current(folder)
    if step is None:
        raise click.ClickException("everything there is so far is built; name an exercise (tt list)")
    return step


def point_at(folder: Folder, exercise: course.Exercise, first: str = "write") -> None:
    """Say where to write, and how to go on."""
    if folder.state(exercise) == "absent":
        click.echo(f"{first:<10} {exercise.name}   (tt next {exercise.id})")
        return
    click.echo(f"{first:<10} {exercise.name}   in {exercise.file}, line {folder.line(exercise)}")
    click.echo("then       tt check")


def in_front(folder: Folder, *others: Path) -> dict[str, str]:
    """The environment of a program that runs on the learner's files."""
    settings = environment()
    settings["PYTHONPATH"] = os.pathsep.join(map(str, [folder.root, *others, settings["PYTHONPATH"]]))
    return settings


def wrapped(text: str) -> str:
    """Paragraphs at 80 columns; what is indented, or stands in a fence, stays as it is."""
    made, fenced = [], False
    for line in text.splitlines():
        fence = line.startswith("```")
        fenced = fenced != fence
        plain = not fence and not fenced and not line.startswith(" ")
        made.append(textwrap.fill(line, 80, break_on_hyphens=False) if plain and line else line)
    return "\n".join(made)
