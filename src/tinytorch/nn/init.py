"""Initialisation: the first values of parameters (`torch.nn.init`)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinytorch.random import Generator, chosen, fill_normal, fill_uniform
from tinytorch.tensor import Tensor


def uniform_(x: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Evenly spread over [a, b)."""
    fill_uniform(x.detach(), a, b, generator)
    return x


def normal_(x: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal."""
    fill_normal(x.detach(), mean, std, generator)
    return x


def constant_(x: Tensor, val: float) -> Tensor:
    """One number everywhere."""
    x.detach().fill_(val)
    return x


def zeros_(x: Tensor) -> Tensor:
    """0 everywhere."""
    return constant_(x, 0.0)


def ones_(x: Tensor) -> Tensor:
    """1 everywhere."""
    return constant_(x, 1.0)


def eye_(x: Tensor) -> Tensor:
    """The identity matrix."""
    if x.ndim != 2:
        raise ValueError(f"only tensors with 2 dimensions are supported, not {x.ndim}")
    x.detach().copy_(x.new_tensor(np.eye(x.shape[0], x.shape[1])))
    return x


def _calculate_fan_in_and_fan_out(x: Tensor) -> tuple[int, int]:
    """How many numbers enter and leave each unit of a weight (out, in, *window)."""
    if x.ndim < 2:
        raise ValueError("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions")
    window = math.prod(x.shape[2:])
    return x.shape[1] * window, x.shape[0] * window


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By how much an activation shrinks its input's spread, inverted."""
    if nonlinearity == "leaky_relu":
        return math.sqrt(2.0 / (1 + (0.01 if param is None else param) ** 2))
    known = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5.0 / 3, "relu": math.sqrt(2.0), "selu": 0.75}
    if nonlinearity not in known:
        raise ValueError(f"Unsupported nonlinearity {nonlinearity}")
    return known[nonlinearity]


def fan(x: Tensor, mode: str) -> int:
    """The fan that `mode` names: "fan_in" or "fan_out"."""
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode} not supported, please use one of fan_in and fan_out")
    return _calculate_fan_in_and_fan_out(x)[mode == "fan_out"]


def kaiming_uniform_(
    x: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Uniform with the spread that keeps the signal's size through layers: He et al., 2015."""
    std = calculate_gain(nonlinearity, a) / math.sqrt(fan(x, mode))
    bound = math.sqrt(3.0) * std  # a uniform spread over [-b, b] has standard deviation b / sqrt(3)
    return uniform_(x, -bound, bound, generator)


def kaiming_normal_(
    x: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Normal with the same spread as `kaiming_uniform_`."""
    return normal_(x, 0.0, calculate_gain(nonlinearity, a) / math.sqrt(fan(x, mode)), generator)


def xavier_uniform_(x: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Uniform, between the demands of forward and backward: Glorot and Bengio, 2010."""
    bound = gain * math.sqrt(6.0 / sum(_calculate_fan_in_and_fan_out(x)))
    return uniform_(x, -bound, bound, generator)


def xavier_normal_(x: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal with the same spread as `xavier_uniform_`."""
    return normal_(x, 0.0, gain * math.sqrt(2.0 / sum(_calculate_fan_in_and_fan_out(x))), generator)


def trunc_normal_(
    x: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """Normal, drawn again where it falls outside [a, b]."""
    values: Any = chosen(generator).normal(mean, std, x.shape)
    while (outside := (values < a) | (values > b)).any():
        values = np.where(outside, chosen(generator).normal(mean, std, x.shape), values)
    x.detach().copy_(x.new_tensor(values))
    return x


def orthogonal_(x: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Rows (or columns, whichever are fewer) of length `gain` at right angles."""
    if x.ndim < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    rows, columns = x.shape[0], x.numel() // x.shape[0]
    flat = chosen(generator).normal(size=(max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(flat)
    q = q * np.sign(np.diagonal(r))
    x.detach().copy_(x.new_tensor((gain * (q if rows >= columns else q.T)).reshape(x.shape)))
    return x
