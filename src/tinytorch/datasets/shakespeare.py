"""Shakespeare: one megabyte of plays, on which a small language model learns in minutes."""

from __future__ import annotations

import gzip
from functools import cache
from importlib.resources import files

import numpy as np

from tinytorch.creation import from_numpy
from tinytorch.tensor import Tensor


@cache
def whole() -> str:
    """All 1,115,394 characters."""
    packed = files("tinytorch.datasets").joinpath("shakespeare.txt.gz").read_bytes()
    return gzip.decompress(packed).decode("ascii")


class Shakespeare:
    """The first nine tenths of the plays, or the last: `text`, and the ids of its characters (n,) int64.

    alphabet: the 65 characters that occur in the whole, in their order; an id is a place in it. The split is
    the one that others report losses for. Source: A. Karpathy's char-rnn, 2015; the plays are in the public domain.

    >>> data = Shakespeare(train=True)
    >>> data.text[:14], data.ids[:5].tolist(), data.decode(data.encode("Romeo"))
    ('First Citizen:', [18, 47, 56, 57, 58], 'Romeo')
    """

    def __init__(self, train: bool = True) -> None:
        text = whole()
        cut = len(text) * 9 // 10
        self.alphabet = "".join(sorted(set(text)))
        self.text = text[:cut] if train else text[cut:]
        self.ids = self.encode(self.text)

    def __len__(self) -> int:
        return len(self.text)

    def encode(self, text: str) -> Tensor:
        """The ids of characters, (n,) int64. Raises ValueError for one that Shakespeare does not have."""
        codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
        known = np.array([ord(c) for c in self.alphabet])
        ids = np.searchsorted(known, codes).clip(max=len(known) - 1)
        if (known[ids] != codes).any():
            raise ValueError(f"{text[int((known[ids] != codes).argmax())]!r} is not in the alphabet")
        return from_numpy(ids.astype(np.int64))

    def decode(self, ids: Tensor) -> str:
        """The characters of ids (n,)."""
        return "".join([self.alphabet[i] for i in ids.tolist()])
