"""Pixels and channels rearranged, and images seen through a grid (`torch.nn.functional`)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import product
from math import prod

import numpy as np

from tinytorch import dtypes
from tinytorch.errors import ShapeError
from tinytorch.nn.functional.interpolation import CUBIC
from tinytorch.tensor import Tensor


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """(..., C * r * r, H, W) to (..., C, H * r, W * r): r * r channels become the r x r pixels of one (Shi et al., 2016).

    >>> import tinytorch as tt
    >>> pixel_shuffle(tt.arange(4.0).reshape(4, 1, 1), 2).tolist()
    [[[0.0, 1.0], [2.0, 3.0]]]
    """
    r = upscale_factor
    if input.ndim < 3 or r < 1 or input.shape[-3] % (r * r):
        raise ShapeError(f"pixel_shuffle by {r} takes (..., C * {r} * {r}, H, W), not {input.shape}")
    *lead, channels, height, width = input.shape
    n = len(lead)
    parts = input.reshape(*lead, channels // (r * r), r, r, height, width)
    parts = parts.permute(*range(n), n, n + 3, n + 1, n + 4, n + 2)  # (..., C, H, r, W, r)
    return parts.clone().view(*lead, channels // (r * r), height * r, width * r)


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """(..., C, H * r, W * r) to (..., C * r * r, H, W): `pixel_shuffle` backwards."""
    r = downscale_factor
    if input.ndim < 3 or r < 1 or input.shape[-2] % r or input.shape[-1] % r:
        raise ShapeError(f"pixel_unshuffle by {r} takes (..., C, H * {r}, W * {r}), not {input.shape}")
    *lead, channels, height, width = input.shape
    n = len(lead)
    parts = input.reshape(*lead, channels, height // r, r, width // r, r)
    parts = parts.permute(*range(n), n, n + 2, n + 4, n + 1, n + 3)  # (..., C, r, r, H, W)
    return parts.clone().view(*lead, channels * r * r, height // r, width // r)


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """The channels of (N, C, ...) dealt out: the first of each group, then the second of each (Zhang et al., 2018)."""
    if input.ndim < 3 or groups < 1 or input.shape[1] % groups:
        raise ShapeError(
            f"channel_shuffle takes (N, C, ...) with C divisible by {groups} groups, not {input.shape}"
        )
    n, channels, *rest = input.shape
    return input.reshape(n, groups, channels // groups, *rest).transpose(1, 2).clone().view(input.shape)


def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """For each pixel of an output of `size` (N, C, H, W), where in the input theta (N, 2, 3) sends it: (N, H, W, 2).

    Places are (x, y) between -1 and 1, from edge to edge, or with `align_corners` from the middle of the
    first pixel to that of the last.
    """
    if not theta.is_floating_point() or len(size) != 4 or theta.shape != (size[0], 2, 3):
        raise ValueError(
            f"affine_grid takes floating theta (N, 2, 3) for size (N, C, H, W), not {theta.shape} for {size}"
        )
    n, _, height, width = size
    rows, columns = (centres(count, bool(align_corners)) for count in (height, width))
    x, y = np.broadcast_to(columns, (height, width)), np.broadcast_to(rows[:, None], (height, width))
    base = theta.new_tensor(np.stack([x, y, np.ones((height, width))], -1).reshape(1, height * width, 3))
    return (base @ theta.mT).reshape(n, height, width, 2)


def centres(count: int, align_corners: bool) -> np.ndarray:  # type: ignore[type-arg]
    """The middles of `count` pixels between -1 and 1.

    >>> centres(2, False).tolist(), centres(2, True).tolist()
    ([-0.5, 0.5], [-1.0, 1.0])
    """
    if align_corners:
        return np.linspace(-1.0, 1.0, count) if count > 1 else np.zeros(1)
    return (2 * np.arange(count) + 1) / count - 1


def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """Input (N, C, H, W) read at the places (x, y) of grid (N, h, w, 2): (N, C, h, w). Jaderberg et al., 2015.

    Or (N, C, D, H, W) at (x, y, z) of (N, d, h, w, 3). mode: "bilinear", "nearest", or, of two axes, "bicubic".
    padding_mode: beyond the edge there are "zeros", the "border" goes on, or the picture is seen in a mirror
    ("reflection"). Raises ValueError for another mode, ShapeError for shapes that do not go together.
    """
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError(f"grid_sample has no mode {mode!r}: there are bilinear, nearest and bicubic")
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(f"grid_sample has no padding_mode {padding_mode!r}")
    if input.fractional("grid_sample").dtype is not grid.dtype:
        raise RuntimeError(f"grid_sample: input and grid have one dtype, not {input.dtype} and {grid.dtype}")
    axes = input.ndim - 2
    if (
        axes not in (2, 3)
        or grid.ndim != input.ndim
        or (grid.shape[0], grid.shape[-1]) != (input.shape[0], axes)
    ):
        raise ShapeError(
            f"grid_sample takes (N, C, H, W) and (N, h, w, 2), or one axis more, not {input.shape} and {grid.shape}"
        )
    if 0 in input.shape[1:] or (mode == "bicubic" and axes != 2):
        raise ShapeError(f"grid_sample by {mode} does not take an input of shape {input.shape}")
    corners, sizes = bool(align_corners), input.shape[:1:-1]
    places = [pixels(grid.select(-1, i), size, corners) for i, size in enumerate(sizes)]
    if mode == "bicubic":
        return weighed(input, [cubic(each) for each in places], padding_mode, corners)
    places = [inside(each, n, padding_mode, corners) for each, n in zip(places, sizes, strict=True)]
    if mode == "nearest":
        return picked(input, [each.detach().round() for each in places])
    return weighed(input, [linear(each) for each in places], "zeros", corners)


def pixels(place: Tensor, size: int, align_corners: bool) -> Tensor:
    """Places between -1 and 1 as (fractional) pixel numbers of an axis."""
    return (place + 1) * ((size - 1) / 2) if align_corners else ((place + 1) * size - 1) / 2


def inside(place: Tensor, size: int, padding_mode: str, align_corners: bool) -> Tensor:
    """Pixel numbers, those beyond the edge brought back to it ("border") or mirrored at it ("reflection")."""
    if padding_mode == "reflection":
        low, span = (0.0, size - 1.0) if align_corners else (-0.5, float(size))
        if not span:
            return place * 0
        away = (place - low).abs()
        over = away.fmod(span)
        place = over.where((away / span).floor() % 2 == 0, span - over) + low
    return place if padding_mode == "zeros" else place.clamp(0, size - 1)


def linear(place: Tensor) -> list[tuple[Tensor, Tensor]]:
    """The two neighbours of each place along an axis, and how much of each is taken."""
    low = place.detach().floor()
    return [(low, low + 1 - place), (low + 1, place - low)]


def cubic(place: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Four neighbours with the weights of cubic convolution: Keys, 1981."""
    low = place.detach().floor()
    taps = []
    for offset in (-1, 0, 1, 2):
        away = (place - (low + offset)) * (1 if offset < 1 else -1)  # not below 0
        near = ((CUBIC + 2) * away - (CUBIC + 3)) * away * away + 1
        far = ((CUBIC * away - 5 * CUBIC) * away + 8 * CUBIC) * away - 4 * CUBIC
        taps.append((low + offset, near if offset in (0, 1) else far))
    return taps


def weighed(
    input: Tensor, taps: list[list[tuple[Tensor, Tensor]]], padding_mode: str, align_corners: bool
) -> Tensor:
    """The sum over all combinations of one tap (pixel number, weight) from each axis, x first."""
    total: Tensor | None = None
    for chosen in product(*taps):
        at = [
            inside(tap, n, padding_mode, align_corners)
            for (tap, _), n in zip(chosen, input.shape[:1:-1], strict=True)
        ]
        weight = reduce(Tensor.__mul__, [share for _, share in chosen])
        part = picked(input, at) * weight.unsqueeze(1)
        total = part if total is None else total + part
    assert total is not None
    return total


def picked(input: Tensor, places: list[Tensor]) -> Tensor:
    """The pixels of (N, C, ...) at whole numbers (N, *out) of each axis, the last axis first; 0 where there is none."""
    n, channels, *sizes = input.shape
    index, there = places[0].new_zeros(places[0].shape), places[0] == places[0]
    for place, size in zip(reversed(places), sizes, strict=True):
        index = index * size + place.clamp(0, size - 1)
        there = there & (place >= 0) & (place <= size - 1)
    index = index.where(there, 0.0).to(dtypes.int64)
    flat = index.reshape(n, 1, prod(index.shape[1:])).expand(n, channels, prod(index.shape[1:]))
    values = input.reshape(n, channels, prod(sizes)).gather(2, flat).reshape(n, channels, *index.shape[1:])
    return values.where(there.unsqueeze(1), 0.0)
