"""`tt incident`: a program that runs and is wrong; find the level, the line, and the repair."""

from __future__ import annotations

import json
import sys

import click

from tinytorch_course.kit import LEVELS
from tinytorch_studio import incidents
from tinytorch_studio.commands.chosen import module_meant
from tinytorch_studio.commands.common import here
from tinytorch_studio.course import Module
from tinytorch_studio.dialogue import Ended, Unclear, ask
from tinytorch_studio.folder import Folder
from tinytorch_studio.hearing import Heard
from tinytorch_studio.incidents import MEANINGS, Incident, Outcome
from tinytorch_studio.labs import said
from tinytorch_studio.pages import page
from tinytorch_studio.quiz import chosen

TRIES = 3  # lines that may be named before it is told


@click.command()
@click.argument("module", required=False)
@click.option("--level", type=click.Choice(LEVELS), help="Where the fault lies; then it is not asked.")
@click.option("--line", type=int, help="The line that is wrong; then it is not asked.")
@click.option("--again", is_flag=True, help="Begin anew; what you changed is kept (tt undo).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object about the incident; nothing is asked.")
def incident(module: str | None, level: str | None, line: int | None, again: bool, as_json: bool) -> None:
    """Find what is wrong with a program, and repair it.

    The program is written into incidents/ in your folder. Name the level of the fault and its line; then change the
    file and give the command again. MODULE is by default the current one. The exit code is 0 once it is solved.
    """
    folder = here()
    where = module_meant(folder, module)
    told = incidents.told(where)
    if told is None:
        click.echo(
            json.dumps({"module": where.number, "incident": None})
            if as_json
            else f"{where.number} has no incident."
        )
        return
    if line is not None and not 1 <= line <= told.program.count("\n") + 1:
        raise click.UsageError(f"the program has no line {line}")
    case = Case(folder, where, told, quiet=as_json)
    try:
        solved = case.held(level, line, again)
    except Ended:
        click.echo(f"stopped    what you found out is kept; go on: {case.command}", err=as_json)
        solved = False
    if as_json:
        click.echo(json.dumps(case.whole()))
    sys.exit(0 if solved else 1)


class Case:
    """One incident in the learner's hands."""

    def __init__(self, folder: Folder, module: Module, told: Incident, quiet: bool) -> None:
        self.folder = folder
        self.module = module
        self.told = told
        self.quiet = quiet  # nothing is said or asked
        self.path = incidents.place(folder, module)
        self.name = self.path.relative_to(folder.root).as_posix()
        self.command = f"tt incident {module.number}"
        self.state = "not repaired yet"
        self.log = ""
        self.outcome = Outcome()

    def say(self, text: str = "") -> None:
        """A line, unless a program reads along."""
        if not self.quiet:
            click.echo(text)

    def note(self, **what: object) -> None:
        """One line of progress."""
        self.folder.note("incident", self.module.number, **what)

    def held(self, level: str | None, line: int | None, again: bool) -> bool:
        """Begin, ask what is still open, or judge a repair; whether it is solved."""
        if again or not self.path.exists():
            incidents.begin(self.folder, self.module, self.told)
            self.note(again=True)
            self.say(f"wrote      {self.name}\n")
        self.folder.snapshots.keep(f"incident {self.module.number}")
        if not incidents.untouched(self.folder, self.module, self.told):
            return self.judged()
        now = incidents.known(self.folder, self.module)
        if not (now.level and now.line):
            if level is None and line is None:
                self.tell()
            self.find(now, level, line)
            now = incidents.known(self.folder, self.module)
        elif not again:
            self.say(f"not repaired yet: {self.name} is as it was written")
        if now.level and now.line:
            self.say(f"repair     {self.name}, line {self.told.number}, and then: {self.command}")
        else:
            self.say(f"next       {self.command} --level WORD --line NUMBER; or repair it: {self.name}")
        return False

    def tell(self) -> None:
        """The story, the program with its line numbers, and the log of a run on the learner's files."""
        if not self.quiet:
            self.say(f"{self.module.number}  {self.told.title}\n\n{page(self.told.story)}\n\n{self.name}")
        lines = self.told.program.splitlines()
        self.say("\n".join(f"{n:5} | {text}".rstrip() for n, text in enumerate(lines, 1)))
        heard = self.run()
        self.log = heard.printed
        self.say(f"\nits log, on your files:\n{indented(self.log)}\n")
        if not heard.finished:
            self.say(f"and it ended: {said(heard)}\n")

    def run(self) -> Heard:
        """The program as it was written, on the learner's files."""
        try:
            return incidents.execute(self.folder, self.module, self.told.program, str(self.path.resolve()))
        except KeyboardInterrupt:
            raise Ended from None

    def find(self, now: incidents.Known, level: str | None, line: int | None) -> None:
        """The level and the line, from the command line or by asking for what is open."""
        asking = not self.quiet and level is None and line is None
        if asking and not now.level:
            for count, (each, meaning) in enumerate(MEANINGS.items(), 1):
                self.say(f"  {count} {each:<9} {meaning}")
        while not now.level and (level or asking):
            self.answer_level(level or self.ask_level())
            level, now = None, incidents.known(self.folder, self.module)
        while not now.line and (line or asking):
            self.answer_line(line or self.ask_line())
            line, now = None, incidents.known(self.folder, self.module)

    def ask_level(self) -> str:
        """One of the levels, by its word or number."""
        return ask("level:", lambda text: chosen(text.lower(), list(LEVELS)))

    def answer_level(self, level: str) -> None:
        """Right or not, in one sentence."""
        right = level == self.told.level
        self.note(level=right)
        if right:
            self.say(f"level      right: {level}. {MEANINGS[level].capitalize()}.\n")
        else:
            self.say(f"level      no: {level} would mean that {MEANINGS[level]}.\n")

    def ask_line(self) -> int:
        """A line of the program."""
        last = self.told.program.count("\n") + (not self.told.program.endswith("\n"))

        def read(text: str) -> int:
            if not text.isdecimal() or not 1 <= int(text) <= last:
                raise Unclear(f"write the number of a line, 1 to {last}")
            return int(text)

        return ask("line:", read)

    def answer_line(self, line: int) -> None:
        """Right or not, in one sentence; from the second miss on a little more."""
        right = self.told.number
        self.note(line=line == right)
        missed = incidents.known(self.folder, self.module).missed
        if line == right:
            self.say(f"line       right: line {line} is the one.\n")
        elif missed == 1:
            self.say(f"line       no: line {line} may stay as it is.\n")
        elif missed < TRIES:
            self.say(f"line       no: it is {'further down' if line < right else 'further up'}.\n")
        else:
            self.note(line=True, revealed=True)
            self.say(f"line       no: it is line {right}.\n")

    def judged(self) -> bool:
        """Run what the learner made of the program, and say what came of it."""
        self.say(f"running    {self.name} on your files")
        try:
            self.outcome = incidents.judge(self.folder, self.module, self.told)
        except KeyboardInterrupt:
            raise Ended from None
        self.log = self.outcome.log
        if self.log:
            self.say(f"{indented(self.log)}\n")
        if self.outcome.solved:
            self.state = "solved"
            if not incidents.known(self.folder, self.module).solved:
                self.note(solved=True)
            self.say(
                f"solved     level: {self.told.level} · line {self.told.number} of the program as it was\n"
            )
            self.say("" if self.quiet else page(self.told.explain))
            return True
        self.say("\n".join(self.unsolved()))
        self.say(f"next       {self.command} · {self.command} --again writes the program anew")
        return False

    def unsolved(self) -> list[str]:
        """What still differs, or why it does not run."""
        outcome, lines = self.outcome, []
        if outcome.difference is not None:
            from tinytorch_studio.diagnosis import shown

            self.state = "still differs"
            name = outcome.difference.name
            lines = [f"not yet    {name} is not what it is after the repair"]
            sides = (("yours", outcome.difference.yours), ("repaired", outcome.difference.wanted))
            for side, value in sides:
                text = "\n".join(value) if drawing(value) else shown(value)
                joined = f"\n{indented(text)}" if "\n" in text else text
                lines.append(f"{side:<10} {joined}")
        else:
            self.state = "cannot run"
            lines = ["cannot run to its end", f"because    {outcome.reason}"]
        if outcome.theirs:
            lines.append(
                f"but        on the reference it is right: one of your functions is not: tt check {self.module.number}"
            )
        return lines

    def whole(self) -> dict[str, object]:
        """The case as one object; what is to be found out is in it once it is found."""
        now = incidents.known(self.folder, self.module)
        found: dict[str, object] = {"id": self.module.number, "title": self.told.title, "file": self.name}
        found |= {"story": self.told.story, "program": self.told.program}
        found |= {"state": self.state, "log": self.log}
        found |= {"level": self.told.level if now.level else None}
        found |= {"line": self.told.number if now.line else None, "solved": now.solved}
        if self.state in ("still differs", "cannot run"):
            found["reason"] = self.unsolved()
        return found | ({"explain": self.told.explain} if self.state == "solved" else {})


def drawing(value: object) -> bool:
    """Whether an observation is text of several lines, or a few of them."""
    return isinstance(value, list) and any(isinstance(each, str) and "\n" in each for each in value)


def indented(text: str) -> str:
    """Lines of somebody else's output, the first forty of them."""
    lines = text.rstrip().splitlines()
    more = [f"  ... and {len(lines) - 40} lines more"] if len(lines) > 40 else []
    return "\n".join([f"  {line}".rstrip() for line in lines[:40]] + more)
