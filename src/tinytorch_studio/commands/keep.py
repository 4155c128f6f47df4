"""`tt undo`, `tt redo` and `tt history`: the states of the learner's files."""

from __future__ import annotations

import time

import click

from tinytorch_studio.commands.common import here
from tinytorch_studio.snapshots import entries


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
