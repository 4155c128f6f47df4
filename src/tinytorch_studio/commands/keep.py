"""`tt undo`, `tt redo`, `tt history`, `tt diff` and `tt reset`: the states of the learner's files."""

from __future__ import annotations

import time
from difflib import unified_diff

import click
from libcst import ParserSyntaxError

from tinytorch_studio.commands.common import here, meant
from tinytorch_studio.folder import Folder
from tinytorch_studio.snapshots import entries, write_whole
from tinytorch_studio.starters import empty


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


@click.command()
@click.argument("name", required=False)
@click.option("--starter", is_flag=True, help="Against the files as they were given to you.")
def diff(name: str | None, starter: bool) -> None:
    """What changed since the last state that was kept; or, with --starter, all that you wrote. NAME is a file."""
    folder = here()
    before = starters(folder) if starter else folder.snapshots.before()
    for file, old in sorted(before.items()):
        if name is not None and not file.endswith(name):
            continue
        path = folder.root / file
        new = path.read_text(encoding="utf-8") if path.exists() else ""
        lines = unified_diff(old.splitlines(), new.splitlines(), f"{file} before", f"{file} now", lineterm="")
        for line in lines:
            click.secho(line, fg={"+": "green", "-": "red", "@": "cyan"}.get(line[:1]))


def starters(folder: Folder) -> dict[str, str]:
    """Each file of the modules that were begun, as it was given."""
    return {file: folder.starter(module, file) for module in folder.begun() for file in module.files}


@click.command()
@click.argument("name")
def reset(name: str) -> None:
    """Empty an exercise again, or all of a module: as it was given to you. tt undo takes it back."""
    folder = here()
    module, exercises = meant(name)
    folder.snapshots.keep("before reset")
    for file in sorted({each.file for each in exercises}):
        text = (folder.root / file).read_text(encoding="utf-8")
        ids = {f: e.id for e in exercises if e.file == file for f in e.functions}
        try:
            made = empty(text, ids)
        except (ParserSyntaxError, LookupError) as error:
            if len(exercises) < len(module.exercises):
                message = f"{file} cannot be read, or the function is gone; tt reset {module.number} gives the whole file again"
                raise click.ClickException(message) from error
            made = folder.starter(module, file)
        write_whole(folder.root / file, made.encode())
        click.echo(f"emptied    {file}   (tt undo takes it back)")
    folder.snapshots.keep(f"reset {name}")
