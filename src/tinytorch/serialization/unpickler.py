"""A pickle machine that knows data and nothing else: no instruction of a file can call or import anything.

Python's own runs a small language in which a file may call any function. This one has the instructions that
build numbers, strings and containers; of names it knows those in a table that the caller gives.
"""

from __future__ import annotations

import struct
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from tinytorch.errors import TinyTorchError

DEEPEST = 100  # containers within each other; what programs save has about five
SCALARS = (str, bytes, int, float, bool, type(None))


class CheckpointError(TinyTorchError, ValueError):
    """A file that is no checkpoint or a damaged one, or a state that cannot be written to one."""


class Known:
    """A name that a pickle may use, and what calling it does here."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self.call = call


def unpickled(content: bytes, names: Mapping[str, Any], persistent: Callable[[Any], Any]) -> Any:
    """The value that a pickle describes.

    names: for each "module.name" that may occur, a Known or the value itself. persistent: called with what stands
    for something outside of the pickle. Raises CheckpointError for anything else than data.
    """
    machine = Machine(content, names, persistent)
    try:
        value = machine.run()
    except CheckpointError:
        raise
    except (
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        OverflowError,
        RecursionError,
        struct.error,
    ) as error:
        raise CheckpointError(
            f"the pickle is damaged at byte {machine.at}: {error or type(error).__name__}"
        ) from error
    refuse_depth(value)
    return value


def refuse_depth(value: Any) -> None:
    """Refuse containers that are too deep in each other, or in themselves: walking them would not end well."""
    level = [value]
    for _ in range(DEEPEST):
        inner = [each for container in level for each in parts(container)]
        level = list({id(each): each for each in inner if isinstance(each, (list, tuple, dict))}.values())
        if not level:
            return
    raise CheckpointError(
        f"the state has containers more than {DEEPEST} deep in each other, or in themselves"
    )


def parts(container: Any) -> Any:
    """What stands in a container."""
    if isinstance(container, dict):
        return container.values()
    return container if isinstance(container, (list, tuple)) else ()


class Machine:
    """One run: the place in the pickle, the stack, the marks on it, and what was noted for later."""

    def __init__(self, content: bytes, names: Mapping[str, Any], persistent: Callable[[Any], Any]) -> None:
        self.content = content
        self.names = names
        self.persistent = persistent
        self.at = 0
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        """All instructions, until the one that says stop."""
        while True:
            code = self.take(1)[0]
            if code == ord("."):
                (value,) = self.stack
                return value
            instruction = INSTRUCTIONS.get(code)
            if instruction is None:
                raise CheckpointError(
                    f"the pickle has an instruction {code:#04x} at byte {self.at - 1} that no data needs"
                )
            instruction(self)

    def take(self, count: int) -> bytes:
        """The next bytes."""
        piece = self.content[self.at : self.at + count]
        if len(piece) < count:
            raise CheckpointError(
                f"the pickle ends after {len(self.content)} bytes, in the middle of a value"
            )
        self.at += count
        return piece

    def number(self, form: str) -> Any:
        """A number in the form that `struct` calls so."""
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def line(self) -> str:
        """Text up to the end of the line."""
        end = self.content.index(b"\n", self.at)
        text = self.take(end - self.at).decode()
        self.at += 1
        return text

    def since_mark(self) -> list[Any]:
        """What was put on the stack since the last mark."""
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def push(self, value: Any) -> None:
        """Put a value on the stack."""
        self.stack.append(value)

    def name(self, module: str, name: str) -> None:
        """What a name stands for. Raises CheckpointError, with the name, for one that is not known."""
        full = f"{module}.{name}"
        if full not in self.names:
            raise CheckpointError(
                f"the file asks for {full}, which is no tensor and no plain data: only code could make it, and "
                "code from a file is never run. Of a model, save its state_dict()"
            )
        self.push(self.names[full])

    def reduce(self) -> None:
        """Call what is known, with a tuple of arguments."""
        arguments, known = self.stack.pop(), self.stack.pop()
        if not isinstance(known, Known) or not isinstance(arguments, tuple):
            raise CheckpointError(f"the file calls a {type(known).__name__}, which is data")
        self.push(known.call(*arguments))

    def build(self) -> None:
        """The attributes of an object. Only ordered dictionaries have some that matter to nobody."""
        self.stack.pop()
        if type(self.stack[-1]) is not OrderedDict:
            raise CheckpointError(
                f"the file sets attributes of a {type(self.stack[-1]).__name__}, which is data"
            )

    def put_items(self, items: list[Any]) -> None:
        """Keys and values, in turn, into the dictionary on the stack."""
        target = self.stack[-1]
        if not isinstance(target, dict):
            raise CheckpointError(f"the file puts items into a {type(target).__name__}")
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[checked_key(key)] = value

    def add(self, items: list[Any]) -> None:
        """Items into the list or the set on the stack."""
        target = self.stack[-1]
        if type(target) is set:
            target.update(map(checked_key, items))
        elif type(target) is list:
            target.extend(items)
        else:
            raise CheckpointError(f"the file adds items to a {type(target).__name__}")

    def pair(self) -> list[Any]:
        """The two values on top, in order."""
        items = self.stack[-2:]
        del self.stack[-2:]
        return items

    def tuple_of(self, count: int) -> None:
        """A tuple of the values on top."""
        items = tuple(self.stack[len(self.stack) - count :])
        if len(items) < count:
            raise CheckpointError(f"a tuple of {count} needs as many values, and there are {len(items)}")
        del self.stack[len(self.stack) - count :]
        self.push(items)


def checked_key(key: Any) -> Any:
    """A key that is a plain value, or a flat tuple of some: hashing a deep one could overflow the machine's stack."""
    if isinstance(key, SCALARS) or (type(key) is tuple and all(isinstance(each, SCALARS) for each in key)):
        return key
    raise CheckpointError(f"the file has a {type(key).__name__} as a key")


INSTRUCTIONS: dict[int, Callable[[Machine], Any]] = {
    ord(code): instruction
    for code, instruction in {
        "\x80": lambda m: m.take(1),  # the protocol
        "\x95": lambda m: m.take(8),  # a frame, which only matters to who reads from a stream
        "(": lambda m: m.marks.append(len(m.stack)),
        "N": lambda m: m.push(None),
        "\x88": lambda m: m.push(True),
        "\x89": lambda m: m.push(False),
        "J": lambda m: m.push(m.number("<i")),
        "K": lambda m: m.push(m.number("<B")),
        "M": lambda m: m.push(m.number("<H")),
        "\x8a": lambda m: m.push(int.from_bytes(m.take(m.number("<B")), "little", signed=True)),
        "G": lambda m: m.push(m.number(">d")),
        "X": lambda m: m.push(m.take(m.number("<I")).decode("utf-8", "surrogatepass")),
        "\x8c": lambda m: m.push(m.take(m.number("<B")).decode("utf-8", "surrogatepass")),
        "U": lambda m: m.push(m.take(m.number("<B")).decode("ascii")),  # strings of Python 2
        "C": lambda m: m.push(m.take(m.number("<B"))),
        "B": lambda m: m.push(m.take(m.number("<I"))),
        "\x96": lambda m: m.push(bytearray(m.take(m.number("<Q")))),
        ")": lambda m: m.push(()),
        "\x85": lambda m: m.tuple_of(1),
        "\x86": lambda m: m.tuple_of(2),
        "\x87": lambda m: m.tuple_of(3),
        "t": lambda m: m.push(tuple(m.since_mark())),
        "]": lambda m: m.push([]),
        "a": lambda m: m.add([m.stack.pop()]),
        "e": lambda m: m.add(m.since_mark()),
        "\x8f": lambda m: m.push(set()),
        "\x90": lambda m: m.add(m.since_mark()),
        "}": lambda m: m.push({}),
        "s": lambda m: m.put_items(m.pair()),
        "u": lambda m: m.put_items(m.since_mark()),
        "q": lambda m: m.memo.update({m.number("<B"): m.stack[-1]}),
        "r": lambda m: m.memo.update({m.number("<I"): m.stack[-1]}),
        "\x94": lambda m: m.memo.update({len(m.memo): m.stack[-1]}),
        "h": lambda m: m.push(m.memo[m.number("<B")]),
        "j": lambda m: m.push(m.memo[m.number("<I")]),
        "c": lambda m: m.name(m.line(), m.line()),
        "\x93": lambda m: m.name(*m.pair()),
        "R": lambda m: m.reduce(),
        "\x81": lambda m: m.reduce(),
        "b": lambda m: m.build(),
        "Q": lambda m: m.push(m.persistent(m.stack.pop())),
    }.items()
}


def latin1(text: Any, coding: Any) -> bytes:
    """How a pickle of protocol 2 writes bytes."""
    if coding != "latin1":
        raise CheckpointError("bytes are written as text in latin1, and in no other way")
    content: bytes = of_kind(str, text).encode("latin1")
    return content


def of_kind(kind: type, value: Any) -> Any:
    """The value. Raises CheckpointError for one of another kind, such as a number where `bytearray` wants bytes."""
    if type(value) is not kind:
        raise CheckpointError(f"the file has a {type(value).__name__} in the place of a {kind.__name__}")
    return value


CONTAINERS: dict[str, Any] = {
    "collections.OrderedDict": Known(lambda pairs=(): OrderedDict([(checked_key(k), v) for k, v in pairs])),
    "collections.Counter": Known(lambda counts=None: Counter(of_kind(dict, counts or {}))),
    "builtins.set": Known(lambda items=(): set(map(checked_key, items))),
    "builtins.complex": Known(complex),
    "builtins.bytearray": Known(lambda content=b"": bytearray(of_kind(bytes, content))),
    "_codecs.encode": Known(lambda text, coding: latin1(text, coding)),
}
CONTAINERS |= {
    name.replace("builtins", "__builtin__"): known for name, known in CONTAINERS.items() if "builtins" in name
}
