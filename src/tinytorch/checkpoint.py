"""Checkpoints: tensors in safetensors files, written whole or not at all, never pickle."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tinytorch.creation import from_numpy
from tinytorch.errors import TinyTorchError
from tinytorch.tensor import Tensor


class CheckpointError(TinyTorchError, ValueError):
    """A file that is no checkpoint, or a damaged one."""


def safetensors() -> Any:
    """The library, asked for when it is needed."""
    try:
        import safetensors.numpy as library
    except ImportError as error:
        raise ImportError("checkpoints need safetensors: pip install safetensors") from error
    return library


def save(tensors: Mapping[str, Tensor], path: str | Path, metadata: dict[str, str] | None = None) -> None:
    """Write named tensors to a safetensors file.

    The file appears under its name only when it is complete: a crash leaves the old one as it was.

    >>> import tinytorch as tt
    >>> folder = tempfile.TemporaryDirectory()
    >>> save({"weight": tt.ones(2)}, Path(folder.name, "model.safetensors"))
    >>> load(Path(folder.name, "model.safetensors"))
    {'weight': tensor([1., 1.])}
    >>> folder.cleanup()
    """
    arrays = {name: np.ascontiguousarray(t.detach().numpy()) for name, t in tensors.items()}
    write_whole(Path(path), safetensors().save(arrays, metadata))


def write_whole(path: Path, content: bytes) -> None:
    """Write beside the target and move into its place."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def load(path: str | Path) -> dict[str, Tensor]:
    """Read what `save` wrote, or any safetensors file. Raises CheckpointError that says what is wrong."""
    content = Path(path).read_bytes()
    library = safetensors()
    try:
        arrays = library.load(content)
    except Exception as error:  # the library's own errors name neither file nor size
        raise CheckpointError(
            f"{path} ({len(content)} bytes) is not a whole safetensors file: {error}"
        ) from error
    return {name: from_numpy(values.copy()) for name, values in arrays.items()}
