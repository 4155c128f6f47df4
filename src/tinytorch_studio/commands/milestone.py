"""`tt milestone`: a historical result, reproduced with the learner's framework."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import click

from tinytorch_studio import course
from tinytorch_studio.commands.common import here, in_front
from tinytorch_studio.folder import Folder
from tinytorch_studio.plots import NoPlot, curves

RUNNER = """
import json, sys
from pathlib import Path
import importlib
milestone = importlib.import_module("tinytorch_course.milestones." + sys.argv[1])
out = Path(sys.argv[2])
try:
    result = milestone.train(out, lambda line: print(line, flush=True))
except Exception as error:
    import traceback
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(sys.argv[3])]
    if not frames:
        traceback.print_exc(limit=-3)
    for frame in frames[-3:]:
        print(f"{frame.filename}, line {frame.lineno}, {frame.name}:  {frame.line}")
    sys.exit(f"{type(error).__name__}: {error}")
(out / "result.json").write_text(json.dumps(result))
"""


@click.command()
@click.argument("name")
def milestone(name: str) -> None:
    """Reproduce a historical result with your framework: NAME is perceptron, xor or digits."""
    root = Path(course.__file__).parents[1] / "tinytorch_course" / "milestones"
    path = root / f"{name}.py"
    if not path.exists():
        there = ", ".join(sorted(p.stem for p in root.glob("*.py") if p.stem != "__init__"))
        raise click.UsageError(f"there is no milestone {name!r}; there is {there}")
    folder = here()
    out = folder.root / "milestones" / name
    out.mkdir(parents=True, exist_ok=True)
    (out / "result.json").unlink(missing_ok=True)
    values = constants(path)
    click.echo(f"{values['YEAR']}  {values['TITLE']}")
    begun = time.perf_counter()
    threads = {"OPENBLAS_NUM_THREADS": str(values["THREADS"])} if "THREADS" in values else {}
    command = [sys.executable, "-P", "-c", RUNNER, name, str(out), str(folder.root)]
    done = subprocess.run(command, env=in_front(folder) | threads)
    seconds = time.perf_counter() - begun
    if done.returncode or not (out / "result.json").exists():
        raise click.ClickException("the milestone did not run to its end")
    result = json.loads((out / "result.json").read_text(encoding="utf-8"))
    figure, target = result["figure"], float(str(values["TARGET"]))
    click.echo(f"{values['FIGURE']}: {figure:.4g}   (target {target}), {seconds:.1f} s")
    tell_whose(folder)
    try:
        curves(out / "curves", str(values["TITLE"]), result["curves"], goals={str(values["CURVE"]): target})
    except NoPlot as error:
        click.echo(f"no plot: {error}")
    click.echo(
        f"kept       {', '.join(sorted(path.name for path in out.iterdir()))} in {out.relative_to(folder.root)}"
    )
    if figure < target:
        click.echo(f"not reached: tt blame tt milestone {name}")
    sys.exit(0 if figure >= target else 1)


def tell_whose(folder: Folder) -> None:
    """Which files had functions of the learner's in them, and how many of all exercises these are."""
    written = [e for m in folder.begun() for e in m.exercises if folder.state(e) == "written"]
    mine = [
        each for each in written if each.file.startswith("tinytorch/")
    ]  # the first evening's file is not in it
    for file in sorted({each.file for each in mine}):
        names = [each.name for each in mine if each.file == file]
        click.echo(f"yours: {file}: {', '.join(names)}")
    click.echo(
        "the rest was the reference's" if mine else "yours: nothing yet; all of it was the reference's"
    )


def constants(path: Path) -> dict[str, object]:
    """The plain values that a file assigns, without running it."""
    import ast

    tree = ast.parse(path.read_text(encoding="utf-8"))
    simple = [n for n in tree.body if isinstance(n, ast.Assign) and isinstance(n.value, ast.Constant)]
    return {n.targets[0].id: n.value.value for n in simple if isinstance(n.targets[0], ast.Name)}  # type: ignore[attr-defined]
