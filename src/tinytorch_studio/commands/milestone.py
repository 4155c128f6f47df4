"""`tt milestone`: a historical result, reproduced with the learner's framework."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NoReturn

import click

from tinytorch_studio import course
from tinytorch_studio.commands.common import here, in_front
from tinytorch_studio.diagnosis import row
from tinytorch_studio.folder import Folder
from tinytorch_studio.plots import NoPlot, curves
from tinytorch_studio.snapshots import write_whole
from tinytorch_studio.standing import milestones

RUNNER = """
import json, os, sys, traceback
from importlib import import_module
from pathlib import Path
name, out, root, no_data = sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
try:
    result = import_module("tinytorch_course.milestones." + name).train(out, lambda line: print(line, flush=True))
    (out / "result.json").write_text(json.dumps(result))
except KeyboardInterrupt:
    sys.exit(130)
except BrokenPipeError:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(1)
except Exception as error:
    downloads = sys.modules.get("tinytorch.datasets.download")
    if downloads is not None and isinstance(error, downloads.DownloadError):
        print(error, file=sys.stderr)
        sys.exit(no_data)
    frames = traceback.extract_tb(error.__traceback__)
    for frame in ([each for each in frames if each.filename.startswith(root)] or frames[-1:])[-3:]:
        print(f"{frame.filename}, line {frame.lineno}, {frame.name}:  {frame.line}", flush=True)
    sys.exit(traceback.format_exception_only(error)[-1].rstrip())
"""
NO_DATA = 69  # the exit code of a run whose data is not on this machine (EX_UNAVAILABLE of sysexits.h)
PROGRAMS = Path(course.__file__).parents[1] / "tinytorch_course" / "milestones"


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object; the training says nothing.")
def milestone(name: str | None, as_json: bool) -> None:
    """Reproduce a historical result with your framework.

    Without NAME: which there are, and which you reached. The exit code is 0 if the figure reaches its target.
    """
    folder, there = here(), programs()
    if name is None:
        tell_all(folder, there, as_json)
        return
    if name not in there:
        raise click.UsageError(f"there is no milestone {name!r}; there is {', '.join(there)}")
    values = there[name]
    out = folder.root / "milestones" / name
    out.mkdir(parents=True, exist_ok=True)
    if not as_json:
        click.echo(f"{values['YEAR']}  {values['TITLE']}")
    begun = time.perf_counter()
    code, error = run(folder, name, values, out, quiet=as_json)
    if code:
        ended_early(name, values, code, error, as_json)
    result = json.loads((out / "result.json").read_text(encoding="utf-8"))
    result |= about(name, values, result, time.perf_counter() - begun) | {"yours": whose(folder)}
    write_whole(out / "result.json", json.dumps(result).encode())
    folder.note("milestone", name, figure=result["figure"], reached=result["reached"])
    plot = draw(out, values, result)
    result["kept"] = sorted(path.name for path in out.iterdir())
    if as_json:
        click.echo(json.dumps(result))
    else:
        tell(result, plot)
    sys.exit(0 if result["reached"] else 1)


def programs() -> dict[str, dict[str, Any]]:
    """The milestones by name, with the plain values that each file assigns, in the order of history."""
    found = {path.stem: constants(path) for path in PROGRAMS.glob("*.py") if path.stem != "__init__"}
    return dict(sorted(found.items(), key=lambda item: (item[1]["YEAR"], item[0])))


def run(folder: Folder, name: str, values: dict[str, Any], out: Path, quiet: bool) -> tuple[int, str]:
    """Train on the learner's files: 0 if that came to its end, else its exit code, and what it said if nobody listened."""
    threads = {"OPENBLAS_NUM_THREADS": str(values["THREADS"])} if "THREADS" in values else {}
    listen = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE} if quiet else {}
    with tempfile.TemporaryDirectory(prefix="tt-") as made:
        command = [sys.executable, "-P", "-c", RUNNER, name, made, str(folder.root), str(NO_DATA)]
        done = subprocess.run(command, env=in_front(folder) | threads, **listen)  # type: ignore[call-overload]
        if done.returncode or not Path(made, "result.json").exists():
            return done.returncode or 1, (done.stderr or b"").decode("utf-8", "replace").strip()
        for each in sorted(Path(made).iterdir()):  # until now there was what an earlier run left
            write_whole(out / each.name, each.read_bytes())
    return 0, ""


def ended_early(name: str, values: dict[str, Any], code: int, error: str, as_json: bool) -> NoReturn:
    """A training that broke, or did not begin, has no figure."""
    if as_json:
        click.echo(json.dumps({"name": name, "figure": None, "reached": False, "error": error}))
    elif code == NO_DATA:
        data = values["DATA"]
        click.secho("stopped    its data is not on this machine: there is no figure", fg="red")
        fetch = f"from tinytorch.datasets import {data}; {data}(download=True)"
        click.echo(f'next       {sys.executable} -c "{fetch}"')
    else:
        click.secho("stopped    it did not run to its end: there is no figure", fg="red")
        click.echo(f"next       tt blame tt milestone {name}")
    sys.exit(1)


def about(name: str, values: dict[str, Any], result: dict[str, Any], seconds: float) -> dict[str, Any]:
    """What there is to say about a run, besides what its training gave back; that may have set itself another target."""
    target, figure = float(result.get("target", values["TARGET"])), result["figure"]
    reached = figure <= target if values.get("LOWER_IS_BETTER") else figure >= target
    told = {"name": name, "year": values["YEAR"], "title": values["TITLE"], "what": values["FIGURE"]}
    return told | {"target": target, "reached": reached, "seconds": round(seconds, 2)}


def draw(out: Path, values: dict[str, Any], result: dict[str, Any]) -> str:
    """Keep the plot; why there is none, if there is none."""
    try:
        curves(out / "curves", values["TITLE"], result["curves"], goals={values["CURVE"]: result["target"]})
    except NoPlot as error:
        return str(error)
    return ""


def tell(result: dict[str, Any], plot: str) -> None:
    """The figure and the time, whose functions ran, and what is kept."""
    click.echo(
        f"{result['what']}: {result['figure']:.4g}   (target {result['target']}), {result['seconds']:.1f} s"
    )
    yours = result["yours"]
    for number, (module, names) in enumerate(yours.items()):
        click.echo(row("" if number else "yours", f"{module}: {names}"))
    click.echo(
        f"{'' if yours else 'yours':<10} {'all else is' if yours else 'nothing yet; all of it is'} the reference's"
    )
    click.echo(row("kept", f"milestones/{result['name']}: {', '.join(result['kept'])}"))
    if plot:
        click.echo(row("no plot", plot))
    if result["reached"]:
        click.secho("reached", fg="green")
    else:
        side = "below" if result["figure"] < result["target"] else "above"
        click.secho(f"not reached: {result['figure']:.4g} is {side} {result['target']}", fg="red")
        click.echo(f"next       tt blame tt milestone {result['name']}")


def whose(folder: Folder) -> dict[str, str]:
    """The learner's functions of the framework by module: all of it, or which."""
    found = {}
    for module in folder.begun():
        inside = [each for each in module.exercises if each.file.startswith("tinytorch/")]
        mine = [each.name for each in inside if folder.state(each) == "written"]
        if mine:
            all_of_it = f"all {len(inside)} functions"
            found[f"{module.number} {module.title}"] = (
                all_of_it if len(mine) == len(inside) else ", ".join(mine)
            )
    return found


def tell_all(folder: Folder, there: dict[str, dict[str, Any]], as_json: bool) -> None:
    """Every milestone: the year, what it is, and the last figure."""
    last = milestones(folder)
    if as_json:
        rows = [
            {"name": name, "year": v["YEAR"], "title": v["TITLE"], "what": v["FIGURE"], "target": v["TARGET"]}
            | {"figure": last[name]["figure"] if name in last else None}
            | {"reached": name in last and last[name]["reached"]}
            for name, v in there.items()
        ]
        click.echo(json.dumps({"milestones": rows}))
        return
    for name, values in there.items():
        click.echo(f"{values['YEAR']}  {name:<11} {values['TITLE']}")
        click.echo(f"{'':<17} {values['FIGURE']}: {stands(last.get(name), values['TARGET'])}")
    click.echo(f"\nrun        tt milestone {next((n for n in there if n not in last), next(iter(there)))}")


def stands(last: dict[str, Any] | None, target: float) -> str:
    """How far a milestone is."""
    if last is None:
        return f"target {target}, not run yet"
    return f"{last['figure']:.4g} of {target}, {'reached' if last['reached'] else 'not reached'}"


def constants(path: Path) -> dict[str, Any]:
    """The plain values that a file assigns, without running it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    simple = [n for n in tree.body if isinstance(n, ast.Assign) and isinstance(n.value, ast.Constant)]
    return {n.targets[0].id: n.value.value for n in simple if isinstance(n.targets[0], ast.Name)}  # type: ignore[attr-defined]
