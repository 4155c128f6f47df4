"""Results of a replay can be differentiated outside: their gradient replays a backward pass that was captured with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinytorch.array import Array
from tinytorch.autograd.grad_mode import MODE
from tinytorch.autograd.graph import Node, grad, keep, record, unpack
from tinytorch.compiler.planning import renamed
from tinytorch.compiler.program import CONSTANT, GIVEN, Memory, Step, View
from tinytorch.compiler.replay import Program
from tinytorch.devices.interface import backend
from tinytorch.errors import CompileError, GradientError
from tinytorch.ops.card import Grads, Op
from tinytorch.tensor import Tensor


class Replayed(Op):
    """A compiled function as one operation of the graph: its gradient is a replay of the captured backward pass"""

    __slots__ = ("backward", "given", "kept", "node")
    fresh = True
    results = ()  # nothing of the outputs is read, but their being there says that a gradient may still be asked for

    def __init__(self, backward: Backward, given: Sequence[Array], kept: Sequence[Array]) -> None:
        self.backward = backward
        self.given = [keep(each) for each in given]
        self.kept = [keep(each) for each in kept]
        self.node: Any = None

    def plan(self, wanted: tuple[bool, ...]) -> tuple[bool, tuple[int, ...]]:
        """The arrays that are read are held here."""
        return True, ()

    def grad(self, g: Any, out: Any, *xs: Any) -> Grads:
        if MODE.recording:
            raise GradientError(
                "a compiled function is differentiated once: create_graph=True needs the function itself"
            )
        arrays = [unpack(each, self.node) for each in (*self.given, *self.kept)]
        return self.backward.replay(g if isinstance(g, tuple) else (g,), arrays)


class Backward:
    """The captured backward pass of what a function returned.

    outs: which results of the function it starts from. inputs: the tensors where it ends (sources in `ends`).
    """

    def __init__(self, start: int, steps: Sequence[Step], outs: list[Tensor], inputs: list[Tensor]) -> None:
        self.start = start
        self.steps = list(steps)
        self.outs = outs
        self.inputs = inputs
        self.live = False  # whether its graph is still there
        self.seeds: list[Memory] = []
        self.among: list[int] = []
        self.found: list[View | None] = []
        self.program: Program | None = None

    def saved(self, forward: Sequence[Step], results: Sequence[Memory]) -> list[Memory]:
        """What the forward pass made and the backward pass reads, beside the results."""
        made = {view.memory for step in forward for view in step.writes if view.memory.kind != GIVEN}
        read = [view.memory for step in self.steps for view in (*step.reads, *step.writes)]
        read += [view.memory for view in self.found if view is not None]
        self.among = [i for i, memory in enumerate(results) if memory in read]
        return [memory for memory in dict.fromkeys(read) if memory in made and memory not in results]

    def build(self, saved: Sequence[Memory], given: Sequence[Memory], results: Sequence[Memory]) -> None:
        """Make the program. What the forward pass made comes to it from outside."""
        held = [*[results[i] for i in self.among], *saved]
        outside = {memory: as_given(memory) for memory in held}
        steps = [renamed(step, outside) for step in self.steps]
        self.found = [
            None if v is None else v._replace(memory=outside.get(v.memory, v.memory)) for v in self.found
        ]
        ends = [view.memory for view in self.found if view is not None and view.memory.kind != GIVEN]
        for memory in ends:
            if memory.kind == CONSTANT and memory.start is None:
                memory.start = memory.host.copy()
        self.program = Program(steps, [*given, *outside.values(), *self.seeds], ends)

    def replay(self, gs: Sequence[Any], arrays: Sequence[Array]) -> Grads:
        """The gradients of all inputs, from those of the results."""
        assert self.program is not None
        cpu = backend("cpu")
        seeds = [self.seed(g, memory) for g, memory in zip(gs, self.seeds, strict=True)]
        inputs = [*arrays, *seeds]
        hosts = dict(zip(self.program.results, self.program.run(inputs), strict=True))
        made: list[Any] = []
        for view in self.found:
            if view is None:
                made.append(None)
                continue
            if view.memory.kind == GIVEN:
                array = inputs[self.program.given.index(view.memory)]
                made.append(Tensor(array.view(view.layout).copy()))
                continue
            host = hosts[view.memory]
            flat = cpu.upload(host if host.flags.c_contiguous else host.ravel(order="K"))
            made.append(Tensor(flat.view(view.layout)))
        return tuple(made)

    def seed(self, g: Any, memory: Memory) -> Array:
        """A gradient from outside as the captured pass expects it: in reading order; zeros where there is none."""
        cpu = backend("cpu")
        if g is None:
            return cpu.upload(np.zeros(memory.host.shape, memory.host.dtype))
        array: Array = g.array
        return array if array.layout.is_contiguous() and not array.layout.offset else array.copy()


def as_given(memory: Memory) -> Memory:
    """The same memory, as something that comes from outside."""
    return Memory(GIVEN, memory.name, memory.dtype, memory.size, memory.host)


def captured_backward(watched: Any, results: Sequence[Tensor]) -> Backward | None:
    """Take the gradient of what a function returned, and write that down; None where there is nothing to differentiate.

    What was freed by a backward pass inside the function stays freed: it has no gradient outside either.
    """
    trace, watch = watched.trace, watched.watch
    outs = [
        r for r in dict.fromkeys(results) if r.requires_grad and r.edge is not None and not watch.knows(r)
    ]
    if not outs or not MODE.recording:
        return None
    ends = boundary(watched, outs)
    backward = Backward(len(trace.steps), [], outs, ends)
    if any(out.edge is not None and out.edge[0].spent for out in outs):
        return backward
    try:
        found = walked_back(watched, backward)
    except GradientError:  # a part of the graph was freed
        backward.seeds = []
        del trace.steps[backward.start :]
        return backward
    backward.found = [None if g is None else trace.view(g.array) for g in found]
    backward.steps, backward.live = trace.steps[backward.start :], True
    return backward


def walked_back(watched: Any, backward: Backward) -> tuple[Tensor | None, ...]:
    """The gradients of the results for gradients of 1, which stand for those that will come from outside."""
    trace, seeds = watched.trace, []
    for out in backward.outs:
        with trace.paused():
            array = backend("cpu").upload(np.ones(out.shape, out.array.dtype.numpy))
        backward.seeds.append(trace.memory(array, GIVEN))
        seeds.append(Tensor(array))
    targets = [end if end.edge is None else end.edge[0] for end in backward.inputs]
    hooks = [(target, target.hooks) for target in targets if getattr(target, "hooks", None)]
    for target, _ in hooks:
        target.hooks = {}  # they see the gradient when it arrives, after the replay
    watched.ends.update(targets)
    try:
        return grad(backward.outs, backward.inputs, seeds, keep_graph=True, allow_unused=True)
    finally:
        for target, theirs in hooks:
            target.hooks = theirs


def boundary(watched: Any, outs: Sequence[Tensor]) -> list[Tensor]:
    """The tensors from before the step at which its graph ends: leaves, and results of operations before it."""
    seen: set[Any] = set()
    ends: dict[Any, Tensor] = {}
    stack: list[Any] = [out.edge for out in outs]
    before = {b.edge: b.tensor for b in watched.watch.tensors.values() if b.edge is not None}
    while stack:
        edge = stack.pop()
        target = edge[0]
        if type(target) is not Node:
            ends[id(target)] = target
        elif watched.older(target):
            if edge not in before:
                raise CompileError("the step goes on from an operation whose result no tensor holds any more")
            ends[edge] = before[edge]
        elif target not in seen:
            seen.add(target)
            stack += [each for each in target.edges if each is not None]
    return list(ends.values())


def attach(
    backward: Backward,
    outs: Sequence[Tensor],
    given: Sequence[Array],
    kept: Sequence[Array],
    inputs: Sequence[Tensor],
) -> None:
    """Give the results of a replay their place in the graph."""
    live = backward.live
    card = Replayed(backward, given if live else (), kept if live else ())
    record(card, inputs, [each.array for each in inputs], outs)
    node: Any = outs[0].edge[0] if outs[0].edge else None
    card.node = node
    node.spent = not live
