"""The message: facts first, in the learner's names and lines, then the likely cause, then the next step."""

from __future__ import annotations

import ast
import base64
import textwrap
from pathlib import Path
from typing import Any

from tinytorch_studio.check import CANNOT_RUN, COSTS, NOT_STARTED, RIGHT, Verdict
from tinytorch_studio.folder import Folder, functions


def shown(value: Any) -> str:
    """An observation as text."""
    if isinstance(value, dict) and "array" in value:
        import numpy as np

        values = np.frombuffer(base64.b64decode(value["array"]), value["dtype"]).reshape(value["shape"])
        return np.array2string(values, precision=4, threshold=20, separator=", ")
    if isinstance(value, list):
        inner = ", ".join(map(shown, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


WIDE = 80  # columns


def row(label: str, text: str) -> str:
    """A line of the message; what does not fit goes on below, behind the label's column."""
    return textwrap.fill(
        text,
        WIDE,
        initial_indent=f"{label:<10} ",
        subsequent_indent=" " * 11,
        break_long_words=False,
        break_on_hyphens=False,
    )


def own_lines(folder: Folder, verdict: Verdict) -> list[str]:
    """The body of the learner's function, with its line numbers; the first eight lines of it, if there are any."""
    path = folder.root / verdict.exercise.file
    text = path.read_text(encoding="utf-8").splitlines()
    function = functions(ast.parse("\n".join(text)))[verdict.exercise.functions[0]]
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    if not body:
        return []
    numbers = range(body[0].lineno, (body[-1].end_lineno or body[-1].lineno) + 1)
    return [f"{n:5} | {text[n - 1]}" for n in list(numbers)[:8]]


def message(folder: Folder, verdict: Verdict) -> list[str]:
    """The lines of one diagnosis."""
    exercise = verdict.exercise
    head = f"{exercise.name}"
    if verdict.status == NOT_STARTED:
        return [f"{head}: not started yet   ({exercise.id})", f"next       tt next {exercise.id}"]
    if verdict.status == RIGHT:
        return [f"{head}: right   ({exercise.id})"]
    if verdict.status == CANNOT_RUN:
        return [
            f"{head} cannot run   ({exercise.id})",
            row("because", verdict.reason),
            f"next       tt undo · tt check {exercise.id} --traceback",
        ]
    difference = verdict.difference
    assert difference is not None
    lines = [headline(verdict), *own_lines(folder, verdict)]
    code = difference.case["code"].replace("\n", "\n" + " " * 11)
    lines.append(f"case       {code}")
    lines += bill(verdict) if verdict.status == COSTS else facts(verdict)
    if verdict.mistake is not None:
        lines.append(row("likely", f"{verdict.mistake.sentence} ({verdict.mistake.name})"))
    why = f" · tt why {verdict.mistake.name}" if verdict.mistake is not None else ""
    if verdict.together:
        lines.append(f"next       tt blame tt check {exercise.id} · tt repro")
    else:
        lines.append(f"next       tt hint{why} · tt show · tt repro")
    return lines


def headline(verdict: Verdict) -> str:
    """What is wrong, in one line."""
    difference = verdict.difference
    assert difference is not None
    name, id = verdict.exercise.name, verdict.exercise.id
    if verdict.status == COSTS:
        return f"{name} is right, but costs more than needed   ({id})"
    if difference.name == "":
        return f"{name} never answers   ({id})"
    if difference.name == "error":
        return f"{name} raises where it should not, or not where it should   ({id})"
    with_rest = " together with your other functions" if verdict.together else ""
    return f"{name} gives the wrong {difference.name}{with_rest}   ({id})"


def bill(verdict: Verdict) -> list[str]:
    """What it costs, and what is enough."""
    difference = verdict.difference
    assert difference is not None
    what = difference.name.removeprefix("cost.")
    return [f"yours      {what}: {shown(difference.yours)}     enough {shown(difference.wanted)}"]


def facts(verdict: Verdict) -> list[str]:
    """Theirs, and what it is held against."""
    difference = verdict.difference
    assert difference is not None
    if difference.name == "":
        return [f"yours      {verdict.ending}"]
    observed = difference.case["observed"]
    if "error" in observed:
        line = difference.case.get("line")
        at = f"line {line}: " if line else ""
        wanted = shown(difference.wanted) if difference.wanted is not None else "an answer"
        return [
            f"yours      {at}{observed['error']}: {difference.case.get('message', '')}",
            f"wanted     {wanted}",
        ]
    if difference.name == "error":
        found = ", ".join(f"{name} = {shown(each)}" for name, each in observed.items() if name[0] != "_")
        return [row("yours", found), f"wanted     {shown(difference.wanted)}"]
    lines = [f"yours      {difference.name} = {shown(difference.yours)}"]
    other = difference.case["against"].get(difference.name)
    if other is not None:
        label = difference.case["labels"].get(other, other.strip("_"))
        lines += beside(lines.pop(), f"{label} = {shown(observed.get(other))}")
    else:
        lines.append(f"wanted     {difference.name} = {shown(difference.wanted)}")
    for name, value in observed.items():
        if name.startswith("_") and name != other:
            lines.append(f"{difference.case['labels'].get(name, name.strip('_')):<10} {shown(value)}")
    if "note" in difference.case:
        lines.append(row("try it", difference.case["note"]))
    return lines


def beside(line: str, more: str) -> list[str]:
    """Both in one line if they fit, else one below the other."""
    together = f"{line}     {more}"
    return [together] if len(together) <= WIDE else [line, f"{'':<10} {more}"]


def repro(folder: Folder, module_probes: Path, verdict: Verdict) -> str:
    """A few lines that show the failing case when they are run in the learner's folder."""
    difference = verdict.difference
    imports = [
        line
        for line in module_probes.read_text(encoding="utf-8").splitlines()
        if line.startswith(("from tinytorch", "from first"))
    ]
    code = difference.case["code"] if difference is not None else "None"
    *before, last = ast.parse(code).body
    steps = [ast.unparse(each) for each in before]
    return "\n".join([*imports, "", *steps, f"print({ast.unparse(last)})", ""])
