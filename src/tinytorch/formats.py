"""What a shape and the ways that elements may lie in memory are called."""

from __future__ import annotations

from math import prod
from typing import Any, SupportsIndex


class Naming:
    """Under which name this package's own things print: its own, or `torch` where a program knows it by that."""

    prefix = "tinytorch"


class Size(tuple[int, ...]):
    """A shape: a tuple that knows how many elements it holds (`torch.Size`).

    It prints as a tuple; where the package stands for PyTorch (`tinytorch.compat`), as `torch.Size([2, 3])`.

    >>> Size((2, 3)).numel(), Size((2, 3)) == (2, 3), Size((2, 3)) + (4,)
    (6, True, (2, 3, 4))
    """

    __slots__ = ()

    def numel(self) -> int:
        """How many elements a tensor of this shape has."""
        return prod(self)

    def __add__(self, other: Any) -> Any:
        return Size(tuple(self) + tuple(other)) if isinstance(other, tuple) else NotImplemented

    def __radd__(self, other: Any) -> Any:
        return Size(tuple(other) + tuple(self)) if isinstance(other, tuple) else NotImplemented

    def __mul__(self, other: SupportsIndex) -> Any:
        return Size(tuple(self) * other)

    __rmul__ = __mul__

    def __getitem__(self, index: Any) -> Any:
        found = tuple.__getitem__(self, index)
        return Size(found) if isinstance(index, slice) else found  # type: ignore[arg-type]

    def __reduce__(self) -> Any:
        return Size, (tuple(self),)

    def __repr__(self) -> str:
        plain = tuple.__repr__(self)
        return plain if Naming.prefix == "tinytorch" else f"{Naming.prefix}.Size({list(self)})"


class Sizes(dict[tuple[int, ...], Size]):
    """From the tuples that arrays have to the sizes that tensors show, each made once."""

    def __missing__(self, shape: tuple[int, ...]) -> Size:
        if len(self) > 4096:
            self.clear()
        made = self[shape] = Size(shape)
        return made


SIZES = Sizes()


class layout:
    """How elements are stored (`torch.layout`); `strided` is the only way here."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"{Naming.prefix}.{self.name}"

    def __reduce__(self) -> str:
        return self.name


class memory_format(layout):
    """In which order a new tensor should lie in memory (`torch.memory_format`).

    Accepted wherever PyTorch takes one. `channels_last` changes speed and never a value, so tensors here stay
    in reading order.
    """

    __slots__ = ()


strided = layout("strided")
contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")
