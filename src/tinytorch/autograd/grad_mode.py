"""Whether operations are recorded: `no_grad` and its relatives, usable as `with` blocks and decorators."""

from __future__ import annotations

from contextlib import ContextDecorator
from threading import local
from types import TracebackType


class Mode(local):
    """What holds in this thread."""

    recording: bool = True
    inference: bool = False


MODE = Mode()


def is_grad_enabled() -> bool:
    """Whether operations are recorded in this thread now."""
    return MODE.recording


def is_inference_mode_enabled() -> bool:
    """Whether the thread is inside `inference_mode`."""
    return MODE.inference


class no_grad(ContextDecorator):
    """Compute without recording: results inside the block do not require gradients.

    >>> import tinytorch as tt
    >>> x = tt.ones(3, requires_grad=True)
    >>> with no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    target = False

    def __init__(self) -> None:
        self.before: list[bool] = []  # a stack, since one object may be entered twice

    def __enter__(self) -> None:
        """Remember the mode that holds now, and leave it."""
        self.before.append(MODE.recording)
        MODE.recording = self.target

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Restore the mode that held before the block, whatever happened inside."""
        MODE.recording = self.before.pop()


class enable_grad(no_grad):
    """Record again, inside a block that does not."""

    target = True


class set_grad_enabled(no_grad):
    """Record or not, as `mode` says: takes effect at once, and for the block if used as one."""

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self.target = mode
        self.before.append(MODE.recording)
        MODE.recording = mode
        self.fresh = True

    def __enter__(self) -> None:
        """The mode was set when the object was made; a second use sets it again."""
        if self.fresh:
            self.fresh = False
        else:
            super().__enter__()


class inference_mode(no_grad):
    """Like `no_grad`: a block in which nothing is recorded. `inference_mode(False)` changes nothing."""

    def __init__(self, mode: bool = True) -> None:
        super().__init__()
        self.mode = mode
        self.inference_before: list[bool] = []

    def __enter__(self) -> None:
        """Leave recording, and say that this is inference."""
        self.target = MODE.recording and not self.mode
        self.inference_before.append(MODE.inference)
        MODE.inference = MODE.inference or self.mode
        super().__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Restore both."""
        super().__exit__(kind, error, trace)
        MODE.inference = self.inference_before.pop()
