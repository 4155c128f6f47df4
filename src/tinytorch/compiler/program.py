"""What a captured step is made of: pieces of memory, views of them, and the device's operations in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinytorch.array import Array
from tinytorch.devices.interface import Expr
from tinytorch.dtypes import dtype
from tinytorch.layout import Layout

GIVEN, CONSTANT, MADE = "given", "constant", "made"


class Memory:
    """A piece of memory of the step: given from outside, constant, or made by it.

    size: in elements. host: what NumPy saw there while the step was captured. start: of a constant that the step
    writes to, the values that it begins with. uniform: the one number of which a constant consists.
    """

    __slots__ = ("dtype", "host", "kind", "name", "origin", "size", "start", "uniform")

    def __init__(self, kind: str, name: str, kind_of_elements: dtype, size: int, host: Any) -> None:
        self.kind = kind
        self.name = name
        self.dtype = kind_of_elements
        self.size = size
        self.host = host
        self.start: np.ndarray[Any, Any] | None = None
        self.uniform: Any = None
        self.origin = 0  # of a given one: where, in its storage, the tensor begins by which it is found again

    @property
    def nbytes(self) -> int:
        """Bytes that it takes."""
        return self.size * self.dtype.itemsize

    def __repr__(self) -> str:
        return self.name


class View(NamedTuple):
    """What an operation reads or writes: some memory through a layout."""

    memory: Memory
    layout: Layout
    dtype: dtype

    @property
    def whole(self) -> bool:
        """Whether it is all of the memory, in reading order."""
        return self.layout.is_contiguous() and not self.layout.offset and self.layout.size == self.memory.size


class Step:
    """One operation of the device: what it reads, what it writes, and which card it belongs to.

    A step that makes new memory writes to it first; `in_place` says that the memory was there before.
    """

    def __init__(self, reads: Sequence[View], writes: Sequence[View], in_place: bool = False) -> None:
        self.reads = list(reads)
        self.writes = list(writes)
        self.in_place = in_place
        self.card = ""  # the card that caused it

    @property
    def title(self) -> str:
        """What it is called where it is shown."""
        return type(self).__name__.lower()


class Map(Step):
    """An expression at every position."""

    def __init__(self, expr: Expr, reads: Sequence[View], write: View, in_place: bool) -> None:
        super().__init__(reads, [write], in_place)
        self.expr = expr

    @property
    def title(self) -> str:
        return "copy" if self.expr == 0 else str(self.expr[0]) if isinstance(self.expr, tuple) else "map"


class Fold(Step):
    """Axes folded down to size 1."""

    def __init__(self, name: str, read: View, write: View, axes: tuple[int, ...]) -> None:
        super().__init__([read], [write])
        self.name = name
        self.axes = tuple([axis % len(read.layout.shape) for axis in axes])

    @property
    def title(self) -> str:
        return {"add": "sum", "multiply": "product"}.get(self.name, self.name)


class Product(Step):
    """A matrix product."""

    @property
    def title(self) -> str:
        (n, k), m = self.reads[0].layout.shape[-2:], self.reads[1].layout.shape[-1]
        return f"matmul ({n}, {k}) @ ({k}, {m})"


class Call(Step):
    """Anything else: a function of arrays that makes new ones, or writes into the first that it reads.

    shaped: from the list of arrays to the arguments of `function`. results: from what it returns to a list of
    arrays, of which `writes` has those that are new (None in the place of others).
    """

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        reads: Sequence[View],
        writes: Sequence[View | None],
        shaped: Callable[[list[Any]], Sequence[Any]],
        in_place: bool = False,
    ) -> None:
        super().__init__(reads, [each for each in writes if each is not None], in_place)
        self.name = name
        self.function = function
        self.slots = list(writes)
        self.shaped = shaped

    @property
    def title(self) -> str:
        return self.name


class Check(Step):
    """Whole numbers that must lie between two others, or be a third."""

    def __init__(self, read: View, low: int, high: int, besides: int | None) -> None:
        super().__init__([read], [])
        self.low, self.high, self.besides = low, high, besides

    @property
    def title(self) -> str:
        return f"between {self.low} and {self.high}"


def flat(structure: Any) -> Iterator[Array]:
    """The arrays in nested lists and tuples, in order."""
    if isinstance(structure, Array):
        yield structure
    elif isinstance(structure, (list, tuple)):
        for each in structure:
            yield from flat(each)


def rebuilt(structure: Any, arrays: Iterator[Any]) -> Any:
    """The same nesting with other arrays in it."""
    if isinstance(structure, Array):
        return next(arrays)
    if isinstance(structure, (list, tuple)):
        return type(structure)([rebuilt(each, arrays) for each in structure])
    return structure


def emptied(structure: Any) -> Any:
    """The nesting without the arrays, of which only the places stay."""
    if isinstance(structure, Array):
        return PLACE
    if isinstance(structure, (list, tuple)):
        return type(structure)([emptied(each) for each in structure])
    return structure


class Place(Array):
    """Where an array stood."""

    __slots__ = ()

    def __init__(self) -> None:
        pass


PLACE = Place()
