"""The safetensors format: 8 bytes with the length of a header, the header in JSON, and the elements of all tensors.

Written after its specification, https://github.com/huggingface/safetensors#format. Reading checks all of it before
any memory is asked for, so a file can only ask for as much as it is long.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import prod
from typing import IO, Any

import numpy as np

from tinytorch import dtypes
from tinytorch.creation import from_numpy
from tinytorch.serialization.unpickler import CheckpointError
from tinytorch.tensor import Tensor

NAMES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
    "BOOL": "bool",
}
DTYPES = {code: each for code, name in NAMES.items() for each in dtypes.ALL if each.name == name}
CODES = {each: code for code, each in DTYPES.items()}
LONGEST = 100_000_000  # bytes of a header, as the specification says


def read(file: IO[bytes], size: int) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a file of `size` bytes by name, and what else it says. Raises CheckpointError with the reason."""
    start = file.read(8)
    length = int.from_bytes(start, "little")
    if len(start) < 8 or length > min(size - 8, LONGEST):
        raise CheckpointError(
            f"its header is to have {length} bytes, and {max(size - 8, 0)} follow its first 8"
        )
    try:
        header = json.loads(file.read(length), object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"its header is no JSON: {error}") from error
    if not isinstance(header, dict):
        raise CheckpointError("its header is no dictionary")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise CheckpointError("its metadata are no texts by name")
    places = {name: placed(name, entry) for name, entry in header.items()}
    check_cover([(begin, end) for _, _, begin, end in places.values()], size - 8 - length)
    tensors = {}
    for name, (dtype, shape, begin, end) in places.items():
        file.seek(8 + length + begin)
        content = np.empty(end - begin, np.uint8)
        if file.readinto(content) != end - begin:  # type: ignore[attr-defined]
            raise CheckpointError(f"it ended while {name!r} was read")
        tensors[name] = from_numpy(content.view(dtype.numpy).reshape(shape))
    return tensors, metadata


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A dictionary. Raises CheckpointError where a name comes twice: two readers could see two files."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise CheckpointError("its header has one name twice")
    return found


def placed(name: str, entry: Any) -> tuple[dtypes.dtype, list[int], int, int]:
    """What a tensor is and where it lies, checked."""
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise CheckpointError(f"{name!r} has no dtype, shape and data_offsets, or more than these")
    code, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    dtype = DTYPES.get(code) if isinstance(code, str) else None
    if dtype is None:
        raise CheckpointError(f"{name!r} has dtype {code}, which there is none for here")
    if not is_sizes(shape) or not is_sizes(offsets) or len(offsets) != 2:
        raise CheckpointError(f"the shape or the place of {name!r} is no list of whole numbers from 0 on")
    begin, end = offsets
    if end - begin != prod(shape) * dtype.itemsize:
        raise CheckpointError(
            f"{name!r} of shape {tuple(shape)} takes {prod(shape) * dtype.itemsize} bytes, and lies from {begin} to {end}"
        )
    return dtype, shape, begin, end


def is_sizes(value: Any) -> bool:
    """Whether it is a list of whole numbers that a machine can count."""
    return isinstance(value, list) and all(type(n) is int and 0 <= n < 2**63 for n in value)


def check_cover(places: list[tuple[int, int]], size: int) -> None:
    """Refuse places that overlap, leave a gap, or do not end with the file."""
    reached = 0
    for begin, end in sorted(places):
        if begin != reached:
            what = "overlap" if begin < reached else "leave a gap"
            raise CheckpointError(f"its tensors {what}: one ends at {reached}, the next begins at {begin}")
        reached = end
    if reached != size:
        raise CheckpointError(f"its tensors take {reached} bytes, and {size} are there")


def write(tensors: Mapping[str, Tensor], metadata: Mapping[str, str], file: IO[bytes]) -> None:
    """Write tensors by name. The widest elements come first, so that all lie at multiples of their size."""
    order = sorted(tensors, key=lambda name: -tensors[name].dtype.itemsize)
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    end = 0
    for name in order:
        x = tensors[name]
        if x.dtype not in CODES:
            raise CheckpointError(f"safetensors has no name for {x.dtype}, the dtype of {name!r}")
        begin, end = end, end + x.numel() * x.dtype.itemsize
        header[name] = {"dtype": CODES[x.dtype], "shape": list(x.shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(8, "little") + text)
    for name in order:
        file.write(np.ascontiguousarray(tensors[name].numpy_view()).tobytes())
