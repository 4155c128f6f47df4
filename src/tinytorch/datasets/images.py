"""Images with labels: what a sample is, and the part of Fashion-MNIST that ships."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any, ClassVar

import numpy as np

from tinytorch.creation import from_numpy
from tinytorch.tensor import Tensor
from tinytorch.utils.data import Dataset

Transform = Callable[[Any], Any]
CLOTHES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip


class Images(Dataset):
    """Images and labels in memory. A sample is an image, as a uint8 NumPy array, and its label, an int.

    transform and target_transform: called with an image, or a label, when it is asked for.
    """

    classes: ClassVar[Sequence[str]] = ()
    data: Any  # (n, height, width) or (n, height, width, channel), uint8
    targets: Any  # (n,)

    def __init__(self, transform: Transform | None = None, target_transform: Transform | None = None) -> None:
        self.transform = transform
        self.target_transform = target_transform

    @property
    def class_to_idx(self) -> dict[str, int]:
        """From the name of a class to its label."""
        return {name: i for i, name in enumerate(self.classes)}

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image, label = self.data[index], int(self.targets[index])
        if isinstance(image, Tensor):
            image = image.numpy()
        if self.transform is not None:
            image = self.transform(image)
        return image, label if self.target_transform is None else self.target_transform(label)

    def __len__(self) -> int:
        return len(self.data)


class FashionMNISTSubset(Images):
    """6,000 images of clothes for training, 1,000 held out, 28 x 28: a tenth of Fashion-MNIST, which ships.

    data: (n, 28, 28) uint8, targets: (n,) int64. Source: Xiao, Rasul and Vollgraf, "Fashion-MNIST: a Novel Image
    Dataset for Benchmarking Machine Learning Algorithms", 2017, MIT licence; both stand beside this file.

    >>> train = FashionMNISTSubset()
    >>> len(train), len(FashionMNISTSubset(train=False)), train.data.shape, train.classes[train[0][1]]
    (6000, 1000, (6000, 28, 28), 'Ankle boot')
    """

    classes = CLOTHES

    def __init__(
        self,
        train: bool = True,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
    ) -> None:
        super().__init__(transform, target_transform)
        self.train = train
        which = "train" if train else "test"
        packed = files("tinytorch.datasets").joinpath("fashion_mnist_6000_1000.npz")
        with packed.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            self.data = from_numpy(arrays[f"x_{which}"])
            self.targets = from_numpy(arrays[f"y_{which}"].astype(np.int64))
