"""The compiler: `tinytorch.compile` captures a step once and replays it."""

from tinytorch.overlay import overlaid

__path__ = overlaid(__name__, __path__)

from tinytorch.compiler.compiled import Compiled, compile

__all__ = ["Compiled", "compile"]
