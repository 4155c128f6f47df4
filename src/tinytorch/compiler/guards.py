"""Guards: what a captured step took for granted, asked again before every replay."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from functools import partial
from operator import itemgetter
from typing import Any

from tinytorch import dtypes
from tinytorch.autograd.grad_mode import MODE
from tinytorch.compiler.recording import PACKAGE
from tinytorch.compiler.watching import kept, plain
from tinytorch.errors import CompileError
from tinytorch.nn.module import Module
from tinytorch.tensor import Tensor

Guard = Callable[[], bool]


class Arguments:
    """The arguments of a call, taken apart: tensors in order, and everything else in a key that can be compared."""

    def __init__(self, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        self.tensors: list[Tensor] = []
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
        if isinstance(value, (Module, dtypes.dtype, types.FunctionType)):
            return kind, id(value), value
        raise CompileError(
            f"a compiled function takes tensors and plain values (numbers, text, lists, tuples, dicts); "
            f"{path} is a {kind.__name__}"
        )


def reached(function: Any) -> tuple[list[Guard], list[Tensor]]:
    """Guards for what a function reads beside its arguments, and the tensors that it reaches.

    Followed are closures, globals and defaults of functions outside of this package, modules with all below
    them, and lists, tuples and dictionaries of such.
    """
    walk = Walk()
    walk.function(function)
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
        for cell in function.__closure__ or ():
            try:
                self.held(lambda cell=cell: cell.cell_contents, cell.cell_contents)
            except ValueError:  # empty: its variable has no value yet
                continue
        for each in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            self.value(each)
        space = function.__globals__
        for name in names_in(function.__code__):
            if name in space:
                self.held(partial(space.get, name), space[name])

    def held(self, get: Callable[[], Any], value: Any) -> None:
        """A variable: its plain value is compared, anything else must stay the same object."""
        if plain(value):
            expected, kind = kept(value), type(value)
            self.guards.append(lambda: type(got := get()) is kind and kept(got) == expected)
        elif isinstance(value, (Tensor, Module, types.FunctionType, list, tuple, dict, partial)):
            self.guards.append(lambda: get() is value)
            self.value(value)

    def value(self, value: Any) -> None:
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
            self.container(value)
        elif isinstance(value, (types.FunctionType, types.MethodType, partial)):
            self.function(value)
        elif type(value).__module__ not in ("builtins", "numpy") and hasattr(value, "__dict__") and not isinstance(
            value, (type, types.ModuleType)
        ):
            self.seen[id(value)] = value
            self.container(vars(value))

    def container(self, values: Any) -> None:
        """The elements of a list, a tuple or a dictionary, of which there must stay as many."""
        self.seen[id(values)] = values
        count = len(values)
        self.guards.append(lambda: len(values) == count)
        for key, each in list(values.items() if isinstance(values, dict) else enumerate(values)):
            self.held(partial(at, values, key), each)

    def module(self, module: Module) -> None:
        """A layer: its plain attributes (`training` among them), and which tensors and layers it has."""
        if id(module) in self.seen:
            return
        self.seen[id(module)] = module
        inside = module.__dict__
        values = {name: kept(value) for name, value in inside.items() if plain(value)}
        self.guards.append(same_values(inside, values))
        for name in ("_parameters", "_buffers", "_modules"):
            self.guards.append(same_objects(inside[name]))
            for each in inside[name].values():
                if isinstance(each, Tensor):
                    self.value(each)
        for name, each in inside.items():
            if not name.startswith("_") and isinstance(each, (Tensor, list, dict, types.FunctionType)):
                self.held(partial(at, inside, name), each)
        if not type(module).__module__.startswith("tinytorch."):
            self.code(type(module).forward)


def at(values: Any, key: Any) -> Any:
    """An element, None where there is none any more."""
    try:
        return values[key]
    except LookupError:
        return None


def same_values(inside: dict[str, Any], values: dict[str, Any]) -> Guard:
    """Whether plain attributes are what they were: all in one comparison."""
    pick, expected = itemgetter(*values, "training"), (*values.values(), values["training"])

    def guard() -> bool:
        try:
            found = pick(inside)
        except KeyError:
            return False
        return bool(found == expected) or kept(found) == expected

    return guard


def same_objects(table: dict[str, Any]) -> Guard:
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


def recording_is(mode: bool) -> Guard:
    """Whether gradients are recorded, or not, as they were."""
    return lambda: MODE.recording is mode
