"""First names: 8,422 short words that follow no rule that anybody wrote down."""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterator
from importlib.resources import files

HELD_OUT = 842  # about a tenth


class Names:
    """English first names, one string each: 7,580 for training, 842 held out, always the same ones.

    Source: the word lists of stdlib-js (female and male first names), CC0.

    >>> names = Names(train=True)
    >>> len(names), names[0], len(names.alphabet)
    (7580, 'Calla', 53)
    """

    def __init__(self, train: bool = True) -> None:
        packed = files("tinytorch.datasets").joinpath("names.txt.gz").read_bytes()
        names = gzip.decompress(packed).decode("ascii").split("\n")[:-1]
        self.alphabet = sorted(set("".join(names)))
        draw = random.Random(
            1998
        ).random  # of all generators only this promises the same numbers in every version
        order = sorted(range(len(names)), key=lambda _: draw())
        self.names = [names[i] for i in (order[HELD_OUT:] if train else order[:HELD_OUT])]

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> str:
        return self.names[index]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)
