"""`tt start` and `tt next`: a folder of one's own, and the step that comes next."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from tinytorch_studio import course
from tinytorch_studio.commands.common import current, here, meant, point_at
from tinytorch_studio.folder import Folder, FolderError
from tinytorch_studio.process import environment


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def start(folder: Path) -> None:
    """Begin, in a new FOLDER, or go on in one of yours."""
    first = course.modules()[0]
    try:
        mine = Folder.create(folder.resolve())
        made = mine.begin(first)
    except (FolderError, OSError) as error:
        raise click.ClickException(str(error)) from error
    for file in made:
        click.echo(f"wrote      {folder / file}")
    observe_ahead(first)
    launcher = Path(course.__file__).parents[2] / "tt"
    if shutil.which("tt") is None and launcher.exists():
        say = (
            f"doskey tt=python {launcher} $*" if os.name == "nt" else f"alias tt={shlex.quote(str(launcher))}"
        )
        click.echo(f"once       {say}")
    click.echo(f"now        cd {folder}")
    step = current(mine)
    if step is not None:
        click.echo(f"read       tt lesson {step[0].number}")
        point_at(mine, step[1])


@click.command(name="next")
@click.argument("name", required=False)
def next_step(name: str | None) -> None:
    """Show the next exercise, or begin the one that NAME means; a module begins with what is not built in it."""
    folder = here()
    if name is None:
        step = current(folder)
        if step is None:
            click.echo("Everything there is so far is built.")
            return
        module, exercise = step
    else:
        module, exercises = meant(name)
        exercise = next((e for e in exercises if e.id not in folder.built()), exercises[0])
    folder.at(exercise.id)
    made = folder.begin(module)
    for file in made:
        click.echo(f"wrote      {file}")
    if made:
        observe_ahead(module)
    click.echo(f"{module.number} {module.title}   (tt lesson {exercise.id})")
    point_at(folder, exercise)


AHEAD = "import sys; from tinytorch_studio import check, course; check.remember(course.find(sys.argv[1])[0])"


def observe_ahead(module: course.Module) -> None:
    """Observe the reference and the known mistakes in the background, so that the first check is fast too."""
    quiet: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    command = [sys.executable, "-P", "-c", AHEAD, module.number]
    subprocess.Popen(command, env=environment(), start_new_session=True, **quiet)
