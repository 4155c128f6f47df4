"""A sheet to draw on: shapes and words become an SVG document that fits around all of them."""

from __future__ import annotations

import hashlib
from xml.sax.saxutils import escape, quoteattr

MONO = 13.0  # font size in pixels
GLYPH = 0.62  # the width of a character, in font sizes
EDGE = 12.0  # free space around everything

# One colour for each axis or kind of line: on a light ground, on a dark one.
AXES = (("#b3361b", "#ff9d80"), ("#1f5fb0", "#86b8ff"), ("#2c7a3f", "#7fd694"), ("#7a3fa0", "#d2a4f2"))
LIGHT = {"ground": "#ffffff", "ink": "#1c1e21", "soft": "#5b6068", "cell": "#e9eef6", "rim": "#8a93a0"}
DARK = {"ground": "#15171a", "ink": "#eceef1", "soft": "#a4abb5", "cell": "#2a3442", "rim": "#7d8794"}


def rules(colours: dict[str, str], shade: int) -> str:
    """The style of every class under one set of colours."""
    ink, soft, rim = colours["ink"], colours["soft"], colours["rim"]
    made = [
        f".tt-picture .ground{{fill:{colours['ground']}}}",
        f".tt-picture text{{fill:{ink};stroke:{colours['ground']}}}",
        f".tt-picture .soft{{fill:{soft}}}",
        f".tt-picture .read{{fill:{colours['cell']};stroke:{ink}}}",
        f".tt-picture .unread{{fill:none;stroke:{rim}}}",
        f".tt-picture .line{{stroke:{soft}}} .tt-picture .head{{fill:{soft};stroke:{soft}}}",
    ]
    for number, pair in enumerate(AXES):
        made.append(f".tt-picture .line.axis{number}{{stroke:{pair[shade]}}}")
        made.append(f".tt-picture text.axis{number}{{fill:{pair[shade]}}}")
        made.append(f".tt-picture .head.axis{number}{{fill:{pair[shade]};stroke:{pair[shade]}}}")
    return "".join(made)


STYLE = (
    ".tt-picture text{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;"
    "stroke-width:3px;stroke-linejoin:round;paint-order:stroke;white-space:pre}"
    ".tt-picture .strong{font-weight:600}"
    ".tt-picture .read{stroke-width:1.4px}.tt-picture .unread{stroke-width:1px;stroke-dasharray:3 3}"
    ".tt-picture .line{fill:none;stroke-width:1.8px}"
    f"{rules(LIGHT, 0)}@media (prefers-color-scheme:dark){{{rules(DARK, 1)}}}"
)


class Paper:
    """Collects shapes; knows how much room they take."""

    def __init__(self, title: str, description: str) -> None:
        self.title = title
        self.description = description
        self.parts: list[str] = []
        self.left = self.top = self.right = self.bottom = 0.0

    def room(self, x: float, y: float, width: float = 0.0, height: float = 0.0) -> None:
        """Make sure that this rectangle is on the sheet."""
        self.left, self.top = min(self.left, x), min(self.top, y)
        self.right, self.bottom = max(self.right, x + width), max(self.bottom, y + height)

    def words(
        self, x: float, y: float, text: str, kind: str = "", anchor: str = "start", size: float = MONO
    ) -> None:
        """Text whose base line is at y; anchor: start, middle or end."""
        wide = len(text) * size * GLYPH
        start = x - {"start": 0.0, "middle": wide / 2, "end": wide}[anchor]
        self.room(start, y - size, wide, size * 1.3)
        place = f'x="{x:g}" y="{y:g}" font-size="{size:g}" text-anchor="{anchor}"'
        self.parts.append(f"<text {place} class={quoteattr(kind)}>{escape(text)}</text>")

    def box(self, x: float, y: float, width: float, height: float, kind: str, round: float = 0.0) -> None:
        """A rectangle."""
        self.room(x, y, width, height)
        place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{round:g}"'
        self.parts.append(f'<rect {place} class="{kind}"/>')

    def path(self, points: str, kind: str) -> None:
        """A line; it must lie within what else is drawn."""
        self.parts.append(f'<path d="{points}" class="{kind}"/>')

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
        """A straight line."""
        self.room(min(x1, x2), min(y1, y2), abs(x2 - x1), abs(y2 - y1))
        self.path(f"M{x1:g} {y1:g}L{x2:g} {y2:g}", f"line {kind}".strip())

    def arrow(self, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
        """A straight line, level or upright, with a head at its end."""
        self.line(x1, y1, x2, y2, kind)
        self.head(x2, y2, (x2 > x1) - (x2 < x1), (y2 > y1) - (y2 < y1), kind)

    def head(self, x: float, y: float, right: int, down: int, kind: str) -> None:
        """An arrow's head with its tip here."""
        back, side = 7.0, 3.5
        a = (x - back * right - side * down, y - back * down - side * right)
        b = (x - back * right + side * down, y - back * down + side * right)
        self.path(
            f"M{x:g} {y:g}L{a[0]:g} {a[1]:g}L{b[0]:g} {b[1]:g}Z",
            f"head {kind}".strip(),
        )

    def whole(self) -> str:
        """The document. Its ids are made from its content, so that two of them can stand in one page."""
        body = "".join(self.parts)
        mark = hashlib.sha256((self.title + self.description + body).encode()).hexdigest()[:10]
        x, y = self.left - EDGE, self.top - EDGE
        width, height = self.right - self.left + 2 * EDGE, self.bottom - self.top + 2 * EDGE
        size = f'viewBox="{x:g} {y:g} {width:g} {height:g}" width="{width:g}" height="{height:g}"'
        about = f'role="img" aria-labelledby="title-{mark} desc-{mark}"'
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="tt-picture" {size} {about}>'
            f'<title id="title-{mark}">{escape(self.title)}</title>'
            f'<desc id="desc-{mark}">{escape(self.description)}</desc>'
            f"<style>{STYLE}</style>"
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" class="ground"/>'
            f"{body}</svg>\n"
        )
