"""Plain data and tensors as a pickle that PyTorch reads with `weights_only=True`."""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from tinytorch import dtypes
from tinytorch.layout import contiguous_strides
from tinytorch.nn.parameter import Parameter
from tinytorch.serialization.unpickler import CheckpointError
from tinytorch.tensor import Tensor

STORAGES = {
    "float64": "DoubleStorage",
    "float32": "FloatStorage",
    "float16": "HalfStorage",
    "bfloat16": "BFloat16Storage",
    "int64": "LongStorage",
    "int32": "IntStorage",
    "int16": "ShortStorage",
    "int8": "CharStorage",
    "uint8": "ByteStorage",
    "bool": "BoolStorage",
}


def pickled(value: Any, keep: Callable[[Tensor], str]) -> bytes:
    """The pickle of a state. keep: called with each tensor, says under which key its elements will be found."""
    return b"\x80\x02" + written(value, keep, ()) + b"."


def written(value: Any, keep: Callable[[Tensor], str], path: tuple[str, ...]) -> bytes:
    """The instructions that make a value. Raises CheckpointError, with the path to it, for what is no data."""
    if isinstance(value, Tensor):
        return tensor(value, keep(value))
    if isinstance(value, dict):
        items = [written(k, keep, path) + written(v, keep, (*path, str(k))) for k, v in value.items()]
        return (EMPTY if isinstance(value, OrderedDict) else b"}") + b"(" + b"".join(items) + b"u"
    if isinstance(value, (list, tuple)):
        items = [written(each, keep, (*path, str(i))) for i, each in enumerate(value)]
        return together(*items) if isinstance(value, tuple) else b"](" + b"".join(items) + b"e"
    if isinstance(value, dtypes.dtype):
        return named("torch", value.name)
    return scalar(value.item() if isinstance(value, np.generic) else value, path)


def scalar(value: Any, path: tuple[str, ...]) -> bytes:
    """A number, a string, or None."""
    if value is None:
        return b"N"
    if isinstance(value, int):
        return number(value)
    if isinstance(value, float):
        return b"G" + struct.pack(">d", value)
    if isinstance(value, str):
        return text(value)
    raise CheckpointError(
        f"cannot save {'.'.join(path) or 'this'}: a {type(value).__name__} is neither a tensor, a number, "
        "a string, nor a dictionary, list or tuple of them"
    )


def number(value: int) -> bytes:
    """A whole number, or whether something is so."""
    if isinstance(value, bool):
        return b"\x88" if value else b"\x89"
    if -(2**31) <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    content = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    if len(content) > 255:
        raise CheckpointError(f"a whole number of {value.bit_length()} bits is too long to be saved")
    return b"\x8a" + bytes([len(content)]) + content


def text(value: str) -> bytes:
    """A string."""
    content = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(content)) + content


def tensor(x: Tensor, key: str) -> bytes:
    """A tensor as PyTorch rebuilds it: a storage, where in it to begin, sizes and strides, and hooks, which are none."""
    kind = STORAGES.get(x.dtype.name)
    if kind is None:
        raise CheckpointError(f"PyTorch's format has no storage of {x.dtype}")
    storage = (
        together(text("storage"), named("torch", kind), text(key), text("cpu"), number(x.numel())) + b"Q"
    )
    sizes, strides = [together(*map(number, n)) for n in (x.shape, contiguous_strides(x.shape))]
    is_parameter = isinstance(x, Parameter)
    wanted = number(x.requires_grad and not is_parameter)
    view = together(storage, number(0), sizes, strides, wanted, EMPTY)
    rebuilt = named("torch._utils", "_rebuild_tensor_v2") + view + b"R"
    if not is_parameter:
        return rebuilt
    return (
        named("torch._utils", "_rebuild_parameter") + together(rebuilt, number(x.requires_grad), EMPTY) + b"R"
    )


def together(*items: bytes) -> bytes:
    """A tuple."""
    return b"(" + b"".join(items) + b"t"


def named(module: str, name: str) -> bytes:
    """What a module calls so."""
    return f"c{module}\n{name}\n".encode()


EMPTY = named("collections", "OrderedDict") + b")R"
