"""Random inputs for probes, as text that can be pasted: shapes, layouts, and tensors that often come as views."""

from __future__ import annotations

from math import prod
from random import Random

Shape = tuple[int, ...]


def some_shape(rng: Random, least: int = 0, axes: int = 4) -> Shape:
    """Up to so many axes of up to five; sizes of 1 are frequent, smaller ones than `least` never."""
    sizes = [size for size in (0, 1, 1, 2, 3, 4, 5) if size >= least]
    return tuple(rng.choice(sizes) for _ in range(rng.randint(0, axes)))


def narrower(rng: Random, shape: Shape) -> Shape:
    """A shape that broadcasts to another one: some axes 1, some of the first ones left out."""
    return tuple(1 if rng.random() < 0.3 else size for size in shape[rng.randint(0, len(shape)) :])


def regrouped(rng: Random, elements: int) -> Shape:
    """A shape for so many elements."""
    shape = []
    while elements > 1:
        shape.append(rng.choice([n for n in range(1, elements + 1) if elements % n == 0]))
        elements //= shape[-1]
    return tuple(shape)


def some_layout(rng: Random, shape: Shape) -> str:
    """A layout of a shape: its axes in any order in memory, with gaps, stretched axes, an offset."""
    strides, gap = [0] * len(shape), rng.choice([1, 1, 2])
    order = list(reversed(range(len(shape))))
    for axis in rng.sample(order, len(order)) if rng.random() < 0.5 else order:
        strides[axis] = 0 if rng.random() < 0.1 else gap
        gap *= max(shape[axis], 1) * rng.choice([1, 1, 2])
    return f"Layout({shape}, {tuple(strides)}, {rng.randint(0, 9)})"


def some_tensor(rng: Random, shape: Shape, convert: str = "/ 2.0", then: str = "") -> str:
    """A tensor of a shape: whole numbers, converted, and seen through a view.

    By default they are halves: whatever the order in which they are added, the sum is the same. `then` comes
    before the view: `.to('loops')`. What is random in it comes from a seed of its own.
    """
    base, view = seen_through(rng, shape)
    numbers = f"tt.randint(-9, 10, {base}, generator=tt.Generator().manual_seed({rng.randint(0, 999)}))"
    return f"({numbers} {convert}){then}{view}" if convert or view or then else numbers


def seen_through(rng: Random, shape: Shape) -> tuple[Shape, str]:
    """A shape, and the view that makes the wanted one of it."""
    ways = ["", "", "permute", "flip", "slice", "expand"]
    way, axis = rng.choice(ways if shape else [""]), rng.randrange(len(shape) or 1)
    base = list(shape)
    if way == "permute":
        axes = rng.sample(range(len(shape)), len(shape))
        for i, size in enumerate(shape):
            base[axes[i]] = size
        return tuple(base), f".permute({tuple(axes)})"
    if way == "flip":
        return shape, f".flip({axis})"
    if way == "slice":
        base[axis] *= 2
        return tuple(base), f"[{':, ' * axis}1::2]"
    if way == "expand":
        base[axis] = min(1, base[axis])
        return tuple(base), f".expand({shape})"
    return shape, ""


def elements(shape: Shape) -> int:
    """How many a shape has."""
    return prod(shape)
