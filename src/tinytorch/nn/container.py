"""Containers: modules in a row, in a list, under names."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, Self

from tinytorch.nn.module import Module


def position(index: int, length: int) -> str:
    """The name of the module at an index. Raises IndexError beyond the end."""
    if not -length <= index < length:
        raise IndexError(f"index {index} is out of range for {length} modules")
    return str(index % length)


class Row(Module):
    """Modules with a position each: what lists and sequences of them share."""

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        self.extend(modules or ())

    def append(self, module: Module) -> Self:
        """One more at the end."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Several more at the end."""
        for module in modules:
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> None:
        """One more before the one at `index`."""
        row = list(self)
        row.insert(index, module)
        self.renumber(row)

    def renumber(self, row: Iterable[Module]) -> None:
        """These modules, named 0, 1, ..."""
        self._modules.clear()
        self._modules.update({str(i): module for i, module in enumerate(row)})

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        return self._modules[position(index, len(self))]

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, position(index, len(self)), module)

    def __add__(self, other: Iterable[Module]) -> Self:
        return type(self)().extend([*self, *other])

    def __iadd__(self, other: Iterable[Module]) -> Self:
        return self.extend(other)

    def pop(self, index: Any) -> Any:
        """Take one out and return it."""
        found = self[index]
        del self[index]
        return found

    def __delitem__(self, index: Any) -> None:
        row = list(self)
        del row[index]
        self.renumber(row)

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())

    def __repr__(self) -> str:
        """Equal neighbours in one line, as in PyTorch: `(0-3): 4 x Linear(...)`."""
        lines, first = [], 0
        for text, equal in groupby(map(repr, self)):
            count = len(list(equal))
            name = f"({first}): " if count == 1 else f"({first}-{first + count - 1}): {count} x "
            lines.append((name + text).replace("\n", "\n  "))
            first += count
        inner = "\n  ".join(lines)
        return f"{type(self).__name__}(\n  {inner}\n)" if lines else f"{type(self).__name__}()"


class Sequential(Row):
    """Modules called one after the other, each on the result of the one before."""

    __repr__ = Module.__repr__

    def __init__(self, *modules: Any) -> None:
        Module.__init__(self)
        if len(modules) == 1 and isinstance(modules[0], OrderedDict):
            for name, module in modules[0].items():
                self.add_module(name, module)
        else:
            self.extend(modules)

    def __getitem__(self, index: Any) -> Any:
        names = list(self._modules)
        if isinstance(index, slice):
            return type(self)(OrderedDict((name, self._modules[name]) for name in names[index]))
        return self._modules[names[int(position(index, len(names)))]]

    def __setitem__(self, index: int, module: Module) -> None:
        names = list(self._modules)
        setattr(self, names[int(position(index, len(names)))], module)

    def insert(self, index: int, module: Module) -> Self:  # type: ignore[override]
        """One more before the one at `index`."""
        super().insert(index, module)
        return self

    def forward(self, input: Any) -> Any:
        """Through all of them."""
        for module in self:
            input = module(input)
        return input


class ModuleList(Row):
    """A list of modules, all registered."""


class ModuleDict(Module):
    """Modules under names, all registered."""

    def __init__(self, modules: Any = None) -> None:
        super().__init__()
        self.update(modules or {})

    def update(self, modules: Any) -> None:
        """More of them, from a mapping or from pairs."""
        for name, module in modules.items() if isinstance(modules, (Mapping, ModuleDict)) else modules:
            self[name] = module

    def clear(self) -> None:
        """Without any."""
        self._modules.clear()

    def pop(self, key: str) -> Module:
        """Take one out and return it."""
        found = self[key]
        del self[key]
        return found

    def __getitem__(self, name: str) -> Module:
        found: Module = self._modules[name]
        return found

    def __setitem__(self, name: str, module: Module) -> None:
        self.add_module(name, module)

    def __delitem__(self, name: str) -> None:
        del self._modules[name]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, name: str) -> bool:
        return name in self._modules

    def keys(self) -> Any:
        """The names."""
        return self._modules.keys()

    def values(self) -> Any:
        """The modules."""
        return self._modules.values()

    def items(self) -> Any:
        """Names and modules."""
        return self._modules.items()
