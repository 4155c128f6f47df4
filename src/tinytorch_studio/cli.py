"""The command `tt`: each command is imported when it is called, so that all start fast."""

from __future__ import annotations

from importlib import import_module

import click

LEARNERS = "tinytorch_studio.commands"
COMMANDS = {  # name: (module, attribute)
    "start": (LEARNERS, "start"),
    "next": (LEARNERS, "next_step"),
    "check": (LEARNERS, "check"),
    "status": (LEARNERS, "status"),
    "list": (LEARNERS, "list_modules"),
    "hint": (LEARNERS, "hint"),
    "why": (LEARNERS, "why"),
    "repro": (LEARNERS, "repro"),
    "undo": (LEARNERS, "undo"),
    "redo": (LEARNERS, "redo"),
    "history": (LEARNERS, "history"),
    "run": (LEARNERS, "run"),
    "milestone": (LEARNERS, "milestone"),
    "dev": ("tinytorch_studio.dev.cli", "dev"),
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
        module, attribute = COMMANDS[name]
        command: click.Command = getattr(import_module(module), attribute)
        return command


@click.group(cls=Lazy)
@click.version_option(package_name="tinytorch")
def main() -> None:
    """Build a deep learning framework, and see it learn."""
