"""Primitives of one's own, and the two entrances to the engine with PyTorch's arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tinytorch.autograd import graph
from tinytorch.autograd.grad_mode import MODE, no_grad
from tinytorch.errors import GradientError
from tinytorch.ops.card import Op
from tinytorch.tensor import Tensor

Tensors = Tensor | Sequence[Tensor]


def sequence(given: Any) -> list[Any]:
    """One tensor or several, as a list."""
    return [given] if isinstance(given, Tensor) or given is None else list(given)


def backward(
    tensors: Tensors,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Add the gradients of several tensors to the leaves (`torch.autograd.backward`).

    >>> import tinytorch as tt
    >>> x = tt.tensor(3.0, requires_grad=True)
    >>> backward([x * x, 2 * x])
    >>> x.grad
    tensor(8.)
    """
    roots = sequence(tensors)
    seeds = [None] * len(roots) if grad_tensors is None else sequence(grad_tensors)
    keep = create_graph if retain_graph is None else retain_graph
    wanted = None if inputs is None else sequence(inputs)
    graph.backward(roots, seeds, keep_graph=keep, create_graph=create_graph, inputs=wanted)


def grad(
    outputs: Tensors,
    inputs: Tensors,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    *,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """The gradients of `outputs` with respect to `inputs`, as results (`torch.autograd.grad`).

    only_inputs: programs pass it; PyTorch has ignored it for long.

    >>> import tinytorch as tt
    >>> x = tt.tensor(2.0, requires_grad=True)
    >>> (slope,) = grad(x**3, x, create_graph=True)
    >>> slope.item(), grad(slope, x)[0].item()
    (12.0, 12.0)
    """
    roots, asked = sequence(outputs), sequence(inputs)
    seeds = None if grad_outputs is None else sequence(grad_outputs)
    unused = materialize_grads if allow_unused is None else allow_unused
    found = graph.grad(
        roots, asked, seeds, keep_graph=retain_graph, create_graph=create_graph, allow_unused=unused
    )
    if not materialize_grads:
        return found
    return tuple([x.new_zeros(x.shape) if g is None else g for g, x in zip(found, asked, strict=True)])


class Context:
    """What `forward` leaves for `backward`: saved tensors, and any attribute."""

    def __init__(self) -> None:
        self.to_save: tuple[Any, ...] = ()
        self.versions: list[Any] = []
        self.places: list[int] = []  # which arguments are tensors
        self.dirty: tuple[Any, ...] = ()
        self.constant: tuple[Any, ...] = ()
        self.materialize = True
        self.needs_input_grad: tuple[bool, ...] = ()

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors; they are checked against being overwritten when they are read."""
        self.to_save = tensors
        self.versions = [None if t is None else t.array.storage.version for t in tensors]

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """The tensors that were kept. Raises OverwrittenError if one was written to since."""
        for tensor, version in zip(self.to_save, self.versions, strict=True):
            if tensor is not None:
                kept = graph.SavedValue(tensor.array)
                kept.version = version
                graph.unpack(kept, _node_named(self))
        return self.to_save

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Say which inputs `forward` changed in place."""
        self.dirty = tensors

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Say through which outputs no gradient flows."""
        self.constant = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether missing gradients arrive as zeros (the default) or as None."""
        self.materialize = value


def _node_named(context: Context) -> Any:
    node = graph.Node()
    node.op = CustomOp(context, type(context))
    return node


class CustomOp(Op):
    """The card of one call of a Function"""

    __slots__ = ("context", "function", "shapes")

    shapes: list[Any]

    def __init__(self, context: Context, function: Any) -> None:
        self.context = context
        self.function = function

    def plan(self, wanted: tuple[bool, ...]) -> tuple[bool, tuple[int, ...]]:
        """Nothing: the context keeps what backward reads."""
        return False, ()

    def grad(self, g: Any, out: Any, *xs: Any) -> tuple[Any, ...]:
        """What the function's own `backward` says, for its tensor inputs."""
        gs = list(g) if isinstance(g, tuple) else [g]
        if self.context.materialize:
            like = next(each for each in gs if each is not None)
            gs = [
                like.new_zeros(s) if each is None else each for each, s in zip(gs, self.shapes, strict=True)
            ]
        made = self.function.backward(self.context, *gs)
        made = made if isinstance(made, tuple) else (made,)
        expected = len(self.context.needs_input_grad)
        if len(made) < expected or any(extra is not None for extra in made[expected:]):
            raise GradientError(
                f"function {self.function.__name__}Backward returned an incorrect number of gradients "
                f"(expected {expected}, got {len(made)})"
            )
        return tuple([made[i] for i in self.context.places])


class Function:
    """A primitive of one's own: static `forward(ctx, ...)` and `backward(ctx, *gradients)`.

    >>> import tinytorch as tt
    >>> class Cube(Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x * x
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return g * 3 * x * x
    >>> x = tt.tensor(2.0, requires_grad=True)
    >>> Cube.apply(x).backward()
    >>> x.grad
    tensor(12.)
    """

    forward: Callable[..., Any]
    backward: Callable[..., Any]

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Run `forward` unrecorded, and record the call as one operation."""
        context = type(f"{cls.__name__}Context", (Context,), {})()
        places = [i for i, each in enumerate(args) if isinstance(each, Tensor)]
        inputs = [args[i] for i in places]
        context.places = places
        context.needs_input_grad = tuple([isinstance(a, Tensor) and a.requires_grad for a in args])
        with no_grad():
            made = cls.forward(context, *args)
        outs = [each for each in (made if isinstance(made, tuple) else (made,)) if isinstance(each, Tensor)]
        if not (MODE.recording and any(context.needs_input_grad)):
            return made
        fresh = [
            out.detach() if any(out is x for x in inputs) and not is_among(out, context.dirty) else out
            for out in outs
        ]
        op = type(cls.__name__, (CustomOp,), {"__slots__": ()})(context, cls)
        op.shapes = [out.shape for out in outs]
        live = [out for out in fresh if not is_among(out, context.constant)]
        graph.record(op, inputs, [x.array for x in inputs], fresh)
        for out in fresh:
            if not is_among(out, live):
                out.edge, out.requires_grad = None, False
        given = iter(fresh)
        if not isinstance(made, tuple):
            return fresh[0]
        return tuple([next(given) if isinstance(each, Tensor) else each for each in made])


def is_among(x: Any, others: Sequence[Any]) -> bool:
    """Identity, since `in` would compare elements."""
    return any(x is each for each in others)


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """A `backward` that cannot be differentiated itself: it runs unrecorded."""

    def run(ctx: Any, *gs: Any) -> Any:
        with no_grad():
            return backward(ctx, *gs)

    return run
