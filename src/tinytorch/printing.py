"""How a tensor prints: PyTorch's format, number by number."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass
class Options:
    """What `set_printoptions` changes."""

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


OPTIONS = Options()


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Change how tensors print (`torch.set_printoptions`); `profile` is "default", "short" or "full"."""
    if profile is not None and profile not in PROFILES:
        raise ValueError(f"the profiles are {', '.join(PROFILES)}, not {profile!r}")
    named: dict[str, Any] = {
        "precision": precision,
        "threshold": threshold,
        "edgeitems": edgeitems,
        "linewidth": linewidth,
    }
    changes = PROFILES.get(profile or "", {}) | {key: each for key, each in named.items() if each is not None}
    for name, value in changes.items():
        setattr(OPTIONS, name, value)
    OPTIONS.sci_mode = sci_mode


@dataclass
class Show:
    """Prints numbers with one width; a row breaks as if every number had it."""

    text: Callable[[Any], str]
    width: int

    def __call__(self, value: Any) -> str:
        return self.text(value).rjust(self.width)


def formatter(values: np.ndarray[Any, Any]) -> Show:
    """A function that prints each of `values` with one width."""
    if values.dtype.kind == "f":
        return float_formatter(values.astype(np.float64).reshape(-1))
    texts = [str(v) for v in values.reshape(-1).tolist()]
    return Show(str, max(map(len, texts), default=1))


def float_formatter(values: np.ndarray[Any, Any]) -> Show:
    """Whole numbers as `1.`, a wide range as 1.0000e+00, everything else with fixed digits."""
    finite = np.abs(values[np.isfinite(values) & (values != 0)])
    digits = OPTIONS.precision
    whole = bool((finite == np.ceil(finite)).all())
    scientific = OPTIONS.sci_mode
    if finite.size and scientific is None:
        largest, smallest = float(finite.max()), float(finite.min())
        wide = largest / smallest > 1000.0 or largest > 1.0e8
        scientific = wide if whole else wide or smallest < 1.0e-4

    def text(value: float) -> str:
        if scientific:
            return f"{value:.{digits}e}"
        if not math.isfinite(value):
            return str(value)
        return f"{value:.0f}." if whole else f"{value:.{digits}f}"

    shown = values[np.isfinite(values) & (values != 0)]
    width = max((len(text(v)) for v in shown.tolist()), default=1)
    return Show(text, width)


def edges(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The part of a large array that is shown."""
    for axis in range(values.ndim):
        size, show = values.shape[axis], OPTIONS.edgeitems
        if size > 2 * show:
            keep = [*range(show), *range(size - show, size)]
            values = values.take(keep, axis=axis)
    return values


def lines(values: np.ndarray[Any, Any], indent: int, summarize: bool, show: Show) -> str:
    """Nested brackets; long rows wrap, long axes are cut in the middle."""
    if values.ndim == 0:
        return show(values.item())
    items = OPTIONS.edgeitems
    cut = summarize and values.shape[0] > 2 * items
    shown = [*values[:items], *values[-items:]] if cut else list(values)
    if values.ndim == 1:
        texts = [show(v.item()) for v in shown]
        if cut:
            texts.insert(items, " ...")
        per_line = max(1, (OPTIONS.linewidth - indent) // (show.width + 2))
        rows = [", ".join(texts[i : i + per_line]) for i in range(0, len(texts), per_line)]
        return "[" + (",\n" + " " * (indent + 1)).join(rows) + "]"
    parts = [lines(v, indent + 1, summarize, show) for v in shown]
    if cut:
        parts.insert(items, "...")
    gap = "," + "\n" * (values.ndim - 1) + " " * (indent + 1)
    return "[" + gap.join(parts) + "]"


def text(values: np.ndarray[Any, Any], prefix: str, suffixes: list[str]) -> str:
    """`prefix`, the numbers, then the suffixes, on the same line where they fit."""
    if values.dtype.kind == "V":  # bfloat16, which NumPy cannot print
        values = values.astype(np.float32)
    if values.size == 0:
        body = "[]"
        if values.ndim != 1:
            suffixes = [f"size={values.shape}", *suffixes]
    else:
        summarize = values.size > OPTIONS.threshold
        show = formatter(edges(values) if summarize else values)
        body = lines(values, len(prefix), summarize, show)
    out = prefix + body
    last = len(out) - out.rfind("\n") + 1
    for suffix in suffixes:
        if last + len(suffix) + 2 > OPTIONS.linewidth:
            out += ",\n" + " " * len(prefix) + suffix
            last = len(prefix) + len(suffix)
        else:
            out += ", " + suffix
            last += len(suffix) + 2
    return out + ")"


PROFILES: dict[str, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}
