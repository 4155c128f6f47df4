"""`tt doctor`: what is installed, what is missing, and the line that helps."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from tinytorch_studio.check import cache
from tinytorch_studio.folder import Folder, FolderError

NEEDED = ("numpy", "safetensors", "click", "rich", "libcst", "watchfiles", "matplotlib")
WANTED = {"torch": "only to compare with PyTorch (tt dev test)"}
SPACE = 200 * 2**20  # bytes that should be free


@click.command()
def doctor() -> None:
    """Say what is installed, what is missing, and what to do."""
    good = [*map(package, NEEDED), python(), space(Path.cwd()), writable(cache()), folder()]
    for name, why in WANTED.items():
        found = installed(name)
        tell("ok" if found else "optional", f"{name} {found}" if found else f"no {name}: {why}", pip(name))
    compiler = next((name for name in ("cc", "gcc", "clang", "cl") if shutil.which(name)), None)
    tell(
        "ok" if compiler else "optional",
        f"compiler {compiler}" if compiler else "no C compiler: nothing needs one yet",
    )
    sys.exit(0 if all(good) else 1)


def tell(state: str, what: str, help: str = "") -> bool:
    """One line, and what to do if it is not well."""
    click.secho(f"{state:<10} {what}", fg={"ok": "green", "missing": "red", "wrong": "red"}.get(state))
    if state != "ok" and help:
        click.echo(f"{'':<10} {help}")
    return state in ("ok", "optional")


def installed(name: str) -> str:
    """The version of a package; nothing if it is not there."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def pip(*names: str) -> str:
    """The line that installs."""
    return f"{sys.executable} -m pip install {' '.join(names)}"


def package(name: str) -> bool:
    """A package that the sandbox needs."""
    found = installed(name)
    return tell("ok" if found else "missing", f"{name} {found}".rstrip(), pip(name))


def python() -> bool:
    """Which Python runs, and where."""
    return tell("ok", f"Python {sys.version.split()[0]}   {sys.executable}")


def space(path: Path) -> bool:
    """Room on the disk."""
    free = shutil.disk_usage(path).free
    state = "ok" if free > SPACE else "wrong"
    return tell(state, f"{free / 2**30:.1f} GiB free here", f"fewer than {SPACE // 2**20} MiB: make room")


def writable(path: Path) -> bool:
    """Where observations are kept."""
    there = next(each for each in (path, *path.parents) if each.exists())
    good = os.access(there, os.W_OK)
    return tell(
        "ok" if good else "wrong",
        f"keeps observations in {path}",
        "set TINYTORCH_CACHE to a folder that may be written",
    )


def folder() -> bool:
    """The learner's folder, if the command was called in one."""
    try:
        mine = Folder.find(Path.cwd())
    except FolderError as error:
        return tell("ok", str(error))
    begun = ", ".join(module.number for module in mine.begun()) or "nothing"
    good = os.access(mine.root / ".tt", os.W_OK)
    return tell(
        "ok" if good else "wrong", f"{mine.root}   begun: {begun}", f"{mine.root / '.tt'} may not be written"
    )
