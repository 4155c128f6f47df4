"""Normalisation cards: numbers brought to mean 0 and spread 1, then scaled and shifted as learned."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from tinytorch.errors import GradientError
from tinytorch.ops.card import FREE, Fused, Grads, widened

if TYPE_CHECKING:
    from tinytorch.tensor import Tensor

Axes = tuple[int, ...]


def standardized(x: Tensor, axes: Axes, eps: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """x with mean 0 and spread 1 over `axes`; the mean and the (biased) variance that it had; one over its spread."""
    mean = x.mean(axes, keepdim=True)
    distance = x - mean
    variance = (distance * distance).mean(axes, keepdim=True)
    rate = (variance + eps).rsqrt()
    return distance * rate, mean, variance, rate


def scaled(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """x * weight + bias, where they are given."""
    x = x if weight is None else x * widened(weight)
    return x if bias is None else x + widened(bias)


def standing(*gradients: Any, weight: Any, bias: Any) -> Grads:
    """The gradients of x, weight and bias, without those of parameters that are not there."""
    return tuple(gradients[: 1 + (weight is not None) + (bias is not None)])


class LayerNorm(Fused):
    """x (..., *shape) standardised over its last `count` axes, times weight and plus bias of that shape, if there

    Ba et al., 2016. A bias needs a weight. Halves are computed in float32.
    """

    __slots__ = ("count", "eps")
    promotion = FREE
    reads = {"x": ("x", "weight"), "weight": ("x", "weight"), "bias": ("x", "weight")}

    def __init__(self, count: int, eps: float) -> None:
        self.count = count
        self.eps = eps

    def definition(self, x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None) -> Any:
        standard, *_ = standardized(widened(x), last(self.count), self.eps)
        return scaled(standard, weight, bias).to(x.dtype).contiguous()

    def grad(
        self, g: Tensor, out: Tensor, x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None
    ) -> Grads:
        axes, g = last(self.count), widened(g)
        standard, _, _, rate = standardized(widened(x), axes, self.eps)
        inner = scaled(g, weight, None)
        # Moving all numbers together or stretching them changes nothing: these two parts of the gradient go.
        along = standard * (inner * standard).mean(axes, keepdim=True)
        to_x = ((inner - inner.mean(axes, keepdim=True) - along) * rate).to(x.dtype)
        front = tuple(range(x.ndim - self.count))
        to_weight, to_bias = [total(each, front, weight) for each in (g * standard, g)]
        return standing(to_x, to_weight, to_bias, weight=weight, bias=bias)

    def flops(self, out: Any, *xs: Any) -> int:
        """A sum, a difference, a square, another sum and a product for each element; one more for each parameter."""
        return int((4 + len(xs)) * out.numel())


class RMSNorm(Fused):
    """x (..., *shape) over the root of the mean of its squares along the last `count` axes, times weight if there

    Zhang and Sennrich, 2019. Halves are computed in float32.
    """

    __slots__ = ("count", "eps")
    promotion = FREE
    reads = {"x": ("x", "weight"), "weight": ("x", "weight")}

    def __init__(self, count: int, eps: float) -> None:
        self.count = count
        self.eps = eps

    def rate(self, x: Tensor) -> Tensor:
        """One over the root mean square."""
        return ((x * x).mean(last(self.count), keepdim=True) + self.eps).rsqrt()

    def definition(self, x: Tensor, weight: Tensor | None = None) -> Any:
        full = widened(x)
        return scaled(full * self.rate(full), weight, None).to(x.dtype).contiguous()

    def grad(self, g: Tensor, out: Tensor, x: Tensor, weight: Tensor | None = None) -> Grads:
        full, g = widened(x), widened(g)
        rate = self.rate(full)
        standard, inner = full * rate, scaled(g, weight, None)
        along = standard * (inner * standard).mean(last(self.count), keepdim=True)
        to_x = ((inner - along) * rate).to(x.dtype)
        to_weight = total(g * standard, tuple(range(x.ndim - self.count)), weight)
        return standing(to_x, to_weight, weight=weight, bias=None)

    def flops(self, out: Any, *xs: Any) -> int:
        """A square, a sum and a product for each element; another product with a weight."""
        return int((2 + len(xs)) * out.numel())


class BatchNorm(Fused):
    """x (N, C, ...) standardised in each channel over all other axes, times weight (C,) and plus bias (C,), if there

    Also returns mean and variance (C,) of the channels, the variance over the count; these are constants to
    autograd. Ioffe and Szegedy, 2015. A bias needs a weight. Halves are computed in float32.
    """

    __slots__ = ("eps",)
    promotion = FREE
    reads = {"x": ("x", "weight"), "weight": ("x", "weight"), "bias": ("x", "weight")}

    def __init__(self, eps: float) -> None:
        self.eps = eps

    def definition(self, x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None) -> Any:
        standard, mean, variance, _ = standardized(widened(x), others(x), self.eps)
        weight, bias = per_channel(weight, x), per_channel(bias, x)
        return scaled(standard, weight, bias).to(x.dtype).contiguous(), mean.flatten(), variance.flatten()

    def grad(
        self, g: Any, out: Any, x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None
    ) -> Grads:
        if g[1] is not None or g[2] is not None:
            raise GradientError("mean and variance of a batch are constants: no gradient flows through them")
        axes, inner = others(x), widened(g[0])
        standard, _, _, rate = standardized(widened(x), axes, self.eps)
        count = prod([x.shape[axis] for axis in axes]) or 1
        shift = inner.sum(axes, keepdim=True)
        along = (inner * standard).sum(axes, keepdim=True)
        slope = scaled(rate, per_channel(weight, x), None)
        to_x = ((inner - shift / count - standard * (along / count)) * slope).to(x.dtype)
        to_weight, to_bias = [total(each, axes, weight) for each in (along, shift)]
        return standing(to_x, to_weight, to_bias, weight=weight, bias=bias)

    def flops(self, out: Any, *xs: Any) -> int:
        """A sum, a difference, a square, another sum and a product for each element; one more for each parameter."""
        return int((4 + len(xs)) * out[0].numel())


def last(count: int) -> Axes:
    """The last axes.

    >>> last(2)
    (-2, -1)
    """
    return tuple(range(-count, 0))


def others(x: Tensor) -> Axes:
    """All axes but that of the channels."""
    return (0, *range(2, x.ndim))


def per_channel(values: Tensor | None, x: Tensor) -> Any:
    """One number for each channel, shaped to go with x (N, C, ...); None as it is."""
    return None if values is None else values.reshape(values.shape[0], *[1] * (x.ndim - 2))


def total(g: Tensor, axes: Axes, like: Tensor | None) -> Tensor | None:
    """The gradient of a parameter that was read all along `axes`; None where there is no parameter."""
    return None if like is None else g.sum(axes).to(like.dtype) if axes else g.to(like.dtype)
