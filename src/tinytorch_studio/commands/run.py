"""`tt run`: a program, or a module's *Run it*, on the learner's functions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click

from tinytorch_studio import course
from tinytorch_studio.commands.common import here, in_front

RUN = """
import cProfile, pstats, runpy, sys
profile = cProfile.Profile()
profile.runcall(runpy.run_path, sys.argv[1], run_name="__main__")
rows = pstats.Stats(profile).stats.items() if profile.getstats() else ()
names = sys.argv[3].split(",")
mine = [(calls[1], name) for (file, _, name), calls in rows if file.startswith(sys.argv[2]) and name in names]
if mine:
    print("\\nyours, and how often it was called:")
for calls, name in sorted(mine, reverse=True):
    print(f"{calls:12,}  {name}")
"""


MODELS = Path(course.__file__).parents[1] / "tinytorch_course" / "models"


@click.command()
@click.argument("name")
def run(name: str) -> None:
    """Run on your functions: NAME is a program, a model's name, or the number of a module (its *Run it*)."""
    folder = here()
    path, others = program(name)
    mine = [f.rpartition(".")[2] for m in folder.begun() for e in m.exercises for f in e.functions]
    command = [sys.executable, "-P", "-c", RUN, str(path.resolve()), str(folder.root), ",".join(mine)]
    sys.exit(subprocess.run(command, env=in_front(folder, *others)).returncode)


def program(name: str) -> tuple[Path, list[Path]]:
    """The file that a name means, and the folders that its imports need."""
    first = course.modules()[0].folder  # a program of the first evening finds `first` here
    if Path(name).is_file():
        return Path(name), [first]
    if (MODELS / f"{name}.py").is_file() and name != "__init__":
        return MODELS / f"{name}.py", []
    try:
        module, _ = course.find(name)
    except course.CourseError as error:
        there = ", ".join(sorted(path.stem for path in MODELS.glob("*.py") if path.stem != "__init__"))
        raise click.UsageError(f"{name!r} is no file, no model ({there}) and no module (tt list)") from error
    if not module.path("run.py").exists():
        raise click.ClickException(f"module {module.number} has nothing to run yet")
    return module.path("run.py"), [module.folder]
