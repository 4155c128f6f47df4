"""Markdown as text for a terminal: lessons, labs, questions and incidents look alike."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tinytorch_studio.terminal import colour, width

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions
    from rich.markdown import Markdown

INDENT = 4  # columns before a block of code, where it fits
PLAIN = str.maketrans(dict(zip("•━─│┃┏┓┗┛┌┐└┘▌…", "*=-||++++++++|.", strict=True)))  # what rich draws
STYLES = {  # legible on dark and on light ground: no yellow, no blue, nothing bright
    **{f"markdown.h{level}": "bold" for level in range(1, 7)},
    "markdown.code": "cyan",
    "markdown.link": "underline",
    "markdown.link_url": "underline",
    "markdown.item.bullet": "bold",
    "markdown.item.number": "bold",
    "markdown.table.border": "none",
    "markdown.table.header": "bold",
    "markdown.block_quote": "italic",
    "markdown.hr": "none",
}
PYTHON = {  # the same for code: by the beginning of a token's type
    ("Keyword",): "bold",
    ("Operator", "Word"): "bold",
    ("Literal", "String"): "green",
    ("Comment",): "cyan",
}


def page(markdown: str) -> str:
    """Markdown as text, at most 80 columns wide; code as it was written. Without colour, code in a sentence keeps
    its backticks."""
    from io import StringIO

    from rich.console import Console
    from rich.theme import Theme

    text = re.sub(
        r"^(#+) ([^`\n]*__[^`\n]*)$", r"\1 `\2`", markdown, flags=re.MULTILINE
    )  # __add__ is not bold
    if not colour():
        text = with_backticks(text)
    out = StringIO()
    console = Console(
        file=out,
        width=width(),
        height=25,  # with both given, rich believes them on any terminal
        force_terminal=colour(),
        color_system="standard" if colour() else None,
        highlight=False,
        theme=Theme(STYLES),
    )
    console.print(elements()(text, hyperlinks=False), crop=False)
    lines = "\n".join(line.rstrip() for line in out.getvalue().translate(PLAIN).splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines).strip("\n")


def with_backticks(markdown: str) -> str:
    """The same, with inline code that shows its backticks; blocks of code stay as they are."""
    parts = re.split(r"(^```.*?^```$)", markdown, flags=re.MULTILINE | re.DOTALL)
    parts[::2] = [re.sub(r"(?<!`)`([^`]+)`(?!`)", r"`` `\1` ``", part) for part in parts[::2]]
    return "".join(parts)


def elements() -> type[Markdown]:
    """Rich's Markdown with headings and blocks of code of our own."""
    from rich import markdown as rich_markdown
    from rich.style import Style
    from rich.syntax import ANSISyntaxTheme, Syntax
    from rich.text import Text

    theme = ANSISyntaxTheme({kind: Style.parse(style) for kind, style in PYTHON.items()})

    class Code(rich_markdown.CodeBlock):
        """Never wrapped or cut; moved to the right where there is room."""

        def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
            code = str(self.text).rstrip("\n")
            longest = max(map(len, code.splitlines()), default=0)
            left = " " * max(0, min(INDENT, options.max_width - longest))
            shown = Text(code)
            if self.lexer_name == "python":
                shown = Syntax(code, "python", theme=theme).highlight(code)
                shown.rstrip()
            for line in shown.split("\n", allow_blank=True):
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
        """A text of the course."""

        elements = rich_markdown.Markdown.elements | {
            "fence": Code,
            "code_block": Code,
            "heading_open": Title,
        }

    return Page
