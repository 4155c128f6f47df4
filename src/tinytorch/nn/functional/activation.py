"""Activations as functions: thin argument handling over methods and cards (`torch.nn.functional`)."""

from __future__ import annotations

from collections.abc import Callable

from tinytorch import composed, ops
from tinytorch.autograd.versions import check_writable
from tinytorch.dtypes import dtype as Dtype
from tinytorch.tensor import Tensor, apply, overwrite


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


def softmax(input: Tensor, dim: int, dtype: Dtype | None = None) -> Tensor:
    """exp(x) over its sum along `dim`."""
    return input.softmax(dim, dtype)


def log_softmax(input: Tensor, dim: int, dtype: Dtype | None = None) -> Tensor:
    """The logarithm of the softmax."""
    return input.log_softmax(dim, dtype)
