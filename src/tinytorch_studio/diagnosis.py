"""The message: facts first, in the learner's names and lines, then the likely cause, then the next step."""

from __future__ import annotations

import ast
import base64
import re
import textwrap
import tokenize
from io import StringIO
from pathlib import Path
from typing import Any

from tinytorch_studio.check import CANNOT_RUN, COSTS, NOT_STARTED, RIGHT, WRONG, Verdict
from tinytorch_studio.course import Exercise
from tinytorch_studio.folder import Folder, Unreadable, functions, text, tree
from tinytorch_studio.standing import verdicts
from tinytorch_studio.terminal import WIDTH, width
from tinytorch_studio.wire import clean

BEHIND = " " * 11  # below the text, beside the label
MANY = 20  # things that are shown of a list which is more than twice as long
LONG = 400  # characters of a text


def shown(value: Any, room: int = WIDTH) -> str:
    """An observation as text; an array in lines of at most `room` columns, and of what is long the beginning."""
    if isinstance(value, dict) and "array" in value:
        import numpy as np

        values = np.frombuffer(base64.b64decode(value["array"]), value["dtype"]).reshape(value["shape"])
        return np.array2string(values, max_line_width=room, precision=4, threshold=20, separator=", ")
    if isinstance(value, list):
        more = [f"... {len(value) - MANY:,} more"] if len(value) > 2 * MANY else []
        inner = ", ".join([*map(shown, value[:MANY] if more else value), *more])
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= LONG else f"{text[:LONG]} ..."


def row(label: str, text: str) -> str:
    """A line of the message; what does not fit goes on below, behind the label's column."""
    return textwrap.fill(
        text,
        width(),
        initial_indent=f"{label:<10} ",
        subsequent_indent=BEHIND,
        break_long_words=False,
        break_on_hyphens=False,
    )


def value_row(label: str, name: str, value: Any) -> str:
    """A line of the message with an observation; an array goes on below its own beginning."""
    start = f"{label:<10} {name} = " if name else f"{label:<10} "
    return start + shown(value, width() - len(start)).replace("\n", "\n" + " " * len(start))


def case_row(code: str) -> str:
    """The case as it can be pasted; long lines are broken where Python allows it."""
    return "case       " + folded(code, width() - len(BEHIND)).replace("\n", "\n" + BEHIND)


def folded(code: str, room: int) -> str:
    """The same program with its long lines broken behind commas in brackets, rather in few brackets than in many."""
    cuts: dict[int, list[tuple[int, int]]] = {}  # by line: the column behind a comma, and how deep it stands
    depth = 0
    for token in tokenize.generate_tokens(StringIO(code).readline):
        if token.type == tokenize.OP:
            depth += (token.string in "([{") - (token.string in ")]}")
            if token.string == "," and depth:
                cuts.setdefault(token.end[0], []).append((token.end[1], depth))
    lines = []
    for number, line in enumerate(code.splitlines(), 1):
        rest, done, start = line, 0, ""
        while len(start + rest) > room:
            fit = [cut for cut in cuts.get(number, []) if done < cut[0] <= done + room - len(start)]
            if not fit:
                break
            end, _ = max(fit, key=lambda cut: cut[0] - 20 * cut[1])
            lines.append(start + line[done:end])
            rest, start = line[end:].lstrip(), " " * 4
            done = len(line) - len(rest)
        lines.append(start + rest)
    return "\n".join(lines)


def own_lines(folder: Folder, verdict: Verdict) -> list[str]:
    """The body of the learner's function, with its line numbers; the first eight lines of it, if there are any."""
    path = folder.root / verdict.exercise.file
    try:
        lines = re.split(r"\r\n|\r|\n", text(path)[0])  # where Python sees an end of a line, and nowhere else
        function = functions(tree(path))[verdict.exercise.functions[0]]
    except (Unreadable, KeyError):  # it was changed while it was judged
        return []
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    if not body:
        return []
    numbers = range(body[0].lineno, (body[-1].end_lineno or body[-1].lineno) + 1)
    return [f"{n:5} | {clean(lines[n - 1].expandtabs(), 200)}" for n in list(numbers)[:8]]


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
            "next       tt undo"
            + (f" · tt check {exercise.id} --traceback" if verdict.trace else " · tt diff"),
        ]
    difference = verdict.difference
    assert difference is not None
    lines = [headline(verdict), *own_lines(folder, verdict)]
    lines.append(case_row(difference.case["code"]))
    lines += bill(verdict) if verdict.status == COSTS else facts(verdict)
    if verdict.mistake is not None:
        lines.append(row("likely", f"{verdict.mistake.sentence} ({verdict.mistake.name})"))
    why = f" · tt why {verdict.mistake.name}" if verdict.mistake is not None else ""
    if verdict.together:
        lines.append(row("alone", "it is right: together with your other functions it is not"))
        lines += suspected(folder, exercise)
        lines.append(f"next       tt blame tt check {exercise.id} · tt repro")
    else:
        lines.append(f"next       tt hint{why} · tt show · tt repro")
    return lines


def suspected(folder: Folder, exercise: Exercise) -> list[str]:
    """Which other functions of theirs were not right when they were last checked: a fact, and near at hand."""
    last = verdicts(folder)
    others = [each for m in folder.begun() for each in m.exercises if each != exercise]
    wrong = [e for e in others if last.get(e.id) in (WRONG, CANNOT_RUN) and folder.state(e) == "written"]
    lines = [
        row("perhaps", f"{e.name} was not right at its last check: tt\xa0check\xa0{e.id}") for e in wrong[:2]
    ]
    return [line.replace("\xa0", " ") for line in lines]  # the command stays in one piece


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
    return f"{name} gives the wrong {difference.name}   ({id})"


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
        said = f"{observed['error']}: {difference.case.get('message', '')}"
        wanted = difference.wanted if difference.wanted is not None else "an answer"
        return [row("yours", place(verdict) + said), value_row("wanted", "", wanted)]
    if difference.name == "error":
        found = ", ".join(f"{name} = {shown(each)}" for name, each in observed.items() if name[0] != "_")
        return [row("yours", found), value_row("wanted", "", difference.wanted)]
    lines = [value_row("yours", difference.name, difference.yours)]
    other = difference.case["against"].get(difference.name)
    labels = difference.case["labels"]
    if other is not None:
        lines = beside(lines[0], labels.get(other, other.strip("_")), observed.get(other))
    else:
        lines.append(value_row("wanted", difference.name, difference.wanted))
    for name, value in observed.items():
        if name.startswith("_") and name != other:
            label = labels.get(name, name.strip("_"))
            lines.append(value_row(label, "", value) if len(label) <= 10 else value_row("", label, value))
    if "note" in difference.case:
        lines.append(row("try it", difference.case["note"]))
    return lines


def place(verdict: Verdict) -> str:
    """The line of theirs that an error came through, and the file if it is another than the exercise's."""
    assert verdict.difference is not None
    line = verdict.difference.case.get("line")
    if not line:
        return ""
    files = re.findall(rf'File "([^"]+)", line {line},', verdict.difference.case.get("trace", ""))
    name = Path(files[-1]).name if files else ""
    other = name and name != Path(verdict.exercise.file).name
    return f"{name}, line {line}: " if other else f"line {line}: "


def beside(line: str, name: str, value: Any) -> list[str]:
    """Both in one line if they fit, else one below the other."""
    together = f"{line}     {name} = {shown(value)}"
    if len(together) <= width() and "\n" not in together:
        return [together]
    return [line, value_row("", name, value)]


def repro(probes: Path, verdict: Verdict) -> str:
    """A few lines that show the failing case when they are run in the learner's folder; below, what was found."""
    assert verdict.difference is not None
    *before, last = ast.parse(verdict.difference.case["code"]).body
    steps = [*map(ast.unparse, before), f"print({ast.unparse(last)})"]
    found = [f"# {line}" for each in facts(verdict) for line in each.splitlines()]
    return "\n".join([*imports(probes, verdict.difference.case["code"]), "", *steps, *found, ""])


def imports(probes: Path, code: str) -> list[str]:
    """What a file of probes imports, as far as a case uses it."""
    used = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
    lines = []
    for node in ast.parse(probes.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            node.names = [each for each in node.names if (each.asname or each.name).split(".")[0] in used]
            lines += [ast.unparse(node)] if node.names else []
    return lines
