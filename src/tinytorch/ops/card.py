"""The op card: what one primitive computes, its gradient, and what it costs, in one place.

Autograd reads `grad` and `reads`, the profiler `flops` and `bytes`, the compiler `expr`. Gradients are
written with the tensor operators themselves, so they run on any device, are observed like everything
else, and can be differentiated again. They may ignore broadcasting: autograd sums each gradient back
to its input's shape.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from tinytorch import dtypes
from tinytorch.ops.symbol import Symbol, inputs_of, renumbered

if TYPE_CHECKING:
    from tinytorch.array import Array
    from tinytorch.devices.interface import Expr
    from tinytorch.tensor import Tensor

Grads = tuple["Tensor | None", ...]  # one per input, None where no gradient flows
Keeps = tuple[bool, tuple[int, ...]]  # whether the output is kept for backward, and which inputs

SAME, FLOAT, FREE = "same", "float", "free"  # inputs get one dtype; a floating one; are left alone
NUMBERS = 1  # the least that most arithmetic takes: whole numbers, no bools


class Op:
    """A primitive. Its slots are its parameters.

    reads: for each input of `grad` by name, which values its gradient reads ("out" is the result);
    None stands for all of them. results: of several outputs, those that "out" stands for; None for all.
    """

    __slots__ = ()
    promotion: ClassVar[str] = FREE
    least: ClassVar[int] = 0  # the weakest category that it takes: 0 bools, 1 whole numbers, 2 fractions
    differentiable: ClassVar[bool] = True
    expr: ClassVar[Expr | None] = None  # for an elementwise card: what happens at each position
    defined: ClassVar[bool] = False  # by a `definition` over tensors instead of `forward`
    fresh: ClassVar[bool] = False  # whether `grad` returns new memory that nobody else holds
    reads: ClassVar[dict[str, tuple[str, ...]] | None] = None
    results: ClassVar[tuple[int, ...] | None] = None
    plans: ClassVar[dict[int, Keeps]]
    rules: Any = None  # of an elementwise card: its gradients as expressions

    def __init_subclass__(cls) -> None:
        cls.plans = {}

    def forward(self, *xs: Any, **never: Any) -> Any:
        """Compute on arrays: one Array, or a tuple of them. A card names its own inputs."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def grad(self, *values: Any, **never: Any) -> Grads:
        """Takes (g, out, *inputs). Given `g`, how much each number of `out` matters: how much each number of the inputs does."""
        raise NotImplementedError(f"{type(self).__name__} has no gradient")

    def flops(self, out: Any, *xs: Any) -> int:
        """Floating point operations performed."""
        return 0

    def bytes(self, out: Any, *xs: Any) -> int:
        """Bytes read and written."""
        return sum([x.nbytes for x in (*(out if isinstance(out, tuple) else (out,)), *xs)])

    def keeps(self, wanted: int) -> Keeps:
        """What must be kept for gradients: bit i says that input i wants one, a last bit ends the inputs."""
        plan = self.plans.get(wanted)
        if plan is None:
            count = wanted.bit_length() - 1
            plan = self.plan(tuple([bool(wanted >> i & 1) for i in range(count)]))
            if count <= 8:  # cards of more inputs have too many plans to remember
                self.plans[wanted] = plan
        return plan

    def plan(self, wanted: tuple[bool, ...]) -> Keeps:
        """Work `keeps` out from `reads`."""
        if self.reads is None:
            return True, tuple(range(len(wanted)))
        names = list(inspect.signature(self.grad).parameters)[2:][: len(wanted)]  # the last may be absent
        read = {r for name, want in zip(names, wanted, strict=False) if want for r in self.reads[name]}
        return "out" in read, tuple([i for i, name in enumerate(names) if name in read])

    def __repr__(self) -> str:
        fields = [slot for cls in type(self).__mro__ for slot in getattr(cls, "__slots__", ())]
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in fields if name != "rules")
        return f"{type(self).__name__}({shown})"


class Rule(NamedTuple):
    """An elementwise gradient as one scalar expression over what it reads."""

    expr: Expr
    reads: tuple[int, ...]  # 0 is g, 1 is out, 2 is the first input, ...
    through: bool  # g itself, unchanged


class Elementwise(Op):
    """A scalar function applied at every position of its inputs, broadcast together."""

    __slots__ = ("rules",)
    promotion = SAME
    rules: tuple[Rule | None, ...] | None  # None where `grad` does more than arithmetic

    def __getattr__(self, name: str) -> Any:
        if name == "rules":  # the slot is empty until the first gradient
            self.rules = self.read()
            return self.rules
        raise AttributeError(name)

    def forward(self, *xs: Array) -> Array:
        """One pass of the device."""
        assert self.expr is not None
        return xs[0].device.map(self.expr, *xs)

    def read(self) -> tuple[Rule | None, ...] | None:
        """Run `grad` once on symbols, and write down the expression of each gradient."""
        count = len(inspect.signature(self.grad).parameters)
        try:
            made = self.grad(*[Symbol(i) for i in range(count)])  # type: ignore[arg-type]
        except Exception:  # it does what symbols cannot: it will run on tensors, and say so itself
            return None
        if not isinstance(made, tuple) or not all(m is None or isinstance(m, Symbol) for m in made):
            return None
        rules: list[Rule | None] = []
        for symbol in made:
            expr = None if symbol is None else symbol.expr  # type: ignore[attr-defined]
            reads = () if expr is None else tuple(sorted(inputs_of(expr)))
            rules.append(None if expr is None else Rule(renumbered(expr, reads), reads, expr == 0))
        return tuple(rules)

    def plan(self, wanted: tuple[bool, ...]) -> Keeps:
        """Exactly what the rules of the wanted gradients read."""
        if self.rules is None:
            return super().plan(wanted)
        read = {i for rule, want in zip(self.rules, wanted, strict=True) if rule and want for i in rule.reads}
        return 1 in read, tuple([i - 2 for i in sorted(read) if i >= 2])

    def flops(self, out: Any, *xs: Any) -> int:
        """One per position."""
        return int(out.numel())


class Movement(Op):
    """A view: a new layout over the same memory. It moves no bytes and does no arithmetic."""

    __slots__ = ()

    def bytes(self, out: Any, *xs: Any) -> int:
        """None."""
        return 0


class Fused(Op):
    """Several primitives that belong together, defined by them, for which a device may have a kernel.

    `definition` uses only methods of its arguments. Without a `grad` of its own the gradient is that of
    the definition.
    """

    __slots__ = ()
    defined = True
    promotion = SAME
    fresh = True

    def definition(self, *xs: Any, **never: Any) -> Any:
        """What it computes, in tensor language."""
        raise NotImplementedError(f"{type(self).__name__} has no definition")

    def plan(self, wanted: tuple[bool, ...]) -> Keeps:
        """The gradient of the definition reads inputs alone."""
        if type(self).grad is Op.grad:
            return False, tuple(range(len(wanted)))
        return super().plan(wanted)


class Gradient(Op):
    """The gradients of a fused card, all in one piece of work: announced where a device has a kernel for them"""

    __slots__ = ("of", "work")
    differentiable = False

    def __init__(self, of: Op, work: int) -> None:
        self.of = of
        self.work = work

    def flops(self, out: Any, *xs: Any) -> int:
        """Twice those of the card: one product for each of the two that went into it."""
        return 2 * self.work


def wide(kind: dtypes.dtype) -> dtypes.dtype:
    """The type to compute in: float32 for halves, which lose long sums; any other type itself.

    >>> wide(dtypes.float16), wide(dtypes.float64)
    (tinytorch.float32, tinytorch.float64)
    """
    return dtypes.float32 if kind.is_floating_point and kind.itemsize < 4 else kind


def widened(x: Tensor) -> Tensor:
    """A tensor in the type to compute in."""
    return x.to(wide(x.dtype))
