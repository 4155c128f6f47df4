"""Transforms as objects: made once, called with each image; what they draw comes from tinytorch's generator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any

from tinytorch.random import rand, randint
from tinytorch.tensor import Tensor
from tinytorch.transforms import functional as F

Size = int | Sequence[int]


class InterpolationMode(Enum):
    """How pixels between pixels are found."""

    NEAREST = "nearest"
    BILINEAR = "bilinear"


class Transform:
    """Base of all: called with an image, returns another."""

    def __call__(self, img: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not say what it does")

    def shown(self) -> dict[str, Any]:
        """What its representation says."""
        return {}

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({', '.join(f'{name}={value}' for name, value in self.shown().items())})"
        )


class Compose(Transform):
    """One transform after the other.

    >>> Compose([ToTensor(), Normalize((0.5,), (0.5,))])
    Compose(
        ToTensor()
        Normalize(mean=(0.5,), std=(0.5,))
    )
    """

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]) -> None:
        self.transforms = transforms

    def __call__(self, img: Any) -> Any:
        for each in self.transforms:
            img = each(img)
        return img

    def __repr__(self) -> str:
        return "\n".join([f"{type(self).__name__}(", *[f"    {each}" for each in self.transforms], ")"])


class ToTensor(Transform):
    """An array (row, column[, channel]) as a float tensor (channel, row, column); bytes become 0 to 1."""

    def __call__(self, pic: Any) -> Tensor:
        return F.to_tensor(pic)


class Lambda(Transform):
    """Any function as a transform."""

    def __init__(self, lambd: Callable[[Any], Any]) -> None:
        if not callable(lambd):
            raise TypeError(f"Argument lambd should be callable, got {type(lambd).__name__!r}")
        self.lambd = lambd

    def __call__(self, img: Any) -> Any:
        return self.lambd(img)


class Normalize(Transform):
    """(x - mean) / std for each channel of a float tensor (..., channel, row, column)."""

    def __init__(self, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> None:
        self.mean, self.std, self.inplace = mean, std, inplace

    def __call__(self, tensor: Tensor) -> Tensor:
        return F.normalize(tensor, self.mean, self.std, self.inplace)

    def shown(self) -> dict[str, Any]:
        """Mean and std."""
        return {"mean": self.mean, "std": self.std}


class Resize(Transform):
    """To another size; one number is the shorter side."""

    def __init__(
        self,
        size: Size,
        interpolation: Any = InterpolationMode.BILINEAR,
        max_size: int | None = None,
        antialias: bool | None = True,
    ) -> None:
        if max_size is not None:
            raise ValueError("max_size is not there: give both sides of the size")
        self.size, self.interpolation, self.antialias = size, interpolation, antialias

    def __call__(self, img: Any) -> Any:
        return F.resize(img, self.size, self.interpolation, self.antialias)

    def shown(self) -> dict[str, Any]:
        """Size and how."""
        how = getattr(self.interpolation, "value", self.interpolation)
        return {"size": self.size, "interpolation": how, "max_size": None, "antialias": self.antialias}


class CenterCrop(Transform):
    """The middle."""

    def __init__(self, size: Size) -> None:
        self.size = tuple(F.pair(size))

    def __call__(self, img: Any) -> Any:
        return F.center_crop(img, self.size)

    def shown(self) -> dict[str, Any]:
        """The size."""
        return {"size": self.size}


class Pad(Transform):
    """More pixels around."""

    def __init__(self, padding: Size, fill: float = 0, padding_mode: str = "constant") -> None:
        self.padding, self.fill, self.padding_mode = padding, fill, padding_mode

    def __call__(self, img: Any) -> Any:
        return F.pad(img, self.padding, self.fill, self.padding_mode)

    def shown(self) -> dict[str, Any]:
        """How much of what."""
        return {"padding": self.padding, "fill": self.fill, "padding_mode": self.padding_mode}


class RandomCrop(Transform):
    """A rectangle of a size, anywhere in the image, after it was padded."""

    def __init__(
        self,
        size: Size,
        padding: Size | None = None,
        pad_if_needed: bool = False,
        fill: float = 0,
        padding_mode: str = "constant",
    ) -> None:
        self.size = tuple(F.pair(size))
        self.padding, self.pad_if_needed = padding, pad_if_needed
        self.fill, self.padding_mode = fill, padding_mode

    def __call__(self, img: Any) -> Any:
        if self.padding is not None:
            img = F.pad(img, self.padding, self.fill, self.padding_mode)
        height, width = self.size
        rows, columns = F.get_size(img)
        if self.pad_if_needed and (rows < height or columns < width):
            sides = [max(width - columns, 0), max(height - rows, 0)]
            img = F.pad(img, sides, self.fill, self.padding_mode)
            rows, columns = F.get_size(img)
        if rows < height or columns < width:
            raise ValueError(
                f"Required crop size {(height, width)} is larger than input image size {(rows, columns)}"
            )
        top, left = [int(randint(n + 1, ())) for n in (rows - height, columns - width)]
        return F.crop(img, top, left, height, width)

    def shown(self) -> dict[str, Any]:
        """Size and padding."""
        return {"size": self.size, "padding": self.padding}


class RandomHorizontalFlip(Transform):
    """Left and right exchanged, with probability p."""

    flip = staticmethod(F.hflip)

    def __init__(self, p: float = 0.5) -> None:
        self.p = p

    def __call__(self, img: Any) -> Any:
        return self.flip(img) if rand(1).item() < self.p else img

    def shown(self) -> dict[str, Any]:
        """The probability."""
        return {"p": self.p}


class RandomVerticalFlip(RandomHorizontalFlip):
    """Top and bottom exchanged, with probability p."""

    flip = staticmethod(F.vflip)


class RandomApply(Transform):
    """All of some transforms, with probability p; else none."""

    def __init__(self, transforms: Sequence[Callable[[Any], Any]], p: float = 0.5) -> None:
        self.transforms, self.p = transforms, p

    def __call__(self, img: Any) -> Any:
        return Compose(self.transforms)(img) if rand(1).item() < self.p else img

    def shown(self) -> dict[str, Any]:
        """Probability and transforms."""
        return {"transforms": self.transforms, "p": self.p}
