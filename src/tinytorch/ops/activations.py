"""Activation cards: the bends between linear layers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from tinytorch.ops.card import FLOAT, NUMBERS, Elementwise, Fused, Grads

if TYPE_CHECKING:
    from tinytorch.tensor import Tensor

ROOT_HALF, ROOT_TWO_OVER_PI = math.sqrt(0.5), math.sqrt(2.0 / math.pi)


class Relu(Elementwise):
    """x where it is positive, else 0"""

    expr = ("maximum", 0, ("const", "0"))
    least = NUMBERS

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (g.where(~(out <= 0.0), 0.0),)


class Sigmoid(Elementwise):
    """1 / (1 + exp(-x)), without overflow on either side"""

    expr = ("sigmoid", 0)
    promotion = FLOAT

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (g * out * (1.0 - out),)


class Softmax(Fused):
    """exp(x) over its sum along `axis`"""

    __slots__ = ("axis",)
    promotion = FLOAT
    reads = {"x": ("out",)}

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def definition(self, x: Tensor) -> Any:
        raised = (x - top(x, self.axis)).exp()
        return raised / raised.sum(self.axis, keepdim=True)

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (out * (g - (g * out).sum(self.axis, keepdim=True)),)

    def flops(self, out: Any, *xs: Any) -> int:
        """A maximum, a difference, an exponential, a sum and a quotient for each element."""
        return int(5 * out.numel())


class LogSoftmax(Fused):
    """x less the logarithm of the sum of exp(x) along `axis`"""

    __slots__ = ("axis",)
    promotion = FLOAT
    reads = {"x": ("out",)}

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def definition(self, x: Tensor) -> Any:
        shifted = x - top(x, self.axis)
        return shifted - shifted.exp().sum(self.axis, keepdim=True).log()

    def grad(self, g: Tensor, out: Tensor, x: Tensor) -> Grads:
        return (g - out.exp() * g.sum(self.axis, keepdim=True),)

    def flops(self, out: Any, *xs: Any) -> int:
        """A maximum, two differences, an exponential and a sum for each element."""
        return int(5 * out.numel())


class Gelu(Fused):
    """x times the share of a normal distribution below x; with `tanh`, a close formula for it"""

    __slots__ = ("tanh",)
    promotion = FLOAT

    def __init__(self, tanh: bool) -> None:
        self.tanh = tanh

    def definition(self, x: Tensor) -> Any:
        if self.tanh:
            return x * 0.5 * ((x + x * x * x * 0.044715) * ROOT_TWO_OVER_PI).tanh().add(1.0)
        return x * 0.5 * ((x * ROOT_HALF).erf() + 1.0)

    def flops(self, out: Any, *xs: Any) -> int:
        """Four for the erf form, eight for the tanh form, for each element."""
        return int((8 if self.tanh else 4) * out.numel())


class Silu(Fused):
    """x times its sigmoid: Elfwing et al., 2018"""

    __slots__ = ()
    promotion = FLOAT

    def definition(self, x: Tensor) -> Any:
        return x * x.sigmoid()

    def flops(self, out: Any, *xs: Any) -> int:
        """An exponential, a sum, a quotient and a product for each element."""
        return int(4 * out.numel())


def top(x: Tensor, axis: int) -> Tensor:
    """The maximum along an axis, kept, as a constant; 0 where there is nothing to take it of."""
    if 0 in x.shape:
        return x.detach().sum(axis, keepdim=True)
    return x.detach().amax(axis, keepdim=True)


RELU, SIGMOID = Relu(), Sigmoid()
GELU, GELU_TANH, SILU = Gelu(False), Gelu(True), Silu()
