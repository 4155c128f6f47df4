"""`tt doctor`: what is installed, what is missing, and the line that helps."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import click

from tinytorch.devices.native.library import report
from tinytorch_studio.check import cache
from tinytorch_studio.commands.common import complaint, strangers
from tinytorch_studio.diagnosis import row
from tinytorch_studio.folder import Folder, FolderError

WANTED = {"torch": "only the comparison with PyTorch (tt dev test) needs it"}
SPACE = 200 * 2**20  # bytes that should be free
COLOURS = {"ok": "green", "missing": "red", "wrong": "red"}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: ok, none (and none is needed), missing or wrong; and what helps."""

    state: str
    what: str
    help: str = ""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object: ok, and the findings.")
def doctor(as_json: bool) -> None:
    """Say what is installed, what is missing, and what to do.

    The line below a finding can be copied. The exit code is 0 if nothing is missing or wrong.
    """
    found = list(findings())
    well = all(each.state in ("ok", "none") for each in found)
    if as_json:
        click.echo(json.dumps({"ok": well, "findings": [asdict(each) for each in found]}))
    else:
        for each in found:
            click.secho(row(each.state, each.what), fg=COLOURS.get(each.state))
            if each.help:
                click.echo(f"{'':<10} {each.help}")
    sys.exit(0 if well else 1)


def findings() -> Iterator[Finding]:
    """Everything that is looked at."""
    yield Finding(
        "ok", f"Python {sys.version.split()[0]}, for scripts, editors and notebooks:", sys.executable
    )
    yield from map(package, needed())
    for name, why in WANTED.items():
        found = installed(name)
        yield Finding("ok", f"{name} {found}") if found else Finding("none", f"{name}: {why}", pip(name))
    yield kernels()
    yield space(Path.cwd())
    yield writable(cache())
    yield from mine()


def needed() -> list[str]:
    """The packages that the installed project asks for."""
    try:
        asked = requires("tinytorch") or []
    except PackageNotFoundError:
        asked = []
    return ["tinytorch", *[re.split(r"[^\w-]", each)[0] for each in asked if "extra ==" not in each]]


def installed(name: str) -> str:
    """The version of a package; nothing if it is not there."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def pip(*names: str) -> str:
    """The line that installs."""
    return f"{shlex.quote(sys.executable)} -m pip install {' '.join(names)}"


def package(name: str) -> Finding:
    """A package that must be there."""
    found = installed(name)
    if found:
        return Finding("ok", f"{name} {found}")
    root = Path(__file__).resolve().parents[3]
    return Finding("missing", name, pip(f"-e {shlex.quote(str(root))}" if name == "tinytorch" else name))


def kernels() -> Finding:
    """Whether compiled kernels are in use, and why or why not."""
    used, about = report()
    help = "" if used else "operations run on NumPy, which is right and slower"
    return Finding("ok" if used else "none", f"compiled kernels: {about}", help)


def space(path: Path) -> Finding:
    """Room on the disk."""
    free = shutil.disk_usage(path).free
    if free > SPACE:
        return Finding("ok", f"{free / 2**30:.1f} GiB free here")
    return Finding(
        "wrong", f"{free / 2**20:.0f} MiB free here", f"fewer than {SPACE // 2**20} MiB: make room"
    )


def writable(path: Path) -> Finding:
    """Where observations are kept."""
    there = next(each for each in (path, *path.parents) if each.exists())
    if os.access(there, os.W_OK):
        return Finding("ok", f"keeps observations in {path}")
    return Finding("wrong", f"{path} may not be written", 'export TINYTORCH_CACHE="$HOME/tinytorch-cache"')


def mine() -> Iterator[Finding]:
    """The learner's folder, if the command was called in one, and what keeps its files from running."""
    try:
        folder = Folder.find(Path.cwd())
    except FolderError as error:
        yield Finding("none", "no learner's folder here", str(error).rpartition("with: ")[2])
        return
    begun = ", ".join(module.number for module in folder.begun()) or "nothing"
    if os.access(folder.root / ".tt", os.W_OK):
        yield Finding("ok", f"{folder.root}   begun: {begun}")
    else:
        yield Finding("wrong", f"{folder.root / '.tt'} may not be written")
    for path in strangers(folder):
        what = f"{path.relative_to(folder.root)} makes a package of its own: your files are not found"
        yield Finding("wrong", what, f"rm {shlex.quote(str(path))}")
    for module in folder.begun():
        for file in sorted({each.file for each in module.exercises if folder.state(each) == "unreadable"}):
            yield Finding("wrong", complaint(folder.root / file), "tt undo")
