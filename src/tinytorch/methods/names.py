"""NumPy's names for arguments, which PyTorch takes as well: `axis` for `dim`, `keepdims` for `keepdim`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any


def with_numpy_names(method: Callable[..., Any]) -> Callable[..., Any]:
    """The method; if it has an argument `dim`, a variant that also takes it as `axis`.

    >>> import tinytorch as tt
    >>> tt.ones(2, 3).sum(axis=1, keepdims=True).shape
    (2, 1)
    """
    code = getattr(method, "__code__", None)
    if code is None or "dim" not in code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]:
        return method

    @wraps(method)
    def call(x: Any, *args: Any, **options: Any) -> Any:
        if options:
            if "axis" in options:
                options["dim"] = options.pop("axis")
            if "keepdims" in options:
                options["keepdim"] = options.pop("keepdims")
        return method(x, *args, **options)

    return call


SPREAD = {
    "expand": "size",
    "flip": "dims",
    "permute": "dims",
    "repeat": "repeats",
    "reshape": "shape",
    "tile": "dims",
    "view": "size",
    "sum_to_size": "size",
}


def with_spread_keyword(method: Callable[..., Any], keyword: str) -> Callable[..., Any]:
    """A method of any number of sizes or axes that also takes them as one keyword.

    >>> import tinytorch as tt
    >>> tt.arange(3).flip(dims=[0])
    tensor([2, 1, 0])
    """

    @wraps(method)
    def call(x: Any, *args: Any, **options: Any) -> Any:
        if options:
            args = (*args, options.pop(keyword))
        return method(x, *args, **options)

    return call
