"""A layout: memory as one strip of cells, a ruler for each axis, and the cells in reading order."""

from __future__ import annotations

import textwrap
from itertools import islice
from typing import Any

from tinytorch_studio.pictures.cells import Strip, View, blocks, strip
from tinytorch_studio.pictures.paper import AXES, GLYPH, MONO, Paper

LABEL = len("axis 0 ")
ROWS, BLOCKS, LONG = 8, 12, 24  # of the cells in reading order: rows, matrices, lines


def text(drawing: dict[str, Any], width: int) -> str:
    """The picture in plain characters."""
    view = View.of(drawing)
    title, trouble = textwrap.wrap(view.title, width), view.trouble()
    if trouble:
        return "\n".join([*title, *textwrap.wrap(trouble, width)])
    lines = Lines(view, width)
    parts = [title, lines.memory(), lines.rulers(), lines.order()]
    return "\n\n".join("\n".join(line.rstrip() for line in part) for part in parts if part)


class Lines:
    """One layout, in characters."""

    def __init__(self, view: View, width: int) -> None:
        self.view = view
        self.width = width
        self.margin, self.pitch, self.strip = self.measured()

    def measured(self) -> tuple[int, int, Strip]:
        """The column of the strip, the columns of a cell, and the cells that are shown.

        The widest cells that leave room for words beside the rulers; or the widest that fit at all; or as many
        narrow ones as fit.
        """
        low, high = self.view.ends()
        self.digits = max(len(str(min(low, 0))), len(str(high)))
        cells = high - min(low, 0) + 1
        words = [note(*each) for each in zip(self.view.shape, self.view.strides, strict=True)]
        for beside in (3 + max(map(len, words), default=0), 0):
            for pitch in (self.digits + 3, self.digits + 2, self.digits + 1):
                if LABEL + cells * pitch + 1 + beside <= self.width:
                    return LABEL, pitch, strip(self.view, cells)
        pitch = self.digits + 1
        return LABEL + 4, pitch, strip(self.view, (self.width - LABEL - 9) // pitch)

    def at(self, cell: int) -> int:
        """The column of a cell's last digit."""
        left = (self.pitch - 1 - self.digits) // 2
        return self.margin + (cell - self.strip.first) * self.pitch + left + self.digits

    def memory(self) -> list[str]:
        """The strip: cells that are read in brackets; below, how often, if any is read more than once."""
        times = {cell: self.view.times(cell) for cell in self.strip.shown}
        left = " " * ((self.pitch - 1 - self.digits) // 2)
        line, before = "memory".ljust(LABEL), False
        line += "... " if self.strip.before else " " * (self.margin - LABEL)
        for cell, read in times.items():
            edge = {(0, 0): " ", (0, 1): "[", (1, 0): "]", (1, 1): "|"}[int(before), int(read > 0)]
            line += edge + (left + str(cell).rjust(self.digits)).ljust(self.pitch - 1)
            before = read > 0
        line += ("]" if before else " ") + (" ..." if self.strip.after else "")
        made = [line]
        if max(times.values()) > 1:
            made += self.often(times)
        if self.strip.left_out:
            made += textwrap.wrap(self.strip.left_out, self.width)
        if self.view.ends()[0] < 0:
            made += textwrap.wrap(
                "There are no cells before 0: this reads outside of its memory.", self.width
            )
        return made

    def often(self, times: dict[int, int]) -> list[str]:
        """How often each cell is read."""
        if len(str(max(times.values()))) > self.pitch - 1:
            return [f"One cell is read up to {max(times.values()):,} times."]
        line = "times".ljust(self.width + self.pitch)
        for cell, read in times.items():
            end, word = self.at(cell) + 1, str(read or "-")
            line = line[: end - len(word)] + word + line[end:]
        return [line.rstrip()]

    def rulers(self) -> list[str]:
        """One line for each axis."""
        axes = list(enumerate(zip(self.view.shape, self.view.strides, strict=True)))
        drawn = [self.ruler(size, stride) for _, (size, stride) in axes]
        notes = [note(size, stride) for _, (size, stride) in axes]
        together = max(map(len, drawn), default=0) + 3
        if together + max(map(len, notes), default=0) > self.width:
            together = 0
        made = []
        for (axis, _), ruler, words in zip(axes, drawn, notes, strict=True):
            line = f"axis {axis}".ljust(LABEL) + ruler[LABEL:]
            beside = line.ljust(together or len(line) + 3) + words
            made += [beside] if len(beside) <= self.width else [line, " " * self.margin + words]
        if not axes:
            words = " " * self.at(self.view.offset) + "^ the only element"
            fits = len(words) <= self.width
            made = [words if fits else "the only element ^".rjust(self.at(self.view.offset) + 1)]
        return made

    def ruler(self, size: int, stride: int) -> str:
        """The indices of an axis, each under the cell that it leads to from the offset."""
        line: list[str] = []
        start, last = self.at(self.view.offset), self.at(self.strip.shown[-1])
        step = stride * self.pitch
        every = len(str(size - 1)) < abs(step)
        here, label = start, "0"
        put(line, start, label)
        for i in range(1, size if stride else 1):
            there, then = here + step, str(i) if every else "+"
            if stride > 0 and there > last:
                put(line, here + 5, "--...")
                break
            if stride < 0 and there < self.margin + 2:
                put(line, here - len(label), "...--")
                break
            if stride > 0:
                put(line, there - len(then), "-" * (step - len(then) - 1) + ">")
            else:
                put(line, here - len(label), "<" + "-" * (-step - len(label) - 1))
            put(line, there, then)
            here, label = there, then
        if stride == 0 and size > 1:
            words = f"0..{size - 1}"
            put(line, start + len(words) - 1, words)
        return "".join(line)

    def order(self) -> list[str]:
        """The cells in reading order: a row, a matrix, or blocks of matrices side by side."""
        view, shape = self.view, self.view.shape
        if not shape:
            return []
        made, line, shown = [f"in reading order: {view.counted()}"], list[str](), 0
        for leading in islice(blocks(shape), BLOCKS):
            block, elements = self.block(leading)
            together = [a.ljust(max(map(len, line))) + "   " + b for a, b in zip(line, block, strict=False)]
            if line and max(map(len, together)) <= self.width:
                line = together
            elif len(made) > LONG:
                break
            else:
                made += ["", *line] if line else []
                line = [a + b for a, b in zip(self.side(len(block)), block, strict=True)]
            shown += elements
        made += ["", *line]
        if shown < view.size:
            made += ["", f"Elements left out: {view.size - shown:,} of {view.size:,}."]
        return made

    def side(self, height: int) -> list[str]:
        """What stands left of a block: the name of the axis that leads down, and its arrow."""
        ndim = len(self.view.shape)
        if ndim == 1:
            return [" " * (LABEL + 2)] * height
        rows = min(self.view.shape[-2], 3)
        arrow = {1: [], 2: ["  v"], 3: ["  |", "  v"]}[rows]
        lines = [""] * (1 + (ndim > 2)) + [f"axis {ndim - 2}", *arrow]
        return [each.ljust(LABEL + 2) for each in lines + [""] * (height - len(lines))]

    def block(self, leading: tuple[int, ...]) -> tuple[list[str], int]:
        """One matrix with its headings, and how many of its elements are shown."""
        shape = self.view.shape
        height, wide = (shape[-2] if len(shape) > 1 else 1), shape[-1]
        digits = max(len(str(end)) for end in self.view.ends())
        columns = min(wide, (self.width - LABEL - 6) // (digits + 2))
        rows = height if height <= ROWS else ROWS - 2
        lines = [f"[{', '.join(map(str, leading))}, :, :]"] if len(shape) > 2 else []
        lines.append(f"axis {len(shape) - 1} ->")
        for row in range(rows):
            index = (*leading, row) if len(shape) > 1 else ()
            cells = [str(self.view.cell((*index, column))).rjust(digits) for column in range(columns)]
            lines.append("  ".join(cells) + ("  .." if columns < wide else ""))
        if rows < height:
            lines.append("..")
        return lines, rows * columns


def put(line: list[str], end: int, words: str) -> None:
    """Write words whose last character stands in column `end`; nothing is written over the label."""
    line += [" "] * (end + 1 - len(line))
    for column, letter in enumerate(words, end + 1 - len(words)):
        if column >= LABEL:
            line[column] = letter


def note(size: int, stride: int) -> str:
    """What a ruler says in words."""
    if size == 1:
        return f"size 1, stride {stride}: no step to take"
    if stride == 0:
        return f"size {size}, stride 0: stands still"
    return f"size {size}, stride {stride}" + (": backwards" if stride < 0 else "")


WIDEST = 26  # cells of a strip in a document
AIR, TALL, LEFT = 22.0, 30.0, 66.0  # pixels: around a number, the height of a cell, the labels on the left
GRID = 12  # rows and columns of a matrix


def svg(drawing: dict[str, Any]) -> str:
    """The picture as a document: the strip, a ruler in its own colour for each axis, the cells in order."""
    view = View.of(drawing)
    paper = Paper(view.title, described(view))
    paper.words(0, 0, view.title, "strong")
    if view.trouble():
        paper.words(0, 24, view.trouble())
        return paper.whole()
    Sheet(view, paper).draw()
    return paper.whole()


def described(view: View) -> str:
    """The picture in words."""
    if view.trouble():
        return view.trouble()
    axes = [
        f"axis {axis}: {note(*each)}" for axis, each in enumerate(zip(view.shape, view.strides, strict=True))
    ]
    return "; ".join([f"Memory as a strip of cells; {view.counted()}", *axes]) + "."


class Sheet:
    """One layout, on paper."""

    def __init__(self, view: View, paper: Paper) -> None:
        self.view = view
        self.paper = paper
        self.strip = strip(view, WIDEST)
        self.digits = max(len(str(end)) for end in (self.strip.first, *view.ends()))
        self.wide = self.digits * MONO * GLYPH + AIR

    def x(self, cell: int) -> float:
        """The middle of a cell of the strip."""
        return LEFT + (cell - self.strip.first + 0.5) * self.wide

    def draw(self) -> None:
        """Strip, rulers, and the cells in reading order, one below the other."""
        y = self.memory(22.0)
        for axis, (size, stride) in enumerate(zip(self.view.shape, self.view.strides, strict=True)):
            self.ruler(axis, size, stride, y)
            y += 34
        self.order(y + 12)

    def memory(self, y: float) -> float:
        """The strip of memory; where the rulers begin."""
        paper, view = self.paper, self.view
        paper.words(0, y + 20, "memory", "strong")
        times = {cell: view.times(cell) for cell in self.strip.shown}
        for cell, read in times.items():
            kind = "read" if read else "unread"
            paper.box(self.x(cell) - self.wide / 2, y, self.wide, TALL, kind)
            paper.words(self.x(cell), y + 20, str(cell), "" if read else "soft", "middle")
        y += TALL
        if max(times.values()) > 1:
            paper.words(0, y + 17, "read", "soft", size=11)
            for cell, read in times.items():
                paper.words(self.x(cell), y + 17, f"{read}x" if read < 1000 else "", "soft", "middle", 11)
            y += 18
        outside = (
            "There are no cells before 0: this reads outside of its memory." if view.ends()[0] < 0 else ""
        )
        for words in filter(None, (self.strip.left_out, outside)):
            paper.words(LEFT, y + 18, words, "soft", size=12)
            y += 20
        return y + 30

    def ruler(self, axis: int, size: int, stride: int, y: float) -> None:
        """The steps along one axis from the offset, with the indices above them."""
        paper, kind = self.paper, f"axis{axis % len(AXES)}"
        paper.words(0, y + 4, f"axis {axis}", f"strong {kind}")
        start, end, shown = self.x(self.view.offset), self.x(self.view.offset), self.strip.shown
        paper.line(start, y - 5, start, y + 5, kind)
        step = abs(stride) * self.wide
        every = len(str(size - 1)) * 11 * GLYPH + 4 < step
        for i in range(1, size if stride else 1):
            cell = self.view.offset + i * stride
            if cell not in shown:
                paper.line(end, y, end + (14 if stride > 0 else -14), y, kind)
                break
            paper.arrow(end, y, self.x(cell), y, kind)
            end = self.x(cell)
            paper.line(end, y - 5, end, y + 5, kind)
            if every or i == size - 1:
                paper.words(end, y - 8, str(i), kind, "middle", 11)
        still = stride == 0 and size > 1
        paper.words(start, y - 8, f"0 to {size - 1}" if still else "0", kind, "middle", 11)
        if still:
            paper.path(f"M{start:g} {y:g}c14 -12 22 8 1 5", f"line {kind}")
            paper.head(start + 1, y + 5, -1, 0, kind)
        paper.words(max(start, end) + 26, y + 4, note(size, stride), "soft", size=12)

    def order(self, y: float) -> None:
        """The matrices of cells, side by side."""
        paper, view, shape = self.paper, self.view, self.view.shape
        if not shape:
            return
        paper.words(0, y, f"in reading order: {view.counted()}", "strong")
        x, top, shown = LEFT, y + 44 + 18 * (len(shape) > 2), 0
        if len(shape) > 1:
            self.down(len(shape) - 2, min(shape[-2], GRID), top)
        for leading in islice(blocks(shape), 6):
            x, elements = self.block(leading, x, top)
            shown += elements
        if shown < view.size:
            rows = min(shape[-2], GRID) if len(shape) > 1 else 1
            left = f"Elements left out: {view.size - shown:,} of {view.size:,}."
            paper.words(0, top + (rows + 1) * TALL, left, "soft", size=12)

    def down(self, axis: int, rows: int, top: float) -> None:
        """The arrow of the axis that leads from row to row."""
        kind = f"axis{axis % len(AXES)}"
        self.paper.words(0, top + 20, f"axis {axis}", f"strong {kind}")
        if rows > 1:
            self.paper.arrow(LEFT - 10, top + 6, LEFT - 10, top + rows * TALL - 4, kind)

    def block(self, leading: tuple[int, ...], x: float, top: float) -> tuple[float, int]:
        """One matrix; where the next one begins, and how many elements are shown."""
        paper, shape = self.paper, self.view.shape
        rows, columns = min((shape[-2] if len(shape) > 1 else 1), GRID), min(shape[-1], GRID)
        across, kind = len(shape) - 1, f"axis{(len(shape) - 1) % len(AXES)}"
        if leading:
            paper.words(x, top - 32, f"[{', '.join(map(str, leading))}, :, :]", "soft")
        paper.words(x, top - 10, f"axis {across}", f"strong {kind}")
        if columns > 1:
            begin = x + 7 * MONO * GLYPH
            paper.arrow(begin, top - 14, max(x + columns * self.wide - 4, begin + 16), top - 14, kind)
        for row in range(rows):
            for column in range(columns):
                cell = self.view.cell((*leading, row, column) if len(shape) > 1 else (column,))
                left, y = x + column * self.wide, top + row * TALL
                paper.box(left, y, self.wide, TALL, "read")
                paper.words(left + self.wide / 2, y + 20, str(cell), "", "middle")
        return x + max(columns * self.wide, 90.0) + 28, rows * columns
