"""`tt lab`: predict, measure, explain."""

from __future__ import annotations

import json
import sys
import textwrap

import click

from tinytorch_studio import labs
from tinytorch_studio.amounts import amount
from tinytorch_studio.commands.chosen import module_meant
from tinytorch_studio.commands.common import here
from tinytorch_studio.course import Module
from tinytorch_studio.dialogue import Ended, Unclear, ask
from tinytorch_studio.folder import Folder
from tinytorch_studio.labs import Lab
from tinytorch_studio.pages import page
from tinytorch_studio.plots import NoPlot


@click.command()
@click.argument("module", required=False)
@click.option("--lab", "name", help="Which lab; by default the first that is not explained yet.")
@click.option(
    "--predict",
    multiple=True,
    metavar="NAME=VALUE",
    help="A prediction, once for each name; then it is not asked.",
)
@click.option("--explain", "explanation", help="Your explanation; then it is not asked.")
@click.option("--again", is_flag=True, help="Predict and measure anew.")
@click.option("--show", is_flag=True, help="Show a lab that is explained once more.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object about the lab; nothing is asked.")
def lab(
    module: str | None,
    name: str | None,
    predict: tuple[str, ...],
    explanation: str | None,
    again: bool,
    show: bool,
    as_json: bool,
) -> None:
    """Predict a number, measure it on your files, explain the rest.

    MODULE is by default the current one. What you write is kept at once, and a lab goes on where it stopped. The
    exit code is 0 once a lab is explained.
    """
    folder = here()
    where = module_meant(folder, module)
    there = labs.told(where)
    if not there:
        click.echo(
            json.dumps({"module": where.number, "labs": []}) if as_json else f"{where.number} has no lab."
        )
        return
    chosen = choose(folder, there, name)
    if again:
        folder.note("lab", chosen.id, again=True)
    store(folder, chosen, predict)
    session = Session(folder, where, chosen, quiet=as_json)
    try:
        done = session.shown() if show else session.held(explanation)
    except Ended:
        click.echo(f"stopped    what you wrote is kept; go on: {command(chosen)}")
        done = False
    if as_json:
        plot = sorted(each.name for each in (folder.root / "labs").glob(f"{chosen.id}.*"))
        click.echo(json.dumps(labs.whole(chosen, session.now, plot)))
    elif done:
        point_on(folder, there, chosen)
    sys.exit(0 if done else 1)


def command(chosen: Lab, more: str = "") -> str:
    """The command that goes on with a lab."""
    module, _, name = chosen.id.partition(".")
    return f"tt lab {module} --lab {name}{more}"


def choose(folder: Folder, there: list[Lab], name: str | None) -> Lab:
    """The lab that is meant; without a name the first that is not explained, or else the first."""
    if name is None:
        open_ones = [each for each in there if not labs.round_of(folder, each.id).explanation]
        return (open_ones or there)[0]
    for each in there:
        if name in (each.name, each.id):
            return each
    raise click.UsageError(f"there is no lab {name!r}; there is {', '.join(each.name for each in there)}")


def store(folder: Folder, chosen: Lab, predict: tuple[str, ...]) -> None:
    """Note the predictions of the command line: all of them, or none if one cannot be read."""
    units = {each["name"]: each["unit"] for each in chosen.predictions}
    given = {}
    for each in predict:
        name, equals, value = each.rpartition("=")  # a name may hold an equals sign, a value does not
        if not equals or name not in units:
            raise click.UsageError(
                f"--predict {each!r}: write NAME=VALUE, where NAME is one of: {' · '.join(units)}"
            )
        try:
            given[name] = amount(value, units[name])
        except Unclear as error:
            raise click.UsageError(f"--predict {name}: {error}") from error
    now = labs.round_of(folder, chosen.id)
    changed = [name for name in given if name in now.predictions and now.predictions[name] != given[name]]
    if changed and now.measured:
        raise click.UsageError(
            f"{changed[0]} is measured already: a prediction is made before. --again begins anew"
        )
    if given and not now.measured:
        folder.note("lab", chosen.id, predictions=given)


class Session:
    """One lab, held from where it stands to where the learner goes along."""

    def __init__(self, folder: Folder, module: Module, chosen: Lab, quiet: bool) -> None:
        self.folder = folder
        self.module = module
        self.lab = chosen
        self.quiet = quiet  # nothing is said or asked
        self.now = labs.round_of(folder, chosen.id)

    def say(self, text: str = "") -> None:
        """A line, unless a program reads along."""
        if not self.quiet:
            click.echo(text)

    def note(self, **what: object) -> None:
        """Progress is on disk before anything else happens."""
        self.folder.note("lab", self.lab.id, **what)
        self.now = labs.round_of(self.folder, self.lab.id)

    def held(self, explanation: str | None) -> bool:
        """Predict, measure, explain; whether all three are done."""
        if self.now.explanation and not explanation:
            return self.shown()
        self.say(f"{self.lab.id}  {self.lab.title}\n")
        self.say("" if self.quiet else f"{page(self.lab.text)}\n")
        if not self.predicted() or not (self.now.measured or self.measured()):
            return False
        self.compare()
        return self.explained(explanation)

    def shown(self) -> bool:
        """A lab that was explained, from what is kept."""
        if not self.now.explanation:
            self.say(f"{self.lab.id} is not explained yet: {command(self.lab)}")
            return False
        self.say(f"{self.lab.id}  {self.lab.title}\n")
        self.say("" if self.quiet else f"{page(self.lab.text)}\n")
        self.compare()
        self.answer()
        return True

    def predicted(self) -> bool:
        """Ask for what is not predicted yet; each is noted at once."""
        left = labs.missing(self.lab, self.now)
        if left and self.quiet:
            return False
        for each in left:
            unit = each["unit"]
            behind = f" [{unit}]" if unit else ""
            value = ask(f"{each['prompt']}{behind}:", lambda text, unit=unit: amount(text, unit))  # type: ignore[misc]
            self.note(predictions={each["name"]: value})
        if left:
            self.say()
        return True

    def measured(self) -> bool:
        """Measure on the learner's files; whether that gave numbers."""
        mine = [e.name for e in self.module.exercises if self.folder.state(e) == "written"]
        whose = f"yours: {', '.join(mine)}" if mine else "nothing of it is yours yet; all is the reference"
        self.say(textwrap.fill(f"measuring  {whose}", 80, subsequent_indent=" " * 11))
        try:
            heard = labs.measure(self.folder, self.module, self.lab)
        except KeyboardInterrupt:
            raise Ended from None
        if not heard.finished:
            self.say(f"cannot measure: your predictions are kept\nbecause    {labs.said(heard)}")
            self.say(f"next       tt check {self.module.number} · {command(self.lab)}")
            return False
        (found,) = heard.cases
        self.note(measured=found["measured"], facts=found["facts"])
        self.say()
        return True

    def compare(self) -> None:
        """The numbers side by side, and the plot of them."""
        self.say("\n".join(labs.table(self.lab, self.now)))
        try:
            svg, _ = labs.draw(self.folder, self.lab, self.now)
            self.say(f"\nplot       {svg.relative_to(self.folder.root).as_posix()}, and .png beside it")
        except NoPlot as error:
            self.say(f"\nplot       none: {error}")

    def explained(self, explanation: str | None) -> bool:
        """Ask what they make of it; only then tell."""
        if not self.quiet:
            self.say(f"\n{page(self.lab.explain)}\n")
        if explanation is None and not self.quiet:
            explanation = ask("your explanation (empty: later):", str)
        if not (explanation or "").strip():
            self.say(f"later      {command(self.lab, ' --explain TEXT')}")
            return False
        now = self.now
        self.note(
            predictions=now.predictions, measured=now.measured, facts=now.facts, explanation=explanation
        )
        self.answer()
        return True

    def answer(self) -> None:
        """Theirs, and the given one."""
        if not self.quiet:
            self.say(f"\nyours      {self.now.explanation}\n\n{page(self.lab.answer)}")


def point_on(folder: Folder, there: list[Lab], chosen: Lab) -> None:
    """The lab that comes next, if there is one."""
    left = [each for each in there if not labs.round_of(folder, each.id).explanation]
    click.echo(f"\nnext       {command(left[0])}" if left else f"\nagain      {command(chosen, ' --again')}")
