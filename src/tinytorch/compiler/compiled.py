"""`compile`: a function that captures a step when it is first called, and replays it from then on."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from functools import WRAPPER_ASSIGNMENTS, partial
from typing import Any

from tinytorch.compiler.capture import capture
from tinytorch.compiler.explain import explained
from tinytorch.compiler.guards import Arguments
from tinytorch.compiler.recording import Recorder
from tinytorch.errors import CompileError
from tinytorch.formats import Naming

MOST = 8  # variants of one function, as in PyTorch; what needs more runs as it is


class Compiled:
    """A function and the variants of it that were captured; attributes are those of the function or module."""

    def __init__(self, function: Callable[..., Any], fullgraph: bool) -> None:
        self.__dict__.update(function=function, fullgraph=fullgraph, variants=[], refused=[])
        if not hasattr(function, "parameters"):
            self.__dict__.update(
                {name: getattr(function, name) for name in WRAPPER_ASSIGNMENTS if hasattr(function, name)}
            )

    def __call__(self, *args: Any, **options: Any) -> Any:
        trace = Recorder.trace
        if trace is not None and trace.thread == threading.get_ident():
            return self.function(*args, **options)  # inside of another capture, which takes it in
        try:
            arguments = Arguments(args, options)
        except CompileError as error:
            return self.eagerly(error, args, options)
        for variant in self.variants:
            if variant.fits(arguments):
                return variant.replay(arguments)
        return self.first(arguments, args, options)

    def first(self, arguments: Arguments, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """A call that no variant fits: one more is captured."""
        if len(self.variants) >= MOST or arguments.key in self.refused:
            return self.function(*args, **options)
        try:
            variant, result = capture(self.function, args, options)
        except CompileError as error:
            self.refused.append(arguments.key if not self.fullgraph else None)
            return self.eagerly(error, args, options)
        self.variants.append(variant)
        return result

    def eagerly(self, error: CompileError, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Run the function as it is, where that was asked for. Raises CompileError otherwise."""
        if self.fullgraph:
            raise error
        warnings.warn(f"runs without being compiled: {error}", stacklevel=4)
        return self.function(*args, **options)

    def explain(self, *args: Any, **options: Any) -> str:
        """What became of the step, to be printed: fused loops, what is left to NumPy and to kernels, memory.

        With arguments, of the call with these, which is captured (and so done once) if it was not yet.
        """
        variants = self.variants
        if args or options or not variants:
            arguments = Arguments(args, options)
            variants = [each for each in self.variants if each.fits(arguments)][:1]
            if not variants:
                self(*args, **options)
                variants = self.variants[-1:]
        return explained(getattr(self.function, "__name__", type(self.function).__name__), variants)

    def source(self) -> str:
        """The C of the variant that was captured last; empty where there is no compiler."""
        return self.variants[-1].program.source if self.variants else ""

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else partial(self, instance)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["function"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.function, name, value)

    def __repr__(self) -> str:
        count = len(self.variants)
        return f"<compiled {self.function!r}, {count} {'variant' if count == 1 else 'variants'}>"


def compile(model: Any = None, *, fullgraph: bool | None = None, **options: Any) -> Any:
    """A function or module that does the same, captured at its first call and replayed afterwards (`torch.compile`).

    The first call with tensors of other shapes, types or strides, with other plain values, in another mode, or after
    what the function reaches (layers, closures, globals) was changed, captures one more variant; from the ninth on
    such calls run as they are. Parameters are read anew at every replay, gradients and writes in place are repeated,
    and results can be differentiated. Arrays and numbers that the host makes inside are constants; what Python does
    beside computing (printing, say) happens when a call is captured. Observers hear nothing of a replay.

    fullgraph: what cannot be captured (values read on the host, random numbers, optimizers' steps, shapes that
    depend on values) raises CompileError with the reason and the line, and leaves everything as it was; with
    fullgraph=False it runs as it is, with a warning. That is the default only for programs written for PyTorch.

    >>> import tinytorch as tt
    >>> @tt.compile
    ... def bent(x, y):
    ...     return (x * y + 1.0).tanh()
    >>> x = tt.tensor([0.5, -1.0])
    >>> bool((bent(x, x) == bent(x, x)).all())
    True
    """
    if fullgraph is None:
        fullgraph = Naming.prefix != "torch"
    if model is None:
        return partial(compile, fullgraph=fullgraph, **options)
    return Compiled(model, fullgraph)
