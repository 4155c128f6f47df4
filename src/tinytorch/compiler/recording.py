"""The recording device: the CPU, which computes as always and writes down what it was asked for."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar

import numpy as np

from tinytorch.array import Array
from tinytorch.compiler.program import (
    CONSTANT,
    GIVEN,
    MADE,
    Call,
    Check,
    Fold,
    Map,
    Memory,
    Product,
    Step,
    View,
    emptied,
    flat,
    rebuilt,
)
from tinytorch.devices.cpu import Cpu
from tinytorch.devices.interface import Expr, Kernel, backend
from tinytorch.dtypes import dtype
from tinytorch.errors import CompileError
from tinytorch.layout import Layout, Shape
from tinytorch.ops.movement import reach
from tinytorch.promotion import CONSTANTS

PACKAGE = str(Path(__file__).resolve().parents[1])


def place() -> str:
    """The line of the program that is being run, outside of this package: " (program.py, line 12)"."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith((PACKAGE, "<")):
        frame = frame.f_back
    if frame is None:
        return ""
    return f" ({Path(frame.f_code.co_filename).name}, line {frame.f_lineno})"


def entered() -> str:
    """The method that looks at values, as the program knows it: of those known, the outermost one; else what it called."""
    frame: FrameType | None = sys._getframe(1)
    known = outermost = ""
    while frame is not None and frame.f_code.co_filename.startswith((PACKAGE, "<")):
        name = frame.f_code.co_name
        known = name if name in (*READING, *PRINTING, *BY_VALUE) else known
        outermost = outermost if name.startswith("<") else name
        frame = frame.f_back
    return known or outermost


def called_from(folder: str, *names: str) -> bool:
    """Whether one of these functions, from a folder of this package, is being run."""
    frame: FrameType | None = sys._getframe(1)
    start = str(Path(PACKAGE, folder))
    while frame is not None:
        if frame.f_code.co_name in names and frame.f_code.co_filename.startswith(start):
            return True
        frame = frame.f_back
    return False


class Trace:
    """What was recorded: steps in order, and the memory that they read and write."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.memories: dict[Any, Memory] = {}  # by where the memory begins
        self.held: list[Any] = []  # so that no memory is given to somebody else before the end
        self.written: dict[
            Memory, tuple[Any, Any, int]
        ] = {}  # given: its storage, its old contents and version
        self.muted = False
        self.refusal: CompileError | None = None
        self.thread = threading.get_ident()
        self.label = ""
        self.constants = {pointer(each.array.storage) for each in CONSTANTS.values()}
        self.counts = {GIVEN: 0, CONSTANT: 0, MADE: 0}

    @property
    def listening(self) -> bool:
        """Whether what happens now is to be written down."""
        return not self.muted and threading.get_ident() == self.thread

    def memory(self, array: Array, kind: str = GIVEN) -> Memory:
        """The memory that an array shows, entered as `kind` where it is seen for the first time."""
        key = pointer(array.storage)
        found = self.memories.get(key)
        if found is None:
            if key in self.constants:
                kind = CONSTANT
            letter = {GIVEN: "x", CONSTANT: "k", MADE: "m"}[kind]
            host = array.storage.buffer
            found = Memory(kind, f"{letter}{self.counts[kind]}", array.dtype, host.size, host)
            if kind == CONSTANT and host.size and (host == host.flat[0]).all():
                found.uniform = host.flat[0].item()
            self.counts[kind] += 1
            self.memories[key] = found
        self.held.append(array)
        return found

    def view(self, array: Array, kind: str = GIVEN) -> View:
        """An array as the steps see it."""
        return View(self.memory(array, kind), array.layout, array.dtype)

    def made(self, array: Array) -> View:
        """A result. It may also be somebody's view of what was there before."""
        return self.view(array, MADE)

    def known(self, array: Array) -> bool:
        """Whether the memory of an array was there before."""
        return pointer(array.storage) in self.memories

    def add(self, step: Step) -> None:
        """One more step, under the name of the card that is running."""
        step.card = self.label
        self.steps.append(step)

    def about_to_write(self, out: Array) -> View:
        """Keep what a write will replace: it is put back if the step cannot be captured."""
        view = self.view(out)
        memory = view.memory
        if memory.kind == GIVEN and memory not in self.written:
            if called_from("optim", "step", "update"):
                raise self.refuse(OPTIMIZER)
            storage = out.storage
            self.written[memory] = (storage, storage.buffer.copy(), storage.version)
        if memory.kind == CONSTANT and memory.start is None:
            memory.start, memory.uniform = memory.host.copy(), memory.uniform
        return view

    def refuse(self, message: str) -> CompileError:
        """The error that says why the step cannot be captured; it holds even where the program catches it."""
        self.refusal = self.refusal or CompileError(f"{message}{place()}")
        return self.refusal

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Write nothing down inside the block."""
        before, self.muted = self.muted, True
        try:
            yield
        finally:
            self.muted = before


def pointer(storage: Any) -> Any:
    """What tells one memory from another: its address, or itself where it has no bytes."""
    buffer = storage.buffer
    return buffer.__array_interface__["data"][0] if buffer.size else ("empty", id(storage))


class Recorder(Cpu):
    """The CPU while a step is captured. The one CPU becomes it for that time, and eager calls never ask."""

    trace: ClassVar[Trace | None] = None

    def empty(self, shape: Shape, dtype: dtype) -> Array:
        """New memory, made by the step."""
        array = super().empty(shape, dtype)
        if self.trace and self.trace.listening:
            self.trace.made(array)
        return array

    def upload(self, values: np.ndarray[Any, Any]) -> Array:
        """What comes from the host is a constant of the step."""
        array = super().upload(values)
        if self.trace and self.trace.listening:
            self.trace.memory(array, CONSTANT)
        return array

    def download(self, x: Array) -> np.ndarray[Any, Any]:
        """Refused: whatever the host does with these values would not happen again."""
        if self.trace and self.trace.listening and not called_from("methods", "span"):
            raise self.trace.refuse(why_not(entered()))
        return super().download(x)

    def between(self, x: Array, low: int, high: int, besides: int | None = None) -> bool:
        """Asked again at every replay."""
        trace = self.trace
        if not (trace and trace.listening):
            return super().between(x, low, high, besides)
        with trace.paused():
            answer = super().between(x, low, high, besides)
        if answer:
            trace.add(Check(trace.view(x), low, high, besides))
        return answer

    def map(self, expr: Expr, x: Array, *others: Any, out: Array | None = None) -> Array:
        """Computed, and written down."""
        trace = self.trace
        if not (trace and trace.listening):
            return super().map(expr, x, *others, out=out)
        reads = [trace.view(each) for each in (x, *others)]
        target = None if out is None else trace.about_to_write(out)
        made = super().map(expr, x, *others, out=out)
        trace.add(Map(expr, reads, target or trace.made(made), out is not None))
        if called_from("methods", "overwrite"):
            trace.steps[-1].card = "written in place"
        return made

    def reduce(self, name: str, x: Array, axes: Shape) -> Array:
        """Computed, and written down."""
        trace = self.trace
        if not (trace and trace.listening):
            return super().reduce(name, x, axes)
        read, made = trace.view(x), super().reduce(name, x, axes)
        trace.add(Fold(name, read, trace.made(made), axes))
        return made

    def matmul(self, x: Array, y: Array) -> Array:
        """Computed, and written down."""
        trace = self.trace
        if not (trace and trace.listening):
            return super().matmul(x, y)
        reads, made = [trace.view(x), trace.view(y)], super().matmul(x, y)
        trace.add(Product(reads, [trace.made(made)]))
        return made

    def gather(self, x: Array, *indices: Array) -> Array:
        """Computed, and written down."""
        return self.called("gather", super().gather, (x, *indices))

    def scatter(self, out: Array, src: Array, *indices: Array, add: bool) -> Array:
        """Computed, and written down."""
        trace = self.trace
        if not (trace and trace.listening):
            return super().scatter(out, src, *indices, add=add)
        trace.about_to_write(out)
        return self.called("scatter", partial(super().scatter, add=add), (out, src, *indices), in_place=True)

    def join(self, xs: Sequence[Array], axis: int) -> Array:
        """As copies into the parts of one new array, which loops can do."""
        if not (self.trace and self.trace.listening):
            return super().join(xs, axis)
        shape, start = list(xs[0].shape), 0
        shape[axis] = sum([x.shape[axis] for x in xs])
        out = self.empty(tuple(shape), xs[0].dtype)
        for x in xs:
            size = x.shape[axis]
            self.map(0, x, out=out.view(out.layout.slice(axis, start, start + size)))
            start += size
        return out

    def sort(self, x: Array, axis: int, descending: bool) -> Array:
        """Computed, and written down."""
        return self.called("sort", super().sort, (x, axis, descending))

    def scan(self, name: str, x: Array, axis: int) -> Array:
        """Computed, and written down."""
        return self.called(f"running {name}", super().scan, (name, x, axis))

    def argreduce(self, name: str, x: Array, axis: int) -> Array:
        """Computed, and written down."""
        return self.called(f"arg{name}", super().argreduce, (name, x, axis))

    def kernel(self, card: Any) -> Kernel | None:
        """A kernel whose calls are written down. Optimizers' are refused: their cards change from step to step."""
        found = super().kernel(card)
        if found is None or not (self.trace and self.trace.listening):
            return found
        name = type(card).__name__
        changed: dict[str, Any] = {}
        for part in ("forward", "gradient"):
            function = getattr(found, part)
            if function is not None:
                title = f"{name} kernel" if part == "forward" else f"{name} gradient kernel"
                changed[part] = partial(self.called, title, function, merged=True)
        if getattr(found, "update", None) is not None:
            changed["update"] = self.refuse_step
        return found._replace(**changed)

    def refuse_step(self, card: Any, *arrays: Any) -> Any:
        """What an optimizer's kernel does while a step is captured."""
        assert self.trace is not None
        raise self.trace.refuse(OPTIMIZER)

    def called(
        self,
        name: str,
        function: Callable[..., Any],
        given: Any,
        *more: Any,
        in_place: bool = False,
        merged: bool = False,
    ) -> Any:
        """Call a function of arrays; what it returns is new, or a view of what was there."""
        trace, arguments = self.trace, (given, *more) if merged else given
        if not (trace and trace.listening):
            return function(*arguments)
        reads = [trace.view(each) for each in flat(arguments)]
        with trace.paused():
            made = function(*arguments)
        if made is NotImplemented:
            return made
        results = list(flat(made))
        writes = [None if trace.known(each) and not in_place else trace.made(each) for each in results]
        for each, write in zip(results, writes, strict=True):
            if write is None:
                trace.view(each)
        nesting = emptied(arguments)
        step = Call(name, function, reads, writes, lambda arrays: rebuilt(nesting, iter(arrays)), in_place)
        trace.add(step)
        return made


OPTIMIZER = "an optimizer's step changes with every call (its count, its learning rate): leave it outside of what is compiled"
READING = (
    "item",
    "tolist",
    "numpy",
    "__bool__",
    "__int__",
    "__float__",
    "__index__",
    "__array__",
    "__contains__",
)
PRINTING = ("__repr__", "__str__", "__format__")
BY_VALUE = ("nonzero", "masked_select", "__getitem__", "__setitem__", "argwhere", "unique")


def why_not(method: str) -> str:
    """Why a method that looks at values cannot be captured."""
    if method in READING:
        return f"{method}() reads a value on the host: what the program does with it would not happen again in a replay"
    if method in PRINTING:
        return "printing a tensor reads its values on the host, and would not happen again in a replay"
    if method in ("to", "cuda", "cpu"):
        return "a step is captured on the CPU, and cannot move tensors to another device"
    if method in BY_VALUE:
        return (
            f"{method} has a result whose shape or positions depend on values, which a replay cannot follow"
        )
    return f"{method} computes on the host, where nothing is recorded"


@contextmanager
def recording() -> Iterator[Trace]:
    """The one CPU writes down what this thread asks of it, inside the block."""
    cpu: Any = backend("cpu")
    if type(cpu) is not Cpu:
        raise CompileError(f"a step is captured on the CPU of this package, not on {type(cpu).__name__}")
    trace = Recorder.trace = Trace()
    cpu.__class__ = Recorder
    try:
        yield trace
    finally:
        cpu.__class__ = Cpu
        Recorder.trace = None


def relative(view: View) -> Layout:
    """A layout counted from where the tensor begins by which given memory is found again."""
    layout, origin = view.layout, view.memory.origin
    return Layout(layout.shape, layout.strides, layout.offset - origin) if origin else layout


def extent(layout: Layout) -> int:
    """How many elements of memory a layout needs."""
    return reach(layout)
