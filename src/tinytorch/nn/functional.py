"""Layers as plain functions: thin argument handling over methods and cards (`torch.nn.functional`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinytorch import composed, ops, random
from tinytorch.autograd.versions import check_writable
from tinytorch.creation import arange
from tinytorch.dtypes import dtype as Dtype
from tinytorch.errors import ShapeError
from tinytorch.tensor import Tensor, apply, overwrite


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input @ weight.mT + bias."""
    if input.shape[-1:] != weight.shape[-1:]:
        raise ShapeError(
            f"linear: the input {input.shape} ends in {input.shape[-1:]}, the weight {weight.shape} takes "
            f"{weight.shape[-1]} features"
        )
    out = input @ weight.mT
    return out if bias is None else out + bias


def placed(input: Tensor, function: Callable[[Tensor], Tensor], inplace: bool, name: str) -> Tensor:
    """What a function makes of the input; with `inplace` written into it, and its gradient made from a copy."""
    if not inplace:
        return function(input)
    check_writable(input)
    return overwrite(input, function(input.clone()), name)


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """The input where it is positive, else 0."""
    return input.relu_() if inplace else input.relu()  # type: ignore[attr-defined]


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """x times the share of a normal distribution below x: Hendrycks and Gimpel, 2016."""
    if approximate not in ("none", "tanh"):
        raise RuntimeError(f"approximate argument must be either none or tanh, not {approximate!r}")
    made: Tensor = apply(ops.GELU_TANH if approximate == "tanh" else ops.GELU, input)
    return made


def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-x))."""
    return input.sigmoid()


def tanh(input: Tensor) -> Tensor:
    """Hyperbolic tangent."""
    return input.tanh()


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x * sigmoid(x)."""
    return placed(input, lambda x: x * x.sigmoid(), inplace, "silu_")


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta x)) / beta."""
    return composed.softplus(input, beta, threshold)


def logsigmoid(input: Tensor) -> Tensor:
    """log(sigmoid(x)), exact on both sides."""
    return input.minimum(0) - (-input.abs()).exp().log1p()


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where positive, alpha (exp(x) - 1) elsewhere."""
    return placed(input, lambda x: x.where(x > 0, x.minimum(0).expm1() * alpha), inplace, "elu_")


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where positive, a small share of it elsewhere."""
    return placed(input, lambda x: x.where(x > 0, x * negative_slope), inplace, "leaky_relu_")


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """x held between two bounds."""
    return placed(input, lambda x: x.clamp(min_val, max_val), inplace, "hardtanh_")


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """x held between 0 and 6."""
    return placed(input, lambda x: x.clamp(0.0, 6.0), inplace, "relu6_")


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where positive, alpha (exp(x / alpha) - 1) elsewhere: Barron, 2017."""
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return placed(input, lambda x: x.where(x > 0, (x.minimum(0) / alpha).expm1() * alpha), inplace, "celu_")


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """An elu whose two constants keep mean and variance: Klambauer et al., 2017."""
    alpha, scale = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
    return placed(input, lambda x: x.where(x > 0, x.minimum(0).expm1() * alpha) * scale, inplace, "selu_")


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """x * tanh(softplus(x)): Misra, 2019."""
    return placed(input, lambda x: x * softplus(x).tanh(), inplace, "mish_")


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """A sigmoid of three straight pieces: x / 6 + 1 / 2 between -3 and 3."""
    return placed(input, lambda x: relu6(x + 3) / 6, inplace, "hardsigmoid_")


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """x times its hardsigmoid: Howard et al., 2019."""
    return placed(input, lambda x: x * hardsigmoid(x), inplace, "hardswish_")


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """0 between -lambd and lambd, x elsewhere."""
    return input.where((input > lambd) | (input < -lambd), input * 0)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x moved towards 0 by lambd, and 0 where it would pass it."""
    if lambd < 0:
        raise RuntimeError(f"lambda must be greater or equal to 0, but found to be {lambd:g}.")
    nearer = (input - lambd).where(input > lambd, input + lambd)
    return nearer.where((input > lambd) | (input < -lambd), input * 0)


def softsign(input: Tensor) -> Tensor:
    """x / (1 + |x|)."""
    return input / (input.abs() + 1)


def tanhshrink(input: Tensor) -> Tensor:
    """x - tanh(x)."""
    return input - input.tanh()


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """x where it is above the threshold, else `value`."""
    return placed(input, lambda x: x.where(x > threshold, value), inplace, "threshold_")


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """x where positive, a learned share of it elsewhere: He et al., 2015. One weight, or one for each channel."""
    if weight.numel() > 1:
        if input.ndim < 2 or input.shape[1] != weight.numel():
            raise RuntimeError(
                f"prelu: {weight.numel()} weights for {input.shape}, which has other channels on axis 1"
            )
        weight = weight.reshape(-1, *[1] * (input.ndim - 2))
    return input.where(input > 0, input * weight)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """The first half times the sigmoid of the second: Dauphin et al., 2017."""
    if input.shape[dim] % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {dim} is size {input.shape[dim]}")
    first, second = input.chunk(2, dim)
    return first * second.sigmoid()


def softmin(input: Tensor, dim: int, dtype: Dtype | None = None) -> Tensor:
    """The softmax of -x."""
    return (-input).softmax(dim, dtype)


def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """The p-norm of x1 - x2 + eps over the last axis."""
    return (x1 - x2 + eps).norm(p, -1, keepdim)


def softmax(input: Tensor, dim: int, dtype: Dtype | None = None) -> Tensor:
    """exp(x) over its sum along `dim`."""
    return input.softmax(dim, dtype)


def log_softmax(input: Tensor, dim: int, dtype: Dtype | None = None) -> Tensor:
    """The logarithm of the softmax."""
    return input.log_softmax(dim, dtype)


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Each element 0 with probability `p`, the others scaled by 1 / (1 - p)."""
    return random.dropout(input, p, training)


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """A 1 at each index, int64, on a new last axis."""
    count = int(tensor.max().item()) + 1 if num_classes == -1 else num_classes
    if tensor.numel() and (int(tensor.min().item()) < 0 or int(tensor.max().item()) >= count):
        raise RuntimeError(f"Class values must be between 0 and {count - 1}")
    return (tensor.unsqueeze(-1) == arange(count)).long()


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """Divided by its norm along `dim`."""
    return input / input.norm(p, dim, keepdim=True).clamp(min=eps)


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between vectors along `dim`."""
    lengths = x1.norm(2, dim).clamp(min=eps) * x2.norm(2, dim).clamp(min=eps)
    return (x1 * x2).sum(dim) / lengths


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


def pad(input: Tensor, pad: Any, mode: str = "constant", value: float = 0.0) -> Tensor:
    """More elements at the ends of the last axes: (left, right) of the last, then of the one before."""
    if mode != "constant":
        raise NotImplementedError(f"pad mode {mode!r} is not there; only 'constant' is")
    for i in range(len(pad) // 2):
        axis = input.ndim - 1 - i
        for amount, before in ((pad[2 * i], True), (pad[2 * i + 1], False)):
            size = input.shape[axis]
            if amount < 0:
                input = input.narrow(axis, -amount if before else 0, size + amount)
            elif amount:
                shape = [amount if a == axis else n for a, n in enumerate(input.shape)]
                more = input.new_full(shape, value)
                input = more.cat_after(input, axis) if before else input.cat_after(more, axis)
    return input
