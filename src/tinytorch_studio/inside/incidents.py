"""The child that tells a module's incident, or runs its program: `python -P -m tinytorch_studio.inside.incidents`."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from typing import Any

from tinytorch_studio.inside.probe import plain
from tinytorch_studio.inside.telling import Line, load, tell

SAID = ("title", "story", "program", "level", "line", "repair", "explain")


def work(job: dict[str, Any]) -> Iterator[Line]:
    """What the incident says; or, where the job has a program, that it ran, and then what is observed after it."""
    incident = load(job["file"]).INCIDENT
    if job["program"] is None:
        yield {name: getattr(incident, name) for name in SAID}
        return
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # what was printed is kept when the run is cut off
    names: dict[str, Any] = {"__name__": "__main__", "__file__": job["named"]}
    exec(compile(job["program"], job["named"], "exec", dont_inherit=True), names)
    yield {"ran": True}
    yield {"observed": plain(incident.observe(names))}


if __name__ == "__main__":
    tell(work)
