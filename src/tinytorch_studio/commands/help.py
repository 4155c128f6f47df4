"""`tt hint` and `tt why`: help in rungs, and a paragraph about a known mistake."""

from __future__ import annotations

import re

import click

from tinytorch_studio import course
from tinytorch_studio.commands.common import here, one, wrapped
from tinytorch_studio.snapshots import entries
from tinytorch_studio.variants import variants


def section(module: course.Module, title: str) -> str:
    """The part of hints.md under a heading of the second level."""
    text = module.path("hints.md").read_text(encoding="utf-8")
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |^# |\Z)", text, re.MULTILINE | re.DOTALL)
    return found.group(1).strip() if found else ""


@click.command()
@click.argument("name", required=False)
@click.option("--example", is_flag=True, help="A worked example of another case, at once.")
def hint(name: str | None, example: bool) -> None:
    """One hint more: where to look, the idea, nearly the line, and then a worked example."""
    folder = here()
    module, exercise = one(folder, name)
    rungs = re.split(r"^### .*\n", section(module, exercise.name), flags=re.MULTILINE)[1:]
    seen = sum(1 for e in entries(folder.progress) if e.get("what") == "hint" and e["id"] == exercise.id)
    number = len(rungs) - 1 if example else min(seen, len(rungs) - 1)
    if not example:
        folder.note("hint", exercise.id)
    title = "a worked example" if number == len(rungs) - 1 else f"hint {number + 1} of {len(rungs) - 1}"
    click.echo(f"{exercise.name}, {title}\n\n{wrapped(rungs[number].strip())}")


@click.command()
@click.argument("mistake")
def why(mistake: str) -> None:
    """A paragraph about a known MISTAKE: the id that stands behind "likely"."""
    for module in course.modules():
        for each in variants(module.path("mistakes.py"), module):
            if each.name == mistake:
                click.echo(
                    wrapped(f"{each.exercise}: {each.sentence}\n\n{section(module, mistake)}".rstrip())
                )
                return
    raise click.UsageError(
        f"there is no known mistake {mistake!r}; its id stands behind 'likely' in a message"
    )
