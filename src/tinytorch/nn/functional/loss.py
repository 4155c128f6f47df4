"""Losses as functions: thin argument handling over methods and cards (`torch.nn.functional`).

The arguments `size_average` and `reduce` are PyTorch's older way to say `reduction`; they win where they are given.
"""

from __future__ import annotations

import math
import warnings

from tinytorch import ops
from tinytorch.errors import DtypeError, ShapeError
from tinytorch.layout import broadcast_shapes
from tinytorch.nn.functional.activation import logsigmoid
from tinytorch.tensor import Tensor, apply

Old = bool | None  # of an argument that says in the older way what `reduction` says


def chosen(reduction: str, size_average: Old = None, reduce: Old = None) -> str:
    """The reduction meant: "none", "mean" or "sum". Raises ValueError for another."""
    if size_average is not None or reduce is not None:
        mean, folded = size_average is not False, reduce is not False
        reduction = "none" if not folded else "mean" if mean else "sum"
        warnings.warn(
            f"size_average and reduce args will be deprecated, please use reduction={reduction!r} instead.",
            stacklevel=3,
        )
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return reduction


def reduced(losses: Tensor, reduction: str, size_average: Old = None, reduce: Old = None) -> Tensor:
    """All losses ("none"), their "mean" or their "sum"."""
    reduction = chosen(reduction, size_average, reduce)
    return losses if reduction == "none" else losses.mean() if reduction == "mean" else losses.sum()


def aligned(input: Tensor, target: Tensor, name: str) -> tuple[Tensor, Tensor]:
    """Both in their common shape. Warns where these differ, which is seldom meant; refuses whole numbers."""
    if input.shape != target.shape:
        warnings.warn(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}). This will "
            "likely lead to incorrect results due to broadcasting. Please ensure they have the same size.",
            stacklevel=3,
        )
    if not (input.is_floating_point() or target.is_floating_point()):
        raise DtypeError(f"{name} is not implemented for {input.dtype.name}")
    return input.broadcast_with(target)


def weighed(losses: Tensor, weight: Tensor | None, shape: tuple[int, ...], reduction: str) -> Tensor:
    """Losses reduced; with weights the mean is over these."""
    if weight is None:
        return reduced(losses, reduction)
    if weight.shape != shape:
        raise ValueError("Weights and input must have the same size.")
    losses = losses * weight
    return losses.sum() / weight.sum() if reduction == "mean" else reduced(losses, reduction)


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: Old = None,
    reduce: Old = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """The squared difference."""
    reduction = chosen(reduction, size_average, reduce)
    x, y = aligned(input, target, "mse_loss")
    difference = x - y
    return weighed(difference * difference, weight, input.shape, reduction)


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: Old = None,
    reduce: Old = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """The size of the difference."""
    reduction = chosen(reduction, size_average, reduce)
    if not input.is_floating_point() and reduction != "mean":  # whole numbers have no mean
        return reduced((input - target).abs(), reduction)
    x, y = aligned(input, target, "l1_loss")
    return weighed((x - y).abs(), weight, input.shape, reduction)


def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """Squared up to `delta`, straight beyond: Huber, 1964."""
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    x, y = aligned(input, target, "huber_loss")
    size = (x - y).abs()
    losses = (size * size * 0.5).where(size <= delta, (size - 0.5 * delta) * delta)
    if weight is not None and weight.shape != input.shape:
        raise ValueError("Weights and input must have the same size.")
    return reduced(losses if weight is None else losses * weight, reduction)


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: Old = None,
    reduce: Old = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """The Huber loss over beta; for beta 0 the l1 loss."""
    reduction = chosen(reduction, size_average, reduce)
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    if beta == 0.0:
        return l1_loss(input, target, reduction=reduction)
    x, y = aligned(input, target, "smooth_l1_loss")
    size = (x - y).abs()
    return reduced((size * size * (0.5 / beta)).where(size < beta, size - 0.5 * beta), reduction)


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Old = None,
    reduce: Old = None,
    reduction: str = "mean",
) -> Tensor:
    """-log of the probability given to the truth; logarithms end at -100, as in PyTorch."""
    reduction = chosen(reduction, size_average, reduce)
    if target.shape != input.shape:
        raise ValueError(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}) is "
            "deprecated. Please ensure they have the same size."
        )
    if input.dtype is not target.fractional("binary_cross_entropy").dtype:
        raise RuntimeError(f"Found dtype {target.dtype.name} but expected {input.dtype.name}")
    if input.numel() and not bool(((input >= 0) & (input <= 1)).all()):
        raise RuntimeError("all elements of input should be between 0 and 1")
    losses: Tensor = apply(ops.BINARY_CROSS_ENTROPY, input, target)
    if weight is not None:
        losses = losses * weight.expand(broadcast_shapes(target.shape, weight.shape))
    return reduced(losses, reduction)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Old = None,
    reduce: Old = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """The same on logits, without forming probabilities."""
    reduction = chosen(reduction, size_average, reduce)
    if target.shape != input.shape:
        raise ValueError(f"Target size ({target.shape}) must be the same as input size ({input.shape})")
    no = (1 - target) * input
    scale = 1 if pos_weight is None else (pos_weight - 1) * target + 1
    losses = no - logsigmoid(input) * scale
    return reduced(losses if weight is None else losses * weight, reduction)


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: Old = None,
    reduce: Old = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """target * (log target - input), for an input of log-probabilities; "batchmean" is the sum over samples."""
    if log_target:
        losses = target.exp() * (target - input)
    else:
        losses = target.xlogy(target) - target * input
    if reduction == "batchmean":
        return losses.sum() / input.shape[0] if input.ndim else losses.sum()
    return reduced(losses, reduction, size_average, reduce)


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: Old = None,
    eps: float = 1e-8,
    reduce: Old = None,
    reduction: str = "mean",
) -> Tensor:
    """-log of the probability that a rate (or its logarithm) gives to a count; `full` adds Stirling's term."""
    losses = input.exp() - target * input if log_input else input - target * (input + eps).log()
    if full:
        term = target * target.log() - target + 0.5 * (target * (2 * math.pi)).log()
        losses = losses + term.masked_fill(target <= 1, 0)
    return reduced(losses, reduction, size_average, reduce)


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """-log of the density that a mean and a variance give to a number; `full` adds the constant."""
    spread = var if isinstance(var, Tensor) else input.new_full(input.shape, var)
    spread = spread.fractional("gaussian_nll_loss")
    if bool((spread < 0).any()):
        raise ValueError("var has negative entry/entries")
    if spread.shape != input.shape:
        if input.shape[:-1] == spread.shape:
            spread = spread.unsqueeze(-1)
        elif spread.ndim != input.ndim or (
            sum([n for m, n in zip(input.shape, spread.shape, strict=True) if m != n]) != 1
        ):
            raise ValueError("var is of incorrect size")
    # The variance is held above eps; the gradient goes through as if it were not.
    held = spread + (spread.detach().clamp(min=eps) - spread.detach())
    difference = input - target
    losses = (held.log() + difference * difference / held) * 0.5
    return reduced(losses + 0.5 * math.log(2 * math.pi) if full else losses, reduction)


def classes_last(input: Tensor) -> Tensor:
    """Logits (C,), (N, C) or (N, C, ...) as (..., C)."""
    return input.movedim(1, -1) if input.ndim > 2 else input


def checked_classes(input: Tensor, target: Tensor, weight: Tensor | None, name: str) -> None:
    """Raises ShapeError where targets do not fit to scores or weights to classes, DtypeError for other types."""
    input.fractional(name)
    if not input.ndim:
        raise RuntimeError(f"{name}: input tensor should be 1D or more, not a number without axes")
    scores = classes_last(input)
    if target.shape != scores.shape[:-1]:
        at = 0 if input.ndim > 1 and target.ndim and target.shape[0] != input.shape[0] else None
        said = (
            f"expected input batch_size ({input.shape[0]}) to match target batch_size ({target.shape[0]}): "
            if at == 0
            else ""
        )
        raise BatchSizeError(
            f"{said}expected target size {scores.shape[:-1]} for input {input.shape}, got {target.shape}"
        )
    if weight is not None and weight.dtype is not input.dtype:
        raise DtypeError(f"{name}: expected weights of {input.dtype.name}, not {weight.dtype.name}")
    if weight is not None and weight.shape != scores.shape[-1:]:
        raise ShapeError(
            f"weight tensor should be defined either for all {scores.shape[-1]} classes or no classes, "
            f"but got weight tensor of shape: {weight.shape}"
        )


class BatchSizeError(ShapeError):
    """Targets that do not fit to scores; PyTorch raises ValueError or RuntimeError here: this is both."""


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Old = None,
    ignore_index: int = -100,
    reduce: Old = None,
    reduction: str = "mean",
) -> Tensor:
    """-input at the target class, for log-probabilities; the mean weighs by class weight."""
    reduction = chosen(reduction, size_average, reduce)
    checked_classes(input, target, weight, "nll_loss")
    scores = classes_last(input)
    if target.dtype.name not in ("int64", "uint8"):
        raise DtypeError(f"nll_loss: expected target of dtype int64, not {target.dtype}")
    counted = target != ignore_index
    index = target.long().where(counted, 0)
    if index.numel() and (int(index.min()) < 0 or int(index.max()) >= scores.shape[-1]):
        wrong = int(index.min()) if int(index.min()) < 0 else int(index.max())
        raise IndexError(f"Target {wrong} is out of bounds.")
    losses = -scores.gather(-1, index.unsqueeze(-1)).squeeze(-1)
    shares = counted.to(input.dtype) if weight is None else weight[index].where(counted, 0.0)
    losses = (losses * shares).where(counted, 0.0)
    return losses.sum() / shares.sum() if reduction == "mean" else reduced(losses, reduction)


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Old = None,
    ignore_index: int = -100,
    reduce: Old = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """-log of the probability that logits give to the target: class indices, or probabilities.

    Classes stand on axis 1 (axis 0 of a single sample). The usual case is one fused card.
    """
    reduction = chosen(reduction, size_average, reduce)
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    if target.is_floating_point() and target.shape == input.shape:
        if ignore_index >= 0:
            raise RuntimeError("ignore_index is not supported for floating point target")
        return soft_cross_entropy(input, target, weight, reduction, label_smoothing)
    if input.ndim == 2 and weight is None and reduction == "mean" and not label_smoothing:
        fits = target.shape == input.shape[:1] and target.dtype.name == "int64" and input.is_floating_point()
        if fits and within(target, ignore_index, input.shape[1]):
            made: Tensor = apply(ops.CrossEntropy(ignore_index), input, target)
            return made
    checked_classes(input, target, weight, "cross_entropy")
    scores = input.log_softmax(1 if input.ndim > 1 else 0)
    hard = nll_loss(scores, target, weight, ignore_index=ignore_index, reduction=reduction)
    if not label_smoothing:
        return hard
    counted = target != ignore_index
    last = classes_last(scores)
    even = -(last if weight is None else last * weight).sum(-1).where(counted, 0.0)
    shares = (
        counted.to(input.dtype) if weight is None else weight[target.where(counted, 0)].where(counted, 0.0)
    )
    smooth = even.sum() / shares.sum() if reduction == "mean" else reduced(even, reduction)
    return hard * (1 - label_smoothing) + smooth * (label_smoothing / last.shape[-1])


def within(target: Tensor, ignore_index: int, count: int) -> bool:
    """Whether every target is a class, or to be ignored."""
    return target.array.device.between(target.array, 0, count, ignore_index)


def soft_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None, reduction: str, label_smoothing: float
) -> Tensor:
    """Cross entropy with a probability for each class."""
    axis = 1 if input.ndim > 1 else 0
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / input.shape[axis]
    scores = input.log_softmax(axis)
    if weight is not None:
        scores = scores * weight.reshape([-1 if a == axis else 1 for a in range(input.ndim)])
    losses = -(scores * target).sum(axis)
    samples = losses.numel() or math.nan
    return losses.sum() / samples if reduction == "mean" else reduced(losses, reduction)
