"""Images made larger or smaller (`torch.nn.functional.interpolate`)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinytorch import dtypes
from tinytorch.errors import ShapeError
from tinytorch.nn.functional.adaptive import adaptive_avg_pool
from tinytorch.ops.card import wide, widened
from tinytorch.tensor import Tensor

Values = np.ndarray[Any, Any]
Taps = list[tuple[Values, Values | None]]  # where each output reads, and the weight of it; None for 1
MODES = {"linear": 1, "bilinear": 2, "trilinear": 3, "bicubic": 2}  # and for how many axes each is
CUBIC = -0.75  # the free coefficient of cubic convolution (Keys, 1981) as PyTorch chooses it


def interpolate(
    input: Tensor,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Resize the axes behind (N, C): to `size`, or by `scale_factor` (rounded down), one of which is given.

    mode: "nearest", "nearest-exact" (rounds from the middle of a pixel), "linear" (one axis), "bilinear",
    "bicubic" (two), "trilinear" (three), "area" (averages). align_corners: the outermost pixels keep their
    places, instead of the outermost edges. Raises ValueError for settings that do not go together,
    NotImplementedError for a mode that is not for so many axes.

    >>> import tinytorch as tt
    >>> interpolate(tt.tensor([[[1.0, 3.0]]]), scale_factor=2, mode="linear")
    tensor([[[1.0000, 1.5000, 2.5000, 3.0000]]])
    """
    axes = input.ndim - 2
    check_mode(axes, mode, align_corners, antialias)
    if recompute_scale_factor and size is not None:
        raise ValueError("recompute_scale_factor is not meaningful with an explicit size")
    sizes, scales = wanted(input, size, scale_factor, bool(recompute_scale_factor) or mode == "area")
    if min(sizes) < 1 or 0 in input.shape[1:]:
        raise ShapeError(f"Input and output sizes should be greater than 0, but got {input.shape} to {sizes}")
    if mode == "area":
        return adaptive_avg_pool(axes, input, sizes)
    whole = mode in ("nearest", "nearest-exact", "bilinear", "bicubic") and input.dtype is dtypes.uint8
    if not whole:
        input.fractional(f"interpolate with mode {mode}")
    out = input.float() if whole else widened(input)
    for axis in reversed(range(axes)):
        out = resized(out, axis + 2, sizes[axis], scales[axis], mode, bool(align_corners))
        out = (out + 0.5).floor().clamp(0, 255) if whole else out  # images are rounded, after each axis
    return out.to(input.dtype).contiguous() if out is not input else input.clone()


def check_mode(axes: int, mode: str, align_corners: bool | None, antialias: bool) -> None:
    """Raises where mode, number of axes and options do not go together."""
    plain = mode in ("nearest", "nearest-exact", "area")
    if plain and align_corners is not None:
        raise ValueError("align_corners goes with the modes linear, bilinear, bicubic and trilinear only")
    if antialias:
        raise NotImplementedError(
            "interpolate has no antialias: take an average pooling before making smaller"
        )
    if axes not in (1, 2, 3) or not (plain or MODES.get(mode) == axes):
        raise NotImplementedError(f"interpolate has no mode {mode!r} for an input of {axes + 2} axes")


def wanted(
    input: Tensor, size: Any, scale_factor: Any, recompute: bool
) -> tuple[list[int], list[float | None]]:
    """The sizes, and the scale factors that were given. Raises ValueError unless exactly one of both is."""
    shape = input.shape[2:]
    if (size is None) == (scale_factor is None):
        reason = "either size or scale_factor should be defined"
        raise ValueError(reason if size is None else "only one of size or scale_factor should be defined")
    given = scale_factor if size is None else size
    values = list(given) if isinstance(given, Sequence) else [given] * len(shape)
    if len(values) != len(shape):
        raise ValueError(f"size and scale_factor have one number for each of the axes {shape}, not {given}")
    if size is not None:
        if not all(isinstance(each, int) for each in values):
            raise TypeError(f"expected size to be int or a sequence of them, but got {size}")
        return values, [None] * len(shape)
    sizes = [math.floor(n * float(scale)) for n, scale in zip(shape, values, strict=True)]
    return sizes, [None if recompute else float(scale) for scale in values]


def resized(x: Tensor, axis: int, count: int, scale: float | None, mode: str, align_corners: bool) -> Tensor:
    """One axis brought to `count` elements."""
    size = x.shape[axis]
    if size == count and scale in (None, 1.0):
        return x
    taps = sources(size, count, scale, mode, align_corners, x.dtype)
    first = taps[0][0]
    if len(taps) == 1 and count % size == 0 and (first == np.arange(count) // (count // size)).all():
        return x.repeat_interleave(count // size, axis).contiguous()
    total: Tensor | None = None
    for where, weight in taps:
        part = x.index_select(axis, x.new_tensor(where, dtype=dtypes.int64))
        if weight is not None:
            part = part * x.new_tensor(weight.reshape([-1] + [1] * (x.ndim - 1 - axis)))
        total = part if total is None else total + part
    assert total is not None
    return total


def sources(
    size: int, count: int, scale: float | None, mode: str, align_corners: bool, kind: dtypes.dtype
) -> Taps:
    """Where each of `count` outputs reads among `size` elements, and with which weight."""
    real: Any = wide(kind).numpy.type if kind.is_floating_point else np.float32
    index = np.arange(count).astype(real)
    if mode in ("nearest", "nearest-exact"):
        step = np.float32(size / count if scale is None else 1.0 / scale)
        middle = np.float32(0.5 if mode == "nearest-exact" else 0.0)
        at = np.floor((np.arange(count).astype(np.float32) + middle) * step)
        return [(np.minimum(at.astype(np.int64), size - 1), None)]
    if align_corners:
        place = index * (real(size - 1) / real(count - 1) if count > 1 else real(0))
    else:
        place = (index + real(0.5)) * real(size / count if scale is None else 1.0 / scale) - real(0.5)
    if mode == "bicubic":
        return cubic(place, size)
    place = np.maximum(place, real(0))
    low = np.minimum(place.astype(np.int64), size - 1)
    weight = np.clip(place - low.astype(real), 0, 1)
    return [(low, 1 - weight), (np.minimum(low + 1, size - 1), weight)]


def cubic(place: Values, size: int) -> Taps:
    """Four neighbours with the weights of cubic convolution: Keys, 1981."""
    low = np.floor(place)
    taps: Taps = []
    for offset in (-1, 0, 1, 2):
        away = np.abs(place - low - offset)
        near = ((CUBIC + 2) * away - (CUBIC + 3)) * away * away + 1
        far = ((CUBIC * away - 5 * CUBIC) * away + 8 * CUBIC) * away - 4 * CUBIC
        where = np.clip(low.astype(np.int64) + offset, 0, size - 1)
        taps.append((where, np.where(away <= 1, near, far).astype(place.dtype)))
    return taps
