"""What a step changed: every tensor, module and optimizer that was there before is looked at before and after."""

from __future__ import annotations

import gc
import random as python_random
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from tinytorch.compiler.recording import pointer
from tinytorch.errors import CompileError
from tinytorch.tensor import Tensor

PLAIN = (int, float, bool, str, bytes, type(None))
OPTIONS = "options of the groups"
FIELDS = ("array", "grad", "requires_grad", "edge", "view_of")


class Before(NamedTuple):
    """A tensor, and what it was made of."""

    tensor: Tensor
    array: Any
    grad: Any
    requires_grad: bool
    edge: Any
    view_of: Any


def plain(value: Any) -> bool:
    """Whether a value is a number, a text, None, or a tuple or list of such."""
    if isinstance(value, (tuple, list)):
        return all(plain(each) for each in value)
    return isinstance(value, PLAIN)


def kept(value: Any) -> Any:
    """A plain value that no one can change any more."""
    return tuple([kept(each) for each in value]) if isinstance(value, (tuple, list)) else value


class Watch:
    """Everything that a step might change, as it was before. The garbage collector knows of every tensor."""

    def __init__(self) -> None:
        self.tensors: dict[int, Before] = {}
        self.objects: list[tuple[Any, dict[str, Any], dict[str, dict[str, Any]]]] = []
        kinds = tuple(stateful())
        for each in gc.get_objects():
            kind = type(each)
            if issubclass(kind, Tensor):
                if hasattr(each, "array"):
                    self.tensors[id(each)] = Before(each, *[getattr(each, field) for field in FIELDS])
            elif kinds and issubclass(kind, kinds):
                self.objects.append((each, *state_of(each)))
        self.random = python_random.getstate(), numpy_state()
        self.places: dict[Any, list[Tensor]] = {}
        for before in self.tensors.values():
            if before.array.device.name == "cpu":
                self.places.setdefault(beginning(before.array), []).append(before.tensor)
        self.leaf_of = {id(b.grad): b.tensor for b in self.tensors.values() if b.grad is not None}

    def knows(self, tensor: Any) -> bool:
        """Whether a tensor was there before."""
        return id(tensor) in self.tensors

    def changed(self) -> Iterator[tuple[Before, str]]:
        """Each tensor that is not what it was, and in which field."""
        for before in self.tensors.values():
            for field in FIELDS:
                if getattr(before.tensor, field) is not getattr(before, field):
                    yield before, field

    def check(self) -> None:
        """Raises CompileError for a change that a replay would not repeat."""
        for before, field in self.changed():
            if field in REASONS and not (field == "view_of" and before.tensor.edge is before.edge):
                shape = tuple(before.array.shape)
                raise CompileError(f"the step {REASONS[field]} (shape {shape}), which was there before")
        for each, values, tables in self.objects:
            now, tables_now = state_of(each)
            for name in values.keys() | now.keys():
                if name not in now or name not in values or now[name] != values[name]:
                    raise CompileError(
                        f"the step changes the attribute {name!r} of a {type(each).__name__} "
                        f"({values.get(name)!r} to {now.get(name)!r}), which a replay would not repeat"
                    )
            for name, table in tables.items():
                if {k: id(v) for k, v in table.items()} != {k: id(v) for k, v in tables_now[name].items()}:
                    raise CompileError(
                        f"the step puts another tensor or module into {name!r} of a {type(each).__name__}, "
                        "which a replay would not repeat: write into the one that is there (copy_)"
                    )
        if python_random.getstate() != self.random[0] or numpy_state() != self.random[1]:
            raise CompileError(
                "the step draws random numbers from Python or NumPy: a replay would repeat the same ones"
            )

    def put_back(self) -> None:
        """Undo every change."""
        for before, field in list(self.changed()):
            setattr(before.tensor, field, getattr(before, field))
        for each, values, tables in self.objects:
            now, _ = state_of(each)
            for name in now.keys() - values.keys():
                del each.__dict__[name]
            changed = {name: value for name, value in values.items() if now.get(name) != value}
            options = changed.pop(OPTIONS, None)
            for name, value in changed.items():
                was_list = isinstance(each.__dict__.get(name), list)
                each.__dict__[name] = list(value) if was_list else value
            for group, old in zip(each.param_groups if options else (), options or (), strict=False):
                group.update(old)
            for name, table in tables.items():
                each.__dict__[name].clear()
                each.__dict__[name].update(table)


REASONS = {
    "array": "gives other memory to a tensor",
    "requires_grad": "changes whether a gradient is wanted for a tensor",
    "edge": "writes into a tensor with a history",
    "view_of": "turns a tensor into a view of another",
}


def stateful() -> Iterator[type]:
    """The classes with state in Python that are there: modules, optimizers, schedules."""
    for module, name in (
        ("nn.module", "Module"),
        ("optim.optimizer", "Optimizer"),
        ("optim.lr_scheduler.scheduler", "LRScheduler"),
    ):
        found = sys.modules.get(f"tinytorch.{module}")
        if found is not None and hasattr(found, name):
            yield getattr(found, name)


def state_of(each: Any) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The plain attributes of an object, and its tables of tensors and modules."""
    inside = each.__dict__
    values = {name: kept(value) for name, value in inside.items() if plain(value)}
    tables = {n: dict(inside[n]) for n in ("_parameters", "_buffers", "_modules") if n in inside}
    if "param_groups" in inside:  # an optimizer: what a schedule would change
        groups = inside["param_groups"]
        values[OPTIONS] = [{k: kept(v) for k, v in group.items() if plain(v)} for group in groups]
    return values, tables


def numpy_state() -> Any:
    """Where NumPy's own stream of random numbers stands."""
    name, keys, *rest = np.random.get_state()
    return name, np.asarray(keys).tobytes(), *rest


def beginning(array: Any) -> Any:
    """Where the memory of an array begins, without making its storage."""
    if array.stored is not None:
        return pointer(array.stored)
    host = array.host
    return host.__array_interface__["data"][0] if host.size else ("empty", id(array))
