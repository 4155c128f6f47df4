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
    """Reproduce a historical result with your framework: NAME is digits."""
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
    done = subprocess.run(
        [sys.executable, "-P", "-c", RUNNER, name, str(out), str(folder.root)], env=in_front(folder)
    )
    seconds = time.perf_counter() - begun
    if done.returncode or not (out / "result.json").exists():
        raise click.ClickException("the milestone did not run to its end")
    figure = json.loads((out / "result.json").read_text(encoding="utf-8"))["figure"]
    mine = [e.file for m in folder.begun() for e in m.exercises if folder.state(e) == "written"]
    click.echo(f"{values['FIGURE']}: {figure:.4g}   (target {values['TARGET']}), {seconds:.1f} s")
    click.echo(f"yours: {', '.join(sorted(set(mine))) or 'nothing yet; all of it was the reference'}")
    click.echo(f"kept in {out.relative_to(folder.root)}")
    sys.exit(0 if figure >= values["TARGET"] else 1)


def constants(path: Path) -> dict[str, object]:
    """The plain values that a file assigns, without running it."""
    import ast

    tree = ast.parse(path.read_text(encoding="utf-8"))
    simple = [n for n in tree.body if isinstance(n, ast.Assign) and isinstance(n.value, ast.Constant)]
    return {n.targets[0].id: n.value.value for n in simple if isinstance(n.targets[0], ast.Name)}  # type: ignore[attr-defined]
