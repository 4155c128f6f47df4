"""Collections of parameters, all registered: in a list, under names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

from tinytorch.nn.module import Module
from tinytorch.nn.parameter import Parameter
from tinytorch.tensor import Tensor


def registered(value: Any) -> Any:
    """A tensor as a parameter; anything else as it is."""
    return Parameter(value) if isinstance(value, Tensor) and not isinstance(value, Parameter) else value


def line(name: object, value: Any, kind_of: Any) -> str:
    """How one entry prints, with what its type is called."""
    if not isinstance(value, Tensor):
        return f"  ({name}): Object of type: {type(value).__name__}"
    kind = "Parameter" if isinstance(value, Parameter) else "Tensor"
    size = "x".join(map(str, value.shape))
    return f"  ({name}): {kind} containing: [{kind_of(value)} of size {size}]"


class ParameterList(Module):
    """A list of parameters (`torch.nn.ParameterList`); tensors become parameters, other values are kept as they are."""

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self.count = 0
        self.extend(values or ())

    def place(self, index: int) -> str:
        """The name of the entry at an index. Raises IndexError beyond the end."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} is out of range")
        return str(index % len(self))

    def append(self, value: Any) -> Self:
        """One more at the end."""
        self.count += 1
        self[self.count - 1] = value
        return self

    def extend(self, values: Iterable[Any]) -> Self:
        """Several more at the end."""
        if isinstance(values, Tensor) or not isinstance(values, Iterable):
            raise TypeError(
                f"ParameterList.extend should be called with an iterable, but got {type(values).__name__}"
            )
        for value in values:
            self.append(value)
        return self

    __iadd__ = extend

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)([self[i] for i in range(*index.indices(len(self)))])
        return getattr(self, self.place(index))

    def __setitem__(self, index: int, value: Any) -> None:
        setattr(self, self.place(index), registered(value))

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Any]:
        return iter([self[i] for i in range(len(self))])

    def extra_repr(self) -> str:
        return "\n".join([line(i, each, lambda x: x.dtype) for i, each in enumerate(self)])


class ParameterDict(Module):
    """Parameters under names (`torch.nn.ParameterDict`); tensors become parameters, other values are kept as they are."""

    def __init__(self, parameters: Any = None) -> None:
        super().__init__()
        self.names: dict[str, None] = {}  # in order
        self.update(parameters or {})

    def update(self, parameters: Any) -> None:
        """More of them, from a mapping or from pairs."""
        pairs = parameters.items() if isinstance(parameters, (Mapping, ParameterDict)) else parameters
        for name, value in pairs:
            self[name] = value

    def __getitem__(self, key: str) -> Any:
        return getattr(self, key)

    def __setitem__(self, key: str, value: Any) -> None:
        self.names[key] = None
        setattr(self, key, registered(value))

    def __delitem__(self, key: str) -> None:
        del self.names[key]
        delattr(self, key)

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __reversed__(self) -> Iterator[str]:
        return reversed(self.names)

    def __contains__(self, key: str) -> bool:
        return key in self.names

    def __or__(self, other: Any) -> ParameterDict:
        made = self.copy()
        made.update(other)
        return made

    def __ior__(self, other: Any) -> Self:
        self.update(other)
        return self

    def copy(self) -> ParameterDict:
        """Another one of the same parameters."""
        return ParameterDict(dict(self.items()))

    def get(self, key: str, default: Any = None) -> Any:
        """One of them, or what else was said."""
        return self[key] if key in self else default  # noqa: SIM401 this is that function

    def setdefault(self, key: str, default: Any = None) -> Any:
        """One of them; if it is not there, it is put there first."""
        if key not in self:
            self[key] = default
        return self[key]

    def pop(self, key: str) -> Any:
        """Take one out and return it."""
        found = self[key]
        del self[key]
        return found

    def popitem(self) -> tuple[str, Any]:
        """Take the last one out and return its name and it."""
        name = next(reversed(self.names))
        return name, self.pop(name)

    def clear(self) -> None:
        """Without any."""
        for name in list(self.names):
            del self[name]

    def fromkeys(self, keys: Iterable[str], default: Any = None) -> ParameterDict:
        """Another one with these names, all for one value."""
        return ParameterDict(dict.fromkeys(keys, default))

    def keys(self) -> Any:
        """The names."""
        return self.names.keys()

    def values(self) -> Any:
        """The parameters."""
        return [self[name] for name in self.names]

    def items(self) -> Any:
        """Names and parameters."""
        return [(name, self[name]) for name in self.names]

    def extra_repr(self) -> str:
        return "\n".join([line(name, each, lambda x: x.type()) for name, each in self.items()])
