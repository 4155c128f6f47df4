"""Capture: run a step once, with everything that it does written down, and make a variant of it that can be replayed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

from tinytorch.array import Array, Storage
from tinytorch.autograd import graph
from tinytorch.autograd.grad_mode import MODE
from tinytorch.autograd.graph import Node, Sweep
from tinytorch.compiler.gradient import Backward, attach, captured_backward
from tinytorch.compiler.guards import Arguments, Guard, TensorGuard, reached, recording_is
from tinytorch.compiler.program import CONSTANT, GIVEN, Check, Memory
from tinytorch.compiler.recording import OPTIMIZER, Trace, pointer, recording, relative
from tinytorch.compiler.replay import Program
from tinytorch.compiler.watching import Watch
from tinytorch.devices.interface import backend
from tinytorch.dtypes import FROM_NUMPY
from tinytorch.errors import CompileError
from tinytorch.layout import Layout
from tinytorch.observe import LISTENING, listen
from tinytorch.ops.card import Gradient
from tinytorch.random import Generator
from tinytorch.tensor import Tensor

CAPTURING = threading.RLock()  # the one CPU records for one thread at a time
Fetch = Callable[[list[Tensor]], Tensor]


class Source(NamedTuple):
    """How a tensor is found again: as an argument (`number`, else -1) or as itself; or as the gradient of such a one."""

    tensor: Any
    number: int
    gradient: bool = False

    def fetch(self, tensors: Sequence[Tensor]) -> Any:
        """The tensor now; None where a gradient is gone."""
        found = self.tensor if self.number < 0 else tensors[self.number]
        return found.grad if self.gradient else found

    @property
    def kind(self) -> str:
        """In a word."""
        return "gradient" if self.gradient else "argument" if self.number >= 0 else "tensor"


class Watched(NamedTuple):
    """What an attempt at a capture knows."""

    trace: Trace
    watch: Watch
    arguments: Arguments
    reached: list[Tensor]
    oldest: int  # the age of nodes made before
    ends: set[Any]  # where the backward pass of the results ends

    def older(self, node: Any) -> bool:
        """Whether a node was made before the step began."""
        return type(node) is Node and node.age >= self.oldest

    def source(self, tensor: Tensor) -> Source:
        """How a tensor from before the step is found again."""
        for i, each in enumerate(self.arguments.tensors):
            if each is tensor:
                return Source(None, i)
        leaf = self.watch.leaf_of.get(id(tensor))
        return Source(tensor, -1) if leaf is None else self.source(leaf)._replace(gradient=True)


class CapturingSweep(Sweep):
    """A backward pass that is written down, under the names of the cards whose gradients it takes."""

    watched: Any = None
    awaited: Any = None  # leaves whose gradient was None when theirs arrived

    def run(self, roots: Any) -> None:
        """Named, until it ends."""
        super().run(roots)
        if CapturingSweep.watched is not None:
            CapturingSweep.watched.trace.label = ""

    def pass_simply(self, node: Node, g: Any, rules: Any) -> None:
        """Named."""
        self.begin(node)
        super().pass_simply(node, g, rules)

    def visit(self, target: Any, gs: list[Any]) -> None:
        """Named."""
        self.begin(target)
        super().visit(target, gs)

    def begin(self, target: Any) -> None:
        """Name what comes; refuse to go on into what was made before the step."""
        watched = CapturingSweep.watched
        if watched is None or watched.trace.thread != threading.get_ident():
            return
        if type(target) is Node:
            if watched.older(target) and target not in watched.ends:
                raise watched.trace.refuse(
                    f"the backward pass goes on into a {type(target.op).__name__} that was computed before the step: "
                    "detach() what comes in, or compute it inside"
                )
            watched.trace.label = f"gradient of {type(target.op).__name__}"
        else:
            watched.trace.label = "gradient delivered"

    def deliver(self, leaf: Tensor, g: Any) -> None:
        """Note which leaves had no gradient yet: a replay counts on that."""
        watched = CapturingSweep.watched
        if watched is not None and leaf.grad is None:
            CapturingSweep.awaited.append(leaf)
        super().deliver(leaf, g)


@contextmanager
def observed(watched: Watched) -> Iterator[None]:
    """Names from the operations, refusals of what must not be captured, for the time of a capture."""
    trace, before = watched.trace, LISTENING.observers

    def draw() -> None:
        if trace.listening:
            raise trace.refuse(
                "the step draws random numbers (dropout in training, rand, randn): a replay would repeat the same ones"
            )

    if Sweep.watching is not None:
        raise CompileError(
            "a step is not captured in anomaly mode, which looks at every gradient on the host"
        )
    listen((*before, partial(named, trace)))
    Sweep.watching, CapturingSweep.watched, CapturingSweep.awaited = CapturingSweep, watched, []
    Generator.watching = draw
    try:
        yield
    finally:
        listen(before)
        Sweep.watching = CapturingSweep.watched = None
        Generator.watching = None


def named(trace: Trace, op: Any, inputs: tuple[Any, ...], out: Any) -> None:
    """Give the steps since the last card the name of this one. Raises CompileError for one that must stay outside."""
    name = type(op).__name__
    if type(op).__module__.endswith(".steps"):
        raise trace.refuse(OPTIMIZER)
    for each in out if isinstance(out, tuple) else (out,):
        if each is not None and each.array.device is not backend("cpu"):
            raise trace.refuse(f"{name} runs on {each.array.device.name!r}; a step is captured on the CPU")
    if isinstance(op, Gradient):
        return
    for step in reversed(trace.steps):
        if step.card != trace.label:
            break
        step.card = f"{name} in {trace.label}" if trace.label else name


def capture(
    function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]
) -> tuple[Variant, Any]:
    """Run `function` once for real; what it did as a variant to replay, and its result.

    Raises CompileError for what cannot be captured, after everything was put back as it was.
    """
    arguments = Arguments(args, options)
    for i, tensor in enumerate(arguments.tensors):
        if tensor.array.device.name != "cpu":
            raise CompileError(
                f"argument {i} is on {tensor.array.device.name!r}; a step is captured on the CPU"
            )
    guards, tensors = reached(function, arguments.objects)
    with CAPTURING, recording() as trace:
        watched = Watched(trace, Watch(), arguments, tensors, next(graph.AGES), set())
        try:
            with observed(watched):
                result = function(*args, **options)
                awaited = list(CapturingSweep.awaited)
                if trace.refusal is not None:  # the program has caught it
                    raise trace.refusal
                watched.watch.check()
                for guard in guards:
                    guard.check()
                variant = Variant(watched, guards, awaited, result)
        except CompileError:
            put_back(watched)
            for guard in guards:
                guard.put_back()
            raise
    variant.build()
    return variant, result


def put_back(watched: Watched) -> None:
    """Undo what a step did before it turned out that it cannot be captured."""
    watched.watch.put_back()
    for storage, contents, version in watched.trace.written.values():
        storage.buffer[...] = contents
        storage.version = version


class Out:
    """A tensor in the result, or a new gradient: where its values come from.

    kind: "same" for a tensor that was there (`source` finds it), "view" of given memory, "made" by the step.
    place: of the memory, among the given or among the results.
    """

    __slots__ = ("dtype", "kind", "layout", "place", "source")

    def __init__(
        self, kind: str, source: Source | None, place: int = -1, layout: Any = None, dtype: Any = None
    ) -> None:
        self.kind = kind
        self.source = source
        self.place = place
        self.layout = layout
        self.dtype = dtype


class Variant:
    """A captured step: under which conditions it may be replayed, and how."""

    def __init__(self, watched: Watched, guards: list[Guard], awaited: list[Tensor], result: Any) -> None:
        self.watched: Watched | None = watched
        trace, watch = watched.trace, watched.watch
        results = list(tensors_in(result))
        for tensor in results:
            if not watch.knows(tensor):
                trace.memory(tensor.array)
        self.key, self.objects = watched.arguments.key, watched.arguments.objects
        self.pattern = pattern(watched.arguments.tensors)
        self.backward: Backward | None = captured_backward(watched, results)
        seeds = self.backward.seeds if self.backward else []
        self.given = [m for m in trace.memories.values() if m.kind == GIVEN and m not in seeds]
        self.sources = [found(watched, memory) for memory in self.given]
        self.results: list[Memory] = []
        self.outs: dict[int, Out] = {}
        self.effects = self.new_gradients()
        self.structure = self.taken_apart(result)
        self.bumps = [
            (self.given.index(m), storage.version - version, getattr(storage, "writer", ""))
            for m, (storage, _, version) in trace.written.items()
        ]
        self.guards = [
            recording_is(MODE.recording),
            *[guard.holds for guard in guards],
        ]
        self.absent = self.without_gradients(awaited)
        self.tensor_guards = self.assumed(watched.arguments.tensors)
        self.steps = trace.steps[: self.backward.start] if self.backward else trace.steps

    def assumed(self, arguments: Sequence[Tensor]) -> list[tuple[Source, TensorGuard]]:
        """What is taken for granted about arguments and all other tensors that are read."""
        assert self.watched is not None
        tensors = self.watched.watch.tensors
        sources = [Source(None, i) for i in range(len(arguments))]
        made = []
        for each in [*sources, *[each for each in self.sources if each.kind != "argument"]]:
            base = each._replace(gradient=False).fetch(arguments)
            tensor = tensors[id(base)].grad if each.gradient else base
            before = tensors[id(tensor)]
            made.append((each, TensorGuard(before.array, before.requires_grad)))
        return made

    def without_gradients(self, awaited: Sequence[Tensor]) -> list[Source]:
        """Leaves that had no gradient at the beginning, and whose gradient then arrived."""
        assert self.watched is not None
        tensors = self.watched.watch.tensors
        leaves = [leaf for leaf in awaited if id(leaf) in tensors and tensors[id(leaf)].grad is None]
        return [self.watched.source(leaf)._replace(gradient=True) for leaf in leaves]

    def new_gradients(self) -> list[tuple[Source, Out | None]]:
        """Which tensors got another gradient, or lost theirs."""
        assert self.watched is not None
        changed = [before.tensor for before, field in self.watched.watch.changed() if field == "grad"]
        for tensor in changed:
            if tensor.grad is not None and tensor.grad.requires_grad:
                raise CompileError(
                    "the step leaves a gradient with a history (create_graph=True), which a replay cannot make"
                )
        return [
            (self.watched.source(tensor), None if tensor.grad is None else self.out(tensor.grad))
            for tensor in changed
        ]

    def taken_apart(self, value: Any) -> Any:
        """The result with an Out in the place of each tensor."""
        if isinstance(value, Tensor):
            return self.out(value)
        if isinstance(value, (tuple, list)):
            return renewed(value, [self.taken_apart(each) for each in value])
        if isinstance(value, dict):
            return type(value)({name: self.taken_apart(each) for name, each in value.items()})
        if value is None or isinstance(value, (int, float, bool, str, bytes)):
            return value
        raise CompileError(
            "a compiled function returns tensors, plain values, and tuples, lists or dicts of them, "
            f"not a {type(value).__name__}"
        )

    def out(self, tensor: Tensor) -> Out:
        """Where the values of a tensor come from in a replay; one Out for one tensor."""
        made = self.outs.get(id(tensor))
        if made is None:
            made = self.outs[id(tensor)] = self.new_out(tensor)
        return made

    def new_out(self, tensor: Tensor) -> Out:
        """Where the values of a tensor come from in a replay."""
        assert self.watched is not None
        if self.watched.watch.knows(tensor):
            return Out("same", self.watched.source(tensor))
        memory, layout = self.watched.trace.memory(tensor.array), tensor.array.layout
        if memory.kind == GIVEN:
            layout = Layout(layout.shape, layout.strides, layout.offset - memory.origin)
            return Out("view", None, self.given.index(memory), layout, tensor.array.dtype)
        if memory.kind == CONSTANT and memory.start is None:
            memory.start = memory.host.copy()
        if memory not in self.results:
            self.results.append(memory)
        return Out("made", None, self.results.index(memory), layout, tensor.array.dtype)

    def build(self) -> None:
        """Make the programs, once the CPU is itself again."""
        assert self.watched is not None
        saved: list[Memory] = []
        if self.backward is not None:
            saved = self.backward.saved(self.steps, self.results)
            self.ends = [self.watched.source(each) for each in self.backward.inputs]
            self.differentiable = [self.outs[id(each)] for each in self.backward.outs]
        self.checks = [step for step in self.steps if isinstance(step, Check) and self.comes_first(step)]
        hoisted = set(map(id, self.checks))
        steps = [step for step in self.steps if id(step) not in hoisted]
        self.program = Program(steps, self.given, [*self.results, *saved])
        if self.backward is not None and self.backward.live:
            self.backward.build(saved, self.given, self.results)
        self.watched = None
        self.outs = {}

    def comes_first(self, check: Check) -> bool:
        """Whether what is checked comes from outside, so that it can be checked before anything happens."""
        memory = check.reads[0].memory
        return memory.kind == GIVEN and not any(
            memory is view.memory for s in self.steps for view in s.writes
        )

    # replaying it

    def fits(self, arguments: Arguments) -> bool:
        """Whether all that was taken for granted still holds."""
        if arguments.key != self.key or pattern(arguments.tensors) != self.pattern:
            return False
        for guard in self.guards:
            if not guard():
                return False
        tensors = arguments.tensors
        for source, guarded in self.tensor_guards:
            tensor = source.fetch(tensors)
            if tensor is None or not guarded.holds(tensor):
                return False
        for source in self.absent:
            if source.fetch(tensors) is not None:
                return False
        return all(self.still(check, tensors) for check in self.checks)

    def still(self, check: Check, tensors: list[Tensor]) -> bool:
        """Whether numbers from outside are still in range. Where they are not, eager says what is wrong."""
        view = check.reads[0]
        array = self.sources[self.given.index(view.memory)].fetch(tensors).array
        layout = relative(view)
        if array.layout != layout:
            array = array.view(Layout(layout.shape, layout.strides, layout.offset + array.layout.offset))
        return bool(array.device.between(array, check.low, check.high, check.besides))

    def replay(self, arguments: Arguments) -> Any:
        """Do once more what was captured."""
        tensors = arguments.tensors
        arrays = [source.fetch(tensors).array for source in self.sources]
        made = Made(self.program.run(arrays), arrays, tensors)
        for place_of, count, writer in self.bumps:
            storage = arrays[place_of].storage
            for _ in range(count):
                storage.bump(writer)
        for leaf, out in self.effects:
            leaf.fetch(tensors).grad = None if out is None else made.tensor(out)
        result = self.put_together(self.structure, made)
        if self.backward is not None:
            outs = [made.tensor(out) for out in self.differentiable]
            kept = [made.whole(i) for i in self.backward.among]
            kept += [made.whole(i) for i in range(len(self.results), len(made.hosts))]
            attach(self.backward, outs, arrays, kept, [end.fetch(tensors) for end in self.ends])
        return result

    def put_together(self, value: Any, made: Made) -> Any:
        """The result with tensors in their places."""
        kind = type(value)
        if kind is Out:
            return made.tensor(value)
        if isinstance(value, (tuple, list)):
            return renewed(value, [self.put_together(each, made) for each in value])
        if isinstance(value, dict):
            return kind({name: self.put_together(each, made) for name, each in value.items()})
        return value


class Made:
    """The results of one replay as tensors; those that share memory share a storage."""

    def __init__(self, hosts: list[Any], arrays: list[Array], arguments: list[Tensor]) -> None:
        self.hosts = hosts
        self.arrays = arrays
        self.arguments = arguments
        self.wholes: dict[int, Array] = {}
        self.tensors: dict[Out, Tensor] = {}

    def tensor(self, out: Out) -> Tensor:
        """The tensor that belongs to an Out."""
        found = self.tensors.get(out)
        if found is None:
            if out.source is not None:
                found = out.source.fetch(self.arguments)
            else:
                found = Tensor(self.array(out))
            self.tensors[out] = found
        return found

    def array(self, out: Out) -> Array:
        """Its array."""
        layout = out.layout
        if out.kind == "view":
            array = self.arrays[out.place]
            return array.view(Layout(layout.shape, layout.strides, layout.offset + array.layout.offset))
        return self.whole(out.place).view(layout)

    def whole(self, place_of: int) -> Array:
        """All of one piece of memory, flat."""
        found = self.wholes.get(place_of)
        if found is None:
            host = self.hosts[place_of]
            flat = (
                host if host.ndim == 1 else host.reshape(-1) if host.flags.c_contiguous else host.ravel("K")
            )
            found = self.wholes[place_of] = Array.over(backend("cpu"), Storage(flat), FROM_NUMPY[flat.dtype])
            found.host, found.shape = flat, flat.shape
        return found


def renewed(value: Any, parts: list[Any]) -> Any:
    """A tuple or list of the same kind with other parts."""
    return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)


def pattern(tensors: Sequence[Tensor]) -> tuple[int, ...]:
    """Which arguments are one and the same tensor.

    >>> x, y = Tensor([1.0]), Tensor([1.0])
    >>> pattern([x, y, x])
    (0, 1, 0)
    """
    if len(tensors) < 2:
        return ()
    first: dict[int, int] = {}
    return tuple([first.setdefault(id(tensor), i) for i, tensor in enumerate(tensors)])


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors of a nested result, in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for each in value:
            yield from tensors_in(each)
    elif isinstance(value, dict):
        for each in value.values():
            yield from tensors_in(each)


def found(watched: Watched, memory: Memory) -> Source:
    """The tensor in which given memory is found again. Raises CompileError where there is none, or more than one."""
    start = next(key for key, each in watched.trace.memories.items() if each is memory)
    tensors = watched.watch.tensors

    def has(tensor: Any) -> bool:
        return pointer(tensors[id(tensor)].array.storage) == start

    arguments = [i for i, tensor in enumerate(watched.arguments.tensors) if has(tensor)]
    different = {id(watched.arguments.tensors[i].array) for i in arguments}
    if len(different) > 1:
        raise CompileError(
            f"arguments {arguments[0]} and {arguments[1]} share memory: pass one, and take the view of it inside"
        )
    if arguments:
        memory.origin = watched.arguments.tensors[arguments[0]].array.layout.offset
        return Source(None, arguments[0])
    others = [tensor for tensor in watched.reached if id(tensor) in tensors and has(tensor)]
    others = others or watched.watch.places.get(start, [])
    if not others:
        raise CompileError(
            f"the step reads values of shape {tuple(memory.host.shape)} that no tensor holds any more: they belong to an "
            "operation from before the step"
        )
    tensor = max(others, key=lambda each: (each.requires_grad, each.array.size))
    memory.origin = tensors[id(tensor)].array.layout.offset
    return watched.source(tensor)
