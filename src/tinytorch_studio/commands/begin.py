"""`tt start` and `tt next`: a folder of one's own, and the step that comes next."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from tinytorch_studio import course
from tinytorch_studio.commands.common import ALL_BUILT, current, first_open, here, meant, point_at, was_there
from tinytorch_studio.folder import Folder, FolderError
from tinytorch_studio.process import environment


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), required=False)
def start(folder: Path | None) -> None:
    """Begin in a new FOLDER, or go on in one of yours.

    Your files will lie in it, with all their earlier states in a hidden .tt. Nothing else is written.
    """
    if folder is None:
        raise click.UsageError("say which folder, a new one: tt start my-torch")
    first, root = course.modules()[0], folder.resolve()
    try:
        around = Folder.find(root.parent)
    except FolderError:
        pass
    else:
        raise click.ClickException(
            f"{around.root} is yours already, and one cannot lie inside another: cd there"
        )
    mine = Folder.create(root)
    made = mine.begin(first)
    for file in made:
        click.echo(f"wrote      {folder / file}")
    observe_ahead(first)
    tell_once()
    if Path.cwd() != root:
        click.echo(f"now        cd {shlex.quote(str(folder))}")
    step = current(mine)
    if step is not None:
        click.echo(f"read       tt lesson {step[0].number}")
        point_at(mine, step[1])


def tell_once() -> None:
    """The lines that a shell needs once: what makes the command, and the Python that knows the framework."""
    launcher = Path(course.__file__).parents[2] / "tt"
    if shutil.which("tt") is None and launcher.exists():
        say = (
            f"doskey tt=python {launcher} $*" if os.name == "nt" else f"alias tt={shlex.quote(str(launcher))}"
        )
        click.echo(f"once       {say}")
    if not same_file(shutil.which("python"), sys.executable):
        click.echo(f"python     {sys.executable}   (for scripts, editors, notebooks)")


def same_file(found: str | None, wanted: str) -> bool:
    """Whether a command is a certain file; the Pythons of two environments are not the same."""
    return found is not None and os.path.abspath(found) == os.path.abspath(wanted)


@click.command(name="next")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object: the exercise, its file and line.")
def next_step(name: str | None, as_json: bool) -> None:
    """Show the next exercise, or begin the one that NAME means.

    NAME is an exercise or a module: one may jump anywhere, and what is not built runs as the reference's. A module
    begins with what is not built in it. What was jumped over comes back when a module is done.
    """
    folder = here()
    if name is None:
        step = current(folder)
        if step is None:
            click.echo(json.dumps({"id": None}) if as_json else ALL_BUILT)
            return
        module, exercise = step
    else:
        module, exercises = meant(name)
        exercise = first_open(folder, exercises)
    folder.at(exercise.id)
    again = [file for file in module.files if was_there(folder, file)]
    made = folder.begin(module)
    if made:
        observe_ahead(module)
    if as_json:
        about = {"id": exercise.id, "name": exercise.name, "module": module.number, "file": exercise.file}
        click.echo(json.dumps(about | {"line": folder.line(exercise), "wrote": made}))
        return
    for file in made:
        gone = "   (it was gone: tt undo brings back what you had)" if file in again else ""
        click.echo(f"wrote      {file}{gone}")
    click.echo(f"{module.number} {module.title}   (tt lesson {exercise.id})")
    point_at(folder, exercise)


AHEAD = """
import compileall, os, py_compile, sys
from tinytorch.devices.native import library
from tinytorch_studio import check, course

# The children of a check write no bytecode (a learner's file must never be taken for an older one), so it is made here.
compileall.compile_dir(course.framework(), quiet=2, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)
check.remember(course.find(sys.argv[1])[0])
os.environ.pop("TINYTORCH_KERNELS", None)
library.loaded()  # the kernels are compiled, so that no program has to wait for that
"""


def observe_ahead(module: course.Module) -> None:
    """Observe the reference and the known mistakes in the background, so that the first check is fast too."""
    quiet: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    command = [sys.executable, "-P", "-c", AHEAD, module.number]
    subprocess.Popen(command, env=environment(), start_new_session=True, **quiet)
