"""Sequences of different length in one tensor: padded to the longest, or packed without padding (`torch.nn.utils.rnn`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinytorch.creation import full, stack, tensor
from tinytorch.dtypes import int64
from tinytorch.errors import ShapeError
from tinytorch.tensor import Tensor


class Packed(NamedTuple):
    """What a PackedSequence holds."""

    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(Packed):
    """Sequences without padding: first the first elements of all, then the second of those that have one, ...

    data (all elements, ...); batch_sizes: how many sequences have an element at each step, int64. The
    sequences stand from the longest to the shortest; sorted_indices says which of the caller's each one is,
    unsorted_indices where each of the caller's stands (None where they came in that order). Made by
    `pack_padded_sequence` and `pack_sequence`.
    """

    def __new__(
        cls,
        data: Any,
        batch_sizes: Tensor | None = None,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> PackedSequence:
        """PackedSequence(data, batch_sizes, ...), or PackedSequence((data, batch_sizes), ...)."""
        if batch_sizes is None:
            data, batch_sizes = data
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **options: Any) -> PackedSequence:
        """With its data in another dtype or on another device."""
        data = self.data.to(*args, **options)
        return self if data is self.data else type(self)(data, *self[1:])

    def cpu(self) -> PackedSequence:
        """With its data in the memory of the CPU."""
        return self.to(device="cpu")

    def double(self) -> PackedSequence:
        """With its data in float64."""
        return type(self)(self.data.double(), *self[1:])

    def float(self) -> PackedSequence:
        """With its data in float32."""
        return type(self)(self.data.float(), *self[1:])


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that undoes one: (n,), int64.

    >>> invert_permutation(tensor([2, 0, 1]))
    tensor([1, 2, 0])
    """
    return None if permutation is None else permutation.argsort()


def pad_sequence(
    sequences: Iterable[Tensor],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Sequences (length, ...) side by side, (longest, n, ...) or with `batch_first` (n, longest, ...).

    >>> pad_sequence([tensor([1, 2, 3]), tensor([4])], batch_first=True)
    tensor([[1, 2, 3],
            [4, 0, 0]])
    """
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"Expected padding_side to be one of left or right, but got {padding_side}.")
    given = list(sequences)
    if not given:
        raise RuntimeError("received an empty list of sequences")
    trailing, longest = given[0].shape[1:], max(len(each) for each in given)
    padded = []
    for each in given:
        if each.shape[1:] != trailing:
            raise ShapeError(
                f"sequences to be padded differ in their length only: {given[0].shape}, {each.shape}"
            )
        rest = given[0].new_full((longest - len(each), *trailing), padding_value)
        each = each.to(given[0].dtype)
        padded.append(each.cat_after(rest, 0) if padding_side == "right" else rest.cat_after(each, 0))
    return stack(padded, 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """The sequences that `pad_sequence` padded on the right."""
    rows = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [row[: int(length)] for row, length in zip(rows, lengths.tolist(), strict=True)]


def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Padded sequences (T, n, ...), with `batch_first` (n, T, ...), packed; lengths: n numbers, a tensor or a list.

    They have to come from the longest to the shortest, or with `enforce_sorted=False` are put into that order.

    >>> pack_padded_sequence(tensor([[1, 4], [2, 0], [3, 0]]), [3, 1]).data
    tensor([1, 4, 2, 3])
    """
    steps = input.transpose(0, 1) if batch_first else input  # (T, n, ...)
    counts: Any = np.array(lengths.tolist() if isinstance(lengths, Tensor) else lengths, np.int64)
    if steps.ndim < 2 or counts.shape != (steps.shape[1],):
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {counts.size} for input {input.shape}"
        )
    if counts.size == 0 or counts.min() <= 0 or counts.max() > steps.shape[0]:
        raise RuntimeError(
            f"Length of all samples has to be greater than 0 and at most {steps.shape[0]}: {counts.tolist()}"
        )
    order = None
    if not enforce_sorted:
        places = np.argsort(-counts, kind="stable")
        order, counts = tensor(places), counts[places]
        steps = steps.index_select(1, order)
    if (np.diff(counts) > 0).any():
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True: "
            f"{counts.tolist()} is not. Pass enforce_sorted=False"
        )
    present = np.arange(counts.max())[:, None] < counts  # (longest, n)
    data = steps.narrow(0, 0, len(present))[tensor(present)]
    return PackedSequence(data, tensor(present.sum(1)), order)


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Packed sequences padded, (T, n, ...) or with `batch_first` (n, T, ...), and their lengths (n,).

    T is the longest length, or `total_length`.
    """
    sizes = np.array(sequence.batch_sizes.tolist())
    longest = len(sizes)
    if total_length is not None and total_length < longest:
        raise ValueError(
            "Expected total_length to be at least the length of the longest sequence in input, "
            f"but got total_length={total_length} and max sequence length being {longest}"
        )
    step, place = np.nonzero(np.arange(sizes[0]) < sizes[:, None])
    shape = (total_length or longest, int(sizes[0]), *sequence.data.shape[1:])
    empty = full(shape, padding_value, dtype=sequence.data.dtype)
    padded = empty.index_put((tensor(step), tensor(place)), sequence.data)
    lengths = tensor((np.arange(sizes[0]) < sizes[:, None]).sum(0), dtype=int64)
    if sequence.unsorted_indices is not None:
        padded = padded.index_select(1, sequence.unsorted_indices)
        lengths = lengths[sequence.unsorted_indices]
    return padded.transpose(0, 1) if batch_first else padded, lengths


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Sequences (length, ...) packed."""
    return pack_padded_sequence(
        pad_sequence(sequences), [len(each) for each in sequences], enforce_sorted=enforce_sorted
    )


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences that `pack_sequence` packed."""
    return unpad_sequence(*pad_packed_sequence(packed_sequences, batch_first=True), batch_first=True)
