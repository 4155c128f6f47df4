"""The numbers with which every backend begins: parameters and batches, made by NumPy alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

Values = np.ndarray[Any, Any]
F32 = np.float32
LETTERS = 65


def initial(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Values]:
    """Parameters by name, drawn in the order in which they are named."""
    random, made = np.random.default_rng(0), {}
    for name, shape in shapes.items():
        if len(shape) == 1:
            made[name] = np.ones(shape, F32) if name.endswith("weight") else np.zeros(shape, F32)
        elif "embedding" in name:
            made[name] = random.standard_normal(shape, F32) * F32(0.02)
        else:
            made[name] = (random.random(shape, F32) * 2 - 1) / F32(math.sqrt(np.prod(shape[1:])))
    return made


def images(*shape: int) -> tuple[Values, Values]:
    """A batch of random images or rows with labels below 10."""
    random = np.random.default_rng(1)
    return random.random(shape, F32), random.integers(0, 10, shape[0])


def letters(batch: int, longest: int) -> tuple[Values, Values]:
    """Random letters, and those that should be predicted after them."""
    random = np.random.default_rng(1)
    return random.integers(0, LETTERS, (batch, longest)), random.integers(0, LETTERS, (batch, longest))


def matrices() -> tuple[Values, Values]:
    """Two matrices of 8 x 8."""
    random = np.random.default_rng(0)
    return random.random((8, 8), F32), random.random((8, 8), F32)
