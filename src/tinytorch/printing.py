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
    threshold: int = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


OPTIONS = Options()


def set_printoptions(**changes: Any) -> None:
    """Change how tensors print: precision, threshold, edgeitems, linewidth, sci_mode."""
    for name, value in changes.items():
        if not hasattr(OPTIONS, name):
            raise TypeError(f"there is no print option {name!r}")
        setattr(OPTIONS, name, value)


def formatter(values: np.ndarray[Any, Any]) -> Callable[[Any], str]:
    """A function that prints each of `values` with one width."""
    if values.dtype.kind == "f":
        return float_formatter(values.astype(np.float64).reshape(-1))
    texts = [str(v) for v in values.reshape(-1).tolist()]
    width = max(map(len, texts), default=0)
    return lambda value: str(value).rjust(width)


def float_formatter(values: np.ndarray[Any, Any]) -> Callable[[float], str]:
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
    width = max((len(text(v)) for v in shown.tolist()), default=0)
    return lambda value: text(value).rjust(width)


def edges(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The part of a large array that is shown."""
    for axis in range(values.ndim):
        size, show = values.shape[axis], OPTIONS.edgeitems
        if size > 2 * show:
            keep = [*range(show), *range(size - show, size)]
            values = values.take(keep, axis=axis)
    return values


def lines(values: np.ndarray[Any, Any], indent: int, summarize: bool, show: Callable[[Any], str]) -> str:
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
        width = len(texts[0]) + 2 if texts else 1
        per_line = max(1, (OPTIONS.linewidth - indent) // width)
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
    last = len(out) - out.rfind("\n") - 1 if "\n" in out else len(out)
    for suffix in suffixes:
        if last + len(suffix) + 2 > OPTIONS.linewidth:
            out += ",\n" + " " * len(prefix) + suffix
            last = len(prefix) + len(suffix)
        else:
            out += ", " + suffix
            last += len(suffix) + 2
    return out + ")"
