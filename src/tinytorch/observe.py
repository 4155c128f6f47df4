"""Who listens: every operation is announced here, so that tools watch the framework without patching it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import local
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tinytorch.ops.card import Op

Observer = Callable[["Op", tuple[Any, ...], Any], None]


class Listening(local):
    """The observers of this thread."""

    observers: tuple[Observer, ...] = ()


class Anywhere:
    """Whether anybody has listened yet, in any thread: every operation asks, and asking a thread's own costs three times as much."""

    __slots__ = ("heard",)

    heard: bool


LISTENING, ANYWHERE = Listening(), Anywhere()
ANYWHERE.heard = False


def listen(observers: tuple[Observer, ...]) -> None:
    """These listen in this thread from now on."""
    ANYWHERE.heard = True
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
        LISTENING.observers = before


@contextmanager
def muted() -> Iterator[None]:
    """Announce nothing inside the block: what happens there is part of one operation."""
    before = LISTENING.observers
    LISTENING.observers = ()
    try:
        yield
    finally:
        LISTENING.observers = before
