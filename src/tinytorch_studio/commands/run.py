"""`tt run`: a program, or a module's *Run it*, on the learner's functions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click

from tinytorch_studio import course
from tinytorch_studio.commands.common import here, in_front

RUN = """
import cProfile, os, runpy, sys, textwrap, traceback
program, root, mine, theirs = sys.argv[1:5]
sys.argv = [program, *sys.argv[5:]]
profile = cProfile.Profile()
try:
    profile.runcall(runpy.run_path, program, run_name="__main__")
except KeyboardInterrupt:
    sys.exit(130)
except BrokenPipeError:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(141)
except Exception as error:
    told = traceback.TracebackException.from_exception(error)
    own = [number for number, frame in enumerate(told.stack) if frame.filename == program]
    told.stack = traceback.StackSummary.from_list(told.stack[own[0]:] if own else [])  # from the program on
    sys.exit("".join(told.format()).rstrip())
names = mine.split(",")
rows = [(each.callcount, each.code) for each in profile.getstats() if not isinstance(each.code, str)]
own = [(calls, code.co_qualname) for calls, code in rows if code.co_filename.startswith(root)]
found = [(calls, name) for calls, name in own if name in names]
if found:
    print("\\nyours, and how often it was called:")
for calls, name in sorted(found, reverse=True):
    print(f"{calls:12,}  {name}")
if found and theirs:
    print(textwrap.fill(f"the reference's: {theirs}", 80))
"""


PIPE_CLOSED = 128 + 13  # what shells report of a program whose reader has gone
MODELS = Path(course.__file__).parents[1] / "tinytorch_course" / "models"


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("name")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(name: str, arguments: tuple[str, ...]) -> None:
    """Run a program on your functions, and count their calls.

    NAME is a program of yours, the name of a model, or a module: its "Run it". What stands behind NAME is the
    program's; its exit code is that of the program. A program needs nothing of this: in your folder, any script
    or notebook that imports tinytorch runs on your files (tt doctor says with which Python).
    """
    folder = here()
    path, others = program(name)
    begun = [e for m in folder.begun() for e in m.exercises]
    framework = path.parent.name[:2] != "00"  # the first evening's file is no part of it
    theirs = [
        e.name for e in begun if folder.state(e) != "written" and e.file.startswith("tinytorch/") == framework
    ]
    mine = ",".join([f for e in begun for f in e.functions])
    words = [str(path.resolve()), str(folder.root), mine, ", ".join(theirs), *arguments]
    command = [sys.executable, "-P", "-c", RUN, *words]
    code = subprocess.run(command, env=in_front(folder, *others)).returncode
    if (
        code not in (0, PIPE_CLOSED) and mine and not Path(name).is_file()
    ):  # on the reference it does not fail
        click.echo(f"next       tt blame tt run {name}", err=True)
    sys.exit(code)


def program(name: str) -> tuple[Path, list[Path]]:
    """The file that a name means, and the folders that its imports need."""
    first = course.modules()[0].folder  # a program of the first evening finds `first` here
    if Path(name).is_file():
        return Path(name), [Path(name).resolve().parent, first]  # as Python does it
    if (MODELS / f"{name}.py").is_file() and name != "__init__":
        return MODELS / f"{name}.py", []
    try:
        module, _ = course.find(name)
    except course.CourseError as error:
        there = ", ".join(sorted(path.stem for path in MODELS.glob("*.py") if path.stem != "__init__"))
        raise click.UsageError(
            f"{name!r} is no file here, no model ({there}) and no module (tt list)"
        ) from error
    if not module.path("run.py").exists():
        raise click.ClickException(f"module {module.number} has nothing to run yet")
    return module.path("run.py"), [module.folder]
