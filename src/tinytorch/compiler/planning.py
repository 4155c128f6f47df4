"""Planning: what of a step can be left out, what must be in memory, and which pieces of memory can share a place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tinytorch.array import Array
from tinytorch.compiler.fusion import Loop, Unit
from tinytorch.compiler.program import CONSTANT, GIVEN, MADE, Check, Map, Memory, Product, Step, View
from tinytorch.devices.interface import backend
from tinytorch.layout import Layout

ALIGNED = 64  # bytes: a line of the cache, and a register of 16 floats


class Plan(NamedTuple):
    """Where every piece of memory of a step is.

    stored: what loops must write to memory. places: in the one block that is used again at every replay, in bytes.
    size: of that block. loose: made anew at every replay by NumPy or a kernel. before: bytes that eager would make.
    shared: how many pieces lie where another one lay before.
    """

    stored: set[Memory]
    places: dict[Memory, int]
    size: int
    loose: list[Memory]
    before: int
    shared: int


def needed(steps: Sequence[Step], results: set[Memory]) -> list[Step]:
    """The steps without those whose results nobody reads."""
    wanted, kept = set(results), []
    for step in reversed(steps):
        outside = any(view.memory.kind == GIVEN for view in step.writes)
        if isinstance(step, Check) or outside or any(view.memory in wanted for view in step.writes):
            kept.append(step)
            wanted.update([view.memory for view in step.reads])
            if step.in_place:
                wanted.update([view.memory for view in step.writes])
    return kept[::-1]


def without_copies(steps: Sequence[Step], results: set[Memory]) -> list[Step]:
    """The steps without copies of what nobody needs any more: it is made where its copy would be.

    The gradients of parameters are such copies: autograd gives each leaf an array of its own.
    """
    last: dict[Memory, int] = {}
    first: dict[Memory, int] = {}
    for number, step in enumerate(steps):
        for view in (*step.reads, *step.writes):
            last[view.memory] = number
            first.setdefault(view.memory, number)
    moved: dict[Memory, Memory] = {}
    kept = []
    for number, step in enumerate(steps):
        if isinstance(step, Map) and step.expr == 0:
            source, target = step.reads[0], step.writes[0]
            if (
                source.memory.kind == MADE and target.memory.kind == MADE and source.memory not in results
                and source.whole and target.whole and source.dtype is target.dtype and source.memory not in moved
                and last[source.memory] == number and first[target.memory] == number
                and target.memory not in moved.values()
            ):  # fmt: skip
                moved[source.memory] = target.memory
                continue
        kept.append(step)
    return [renamed(step, moved) for step in kept]


def renamed(step: Step, moved: dict[Memory, Memory]) -> Step:
    """A step that reads and writes other memory in the place of some."""

    def follow(view: View) -> View:
        memory = view.memory
        while memory in moved:
            memory = moved[memory]
        return view if memory is view.memory else view._replace(memory=memory)

    if not any(view.memory in moved for view in (*step.reads, *step.writes)):
        return step
    made: Step = object.__new__(type(step))
    made.__dict__.update(step.__dict__)
    made.reads, made.writes = [follow(view) for view in step.reads], [follow(view) for view in step.writes]
    return made


def with_beginnings(steps: Sequence[Step], results: Sequence[Memory]) -> list[Step]:
    """The steps, and before the first use of each constant that is written to or returned, its values at the beginning."""
    made: list[Step] = []
    started: set[Memory] = set()
    for step in steps:
        for view in (*step.reads, *step.writes):
            memory = view.memory
            if memory.start is not None and memory not in started:
                started.add(memory)
                made.append(beginning(memory))
        made.append(step)
    return made + [
        beginning(memory) for memory in results if memory.start is not None and memory not in started
    ]


def beginning(memory: Memory) -> Step:
    """The step that gives a constant its values, so that it counts as made."""
    values = np.ascontiguousarray(memory.start).reshape(-1)
    whole = Layout.contiguous((memory.size,))
    uniform = memory.uniform
    memory.kind, memory.uniform = MADE, None
    if uniform is not None:
        step = Map(("const", str(uniform)), [], View(memory, whole, memory.dtype), True)
    else:
        source = Memory(CONSTANT, f"{memory.name}_start", memory.dtype, memory.size, values)
        step = Map(0, [View(source, whole, memory.dtype)], View(memory, whole, memory.dtype), True)
    step.card = "beginning"
    return step


def planned(units: Sequence[Unit], results: set[Memory]) -> Plan:
    """Lifetimes from the first unit that writes to the last that reads; then places, the largest first."""
    first: dict[Memory, int] = {}
    last: dict[Memory, int] = {}
    touched: dict[Memory, set[int]] = {}
    for number, unit in enumerate(units):
        for memory in memories_of(unit):
            first.setdefault(memory, number)
            last[memory] = number
            touched.setdefault(memory, set()).add(number)
    loose = [memory for unit in units for memory in loose_of(unit)]
    inside = {
        m
        for m, numbers in touched.items()
        if len(numbers) == 1 and m not in results and forwarded(units, m, *numbers)
    }
    stored = {m for m in touched if m not in inside}
    placed = [m for m in touched if m.kind == MADE and m in stored and m not in results and m not in loose]
    places: dict[Memory, int] = {}
    for memory in sorted(placed, key=lambda m: -m.nbytes):
        busy = sorted(
            (places[m], places[m] + aligned(m.nbytes))
            for m in places
            if first[m] <= last[memory] and first[memory] <= last[m]
        )
        places[memory] = free_place(busy, aligned(memory.nbytes))
    size = max([place + aligned(m.nbytes) for m, place in places.items()], default=0)
    before = sum([m.nbytes for m in touched if m.kind == MADE])
    return Plan(stored, places, size, loose, before, shared_places(places))


def free_place(busy: Sequence[tuple[int, int]], size: int) -> int:
    """The first gap that is large enough."""
    place = 0
    for start, end in busy:
        if start - place >= size:
            break
        place = max(place, end)
    return place


def shared_places(places: dict[Memory, int]) -> int:
    """How many pieces of memory overlap one that was placed before."""
    taken: list[tuple[int, int]] = []
    count = 0
    for memory, place in places.items():
        end = place + memory.nbytes
        count += any(place < other_end and other < end for other, other_end in taken)
        taken.append((place, end))
    return count


def aligned(count: int) -> int:
    """Bytes up to the next line of the cache."""
    return -(-count // ALIGNED) * ALIGNED


def memories_of(unit: Unit) -> set[Memory]:
    """What a unit reads and writes."""
    if isinstance(unit, Loop):
        return unit.read() | unit.written()
    return {view.memory for view in (*unit.reads, *unit.writes)}


def loose_of(unit: Unit) -> list[Memory]:
    """What NumPy or a kernel makes anew each time."""
    if isinstance(unit, Loop) or unit.in_place:
        return []
    if isinstance(unit, Product) and unit.writes[0].dtype.wide is None:
        return []  # written into memory that is there
    return [view.memory for view in unit.writes]


def forwarded(units: Sequence[Unit], memory: Memory, number: int) -> bool:
    """Whether a loop, the only one that touches it, hands a value on in registers alone."""
    unit = units[number]
    if not isinstance(unit, Loop) or memory.kind != MADE:
        return False
    # Whoever reads it in this loop does so where it was written: fusion allows nothing else.
    writes = [line for line in unit.lines if line.write.memory is memory]
    return len({line.write for line in writes}) == 1 and not any(line.fold for line in writes)


def static_view(view: View, flat: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    """NumPy's view of memory that stays where it is."""
    item = view.dtype.itemsize
    strides = tuple([stride * item for stride in view.layout.strides])
    return np.ndarray(view.layout.shape, view.dtype.numpy, flat, view.layout.offset * item, strides)


def as_array(host: np.ndarray, view: View) -> Array:  # type: ignore[type-arg]
    """A NumPy array as what devices compute with."""
    made = Array()
    made.device, made.stored, made.dtype = backend("cpu"), None, view.dtype
    made.host, made.shape = host, host.shape
    return made
