"""Guards: what a captured step took for granted, asked again before every replay."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

from tinytorch import dtypes
from tinytorch.autograd.grad_mode import MODE
from tinytorch.compiler.recording import PACKAGE
from tinytorch.compiler.watching import kept, plain
from tinytorch.errors import CompileError
from tinytorch.nn.module import Module
from tinytorch.tensor import Tensor

Holds = Callable[[], bool]


class Guard(NamedTuple):
    """Something that a step reads beside its arguments: whether it is as it was, what it is called, how to restore it."""

    holds: Holds
    name: str
    put_back: Callable[[], Any]

    def check(self) -> None:
        """Raises CompileError where the step itself has changed it."""
        if not self.holds():
            raise CompileError(f"the step changes {self.name}, which a replay would not repeat")


# Of a module: what must stay the same objects.
TABLES = ("_parameters", "_buffers", "_modules", "_forward_hooks", "_forward_pre_hooks")


class Arguments:
    """The arguments of a call, taken apart: tensors in order, and everything else in a key that can be compared."""

    def __init__(self, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        self.tensors: list[Tensor] = []
        self.objects: list[Any] = []
        self.key = (self.part(args, "argument"), self.part(options, "argument") if options else None)

    def part(self, value: Any, path: str) -> Any:
        """A value with a mark in the place of each tensor. Types stand in it too: 1 == 1.0 == True."""
        kind = type(value)
        if issubclass(kind, Tensor):
            self.tensors.append(value)
            return Tensor
        if kind in (int, float, bool, str, bytes) or value is None:
            return kind, value
        if kind in (tuple, list):
            return kind, tuple([self.part(each, f"{path}[{i}]") for i, each in enumerate(value)])
        if kind is dict:
            return kind, tuple([(name, self.part(each, f"{path}[{name!r}]")) for name, each in value.items()])
        if isinstance(value, np.ndarray) or not (
            hasattr(value, "__dict__") or isinstance(value, dtypes.dtype)
        ):
            raise CompileError(
                f"a compiled function takes tensors and plain values (numbers, text, lists, tuples, dicts); "
                f"{path} is a {kind.__name__}"
            )
        self.objects.append(value)  # the same object must come again, with what it holds as it was
        return kind, id(value)


def reached(function: Any, objects: Sequence[Any]) -> tuple[list[Guard], list[Tensor]]:
    """Guards for what a function reads beside tensors that it is given, and the tensors that it reaches.

    Followed are closures, globals and defaults of functions outside of this package, modules with all below
    them, and lists, tuples and dictionaries of such.
    """
    walk = Walk()
    walk.function(function)
    for each in objects:
        walk.value(each, "an argument")
    return walk.guards, walk.tensors


class Walk:
    """On the way through what a function reaches."""

    def __init__(self) -> None:
        self.guards: list[Guard] = []
        self.tensors: list[Tensor] = []
        self.seen: dict[int, Any] = {}

    def function(self, value: Any) -> None:
        """A function, a method, a partial, or a module that is called."""
        if isinstance(value, partial):
            self.function(value.func)
            for each in (*value.args, *value.keywords.values()):
                self.value(each)
        elif isinstance(value, types.MethodType):
            self.value(value.__self__)
            self.function(value.__func__)
        elif isinstance(value, types.FunctionType):
            self.code(value)
        else:
            self.value(value)
            call = type(value).__call__ if not isinstance(value, Module) else type(value).forward
            if isinstance(call, types.FunctionType):
                self.code(call)

    def code(self, function: types.FunctionType) -> None:
        """The closure, the globals and the defaults that a function may read."""
        if id(function) in self.seen or function.__code__.co_filename.startswith(PACKAGE):
            return
        self.seen[id(function)] = function
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            try:
                self.held(
                    name, partial(getattr, cell, "cell_contents"), partial(setattr, cell, "cell_contents")
                )
            except ValueError:  # empty: its variable has no value yet
                continue
        for each in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            self.value(each)
        space = function.__globals__
        for name in names_in(function.__code__):
            if name in space:
                self.held(name, partial(space.get, name), partial(space.__setitem__, name))

    def held(self, name: str, get: Callable[[], Any], put: Callable[[Any], Any]) -> None:
        """A variable: its plain value is compared, anything else must stay the same object."""
        value = get()
        if plain(value) and not isinstance(value, list):
            expected, kind = kept(value), type(value)
            holds: Holds = lambda: type(got := get()) is kind and kept(got) == expected  # noqa: E731
        elif isinstance(value, (Tensor, Module, types.FunctionType, list, tuple, dict, partial)):
            holds = lambda: get() is value  # noqa: E731
            self.value(value, name)
        else:
            return
        self.guards.append(Guard(holds, repr(name), lambda: None if holds() else put(value)))

    def value(self, value: Any, name: str = "a default") -> None:
        """What a variable holds."""
        if id(value) in self.seen:
            return
        if isinstance(value, Tensor):
            self.seen[id(value)] = value
            self.tensors.append(value)
        elif isinstance(value, Module):
            for module in value.modules():
                self.module(module)
        elif isinstance(value, (list, tuple, dict)):
            self.container(value, name)
        elif isinstance(value, (types.FunctionType, types.MethodType, partial)):
            self.function(value)
        elif (
            type(value).__module__ not in ("builtins", "numpy")
            and hasattr(value, "__dict__")
            and not isinstance(value, (type, types.ModuleType))
        ):
            self.seen[id(value)] = value
            self.container(vars(value), name)

    def container(self, values: Any, name: str) -> None:
        """The elements of a list, a tuple or a dictionary, of which there must stay as many."""
        self.seen[id(values)] = values
        before = values.copy() if isinstance(values, (list, dict)) else values
        self.guards.append(
            Guard(
                lambda: len(values) == len(before),
                f"the length of {name!r}",
                partial(refilled, values, before),
            )
        )
        for key in list(values) if isinstance(values, dict) else range(len(values)):
            self.held(f"{name}[{key!r}]", partial(at, values, key), partial(put_at, values, key))

    def module(self, module: Module) -> None:
        """A layer: its plain attributes (`training` among them), and which tensors and layers it has."""
        if id(module) in self.seen:
            return
        self.seen[id(module)] = module
        inside = module.__dict__
        values = {name: kept(value) for name, value in inside.items() if plain(value)}
        # What a step changes of a module is found, and put back, by Watch.
        self.guards.append(Guard(same_values(inside, values), "an attribute of a module", nothing))
        for name in TABLES:
            self.guards.append(Guard(same_objects(inside[name]), f"{name!r} of a module", nothing))
            for each in inside[name].values():
                if isinstance(each, Tensor):
                    self.value(each)
        for name, each in inside.items():
            if not name.startswith("_") and isinstance(each, (Tensor, list, dict, types.FunctionType)):
                self.held(name, partial(at, inside, name), partial(put_at, inside, name))
        if not type(module).__module__.startswith("tinytorch."):
            forward: Any = type(module).forward
            self.code(forward)


def at(values: Any, key: Any) -> Any:
    """An element, None where there is none any more."""
    try:
        return values[key]
    except LookupError:
        return None


def put_at(values: Any, key: Any, value: Any) -> None:
    """Put an element back, where that can be."""
    if isinstance(values, (list, dict)):
        values[key] = value


def refilled(values: Any, before: Any) -> None:
    """Give a list or a dictionary the elements back that it had."""
    if isinstance(values, list):
        values[:] = before
    elif isinstance(values, dict):
        values.clear()
        values.update(before)


def nothing() -> None:
    """Done elsewhere."""


def same_values(inside: dict[str, Any], values: dict[str, Any]) -> Holds:
    """Whether plain attributes are what they were: all in one comparison."""
    pick, expected = itemgetter(*values, "training"), (*values.values(), values["training"])

    def guard() -> bool:
        try:
            found = pick(inside)
        except KeyError:
            return False
        return bool(found == expected) or kept(found) == expected

    return guard


def same_objects(table: dict[str, Any]) -> Holds:
    """Whether a table holds the same objects."""
    expected = tuple(table.values())

    def guard() -> bool:
        now = tuple(table.values())
        return len(now) == len(expected) and all(map(is_, now, expected))

    return guard


def is_(x: Any, y: Any) -> bool:
    """Whether two are one."""
    return x is y


def names_in(code: types.CodeType) -> Iterator[str]:
    """The global names that a function reads, with those of the functions inside it."""
    yield from code.co_names
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            yield from names_in(each)


class TensorGuard:
    """What a step took for granted about a tensor: its elements, its place in memory, whether it wants a gradient."""

    __slots__ = ("dtype", "requires_grad", "shape", "strides")

    def __init__(self, array: Any, requires_grad: bool) -> None:
        self.dtype = array.dtype
        self.shape, self.strides = array.host.shape, array.host.strides
        self.requires_grad = requires_grad

    def holds(self, tensor: Tensor) -> bool:
        """Whether it is still so."""
        array = tensor.array
        if array.dtype is not self.dtype or array.shape != self.shape or array.device.name != "cpu":
            return False
        return array.host.strides == self.strides and tensor.requires_grad is self.requires_grad


def recording_is(mode: bool) -> Holds:
    """Whether gradients are recorded, or not, as they were."""
    return lambda: MODE.recording is mode
