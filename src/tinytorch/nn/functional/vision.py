"""Pixels and channels rearranged, and images seen through a grid (`torch.nn.functional`)."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from tinytorch import dtypes
from tinytorch.errors import ShapeError
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

    mode: "bilinear" or "nearest". padding_mode: beyond the edge there are "zeros", or the "border" goes on.
    """
    if mode not in ("bilinear", "nearest") or padding_mode not in ("zeros", "border"):
        raise ValueError(f"grid_sample has no mode {mode!r} with padding_mode {padding_mode!r}")
    if input.ndim != 4 or grid.ndim != 4 or grid.shape[0] != input.shape[0] or grid.shape[3] != 2:
        raise ShapeError(
            f"grid_sample takes (N, C, H, W) and (N, h, w, 2), not {input.shape} and {grid.shape}"
        )
    sizes = (input.shape[3], input.shape[2])
    places = [pixels(grid.select(-1, i), size, bool(align_corners)) for i, size in enumerate(sizes)]
    if padding_mode == "border":
        places = [each.clamp(0, size - 1) for each, size in zip(places, sizes, strict=True)]
    if mode == "nearest":
        return picked(input, *[each.detach().round() for each in places])
    low = [each.detach().floor() for each in places]
    (right, down) = [each - start for each, start in zip(places, low, strict=True)]
    total = None
    for step_x, share_x in ((0, 1 - right), (1, right)):
        for step_y, share_y in ((0, 1 - down), (1, down)):
            part = picked(input, low[0] + step_x, low[1] + step_y) * (share_x * share_y).unsqueeze(1)
            total = part if total is None else total + part
    assert total is not None
    return total


def pixels(place: Tensor, size: int, align_corners: bool) -> Tensor:
    """Places between -1 and 1 as (fractional) pixel numbers of an axis."""
    return (place + 1) * ((size - 1) / 2) if align_corners else ((place + 1) * size - 1) / 2


def picked(input: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The pixels of (N, C, H, W) at whole columns x and rows y, both (N, h, w); 0 where there is none: (N, C, h, w)."""
    n, channels, height, width = input.shape
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    index = (y.clamp(0, height - 1) * width + x.clamp(0, width - 1)).to(dtypes.int64)
    flat = index.reshape(n, 1, prod(index.shape[1:])).expand(n, channels, prod(index.shape[1:]))
    values = input.reshape(n, channels, height * width).gather(2, flat).reshape(n, channels, *index.shape[1:])
    return values.where(inside.unsqueeze(1), 0.0)
