"""Losses that ask for a margin, as functions (`torch.nn.functional`)."""

from __future__ import annotations

from collections.abc import Callable

from tinytorch.errors import ShapeError
from tinytorch.nn.functional.activation import logsigmoid
from tinytorch.nn.functional.distance import pairwise_distance
from tinytorch.nn.functional.loss import Old, chosen, reduced
from tinytorch.tensor import Tensor


def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: Old = None,
    reduce: Old = None,
    reduction: str = "mean",
) -> Tensor:
    """How far input1 is from leading input2 by `margin`, for a target of 1; the other way round for -1."""
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError(
            f"margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {input1.shape}, input2: {input2.shape}, target: {target.shape}"
        )
    losses = (-target * (input1 - input2) + float(margin)).clamp(min=0)
    return reduced(losses, reduction, size_average, reduce)


def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: Old = None,
    reduce: Old = None,
    reduction: str = "mean",
) -> Tensor:
    """The distance itself for a target of 1, what it lacks to `margin` for -1."""
    apart = (margin - input).clamp(min=0).masked_fill(target == 1, 0)
    near = input.masked_fill(target == -1, 0)
    return reduced(apart + near, reduction, size_average, reduce)


def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: Old = None,
    reduce: Old = None,
    reduction: str = "mean",
) -> Tensor:
    """1 less the cosine for a target of 1; what the cosine is above `margin` for -1."""
    if target.ndim > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if input1.ndim != target.ndim + 1 or input2.ndim != target.ndim + 1:
        raise ShapeError(
            f"{target.ndim}D target tensor expects {target.ndim + 1}D input tensors, but found inputs with sizes "
            f"{input1.shape} and {input2.shape}."
        )
    products = (input1 * input2).sum(-1)
    squares = ((input1 * input1).sum(-1) + 1e-12) * ((input2 * input2).sum(-1) + 1e-12)
    cosine = products / squares.sqrt()
    alike = (1 - cosine).where(target == 1, 0.0)
    apart = (cosine - margin).clamp(min=0).where(target == -1, 0.0)
    return reduced(alike + apart, reduction, size_average, reduce)


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: Old = None,
    reduce: Old = None,
    reduction: str = "mean",
) -> Tensor:
    """How far the positive is from being nearer to the anchor than the negative by `margin`."""
    return triplet_margin_with_distance_loss(
        anchor,
        positive,
        negative,
        distance_function=lambda x, y: pairwise_distance(x, y, p, eps),
        margin=margin,
        swap=swap,
        reduction=chosen(reduction, size_average, reduce),
    )


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """The triplet loss with any distance. With `swap` the negative is also held against the positive."""
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of dimensions, but "
            f"got: anchor {anchor.ndim}D, positive {positive.ndim}D, and negative {negative.ndim}D inputs"
        )
    distance = distance_function or pairwise_distance
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = far.minimum(distance(positive, negative))
    return reduced((margin + near - far).clamp(min=0), reduction)


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: Old = None,
    reduce: Old = None,
    reduction: str = "mean",
) -> Tensor:
    """What each wrong class lacks to being `margin` below the right one, to the power p, over all classes."""
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    reduction = chosen(reduction, size_average, reduce)
    if weight is not None and weight.shape != (input.shape[-1:] or (1,)):
        raise ShapeError(
            f"weight must be one-dimensional, one for each of {input.shape[-1:]}, not {weight.shape}"
        )
    if input.ndim > 2 or 0 in input.shape[-1:]:
        raise RuntimeError(
            f"Expected non-empty vector or matrix with optional 0-dim batch size, but got: {input.shape}"
        )
    rows = input.fractional("multi_margin_loss").reshape(-1, *(input.shape[-1:] or (1,)))
    index = target.reshape(-1, 1)
    if index.shape[0] != rows.shape[0]:
        raise RuntimeError(f"inconsistent target size, expected {rows.shape[0]} but got {target.shape}")
    lack = (margin - rows.gather(1, index) + rows).clamp(min=0)  # (sample, class)
    lack = lack if p == 1 else lack * lack
    lack = lack if weight is None else lack * weight[index]
    losses = lack.scatter(1, index, 0.0).sum(1) / rows.shape[1]
    return reduced(losses if input.ndim > 1 else losses.reshape(target.shape), reduction)


def multilabel_margin_loss(
    input: Tensor, target: Tensor, size_average: Old = None, reduce: Old = None, reduction: str = "mean"
) -> Tensor:
    """The margins of 1 between every right and every wrong class; targets are classes, up to the first -1."""
    reduction = chosen(reduction, size_average, reduce)
    if target.shape != input.shape or input.ndim > 2 or 0 in input.shape[-1:]:
        raise RuntimeError(f"inconsistent target size: {target.shape} for input of size: {input.shape}")
    count = input.shape[-1] if input.ndim else 1
    rows = input.fractional("multilabel_margin_loss").reshape(-1, count)
    classes = target.reshape(-1, count)
    live = (classes >= 0).long().cumprod(1).bool()  # (sample, target)
    index = classes.where(live, 0)
    right = index.new_zeros(index.shape).scatter_add(1, index, live.long()) > 0  # (sample, class)
    gaps = (1 - rows.gather(1, index).unsqueeze(2) + rows.unsqueeze(1)).clamp(
        min=0
    )  # (sample, target, class)
    gaps = gaps.where(live.unsqueeze(2) & ~right.unsqueeze(1), 0.0)
    losses = gaps.sum((1, 2)) / rows.shape[1]
    return reduced(losses if input.ndim > 1 else losses.reshape(()), reduction)


def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Old = None,
    reduce: Old = None,
    reduction: str = "mean",
) -> Tensor:
    """Binary cross entropy on logits, the mean over the classes of a sample."""
    losses = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    losses = losses if weight is None else losses * weight
    return reduced(losses.sum(-1) / input.shape[-1], reduction, size_average, reduce)


def soft_margin_loss(
    input: Tensor, target: Tensor, size_average: Old = None, reduce: Old = None, reduction: str = "mean"
) -> Tensor:
    """log(1 + exp(-target * input)), for targets of 1 and -1."""
    losses = (-target * input.fractional("soft_margin_loss")).exp().log1p()
    return reduced(losses, reduction, size_average, reduce)
