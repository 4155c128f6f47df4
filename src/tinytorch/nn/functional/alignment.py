"""The loss of a sequence whose alignment with its labels is not known (`torch.nn.functional.ctc_loss`)."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np

from tinytorch import dtypes
from tinytorch.creation import cat, stack
from tinytorch.nn.functional.loss import chosen
from tinytorch.tensor import Tensor

NEVER = -1e30  # the logarithm of no probability: minus infinity would make its slope NaN
Lengths = Tensor | Sequence[int] | int


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Lengths,
    target_lengths: Lengths,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """-log of the probability of the labels, over all ways to spread them over the steps: Graves et al., 2006.

    log_probs (T, N, C), the logarithms of probabilities, or (T, C); targets (N, S), or all labels in one row;
    a label may last, and between two labels may stand any number of `blank`. "mean" divides each loss by
    its number of labels first. What cannot be is infinite (and has no gradient; PyTorch: NaN), or 0 with `zero_infinity`.
    The gradient is PyTorch's: that of logits whose log_softmax log_probs are. Raises RuntimeError for lengths
    that do not fit.

    >>> import tinytorch as tt
    >>> even = tt.full((2, 1, 2), 0.5).log()
    >>> ctc_loss(even, tt.tensor([[1]]), [2], [1]).exp()  # 1-1, 0-1 and 1-0 of four
    tensor(1.3333)
    """
    reduction = chosen(reduction)
    x = log_probs.fractional("ctc_loss")
    if x.ndim not in (2, 3):
        raise RuntimeError(f"ctc_loss takes log_probs (T, N, C) or (T, C), not {x.shape}")
    x = x if x.ndim == 3 else x.unsqueeze(1)
    steps, lengths = numbers(input_lengths), numbers(target_lengths)
    check(x, targets, steps, lengths, blank)
    labels = rows(targets, lengths)
    losses = -log_likelihood(x, labels, steps, lengths, blank) + told(x, steps)
    losses = losses.where(losses < -NEVER / 2, 0.0 if zero_infinity else inf)
    if reduction == "mean":
        return (losses / losses.new_tensor(np.maximum(lengths, 1))).mean()
    made = losses if log_probs.ndim == 3 else losses.squeeze(0)
    return made if reduction == "none" else losses.sum()


def numbers(lengths: Lengths) -> list[int]:
    """Lengths as a list."""
    values = lengths.tolist() if isinstance(lengths, Tensor) else lengths
    return [values] if isinstance(values, int) else [int(each) for each in values]


def check(x: Tensor, targets: Tensor, steps: list[int], lengths: list[int], blank: int) -> None:
    """Raises RuntimeError where labels, lengths and steps do not go together."""
    if targets.is_floating_point():
        raise RuntimeError(f"ctc_loss: targets are whole numbers, not {targets.dtype}")
    if not 0 <= blank < x.shape[2]:
        raise RuntimeError(f"blank must be in label range: {blank} of {x.shape[2]} classes")
    if len(steps) != x.shape[1] or len(lengths) != x.shape[1]:
        raise RuntimeError(
            f"input_lengths and target_lengths must be of size batch_size {x.shape[1]}, not {len(steps)} and {len(lengths)}"
        )
    if x.shape[1] and not 0 <= min(steps) <= max(steps) <= x.shape[0]:
        raise RuntimeError(
            f"Expected input_lengths to have value at most {x.shape[0]}, and not below 0: {steps}"
        )
    if lengths and min(lengths) < 0:
        raise RuntimeError(f"Expected target_lengths not to be below 0: {lengths}")
    there = targets.numel() if targets.ndim == 1 else targets.shape[-1]
    wanted = sum(lengths) if targets.ndim == 1 else max(lengths, default=0)
    if targets.ndim not in (1, 2) or wanted > there or (targets.ndim == 1 and wanted != there):
        raise RuntimeError(f"Expected targets for lengths {lengths}, but got shape {targets.shape}")


def rows(targets: Tensor, lengths: list[int]) -> np.ndarray[Any, Any]:
    """The labels of each sample in a row of its own, (N, S), int64; what stands behind them is 0."""
    given = targets.detach().numpy_view()
    made = np.zeros((len(lengths), max(lengths, default=0)), np.int64)
    for i, length in enumerate(lengths):
        start = sum(lengths[:i])
        made[i, :length] = given[i, :length] if given.ndim == 2 else given[start : start + length]
    return made


def log_likelihood(
    x: Tensor, labels: np.ndarray[Any, Any], steps: list[int], lengths: list[int], blank: int
) -> Tensor:
    """The logarithm of the sum over all alignments, (N,): the forward pass of the forward-backward algorithm.

    Its gradient is the backward pass.
    """
    n, most = labels.shape
    states = np.full((n, 2 * most + 1), blank)
    states[:, 1::2] = labels  # blank, label, blank, label, ..., blank
    skips = np.zeros(states.shape, bool)  # from one label to the next without a blank, if they differ
    skips[:, 2:] = (states[:, 2:] != blank) & (states[:, 2:] != states[:, :-2])
    index = x.new_tensor(states, dtype=dtypes.int64).unsqueeze(0).expand(x.shape[0], *states.shape)
    emitted = x.gather(2, index)  # (T, N, states)
    may_skip = x.new_tensor(skips, dtype=dtypes.bool_)
    wall, size = x.new_full((n, 2), NEVER), states.shape[1]
    # As if there had been a blank before the first step: from there on to a blank, or to the first label.
    reached = cat([x.new_zeros(n, 1), x.new_full((n, size - 1), NEVER)], 1)
    for t in range(x.shape[0]):
        padded = cat([wall, reached], 1)
        skipped = padded.narrow(1, 0, size).where(may_skip, NEVER)
        ways = stack([reached, padded.narrow(1, 1, size), skipped])
        going = x.new_tensor(np.array(steps)[:, None] > t, dtype=dtypes.bool_)
        reached = (ways.logsumexp(0) + emitted.select(0, t)).where(going, reached)
    last = x.new_tensor(2 * np.array(lengths)[:, None], dtype=dtypes.int64)
    label = reached.gather(1, (last - 1).clamp(min=0)).where(last > 0, NEVER)
    return reached.gather(1, last).logaddexp(label).squeeze(1)


def told(x: Tensor, steps: list[int]) -> Tensor:
    """Zeros (N,) with the slope of the sum of exp(x) over the steps that count.

    Through log_softmax that is no slope: there the probabilities of a step sum to 1. With it the gradient of
    the loss is, step by step, the difference of two distributions.
    """
    counts = x.new_tensor(np.arange(x.shape[0])[:, None] < np.array(steps)[None], dtype=dtypes.bool_)
    sums = x.exp().sum(2).where(counts, 0.0).sum(0)
    return sums - sums.detach()
