"""Values that are no picture, and errors: their words."""

from __future__ import annotations

import textwrap
from typing import Any


def text(drawing: dict[str, Any], width: int) -> str:
    """The words, wrapped."""
    return "\n".join(textwrap.fill(line, width) for line in said(drawing).splitlines())


def said(drawing: dict[str, Any]) -> str:
    """The words in plain ASCII."""
    words = drawing["text"] if drawing["kind"] == "text" else f"{drawing['error']}: {drawing['message']}"
    return str(words).strip(": ").encode("ascii", "backslashreplace").decode()


def svg(drawing: dict[str, Any]) -> str:
    """The words as a document."""
    from tinytorch_studio.pictures.paper import MONO, Paper

    paper = Paper("Text", said(drawing))
    for number, line in enumerate(text(drawing, 80).splitlines()):
        paper.words(0, 16 * number, line, "strong", size=MONO)
    return paper.whole()
