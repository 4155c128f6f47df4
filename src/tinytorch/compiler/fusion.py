"""Fusion: elementwise steps over the same positions become the lines of one loop."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

from tinytorch.compiler.program import CONSTANT, GIVEN, Fold, Map, Memory, Step, View
from tinytorch.compiler.recording import relative
from tinytorch.compiler.simplify import bound, simplified
from tinytorch.devices.interface import Expr
from tinytorch.devices.native.expressions import (
    BOOL,
    DOUBLE,
    INLINE,
    LONG,
    NAMES,
    SCALAR,
    Code,
    Untranslated,
    functions_of,
    one_at_a_time,
    squared,
    translated,
)
from tinytorch.layout import Layout

MOST_LINES = 64  # in one loop: the compiler's time grows faster than their number
BACK = 8  # loops before the last one that a step may still join
LARGE = 4096  # elements; smaller loops cost what their call costs, whatever is in them
WORTH = 20000.0  # nanoseconds of one loop from which on it is split over threads
DEAR = {"exp", "log", "tanh", "erf", "sigmoid"}
Axes = tuple[int, ...]


class Access(NamedTuple):
    """Where a loop reads or writes: memory, the place of its first element, and a stride for each axis of the loop."""

    memory: Memory
    offset: int
    strides: Axes


class Line(NamedTuple):
    """One step as a line of a loop. A fold writes to stride 0 along the axes that it folds."""

    expr: Expr
    reads: tuple[Access, ...]
    kinds: tuple[str, ...]  # of the reads, in C
    write: Access
    kind: str  # of what is written
    fold: str | None
    step: Step

    def folded(self) -> list[int]:
        """The axes that it folds."""
        return (
            [] if self.fold is None else [axis for axis, step in enumerate(self.write.strides) if step == 0]
        )

    def cost(self) -> float:
        """Nanoseconds for one position, roughly."""
        names = functions_of(self.expr)
        return 0.1 + 0.5 * bool(names & DEAR) + 5.0 * bool(names & SCALAR.keys())


class Loop:
    """Lines that are computed together at each position of a shape."""

    def __init__(self, shape: Axes, *lines: Line) -> None:
        self.shape = shape
        self.lines = list(lines)

    def cost(self) -> float:
        """Nanoseconds for all of it, roughly."""
        return self.size * (0.2 + sum([line.cost() for line in self.lines]))

    def axis_to_split(self) -> int | None:
        """The first axis along which no line folds, if the loop is worth more than one thread."""
        if self.cost() < WORTH:
            return None
        for axis, size in enumerate(self.shape):
            if size > 1 and all(axis not in line.folded() for line in self.lines):
                return axis
        return None

    @property
    def size(self) -> int:
        """How many positions it has."""
        return prod(self.shape)

    def written(self) -> set[Memory]:
        """What its lines write."""
        return {line.write.memory for line in self.lines}

    def read(self) -> set[Memory]:
        """What its lines read."""
        return {access.memory for line in self.lines for access in line.reads}


Unit = Loop | Step


def fused(steps: Sequence[Step], compiled: bool) -> list[Unit]:
    """The steps in order, those that have C as loops, as few as may be; all as they are without a compiler."""
    units: list[Unit] = []
    for step in steps:
        loop = as_loop(step) if compiled else None
        if loop is None:
            units.append(step)
        elif not joined(units, loop):
            units.append(loop)
    return units


def joined(units: list[Unit], new: Loop) -> bool:
    """Put the one line of a loop into a loop that is there, if nothing that lies between would change."""
    line = new.lines[0]
    reads, writes = new.read(), new.written()
    for unit in reversed(units[-BACK:]):
        if not isinstance(unit, Loop):
            return False
        if joinable(unit, new, line):
            unit.shape = finer(unit.shape, new.shape)  # type: ignore[assignment]
            unit.lines = [spread(each, unit.shape) for each in (*unit.lines, line)]
            return True
        if overlap(reads, unit.written()) or overlap(writes, unit.written() | unit.read()):
            return False
    return False


def joinable(loop: Loop, new: Loop, line: Line) -> bool:
    """Whether a line may be computed in a loop: it reads there only what is written at the same position."""
    shape = finer(loop.shape, new.shape)
    if shape is None or len(loop.lines) >= MOST_LINES:
        return False
    line = spread(line, shape)
    there = [spread(each, shape) for each in loop.lines]
    if prod(shape) > LARGE and not overlap(loop.written() | loop.read(), new.read()):
        return False
    for each in there:
        for access in line.reads:
            if overlap({access.memory}, {each.write.memory}) and (each.fold or access != each.write):
                return False
        if overlap({line.write.memory}, {each.write.memory}) and (
            each.fold or line.fold or line.write != each.write
        ):
            return False
        for access in each.reads:
            if overlap({access.memory}, {line.write.memory}) and (line.fold or access != line.write):
                return False
    return loop.axis_to_split() is None or Loop(shape, *there, line).axis_to_split() is not None


def overlap(some: set[Memory], others: set[Memory]) -> bool:
    """Whether two sets share memory; two pieces from outside may be parts of one."""
    if some & others:
        return True
    given = [each for each in others if each.kind == GIVEN]
    return any(each.kind == GIVEN and any(meets(each, other) for other in given) for each in some)


def meets(some: Memory, other: Memory) -> bool:
    """Whether two pieces of memory had bytes in common when the step was captured."""
    start, end = [each.host.__array_interface__["data"][0] for each in (some, other)]
    return bool(start < end + other.host.nbytes and end < start + some.host.nbytes)


def finer(some: Axes, other: Axes) -> Axes | None:
    """The shape in which both can be walked: one axis may be taken apart as the other shape says."""
    if some == other or other == (prod(some),):
        return some
    return other if some == (prod(other),) else None


def spread(line: Line, shape: Axes) -> Line:
    """A line over one axis as a line over `shape`, which has as many positions."""
    if len(line.write.strides) == len(shape):
        return line
    steps = Layout.contiguous(shape).strides

    def taken_apart(access: Access) -> Access:
        return Access(access.memory, access.offset, tuple([step * access.strides[0] for step in steps]))

    return line._replace(reads=tuple(map(taken_apart, line.reads)), write=taken_apart(line.write))


def as_loop(step: Step) -> Loop | None:
    """A step as a loop of one line; None where NumPy keeps it."""
    if not isinstance(step, (Map, Fold)) or why_kept(step):
        return None
    constants = {i: view for i, view in enumerate(step.reads) if is_number(view)}
    views = [view for i, view in enumerate(step.reads) if i not in constants]
    expr: Expr = step.expr if isinstance(step, Map) else 0
    expr = simplified(
        squared(simplified(bound(expr, {i: str(v.memory.uniform) for i, v in constants.items()})))
    )
    write = step.writes[0]
    if isinstance(step, Map):
        full = write.layout.shape
        target = strides_over(write.layout, full)
    else:
        full = step.reads[0].layout.shape
        target = tuple([0 if a in step.axes else s for a, s in enumerate(relative(write).strides)])
    accesses = [(view, strides_over(view.layout, full)) for view in views]
    order = target if isinstance(step, Map) or not accesses else accesses[0][1]
    shape, strides = walked(full, order, [*[each for _, each in accesses], target])
    made = [
        Access(view.memory, relative(view).offset, each)
        for view, each in zip([*views, write], strides, strict=True)
    ]
    kinds = tuple([NAMES[view.dtype.name] for view in views])
    fold = step.name if isinstance(step, Fold) else None
    return Loop(shape, Line(expr, tuple(made[:-1]), kinds, made[-1], NAMES[write.dtype.name], fold, step))


def is_number(view: View) -> bool:
    """Whether what is read is one number everywhere, known beforehand."""
    return view.memory.kind == CONSTANT and view.memory.uniform is not None


def strides_over(layout: Layout, shape: Axes) -> Axes:
    """The strides of a layout that is broadcast to `shape`."""
    missing = len(shape) - len(layout.shape)
    steps = [0 if size == 1 else stride for size, stride in zip(layout.shape, layout.strides, strict=True)]
    return (*[0] * missing, *steps)


def walked(shape: Axes, order: Axes, strides: Sequence[Axes]) -> tuple[Axes, list[Axes]]:
    """The shape in the order of memory, with axes merged that can be walked as one; and the strides along it."""
    axes = [axis for axis, size in enumerate(shape) if size != 1]
    axes.sort(key=lambda axis: -abs(order[axis]))
    sizes: list[int] = []
    steps: list[list[int]] = [[] for _ in strides]
    for axis in axes:
        size = shape[axis]
        if sizes and all(step[-1] == each[axis] * size for step, each in zip(steps, strides, strict=True)):
            sizes[-1] *= size
            for step, each in zip(steps, strides, strict=True):
                step[-1] = each[axis]
        else:
            sizes.append(size)
            for step, each in zip(steps, strides, strict=True):
                step.append(each[axis])
    if not sizes:
        return (1,), [(0,) for _ in strides]
    return tuple(sizes), [tuple(step) for step in steps]


def why_kept(step: Step) -> str:
    """Why a step stays with NumPy; empty where it does not."""
    if not isinstance(step, (Map, Fold)):
        return "a call"
    for view in (*step.reads, *step.writes):
        if view.dtype.name not in NAMES:
            return f"{view.dtype.name} has no loop"
        if not view.layout.size:
            return "nothing to do"
    kinds = [NAMES[view.dtype.name] for view in step.reads]
    wanted = NAMES[step.writes[0].dtype.name]
    size = max([view.layout.size for view in (*step.reads, *step.writes)])
    if isinstance(step, Fold):
        return "" if wanted not in (BOOL, LONG) or step.name == "add" else f"{step.title} of {wanted}"
    try:
        found = translated(
            squared(step.expr), [Code("x", kind) for kind in kinds], first_kind(kinds, wanted)
        ).kind
    except Untranslated as reason:
        return str(reason)
    if found != wanted and wanted == LONG and found != BOOL:
        return f"{found} to {wanted}"
    return "NumPy has it in vectors" if size > LARGE and slower(step.expr, kinds) else ""


def first_kind(kinds: Sequence[str], wanted: str) -> str:
    """The type of the numbers of an expression: that of its operands."""
    return next((kind for kind in kinds if kind != BOOL), wanted)


def slower(expr: Expr, kinds: Sequence[str]) -> bool:
    """Whether C computes it number by number, where NumPy computes many at once."""
    dear = {
        name
        for name, (_, double) in INLINE.items()
        if double in ("exp", "log", "tanh", "erf", "logistic_double")
    }
    return one_at_a_time(expr) or (DOUBLE in kinds and bool(functions_of(expr) & dear))


def lines_of(units: Sequence[Any]) -> int:
    """How many lines all loops have together."""
    return sum([len(unit.lines) for unit in units if isinstance(unit, Loop)])
