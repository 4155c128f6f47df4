"""The command `tt`: each command is imported when it is called, so that all start fast."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

COMMANDS = {  # name: (file in commands/, attribute)
    "start": ("begin", "start"),
    "next": ("begin", "next_step"),
    "lesson": ("lesson", "lesson"),
    "check": ("check", "check"),
    "watch": ("watch", "watch"),
    "show": ("show", "show"),
    "hint": ("help", "hint"),
    "why": ("help", "why"),
    "repro": ("check", "repro"),
    "status": ("overview", "status"),
    "list": ("overview", "list_modules"),
    "run": ("run", "run"),
    "lab": ("lab", "lab"),
    "quiz": ("quiz", "quiz"),
    "incident": ("incident", "incident"),
    "milestone": ("milestone", "milestone"),
    "blame": ("blame", "blame"),
    "undo": ("keep", "undo"),
    "redo": ("keep", "redo"),
    "history": ("keep", "history"),
    "diff": ("keep", "diff"),
    "reset": ("keep", "reset"),
    "doctor": ("doctor", "doctor"),
    "dev": ("", "dev"),
}


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

    def invoke(self, ctx: click.Context) -> Any:
        """A disk that is full or may not be written to is said in one line."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # whoever read the output has seen enough
            raise
        except OSError as error:
            where = f": {error.filename}" if error.filename else ""
            raise click.ClickException(
                f"{error.strerror or error}{where}. What was there is unchanged."
            ) from error


@click.group(cls=Lazy, invoke_without_command=True)
@click.version_option(package_name="tinytorch")
@click.pass_context
def main(context: click.Context) -> None:
    """Build a deep learning framework, and see it learn. Without a command: where you are, and the next step."""
    if context.invoked_subcommand is None:
        from pathlib import Path

        from tinytorch_studio.commands.overview import tell
        from tinytorch_studio.folder import Folder, FolderError

        try:
            folder = Folder.find(Path.cwd())
        except FolderError as error:
            click.echo(f"{context.get_help()}\n\n{error}")
            return
        tell(folder)
