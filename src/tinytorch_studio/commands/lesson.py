"""`tt lesson`: a module's text, or the part about one exercise, in the terminal."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from tinytorch_studio import course, lessons, pictures
from tinytorch_studio.commands.chosen import module_meant
from tinytorch_studio.commands.common import here, meant
from tinytorch_studio.dialogue import PLAIN, WIDTH, with_backticks
from tinytorch_studio.drawings import drawings
from tinytorch_studio.lessons import Lesson, Picture

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions
    from rich.markdown import Markdown

INDENT = 4  # columns before a block of code, where it fits


@click.command()
@click.argument("name", metavar="[MODULE|EXERCISE]", required=False)
@click.option("--plain", is_flag=True, help="The Markdown as it is, with the pictures drawn.")
def lesson(name: str | None, plain: bool) -> None:
    """Read a module's lesson, by default the current one's, or only the part about an exercise."""
    module, exercise = chosen(name)
    found = lessons.read(module)
    if found is None:
        raise click.ClickException(f"module {module.number} has no lesson yet")
    text = found.text if exercise is None else found.section(exercise)
    if exercise is not None and not text:
        raise click.ClickException(f"the lesson of module {module.number} has no part about {exercise.name}")
    text = lessons.without_comments(illustrated(module, found, text))
    terminal = sys.stdout.isatty()
    if not plain:
        text = rendered(text, terminal)
    if terminal:
        os.environ.setdefault("LESS", "-FRX")
        click.echo_via_pager(text + "\n", color=True)
    else:
        click.echo(text)


def chosen(name: str | None) -> tuple[course.Module, course.Exercise | None]:
    """The module, and the exercise if one is named."""
    if name is None:
        return module_meant(here(), None), None
    module, exercises = meant(name)
    whole = name.lower() in (module.number, module.folder.name)
    return module, None if whole else exercises[0]


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


def rendered(text: str, terminal: bool) -> str:
    """The text at 80 columns: code as it was written, every heading told from prose without colour."""
    from io import StringIO

    from rich.console import Console

    text = re.sub(r"^(#+) ([^`\n]*__[^`\n]*)$", r"\1 `\2`", text, flags=re.MULTILINE)  # __add__ is not bold
    if not terminal:
        text = with_backticks(text)
    width = min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns)
    out = StringIO()
    console = Console(file=out, width=width, force_terminal=terminal or None, highlight=False)
    console.print(markdown()(text, hyperlinks=False))
    return "\n".join(line.rstrip() for line in out.getvalue().translate(PLAIN).splitlines()).strip("\n")


def markdown() -> type[Markdown]:
    """Rich's Markdown with headings and blocks of code of our own."""
    from rich import markdown as rich_markdown
    from rich.syntax import Syntax
    from rich.text import Text

    class Code(rich_markdown.CodeBlock):
        """Never wrapped; moved to the right where there is room."""

        def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
            code = str(self.text).rstrip("\n")
            longest = max(map(len, code.splitlines()), default=0)
            left = " " * max(0, min(INDENT, options.max_width - longest))
            shown = Text(code, no_wrap=True)
            if self.lexer_name == "python":
                shown = Syntax(code, "python", theme="ansi_dark", background_color="default").highlight(code)
            for line in shown.split("\n", allow_blank=False):
                line = Text(left) + line
                line.no_wrap, line.overflow = True, "ignore"
                yield line

    class Title(rich_markdown.Heading):
        """On the left, and underlined."""

        def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
            self.text.justify, self.text.style = "left", "bold"
            if self.tag != "h1":
                yield Text("")
            yield self.text
            line = {"h1": "=", "h2": "-"}.get(self.tag, "~")
            yield Text(line * min(len(self.text.plain), options.max_width), style="bold")

    class Page(rich_markdown.Markdown):
        """A lesson."""

        elements = rich_markdown.Markdown.elements | {
            "fence": Code,
            "code_block": Code,
            "heading_open": Title,
        }

    return Page
