"""Random numbers the way PyTorch hands them out: a generator with a seed, and one for all by default.

The generator is NumPy's Philox, so the same seed gives other numbers than in PyTorch, and the same ones
on every machine. Nothing is drawn or seeded before the first use.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np

from tinytorch import dtypes
from tinytorch.creation import as_in_pytorch, from_numpy, like, sizes_of
from tinytorch.dtypes import dtype as Dtype
from tinytorch.errors import DtypeError
from tinytorch.layout import broadcast_shapes
from tinytorch.tensor import Tensor

FIRST_SEED = 67280421310721  # of every new generator, as in PyTorch


class Generator:
    """A stream of random numbers (`torch.Generator`). A new one always starts with the same seed.

    >>> g = Generator().manual_seed(0)
    >>> a = rand(2, generator=g)
    >>> bool((a == rand(2, generator=g.manual_seed(0))).all())
    True
    """

    watching: ClassVar[Callable[[], None] | None] = None  # called before numbers are drawn

    def __init__(self, device: Any = "cpu") -> None:
        self.device = device
        self.start: int | None = FIRST_SEED  # None: to be chosen at the first use
        self.stream: np.random.Generator | None = None

    @property
    def numpy(self) -> np.random.Generator:
        """NumPy's generator, made when first asked for."""
        if Generator.watching is not None:
            Generator.watching()
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


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """What is drawn inside the block comes from the stream of `seed`; the default stream stays where it was.

    >>> with seeded(3):
    ...     inside = rand(1)
    >>> _ = manual_seed(3)
    >>> bool(rand(1) == inside)
    True
    """
    held = default_generator.start, default_generator.stream
    default_generator.manual_seed(seed)
    try:
        yield
    finally:
        default_generator.start, default_generator.stream = held


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
    if dtype.wide is not None:  # rounding a finer number could give 1
        steps = round(1 / dtypes.finfo(dtype).eps) * 2
        return (stream.integers(0, steps, shape, np.int16) / np.float32(steps)).astype(dtype.numpy)
    return np.asarray(stream.random(shape, np.float64 if dtype is dtypes.float64 else np.float32))


def bell(stream: np.random.Generator, shape: tuple[int, ...], dtype: Dtype) -> np.ndarray[Any, Any]:
    """Normal numbers with mean 0 and standard deviation 1."""
    return np.asarray(stream.standard_normal(shape, np.float64 if dtype is dtypes.float64 else np.float32))


@as_in_pytorch
def rand(
    *size: Any,
    generator: Generator | None = None,
    dtype: Dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Evenly spread over [0, 1)."""
    dtype = floating(dtype, "rand")
    return drawn(evenly(chosen(generator), sizes_of(size), dtype), dtype, requires_grad)


@as_in_pytorch
def randn(
    *size: Any,
    generator: Generator | None = None,
    dtype: Dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Normal, mean 0, standard deviation 1."""
    dtype = floating(dtype, "randn")
    return drawn(bell(chosen(generator), sizes_of(size), dtype), dtype, requires_grad)


def randint(
    low: int,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
    **wishes: Any,
) -> Tensor:
    """Whole numbers from `low` up to, not including, `high`; with one bound, from 0."""
    if not isinstance(high, (int, np.integer)):
        low, high, size = 0, low, high if size is None else size
    dtype = dtype or dtypes.int64
    most = whole_numbers(dtype) if dtype.category < dtypes.FLOATING else None
    if most is not None and high - 1 >= most:
        raise RuntimeError(f"to - 1 is out of bounds for {dtype.name}: {high} - 1")
    return drawn(whole(chosen(generator), int(low), int(high), tuple(size)), dtype, requires_grad)


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


@as_in_pytorch
def rand_like(input: Tensor, *, generator: Generator | None = None, **options: Any) -> Tensor:
    """`rand` in the shape, dtype and device of `input`."""
    return rand(input.shape, generator=generator, **like(input, options))


@as_in_pytorch
def randn_like(input: Tensor, *, generator: Generator | None = None, **options: Any) -> Tensor:
    """`randn` in the shape, dtype and device of `input`."""
    return randn(input.shape, generator=generator, **like(input, options))


@as_in_pytorch
def randint_like(
    input: Tensor, low: int, high: int | None = None, *, generator: Generator | None = None, **options: Any
) -> Tensor:
    """`randint` in the shape, dtype and device of `input`."""
    low, high = (0, low) if high is None else (low, high)
    return randint(low, high, input.shape, generator=generator, **like(input, options))


def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
    **wishes: Any,
) -> Tensor:
    """Normal with the mean and standard deviation of each element, or of all of `size`."""
    tensors = [each for each in (mean, std) if isinstance(each, Tensor)]
    if not tensors and size is None:
        raise TypeError("normal of two numbers needs a size")
    if (std < 0) if not isinstance(std, Tensor) else (std.numel() and std.min().item() < 0):
        raise RuntimeError(f"normal expects all elements of std >= 0.0, and std is {std}")
    shape = broadcast_shapes(*[each.shape for each in tensors]) if size is None else size
    dtype = dtype or (tensors[0].dtype if tensors else None)
    made = (randn(shape, generator=generator, dtype=dtype) * std + mean).detach()
    return made.requires_grad_() if requires_grad else made


def bernoulli(input: Tensor, p: float | None = None, *, generator: Generator | None = None) -> Tensor:
    """1 with the probability that each element says (or all with `p`), else 0."""
    if p is not None:
        return drawn(happens(chosen(generator), p, input.shape), input.dtype, False)
    if input.numel():
        floating(input.dtype, "bernoulli")
    return drawn(happens(chosen(generator), input, input.shape), input.dtype, False)


def happens(stream: np.random.Generator, p: Any, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """True with probability `p`, a number or a tensor. Raises RuntimeError for one beyond 0 and 1."""
    p = np.asarray(p.detach().numpy() if isinstance(p, Tensor) else p)
    if not ((p >= 0) & (p <= 1)).all():
        raise RuntimeError("a probability lies between 0 and 1, and not all of these do")
    return stream.random(shape) < p


def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """Indices drawn with the given weights: one row of `num_samples` for each row of weights."""
    if not input.is_floating_point():
        raise DtypeError(f"multinomial takes weights of a floating point type, not {input.dtype}")
    if not 1 <= input.ndim <= 2:
        raise RuntimeError(f"prob_dist must be 1 or 2 dim, not {input.ndim}")
    if num_samples <= 0:
        raise RuntimeError(f"cannot sample n_sample <= 0 samples: {num_samples}")
    w = input.detach().numpy_view().astype(np.float64)
    rows = w.reshape(-1, w.shape[-1])
    if (rows < 0).any() or not np.isfinite(rows).all() or (rows.sum(1) <= 0).any():
        raise RuntimeError("multinomial needs weights that are finite, not negative, and not all zero")
    fewest = int((rows > 0).sum(1).min(initial=w.shape[-1]))
    if not replacement and fewest < num_samples:
        raise RuntimeError(f"cannot draw {num_samples} samples without replacement from {fewest} weights")
    picked = picks(chosen(generator), rows, num_samples, replacement)
    return drawn(picked.reshape(*w.shape[:-1], num_samples), dtypes.int64, False)


def poisson(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Counts of events that come as often in one unit of time as each element says."""
    rates = input.detach().numpy_view()
    if rates.size and rates.min() < 0:
        raise RuntimeError("invalid Poisson rate, expected rate to be non-negative")
    return drawn(chosen(generator).poisson(rates.astype(np.float64)), floating(input.dtype, "poisson"), False)


def picks(
    stream: np.random.Generator, rows: np.ndarray[Any, Any], count: int, replacement: bool
) -> np.ndarray[Any, Any]:
    """Indices for each row of weights. Without replacement: the first to arrive, if each waits as its weight says."""
    if (
        replacement
    ):  # the inverse of the cumulative shares, all rows in one search: row i lies from i to i + 1
        ends, start = (rows / rows.sum(1, keepdims=True)).cumsum(1), np.arange(len(rows))[:, None]
        where = stream.random((len(rows), count)) * ends[:, -1:]
        found = np.searchsorted((ends + start).reshape(-1), where + start, side="right")
        return np.asarray(np.minimum(found - start * rows.shape[1], rows.shape[1] - 1))
    with np.errstate(divide="ignore"):
        waits = stream.standard_exponential(rows.shape) / rows
    return np.argsort(waits, axis=1, kind="stable")[:, :count]


def fill_uniform(x: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Overwrite `x` with numbers evenly spread over [a, b); PyTorch calls these `from` and `to`."""
    if a > b:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={a} > to={b}")
    dtype = floating(x.dtype, "uniform_")
    return x.set_data(evenly(chosen(generator), x.shape, dtype) * (b - a) + a, "uniform_")


def fill_normal(x: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Overwrite `x` with normal numbers."""
    if std < 0:
        raise RuntimeError(f"a standard deviation is not negative, and std is {std}")
    dtype = floating(x.dtype, "normal_")
    return x.set_data(bell(chosen(generator), x.shape, dtype) * std + mean, "normal_")


def fill_bernoulli(x: Tensor, p: Any = 0.5, generator: Generator | None = None) -> Tensor:
    """Overwrite `x` with 1 where a draw of probability `p` succeeds, else 0."""
    return x.set_data(happens(chosen(generator), p, x.shape), "bernoulli_")


def fill_exponential(x: Tensor, lambd: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Overwrite `x` with waiting times between events that come `lambd` times in one unit of time."""
    if lambd <= 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd}")
    floating(x.dtype, "exponential_")
    return x.set_data(chosen(generator).standard_exponential(x.shape) / lambd, "exponential_")


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
        return round(2 / dtypes.finfo(dtype).eps) + 1
    return 2 if dtype is dtypes.bool_ else dtypes.iinfo(dtype).max + 1


def fill_log_normal(
    x: Tensor, mean: float = 1.0, std: float = 2.0, *, generator: Generator | None = None
) -> Tensor:
    """Overwrite `x` with numbers whose logarithms are normal."""
    if std <= 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std}")
    dtype = floating(x.dtype, "log_normal_")
    return x.set_data(
        np.exp(bell(chosen(generator), x.shape, dtype).astype(np.float64) * std + mean), "log_normal_"
    )


def fill_geometric(x: Tensor, p: float, *, generator: Generator | None = None) -> Tensor:
    """Overwrite `x` with how many draws of probability `p` it takes until one succeeds."""
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p}")
    return x.set_data(chosen(generator).geometric(p, x.arithmetic("geometric_").shape), "geometric_")


def fill_cauchy(
    x: Tensor, median: float = 0.0, sigma: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """Overwrite `x` with Cauchy numbers: the tangent of an even angle."""
    if sigma <= 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma}")
    floating(x.dtype, "cauchy_")
    return x.set_data(chosen(generator).standard_cauchy(x.shape) * sigma + median, "cauchy_")


for _name, _fill in {
    "uniform_": fill_uniform,
    "normal_": fill_normal,
    "bernoulli_": fill_bernoulli,
    "exponential_": fill_exponential,
    "random_": fill_random,
    "log_normal_": fill_log_normal,
    "geometric_": fill_geometric,
    "cauchy_": fill_cauchy,
    "bernoulli": bernoulli,
    "multinomial": multinomial,
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
        return x * 0
    x.fractional("dropout")
    keep = chosen(generator).random(x.shape, np.float32) >= p
    return x * drawn(keep / (1.0 - p), x.dtype, False)
