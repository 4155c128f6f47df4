"""Checkpoints: tensors in safetensors files, written whole or not at all, never pickle.

A file holds the tensors under readable names, and in its metadata a description in JSON of how they stand
in dictionaries, lists and tuples beside numbers and strings. Other programs can read the tensors; files
without the description are read as a flat dictionary. Reading never runs code from the file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tinytorch import dtypes
from tinytorch.creation import from_numpy
from tinytorch.errors import TinyTorchError
from tinytorch.random import Generator, default_generator
from tinytorch.tensor import Tensor

STRUCTURE = "tinytorch"  # the metadata entry with the description
DTYPES = {
    "F64": dtypes.float64,
    "F32": dtypes.float32,
    "F16": dtypes.float16,
    "I64": dtypes.int64,
    "I32": dtypes.int32,
    "I16": dtypes.int16,
    "I8": dtypes.int8,
    "U8": dtypes.uint8,
    "BOOL": dtypes.bool_,
}


class CheckpointError(TinyTorchError, ValueError):
    """A file that is no checkpoint or a damaged one, or a state that cannot be written to one."""


def safetensors() -> Any:
    """The library, asked for when it is needed."""
    try:
        import safetensors.numpy as library
    except ImportError as error:
        raise ImportError("checkpoints need safetensors: pip install safetensors") from error
    return library


class Writer:
    """Collects the tensors of a state under unique names; what shares memory is kept once."""

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray[Any, Any]] = {}
        self.names: dict[Any, str] = {}  # where a tensor's elements lie -> its name in the file

    def describe(self, value: Any, path: tuple[str, ...]) -> Any:
        """What JSON says in the place of `value`. Raises CheckpointError for what is no data."""
        if isinstance(value, Tensor):
            return {"tensor": self.named(value, path)}
        if isinstance(value, Mapping):
            pairs = value.items()
            return {"dict": [[self.key(k, path), self.describe(v, (*path, str(k)))] for k, v in pairs]}
        if isinstance(value, (list, tuple)):
            items = [self.describe(each, (*path, str(i))) for i, each in enumerate(value)]
            return items if isinstance(value, list) else {"tuple": items}
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        raise CheckpointError(
            f"cannot save {'.'.join(path) or 'this'}: a {type(value).__name__} is neither a tensor, a number, "
            "a string, nor a dictionary, list or tuple of them"
        )

    def key(self, key: Any, path: tuple[str, ...]) -> str | int:
        """A key that JSON can say."""
        if isinstance(key, (str, int)) and not isinstance(key, bool):
            return key
        raise CheckpointError(f"cannot save {'.'.join(path) or 'this'}: its key {key!r} is no string or int")

    def named(self, tensor: Tensor, path: tuple[str, ...]) -> str:
        """The name of a tensor in the file; it is the dotted path unless that is taken."""
        array = tensor.array
        place = (array.storage, array.layout, array.dtype)
        if place not in self.names:
            name = ".".join(path) or "tensor"
            while name in self.arrays or name == "__metadata__":
                name += "_"
            self.arrays[name] = np.array(tensor.numpy_view(), order="C")
            self.names[place] = name
        return self.names[place]


def save(state: Any, path: str | Path, metadata: Mapping[str, str] | None = None) -> None:
    """Write a state (tensors, numbers and strings in dictionaries, lists and tuples) to a file.

    Tensors that share all their memory are kept once and are one again when read. The file appears under
    its name only when it is complete: a crash leaves the old one as it was.

    >>> import tempfile
    >>> import tinytorch as tt
    >>> folder = tempfile.TemporaryDirectory()
    >>> save({"weight": tt.ones(2), "step": 3}, Path(folder.name, "model.safetensors"))
    >>> load(Path(folder.name, "model.safetensors"))
    {'weight': tensor([1., 1.]), 'step': 3}
    >>> folder.cleanup()
    """
    writer = Writer()
    structure = json.dumps(writer.describe(state, ()))
    content = safetensors().save(writer.arrays, {**(metadata or {}), STRUCTURE: structure})
    write_whole(Path(path), content)


def write_whole(path: Path, content: bytes) -> None:
    """Write beside the target and move into its place."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(beside, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def load(path: str | Path) -> Any:
    """Read what `save` wrote, or any safetensors file. Raises CheckpointError that says what is wrong."""
    content = Path(path).read_bytes()
    tensors = parsed(path, content)
    described = header(content).get("__metadata__", {}).get(STRUCTURE)
    if described is None:
        return tensors
    try:
        return rebuilt(json.loads(described), tensors)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise CheckpointError(
            f"{path}: the description of the state does not match its tensors "
            f"({type(error).__name__}: {error})"
        ) from error


def parsed(path: str | Path, content: bytes) -> dict[str, Tensor]:
    """The tensors of a file by name."""
    library = safetensors()
    try:
        found = library.deserialize(content)
    except Exception as error:  # the library's own errors name neither file nor size
        raise CheckpointError(
            f"{path} ({len(content)} bytes) is not a whole safetensors file: {error}"
        ) from error
    tensors = {}
    for name, entry in found:
        dtype = DTYPES.get(entry["dtype"])
        if dtype is None:
            raise CheckpointError(
                f"{path}: {name!r} has dtype {entry['dtype']}, which there is none for here"
            )
        values = np.frombuffer(entry["data"], dtype.numpy).reshape(entry["shape"])
        tensors[name] = from_numpy(values.copy())
    return tensors


def header(content: bytes) -> dict[str, Any]:
    """The JSON at the start of a file that the library has accepted: its length in 8 bytes comes first."""
    length = int.from_bytes(content[:8], "little")
    found: dict[str, Any] = json.loads(content[8 : 8 + length])
    return found


def rebuilt(described: Any, tensors: dict[str, Tensor]) -> Any:
    """The state that `Writer.describe` described."""
    if isinstance(described, list):
        return [rebuilt(each, tensors) for each in described]
    if not isinstance(described, dict):
        return described
    ((kind, inner),) = described.items()
    if kind == "tensor":
        return tensors[inner]
    if kind == "tuple":
        return tuple([rebuilt(each, tensors) for each in inner])
    if kind == "dict":
        return {key: rebuilt(each, tensors) for key, each in inner}
    raise ValueError(f"unknown kind {kind!r}")


def save_checkpoint(path: str | Path, **parts: Any) -> None:
    """Write everything that training needs to go on: one file, whole or not at all.

    parts: objects with a `state_dict` (model, optimizer, scheduler), generators, and plain data (epoch,
    step). The state of the default generator is always included.

    >>> import tempfile
    >>> from tinytorch import nn
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_checkpoint(Path(folder, "run.safetensors"), model=nn.Linear(2, 1), step=7)
    ...     load_checkpoint(Path(folder, "run.safetensors"), model=nn.Linear(2, 1))
    {'step': 7}
    """
    state = {name: part_state(part) for name, part in parts.items()}
    save({"parts": state, "random": default_generator.get_state()}, path)


def part_state(part: Any) -> Any:
    """What there is to keep of one part."""
    if isinstance(part, Generator):
        return part.get_state()
    return part.state_dict() if hasattr(part, "state_dict") else part


def load_checkpoint(path: str | Path, **parts: Any) -> dict[str, Any]:
    """Put back what `save_checkpoint` wrote into the objects given by the same names.

    They are restored in the order given (the model before its optimizer), then the default generator.
    Returns the rest, by name. Raises CheckpointError if the file lacks a part that is asked for.
    """
    saved = load(path)
    if not isinstance(saved, dict) or not {"parts", "random"} <= saved.keys():
        raise CheckpointError(f"{path} holds tensors, but is no checkpoint of a training run")
    state = saved["parts"]
    for name in parts:
        if name not in state:
            raise CheckpointError(f"{path} has no {name!r}; it has {', '.join(state)}")
    for name, part in parts.items():
        if isinstance(part, Generator):
            part.set_state(state[name])
        else:
            part.load_state_dict(state[name])
    default_generator.set_state(saved["random"])
    return {name: value for name, value in state.items() if name not in parts}
