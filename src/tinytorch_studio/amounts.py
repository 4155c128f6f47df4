"""Amounts as people write them: 64e6, 64 MiB, 1_000, 0.2 ms, 1.5k; read into a unit, and shown in it."""

from __future__ import annotations

import math
import re

from tinytorch_studio.dialogue import Unclear

THOUSANDS = {"k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
WORDS = {"thousand": 1e3, "million": 1e6, "billion": 1e9}
BYTES = {"b": 1, "byte": 1, "bytes": 1} | {
    f"{letter}{end}": base**power
    for power, letter in enumerate("kmgt", 1)
    for end, base in (("b", 1000), ("ib", 1024))
}
TIMES = {"ns": 1e-9, "us": 1e-6, "\u00b5s": 1e-6, "\u03bcs": 1e-6, "ms": 1e-3, "s": 1, "sec": 1, "second": 1}
TIMES |= {
    "milliseconds": 1e-3,
    "microseconds": 1e-6,
    "seconds": 1,
    "min": 60,
    "minute": 60,
    "minutes": 60,
    "h": 3600,
    "hour": 3600,
    "hours": 3600,
}
NUMBER = re.compile(r"([+-]?(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?)\s*(.*)", re.DOTALL)


def amount(text: str, unit: str = "") -> float:
    """The number of units that a text means; a number alone is in that unit already.

    Raises Unclear, which says what is accepted.

    >>> amount("64 MiB", "bytes"), amount("1.5k"), amount("0.2 ms", "ms")
    (67108864.0, 1500.0, 0.2)
    """
    joined = re.sub(r"(?<![\d.])(\d{1,3}(?:,\d{3})+)(?![\d,])", lambda m: m[1].replace(",", ""), text.strip())
    found = NUMBER.fullmatch(joined)
    factor = scale(found[2].strip(), unit) if found else None
    if found is None or factor is None:
        raise Unclear(f"cannot read {text.strip()!r}: write {accepted(unit)}")
    value = float(found[1].replace("_", "")) * factor
    if not math.isfinite(value):
        raise Unclear(f"{text.strip()!r} is too large: write {accepted(unit)}")
    return value


def scale(word: str, unit: str) -> float | None:
    """How many units one of `word` is; None where that cannot be told."""
    small, own = word.lower(), unit.lower()
    if not word or small.rstrip("s") == own.rstrip("s") or (own == "times" and small == "x"):
        return 1.0
    for table in (BYTES, TIMES):
        if own in table and small in table:
            return table[small] / table[own]
    if word == "%" and not unit:
        return 0.01
    if not unit and small in BYTES and small != "b":
        return float(BYTES[small])
    counted = (own not in BYTES and own not in TIMES) or own in ("b", "byte", "bytes", "s")
    if not counted:
        return None  # 64M of MiB: of which of the two?
    first, _, rest = word.partition(" ") if " " in word else (word[:1], "", word[1:])
    if word in THOUSANDS | WORDS:
        return (THOUSANDS | WORDS)[word]
    if first in THOUSANDS | WORDS and rest.lower().rstrip("s") == own.rstrip("s"):
        return (THOUSANDS | WORDS)[first]
    return None


def accepted(unit: str) -> str:
    """What can be written for an amount in a unit."""
    if unit.lower() in BYTES:
        return "a number such as 64, 1_000 or 64e6, or one with its unit: 64 MiB, 1.5 kB"
    if unit.lower() in TIMES:
        return "a number such as 0.2, 1_000 or 64e-6, or one with its unit: 0.2 ms, 15 us, 3 s"
    return "a number such as 64, 0.5, 1_000, 64e6 or 1.5k"


def shown(value: float, unit: str = "") -> str:
    """An amount as text.

    >>> shown(67108864.0, "bytes"), shown(1.23456), shown(12345.678, "ms")
    ('67,108,864 bytes', '1.235', '12,346 ms')
    """
    if abs(value) < 1e15 and (value == int(value) or abs(value) >= 1e4):
        return f"{value:,.0f} {unit}".rstrip()
    return f"{value:.4g} {unit}".rstrip()


def factor(predicted: float, measured: float) -> str:
    """How many times the prediction the measurement is."""
    if predicted == measured:
        return "exact"
    if predicted == 0 or measured == 0 or (predicted < 0) != (measured < 0):
        return "no factor"
    times = measured / predicted
    return f"{times:,.0f}x" if 1000 <= times < 1e9 else f"{times:.3g}x"
