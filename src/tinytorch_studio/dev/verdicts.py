"""From saving to the verdict: `tt check` as a whole process, for every exercise; `tt dev verdicts` writes docs/verdicts.md."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tinytorch_studio.course import Exercise, Module, modules
from tinytorch_studio.folder import Folder
from tinytorch_studio.process import SOURCE, environment
from tinytorch_studio.snapshots import write_whole
from tinytorch_studio.starters import fill

RUNS = 3


def begun(root: Path, chosen: Sequence[Module] | None = None) -> Folder:
    """A folder in which everything of some modules, or of all, is written, so that every check runs it together too."""
    folder = Folder.create(root)
    for module in modules() if chosen is None else chosen:
        folder.begin(module)
        for file in module.files:
            names = [f for each in module.exercises if each.file == file for f in each.functions]
            source = module.reference(file).read_text(encoding="utf-8")
            path = root / file
            write_whole(path, fill(path.read_text(encoding="utf-8"), source, names).encode())
    return folder


def timed() -> Iterator[tuple[Exercise, float]]:
    """The median time of each exercise in seconds, with observations kept, as `tt next` leaves them."""
    with tempfile.TemporaryDirectory(prefix="tt-") as name:
        folder = begun(Path(name, "mine"))
        for module in modules():
            for exercise in module.exercises:
                command = [sys.executable, "-P", "-m", "tinytorch_studio", "check", exercise.id]
                times = []
                for _ in range(RUNS + 1):
                    start = time.perf_counter()
                    subprocess.run(
                        command,
                        cwd=folder.root,
                        env=environment() | {"PYTHONPATH": str(SOURCE)},
                        check=True,
                        stdout=subprocess.DEVNULL,
                    )
                    times.append(time.perf_counter() - start)
                yield exercise, statistics.median(times[1:])


def page(rows: list[tuple[Exercise, float]], machine: str) -> str:
    """The table of docs/verdicts.md."""
    times = [seconds for _, seconds in rows]
    lines = [
        "# From saving to the verdict",
        "",
        f"`tt check ID` as a whole process, from its start to its end, the median of {RUNS} runs. Every function of every module is written, so each",
        "exercise is judged alone and together with all others. The observations of the reference are kept, as `tt next` leaves them.",
        f"Made by `./tt dev verdicts` on {machine}.",
        "",
        f"Over {len(times)} exercises: median {statistics.median(times):.2f} s, smallest {min(times):.2f} s, largest {max(times):.2f} s.",
        "",
        "| exercise | seconds |",
        "|---|---|",
        *[f"| {exercise.id} | {seconds:.2f} |" for exercise, seconds in rows],
    ]
    return "\n".join(lines) + "\n"
