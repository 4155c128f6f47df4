"""`tt watch`: each time a file is saved, what changed in it is judged."""

from __future__ import annotations

import ast
import time
from collections.abc import Iterator
from pathlib import Path

import click

from tinytorch_studio import course
from tinytorch_studio.commands.check import judge, report, tell
from tinytorch_studio.commands.common import ALL_BUILT, current, here
from tinytorch_studio.course import Exercise
from tinytorch_studio.folder import Folder, Unreadable, functions, tree, unwritten
from tinytorch_studio.terminal import width


@click.command()
def watch() -> None:
    """Judge each time that you save a file; Ctrl-C ends it.

    What you changed is judged, one exercise or several; where no exercise changed, the current one.
    """
    folder = here()
    seen = {file: texts(folder, file) for module in folder.begun() for file in module.files}
    try:
        click.echo(f"watching   {folder.root}   (Ctrl-C ends)")
        once(folder, [])
        for files in saved(folder):
            title = f"--- {time.strftime('%H:%M:%S')}  {', '.join(files)} "
            click.echo(f"\n{title:-<{width()}}")
            once(folder, [each for file in files for each in changed(folder, file, seen)])
    except KeyboardInterrupt:
        click.echo("\nended")


def saved(folder: Folder) -> Iterator[list[str]]:
    """The Python files that were saved together, again and again; also by editors that write beside and rename."""
    from watchfiles import PythonFilter
    from watchfiles import watch as changes

    ours = PythonFilter(ignore_paths=[folder.root / ".tt"])
    root = folder.root.resolve()
    for found in changes(root, watch_filter=ours):
        yield sorted({Path(path).relative_to(root).as_posix() for _, path in found})


def texts(folder: Folder, file: str) -> dict[str, str] | None:
    """What is written in each exercise of a file, by id; None for a file that is no Python, or gone."""
    try:
        found = functions(tree(folder.root / file))
    except Unreadable:
        return None
    return {
        each.id: "".join(ast.dump(found[f]) for f in each.functions if f in found and not unwritten(found[f]))
        for each in exercises_in(file)
    }


def exercises_in(file: str) -> list[Exercise]:
    """The exercises that stand in a file."""
    return [each for module in course.modules() for each in module.exercises if each.file == file]


def changed(folder: Folder, file: str, seen: dict[str, dict[str, str] | None]) -> list[Exercise]:
    """The exercises of a file that are written otherwise than they were; of a file that is no Python, one."""
    now, there = texts(folder, file), exercises_in(file)
    if now is None:
        step = current(folder)
        return [step[1]] if step is not None and step[1] in there else there[:1]
    before, seen[file] = seen.get(file) or {}, now
    return [each for each in there if now[each.id] and now[each.id] != before.get(each.id)]


def once(folder: Folder, found: list[Exercise]) -> None:
    """Judge some exercises, or where there are none the current one, and say what comes next."""
    if found:
        folder.at(found[0].id)
    step = current(folder)
    if step is None:
        click.echo(ALL_BUILT)
        return
    verdicts = []
    for exercise in found or [step[1]]:
        module = course.find(exercise.id)[0]
        for verdict in judge(folder, module, (exercise,)):
            verdicts.append(verdict)
            tell(verdict, alone=len(found) < 2)
    report(folder, verdicts, traceback=False)
