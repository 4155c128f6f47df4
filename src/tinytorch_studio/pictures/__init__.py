"""Pictures of layouts, tapes and graphs, as text for a terminal and as SVG for a page; pure functions of plain JSON."""

from __future__ import annotations

from typing import Any

from tinytorch_studio.pictures import graph, strides, tape, words

KINDS = {"layout": strides, "tape": tape, "graph": graph, "text": words, "error": words}


def text(drawing: dict[str, Any], width: int = 80) -> str:
    """A drawing in plain ASCII, at most `width` columns wide (40 at least)."""
    made: str = KINDS[drawing["kind"]].text(drawing, max(width, 40))  # type: ignore[attr-defined]
    return made


def svg(drawing: dict[str, Any]) -> str:
    """A drawing as a whole SVG document."""
    made: str = KINDS[drawing["kind"]].svg(drawing)  # type: ignore[attr-defined]
    return made
