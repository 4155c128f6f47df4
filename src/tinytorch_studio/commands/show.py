"""`tt show`: a picture of what a function answers: an exercise's failing case, or any expression."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import Any

import click

from tinytorch_studio import check as checks
from tinytorch_studio import course, diagnosis, pictures
from tinytorch_studio.commands.chosen import module_meant
from tinytorch_studio.commands.common import here, meant, near, one
from tinytorch_studio.drawings import Drawing, drawings
from tinytorch_studio.folder import Folder
from tinytorch_studio.snapshots import write_whole


@click.command()
@click.argument("what", required=False)
@click.option("--module", help="The module whose names an expression uses; by default the current one.")
@click.option(
    "--svg", type=click.Path(path_type=Path, dir_okay=False), help="Write the picture to this file."
)
def show(what: str | None, module: str | None, svg: Path | None) -> None:
    """Draw what your functions answer.

    WHAT is an exercise (by default the current one): its failing case, or the first one. Or it is an expression:

    \b
    tt show "Layout.contiguous((2, 3)).permute((1, 0))"
    """
    if svg is not None and svg.suffix != ".svg":
        raise click.UsageError(f"--svg {svg}: the name of a picture ends in .svg")
    folder = here()
    if what is None or is_exercise(what):
        where, exercise = one(folder, what)
        drawing, below = of_exercise(folder, where, exercise)
    else:
        drawing, below = of_expression(folder, module_meant(folder, module), what), []
    click.echo(pictures.text(drawing))
    if below:
        click.echo("\n" + "\n".join(below))
    if drawing["kind"] == "error":
        sys.exit(1)
    if svg is not None:
        write_whole(svg.resolve(), pictures.svg(drawing).encode())
        click.echo(f"\nwrote      {svg}")


def is_exercise(what: str) -> bool:
    """Whether a word means something of the course."""
    try:
        course.find(what, near())
    except course.CourseError:
        return False
    return True


def of_exercise(
    folder: Folder, module: course.Module, exercise: course.Exercise
) -> tuple[Drawing, list[str]]:
    """The failing case as the check saw it, and what it wanted; or the first case. Says first what is drawn."""
    verdict = checks.check(folder, module, exercise)
    if verdict.status == checks.CANNOT_RUN:
        click.echo("\n".join(diagnosis.message(folder, verdict)))
        sys.exit(1)
    if verdict.difference is None:
        code = checks.run_reference(module, exercise)[0]["code"]
        whose = "yours" if verdict.passed else "not started: the reference's"
        case(exercise, f"the first case, {whose}", code)
        return drawings(folder, module, [code])[0], []
    code = verdict.difference.case["code"]
    what = "a case that costs more than needed" if verdict.status == checks.COSTS else "the first wrong case"
    case(exercise, f"{what}, as yours answers it", code)
    drawing = drawings(None, module, [code], composed(folder, module, verdict))[0]
    return drawing, [*diagnosis.facts(verdict), f"next       tt check {exercise.id} · tt hint"]


def case(exercise: course.Exercise, what: str, code: str) -> None:
    """What the picture is of."""
    click.secho(f"{exercise.name}: {what}   ({exercise.id})", bold=True)
    click.echo(f"{diagnosis.case_row(code)}\n")


def composed(folder: Folder, module: course.Module, verdict: checks.Verdict) -> dict[str, Any]:
    """The files as the check put them together: the exercise alone, or with all else that is the learner's."""
    if verdict.together:
        return checks.everything(folder, module)
    return checks.alone(folder, module, verdict.exercise)


def of_expression(folder: Folder, module: course.Module, code: str) -> Drawing:
    """An expression, or statements that end in one, on the learner's functions."""
    try:
        statements = ast.parse(code).body
    except (SyntaxError, ValueError) as error:
        if is_word(code):
            meant(code)  # says what is close
        why = getattr(error, "msg", error)
        raise click.UsageError(f"{code!r} is no exercise (tt list 01) and no expression: {why}") from error
    if not statements or not isinstance(statements[-1], ast.Expr):
        raise click.UsageError(f"{code!r} does not end in an expression: there is no value to draw")
    drawing = drawings(folder, module, [code])[0]
    if drawing["kind"] == "error" and drawing["error"] == "NameError" and is_word(code):
        meant(code)
    return drawing


def is_word(code: str) -> bool:
    """Whether this may be meant as the name of an exercise."""
    return re.fullmatch(r"[\w.]+", code) is not None
