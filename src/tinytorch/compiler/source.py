"""Loops as C: one function for each run of loops that nothing interrupts, to be read as well as to be compiled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

from tinytorch.compiler.fusion import Access, Line, Loop, first_kind
from tinytorch.compiler.program import Memory
from tinytorch.devices.native.expressions import (
    BOOL,
    FLOAT,
    Code,
    number,
    translated,
)

BEGINNING = """\
// A captured step. at[i] is an array of the step: `x` came from outside, `k` are constants, `m` is made here.
#include "elements.h"

static void (*shared_split)(int64_t, double, Job, void *);
EXPORT void use_threads(void *of_kernels) { shared_split = (void (*)(int64_t, double, Job, void *))of_kernels; }
void split(int64_t items, double cost, Job job, void *given) {
    if (shared_split) shared_split(items, cost, job, given);
    else if (items > 0) job(given, 0, items, 0);
}
"""
INDEX = "ijklmnopq"
BLOCK = 512  # floats that are added up in float; the sums of blocks are added in double
NEUTRAL = {"add": "0.0", "multiply": "1.0", "maximum": "-inf", "minimum": "inf"}
CLAUSES = {"add": "+", "multiply": "*", "maximum": "max", "minimum": "min"}


def program_source(runs: Sequence[Sequence[Loop]], slots: Mapping[Memory, int], stored: set[Memory]) -> str:
    """All runs of loops as one C file. slots: where each memory stands in `at`; stored: what must be written to it."""
    parts, bodies, count = [BEGINNING], [], 0
    for number_of_run, run in enumerate(runs):
        calls = []
        for loop in run:
            text = LoopSource(loop, slots, stored)
            name = f"loop_{count}"
            count += 1
            parts.append(text.function(name))
            calls.append(f"    {text.call(name)}")
        bodies.append("\n".join(["", f"EXPORT void run_{number_of_run}(Array **at) {{", *calls, "}", ""]))
    return "\n".join(parts) + "".join(bodies)


class LoopSource:
    """The text of one loop."""

    def __init__(self, loop: Loop, slots: Mapping[Memory, int], stored: set[Memory]) -> None:
        self.loop = loop
        self.slots = slots
        self.stored = stored
        self.last = len(loop.shape) - 1
        self.lines: list[str] = []
        self.values: dict[Access, str] = {}  # what is in a register
        self.kinds: dict[str, str] = {}
        self.split = loop.axis_to_split()

    # how it is called

    def call(self, name: str) -> str:
        """The line that runs it."""
        if self.split is None:
            return f"{name}(at);"
        items = self.loop.shape[self.split]
        return f"split({items}, {self.loop.cost() / items:.4g}, {name}, at);"

    # what it computes

    def function(self, name: str) -> str:
        """The whole function."""
        used = [m for m in self.memories() if m in self.slots]
        body = self.body()
        text = "\n".join(body)
        pointers = [
            f"    {c_type(memory)} *{memory.name} = ({c_type(memory)} *)at[{self.slots[memory]}]->data;"
            for memory in used
            if f"{memory.name}[" in text
        ]
        given = (
            "void *given, int64_t first, int64_t last, int part" if self.split is not None else "Array **at"
        )
        start = ["    Array **at = given;"] if self.split is not None else []
        end = ["    (void)part;"] if self.split is not None else []
        return "\n".join(
            [self.heading(), f"static void {name}({given}) {{", *start, *pointers, *body, *end, "}", ""]
        )

    def heading(self) -> str:
        """What happens at how many positions."""
        titles = [line.step.title for line in self.loop.lines]
        shown = ", ".join(titles[:12]) + (f" and {len(titles) - 12} more" if len(titles) > 12 else "")
        return f"// {' x '.join(map(str, self.loop.shape))}: {shown}"

    def memories(self) -> list[Memory]:
        """What it reads and writes, each once."""
        return list(dict.fromkeys(a.memory for line in self.loop.lines for a in (*line.reads, line.write)))

    def body(self) -> list[str]:
        """The loops, one inside the other, with what stands before and after each."""
        inner = [self.line(i, line) for i, line in enumerate(self.loop.lines)]
        text = [part for parts in inner for part in parts]
        before: dict[int, list[str]] = {}
        after: dict[int, list[str]] = {}
        for i, line in enumerate(self.loop.lines):
            if line.folded():
                self.around(i, line, before, after)
        return self.nest(0, text, before, after, 1)

    def nest(
        self,
        axis: int,
        text: list[str],
        before: dict[int, list[str]],
        after: dict[int, list[str]],
        depth: int,
    ) -> list[str]:
        """The loop over one axis and all inside it."""
        pad = "    " * depth
        lines = [pad + each for each in before.get(axis, [])]
        if axis < self.last:
            lines += [
                f"{pad}{self.header(axis)} {{",
                *self.nest(axis + 1, text, before, after, depth + 1),
                f"{pad}}}",
            ]
        else:
            lines += self.innermost(text, depth)
        return lines + [pad + each for each in after.get(axis, [])]

    def header(self, axis: int, start: str = "", end: str = "") -> str:
        """for (...)"""
        i = INDEX[axis]
        first, last = ("first", "last") if axis == self.split else ("0", str(self.loop.shape[axis]))
        return f"for (int64_t {i} = {start or first}; {i} < {end or last}; {i}++)"

    def innermost(self, text: list[str], depth: int) -> list[str]:
        """The last loop, of which several positions are computed at once; in blocks where it adds up many floats."""
        pad, clauses = "    " * depth, self.clauses()
        if self.loop.shape == (1,):
            return [pad + line for line in text]
        pragma = f"#pragma omp simd{clauses}"
        blocked = [i for i, line in enumerate(self.loop.lines) if self.exact(line)]
        parts = [f"float part{i} = 0.0f;" for i in blocked]
        sums = [f"sum{i} += part{i};" for i in blocked]
        if not blocked or self.loop.shape[self.last] <= 2 * BLOCK:
            lines = [*parts, self.header(self.last) + " {", *["    " + each for each in text], "}", *sums]
            lines = [pad + each for each in lines]
            return [*lines[: len(parts)], pragma, *lines[len(parts) :]]
        i, size = INDEX[self.last], self.loop.shape[self.last]
        inner = [
            f"int64_t end = start + {BLOCK} < {size} ? start + {BLOCK} : {size};", *parts,
            self.header(self.last, "start", "end") + " {", *["    " + each for each in text], "}", *sums,
        ]  # fmt: skip
        del i
        body = [pad + "    " + each for each in inner]
        place = 1 + len(parts)
        return [
            f"{pad}for (int64_t start = 0; start < {size}; start += {BLOCK}) {{",
            *body[:place], pragma, *body[place:], f"{pad}}}",
        ]  # fmt: skip

    def clauses(self) -> str:
        """Which variables gather values over the innermost loop."""
        made = []
        for i, line in enumerate(self.loop.lines):
            if self.last in line.folded():
                made.append(
                    f" reduction({CLAUSES[line.fold or '']} : {'part' if self.exact(line) else 'sum'}{i})"
                )
                if line.fold in ("maximum", "minimum"):
                    made.append(f" reduction(| : nan{i})")
        return "".join(made)

    def exact(self, line: Line) -> bool:
        """Whether a sum in float is long enough to be taken in blocks."""
        folded = line.folded()
        long = prod([self.loop.shape[axis] for axis in folded]) > 4 * BLOCK
        return line.fold == "add" and line.kind == FLOAT and self.last in folded and long

    def around(self, i: int, line: Line, before: dict[int, list[str]], after: dict[int, list[str]]) -> None:
        """What a fold needs before and after the loop in which it gathers."""
        folded, name = line.folded(), line.fold or ""
        neutral = number(NEUTRAL[name], line.kind)
        outermost = min(folded)
        if self.last not in folded:
            before.setdefault(0, []).extend(self.filled(line, neutral))
            return
        trailing = self.last
        while trailing - 1 in folded:
            trailing -= 1
        extreme = name in ("maximum", "minimum")
        kind = "double" if self.exact(line) else line.kind
        before.setdefault(trailing, []).append(f"{kind} sum{i} = {number(NEUTRAL[name], kind)};")
        if extreme:
            before[trailing].append(f"int nan{i} = 0;")
        made = (
            f"nan{i} ? NAN : sum{i}"
            if extreme
            else f"({line.kind})sum{i}"
            if kind != line.kind
            else f"sum{i}"
        )
        place = self.at(line.write)
        if outermost < trailing:  # further axes are folded outside: what is there already counts too
            before.setdefault(0, []).extend(self.filled(line, neutral))
            made = combined(name, place, f"({made})" if extreme else made, line.kind)
        after.setdefault(trailing, []).insert(0, f"{place} = {made};")

    def filled(self, line: Line, neutral: str) -> list[str]:
        """A fold's result before anything is folded in."""
        folded = line.folded()
        axes = [axis for axis in range(len(self.loop.shape)) if axis not in folded]
        return ["".join([f"{self.header(axis)} " for axis in axes]) + f"{self.at(line.write)} = {neutral};"]

    def at(self, access: Access) -> str:
        """An element: memory[index]."""
        terms = [str(access.offset)] if access.offset else []
        for axis, step in enumerate(access.strides):
            if step and self.loop.shape[axis] > 1:
                terms.append(INDEX[axis] if step == 1 else f"{step} * {INDEX[axis]}")
        return f"{access.memory.name}[{' + '.join(terms) or '0'}]"

    def line(self, i: int, line: Line) -> list[str]:
        """One line of the innermost loop: values are read once, and written only if somebody reads them elsewhere."""
        text = []
        names = []
        for access, kind in zip(line.reads, line.kinds, strict=True):
            if access not in self.values:
                register = f"{access.memory.name}_{len(self.values)}"
                text.append(f"{kind} {register} = {self.at(access)};")
                self.values[access], self.kinds[register] = register, kind
            names.append(Code(self.values[access], self.kinds[self.values[access]]))
        made = translated(line.expr, names, first_kind(line.kinds, line.kind))
        if line.folded():
            return [*text, *self.gathered(i, line, made)]
        register = f"v{i}"
        text.append(f"{line.kind} {register} = {made.text};  // {line.step.card or line.step.title}")
        self.values[line.write], self.kinds[register] = register, line.kind
        if line.write.memory in self.stored:
            text.append(f"{self.at(line.write)} = {register};")
        return text

    def gathered(self, i: int, line: Line, made: Code) -> list[str]:
        """A value folded in."""
        name, title = line.fold or "", line.step.card or line.step.title
        if self.last not in line.folded():
            place = self.at(line.write)
            return [f"{place} = {combined(name, place, made.text, line.kind)};  // {title}"]
        target = f"{'part' if self.exact(line) else 'sum'}{i}"
        if name == "add":
            return [f"{target} += {made.text};  // {title}"]
        if name == "multiply":
            return [f"{target} *= {made.text};  // {title}"]
        sign = ">" if name == "maximum" else "<"
        x = made.text
        return [f"{target} = {x} {sign} {target} ? {x} : {target};  // {title}", f"nan{i} |= {x} != {x};"]


def combined(name: str, some: str, other: str, kind: str) -> str:
    """Two values folded into one."""
    if name in ("add", "multiply"):
        return f"{some} {'+' if name == 'add' else '*'} {other}"
    function = "larger" if name == "maximum" else "smaller"
    return f"{function}{'' if kind == FLOAT else '_double'}({some}, {other})"


def c_type(memory: Memory) -> str:
    """The type of its elements in C."""
    return {"float32": "float", "float64": "double", "bool": BOOL, "int64": "int64_t"}[memory.dtype.name]
