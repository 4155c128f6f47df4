"""What became of a captured step, in words: loops, calls, and memory."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from math import prod
from typing import Any

from tinytorch.compiler.capture import Variant
from tinytorch.compiler.fusion import Loop, why_kept
from tinytorch.compiler.planning import aligned
from tinytorch.compiler.program import Call, Check, Memory, Product, Step
from tinytorch.compiler.replay import Program

WIDTH = 100


def explained(name: str, variants: list[Variant]) -> str:
    """All variants of a compiled function, one after the other."""
    if not variants:
        return f"{name}: nothing captured yet. The first call captures it"
    parts = [f"{name}: captured for {len(variants)} kind{'s' * (len(variants) > 1)} of call"]
    for number, variant in enumerate(variants, start=1):
        parts += ["", f"{number}. {called_with(variant)}", *program_text(variant.program)]
        if variant.backward is not None and variant.backward.program is not None:
            parts += [
                "",
                "   The gradient, when it is asked for outside:",
                *program_text(variant.backward.program),
            ]
    return "\n".join(parts)


def called_with(variant: Variant) -> str:
    """The arguments of a variant, and what it reads and leaves beside its result."""
    shapes = [
        f"{guard.shape} {guard.dtype.name}" for s, guard in variant.tensor_guards if s.kind == "argument"
    ]
    text = f"called with {', '.join(shapes)}" if shapes else "called without tensors"
    reached = len([s for s in variant.sources if s.kind == "tensor"])
    parts = [f"{reached} tensor{'s' * (reached != 1)} from outside"] if reached else []
    if variant.effects:
        parts.append(f"{len(variant.effects)} gradient{'s' * (len(variant.effects) > 1)} left")
    if variant.bumps:
        parts.append(f"{len(variant.bumps)} tensor{'s' * (len(variant.bumps) > 1)} written in place")
    return "; ".join([text, *parts])


def program_text(program: Program) -> list[str]:
    """A program: its numbers, its units in order, and its memory."""
    loops = [unit for unit in program.units if isinstance(unit, Loop)]
    lines = sum([len(loop.lines) for loop in loops])
    head = f"   {len(program.recorded)} operations, {len(program.steps)} of them needed"
    if not program.compiled:
        return [
            f"{head}; all left to NumPy, since there is no compiled code here",
            *unit_lines(program),
            *memory(program),
        ]
    counts = f"{lines} became lines of {len(loops)} loop{'s' * (len(loops) != 1)}"
    return [f"{head}: {counts}", *unit_lines(program), *memory(program)]


def unit_lines(program: Program) -> Iterator[str]:
    """Each unit in a line, runs of loops under their one call of C; equal neighbours counted."""
    number = 0
    for is_loop, units in groupby(program.units, lambda unit: isinstance(unit, Loop)):
        if is_loop:
            yield f"   C, one call of run_{number}:"
            number += 1
            yield from [line for unit in units for line in loop_lines(unit, program)]
            continue
        for text, same in groupby([step_line(unit) for unit in units]):
            count = len(list(same))
            yield f"   {text}{f', {count} times' if count > 1 else ''}"


def loop_lines(loop: Any, program: Program) -> Iterator[str]:
    """A loop: over what, which operations, and what it leaves in memory."""
    stored = dict.fromkeys(
        [x.write.memory for x in loop.lines if x.write.memory in program.plan.stored or x.fold]
    )
    kept = len({line.write.memory for line in loop.lines}) - len(stored)
    text = f"over {' x '.join(map(str, loop.shape))}: " + counted([line.step.title for line in loop.lines])
    yield from wrapped(text, "     loop ", "          ")
    yield f"          writes {', '.join(map(str, stored)) or 'nothing'}" + (
        f"; {kept} value{'s' * (kept > 1)} stay{'s' * (kept == 1)} in registers" if kept else ""
    )


def counted(titles: list[str]) -> str:
    """Names in order; a group that repeats is written once.

    >>> counted(["mul", "add", "mul", "add", "sum"])
    '(mul, add) 2 times, sum'
    """
    made, i = [], 0
    while i < len(titles):
        best, times = 1, 1
        for size in range(1, 9):
            group, repeats = titles[i : i + size], 1
            while len(group) == size and titles[i + repeats * size : i + (repeats + 1) * size] == group:
                repeats += 1
            if repeats > 1 and repeats * size > best * times:
                best, times = size, repeats
        group_text = ", ".join(titles[i : i + best])
        made.append(
            group_text if times == 1 else f"{f'({group_text})' if best > 1 else group_text} {times} times"
        )
        i += best * times
    return ", ".join(made)


def step_line(step: Any) -> str:
    """A step that is no loop, and why."""
    if isinstance(step, Product):
        return f"NumPy: {batches(step)}{step.title} into {step.writes[0].memory}"
    if isinstance(step, Check):
        return f"checked: {step.reads[0].memory} {step.title}"
    if isinstance(step, Call):
        return f"{'' if 'kernel' in step.title else 'NumPy: '}{step.title}"
    reason = why_kept(step)
    return f"NumPy: {step.title}" + (f" ({reason})" if reason else "")


def batches(step: Step) -> str:
    """How many products there are, where there are several."""
    count = prod(step.writes[0].layout.shape[:-2])
    return f"{count} times " if count > 1 else ""


def memory(program: Program) -> Iterator[str]:
    """Bytes before and after, and which pieces of memory share a place."""
    plan = program.plan
    results = sum([m.nbytes for m in program.results])
    loose = sum([m.nbytes for m in plan.loose if m not in program.results])
    text = f"memory: {size(plan.before)} made one by one; now {size(plan.size)} in one block that every replay uses again"
    yield f"   {text}, {size(results)} of results" + (
        f", {size(loose)} from NumPy and kernels" if loose else ""
    )
    shared = list(sharing(plan.places))
    if shared:
        yield from wrapped("; ".join(shared), "   reused: ", "           ")


def sharing(places: dict[Memory, int]) -> Iterator[str]:
    """Which pieces lie one after the other in the same place."""
    groups: dict[int, list[Memory]] = {}
    for memory_, place in places.items():
        groups.setdefault(place, []).append(memory_)
    for place, together in sorted(groups.items()):
        if len(together) > 1:
            names = ", ".join(map(str, sorted(together, key=lambda m: int(m.name[1:]))))
            yield f"{names} at byte {place} ({size(max(aligned(m.nbytes) for m in together))})"


def wrapped(text: str, first: str, other: str) -> Iterator[str]:
    """Text in lines of at most WIDTH letters."""
    line = first
    for word in text.split(" "):
        if len(line) + len(word) > WIDTH:
            yield line.rstrip()
            line = other
        line += f"{word} "
    yield line.rstrip()


def size(count: int) -> str:
    """Bytes as people read them.

    >>> size(640), size(25_690_112)
    ('640 bytes', '25.7 MB')
    """
    if count < 10_000:
        return f"{count} bytes"
    return f"{count / 1e6:.1f} MB" if count >= 1_000_000 else f"{count / 1e3:.1f} kB"
