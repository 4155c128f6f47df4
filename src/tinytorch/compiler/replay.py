"""A program: the units of a captured step bound to memory, run as often as one likes."""

from __future__ import annotations

import ctypes
import threading
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from tinytorch.array import Array
from tinytorch.compiler.fusion import Loop, Unit, fused
from tinytorch.compiler.planning import (
    as_array,
    needed,
    planned,
    static_view,
    with_beginnings,
    without_copies,
)
from tinytorch.compiler.program import (
    CONSTANT,
    GIVEN,
    Call,
    Check,
    Fold,
    Map,
    Memory,
    Product,
    Step,
    View,
)
from tinytorch.compiler.recording import relative
from tinytorch.compiler.source import program_source
from tinytorch.devices.interface import backend
from tinytorch.devices.native.build import HEADERS, library
from tinytorch.devices.native.library import kernels
from tinytorch.errors import DeviceError, IndexOutOfRange
from tinytorch.layout import Layout

Get = Callable[[], Any]


class Program:
    """Steps that read given arrays and leave results in fresh ones.

    given: the memory that comes from outside, in the order in which `run` takes its arrays. results: the memory
    that must be fresh after every run, in the order in which `run` returns it.
    """

    def __init__(self, steps: Sequence[Step], given: Sequence[Memory], results: Sequence[Memory]) -> None:
        self.given, self.results = list(given), list(dict.fromkeys(results))
        self.recorded = list(steps)
        self.steps = without_copies(needed(with_beginnings(steps, self.results), set(results)), set(results))
        self.lock = threading.Lock()
        self.source = ""
        self.compiled = kernels() is not None
        try:
            self.bind()
        except DeviceError as error:  # the kernels are there, and the compiler is not, or not any more
            warnings.warn(
                f"a captured step is replayed by NumPy, operation by operation: {error}", stacklevel=2
            )
            self.compiled, self.source = False, ""
            self.bind()

    # making it

    def bind(self) -> None:
        """Give every memory a slot, and turn the units into functions without arguments."""
        self.units: list[Unit] = fused(self.steps, self.compiled)
        self.plan = planned(self.units, set(self.results))
        found = [m for unit in self.units for m in self.memories(unit)]
        others = [m for m in dict.fromkeys(found) if m.kind == GIVEN and m not in self.given]
        assert not others, f"memory that nobody gives: {others}"
        changing = dict.fromkeys(
            [*self.given, *self.results, *[m for m in self.plan.loose if m not in self.results]]
        )
        fixed = [m for m in dict.fromkeys(found) if m not in changing and self.in_memory(m)]
        self.slots = {memory: slot for slot, memory in enumerate([*changing, *fixed])}
        self.changing = len(changing)
        self.hosts: list[Any] = [None] * len(self.slots)
        self.arrays: list[Any] = [None] * len(self.given)
        block = np.empty(self.plan.size + 64, np.uint8)
        block = block[-block.ctypes.data % 64 :]
        for memory in fixed:
            self.hosts[self.slots[memory]] = self.fixed(memory, block)
        self.table: Any = (ctypes.py_object * max(1, len(self.slots)))(*self.hosts)
        self.nothing = [None] * self.changing
        loose = set(self.plan.loose)
        self.fresh = [(self.slots[m], m.size, m.dtype.numpy) for m in self.results if m not in loose]
        self.actions = self.bound()

    def memories(self, unit: Unit) -> list[Memory]:
        """What a unit touches, in order."""
        if isinstance(unit, Loop):
            return [access.memory for line in unit.lines for access in (*line.reads, line.write)]
        return [view.memory for view in (*unit.reads, *unit.writes)]

    def in_memory(self, memory: Memory) -> bool:
        """Whether it has a place at all: some values only pass through registers."""
        return memory.kind == CONSTANT or memory in self.plan.places

    def fixed(self, memory: Memory, block: Any) -> np.ndarray[Any, Any]:
        """A constant, or a part of the block that is used at every replay."""
        if memory.kind == CONSTANT:
            return np.array(
                memory.host.ravel(order="K")
            )  # a copy: what the program does with its arrays is its own
        place = self.plan.places[memory]
        return block[place : place + memory.nbytes].view(memory.dtype.numpy)

    def bound(self) -> list[Get]:
        """What is called, one after the other: a run of loops is one call."""
        runs: list[list[Loop]] = []
        actions: list[Any] = []
        open_run = False
        for unit in self.units:
            if isinstance(unit, Loop):
                if not open_run:
                    runs.append([])
                    actions.append(len(runs) - 1)
                runs[-1].append(unit)
                open_run = True
            else:
                actions.append(self.action(unit))
                open_run = False
        if runs:
            self.source = program_source(runs, self.slots, self.plan.stored)
            functions = compiled(self.source, len(runs))
            actions = [partial(functions[a], self.table) if isinstance(a, int) else a for a in actions]
        return actions

    # what is left to NumPy and to kernels

    def action(self, step: Step) -> Get:
        """A step as a function without arguments."""
        cpu: Any = backend("cpu")
        if isinstance(step, Product) and step.writes[0].memory not in self.plan.loose:
            return self.product(step)
        reads = [self.array_of(view) for view in step.reads]
        if isinstance(step, Check):
            return partial(checked, step, cpu, reads[0])
        if isinstance(step, Map):
            return self.map(step, cpu, reads)
        if isinstance(step, Fold):
            return self.kept(step, lambda arrays: [cpu.reduce(step.name, arrays[0], step.axes)], reads)
        if isinstance(step, Product):
            return self.kept(step, lambda arrays: [cpu.matmul(*arrays)], reads)
        assert isinstance(step, Call)
        return self.call(step, reads)

    def map(self, step: Map, cpu: Any, reads: list[Get]) -> Get:
        """An expression by NumPy."""
        if not step.in_place:
            return self.kept(step, lambda arrays: [cpu.map(step.expr, *arrays)], reads)
        target = self.array_of(step.writes[0])
        if not reads:
            value = float(step.expr[1])  # type: ignore[index]
            return lambda: target().host.fill(value)
        return lambda: cpu.map(step.expr, *[get() for get in reads], out=target())

    def product(self, step: Step) -> Get:
        """A matrix product into memory that is there."""
        x, y, out = [self.host_of(view) for view in (*step.reads, *step.writes)]
        if all(isinstance(each, np.ndarray) for each in (x, y, out)):
            return partial(np.matmul, x, y, out)
        get_x, get_y, get_out = [each if callable(each) else partial(same, each) for each in (x, y, out)]
        return lambda: np.matmul(get_x(), get_y(), out=get_out())

    def call(self, step: Call, reads: list[Get]) -> Get:
        """A kernel, or a function of the device."""
        function, shaped = step.function, step.shaped
        if step.in_place:
            return lambda: function(*shaped([get() for get in reads]))
        slots = step.slots

        def results(arrays: list[Any]) -> list[Any]:
            made = function(*shaped(arrays))
            every = made if isinstance(made, (tuple, list)) else (made,)
            found = [each for each in every if each is not None]
            return [each for each, slot in zip(found, slots, strict=True) if slot is not None]

        return self.kept(step, results, reads)

    def kept(self, step: Step, function: Callable[[list[Any]], list[Any]], reads: list[Get]) -> Get:
        """Call, and put what was made where later steps find it."""
        slots, hosts, table = [self.slots.get(view.memory) for view in step.writes], self.hosts, self.table

        def run() -> None:
            for slot, made in zip(slots, function([get() for get in reads]), strict=True):
                if slot is not None:
                    hosts[slot] = table[slot] = made.host

        return run

    # where arrays are

    def host_of(self, view: View) -> Any:
        """NumPy's view of some memory: itself where it stays, else a function that finds it."""
        slot = self.slots[view.memory]
        if slot >= self.changing:
            return static_view(view, self.hosts[slot])
        if view.memory.kind == GIVEN:
            get = self.given_array(view)
            return lambda: get().host
        return self.moving_host(view, slot)

    def moving_host(self, view: View, slot: int) -> Get:
        """A view of memory that is another one at every replay."""
        hosts, item, shape, kind = self.hosts, view.dtype.itemsize, view.layout.shape, view.dtype.numpy
        offset, strides = view.layout.offset * item, tuple([s * item for s in view.layout.strides])

        def get() -> Any:
            host = hosts[slot]
            if host.shape == shape and host.strides == strides and not offset:
                return host
            flat = host if host.flags.c_contiguous else host.ravel(order="K")
            return np.ndarray(shape, kind, flat, offset, strides)

        return get

    def array_of(self, view: View) -> Get:
        """The same as an array of the device."""
        if view.memory.kind == GIVEN:
            return self.given_array(view)
        host = self.host_of(view)
        if isinstance(host, np.ndarray):
            return partial(same, as_array(host, view))
        return lambda: as_array(host(), view)

    def given_array(self, view: View) -> Get:
        """A view of an array that came from outside."""
        place, arrays, layout = self.given.index(view.memory), self.arrays, relative(view)
        shape, strides, offset = layout.shape, layout.strides, layout.offset

        def get() -> Any:
            array = arrays[place]
            own = array.layout
            if own.shape == shape and own.strides == strides and not offset:
                return array
            return array.view(Layout(shape, strides, own.offset + offset))

        return get

    # running it

    def run(self, arrays: Sequence[Array]) -> list[Any]:
        """Replay with these arrays; the results as NumPy arrays, flat or as they were made."""
        hosts, table, given = self.hosts, self.table, len(self.given)
        with self.lock:
            self.arrays[:] = arrays
            inside = hosts[:given] = [array.host for array in arrays]
            table[:given] = inside
            for slot, size, kind in self.fresh:
                hosts[slot] = table[slot] = np.empty(size, kind)
            try:
                for action in self.actions:
                    action()
                return [hosts[slot] for slot in [self.slots[m] for m in self.results]]
            finally:
                hosts[: self.changing] = table[: self.changing] = self.nothing
                self.arrays[:] = self.nothing[:given]


def same(value: Any) -> Any:
    """What it is given."""
    return value


def checked(step: Check, cpu: Any, get: Get) -> None:
    """Ask again. Raises IndexOutOfRange for a number that is not in range any more."""
    if not cpu.between(get(), step.low, step.high, step.besides):
        raise IndexOutOfRange(f"an index is not {step.title}, as it was when the step was captured")


def compiled(source: str, count: int) -> list[Any]:
    """The functions of generated C, on the threads of the kernels."""
    headers = {name: (HEADERS / name).read_text(encoding="utf-8") for name in ("kernels.h", "elements.h")}
    made = library("step", {"step.c": source, **headers})
    shared = kernels()
    if shared is not None:
        made.use_threads(ctypes.cast(shared.compiled.split, ctypes.c_void_p))
    functions = [made[f"run_{number}"] for number in range(count)]
    for function in functions:
        function.restype = None
    return functions
