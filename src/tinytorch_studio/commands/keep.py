"""`tt undo`, `tt redo`, `tt history`, `tt diff` and `tt reset`: the states of the learner's files."""

from __future__ import annotations

import json
import os
import time
from difflib import unified_diff
from typing import Any

import click
from libcst import ParserSyntaxError

from tinytorch_studio.check import NOT_STARTED
from tinytorch_studio.commands.common import here, meant
from tinytorch_studio.course import Module
from tinytorch_studio.folder import LARGEST, Folder, Unreadable, content, text, tree
from tinytorch_studio.snapshots import write_whole
from tinytorch_studio.starters import empty

SHOWN = 20  # states that are listed unless all are asked for


@click.command()
def undo() -> None:
    """Give your files the contents that they had before.

    Again goes further back; tt redo returns. No file is ever removed.
    """
    folder = here()
    changed = folder.snapshots.undo()
    for damage in folder.snapshots.damaged:
        click.echo(f"passed     a state that cannot be given back: {damage}")
    tell_restored(folder, changed, "there is no earlier state")


@click.command()
def redo() -> None:
    """Take the last undo back."""
    folder = here()
    tell_restored(folder, folder.snapshots.redo(), "there is no undo to take back")


def tell_restored(folder: Folder, changed: list[str], otherwise: str) -> None:
    """Which files have other contents now, and from when these are."""
    for name in changed:
        click.echo(f"restored   {name}")
    if not changed:
        click.echo(otherwise)
        return
    state = folder.snapshots.present()
    click.echo(f"as of      {when(state)}   ({state['why']})")


def when(state: dict[str, Any]) -> str:
    """The local time at which a state was kept."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(state["time"]))


@click.command()
@click.option("--all", "everything", is_flag=True, help=f"All of them; else the last {SHOWN}.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object: all states, the present one last.")
def history(everything: bool, as_json: bool) -> None:
    """List the states of your files that are kept, the present last."""
    past = here().snapshots.states()
    states = [
        {"time": each["time"], "why": each["why"], "changed": changes(before, each["files"])}
        for before, each in zip([{}, *[each["files"] for each in past]], past, strict=False)
    ]
    if as_json:
        click.echo(json.dumps({"states": states}))
        return
    shown = states if everything else states[-SHOWN:]
    if len(shown) < len(states):
        click.echo(f"{len(states) - len(shown)} earlier ones: tt history --all")
    for each in shown:
        names = each["changed"]
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        click.echo(f"{when(each)}  {each['why']:<20} {''.join(names[:1])}{more}".rstrip())


def changes(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """The files that are in one state and not, or otherwise, in the other."""
    return sorted(name for name in before | after if before.get(name) != after.get(name))


@click.command()
@click.argument("name", required=False)
@click.option(
    "--starter", is_flag=True, help="Against the files as they were given to you: all that you wrote."
)
def diff(name: str | None, starter: bool) -> None:
    """Show what changed since the last state that was kept.

    NAME is a file, or its end: layout.py.
    """
    folder = here()
    before = starters(folder) if starter else folder.snapshots.before()
    there = [file for file in sorted(before) if name is None or f"/{file}".endswith(f"/{name}")]
    files = sorted(before | folder.snapshots.state())
    if name is not None and not any(f"/{file}".endswith(f"/{name}") for file in files):
        raise click.UsageError(f"no file of yours is called {name!r}; there is {', '.join(files)}")
    lines = [line for file in there for line in differences(folder, file, before[file])]
    for line in lines:
        click.secho(line, fg={"+": "green", "-": "red", "@": "cyan"}.get(line[:1]))
    if not lines:
        click.echo(
            f"nothing differs from {'what was given to you' if starter else 'the state before'}", err=True
        )


def differences(folder: Folder, file: str, old: str) -> list[str]:
    """A unified diff from a text to the present one."""
    path = folder.root / file
    try:
        new = content(path).decode("utf-8", "replace") if os.path.lexists(path) else ""
    except Unreadable as error:
        return [f"{file} cannot be compared: {error}"]
    if len(old) > LARGEST:
        return [f"{file} cannot be compared: it had {len(old) / 2**20:.1f} MB"]
    names = (f"{file} before", f"{file} now")
    return list(unified_diff(old.splitlines(), new.splitlines(), *names, lineterm=""))


def starters(folder: Folder) -> dict[str, str]:
    """Each file of the modules that were begun, as it was given."""
    return {file: folder.starter(module, file) for module in folder.begun() for file in module.files}


@click.command()
@click.argument("name")
def reset(name: str) -> None:
    """Empty an exercise, or all of a module, as it was given to you.

    NAME is an exercise, a module or a file. tt undo takes it back.
    """
    folder = here()
    module, exercises = meant(name)
    there = [each for each in exercises if (folder.root / each.file).exists()]
    if not there:
        raise click.ClickException(f"{name} is not begun: there is nothing to empty")
    with folder.snapshots.change("before reset", f"reset {name}"):
        for file in sorted({each.file for each in there}):
            ids = {f: e.id for e in exercises if e.file == file for f in e.functions}
            write_whole(folder.root / file, emptied(folder, module, file, ids))
            click.echo(f"emptied    {file}   (tt undo takes it back)")
    for each in there:
        folder.note("verdict", each.id, status=NOT_STARTED)
    folder.at(there[0].id)


def emptied(folder: Folder, module: Module, file: str, ids: dict[str, str]) -> bytes:
    """A file without the bodies of some functions; one that cannot be read is given anew as a whole, or not at all."""
    try:
        tree(folder.root / file)  # what Python cannot parse would take libcst for ever
        there, encoding = text(folder.root / file)
        return empty(there, ids).encode(encoding)
    except (Unreadable, ParserSyntaxError, LookupError) as error:
        if len(ids) < sum(len(each.functions) for each in module.exercises if each.file == file):
            message = f"{file} cannot be read, or the function is gone; tt reset {module.number} gives the whole file again"
            raise click.ClickException(message) from error
        return folder.starter(module, file).encode()
