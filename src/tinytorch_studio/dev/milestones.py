"""Every milestone run to its end with the reference; `tt dev milestones` writes docs/milestones."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tinytorch_studio.commands.milestone import programs
from tinytorch_studio.folder import Folder
from tinytorch_studio.process import SOURCE, environment

WRITTEN = (".svg", ".txt")  # what is kept of a run beside its figures

HEAD = """# Milestones

Historical results, reproduced by the framework on real data. Made by `./tt dev milestones`: each is the whole `tt milestone NAME` in a
new folder, with the reference of every module. Time is from the start of the command to its end; processor time is that of all threads.
"""


def run(name: str, docs: Path) -> bool:
    """Run one milestone and keep its figures, its curves and what it wrote; whether it reached its target."""
    with tempfile.TemporaryDirectory(prefix="tt-") as made:
        folder = Folder.create(Path(made, "mine"))
        command = [sys.executable, "-P", "-m", "tinytorch_studio", "milestone", name]
        settings = environment() | {"PYTHONPATH": str(SOURCE), "TINYTORCH_KERNELS": "1"}
        before, begun = os.times(), time.perf_counter()
        done = subprocess.run(command, cwd=folder.root, env=settings)
        seconds, after = time.perf_counter() - begun, os.times()
        out = folder.root / "milestones" / name
        if not (out / "result.json").exists():
            return False
        keep(name, out, docs, seconds, sum(after[2:4]) - sum(before[2:4]))
    return done.returncode == 0


def keep(name: str, out: Path, docs: Path, seconds: float, processor: float) -> None:
    """Copy what a run left, but for the model."""
    there = docs / name
    shutil.rmtree(there, ignore_errors=True)
    there.mkdir(parents=True)
    for path in out.iterdir():
        if path.suffix in WRITTEN:
            shutil.copyfile(path, there / path.name)
    result = json.loads((out / "result.json").read_text(encoding="utf-8"))
    kept = {key: result[key] for key in ("figure", "target", "reached", "what", "title", "year", "curves")}
    kept |= {"seconds": round(seconds, 1), "processor_seconds": round(processor, 1)}
    kept["machine"] = f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}"
    (there / "result.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def page(docs: Path) -> str:
    """The page of all results that are kept."""
    found = [(n, docs / n, values) for n, values in programs().items() if (docs / n / "result.json").exists()]
    results = [(name, folder, values, read(folder)) for name, folder, values in found]
    return "\n".join([HEAD, *table(results), *[line for each in results for line in section(*each)]]) + "\n"


def read(folder: Path) -> dict[str, Any]:
    """The figures of a run."""
    found: dict[str, Any] = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    return found


def table(results: list[tuple[str, Path, dict[str, Any], dict[str, Any]]]) -> Iterator[str]:
    """One row for each milestone."""
    yield "| milestone | year | figure | target | reached | seconds | processor seconds | machine |"
    yield "|---|---|---|---|---|---|---|---|"
    for name, _, values, result in results:
        sign = "at most" if values.get("LOWER_IS_BETTER") else "at least"
        yield (
            f"| [{name}](#{name}) | {result['year']} | {result['figure']:.4g} | {sign} {result['target']} | "
            f"{'yes' if result['reached'] else 'no'} | {result['seconds']} | {result['processor_seconds']} | {result['machine']} |"
        )


def section(name: str, folder: Path, values: dict[str, Any], result: dict[str, Any]) -> Iterator[str]:
    """The plot of a milestone, and what its model wrote."""
    yield f"\n## {name}\n\n{result['title']}. {result['what'].capitalize()}: {result['figure']:.4g}."
    if (folder / "curves.svg").exists():
        yield f"\n![{result['what']}]({name}/curves.svg)"
    for path in sorted(folder.glob("*.txt")):
        yield f"\n```text\n{path.read_text(encoding='utf-8').rstrip()}\n```"
