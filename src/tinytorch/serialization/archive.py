"""PyTorch's file format since 1.6: a zip archive with a pickle, and the elements of each storage as they are."""

from __future__ import annotations

import struct
import sys
import zipfile
import zlib
from math import prod
from typing import IO, Any

import numpy as np

from tinytorch import dtypes
from tinytorch.array import Array
from tinytorch.creation import from_numpy
from tinytorch.layout import Layout
from tinytorch.nn.parameter import Parameter
from tinytorch.serialization.pickler import STORAGES, pickled
from tinytorch.serialization.unpickler import CONTAINERS, CheckpointError, Known, of_kind, unpickled
from tinytorch.tensor import Tensor

SIGNATURE = b"PK\x03\x04"
LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # the number that begins files from before 1.6
DTYPES = {each.name: each for each in dtypes.ALL if each.name in STORAGES}
MOST_AXES = 64
ERRORS = (zipfile.BadZipFile, zlib.error, struct.error, RuntimeError, EOFError, ValueError, KeyError, OSError)


class Kind:
    """The class of a storage: which dtype its elements have."""

    def __init__(self, name: str) -> None:
        self.name = name


def read(file: IO[bytes], size: int) -> Any:
    """The state in an archive of `size` bytes.

    Reads no more than these, and unpacks nothing: a compressed entry is refused, since PyTorch writes none.
    Raises CheckpointError for what is no such archive.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            return Archive(archive, size).state()
    except CheckpointError:
        raise
    except ERRORS as error:  # of zipfile, on what is no whole archive
        raise CheckpointError(f"it is not a whole zip archive: {error}") from error


class Archive:
    """An open file, and the storages of it that were read."""

    def __init__(self, archive: zipfile.ZipFile, size: int) -> None:
        self.archive = archive
        self.entries = {entry.filename: entry for entry in archive.infolist()}
        self.storages: dict[str, Array] = {}
        self.swapped = False  # whether the most significant byte comes first
        if len(self.entries) < len(archive.infolist()):
            raise CheckpointError("two entries of the archive have one name")
        for entry in self.entries.values():
            if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
                raise CheckpointError(f"{entry.filename!r} is compressed, and PyTorch does not do that")
        if sum(entry.file_size for entry in self.entries.values()) > size:
            raise CheckpointError(
                "the entries of the archive overlap: together they are larger than the file"
            )
        found = [name for name in self.entries if name.count("/") == 1 and name.endswith("/data.pkl")]
        if len(found) != 1:
            raise CheckpointError("it is a zip archive, and no checkpoint of PyTorch: it has no data.pkl")
        self.root = found[0].removesuffix("data.pkl")
        if f"{self.root}constants.pkl" in self.entries:
            raise CheckpointError(
                "it is a TorchScript program, and not a checkpoint: save the model's state_dict()"
            )

    def content(self, name: str) -> bytes:
        """All bytes of an entry, checked against its checksum."""
        entry = self.entries.get(self.root + name)
        if entry is None:
            raise CheckpointError(f"the archive has no entry {name!r}")
        return self.archive.read(entry)

    def state(self) -> Any:
        """What the pickle describes, with the tensors in their places."""
        if f"{self.root}byteorder" in self.entries:
            self.swapped = {b"little": False, b"big": True}[self.content("byteorder")]
        return unpickled(self.content("data.pkl"), NAMES, self.storage)

    def storage(self, place: Any) -> Array:
        """The elements of a storage, read once."""
        if type(place) is not tuple or len(place) != 5 or place[0] != "storage":
            raise CheckpointError("the pickle refers to something outside of it that is no storage")
        _, kind, key, _, count = place
        if not isinstance(kind, Kind) or not isinstance(key, str) or type(count) is not int:
            raise CheckpointError("a storage has a kind, a key, a device and a number of elements")
        dtype = DTYPES.get(kind.name)
        if dtype is None:
            raise CheckpointError(f"it has a storage of {kind.name}, a dtype that there is none for here")
        if key not in self.storages:
            content = bytearray(self.content(f"data/{key}"))
            if len(content) != count * dtype.itemsize:
                raise CheckpointError(
                    f"storage {key!r} has {len(content)} bytes, and was to have {count} elements of {dtype}"
                )
            elements = np.frombuffer(content, dtype.numpy)
            self.storages[key] = from_numpy(elements.byteswap() if self.swapped else elements).array
        if self.storages[key].dtype is not dtype:
            raise CheckpointError(f"storage {key!r} is one of {self.storages[key].dtype} and one of {dtype}")
        return self.storages[key]


def rebuild_tensor(storage: Any, offset: Any, size: Any, stride: Any, requires_grad: Any, *_: Any) -> Tensor:
    """A tensor that looks at a storage; what it sees must lie within."""
    if not isinstance(storage, Array) or not all(
        type(n) is int and 0 <= n < 2**63 for n in (offset, *size, *stride)
    ):
        raise CheckpointError(
            "a tensor is a storage, an offset, sizes and strides, all whole numbers from 0 on"
        )
    if len(size) != len(stride) or len(size) > MOST_AXES:
        raise CheckpointError(
            f"a tensor has {len(size)} sizes and {len(stride)} strides: one of each for each axis"
        )
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if prod(size) and last >= storage.layout.size:
        raise CheckpointError(
            f"a tensor of sizes {size} and strides {stride} from {offset} on reaches element {last} "
            f"of a storage of {storage.layout.size}"
        )
    made = Tensor(storage.view(Layout(tuple(size), tuple(stride), offset)))
    return made.requires_grad_() if requires_grad is True and made.is_floating_point() else made


def rebuild_parameter(data: Any, requires_grad: Any, *_: Any) -> Parameter:
    """A parameter."""
    if not isinstance(data, Tensor):
        raise CheckpointError(f"a parameter is a tensor, not a {type(data).__name__}")
    return Parameter(data.detach(), requires_grad=requires_grad is True)


def device(kind: Any = "cpu", index: Any = 0) -> str:
    """A device, by its name."""
    return f"{of_kind(str, kind)}:{of_kind(int, index)}" if index else str(of_kind(str, kind))


NAMES: dict[str, Any] = {
    **CONTAINERS,
    "torch._utils._rebuild_tensor_v2": Known(rebuild_tensor),
    "torch._utils._rebuild_parameter": Known(rebuild_parameter),
    "torch._utils._rebuild_parameter_with_state": Known(rebuild_parameter),
    "torch.Size": Known(lambda sizes=(): tuple(sizes)),
    "torch.device": Known(device),
    **{f"torch.{kind}": Kind(name) for name, kind in STORAGES.items()},
    **{f"torch.{name}": dtype for name, dtype in DTYPES.items()},
}


def write(state: Any, file: IO[bytes], root: str) -> None:
    """Write a state as an archive whose entries lie in a folder `root`. Tensors that are one in memory are kept once."""
    keys: dict[Any, str] = {}
    kept: list[Tensor] = []

    def keep(x: Tensor) -> str:
        place = (x.array.storage, x.array.layout, x.array.dtype)
        if place not in keys:
            keys[place] = str(len(keys))
            kept.append(x)
        return keys[place]

    description = pickled(state, keep)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(f"{root}/data.pkl"), description)
        archive.writestr(zipfile.ZipInfo(f"{root}/byteorder"), sys.byteorder.encode())
        for i, x in enumerate(kept):
            elements = np.ascontiguousarray(x.numpy_view())
            archive.writestr(zipfile.ZipInfo(f"{root}/data/{i}"), elements.tobytes())
        archive.writestr(zipfile.ZipInfo(f"{root}/version"), b"3\n")
