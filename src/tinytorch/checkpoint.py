"""Checkpoints: states written whole or not at all, and read without running code from the file.

A state is tensors, numbers and strings in dictionaries, lists and tuples. Under a name that ends in .safetensors
it becomes a safetensors file: the tensors under readable names, and in the metadata a description in JSON of
how they stand in the state. Under any other name it becomes what `torch.save` would write.
"""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from tinytorch.random import Generator, default_generator
from tinytorch.serialization import archive, safetensors
from tinytorch.serialization.unpickler import CheckpointError
from tinytorch.tensor import Tensor

STRUCTURE = "tinytorch"  # the metadata entry with the description
STALE = 3600.0  # seconds after which a part that nobody went on writing is taken for that of a killed process


class Description:
    """Collects the tensors of a state under unique names; what shares memory is kept once."""

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}
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
            while name in self.tensors or name == "__metadata__":
                name += "_"
            self.tensors[name] = tensor
            self.names[place] = name
        return self.names[place]


def save(obj: Any, f: str | Path | IO[bytes], metadata: Mapping[str, str] | None = None) -> None:
    """Write a state to a file (`torch.save`), in the format that its name asks for; to an open file in PyTorch's.

    Tensors that share all their memory are kept once and are one again when read. A file appears under its
    name only when it is complete: a crash leaves the old one as it was. metadata: of a safetensors file, more texts.
    Raises CheckpointError for what is no data: of a model, save its `state_dict()`.

    >>> import tempfile
    >>> import tinytorch as tt
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("model.safetensors", "model.pt"):
    ...         save({"weight": tt.ones(2), "step": 3}, Path(folder, name))
    ...         load(Path(folder, name))
    {'weight': tensor([1., 1.]), 'step': 3}
    {'weight': tensor([1., 1.]), 'step': 3}
    """
    if not isinstance(f, (str, Path)):
        archive.write(obj, f, "archive")
        return
    path = Path(f)
    if path.suffix != ".safetensors":
        if metadata:
            raise ValueError(f"only safetensors files hold metadata, and {path} is not to be one")
        with written_whole(path) as file:
            archive.write(obj, file, path.stem)
        return
    description = Description()
    structure = json.dumps(description.describe(obj, ()))
    with written_whole(path) as file:
        safetensors.write(description.tensors, {**(metadata or {}), STRUCTURE: structure}, file)


@contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to, beside the target, which is moved into its place when the block has ended well."""
    for left in path.parent.glob(f".{path.name}.*.part"):
        if time.time() - left.stat().st_mtime > STALE:
            left.unlink(missing_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(beside, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def load(
    f: str | Path | IO[bytes], map_location: Any = None, *, weights_only: bool = True, mmap: Any = None
) -> Any:
    """Read what `save` or `torch.save` wrote, or any safetensors file (`torch.load`).

    No code from the file is ever run, whatever `weights_only` says. map_location: a device to move tensors to.
    Raises CheckpointError, with the reason, for a file that is damaged, hostile, or holds more than data.
    """
    if isinstance(f, (str, Path)):
        with open(f, "rb") as file:
            state = opened(file, os.fstat(file.fileno()).st_size, str(f))
    else:
        content = f.read()
        state = opened(io.BytesIO(content), len(content), "the file")
    device = "cpu" if map_location is None or callable(map_location) else str(map_location)
    return state if device == "cpu" or isinstance(map_location, dict) else moved(state, device)


def opened(file: IO[bytes], size: int, name: str) -> Any:
    """The state in an open file, whatever its format."""
    start = file.read(len(archive.LEGACY))
    file.seek(0)
    if start == archive.LEGACY:
        raise CheckpointError(
            f"{name} has the format of PyTorch before 1.6: read it there with torch.load, and save it again"
        )
    try:
        if start.startswith(archive.SIGNATURE):
            return archive.read(file, size)
        tensors, metadata = safetensors.read(file, size)
    except CheckpointError as error:
        kind = "PyTorch file" if start.startswith(archive.SIGNATURE) else "whole safetensors file"
        raise CheckpointError(f"{name} ({size} bytes) is not a {kind} that can be read: {error}") from error
    if STRUCTURE not in metadata:
        return tensors
    try:
        return rebuilt(json.loads(metadata[STRUCTURE]), tensors)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise CheckpointError(
            f"{name}: the description of the state does not match its tensors ({type(error).__name__}: {error})"
        ) from error


def moved(state: Any, device: str) -> Any:
    """The state with its tensors on a device."""
    if isinstance(state, Tensor):
        return state.to(device=device)
    if isinstance(state, dict):
        return type(state)({name: moved(each, device) for name, each in state.items()})
    return type(state)([moved(each, device) for each in state]) if isinstance(state, (list, tuple)) else state


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
