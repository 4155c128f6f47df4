"""Embeddings: a vector for each id of a vocabulary, and for each position of a sequence."""

from __future__ import annotations

import math
from typing import Any, Self

from tinytorch import ops
from tinytorch.autograd.grad_mode import no_grad
from tinytorch.creation import arange, empty, full, stack, zeros
from tinytorch.dtypes import dtype as Dtype
from tinytorch.dtypes import float32, float64, int32, int64
from tinytorch.errors import DtypeError, IndexOutOfRange, ShapeError
from tinytorch.joining import searchsorted
from tinytorch.methods.index import span
from tinytorch.nn import init
from tinytorch.nn.module import Module
from tinytorch.nn.parameter import Parameter
from tinytorch.tensor import Tensor, apply


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Rows of `weight` (count, width) for ids (...), int64 or int32: (..., width) (`torch.nn.functional.embedding`).

    The row `padding_idx` gets no gradient. Rows that are longer than `max_norm` are shortened in `weight` itself.
    scale_grad_by_freq divides the gradient of each row by how often it was read. Gradients are dense, also with `sparse`.

    >>> import tinytorch as tt
    >>> embedding(tt.tensor([2, 0]), tt.eye(3))
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """
    check_ids(input, weight)
    padding = counted_from_front(padding_idx, weight.shape[0])
    if max_norm is not None:
        shorten(input, weight, max_norm, norm_type)
    rows: Tensor = apply(ops.INDEX_SELECT, weight, input.long())  # (..., width)
    if scale_grad_by_freq and rows.requires_grad:
        often = zeros(weight.shape[0], dtype=weight.dtype).index_add(
            0, input.reshape(-1).long(), rows.new_ones(input.numel())
        )
        rows = rows.detach() + (rows - rows.detach()) / often[input].unsqueeze(-1)
    if padding is not None:
        rows = rows.detach().where((input == padding).unsqueeze(-1), rows)
    return rows


def check_ids(ids: Tensor, weight: Tensor) -> None:
    """Raises for ids that are no whole numbers, or that name no row."""
    if weight.ndim != 2:
        raise RuntimeError(f"'weight' must be 2-D, and its shape is {weight.shape}")
    if ids.dtype not in (int64, int32):
        raise DtypeError(f"ids are int64 or int32, not {ids.dtype}: an id names a row")
    if not ids.array.device.between(ids.array, 0, weight.shape[0]):
        low, high = span(ids)
        raise IndexOutOfRange(
            f"index out of range: id {low if low < 0 else high} of {weight.shape[0]} embeddings"
        )


def counted_from_front(padding_idx: int | None, count: int) -> int | None:
    """The row of padding, also where it was counted from the end. Raises AssertionError, as PyTorch does."""
    if padding_idx is None:
        return None
    if not -count <= padding_idx < count:
        raise AssertionError(f"Padding_idx must be within num_embeddings: {padding_idx} of {count}")
    return padding_idx % count


def shorten(ids: Tensor, weight: Tensor, max_norm: float, norm_type: float) -> None:
    """Rows that `ids` name brought down to `max_norm` in `weight` itself, unrecorded."""
    with no_grad():
        used = ids.reshape(-1).unique()  # type: ignore[attr-defined]
        rows = weight.detach()[used]
        length = rows.norm(norm_type, 1, keepdim=True)
        weight[used] = (rows * (max_norm / (length + 1e-7))).where(length > max_norm, rows)


class Embedding(Module):
    """A table of vectors, learned: weight (num_embeddings, embedding_dim), normal at first (`torch.nn.Embedding`).

    >>> Embedding(10, 3, padding_idx=0)
    Embedding(10, 3, padding_idx=0)
    """

    weight: Parameter

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: Dtype | None = None,
    ) -> None:
        super().__init__()
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = counted_from_front(padding_idx, num_embeddings)
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse
        self.weight = table(num_embeddings, embedding_dim, _weight, _freeze, dtype)
        if _weight is None:
            self.reset_parameters()

    def reset_parameters(self) -> None:
        """Normal; the row of padding zeros."""
        reset(self.weight, self.padding_idx)

    def forward(self, input: Tensor) -> Tensor:
        """Ids (...) to vectors (..., embedding_dim)."""
        return embedding(
            input, self.weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq
        )

    def extra_repr(self) -> str:
        options = {
            "padding_idx": (self.padding_idx, None),
            "max_norm": (self.max_norm, None),
            "norm_type": (self.norm_type, 2.0),
            "scale_grad_by_freq": (self.scale_grad_by_freq, False),
            "sparse": (self.sparse, False),
        }
        said = [f", {name}={value}" for name, (value, usual) in options.items() if value != usual]
        return f"{self.num_embeddings}, {self.embedding_dim}{''.join(said)}"

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Self:
        """A layer over the memory of a table (count, width) that is there; learned only with `freeze=False`."""
        count, width = rows_and_columns(embeddings)
        return cls(
            count,
            width,
            padding_idx,
            max_norm,
            norm_type,
            scale_grad_by_freq,
            sparse,
            _weight=embeddings,
            _freeze=freeze,
        )


def table(count: int, width: int, given: Tensor | None, frozen: bool, dtype: Dtype | None) -> Parameter:
    """The parameter of an embedding: a given table, or one to be filled."""
    if given is not None and given.shape != (count, width):
        raise AssertionError(
            f"Shape of weight does not match num_embeddings and embedding_dim: {given.shape} for ({count}, {width})"
        )
    return Parameter(empty(count, width, dtype=dtype) if given is None else given, requires_grad=not frozen)


def reset(weight: Parameter, padding_idx: int | None) -> None:
    """Normal; the row of padding zeros."""
    init.normal_(weight)
    if padding_idx is not None:
        weight.detach()[padding_idx] = 0.0


def rows_and_columns(embeddings: Tensor) -> tuple[int, int]:
    """The shape of a table. Raises AssertionError, as PyTorch does, for what is none."""
    if embeddings.ndim != 2:
        raise AssertionError(
            f"Embeddings parameter is expected to be 2-dimensional, and its shape is {embeddings.shape}"
        )
    return embeddings.shape[0], embeddings.shape[1]


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """The sum, mean or maximum of the rows in each bag of ids: (bags, width) (`torch.nn.functional.embedding_bag`).

    input (bags, size), or (n,) with `offsets`, where each bag begins. Padding counts nowhere; an empty bag
    gives zeros. PyTorch 2.13 divides by wrong counts with `scale_grad_by_freq` here; this divides by the right ones.
    """
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"mode has to be one of sum, mean or max, not {mode!r}")
    if mode == "max" and scale_grad_by_freq:
        raise ValueError("max mode does not support scaling the gradient by the frequency")
    if per_sample_weights is not None and per_sample_weights.shape != input.shape:
        raise ValueError(
            f"embedding_bag: per_sample_weights has shape {per_sample_weights.shape}, the input {input.shape}"
        )
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError(f"per_sample_weights is only supported for mode='sum', not {mode!r}")
    check_ids(input, weight.fractional("embedding_bag"))
    starts = bag_starts(input, offsets, include_last_offset)
    ids = input.reshape(-1)
    bags = searchsorted(starts, arange(ids.numel()), right=True) - 1  # the bag of each id
    rows = embedding(ids, weight, None, max_norm, norm_type, scale_grad_by_freq)
    if per_sample_weights is not None:
        rows = rows * per_sample_weights.reshape(-1, 1)
    if padding_idx is not None:
        kept = ids != padding_idx % weight.shape[0]
        rows, bags = rows[kept], bags[kept]
    return emptied(rows, bags, starts.numel(), mode)


def bag_starts(input: Tensor, offsets: Tensor | None, include_last: bool) -> Tensor:
    """Where each bag begins among all ids, int64. Raises for bags that cannot be."""
    if input.ndim not in (1, 2):
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}")
    if input.ndim == 2:
        if offsets is not None:
            raise ValueError("if input is 2D, then offsets has to be None: each row is a bag")
        if not input.shape[1]:
            raise RuntimeError(f"step must be nonzero: the bags of {input.shape} hold nothing")
        return arange(0, input.numel(), input.shape[1])
    if offsets is None or offsets.ndim != 1:
        raise ValueError(f"offsets has to be a 1D Tensor, not {offsets}")
    places = offsets.tolist()
    if include_last and not places:
        raise RuntimeError("include_last_offset: number of offset should be at least 1")
    if places and places[0] != 0:
        raise RuntimeError(f"offsets[0] has to be 0, and it is {places[0]}")
    if places and places[-1] > input.numel():
        raise RuntimeError(
            f"offsets[-1] can not be greater than input's length {input.numel()}: {places[-1]}"
        )
    if places != sorted(places):
        raise RuntimeError(f"offsets do not decrease, and these do: {places}")
    return offsets.long().narrow(0, 0, len(places) - 1 if include_last else len(places))


def emptied(rows: Tensor, bags: Tensor, count: int, mode: str) -> Tensor:
    """Rows (n, width), each in the bag that `bags` (n,) names in order, as one for each of `count` bags."""
    nothing = rows.new_zeros(count, rows.shape[1])
    if mode != "max" or not rows.shape[0]:
        total = nothing.index_add(0, bags, rows)
        sizes = nothing.new_zeros(count).index_add(0, bags, rows.new_ones(rows.shape[0]))
        return total / sizes.clamp(min=1.0).unsqueeze(1) if mode == "mean" else total
    place = arange(rows.shape[0]) - searchsorted(bags, bags)  # of each row in its bag
    laid_out = full((count, int(place.max().item()) + 1, rows.shape[1]), -math.inf, dtype=rows.dtype)
    highest = laid_out.index_put((bags, place), rows).max(1).values
    return highest.where(highest != -math.inf, 0.0)


class EmbeddingBag(Module):
    """The sum, mean or maximum of the vectors in each bag of ids (`torch.nn.EmbeddingBag`)."""

    weight: Parameter

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Tensor | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: Any = None,
        dtype: Dtype | None = None,
    ) -> None:
        super().__init__()
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.padding_idx = counted_from_front(padding_idx, num_embeddings)
        self.mode = mode
        self.sparse = sparse
        self.include_last_offset = include_last_offset
        self.weight = table(num_embeddings, embedding_dim, _weight, False, dtype)
        if _weight is None:
            self.reset_parameters()

    def reset_parameters(self) -> None:
        """Normal; the row of padding zeros."""
        reset(self.weight, self.padding_idx)

    def forward(
        self, input: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None
    ) -> Tensor:
        """Ids (bags, size), or (n,) with offsets (bags,), to (bags, embedding_dim)."""
        return embedding_bag(
            input,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.mode,
            self.sparse,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )

    def extra_repr(self) -> str:
        options = {
            "max_norm": (self.max_norm, None),
            "norm_type": (self.norm_type, 2.0),
            "scale_grad_by_freq": (self.scale_grad_by_freq, False),
            "mode": (self.mode, None),
            "padding_idx": (self.padding_idx, None),
        }
        said = [f", {name}={value!r}" for name, (value, usual) in options.items() if value != usual]
        return f"{self.num_embeddings}, {self.embedding_dim}{''.join(said)}"

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> Self:
        """A layer over the memory of a table (count, width) that is there; learned only with `freeze=False`."""
        count, width = rows_and_columns(embeddings)
        made = cls(
            count,
            width,
            max_norm,
            norm_type,
            scale_grad_by_freq,
            mode,
            sparse,
            embeddings,
            include_last_offset,
            padding_idx,
        )
        made.weight.requires_grad = not freeze
        return made


def sinusoidal_positions(length: int, width: int) -> Tensor:
    """A fixed vector for each position, (length, width) float32: Vaswani et al., 2017.

    Columns 2i and 2i + 1 are the sine and cosine of position / 10000^(2i / width), so that their wavelengths
    grow from 2π to 20000π; an odd width ends in a sine.

    >>> sinusoidal_positions(2, 3)
    tensor([[0.0000, 1.0000, 0.0000],
            [0.8415, 0.5403, 0.0022]])
    """
    position = arange(length, dtype=float64).unsqueeze(1)  # (length, 1)
    angles = position / 10000.0 ** (arange(0, width, 2, dtype=float64) / width)  # (length, pairs)
    made = zeros(length, width, dtype=float64)
    made[:, 0::2] = angles.sin()
    made[:, 1::2] = angles.cos()[:, : width // 2]
    return made.to(float32)


def rotary_angles(length: int, width: int, offset: int = 0, base: float = 10000.0) -> Tensor:
    """By how much each pair of a vector is turned at each position, (length, width / 2) float64: Su et al., 2021.

    Pair i of position p turns by p / base^(2i / width). Positions begin at `offset`: how many tokens came before.

    >>> rotary_angles(2, 4, offset=3)
    tensor([[3.0000, 0.0300],
            [4.0000, 0.0400]], dtype=tinytorch.float64)
    """
    if width % 2:
        raise ShapeError(f"rotary positions turn pairs of numbers, and {width} is odd")
    position = arange(offset, offset + length, dtype=float64).unsqueeze(1)
    return position / base ** (arange(0, width, 2, dtype=float64) / width)


def apply_rotary(x: Tensor, angles: Tensor) -> Tensor:
    """Vectors (..., T, D) with each pair of neighbours turned by its angle (T, D / 2): Su et al., 2021.

    The pairs are (0, 1), (2, 3), ..., as in the paper; other programs pair i with i + D / 2, and their weights
    give nonsense here. After turning, the product of a query and a key depends on how far apart they are.

    >>> import tinytorch as tt
    >>> apply_rotary(tt.tensor([[1.0, 0.0]]), tt.tensor([[math.pi / 2]])).round(decimals=4)
    tensor([[-0., 1.]])
    """
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)  # (T, D / 2)
    first, second = x[..., 0::2], x[..., 1::2]
    turned = stack([first * cos - second * sin, first * sin + second * cos], -1)  # (..., T, D / 2, 2)
    return turned.flatten(-2)


class LearnedPositions(Module):
    """A learned vector for each position up to `length`: weight (length, width), normal at first, spread 0.02."""

    weight: Parameter

    def __init__(self, length: int, width: int, dtype: Dtype | None = None) -> None:
        super().__init__()
        self.length = length
        self.width = width
        self.weight = Parameter(empty(length, width, dtype=dtype))
        init.normal_(self.weight, std=0.02)

    def forward(self, count: int, offset: int = 0) -> Tensor:
        """The vectors of `count` positions from `offset` on, (count, width). Raises ShapeError beyond the table."""
        if offset + count > self.length:
            raise ShapeError(
                f"positions {offset} to {offset + count - 1} were asked for, and {self.length} were learned"
            )
        return self.weight[offset : offset + count]

    def extra_repr(self) -> str:
        return f"{self.length}, {self.width}"
