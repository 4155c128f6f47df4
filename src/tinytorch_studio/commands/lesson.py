"""`tt lesson`: a module's text, or the part about one exercise, in the terminal."""

from __future__ import annotations

import os
import re
import sys

import click

from tinytorch_studio import course, lessons, pictures
from tinytorch_studio.commands.chosen import module_meant
from tinytorch_studio.commands.common import here, meant
from tinytorch_studio.drawings import drawings
from tinytorch_studio.lessons import Lesson, Picture
from tinytorch_studio.pages import INDENT, page
from tinytorch_studio.terminal import WIDTH, colour, is_terminal

LESS = "-FRX -Pstt lesson  (space\\: on   b\\: back   /word\\: find   q\\: end)?e   (this is the end).$"


@click.command()
@click.argument("name", metavar="[MODULE|EXERCISE]", required=False)
@click.option("--plain", is_flag=True, help="The Markdown as it is, with the pictures drawn.")
def lesson(name: str | None, plain: bool) -> None:
    """Read a lesson, or the part of it about an exercise.

    By default that of the current module. On a terminal it opens in your pager (PAGER, else less): space goes on,
    q ends. Piped, it is printed.
    """
    module, exercise = chosen(name)
    found = lessons.read(module)
    if found is None:
        raise click.ClickException(f"module {module.number} has no lesson yet")
    text = found.text if exercise is None else found.section(exercise)
    if exercise is not None and not text:
        raise click.ClickException(f"the lesson of module {module.number} has no part about {exercise.name}")
    text = lessons.without_comments(illustrated(module, found, text))
    if not plain:
        text = page(text)
    if is_terminal(sys.stdout) and is_terminal(sys.stdin):
        os.environ.setdefault("LESS", LESS)
        click.echo_via_pager(text + "\n", color=colour())
    else:
        click.echo(text)


def chosen(name: str | None) -> tuple[course.Module, course.Exercise | None]:
    """The module, and the exercise if one is named."""
    if name is None:
        return module_meant(here(), None), None
    module, exercises = meant(name)
    return module, None if exercises == module.exercises else exercises[0]


def illustrated(module: course.Module, found: Lesson, text: str) -> str:
    """The text with every picture's code replaced by the picture."""
    blocks = [each for each in lessons.parse(found.path, text).items if isinstance(each, Picture)]
    codes = [each.code for each in blocks]
    made = iter(zip(blocks, drawings(None, module, codes) if codes else [], strict=True))

    def drawn(fence: re.Match[str]) -> str:
        block, drawing = next(made)
        caption = f"*{block.caption}*\n\n" if block.caption else ""
        return f"{caption}```text\n{pictures.text(drawing, WIDTH - INDENT)}\n```"

    return re.sub(r"^```picture$.*?^```$", drawn, text, flags=re.MULTILINE | re.DOTALL)
