"""Random numbers the way PyTorch hands them out: a generator with a seed, and one for all by default.

The generator is NumPy's Philox, so the same seed gives other numbers than in PyTorch, and the same ones
on every machine. Nothing is drawn or seeded before the first use.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tinytorch import dtypes
from tinytorch.creation import from_numpy
from tinytorch.dtypes import dtype as Dtype
from tinytorch.errors import DtypeError
from tinytorch.layout import broadcast_shapes
from tinytorch.tensor import Tensor, axes_of

FIRST_SEED = 67280421310721  # of every new generator, as in PyTorch


class Generator:
    """A stream of random numbers (`torch.Generator`). A new one always starts with the same seed.

    >>> g = Generator().manual_seed(0)
    >>> a = rand(2, generator=g)
    >>> bool((a == rand(2, generator=g.manual_seed(0))).all())
    True
    """

    def __init__(self, device: Any = "cpu") -> None:
        self.device = device
        self.start: int | None = FIRST_SEED  # None: to be chosen at the first use
        self.stream: np.random.Generator | None = None

    @property
    def numpy(self) -> np.random.Generator:
        """NumPy's generator, made when first asked for."""
        if self.stream is None:
            self.stream = np.random.Generator(np.random.Philox(self.initial_seed() % 2**64))
        return self.stream

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream that belongs to `seed`. Raises ValueError for one of more than 64 bits."""
        seed = int(seed)
        if not -(2**63) <= seed < 2**64:
            raise ValueError(f"a seed has 64 bits, and {seed} does not fit into them")
        self.start, self.stream = seed, None
        return self

    def seed(self) -> int:
        """Start a stream that nobody can foresee; returns its seed."""
        return self.manual_seed(secrets.randbits(63)).initial_seed()

    def initial_seed(self) -> int:
        """The seed that the stream was started with."""
        if self.start is None:
            self.start = secrets.randbits(63)
        return self.start

    def get_state(self) -> Tensor:
        """Where the stream stands, as bytes in a uint8 tensor."""
        state = json.dumps([self.initial_seed(), plain(self.numpy.bit_generator.state)]).encode()
        return from_numpy(np.frombuffer(state, np.uint8).copy())

    def set_state(self, state: Tensor) -> Generator:
        """Continue from where `get_state` was called.

        Raises TypeError if the state is no uint8 tensor, RuntimeError if no generator wrote it.
        """
        if not isinstance(state, Tensor) or state.dtype is not dtypes.uint8:
            raise TypeError("the state of a generator must be a uint8 tensor")
        fresh = np.random.Philox(0)
        try:
            start, inner = json.loads(state.numpy().tobytes())
            inner["state"] = {name: np.array(each, np.uint64) for name, each in inner["state"].items()}
            inner["buffer"] = np.array(inner["buffer"], np.uint64)
            fresh.state = inner
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            raise RuntimeError(
                f"these {state.numel()} bytes are not the state of a generator: {error}"
            ) from error
        self.start, self.stream = int(start), np.random.Generator(fresh)
        return self

    def clone_state(self) -> Generator:
        """Another generator that stands at the same place."""
        return Generator(self.device).set_state(self.get_state())

    clone = clone_state


def plain(state: Any) -> Any:
    """A generator's state without NumPy types."""
    if isinstance(state, dict):
        return {name: plain(each) for name, each in state.items()}
    return state.tolist() if isinstance(state, np.ndarray) else state


default_generator = Generator()
default_generator.start = None  # unforeseeable, until somebody seeds it


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


@contextmanager
def fork_rng(enabled: bool = True) -> Iterator[None]:
    """What is drawn inside the block leaves the default stream where it was (`torch.random.fork_rng`).

    >>> _ = manual_seed(0)
    >>> with fork_rng():
    ...     inside = rand(1)
    >>> bool(rand(1) == inside)
    True
    """
    start, stream = default_generator.start, default_generator.stream
    try:
        if enabled and stream is not None:
            default_generator.set_state(default_generator.get_state())  # on another stream, at the same place
        yield
    finally:
        if enabled:
            default_generator.start, default_generator.stream = start, stream


def drawn(values: Any, dtype: Dtype | None, requires_grad: bool) -> Tensor:
    """Random values as a tensor."""
    made = from_numpy(np.asarray(values, (dtype or dtypes.get_default_dtype()).numpy))
    return made.requires_grad_() if requires_grad else made


def floating(dtype: Dtype | None, name: str) -> Dtype:
    """The dtype to draw. Raises DtypeError for one without fractions."""
    dtype = dtype or dtypes.get_default_dtype()
    if not dtype.is_floating_point:
        raise DtypeError(f"{name} draws fractions, which {dtype} cannot hold")
    return dtype


def evenly(stream: np.random.Generator, shape: tuple[int, ...], dtype: Dtype) -> np.ndarray[Any, Any]:
    """Numbers in [0, 1), as many different ones as the dtype can tell apart."""
    if dtype is dtypes.float16:  # rounding a finer number could give 1
        return (stream.integers(0, 2048, shape, np.int16) / np.float16(2048)).astype(np.float16)
    return np.asarray(stream.random(shape, np.float64 if dtype is dtypes.float64 else np.float32))


def bell(stream: np.random.Generator, shape: tuple[int, ...], dtype: Dtype) -> np.ndarray[Any, Any]:
    """Normal numbers with mean 0 and standard deviation 1."""
    return np.asarray(stream.standard_normal(shape, np.float64 if dtype is dtypes.float64 else np.float32))


def rand(
    *size: Any,
    generator: Generator | None = None,
    dtype: Dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Evenly spread over [0, 1)."""
    dtype = floating(dtype, "rand")
    return drawn(evenly(chosen(generator), axes_of(size), dtype), dtype, requires_grad)


def randn(
    *size: Any,
    generator: Generator | None = None,
    dtype: Dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Normal, mean 0, standard deviation 1."""
    dtype = floating(dtype, "randn")
    return drawn(bell(chosen(generator), axes_of(size), dtype), dtype, requires_grad)


def randint(
    low: int,
    high: Any,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Whole numbers from `low` up to, not including, `high`; with one bound, from 0."""
    if size is None:
        low, high, size = 0, low, high
    return drawn(whole(chosen(generator), low, high, tuple(size)), dtype or dtypes.int64, requires_grad)


def whole(stream: np.random.Generator, low: int, high: int, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """Whole numbers in [low, high). Raises RuntimeError if there are none."""
    if low >= high:
        raise RuntimeError(f"there is no whole number from {low} up to, not including, {high}")
    return np.asarray(stream.integers(low, high, shape))


def randperm(
    n: int, *, generator: Generator | None = None, dtype: Dtype | None = None, device: Any = None
) -> Tensor:
    """The numbers 0 to n - 1 in random order."""
    if n < 0:
        raise RuntimeError(f"randperm needs a number of elements that is not negative, not {n}")
    return drawn(chosen(generator).permutation(n), dtype or dtypes.int64, False)


def rand_like(x: Tensor, *, generator: Generator | None = None, dtype: Dtype | None = None) -> Tensor:
    """`rand` in the shape and dtype of `x`."""
    return rand(x.shape, generator=generator, dtype=dtype or x.dtype)


def randn_like(x: Tensor, *, generator: Generator | None = None, dtype: Dtype | None = None) -> Tensor:
    """`randn` in the shape and dtype of `x`."""
    return randn(x.shape, generator=generator, dtype=dtype or x.dtype)


def randint_like(
    x: Tensor,
    low: int,
    high: int | None = None,
    *,
    generator: Generator | None = None,
    dtype: Dtype | None = None,
) -> Tensor:
    """`randint` in the shape and dtype of `x`."""
    low, high = (0, low) if high is None else (low, high)
    return randint(low, high, x.shape, generator=generator, dtype=dtype or x.dtype)


def normal(
    mean: Any,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Dtype | None = None,
) -> Tensor:
    """Normal with the mean and standard deviation of each element, or of all of `size`."""
    tensors = [each for each in (mean, std) if isinstance(each, Tensor)]
    if not tensors and size is None:
        raise TypeError("normal of two numbers needs a size")
    if not isinstance(std, Tensor) and std < 0:
        raise RuntimeError(f"a standard deviation is not negative, and std is {std}")
    shape = broadcast_shapes(*[each.shape for each in tensors]) if size is None else size
    dtype = dtype or (tensors[0].dtype if tensors else None)
    return randn(shape, generator=generator, dtype=dtype) * std + mean


def bernoulli(p: Tensor, *, generator: Generator | None = None) -> Tensor:
    """1 with the probability that each element says, else 0."""
    return drawn(happens(chosen(generator), p, p.shape), floating(p.dtype, "bernoulli"), False)


def happens(stream: np.random.Generator, p: Any, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """True with probability `p`, a number or a tensor. Raises RuntimeError for one beyond 0 and 1."""
    p = np.asarray(p.detach().numpy() if isinstance(p, Tensor) else p)
    if not ((p >= 0) & (p <= 1)).all():
        raise RuntimeError("a probability lies between 0 and 1, and not all of these do")
    return stream.random(shape) < p


def multinomial(
    weights: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """Indices drawn with the given weights: one row of `num_samples` for each row of weights."""
    if not weights.is_floating_point():
        raise DtypeError(f"multinomial takes weights of a floating point type, not {weights.dtype}")
    w = weights.detach().numpy().astype(np.float64)
    rows = w.reshape(-1, w.shape[-1])
    if (rows < 0).any() or not np.isfinite(rows).all() or (rows.sum(1) <= 0).any():
        raise RuntimeError("multinomial needs weights that are finite, not negative, and not all zero")
    fewest = int((rows > 0).sum(1).min(initial=w.shape[-1]))
    if not replacement and fewest < num_samples:
        raise RuntimeError(f"cannot draw {num_samples} samples without replacement from {fewest} weights")
    stream = chosen(generator)
    picked = [stream.choice(row.size, num_samples, replacement, row / row.sum()) for row in rows]
    return drawn(np.reshape(picked, (*w.shape[:-1], num_samples)), dtypes.int64, False)


def fill_uniform(
    x: Tensor, low: float = 0.0, high: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Overwrite `x` with numbers evenly spread over [low, high)."""
    if low > high:
        raise RuntimeError(f"there is nothing from {low} up to {high}")
    dtype = floating(x.dtype, "uniform_")
    return x.set_data(evenly(chosen(generator), x.shape, dtype) * (high - low) + low, "uniform_")


def fill_normal(x: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Overwrite `x` with normal numbers."""
    if std < 0:
        raise RuntimeError(f"a standard deviation is not negative, and std is {std}")
    dtype = floating(x.dtype, "normal_")
    return x.set_data(bell(chosen(generator), x.shape, dtype) * std + mean, "normal_")


def fill_bernoulli(x: Tensor, p: Any = 0.5, generator: Generator | None = None) -> Tensor:
    """Overwrite `x` with 1 where a draw of probability `p` succeeds, else 0."""
    return x.set_data(happens(chosen(generator), p, x.shape), "bernoulli_")


def fill_exponential(x: Tensor, rate: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Overwrite `x` with waiting times between events that come `rate` times in one unit of time."""
    if rate <= 0:
        raise RuntimeError(f"exponential_ expects a rate above 0, and it is {rate}")
    floating(x.dtype, "exponential_")
    return x.set_data(chosen(generator).standard_exponential(x.shape) / rate, "exponential_")


def fill_random(
    x: Tensor, low: int = 0, high: int | None = None, generator: Generator | None = None
) -> Tensor:
    """Overwrite `x` with whole numbers in [low, high), or in all of [0, high) that its dtype can hold.

    With one bound, it is the upper one, as in PyTorch's `random_(5)`.
    """
    if high is None:
        low, high = (0, low) if low else (0, whole_numbers(x.dtype))
    return x.set_data(whole(chosen(generator), low, high, x.shape), "random_")


def whole_numbers(dtype: Dtype) -> int:
    """How many whole numbers from 0 on a dtype holds without a gap.

    >>> whole_numbers(dtypes.uint8), whole_numbers(dtypes.float16)
    (256, 2049)
    """
    if dtype.is_floating_point:
        return 2 ** (np.finfo(dtype.numpy).nmant + 1) + 1
    return 2 if dtype is dtypes.bool_ else dtypes.iinfo(dtype).max + 1


for _name, _fill in {
    "uniform_": fill_uniform,
    "normal_": fill_normal,
    "bernoulli_": fill_bernoulli,
    "exponential_": fill_exponential,
    "random_": fill_random,
}.items():
    setattr(Tensor, _name, _fill)


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
