"""Anomaly mode: a gradient that is nan, or a rule that fails, names the line of the forward pass.

Off, it costs nothing. On, each operation is noted with the lines that called it (an observer does that), and
the backward pass looks at every gradient.
"""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

from tinytorch.autograd.grad_mode import no_grad
from tinytorch.autograd.graph import Edge, Node, Sweep
from tinytorch.errors import GradientError
from tinytorch.observe import LISTENING, listen, muted, observing

PACKAGE = str(Path(__file__).parents[1])
SHOWN = 8  # lines of the program at most, the innermost ones


class AnomalyError(GradientError):
    """A number that is none, and where it came from."""


class Anomaly:
    """What holds now."""

    enabled = False
    check_nan = True


LINES: WeakKeyDictionary[Node, traceback.StackSummary] = WeakKeyDictionary()  # where each node was recorded


def is_anomaly_enabled() -> bool:
    """Whether anomaly mode is on."""
    return Anomaly.enabled


def is_anomaly_check_nan_enabled() -> bool:
    """Whether anomaly mode, where it is on, refuses gradients that are nan."""
    return Anomaly.check_nan


def set_anomaly_enabled(mode: bool, check_nan: bool = True) -> None:
    """Turn anomaly mode on or off, until somebody turns it again."""
    others = tuple([each for each in LISTENING.observers if each is not note])
    listen((*others, note) if mode else others)
    Sweep.watching = CheckedSweep if mode else None
    Anomaly.enabled, Anomaly.check_nan = mode, check_nan


class set_detect_anomaly:
    """Anomaly mode on or off as `mode` says: at once, and for the block if used as one.

    While it is on, a gradient that is nan raises an AnomalyError (a RuntimeError) with the lines of the program
    that called the operation whose gradient it is. Unlike PyTorch's, the error itself holds these lines.

    >>> import tinytorch as tt
    >>> x = tt.zeros(2, requires_grad=True)
    >>> with set_detect_anomaly(True):
    ...     y = (x * 0).sqrt().sum()
    ...     y.backward()
    Traceback (most recent call last):
    ...
    tinytorch.autograd.anomaly.AnomalyError: Function 'MulBackward0' returned nan values in its 0th output.
    ...
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self.before = Anomaly.enabled, Anomaly.check_nan
        set_anomaly_enabled(mode, check_nan)

    def __enter__(self) -> None:
        """The mode was set when the object was made."""

    def __exit__(self, *exception: object) -> None:
        """Restore the mode that held before."""
        set_anomaly_enabled(*self.before)


class detect_anomaly:
    """A block in anomaly mode (`torch.autograd.detect_anomaly`). It is slow, and says so when it is made."""

    def __init__(self, check_nan: bool = True) -> None:
        self.check_nan = check_nan
        warnings.warn("Anomaly Detection has been enabled: it is slow, and meant for debugging", stacklevel=2)

    def __enter__(self) -> None:
        """Turn it on."""
        self.block = set_detect_anomaly(True, self.check_nan)

    def __exit__(self, *exception: object) -> None:
        """Restore the mode that held before."""
        self.block.__exit__()


def note(op: Any, inputs: Sequence[Any], out: Any) -> None:
    """An observer: keep the lines that called an operation with the node that recorded it."""
    for each in out if isinstance(out, tuple) else (out,):
        if each.edge is not None:
            LINES[each.edge[0]] = lines_of_program()


def lines_of_program() -> traceback.StackSummary:
    """The lines outside this package that are being executed, the innermost last."""
    frames = [
        (frame, number)
        for frame, number in traceback.walk_stack(sys._getframe(1))
        if not frame.f_code.co_filename.startswith((PACKAGE, "<frozen"))
    ]
    return traceback.StackSummary.extract(reversed(frames[:SHOWN]), lookup_lines=False)  # type: ignore[arg-type]


def told(lines: traceback.StackSummary | None) -> str:
    """Lines of a program as text."""
    if lines is None:
        return "The line of the forward pass is not known: it ran outside of anomaly mode."
    return "It belongs to this call of the forward pass:\n" + "".join(lines.format()).rstrip()


class CheckedSweep(Sweep):
    """A backward pass that looks at every gradient before it hands it on."""

    word = "nan"
    depth: ClassVar[int] = (
        0  # the gradient of a fused card may be a sweep of its own, inside that of the card
    )
    node: Node

    def wrong(self, g: Any) -> Any:
        """True where a gradient is refused."""
        return g.isnan()

    def pass_simply(self, node: Node, g: Any, rules: Any) -> None:
        """The rule on tensors, so that each gradient passes through `add`."""
        needed = self.needed
        wanted = [e is not None and (needed is None or e[0] in needed) for e in node.edges]
        if True in wanted:
            self.pass_by_rule(node, [g], wanted)

    def pass_by_rule(self, node: Node, gs: list[Any], wanted: list[bool]) -> None:
        """As always; an error on the way tells where its operation was called."""
        self.node = node
        CheckedSweep.depth += 1
        try:
            super().pass_by_rule(node, gs, wanted)
        except Exception as error:
            if CheckedSweep.depth == 1 and not isinstance(error, AnomalyError):
                error.add_note(f"This is the gradient of {node.name()}. {told(LINES.get(node))}")
            raise
        finally:
            CheckedSweep.depth -= 1

    def add(self, edge: Edge, g: Any, fresh: bool) -> None:
        """Refuse what a rule has made if it is no number."""
        if CheckedSweep.depth == 1 and Anomaly.check_nan:
            with muted(), no_grad():
                wrong = bool(self.wrong(g).any().item())
            if wrong:
                place = next(i for i, each in enumerate(self.node.edges) if each is edge)
                raise AnomalyError(
                    f"Function '{self.node.name()}' returned {self.word} values in its {place}th output.\n"
                    f"{told(LINES.get(self.node))}"
                )
        super().add(edge, g, fresh)


class FiniteSweep(CheckedSweep):
    """A backward pass that refuses infinite gradients as well."""

    word = "nan or infinite"

    def wrong(self, g: Any) -> Any:
        """True where a gradient is refused."""
        return ~g.isfinite()


@contextmanager
def suspects() -> Iterator[dict[str, str]]:
    """Which operation of the block was the first to make "inf", or "nan", of numbers that were none yet.

    Yields a dictionary that the block fills, in the order in which it happens. A gradient in the block that is
    nan or infinite raises AnomalyError.

    >>> import tinytorch as tt
    >>> with suspects() as found:
    ...     y = tt.zeros(3).log() * 0.0
    >>> [text.partition(". ")[0] for text in found.values()]
    ['Log of (3,) made -inf of 0 at [0]', 'Mul of (3,) and () made nan of -inf at [0]']
    """
    found: dict[str, str] = {}

    def look(op: Any, inputs: Sequence[Any], out: Any) -> None:
        before = {kind for x in inputs for kind in unsound(x)}
        for each in out if isinstance(out, tuple) else (out,):
            for kind in unsound(each) - before - found.keys():
                found[kind] = told_of(kind, op, inputs, each)

    with set_detect_anomaly(True), observing(look):
        Sweep.watching = FiniteSweep
        yield found


def unsound(x: Any) -> set[str]:
    """What in a tensor is no finite number: "nan", "inf", both, or nothing."""
    if not x.is_floating_point():
        return set()
    with muted(), no_grad():
        return {kind for kind in KINDS if KINDS[kind](x).any().item()}


KINDS: dict[str, Callable[[Any], Any]] = {"nan": lambda x: x.isnan(), "inf": lambda x: x.isinf()}


def told_of(kind: str, op: Any, inputs: Sequence[Any], out: Any) -> str:
    """Where the first such number of an output stands, and what it was made of."""
    with muted(), no_grad():
        place = tuple(KINDS[kind](out).nonzero()[0].tolist())
        value = out[place].item()
        sources = [f"{x[place].item():g}" for x in inputs if x.shape == out.shape]
    shapes = " and ".join(str(x.shape) for x in inputs)
    source = f" of {' and '.join(sources)}" if sources else ""
    return (
        f"{type(op).__name__} of {shapes} made {value}{source} at {list(place)}. {told(lines_of_program())}"
    )
