"""From PyTorch's values to the framework's: the same numbers, types and strides; and from its functions to ours."""

from __future__ import annotations

import types
from collections.abc import Callable
from functools import reduce
from typing import Any

import torch

import tinytorch as tt

DTYPES = {
    getattr(torch, name): getattr(tt, name)
    for name in (
        "bool",
        "uint8",
        "int8",
        "int16",
        "int32",
        "int64",
        "float16",
        "bfloat16",
        "float32",
        "float64",
    )
    if hasattr(tt, name)
}


class Untranslatable(Exception):
    """A value that has no counterpart: complex numbers, sparse layouts."""


def memory_of(x: Any) -> Any:
    """The whole storage of a tensor as a NumPy array of its own, in elements."""
    flat = torch.empty(0, dtype=x.dtype).set_(x.untyped_storage()).detach()
    if x.dtype is torch.bfloat16:
        return flat.view(torch.int16).numpy().copy().view(tt.bfloat16.numpy)
    return flat.numpy().copy()


def tensor(x: Any) -> Any:
    """A tensor of the framework with the values, strides, offset and `requires_grad` of PyTorch's."""
    if x.dtype not in DTYPES or x.layout is not torch.strided:
        raise Untranslatable(f"{x.dtype} {x.layout}")
    base = tt.from_numpy(memory_of(x))
    made = base.as_strided(tuple(x.shape), x.stride(), x.storage_offset()).detach()
    return made.requires_grad_() if x.requires_grad else made


def translated(value: Any, made: dict[int, Any]) -> Any:
    """Any argument. `made` remembers tensors, so that one that stands in two places is one again."""
    if isinstance(value, torch.Tensor):
        if id(value) not in made:
            made[id(value)] = (tensor(value), value)
        return made[id(value)][0]
    if isinstance(value, torch.dtype):
        if value not in DTYPES:
            raise Untranslatable(value)
        return DTYPES[value]
    if isinstance(value, torch.device):
        return tt.device(str(value))
    if isinstance(value, (complex, torch.layout, torch.memory_format, torch.Generator, torch.nn.Module)):
        raise Untranslatable(value)
    if isinstance(value, torch.Size):
        return tuple(value)
    if isinstance(value, (list, tuple)):
        inner = [translated(each, made) for each in value]
        return type(value)(*inner) if hasattr(value, "_fields") else type(value)(inner)
    if isinstance(value, dict):
        return {key: translated(each, made) for key, each in value.items()}
    if isinstance(value, slice):
        return slice(*[translated(each, made) for each in (value.start, value.stop, value.step)])
    if isinstance(value, types.FunctionType):
        return rebound(value)
    if isinstance(value, types.BuiltinFunctionType):  # torch.nn.functional.gelu
        return named(f"nn.functional.{value.__name__}") or named(value.__name__) or value
    return value


def named(path: str) -> Any:
    """What the framework has under a dotted name, as a function or as a method; None if nothing."""
    parts = path.split(".")
    for start in (tt, tt.Tensor):
        try:
            found = reduce(getattr, parts, start)
        except AttributeError:
            continue
        if callable(found):
            return found
    return None


def rebound(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same Python function with the framework in the place of the global `torch`."""
    code, scope = function.__code__, {**function.__globals__, "torch": tt}
    made = types.FunctionType(code, scope, function.__name__, function.__defaults__, function.__closure__)
    made.__kwdefaults__ = function.__kwdefaults__
    return made


def counterpart(function: Any, path: str) -> Any:
    """The framework's function for one of PyTorch's: by name, or the tests' own wrapper around the framework."""
    wrapper = isinstance(function, types.FunctionType) and "testing._internal" in function.__module__
    return rebound(function) if wrapper else named(path)
