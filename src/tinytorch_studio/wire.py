"""What goes between a child and us: the seal of a line, text that any terminal can show, and what exit codes mean."""

from __future__ import annotations

import hmac

NO_ROOM, TOO_LONG = 74, 73  # exit codes: the disk is full; what was said is longer than a file may be
ENDED, CAME_BACK = (
    -1,
    -2,
)  # numbers of lines: the warden's word on the end; that a process which was forked came back
OUTPUT = 2**24  # bytes that a child may write to any file


def seal(key: bytes, number: int, text: str) -> str:
    """The seal of line `number`, 64 characters: without this run's key none can be written, or moved to another place.

    >>> seal(b"key", 0, "{}") == seal(b"key", 1, "{}")
    False
    """
    return hmac.digest(key, f"{number} {text}".encode(), "sha256").hex()


def clean(text: str, most: int) -> str:
    """The beginning of a text, without control characters and halves of characters.

    >>> clean("a\\x1b[2J", 80)
    'a\\\\x1b[2J'
    """
    kept = [each if each.isprintable() or each == "\n" else ascii(each)[1:-1] for each in text[:most]]
    return "".join(kept)
