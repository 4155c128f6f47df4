"""The child that draws: `python -P -m tinytorch_studio.inside.draw`; one drawing for each snippet.

A drawing is plain JSON: a layout, the tape, a graph, a text, or an error. `tinytorch_studio.pictures` draws it.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from typing import Any

from tinytorch_studio.inside.graphs import behind, graph
from tinytorch_studio.inside.probe import Finder, run
from tinytorch_studio.inside.telling import Line, kind, load, message, place, tell
from tinytorch_studio.wire import clean

TEXT = 2000  # characters of a value that is no picture
NUMBERS = 400  # of a tape


def work(job: dict[str, Any]) -> Iterator[Line]:
    """One drawing for each of the job's snippets, each run in a namespace of its own."""
    sys.meta_path.insert(0, Finder(job["files"]))
    for name in job["files"]:
        importlib.import_module(name)
    known = vars(load(job["probes"]))
    for code in job["codes"]:
        names = dict(known)
        tape = names.get("TAPE")
        if isinstance(tape, list):
            tape.clear()
        try:
            yield drawing(run(code, names), names)
        except BaseException as error:  # whatever the learner's code does is told
            words = {"kind": "error", "error": kind(error), "message": message(error)}
            yield words | place(error, job["root"])


def drawing(value: Any, names: dict[str, Any]) -> Line:
    """What a value looks like."""
    node = behind(value, names)
    if node is not None:
        return graph(node, names)
    layout = getattr(value, "array", value)  # of a tensor
    layout = getattr(layout, "layout", layout)
    if whole(getattr(layout, "shape", None)) and whole(getattr(layout, "strides", None)):
        offset = getattr(layout, "offset", None)
        if type(offset) is int:
            return {
                "kind": "layout",
                "shape": list(layout.shape),
                "strides": list(layout.strides),
                "offset": offset,
            }
    last = value[-1] if isinstance(value, list) and value else value
    if value is names.get("TAPE") or all(hasattr(last, name) for name in ("value", "inputs", "grad")):
        return on_tape(names)
    return {"kind": "text", "text": clean(repr(value), TEXT)}


def whole(sizes: Any) -> bool:
    """Whether these are shape or strides: a row of whole numbers."""
    return isinstance(sizes, (tuple, list)) and all(type(each) is int for each in sizes)


def on_tape(names: dict[str, Any]) -> Line:
    """The tape, its numbers with the names that a snippet gave them."""
    tape = names["TAPE"]
    called: dict[int, str] = {}
    for name, value in names.items():
        called.setdefault(id(value), name)
    at = {id(number): index for index, number in enumerate(tape)}
    numbers = [
        {
            "name": called.get(id(number)),
            "value": number_or_text(number.value),
            "grad": number_or_text(number.grad),
            "inputs": [[at[id(s)], number_or_text(slope)] for s, slope in number.inputs if id(s) in at],
        }
        for number in tape[:NUMBERS]
    ]
    return {"kind": "tape", "numbers": numbers, "more": max(0, len(tape) - NUMBERS)}


def number_or_text(value: Any) -> float | str:
    """A number as it is; what a mistake put in its place as text."""
    return value if isinstance(value, (int, float)) else clean(repr(value), 40)


if __name__ == "__main__":
    tell(work)
