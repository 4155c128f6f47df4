"""Handwritten digits, 8 x 8: small enough to ship, real enough to learn from."""

from __future__ import annotations

import gzip
import random
from importlib.resources import files

import numpy as np

from tinytorch.creation import from_numpy
from tinytorch.utils.data import TensorDataset

HELD_OUT = 360  # of 1,797, about a fifth


class Digits(TensorDataset):
    """UCI handwritten digits: images (n, 8, 8) float32 from 0 to 1, labels (n,) int64.

    1,437 for training, 360 held out, always the same ones. Source: Optical Recognition of Handwritten
    Digits, E. Alpaydin and C. Kaynak, UCI, 1998; licence and citation stand in the README beside this file.

    >>> train, held_out = Digits(train=True), Digits(train=False)
    >>> len(train), len(held_out), train.images.shape
    (1437, 360, (1437, 8, 8))
    """

    def __init__(self, train: bool = True) -> None:
        packed = files("tinytorch.datasets").joinpath("digits.csv.gz").read_bytes()
        lines = gzip.decompress(packed).decode("ascii").splitlines()
        rows = np.array([[float(cell) for cell in line.split(",")] for line in lines])
        # Of all generators only this method promises the same numbers in every version.
        draw = random.Random(1998).random
        order = sorted(range(len(rows)), key=lambda _: draw())
        rows = rows[order[HELD_OUT:] if train else order[:HELD_OUT]]
        self.images = from_numpy((rows[:, :64] / 16).astype(np.float32).reshape(-1, 8, 8))
        self.labels = from_numpy(rows[:, 64].astype(np.int64))
        super().__init__(self.images, self.labels)
