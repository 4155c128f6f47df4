"""The arithmetic behind a picture of a layout: which cells it reads, how often, and how much of it is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import product
from math import prod
from typing import Any

MANY = 10_000  # steps along one axis that are looked at to count how often a cell is read


@dataclass(frozen=True)
class View:
    """A layout, as numbers."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int

    @staticmethod
    def of(drawing: dict[str, Any]) -> View:
        """From a drawing."""
        return View(tuple(drawing["shape"]), tuple(drawing["strides"]), drawing["offset"])

    @property
    def size(self) -> int:
        """How many elements there are."""
        return prod(self.shape)

    @property
    def title(self) -> str:
        """Shape, strides and offset."""
        return f"shape {self.shape}   strides {self.strides}   offset {self.offset}"

    def trouble(self) -> str:
        """Why there is nothing to draw; empty where there is."""
        if len(self.shape) != len(self.strides):
            return f"{counted(len(self.shape), 'size')}, but {counted(len(self.strides), 'stride')}: an axis has one of each."
        if min(self.shape, default=0) < 0:
            return "A size is negative: there is no such shape."
        if 0 in self.shape:
            return f"No element: axis {self.shape.index(0)} has size 0. No cell of memory is read."
        return ""

    def ends(self) -> tuple[int, int]:
        """The lowest and the highest cell that is read."""
        low, high = reach(list(zip(self.strides, self.shape, strict=True)))
        return self.offset + low, self.offset + high

    def counted(self) -> str:
        """How many elements and cells there are, in words."""
        low, high = self.ends()
        if high - low > MANY:
            return counted(self.size, "element")
        read = sum(self.times(cell) > 0 for cell in range(low, high + 1))
        return f"{counted(self.size, 'element')} in {counted(read, 'cell')}"

    def cell(self, index: tuple[int, ...]) -> int:
        """Where an element lies."""
        return self.offset + sum(i * stride for i, stride in zip(index, self.strides, strict=True))

    def times(self, cell: int) -> int:
        """How many elements lie in a cell."""
        return counter(self)(0, cell - self.offset)


@lru_cache(maxsize=8)
def counter(view: View) -> Callable[[int, int], int]:
    """Counts the ways to get `left` cells further on the axes from `axis` on; never walks through all elements."""
    steps = sorted(zip(view.strides, view.shape, strict=True), key=lambda each: -abs(each[0]))
    rest = [reach(steps[k:]) for k in range(len(steps) + 1)]

    @cache
    def count(axis: int, left: int) -> int:
        if axis == len(steps):
            return int(left == 0)
        stride, size = steps[axis]
        if stride == 0:
            return size * count(axis + 1, left)
        low, high = rest[axis + 1]
        bounds = sorted(((left - low) / stride, (left - high) / stride))
        first, last = max(0, int(bounds[0])), min(size - 1, int(bounds[1]) + 1)
        return sum(count(axis + 1, left - i * stride) for i in range(first, min(last + 1, first + MANY)))

    return count


def reach(steps: list[tuple[int, int]]) -> tuple[int, int]:
    """How far back and how far on all axes together lead; one pair (stride, size) for each."""
    ends = [stride * (size - 1) for stride, size in steps]
    return sum(each for each in ends if each < 0), sum(each for each in ends if each > 0)


def counted(many: int, thing: str) -> str:
    """So many of a thing."""
    return f"{many:,} {thing}" + "s" * (many != 1)


@dataclass(frozen=True)
class Strip:
    """The cells of memory that are shown."""

    first: int
    count: int
    before: int  # cells that are left out on the left
    after: int  # and on the right

    @property
    def shown(self) -> range:
        """Their numbers."""
        return range(self.first, self.first + self.count)

    @property
    def left_out(self) -> str:
        """How many cells are left out, in words; empty if none."""
        sides = [f"{n:,} {where}" for n, where in ((self.before, "before"), (self.after, "after")) if n]
        return f"Cells left out: {' and '.join(sides)}." if sides else ""


def strip(view: View, fits: int) -> Strip:
    """The whole strip from cell 0 to the highest that is read, or a piece of `fits` cells with the offset in it."""
    low, high = view.ends()
    low = min(low, 0)
    total = high - low + 1
    if total <= fits:
        return Strip(low, total, 0, 0)
    first = low
    if view.offset - low >= fits:
        back, on = min(view.strides, default=0) < 0, max(view.strides, default=0) > 0
        first = view.offset - (fits // 2 if back and on else fits - 1 if back else 1)
    first = min(first, low + total - fits)  # nothing behind the highest cell
    return Strip(first, fits, first - low, low + total - first - fits)


def blocks(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """The leading indices of the matrices that a shape with more than two axes consists of."""
    return product(*map(range, shape[:-2]))
