"""`python -m tinytorch program.py [arguments]`: run a program written for PyTorch on this package, unchanged."""

from __future__ import annotations

import os
import sys
from importlib.machinery import SourceFileLoader
from types import ModuleType, TracebackType

from tinytorch import compat


def run(path: str, arguments: list[str]) -> None:
    """Run a file as `python path arguments` would, with `torch` standing for this package."""
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError as error:
        print(f"tinytorch: can't open file {path!r}: {error.strerror}", file=sys.stderr)
        sys.exit(2)
    compat.as_torch()
    sys.argv[:] = [path, *arguments]
    if not sys.flags.safe_path:
        sys.path[0] = compat.ProgramFolder(os.path.dirname(os.path.realpath(path)))
    main = ModuleType("__main__")
    main.__file__ = os.path.abspath(path)
    main.__loader__ = SourceFileLoader("__main__", main.__file__)
    main.__dict__["__builtins__"] = sys.modules["builtins"]
    sys.modules["__main__"] = main
    before, sys.excepthook = sys.excepthook, shown
    exec(compile(source, main.__file__, "exec", dont_inherit=True), main.__dict__)
    sys.excepthook = before


def shown(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print an uncaught error as `python program.py` would: the frames that started the program are left out."""
    while trace is not None and trace.tb_frame.f_code.co_filename in (__file__, "<frozen runpy>"):
        trace = trace.tb_next
    note = compat.explained(error)
    if note:
        error.add_note(note)
    sys.__excepthook__(kind, error.with_traceback(trace), trace)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        print("usage: python -m tinytorch program.py [arguments]", file=sys.stderr)
        sys.exit(2)
    run(sys.argv[1], sys.argv[2:])
