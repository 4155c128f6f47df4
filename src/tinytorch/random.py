"""Random numbers the way PyTorch hands them out: a generator with a seed, and one for all by default.

The generator is NumPy's Philox, so the same seed gives other numbers than in PyTorch, and the same ones
on every machine.
"""

from __future__ import annotations

import json
import secrets
from typing import Any

import numpy as np

from tinytorch import dtypes
from tinytorch.creation import from_numpy
from tinytorch.dtypes import dtype as Dtype
from tinytorch.tensor import Tensor, axes_of


class Generator:
    """A stream of random numbers (`torch.Generator`).

    >>> g = Generator().manual_seed(0)
    >>> a = rand(2, generator=g)
    >>> bool((a == rand(2, generator=g.manual_seed(0))).all())
    True
    """

    def __init__(self, device: Any = "cpu") -> None:
        self.device = device
        self.manual_seed(67280421310721)  # PyTorch's default seed

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream that belongs to `seed`."""
        self.start = int(seed)
        self.numpy = np.random.Generator(np.random.Philox(self.start % 2**64))
        return self

    def seed(self) -> int:
        """Start a stream that nobody can foresee; returns its seed."""
        self.manual_seed(secrets.randbits(63))
        return self.start

    def initial_seed(self) -> int:
        """The seed that the stream was started with."""
        return self.start

    def get_state(self) -> Tensor:
        """Where the stream stands, as bytes in a uint8 tensor."""
        state = json.dumps([self.start, plain(self.numpy.bit_generator.state)]).encode()
        return from_numpy(np.frombuffer(state, np.uint8).copy())

    def set_state(self, state: Tensor) -> Generator:
        """Continue from where `get_state` was called."""
        self.start, inner = json.loads(state.numpy().tobytes())
        inner["state"] = {name: np.array(each, np.uint64) for name, each in inner["state"].items()}
        inner["buffer"] = np.array(inner["buffer"], np.uint64)
        self.numpy.bit_generator.state = inner
        return self


def plain(state: Any) -> Any:
    """A generator's state without NumPy types."""
    if isinstance(state, dict):
        return {name: plain(each) for name, each in state.items()}
    return state.tolist() if isinstance(state, np.ndarray) else state


default_generator = Generator()


def chosen(generator: Generator | None) -> np.random.Generator:
    """The stream to draw from."""
    return (generator or default_generator).numpy


def manual_seed(seed: int) -> Generator:
    """Start the default stream that belongs to `seed`."""
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Start an unforeseeable default stream."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed of the default stream."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """Where the default stream stands."""
    return default_generator.get_state()


def set_rng_state(state: Tensor) -> None:
    """Continue the default stream from there."""
    default_generator.set_state(state)


def drawn(values: Any, dtype: Dtype | None, requires_grad: bool) -> Tensor:
    """Random values as a tensor."""
    made = from_numpy(np.asarray(values, (dtype or dtypes.get_default_dtype()).numpy))
    return made.requires_grad_() if requires_grad else made


def rand(
    *size: Any,
    generator: Generator | None = None,
    dtype: Dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Evenly spread over [0, 1)."""
    return drawn(chosen(generator).random(axes_of(size), np.float32), dtype, requires_grad)


def randn(
    *size: Any,
    generator: Generator | None = None,
    dtype: Dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Normal, mean 0, standard deviation 1."""
    return drawn(chosen(generator).standard_normal(axes_of(size), np.float32), dtype, requires_grad)


def randint(
    low: int, high: Any, size: Any = None, *, generator: Generator | None = None, dtype: Dtype | None = None
) -> Tensor:
    """Whole numbers from `low` up to, not including, `high`; with one bound, from 0."""
    if size is None:
        low, high, size = 0, low, high
    return drawn(chosen(generator).integers(low, high, tuple(size)), dtype or dtypes.int64, False)


def randperm(n: int, *, generator: Generator | None = None) -> Tensor:
    """The numbers 0 to n - 1 in random order."""
    return drawn(chosen(generator).permutation(n), dtypes.int64, False)


def rand_like(x: Tensor, *, generator: Generator | None = None) -> Tensor:
    """`rand` in the shape and dtype of `x`."""
    return rand(x.shape, generator=generator, dtype=x.dtype)


def randn_like(x: Tensor, *, generator: Generator | None = None) -> Tensor:
    """`randn` in the shape and dtype of `x`."""
    return randn(x.shape, generator=generator, dtype=x.dtype)


def normal(mean: Any, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None) -> Tensor:
    """Normal with the mean and standard deviation of each element, or of all of `size`."""
    like = mean if isinstance(mean, Tensor) else std
    shape = like.shape if size is None else size
    return randn(shape, generator=generator) * std + mean


def bernoulli(p: Tensor, *, generator: Generator | None = None) -> Tensor:
    """1 with the probability that each element says, else 0."""
    return drawn(chosen(generator).random(p.shape) < p.detach().numpy(), p.dtype, False)


def multinomial(
    weights: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """Indices drawn with the given weights: one row of `num_samples` for each row of weights."""
    w = weights.detach().numpy().astype(np.float64)
    rows = w.reshape(-1, w.shape[-1])
    if (rows < 0).any() or not np.isfinite(rows).all() or (rows.sum(1) <= 0).any():
        raise RuntimeError("multinomial needs weights that are finite, not negative, and not all zero")
    if not replacement and ((rows > 0).sum(1) < num_samples).any():
        raise RuntimeError(f"cannot draw {num_samples} samples without replacement from so few weights")
    stream = chosen(generator)
    picked = [stream.choice(row.size, num_samples, replacement, row / row.sum()) for row in rows]
    return drawn(np.reshape(picked, (*w.shape[:-1], num_samples)), dtypes.int64, False)


def fill_uniform(x: Tensor, low: float, high: float, generator: Generator | None = None) -> Tensor:
    """Overwrite `x` with numbers evenly spread over [low, high)."""
    return x.set_data(chosen(generator).uniform(low, high, x.shape), "uniform_")


def fill_normal(x: Tensor, mean: float, std: float, generator: Generator | None = None) -> Tensor:
    """Overwrite `x` with normal numbers."""
    return x.set_data(chosen(generator).normal(mean, std, x.shape), "normal_")


def dropout(x: Tensor, p: float, training: bool, generator: Generator | None = None) -> Tensor:
    """Each element 0 with probability `p`, the others scaled by 1 / (1 - p); `x` itself out of training.

    Raises ValueError unless 0 <= p <= 1.
    """
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    if not training or p == 0.0:
        return x
    if p == 1.0:
        return x * 0.0
    keep = chosen(generator).random(x.shape, np.float32) >= p
    return x * drawn(keep / (1.0 - p), x.dtype, False)
