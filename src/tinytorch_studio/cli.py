"""The command `tt`: each command is imported when it is called, so that all start fast."""

from __future__ import annotations

import sys
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

from tinytorch_studio.course import CourseError
from tinytorch_studio.folder import FolderError
from tinytorch_studio.terminal import colour

GROUPS = {  # title: {name: (file in commands/, attribute)}
    "Where you are": {
        "start": ("begin", "start"),
        "next": ("begin", "next_step"),
        "status": ("overview", "status"),
        "list": ("overview", "list_modules"),
    },
    "Build": {
        "lesson": ("lesson", "lesson"),
        "check": ("check", "check"),
        "watch": ("watch", "watch"),
        "show": ("show", "show"),
        "hint": ("help", "hint"),
        "why": ("help", "why"),
        "repro": ("check", "repro"),
    },
    "Run it": {
        "run": ("run", "run"),
        "milestone": ("milestone", "milestone"),
        "blame": ("blame", "blame"),
    },
    "Understand": {
        "lab": ("lab", "lab"),
        "quiz": ("quiz", "quiz"),
        "incident": ("incident", "incident"),
    },
    "Nothing is lost": {
        "undo": ("keep", "undo"),
        "redo": ("keep", "redo"),
        "history": ("keep", "history"),
        "diff": ("keep", "diff"),
        "reset": ("keep", "reset"),
    },
    "Around it": {
        "doctor": ("doctor", "doctor"),
        "dev": ("", "dev"),
    },
}
COMMANDS = {name: place for group in GROUPS.values() for name, place in group.items()}
STOPPED = 128 + 2  # what shells report of a program that Ctrl-C ended


class Lazy(click.Group):
    """A group that imports a command only to run it or to show its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command itself."""
        if name not in COMMANDS:
            return None
        file, attribute = COMMANDS[name]
        module = f"tinytorch_studio.commands.{file}" if file else "tinytorch_studio.dev.cli"
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """`tt help check` is `tt check --help`."""
        if args[:1] == ["help"]:
            args = [*args[1:], "--help"]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is meant; for a misspelt one, the one that is close."""
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            close = get_close_matches(args[0], COMMANDS, n=2)
            meant = f"; did you mean {' or '.join(f'tt {name}' for name in close)}?" if close else ""
            ctx.fail(f"there is no command {args[0]!r}{meant}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One section for each group, the names in one column."""
        longest = max(map(len, COMMANDS))
        for title, group in GROUPS.items():
            with formatter.section(title):
                commands = [(name, self.get_command(ctx, name)) for name in group]
                room = formatter.width - longest - 4
                rows = [(f"{n:<{longest}}", c.get_short_help_str(room)) for n, c in commands if c is not None]
                formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        """Ctrl-C, and what cannot be helped, are said in one line."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("\nstopped    nothing is lost", err=True)
            sys.exit(STOPPED)
        except BrokenPipeError:  # whoever read the output has seen enough
            raise
        except FolderError as error:
            raise click.ClickException(str(error)) from error
        except CourseError as error:
            raise click.ClickException(f"{error}\nThat is a fault of the course, and not yours.") from error
        except OSError as error:
            where = f": {error.filename}" if error.filename else ""
            raise click.ClickException(
                f"{error.strerror or error}{where}. What was there is unchanged."
            ) from error


HELP = """NAME is an exercise in any spelling (permute, Layout.permute, 01.layout.permute), a module (01, memory)
or a file (layout.py).

With --json a command prints one JSON object and asks nothing.

Exit codes: 0 well; 1 not yet, or not right; 2 misspelt; 130 stopped with Ctrl-C.
"""


@click.group(
    cls=Lazy,
    invoke_without_command=True,
    epilog=HELP,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="tinytorch")
@click.pass_context
def main(context: click.Context) -> None:
    """Build a deep learning framework, and see it learn. Without a command: where you are, and the next step."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # what an old encoding lacks becomes a question mark
            stream.reconfigure(errors="replace")
    if not colour():
        context.color = False
    if context.invoked_subcommand is None:
        from pathlib import Path

        from tinytorch_studio.commands.overview import tell
        from tinytorch_studio.folder import Folder

        try:
            folder = Folder.find(Path.cwd())
        except FolderError as error:
            click.echo(f"{context.get_help()}\n\n{error}")
            return
        tell(folder)
