"""`tt blame`: which of the learner's functions make a program fail."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click

from tinytorch_studio.blame import Runs, smallest, suspects
from tinytorch_studio.commands.common import here, in_front
from tinytorch_studio.folder import Folder


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("--seconds", default=120.0, help="How long one run may take.")
def blame(command: tuple[str, ...], seconds: float) -> None:
    """Find the smallest set of your functions that makes COMMAND fail (tt milestone digits; python program.py).

    A command fails if its exit code is not 0. It is run with your functions exchanged for the reference's, a few at a
    time, in a folder of its own: your files are not touched.
    """
    folder = here()
    found = suspects(folder)
    if not found:
        raise click.ClickException("nothing here is yours yet, so nothing can be blamed on it")
    runs = Runs(folder, runnable(command), seconds, lambda root: in_front(Folder(root)))
    if not runs.fails(found):
        click.echo("It does not fail: its exit code is 0 with all of your functions.")
        return
    said = runs.last
    if runs.fails([]):
        click.echo(f"It fails with none of your functions too: look in the program.\nit says    {runs.last}")
        sys.exit(1)
    guilty = smallest(found, runs.fails)
    click.echo(
        f"It fails with all {len(found)} of your functions, and with none of them it does not.\nit says    {said}"
    )
    for each in guilty:
        click.secho(f"because of {each.function}   ({each.exercise.id})", bold=True)
    if len(guilty) > 1:
        click.echo("Together; with any one of these exchanged for the reference's it does not fail.")
    click.echo(f"next       tt check {guilty[0].exercise.id}   ({len(runs.seen)} runs)")
    sys.exit(1)


def runnable(command: tuple[str, ...]) -> list[str]:
    """The words with `tt` and `python` meaning this installation's."""
    first, *rest = command
    if first == "tt":
        return [sys.executable, "-P", "-m", "tinytorch_studio", *rest]
    if first in ("python", "python3"):
        return [sys.executable, *rest]
    if first.endswith(".py") and Path(first).is_file():
        return [sys.executable, *command]
    if shutil.which(first) is None:
        raise click.UsageError(f"there is no command {first!r}")
    return list(command)
