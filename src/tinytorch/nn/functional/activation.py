"""Activations as functions: thin argument handling over methods and cards (`torch.nn.functional`)."""

from __future__ import annotations

from collections.abc import Callable

from tinytorch import composed, ops
from tinytorch.autograd.versions import check_writable
from tinytorch.dtypes import dtype as Dtype
from tinytorch.indexing import canonical_dim
from tinytorch.tensor import Tensor, apply, overwrite


def placed(input: Tensor, function: Callable[[Tensor], Tensor], inplace: bool, name: str) -> Tensor:
    """What a function makes of the input; with `inplace` written into it, and its gradient made from a copy.

    Halves are computed in float32 and rounded once. Raises DtypeError for whole numbers.
    """
    wide, kind = input.fractional(name).dtype.wide, input.dtype
    if inplace:
        check_writable(input)
        made = function(input.clone() if wide is None else input.float()).to(kind)
        return overwrite(input, made, f"{name}_")
    return function(input) if wide is None else function(input.float()).to(kind)


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """The input where it is positive, else 0."""
    return input.relu_() if inplace else input.relu()  # type: ignore[attr-defined]


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """x times the share of a normal distribution below x: Hendrycks and Gimpel, 2016."""
    if approximate not in ("none", "tanh"):
        raise RuntimeError(f"approximate argument must be either none or tanh, not {approximate!r}")
    made: Tensor = apply(ops.GELU_TANH if approximate == "tanh" else ops.GELU, input.fractional("gelu"))
    return made


def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-x))."""
    return input.sigmoid()


def tanh(input: Tensor) -> Tensor:
    """Hyperbolic tangent."""
    return input.tanh()


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x * sigmoid(x)."""
    return placed(input, lambda x: x.apply(ops.SILU, x.fractional("silu")), inplace, "silu")


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta x)) / beta."""
    return placed(input, lambda x: composed.softplus(x, beta, threshold), False, "softplus")


def logsigmoid(input: Tensor) -> Tensor:
    """log(sigmoid(x)), exact on both sides."""

    def function(x: Tensor) -> Tensor:
        low, high = x.where(x < 0, 0.0), x.where(~(x < 0), 0.0)
        return (low - low.exp().log1p()).where(x < 0, -(-high).exp().log1p())

    return placed(input, function, False, "logsigmoid")


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where positive, alpha (exp(x) - 1) elsewhere."""
    return placed(input, lambda x: (x.clamp(max=0).expm1() * alpha).where(x <= 0, x), inplace, "elu")


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where positive, a small share of it elsewhere."""
    return placed(input, lambda x: x.where(x > 0, x * negative_slope), inplace, "leaky_relu")


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """x held between two bounds; at the bounds themselves no gradient flows."""
    if min_val > max_val:
        raise ValueError(f"min_val {min_val} cannot be greater than max_val {max_val}")
    if not input.is_floating_point():
        low, high = int(min_val), int(max_val)
        if low < 0 and not input.dtype.is_signed:
            raise RuntimeError("cannot do hardtanh on an unsigned type with negative limits")
        held = input.arithmetic("hardtanh").clamp(low, high)
        return overwrite(input, held, "hardtanh_") if inplace else held
    return placed(input, lambda x: within(x, min_val, max_val), inplace, "hardtanh")


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """x held between 0 and 6."""
    return hardtanh(input, 0.0, 6.0, inplace)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where positive, alpha (exp(x / alpha) - 1) elsewhere: Barron, 2017."""
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return placed(
        input, lambda x: ((x.clamp(max=0) / alpha).expm1() * alpha).where(x <= 0, x), inplace, "celu"
    )


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """An elu whose two constants keep mean and variance: Klambauer et al., 2017."""
    alpha, scale = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
    return placed(input, lambda x: (x.clamp(max=0).expm1() * alpha).where(x <= 0, x) * scale, inplace, "selu")


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """x * tanh(softplus(x)): Misra, 2019."""
    return placed(input, lambda x: x * softplus(x).tanh(), inplace, "mish")


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """A sigmoid of three straight pieces: x / 6 + 1 / 2 between -3 and 3."""
    inside = (input > -3) & (input < 3)
    return placed(
        input,
        lambda x: (x / 6 + 0.5).where(inside, (x.detach() / 6 + 0.5).clamp(0.0, 1.0)),
        inplace,
        "hardsigmoid",
    )


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """x times its hardsigmoid: Howard et al., 2019."""
    return placed(input, lambda x: x * hardsigmoid(x), inplace, "hardswish")


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """0 between -lambd and lambd, x elsewhere."""
    x = input.fractional("hardshrink")
    return (x * 0).where((x >= -lambd) & (x <= lambd), x)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x moved towards 0 by lambd, and 0 where it would pass it."""
    if lambd < 0:
        raise RuntimeError(f"lambda must be greater or equal to 0, but found to be {lambd:g}.")
    x = input.fractional("softshrink")
    return (x * 0).where((x >= -lambd) & (x <= lambd), (x - lambd).where(x > 0, x + lambd))


def softsign(input: Tensor) -> Tensor:
    """x / (1 + |x|)."""
    return input / (input.abs() + 1)


def tanhshrink(input: Tensor) -> Tensor:
    """x - tanh(x)."""
    return input - input.tanh()


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """x where it is above the threshold, else `value`; of whole numbers both are cut to their whole part."""
    if not input.arithmetic("threshold").is_floating_point():
        held = input.masked_fill(input <= int(threshold), int(value))
        return overwrite(input, held, "threshold_") if inplace else held
    x, small = input, input <= threshold
    return placed(x, lambda x: x.masked_fill(small, value), inplace, "threshold_")


def rrelu(
    input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False
) -> Tensor:
    """x where positive, elsewhere a share of it: random between two bounds, or out of training their middle. Xu et al., 2015."""
    if lower > upper:
        raise RuntimeError(
            f"Lower bound should be less than or equal to the upper bound, not {lower}, {upper}"
        )

    def function(x: Tensor) -> Tensor:
        share = x.new_empty(x.shape).uniform_(lower, upper) if training else (lower + upper) / 2  # type: ignore[attr-defined]
        return x.where(x > 0, x * share)

    return placed(input, function, inplace, "rrelu")


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """x where positive, a learned share of it elsewhere: He et al., 2015. One weight, or one for each channel."""
    if weight.ndim > 1:
        raise RuntimeError(
            f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}"
        )
    if weight.numel() > 1:
        if input.ndim < 2 or input.shape[1] != weight.numel():
            raise RuntimeError(
                f"prelu: {weight.numel()} weights for {input.shape}, which has other channels on axis 1"
            )
        weight = weight.reshape(-1, *[1] * (input.ndim - 2))
    made = input.fractional("prelu").where(input > 0, input * weight)
    return made if input.ndim else made.reshape(())


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """The first half times the sigmoid of the second: Dauphin et al., 2017."""
    if not input.fractional("glu").ndim:
        raise RuntimeError("glu does not support 0-dimensional tensors")
    axis = canonical_dim(dim, input.ndim)
    if input.shape[axis] % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {dim} is size {input.shape[axis]}")
    first, second = input.chunk(2, axis)
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


def within(x: Tensor, low: float, high: float) -> Tensor:
    """x where it lies between two bounds, elsewhere the bound, as a constant."""
    return x.detach().clamp(low, high).where((x <= low) | (x >= high), x)
