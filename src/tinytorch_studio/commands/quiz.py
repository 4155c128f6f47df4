"""`tt quiz`: questions about a module, with fresh numbers each time."""

from __future__ import annotations

import json
import random
import sys
from typing import Any

import click

from tinytorch_studio import quiz as questions
from tinytorch_studio.commands.chosen import module_meant
from tinytorch_studio.commands.common import here
from tinytorch_studio.course import Module
from tinytorch_studio.dialogue import Ended, Unclear, ask
from tinytorch_studio.folder import Folder
from tinytorch_studio.pages import page
from tinytorch_studio.quiz import Question


@click.command()
@click.argument("module", required=False)
@click.option("--question", "name", help="Only the question of this name.")
@click.option("--seed", type=click.IntRange(min=0), help="The same numbers as last time.")
@click.option(
    "--answer",
    "given",
    multiple=True,
    metavar="NAME=VALUE",
    help="An answer to the one question, once for each name.",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="One JSON object; what the questions are, or whether --answer is right.",
)
def quiz(
    module: str | None, name: str | None, seed: int | None, given: tuple[str, ...], as_json: bool
) -> None:
    """Answer questions about a module, with fresh numbers each time.

    MODULE is by default the current one. What was answered right comes last. The exit code is 0 if all is right.
    """
    folder = here()
    where = module_meant(folder, module)
    if given and name is None:
        raise click.UsageError("--answer belongs to one question: name it with --question")
    seed = random.SystemRandom().randrange(10_000) if seed is None else seed
    try:
        asked = questions.made(folder, where, seed, name)
    except LookupError as error:
        raise click.UsageError(str(error.args[0])) from error
    if not asked:
        click.echo(
            json.dumps({"module": where.number, "questions": []})
            if as_json
            else f"{where.number} has no questions."
        )
        return
    answers = from_words(given, asked[0]) if given else {}
    if as_json:
        rows = [row(folder, where, seed, each, answers) for each in asked]
        click.echo(json.dumps({"module": where.number, "seed": seed, "questions": rows}))
        sys.exit(0 if all(each.get("right") for each in rows) else 1)
    hold(folder, where, seed, asked, answers)


def from_words(given: tuple[str, ...], question: Question) -> dict[str, Any]:
    """The answers of the command line."""
    answers = {}
    for each in given:
        name, equals, text = each.rpartition("=")
        if not equals or name not in question.answers:
            raise click.UsageError(
                f"--answer {each!r}: write NAME=VALUE, where NAME is one of: {' · '.join(question.answers)}"
            )
        try:
            answers[name] = questions.read(text, question.answers[name], question.choices.get(name, []))
        except Unclear as error:
            raise click.UsageError(f"--answer {name}: {error}") from error
    return answers


def judged(folder: Folder, module: Module, seed: int, question: Question, given: dict[str, Any]) -> bool:
    """Note whether every answer to a question is right."""
    right = all(questions.agrees(given[name], value) for name, value in question.answers.items())
    folder.note("question", f"{module.number}.{question.name}", right=right, seed=seed)
    return right


def row(
    folder: Folder, module: Module, seed: int, question: Question, given: dict[str, Any]
) -> dict[str, Any]:
    """One question for a program; its answers only once all of them are given."""
    found: dict[str, Any] = {"id": f"{module.number}.{question.name}", "name": question.name}
    found |= {"prompt": question.prompt, "answers": list(question.answers), "choices": question.choices}
    if set(given) == set(question.answers):
        found["right"] = judged(folder, module, seed, question, given)
        found |= {"given": given, "wanted": question.answers, "explain": question.explain}
    return found


def hold(folder: Folder, module: Module, seed: int, asked: list[Question], answers: dict[str, Any]) -> None:
    """Ask one after another, and say at once what is right."""
    only = f" --question {asked[0].name}" if len(asked) == 1 else ""
    same = f"tt quiz {module.number}{only} --seed {seed}"
    click.echo(f"{module.number} {module.title}: {counted(len(asked))}\nthe same numbers once more: {same}")
    right = count = 0
    try:
        for count, question in enumerate(asked):
            click.echo(f"\n{count + 1}  {question.name}\n\n{page(question.prompt)}\n")
            given = {name: answers.get(name, ...) for name in question.answers}
            for name in question.answers:
                if given[name] is ...:
                    given[name] = ask_for(question, name)
            right += tell(question, given, judged(folder, module, seed, question, given))
    except Ended:
        click.echo(
            f"stopped    after {count} of {counted(len(asked))}; what you answered is kept\nagain      {same}"
        )
        sys.exit(1)
    if len(asked) > 1:
        click.echo(f"\n{right} of {len(asked)} right")
    sys.exit(0 if right == len(asked) else 1)


def counted(count: int) -> str:
    """1 question, 2 questions."""
    return f"{count} question" + "s" * (count != 1)


def ask_for(question: Question, name: str) -> Any:
    """One answer."""
    expected, choices = question.answers[name], question.choices.get(name, [])
    listed = ", ".join(f"{i} {each}" for i, each in enumerate(choices, 1))
    behind = f" [{listed}]" if choices else " [yes, no]" if isinstance(expected, bool) else ""
    return ask(f"{name}{behind}:", lambda text: questions.read(text, expected, choices))


def tell(question: Question, given: dict[str, Any], right: bool) -> bool:
    """What was right, what would have been, and why."""
    click.echo()
    if right:
        click.secho("right", fg="green")
    for name, wanted in question.answers.items():
        if not questions.agrees(given[name], wanted):
            yours = questions.as_text(given[name])
            click.secho(f"no         {name}: {questions.as_text(wanted)}, not {yours}", fg="red")
    click.echo(f"\n{page(question.explain)}")
    return right
