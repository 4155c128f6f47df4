"""What transforms do to one image, with everything decided (`torchvision.transforms.functional`).

An image is a tensor (..., channel, row, column) or (row, column), or a NumPy array (row, column) or
(row, column, channel), as it comes from a file. It comes back as what it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from tinytorch.creation import as_tensor, from_numpy
from tinytorch.dtypes import get_default_dtype
from tinytorch.tensor import Tensor

Image = Any  # Tensor | np.ndarray
MODES = ("constant", "edge", "reflect", "symmetric")


def on_pixels(image: Image, change: Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]) -> Image:
    """Change an image as an array (..., row, column)."""
    if isinstance(image, Tensor):
        return from_numpy(np.ascontiguousarray(change(image.numpy())))
    if not isinstance(image, np.ndarray) or image.ndim not in (2, 3):
        shape = f" of shape {image.shape}" if isinstance(image, np.ndarray) else ""
        raise TypeError(
            f"an image is a tensor or an array of 2 or 3 axes, not a {type(image).__name__}{shape}"
        )
    changed = change(np.moveaxis(image, -1, 0) if image.ndim == 3 else image)
    return np.ascontiguousarray(np.moveaxis(changed, 0, -1) if image.ndim == 3 else changed)


def get_size(image: Image) -> tuple[int, int]:
    """Rows and columns."""
    rows, columns = image.shape[-2:] if isinstance(image, Tensor) else image.shape[:2]
    return rows, columns


def to_tensor(pic: Image) -> Tensor:
    """An array (row, column[, channel]) as a floating point tensor (channel, row, column); bytes become 0 to 1.

    >>> to_tensor(np.array([[0, 51], [102, 255]], np.uint8))
    tensor([[[0.0000, 0.2000],
             [0.4000, 1.0000]]])
    """
    if not isinstance(pic, np.ndarray) or pic.ndim not in (2, 3):
        raise TypeError(f"pic should be an ndarray of 2 or 3 axes. Got {type(pic).__name__}")
    pixels = pic[None] if pic.ndim == 2 else np.moveaxis(pic, -1, 0)
    if pic.dtype != np.uint8:
        return from_numpy(np.array(pixels, order="C"))
    return from_numpy(np.ascontiguousarray(pixels)).to(get_default_dtype()) / 255


def normalize(tensor: Tensor, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> Tensor:
    """(x - mean) / std, for each channel."""
    if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
        kind = tensor.dtype if isinstance(tensor, Tensor) else type(tensor).__name__
        raise TypeError(f"Input tensor should be a float tensor. Got {kind}")
    if tensor.ndim < 3:
        raise ValueError(f"Expected tensor to be a tensor image of size (..., C, H, W). Got {tensor.shape}")
    middle, spread = [as_tensor(each, dtype=tensor.dtype).reshape(-1, 1, 1) for each in (mean, std)]
    if (spread == 0).any().item():
        raise ValueError(
            f"std evaluated to zero after conversion to {tensor.dtype}, leading to division by zero."
        )
    if inplace:
        return tensor.sub_(middle).div_(spread)  # type: ignore[attr-defined, no-any-return]
    return (tensor - middle) / spread


def hflip(image: Image) -> Image:
    """Left and right exchanged."""
    return on_pixels(image, lambda x: x[..., ::-1])


def vflip(image: Image) -> Image:
    """Top and bottom exchanged."""
    return on_pixels(image, lambda x: x[..., ::-1, :])


def crop(image: Image, top: int, left: int, height: int, width: int) -> Image:
    """A rectangle, with zeros where it lies beyond the image."""
    rows, columns = get_size(image)
    beyond = [max(-left, 0), max(-top, 0), max(left + width - columns, 0), max(top + height - rows, 0)]
    if any(beyond):
        image = pad(image, beyond)
    top, left = max(top, 0), max(left, 0)
    return on_pixels(image, lambda x: x[..., top : top + height, left : left + width])


def center_crop(image: Image, output_size: int | Sequence[int]) -> Image:
    """The middle of an image; with zeros around it where it is smaller."""
    height, width = pair(output_size)
    rows, columns = get_size(image)
    if height > rows or width > columns:
        around = [
            (width - columns) // 2,
            (height - rows) // 2,
            (width - columns + 1) // 2,
            (height - rows + 1) // 2,
        ]
        image = pad(image, [max(each, 0) for each in around])
        rows, columns = get_size(image)
    return crop(image, round((rows - height) / 2), round((columns - width) / 2), height, width)


def pad(image: Image, padding: int | Sequence[int], fill: float = 0, padding_mode: str = "constant") -> Image:
    """More pixels around: the same everywhere, (left and right, top and bottom), or (left, top, right, bottom)."""
    if padding_mode not in MODES:
        raise ValueError(f"Padding mode should be either {', '.join(MODES)}, not {padding_mode!r}")
    left, top, right, bottom = sides(padding)
    extra = {"constant_values": fill} if padding_mode == "constant" else {}

    def around(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        widths = [(0, 0)] * (x.ndim - 2) + [(top, bottom), (left, right)]
        return np.pad(x, widths, padding_mode, **extra)  # type: ignore[call-overload, no-any-return]

    return on_pixels(image, around)


def sides(padding: int | Sequence[int]) -> Sequence[int]:
    """Left, top, right and bottom."""
    if isinstance(padding, int):
        return [padding] * 4
    if len(padding) not in (1, 2, 4):
        raise ValueError(
            f"Padding must be an int or a 1, 2, or 4 element tuple, not a {len(padding)} element tuple"
        )
    return list(padding) * (4 // len(padding))


def pair(size: int | Sequence[int]) -> Sequence[int]:
    """Height and width."""
    if isinstance(size, int):
        return size, size
    if len(size) not in (1, 2):
        raise ValueError(f"size is one number or two, not {len(size)}")
    return list(size) * (2 // len(size))


def resize(
    image: Image, size: int | Sequence[int], interpolation: Any = "bilinear", antialias: bool | None = True
) -> Image:
    """An image of another size, between whose pixels straight lines are drawn. One number: the shorter side.

    interpolation: "bilinear" or "nearest". antialias: whether a smaller image is made of all pixels of the larger.
    """
    rows, columns = get_size(image)
    if isinstance(size, int) or len(size) == 1:
        short = size if isinstance(size, int) else size[0]
        long = int(short * max(rows, columns) / min(rows, columns))
        height, width = (short, long) if rows <= columns else (long, short)
    else:
        height, width = size
    how = str(getattr(interpolation, "value", interpolation))
    if how == "nearest":
        down, across = [np.arange(n) * old // n for n, old in ((height, rows), (width, columns))]
        return on_pixels(image, lambda x: x[..., down[:, None], across])
    if how != "bilinear":
        raise ValueError(f"interpolation {how!r} is unknown: it is bilinear or nearest")
    vertical, horizontal = weights(rows, height, bool(antialias)), weights(columns, width, bool(antialias))

    def drawn(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        made = vertical @ x.astype(np.float64) @ horizontal.T  # (..., height, width)
        return (np.rint(made).clip(0, 255) if x.dtype == np.uint8 else made).astype(x.dtype)

    return on_pixels(image, drawn)


@lru_cache(maxsize=32)
def weights(old: int, new: int, antialias: bool) -> np.ndarray[Any, Any]:
    """How much each old pixel of a line counts in each new one, (new, old): a triangle around its centre."""
    scale = old / new
    reach = max(scale, 1.0) if antialias else 1.0
    centre = (np.arange(new) + 0.5) * scale - 0.5  # in pixels of the old line
    found = (1 - np.abs(np.arange(old) - centre[:, None]) / reach).clip(0)
    made: np.ndarray[Any, Any] = found / found.sum(1, keepdims=True)
    return made
