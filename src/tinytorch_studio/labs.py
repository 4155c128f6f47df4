"""Labs: what is asked, what was predicted, measured and explained so far, and the numbers side by side."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tinytorch_studio.amounts import factor, shown
from tinytorch_studio.course import CourseError, Module
from tinytorch_studio.folder import Folder
from tinytorch_studio.hearing import Heard
from tinytorch_studio.plots import Bar, bars
from tinytorch_studio.process import on_files, run
from tinytorch_studio.snapshots import entries

TOLD, MEASURED = 30.0, 180.0  # seconds for reading what is asked, and for measuring


@dataclass(frozen=True)
class Lab:
    """A lab as its module tells it; each prediction has a name, a prompt and a unit."""

    id: str  # "01.views"
    name: str
    title: str
    text: str
    explain: str
    answer: str
    predictions: list[dict[str, str]]


@dataclass
class Round:
    """How far one lab is. It begins anew with `--again`; nothing that was noted before is removed."""

    predictions: dict[str, float] = field(default_factory=dict)
    measured: dict[str, float] = field(default_factory=dict)
    facts: dict[str, float | str] = field(default_factory=dict)
    explanation: str = ""


def told(module: Module) -> list[Lab]:
    """The labs of a module, in order; none where it has no labs. Raises CourseError for a file that does not run."""
    path = module.path("labs.py")
    if not path.exists():
        return []
    heard = run("labs", on_files(None, module, file=str(path), measure=None), TOLD)
    if not heard.finished:
        raise CourseError(f"{path}: {said(heard)}")
    return [Lab(id=f"{module.number}.{each['name']}", **each) for each in heard.cases]


def measure(folder: Folder, module: Module, lab: Lab) -> Heard:
    """Measure on the learner's files; the only case holds `measured` and `facts`."""
    path = str(module.path("labs.py"))
    return run("labs", on_files(folder, module, file=path, measure=lab.name), MEASURED)


def said(heard: Heard) -> str:
    """Why a child did not come to its end: the error, and the learner's line if it is one of theirs."""
    if heard.failed is None:
        return heard.ending
    error = f"{heard.failed['failed']}: {heard.failed['message']}".rstrip(": ")
    if "file" not in heard.failed:
        return error
    return f"{heard.failed['file']}, line {heard.failed['line']}: {heard.failed['text']}\n{' ' * 11}{error}"


def round_of(folder: Folder, id: str) -> Round:
    """What was noted about a lab since it last began."""
    now = Round()
    for each in entries(folder.progress):
        if each.get("what") != "lab" or each.get("id") != id:
            continue
        if each.get("again"):
            now = Round()
        now.predictions |= each.get("predictions", {})
        now.measured = each.get("measured", now.measured)
        now.facts = each.get("facts", now.facts)
        now.explanation = each.get("explanation", now.explanation)
    return now


def missing(lab: Lab, now: Round) -> list[dict[str, str]]:
    """The predictions that are not given yet."""
    return [each for each in lab.predictions if each["name"] not in now.predictions]


def table(lab: Lab, now: Round) -> list[str]:
    """Prediction, measurement and the factor between them side by side, then the facts."""
    lines = [f"{'':<35}{'predicted':>16}{'measured':>17}  {'factor':>10}"]
    for each in lab.predictions:
        name, unit = each["name"], each["unit"]
        predicted, measured = now.predictions[name], now.measured[name]
        label = textwrap.wrap(each["prompt"], 34) or [name]
        lines += label[:-1]
        numbers = f"{shown(predicted, unit):>16}{shown(measured, unit):>17}"
        lines.append(f"{label[-1]:<35}{numbers}  {factor(predicted, measured):>10}")
    if now.facts:
        lines.append("")
    for name, value in now.facts.items():
        text = value if isinstance(value, str) else shown(value)
        lines += textwrap.wrap(f"{name[1:]:<24} {text}", 80, subsequent_indent=" " * 25, drop_whitespace=True)
    return lines


def draw(folder: Folder, lab: Lab, now: Round) -> list[Path]:
    """Keep the plot: labs/<id>.svg and .png. Raises NoPlot without matplotlib."""
    rows = [
        Bar(each["name"], each["unit"], now.predictions[each["name"]], now.measured[each["name"]])
        for each in lab.predictions
    ]
    return bars(folder.root / "labs" / lab.id, f"{lab.id}: {lab.title}", rows)


def whole(lab: Lab, now: Round, plot: list[str]) -> dict[str, Any]:
    """All about one lab as one object; its answer only once it is explained."""
    rows = [
        each | {"predicted": now.predictions.get(each["name"]), "measured": now.measured.get(each["name"])}
        for each in lab.predictions
    ]
    state = "explained" if now.explanation else "measured" if now.measured else "open"
    asked: dict[str, Any] = {
        "id": lab.id,
        "title": lab.title,
        "text": lab.text,
        "state": state,
        "predictions": rows,
    }
    asked |= {"facts": now.facts, "explain": lab.explain, "explanation": now.explanation, "plot": plot}
    return asked | ({"answer": lab.answer} if now.explanation else {})
