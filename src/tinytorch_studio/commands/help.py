"""`tt hint` and `tt why`: help in rungs, and a paragraph about a known mistake."""

from __future__ import annotations

import re
from difflib import get_close_matches

import click

from tinytorch_studio import course
from tinytorch_studio.commands.common import here, near, one, wrapped
from tinytorch_studio.folder import Folder
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
    """Give one hint more, from where to look to nearly the line.

    NAME is an exercise, by default the current one. After the third hint comes a worked example of another case.
    """
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
@click.argument("mistake", required=False)
def why(mistake: str | None) -> None:
    """Explain a known MISTAKE: the id behind "likely".

    By default the one that was found last. Where two modules know a mistake of this name, it is that of yours.
    """
    mistake = mistake or found_last(here())
    known = [
        (module, each)
        for module in course.modules()
        for each in variants(module.path("mistakes.py"), module)
        if each.name == mistake
    ]
    if not known:
        names = {v.name for module in course.modules() for v in variants(module.path("mistakes.py"), module)}
        close = get_close_matches(mistake, sorted(names))
        meant = (
            f"did you mean {' or '.join(close)}?" if close else "its id stands behind 'likely' in a message"
        )
        raise click.UsageError(f"there is no known mistake {mistake!r}; {meant}")
    here_too = [(module, each) for module, each in known if module.number == near()]
    texts = [f"{v.exercise}: {v.sentence}\n\n{section(m, v.name)}".rstrip() for m, v in here_too or known]
    click.echo("\n\n".join(map(wrapped, texts)))


def found_last(folder: Folder) -> str:
    """The mistake that the last diagnosis named."""
    named = [each["mistake"] for each in entries(folder.progress) if each.get("mistake")]
    if not named:
        raise click.UsageError("name a mistake: its id stands behind 'likely' in a message of tt check")
    return str(named[-1])
