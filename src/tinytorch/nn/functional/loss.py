"""Losses as functions: thin argument handling over methods and cards (`torch.nn.functional`)."""

from __future__ import annotations

from tinytorch import ops
from tinytorch.errors import ShapeError
from tinytorch.nn.functional.activation import logsigmoid
from tinytorch.tensor import Tensor, apply


def reduced(losses: Tensor, reduction: str) -> Tensor:
    """All losses ("none"), their "mean" or their "sum"."""
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return losses if reduction == "none" else losses.mean() if reduction == "mean" else losses.sum()


def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """The squared difference."""
    difference = input - target
    return reduced(difference * difference, reduction)


def l1_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """The size of the difference."""
    return reduced((input - target).abs(), reduction)


def huber_loss(input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0) -> Tensor:
    """Squared up to `delta`, straight beyond: Huber, 1964."""
    size = (input - target).abs()
    losses = (size * size * 0.5).where(size < delta, (size - 0.5 * delta) * delta)
    return reduced(losses, reduction)


def smooth_l1_loss(input: Tensor, target: Tensor, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """The Huber loss over beta; for beta 0 the l1 loss."""
    if beta == 0.0:
        return l1_loss(input, target, reduction)
    return huber_loss(input, target, reduction, beta) / beta


def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """-log of the probability given to the truth; logarithms end at -100, as in PyTorch."""
    yes, no = input.log().clamp(min=-100.0), (-input).log1p().clamp(min=-100.0)
    losses = -(target * yes + (1 - target) * no)
    return reduced(losses if weight is None else losses * weight, reduction)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """The same on logits, without forming probabilities."""
    no = (1 - target) * input
    scale = 1 if pos_weight is None else (pos_weight - 1) * target + 1
    losses = no - logsigmoid(input) * scale
    return reduced(losses if weight is None else losses * weight, reduction)


def kl_div(input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """target * (log target - input), for an input of log-probabilities."""
    if log_target:
        losses = target.exp() * (target - input)
    else:
        losses = (target * (target.where(target > 0, 1.0).log() - input)).where(target > 0, 0.0)
    return losses.sum() / input.shape[0] if reduction == "batchmean" else reduced(losses, reduction)


def classes_last(input: Tensor) -> Tensor:
    """Logits (C,), (N, C) or (N, C, ...) as (..., C)."""
    return input.movedim(1, -1) if input.ndim > 2 else input


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """-input at the target class, for log-probabilities; the mean weighs by class weight."""
    scores = classes_last(input)
    if target.shape != scores.shape[:-1]:
        raise ShapeError(
            f"expected target size {scores.shape[:-1]} for input {input.shape}, got {target.shape}"
        )
    counted = target != ignore_index
    index = target.where(counted, 0)
    losses = -scores.gather(-1, index.unsqueeze(-1)).squeeze(-1)
    shares = counted.to(input.dtype) if weight is None else weight[index].where(counted, 0.0)
    losses = (losses * shares).where(counted, 0.0)
    return losses.sum() / shares.sum() if reduction == "mean" else reduced(losses, reduction)


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """-log of the probability that logits give to the target: class indices, or probabilities.

    Classes stand on axis 1 (axis 0 of a single sample). The usual case is one fused card.
    """
    if target.is_floating_point():
        return soft_cross_entropy(input, target, weight, reduction, label_smoothing)
    if input.ndim == 2 and weight is None and reduction == "mean" and not label_smoothing:
        if target.shape != input.shape[:1]:
            raise ShapeError(
                f"expected {input.shape[0]} targets for logits {input.shape}, got {target.shape}"
            )
        made: Tensor = apply(ops.CrossEntropy(ignore_index), input, target)
        return made
    axis = 1 if input.ndim > 1 else 0
    scores = input.log_softmax(axis)
    hard = nll_loss(scores, target, weight, ignore_index, reduction)
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
    samples = max(losses.numel(), 1)
    return losses.sum() / samples if reduction == "mean" else reduced(losses, reduction)
