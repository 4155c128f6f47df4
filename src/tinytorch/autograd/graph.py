"""The graph: what made each tensor, and the chain rule walked from a result back to its causes.

A tensor that an operation made holds an edge `(node, output index)`. The node holds the card, the edges
of the inputs, and the values that its gradient will read. Arrows point from results to causes, so a
graph lives exactly as long as somebody holds a result of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
from itertools import count
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from tinytorch.array import Array
from tinytorch.autograd.grad_mode import MODE
from tinytorch.autograd.hooks import Hook, run_hooks
from tinytorch.dtypes import FLOATING
from tinytorch.errors import GradientError, OverwrittenError, ShapeError
from tinytorch.layout import Shape
from tinytorch.observe import LISTENING, muted
from tinytorch.ops.card import Gradient

if TYPE_CHECKING:
    from tinytorch.ops.card import Op
    from tinytorch.tensor import Tensor

Edge = tuple[Any, int]  # (a node, or a leaf tensor; which of its outputs)
AGES = count(0, -1)
new = object.__new__  # filling slots in by hand takes half the time of a call of the class


class Node:
    """One recorded operation.

    edges: for each input where its gradient goes, None if nobody wants it. shapes: of the inputs.
    inputs, outputs: the kept values by position, empty once they were used. made: how many outputs.
    age: falls from each node to the next, so that consumers have a lower one than what they consume.
    """

    __slots__ = ("__weakref__", "age", "edges", "hooks", "inputs", "made", "op", "outputs", "shapes", "spent")

    op: Op
    age: int
    edges: Sequence[Edge | None]
    shapes: Sequence[Shape]
    inputs: dict[int, Kept]
    outputs: list[Kept]
    hooks: dict[int, dict[int, Hook]] | None
    made: int
    spent: bool

    def name(self) -> str:
        """What PyTorch would call it."""
        return f"{type(self.op).__name__}Backward0"

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """Where gradients go from here: nodes, or an AccumulateGrad for a leaf (PyTorch's name)."""
        return tuple([(None, 0) if e is None else (function_of(e[0]), e[1]) for e in self.edges])

    def __repr__(self) -> str:
        return f"<{self.name()}>"


class AccumulateGrad:
    """How a leaf shows among `next_functions`."""

    __slots__ = ("variable",)
    next_functions: ClassVar[tuple[tuple[Any, int], ...]] = ()  # it is the end of every path

    def __init__(self, variable: Tensor) -> None:
        self.variable = variable

    def name(self) -> str:
        """The name of the class."""
        return "AccumulateGrad"

    def __repr__(self) -> str:
        return "<AccumulateGrad>"


def function_of(target: Any) -> Any:
    """The node itself, or the stand-in for a leaf."""
    return target if type(target) is Node else AccumulateGrad(target)


class SavedValue:
    """An array kept for the backward pass that had been written to, with the version that it had then."""

    __slots__ = ("array", "version")

    def __init__(self, array: Array) -> None:
        self.array = array
        self.version = array.storage.version


NO_INPUTS: dict[int, Kept] = {}  # of all nodes that are done
NO_OUTPUTS: list[Kept] = []
Kept = Array | SavedValue  # nearly all arrays are at version 0 when they are kept: these stand for themselves


def keep(array: Array) -> Kept:
    """An array together with its version."""
    return SavedValue(array) if array.version else array


def opened(value: Kept) -> tuple[Array, int]:
    """A kept array, and the version that it had."""
    return (value, 0) if type(value) is Array else (value.array, value.version)  # type: ignore[union-attr]


def unpack(value: Kept, node: Node) -> Array:
    """A kept array. Raises OverwrittenError if it was written to in the meantime."""
    array, version = opened(value)
    storage = array.storage
    if storage.version != version:
        raise OverwrittenError(
            f"the gradient of {type(node.op).__name__} needs a value of shape {array.shape} that "
            f"was modified by an inplace operation: {storage.writer} overwrote it (it is at version "
            f"{storage.version}; version {version} was expected)"
        )
    return array


class Unsaved:
    """What is left of an input whose values no wanted gradient reads.

    A rule may still compute with it on the way to a gradient that nobody wants; the result is Unsaved.
    """

    __slots__ = ("requires_grad", "shape")

    def __init__(self, shape: Shape, requires_grad: bool) -> None:
        self.shape = shape
        self.requires_grad = requires_grad

    @property
    def ndim(self) -> int:
        """How many axes it had."""
        return len(self.shape)

    def numel(self) -> int:
        """How many elements it had."""
        return prod(self.shape)

    def absorb(self, *others: Any) -> Unsaved:
        """Any arithmetic."""
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = absorb
    __floordiv__ = __rfloordiv__ = __invert__ = __pow__ = __rpow__ = __neg__ = __and__ = __or__ = __lt__ = (
        __le__
    ) = __gt__ = __ge__ = absorb
    __eq__ = __ne__ = absorb  # type: ignore[assignment]
    __hash__ = object.__hash__
    where = reciprocal = log = sin = cos = sinh = cosh = exp = sqrt = floor = trunc = sign = absorb
    trunc_divide = absorb


def record(op: Op, inputs: Sequence[Tensor], arrays: Sequence[Array], outs: Sequence[Tensor]) -> None:
    """Note on `outs` that `op` made them of `inputs`, and keep what a wanted gradient will read."""
    node = new(Node)
    node.op, node.age, node.made, node.hooks, node.spent = op, next(AGES), len(outs), None, False
    node.edges = [(x.edge or (x, 0)) if x.requires_grad else None for x in inputs]
    node.shapes = [array.shape for array in arrays]
    wanted = sum([1 << i for i, x in enumerate(inputs) if x.requires_grad], 1 << len(inputs))
    keep_outputs, keep_inputs = op.keeps(wanted)
    node.inputs = {i: keep(arrays[i]) for i in keep_inputs}
    node.outputs = [keep(out.array) for out in outs] if keep_outputs else []
    for index, out in enumerate(outs):
        if out.array.dtype.category == FLOATING:
            out.edge = (node, index)
            out.requires_grad = True


def record_short(op: Op, x: Tensor, y: Tensor | None, out: Tensor) -> None:
    """`record` for the many operations of one or two floating inputs and one output, step by step the same."""
    node = Node()
    node.op, node.age, node.made, node.hooks, node.spent = op, next(AGES), 1, None, False
    if y is None:
        node.edges, node.shapes, wanted = (x.edge or (x, 0),), (x.array.shape,), 0b11
    else:
        node.shapes = (x.array.shape, y.array.shape)
        if not y.requires_grad:
            node.edges, wanted = (x.edge or (x, 0), None), 0b101
        elif x.requires_grad:
            node.edges, wanted = (x.edge or (x, 0), y.edge or (y, 0)), 0b111
        else:
            node.edges, wanted = (None, y.edge or (y, 0)), 0b110
    keep_output, keep_inputs = op.plans.get(wanted) or op.keeps(wanted)
    node.inputs = {}
    for i in keep_inputs:
        array = y.array if i else x.array  # type: ignore[union-attr]
        node.inputs[i] = array if array.stored is None or not array.stored.version else SavedValue(array)
    node.outputs = [out.array] if keep_output else []
    out.edge = (node, 0)
    out.requires_grad = True


def sum_to_size(g: Tensor, shape: Shape) -> Tensor:
    """Undo broadcasting: a number that was read many times receives the sum of its gradients."""
    if g.shape == shape:
        return g
    new = len(g.shape) - len(shape)
    stretched = [i + new for i, size in enumerate(shape) if size == 1 and g.shape[i + new] != 1]
    axes = (*range(new), *stretched)
    return (g.sum(axes, keepdim=True) if axes else g).reshape(shape)


def consumers_first(roots: Iterable[Any]) -> list[Any]:
    """Every node that `roots` came from, each after all of its consumers, and then the leaves."""
    seen, stack = set(roots), list(roots)
    while stack:
        target = stack.pop()
        if type(target) is Node:
            causes = [edge[0] for edge in target.edges if edge is not None and edge[0] not in seen]
            seen.update(causes)
            stack += causes
    nodes = [target for target in seen if type(target) is Node]
    return sorted(nodes, key=lambda node: node.age) + [each for each in seen if type(each) is not Node]


class Sweep:
    """One backward pass: the gradients on their way, and what to do with them."""

    watching: ClassVar[type[Sweep] | None] = None  # the kind that takes its place in anomaly mode

    def __new__(cls, *options: Any) -> Sweep:
        """In anomaly mode, a sweep that looks at what it hands on."""
        return object.__new__(cls.watching or cls)

    def __init__(self, create_graph: bool, keep_graph: bool, wanted: dict[Edge, int] | None) -> None:
        self.create_graph = create_graph
        self.keep_graph = keep_graph
        self.wanted = wanted  # which edges are asked for by `grad`; None: deliver to the leaves
        self.needed: set[Any] | None = None  # which targets lie on the way to a wanted edge
        self.found: dict[int, Tensor] = {}
        self.arrived: dict[Any, list[Tensor | None]] = {}
        self.waiting: list[tuple[int, Node]] = []  # a heap of the nodes among them
        self.owned: set[Any] = set()  # leaves whose gradient nobody else holds

    def add(self, edge: Edge, g: Tensor, fresh: bool) -> None:
        """A contribution to the gradient that belongs at `edge`."""
        target, index = edge
        there = self.arrived.get(target)
        if there is None:
            if type(target) is Node:
                heappush(self.waiting, (target.age, target))
                if target.made > 1:
                    there = self.arrived[target] = [None] * target.made
                    there[index] = g
                    return
            self.arrived[target] = [g]
        elif there[index] is None:
            there[index] = g
        else:
            there[index] = there[index] + g
            fresh = True
        if fresh and type(target) is not Node:
            self.owned.add(target)

    def run(self, roots: Iterable[Any]) -> None:
        """Hand every gradient on, consumers first: the youngest node that has one is always next."""
        if self.wanted is not None:
            self.needed = on_the_way(consumers_first(roots), {target for target, _ in self.wanted})
        before, MODE.recording = MODE.recording, self.create_graph
        try:
            arrived, waiting, plain = (
                self.arrived,
                self.waiting,
                not self.create_graph and self.wanted is None,
            )
            while waiting:
                node = heappop(waiting)[1]
                gs = arrived.pop(node)
                # Most nodes are elementwise cards that nobody watches: they skip the questions of `visit`.
                if plain and node.hooks is None and node.op.rules is not None:
                    self.pass_simply(node, gs[0], node.op.rules)
                    if not self.keep_graph:
                        node.inputs, node.outputs, node.spent = NO_INPUTS, NO_OUTPUTS, True
                else:
                    self.visit(node, gs)
            for leaf, gs in arrived.items():
                self.visit(leaf, gs)
        finally:
            MODE.recording = before

    def visit(self, target: Any, gs: list[Tensor | None]) -> None:
        """All consumers of `target` have reported: its gradient is complete."""
        is_node = type(target) is Node
        hooks = target.hooks if is_node else getattr(target, "hooks", None)
        if hooks:
            run_hooks(hooks, gs)
        if self.wanted:
            for index, g in enumerate(gs):
                if g is not None and (target, index) in self.wanted:
                    self.found[self.wanted[target, index]] = g
        if is_node:
            self.pass_on(target, gs)
        elif self.wanted is None:
            self.hand_over(target, gs[0])

    def hand_over(self, leaf: Tensor, g: Any) -> None:
        """Deliver, and then call whoever waits for it."""
        self.deliver(leaf, g)
        for hook in list((getattr(leaf, "after", None) or {}).values()):
            hook(leaf)

    def deliver(self, leaf: Tensor, g: Any) -> None:
        """Add a complete gradient to a leaf's `grad`."""
        if leaf.grad is not None:
            if self.create_graph:
                leaf.grad = leaf.grad + g
            else:
                leaf.grad.add_(g)
        elif self.create_graph or leaf in self.owned:
            leaf.grad = g
        else:
            leaf.grad = g.clone()  # somebody else may hold it: clipping one must not change the other

    def pass_on(self, node: Node, gs: list[Any]) -> None:
        """Apply the card's rule, and add each input's share to what has arrived there."""
        rules = None if self.create_graph else node.op.rules
        if rules is not None:
            self.pass_simply(node, gs[0], rules)
        else:
            needed = self.needed
            wanted = [e is not None and (needed is None or e[0] in needed) for e in node.edges]
            if True in wanted:
                self.pass_by_rule(node, gs, wanted)
        if not self.keep_graph:
            node.inputs, node.outputs, node.spent = NO_INPUTS, NO_OUTPUTS, True

    def pass_simply(self, node: Node, g: Any, rules: Any) -> None:
        """An elementwise card: one pass of the device for each gradient."""
        needed, array = self.needed, g.array
        for edge, rule, shape in zip(node.edges, rules, node.shapes):  # noqa: B905 `strict` costs as much as a step
            if edge is None or rule is None or (needed is not None and edge[0] not in needed):
                continue
            expr, reads, through = rule
            if through:
                self.add(edge, g if array.shape == shape else sum_to_size(g, shape), False)
                continue
            if len(reads) == 2 and not reads[0]:
                found = array.device.map(expr, array, saved(node, reads[1]))
            else:
                found = array.device.map(expr, *[saved(node, i) if i else array for i in reads])
            made = g.wrap(found)
            if found.shape != shape:
                made = sum_to_size(made, shape)
            cause = edge[0]
            if type(cause) is Node and cause.made == 1 and cause not in self.arrived:
                self.arrived[cause] = [made]
                heappush(self.waiting, (cause.age, cause))
            else:
                self.add(edge, made, True)

    def pass_by_rule(self, node: Node, gs: list[Any], wanted: list[bool]) -> None:
        """Any card: its gradient in tensor language."""
        held = {g.array.storage for g in gs if g is not None}
        for i, g in enumerate(gradients(node, gs, wanted)):
            edge = node.edges[i]
            if g is not None and wanted[i] and edge is not None:
                if g.array.shape != node.shapes[i]:
                    g = checked(sum_to_size, g, node, i)
                self.add(edge, g, node.op.fresh and g.array.storage not in held)


def checked(fit: Callable[[Any, Shape], Any], g: Tensor, node: Node, i: int) -> Tensor:
    """The gradient in its input's shape; an error that names the card where the rule is wrong."""
    try:
        return fit(g, node.shapes[i])
    except (RuntimeError, IndexError) as error:
        raise ShapeError(
            f"the gradient of {type(node.op).__name__} for input {i} has shape {g.shape}, "
            f"which does not sum to the input's {node.shapes[i]}"
        ) from error


def on_the_way(order: list[Any], targets: set[Any]) -> set[Any]:
    """The targets, and all nodes from which an edge leads on to one of them."""
    needed = set(targets)
    for each in reversed(order):
        if type(each) is Node and any(e is not None and e[0] in needed for e in each.edges):
            needed.add(each)
    return needed


def saved(node: Node, position: int) -> Array:
    """A kept array: position 1 is the output, 2 the first input."""
    if node.spent:
        refuse_again(node)
    value = node.outputs[0] if position == 1 else node.inputs[position - 2]
    if type(value) is Array and (value.stored is None or not value.stored.version):
        return value
    return unpack(value, node)


def refuse_again(node: Node) -> NoReturn:
    """The kept values were let go after the first backward pass."""
    raise GradientError(
        f"cannot go backward through {type(node.op).__name__} a second time: the values that it kept "
        "were freed by the first backward. Pass retain_graph=True there"
    )


def gradients(node: Node, gs: list[Any], wanted: list[bool]) -> Sequence[Any]:
    """The gradients by the card's own rule, on tensors: observed, and recorded if that is on."""
    op = node.op
    like = next(g for g in gs if g is not None)
    mask = sum([1 << i for i, e in enumerate(node.edges) if e is not None])
    keeps_out, kept = op.keeps(mask | 1 << len(node.edges))
    if node.spent and (keeps_out or kept):
        refuse_again(node)
    if op.defined and not MODE.recording:
        made = by_kernel(node, gs, wanted, like)
        if made is not NotImplemented:
            return made
    inputs = [unpacked(node, i, like, want) for i, want in enumerate(wanted)]
    outs: list[Any] = [Unsaved((), True)] * node.made
    for i, value in enumerate(node.outputs):
        if op.results is not None and i not in op.results:
            continue  # it may have been overwritten
        outs[i] = like.wrap(unpack(value, node))
        if outs[i].array.dtype.category == FLOATING:
            outs[i].edge, outs[i].requires_grad = (node, i), True
    rule = definition_gradient if op.defined and not has_own_gradient(op) else type(op).grad
    if node.made == 1:
        made = rule(op, gs[0], outs[0], *inputs)
    else:
        made = rule(op, tuple(gs), tuple(outs), *inputs)
    if not isinstance(made, tuple) or len(made) != len(wanted):
        count = len(made) if isinstance(made, tuple) else 1
        raise GradientError(f"{type(op).__name__} has {len(wanted)} inputs, its gradient gave {count}")
    return made


def by_kernel(node: Node, gs: list[Any], wanted: list[bool], like: Any) -> Any:
    """The gradients of a fused card by the device's kernel for them; NotImplemented where it has none."""
    op = node.op
    kernel = like.array.device.kernel(op)
    if kernel is None or kernel.gradient is None:
        return NotImplemented
    g = [None if each is None else each.array for each in gs]
    out: list[Any] = [None] * node.made
    for i, value in enumerate(node.outputs):
        if op.results is None or i in op.results:
            out[i] = unpack(value, node)
    absent: Sequence[Any] = node.shapes if kernel.shapes else [None] * len(wanted)
    inputs = [unpack(node.inputs[i], node) if i in node.inputs else each for i, each in enumerate(absent)]
    single = node.made == 1
    made = kernel.gradient(op, wanted, g[0] if single else g, out[0] if single else out, *inputs)
    if made is NotImplemented:
        return made
    result = [None if each is None else like.wrap(each) for each in made]
    if LISTENING.observers:
        card = Gradient(
            op, op.flops(tuple(gs) if node.made > 1 else like, *[Unsaved(s, True) for s in node.shapes])
        )
        for observer in LISTENING.observers:
            observer(card, *[tuple([g for g in each if g is not None]) for each in (gs, result)])
    return result


def unpacked(node: Node, i: int, like: Tensor, want: bool) -> Any:
    """Input `i` as the rule may see it: a tensor with its history, or what is left of it."""
    value = node.inputs.get(i)
    if value is None:
        return Unsaved(node.shapes[i], want)
    edge = node.edges[i]
    if edge is not None and type(edge[0]) is not Node:
        unpack(value, node)
        return edge[0]
    x = like.wrap(unpack(value, node))
    x.edge = edge
    # A second derivative goes on through all inputs, also through those that this one does not ask for.
    x.requires_grad = want or (edge is not None and MODE.recording)
    return x


def has_own_gradient(op: Any) -> bool:
    """Whether a fused card says itself what its gradient is."""
    return type(op).grad.__qualname__ != "Op.grad"


def definition_gradient(op: Any, g: Any, out: Any, *xs: Any) -> tuple[Any, ...]:
    """The gradient of a fused card that has only a definition: differentiate the definition."""
    recording, MODE.recording = MODE.recording, True
    try:
        # Under create_graph the definition continues the history of xs; else it starts anew.
        inner = [x.alias() if recording else x.detach().requires_grad_(x.requires_grad) for x in xs]
        with muted():
            made = op.definition(*inner)
    finally:
        MODE.recording = recording
    outs, gs = (made, g) if isinstance(made, tuple) else ((made,), (g,))
    used = [(o, go) for o, go in zip(outs, gs, strict=True) if go is not None and o.requires_grad]
    asked = [x for x in inner if x.requires_grad]
    if not used or not asked:
        return (None,) * len(xs)
    found = grad(
        [o for o, _ in used], asked, [go for _, go in used], create_graph=recording, allow_unused=True
    )
    given = iter(found)
    return tuple([next(given) if x.requires_grad else None for x in inner])


def backward(
    tensors: Sequence[Tensor],
    seeds: Sequence[Tensor | None],
    *,
    keep_graph: bool = False,
    create_graph: bool = False,
    inputs: Sequence[Tensor] | None = None,
) -> None:
    """Add the gradient of `tensors`, weighted by `seeds`, to the `grad` of every leaf (`torch.autograd.backward`).

    A seed of None stands for 1 and needs a tensor of one element. Raises GradientError if no gradient
    can flow, ShapeError if a seed has another shape than its tensor.
    """
    if inputs is not None:
        found = grad(
            tensors, inputs, seeds, keep_graph=keep_graph, create_graph=create_graph, allow_unused=True
        )
        sweep = Sweep(create_graph, keep_graph, None)
        for leaf, g in zip(inputs, found, strict=True):
            if g is not None:
                sweep.hand_over(leaf, g)
        return
    sweep = Sweep(create_graph, keep_graph, None)
    sweep.run(started(sweep, tensors, seeds))


def grad(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    seeds: Sequence[Tensor | None] | None = None,
    *,
    keep_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of `outputs` as results, one per input; no `grad` is touched (`torch.autograd.grad`).

    Raises GradientError for an input that the outputs do not depend on, unless `allow_unused`.
    """
    for i, x in enumerate(inputs):
        if not x.requires_grad:
            raise GradientError(f"input {i} of grad, shape {x.shape}, does not require grad")
    wanted: dict[Edge, int] = {}
    first: list[int] = []  # an input asked for twice is found once
    for i, x in enumerate(inputs):
        first.append(wanted.setdefault(x.edge or (x, 0), i))
    sweep = Sweep(create_graph, create_graph if keep_graph is None else keep_graph, wanted)
    sweep.run(started(sweep, outputs, seeds or [None] * len(outputs)))
    found = [sweep.found.get(i) for i in first]
    for i, g in enumerate(found):
        if g is None and not allow_unused:
            raise GradientError(
                f"input {i} of grad, shape {inputs[i].shape}, was not used in the outputs. "
                "Pass allow_unused=True if None is the answer that you want"
            )
    return tuple(found)


def started(sweep: Sweep, tensors: Sequence[Tensor], seeds: Sequence[Tensor | None]) -> list[Any]:
    """Check the seeds and put each where its tensor came from; these are the roots."""
    roots = []
    for tensor, seed in zip(tensors, seeds, strict=True):
        if not tensor.requires_grad:
            raise GradientError(
                f"a tensor of shape {tensor.shape} does not require grad and does not have a grad_fn: "
                "no recorded operation leads to it"
            )
        if seed is None:
            if tensor.numel() != 1:
                raise GradientError(
                    "grad can be implicitly created only for scalar outputs: this one has shape "
                    f"{tensor.shape}, so say how much each number matters (gradient=...)"
                )
            seed = tensor.detach().new_ones(tensor.shape)
        elif seed.shape != tensor.shape:
            raise ShapeError(
                f"the gradient has shape {seed.shape}, the tensor that it belongs to {tensor.shape}"
            )
        edge = tensor.edge or (tensor, 0)
        sweep.add(edge, seed, fresh=False)
        roots.append(edge[0])
    return roots


def clear(tensor: Any, to_none: bool) -> None:
    """Forget a gradient, or set it to 0 in the memory that it has."""
    if to_none:
        tensor.grad = None
    elif tensor.grad is not None:
        recording, MODE.recording = MODE.recording, False
        try:
            tensor.grad.zero_()
        finally:
            MODE.recording = recording
