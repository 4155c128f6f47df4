"""`tt watch`: each time a file is saved, the current exercise is judged."""

from __future__ import annotations

import click

from tinytorch_studio import check as checks
from tinytorch_studio.commands.check import judge, report
from tinytorch_studio.commands.common import current, here
from tinytorch_studio.folder import Folder


@click.command()
def watch() -> None:
    """Judge the current exercise each time that you save a file; Ctrl-C ends it."""
    from watchfiles import PythonFilter
    from watchfiles import watch as changes

    folder = here()
    click.echo(f"watching   {folder.root}   (Ctrl-C ends)")
    once(folder)
    for _ in changes(
        folder.root, watch_filter=PythonFilter(ignore_paths=[folder.root / ".tt"]), raise_interrupt=False
    ):
        click.echo("-" * 40)
        once(folder)


def once(folder: Folder) -> list[checks.Verdict]:
    """Judge what is current now, and say what comes next."""
    step = current(folder)
    if step is None:
        click.echo("Everything there is so far is built.")
        return []
    verdicts = judge(folder, step[0], (step[1],))
    report(folder, verdicts, traceback=False)
    return verdicts
