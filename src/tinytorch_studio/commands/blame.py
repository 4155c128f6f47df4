"""`tt blame`: which of the learner's functions make a program fail."""

from __future__ import annotations

import json
import shutil
import sys
from math import ceil, log2
from pathlib import Path
from typing import NoReturn

import click

from tinytorch_studio import course
from tinytorch_studio.blame import Runs, Suspect, smallest, suspects
from tinytorch_studio.commands.common import here, in_front, meant, one
from tinytorch_studio.folder import Folder


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--seconds", default=120.0, show_default=True, help="How long one run may take.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; the runs are not told.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def blame(command: tuple[str, ...], seconds: float, as_json: bool) -> None:
    """Find which of your functions make a COMMAND fail.

    \b
    tt blame tt milestone digits
    tt blame tt check permute
    tt blame python program.py

    A COMMAND fails if its exit code is not 0. It is run again and again, with your functions exchanged for the reference's, all, half, a quarter of them,
    in a folder of its own: your files are not touched. What is found is the smallest set of functions that makes it
    fail. The exit code is 0 if the command does not fail.
    """
    folder = here()
    command, checked = settled(folder, command)
    everybody = suspects(folder)
    always = [each for each in everybody if each.exercise in checked]  # judged, so never exchanged
    found = [each for each in everybody if each not in always]
    if not everybody:
        raise click.ClickException("nothing here is yours yet, so nothing can be blamed on it")
    tell = quiet if as_json else Progress(len(found))
    runs = Runs(folder, runnable(command), seconds, lambda root: in_front(Folder(root)), always, tell)
    if not runs.fails(found):
        finish(runs, [], "It does not fail: its exit code is 0 with all of your functions.", as_json)
    everything = runs.last
    if runs.fails([]):
        other = "the functions that it checks" if always else "the program"
        finish(
            runs,
            [],
            f"It fails with none of your {'other ' * bool(always)}functions too: look in {other}.",
            as_json,
        )
    guilty = smallest(found, runs.fails)
    runs.last = everything
    head = f"It fails with all {len(found)} of your {'other ' * bool(always)}functions, and with none of them it does not."
    finish(runs, guilty, head, as_json)


def settled(folder: Folder, command: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[course.Exercise, ...]]:
    """`tt check` with the exercises that it means now, and these; any other command as it is."""
    if command[:2] != ("tt", "check"):
        return command, ()
    names = [word for word in command[2:] if not word.startswith("-")]
    if names:
        return command, meant(names[0])[1]
    exercise = one(folder, None)[1]
    return (*command, exercise.id), (exercise,)


def finish(runs: Runs, guilty: list[Suspect], head: str, as_json: bool) -> NoReturn:
    """Say what was found, and end."""
    fails = any(runs.seen.values())
    if as_json:
        because = [{"function": each.function, "id": each.exercise.id} for each in guilty]
        found = {"fails": fails, "says": runs.last, "because": because, "runs": len(runs.seen)}
        click.echo(json.dumps(found))
        sys.exit(1 if fails else 0)
    click.echo(head)
    if fails:
        click.echo(f"it says    {runs.last}")
    for each in guilty:
        click.secho(f"because of {each.function}   ({each.exercise.id})", bold=True)
    if len(guilty) > 1:
        click.echo("Together; with any one of these exchanged for the reference's it does not fail.")
    if guilty:
        click.echo(f"next       tt check {guilty[0].exercise.id}   ({len(runs.seen)} runs)")
    sys.exit(1 if fails else 0)


def quiet(runs: Runs, count: int, failed: bool) -> None:
    """Nobody listens."""


class Progress:
    """A line after each run, and after the first two of them how long the rest may take."""

    def __init__(self, everybody: int) -> None:
        self.everybody = everybody

    def __call__(self, runs: Runs, count: int, failed: bool) -> None:
        """One run is over."""
        number = len(runs.seen)
        ended = "fails" if failed else "does not fail"
        click.echo(f"run {number:<6} {count} of {self.everybody} functions yours: {ended}, {runs.took:.1f} s")
        if number == 2 and not failed and self.everybody > 1:
            more = 2 * ceil(log2(self.everybody))
            click.echo(
                f"{'':<10} about {more} runs more if one function is to blame, {more * runs.took:.0f} s"
            )


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
