"""Who listens: every operation is announced here, so that tools watch the framework without patching it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock, local
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tinytorch.ops.card import Op

Observer = Callable[["Op", tuple[Any, ...], Any], None]


class Listening(local):
    """The observers of this thread."""

    observers: tuple[Observer, ...] = ()


class Everywhere:
    """How many observers all threads have: every operation asks, and to ask for a thread's own costs three times as much."""

    __slots__ = ("count", "lock")

    def __init__(self) -> None:
        self.count = 0
        self.lock = Lock()


LISTENING, EVERYWHERE = Listening(), Everywhere()


def listen(observers: tuple[Observer, ...]) -> None:
    """These listen in this thread from now on, and nobody else."""
    with EVERYWHERE.lock:
        EVERYWHERE.count += len(observers) - len(LISTENING.observers)
    LISTENING.observers = observers


@contextmanager
def observing(observer: Observer) -> Iterator[None]:
    """Call `observer(op, inputs, out)` after every operation of this thread inside the block.

    >>> import tinytorch as tt
    >>> seen = []
    >>> with observing(lambda op, inputs, out: seen.append(type(op).__name__)):
    ...     x = tt.ones(3) * 2
    >>> seen
    ['Mul']
    """
    before = LISTENING.observers
    listen((*before, observer))
    try:
        yield
    finally:
        listen(before)


@contextmanager
def muted() -> Iterator[None]:
    """Announce nothing inside the block: what happens there is part of one operation."""
    before = LISTENING.observers
    LISTENING.observers = ()
    try:
        yield
    finally:
        LISTENING.observers = before
