"""The child that tells what a module's labs ask, or measures one: `python -P -m tinytorch_studio.inside.labs`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from tinytorch_studio.inside.telling import Line, load, tell

SAID = ("name", "title", "text", "explain", "answer")


def work(job: dict[str, Any]) -> Iterator[Line]:
    """One line for each lab; or, where the job names one, a line with its measurements and its facts."""
    labs = load(job["file"]).LABS
    if job["measure"] is None:
        for lab in labs:
            predictions = [asdict(each) for each in lab.predictions]
            yield {name: getattr(lab, name) for name in SAID} | {"predictions": predictions}
        return
    lab = next(each for each in labs if each.name == job["measure"])
    found = lab.measure()
    measured = {each.name: float(found[each.name]) for each in lab.predictions}
    for name, value in measured.items():
        if not math.isfinite(value):
            raise ValueError(f"the measurement of {name} is {value}")
    facts = {name: v if isinstance(v, str) else float(v) for name, v in found.items() if name[0] == "_"}
    yield {"measured": measured, "facts": facts}


if __name__ == "__main__":
    tell(work)
