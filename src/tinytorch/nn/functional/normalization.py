"""Normalisation over layers, groups, instances and batches (`torch.nn.functional`)."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from tinytorch import ops
from tinytorch.autograd.grad_mode import no_grad
from tinytorch.dtypes import finfo, float32
from tinytorch.errors import DtypeError, ShapeError
from tinytorch.nn.functional.padding import pad
from tinytorch.nn.functional.pooling import avg_pool2d
from tinytorch.ops.card import wide, widened
from tinytorch.ops.normalization import per_channel, scaled
from tinytorch.tensor import Tensor, apply


def check_types(input: Tensor, name: str, *others: Tensor | None) -> None:
    """Raises DtypeError for whole numbers, and for parameters of another type; those of halves may all be float32."""
    input.fractional(name)
    kinds = {each.dtype for each in others if each is not None}
    if not (kinds <= {input.dtype} or (wide(input.dtype) is not input.dtype and kinds == {float32})):
        listed = ", ".join(sorted(each.name for each in kinds))
        raise DtypeError(
            f"{name}: mixed dtypes, the input is {input.dtype.name} and its parameters are {listed}"
        )


def check_shapes(shape: tuple[int, ...], name: str, **parameters: Tensor | None) -> None:
    """Raises ShapeError for a parameter of another shape."""
    for kind, each in parameters.items():
        if each is not None and each.shape != shape:
            raise ShapeError(f"{name}: {kind} should have shape {shape}, not {each.shape}")


def normalized(input: Tensor, normalized_shape: Sequence[int], name: str, **parameters: Tensor | None) -> int:
    """How many axes are normalised. Raises where shapes or types do not fit."""
    shape, x = tuple(normalized_shape), input.array
    if shape and x.shape[-len(shape) :] == shape and x.dtype.is_floating_point:
        given = [each.array for each in parameters.values() if each is not None]
        if all([each.shape == shape and each.dtype is x.dtype for each in given]):  # noqa: C419 a list is faster
            return len(shape)
    if not shape:
        raise ShapeError(f"{name}: normalized_shape needs at least one axis")
    check_shapes(shape, name, **parameters)
    if input.shape[-len(shape) :] != shape:
        raise ShapeError(
            f"Given normalized_shape={list(shape)}, expected input with shape (*, {', '.join(map(str, shape))}), "
            f"but got input of size {list(input.shape)}"
        )
    check_types(input, name, *parameters.values())
    return len(shape)


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-05,
) -> Tensor:
    """Mean 0 and spread 1 over the last axes, those of `normalized_shape`; then times weight, plus bias.

    Ba et al., 2016. Raises ShapeError, DtypeError where the operands do not fit.

    >>> import tinytorch as tt
    >>> layer_norm(tt.tensor([[1.0, 3.0]]), (2,), eps=0.0)
    tensor([[-1.,  1.]])
    """
    count = normalized(input, normalized_shape, "layer_norm", weight=weight, bias=bias)
    if weight is None and bias is not None:
        weight = bias.new_ones(bias.shape)
    parameters = [each for each in (weight, bias) if each is not None]
    out: Tensor = apply(ops.LayerNorm(count, eps), input, *parameters)
    return out


def rms_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """Over the root mean square of the last axes, those of `normalized_shape`; then times weight.

    Zhang and Sennrich, 2019. eps: the smallest step of the type computed in, unless given.

    >>> import tinytorch as tt
    >>> rms_norm(tt.tensor([[3.0, 3.0]]), (2,))
    tensor([[1., 1.]])
    """
    count = len(tuple(normalized_shape))
    if weight is not None and weight.dtype is not input.dtype:  # unlike layer_norm, PyTorch takes these
        wider = rms_norm(input.to(wide(input.dtype)), normalized_shape, weight.to(wide(input.dtype)), eps)
        return wider.to(input.dtype)
    count = normalized(input, normalized_shape, "rms_norm", weight=weight)
    eps = finfo(wide(input.dtype)).eps if eps is None else eps
    out: Tensor = apply(ops.RMSNorm(count, eps), input, *(() if weight is None else (weight,)))
    return out


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-05,
) -> Tensor:
    """Mean 0 and spread 1 in each group of channels of each sample (N, C, ...); then times weight (C,), plus bias (C,).

    Wu and He, 2018. Raises ShapeError where the groups do not divide the channels, ValueError for a single
    value.
    """
    if input.ndim < 2:
        raise ShapeError(f"group_norm expects at least 2 axes (N, C, ...), not {input.ndim}")
    n, channels, *rest = input.shape
    if num_groups < 1 or channels % num_groups:
        raise ShapeError(
            f"group_norm: {channels} channels are not divisible into {num_groups} groups: {input.shape}"
        )
    if n * channels // num_groups * prod(rest) == 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {input.shape}"
        )
    check_shapes((channels,), "group_norm", weight=weight, bias=bias)
    check_types(input, "group_norm", weight, bias)
    groups = widened(input).reshape(n, num_groups, channels // num_groups * prod(rest))
    standard: Tensor = apply(ops.LayerNorm(1, eps), groups)
    standard = standard.reshape(input.shape)
    return scaled(standard, per_channel(weight, input), per_channel(bias, input)).to(input.dtype)


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-05,
) -> Tensor:
    """Mean 0 and spread 1 in each channel of (N, C, ...); then times weight (C,), plus bias (C,).

    Ioffe and Szegedy, 2015. training: by the batch's own mean and variance, towards which the running ones
    move by `momentum` (the variance over count - 1); otherwise by the running ones. Raises ValueError for
    training on a single value per channel, and for one running statistic without the other.
    """
    if input.ndim < 2:
        raise ShapeError(f"batch_norm expects at least 2 axes (N, C, ...), not {input.ndim}")
    count = input.shape[0] * prod(input.shape[2:])
    if training:
        check_training(input, count, running_mean, running_var, eps)
    elif running_mean is None or running_var is None:
        missing = "running_mean" if running_mean is None else "running_var"
        raise ShapeError(f"{missing} must be defined in evaluation mode")
    parameters = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    check_shapes((input.shape[1],), "batch_norm", **parameters)
    check_types(input, "batch_norm", *parameters.values())
    if not count:
        return scaled(input, per_channel(weight, input), per_channel(bias, input))
    if not training:
        return by_statistics(input, running_mean, running_var, weight, bias, eps)
    if weight is None and bias is not None:
        weight = bias.new_ones(bias.shape)
    affine = [each for each in (weight, bias) if each is not None]
    out, mean, variance = apply(ops.BatchNorm(eps), input, *affine)
    if running_mean is not None and running_var is not None:
        track(running_mean, mean, momentum)
        track(running_var, variance * (count / max(count - 1, 1)), momentum)
    made: Tensor = out
    return made


def check_training(
    input: Tensor, count: int, running_mean: Tensor | None, running_var: Tensor | None, eps: float
) -> None:
    """Raises ValueError where a batch cannot be normalised by its own statistics."""
    if count == 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {input.shape}"
        )
    if (running_mean is None) != (running_var is None):
        raise ValueError("running_mean and running_var must either both be None or neither be None")
    if eps <= 0.0:
        raise ValueError(f"batch_norm eps must be positive during training, but got {eps}")


def track(running: Tensor, new: Tensor, momentum: float) -> None:
    """Move a running statistic, in place, towards the newest value by the share `momentum`."""
    with no_grad():
        running.copy_(running * (1.0 - momentum) + new.detach() * momentum)


def by_statistics(
    input: Tensor,
    mean: Tensor | None,
    variance: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    eps: float,
) -> Tensor:
    """Each channel less a given mean, over the root of a given variance."""
    assert mean is not None and variance is not None
    rate = (widened(variance) + eps).rsqrt()
    slope = rate if weight is None else rate * widened(weight)
    shift = -widened(mean) * slope
    shift = shift if bias is None else shift + widened(bias)
    return (widened(input) * per_channel(slope, input) + per_channel(shift, input)).to(input.dtype)


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-05,
) -> Tensor:
    """Mean 0 and spread 1 in each channel of each sample (N, C, ...): Ulyanov et al., 2016.

    use_input_stats: by its own statistics, else by the running ones. Raises ValueError for samples of a
    single element per channel.
    """
    if not use_input_stats:
        if running_mean is None or running_var is None:
            raise ShapeError(
                "Expected running_mean and running_var to be defined when use_input_stats is false"
            )
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    if prod(input.shape[2:]) == 1:
        raise ValueError(f"Expected more than 1 spatial element when training, got input size {input.shape}")
    n, channels = input.shape[:2]
    parameters = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    check_shapes((channels,), "instance_norm", **parameters)
    check_types(input, "instance_norm", *parameters.values())
    each = widened(input).reshape(
        1, n * channels, *input.shape[2:]
    )  # every sample's channels as channels of one
    standard, mean, variance = apply(ops.BatchNorm(eps), each)
    count = prod(input.shape[2:])
    if running_mean is not None and running_var is not None and n:
        track(running_mean, mean.reshape(n, channels).mean(0), momentum)
        track(running_var, variance.reshape(n, channels).mean(0) * (count / (count - 1)), momentum)
    standard = standard.reshape(input.shape)
    return scaled(standard, per_channel(weight, input), per_channel(bias, input)).to(input.dtype)


def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """x over (k + alpha * mean of the squares of `size` neighbouring channels) ** beta: Krizhevsky et al., 2012."""
    if input.ndim < 3:
        raise ValueError(f"Expected 3D or higher dimensionality input (got {input.ndim} dimensions)")
    if not input.numel():
        return input
    squares = (input.arithmetic("local_response_norm") * input).flatten(2)  # (N, C, places)
    padded = pad(squares.unsqueeze(1), (0, 0, size // 2, (size - 1) // 2))
    mean = avg_pool2d(padded, (size, 1), stride=1).squeeze(1)
    return input / (mean * alpha + k).pow(beta).reshape(input.shape)
