"""What can be shown where the output goes: colour, and how many columns."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TextIO

WIDTH = 80  # columns: more are never used


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody sits at a stream; a closed one is None."""
    return stream is not None and stream.isatty()


def colour() -> bool:
    """Whether colours may be used: on a terminal that knows some, unless NO_COLOR asks for none."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return is_terminal(sys.stdout) and not plain


def width() -> int:
    """The columns that there are, 80 at most and never fewer than 40."""
    return max(40, min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns))
