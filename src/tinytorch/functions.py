"""The methods of Tensor as functions: `tinytorch.exp(x)` is `x.exp()`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinytorch import composed, composed_axes, composed_elementwise, composed_linalg, composed_statistics
from tinytorch.creation import tensor
from tinytorch.promotion import operand
from tinytorch.tensor import Tensor
from tinytorch.writing import into

NAMES = [
    "abs",
    "absolute",
    "acos",
    "acosh",
    "add",
    "all",
    "amax",
    "amin",
    "any",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan2",
    "arctan",
    "arctanh",
    "argmax",
    "argmin",
    "argsort",
    "as_strided",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "bitwise_and",
    "bitwise_not",
    "bitwise_or",
    "bitwise_xor",
    "bmm",
    "broadcast_to",
    "ceil",
    "clamp",
    "clip",
    "clone",
    "cos",
    "cosh",
    "count_nonzero",
    "cumprod",
    "cumsum",
    "detach",
    "diagonal",
    "digamma",
    "div",
    "divide",
    "dot",
    "eq",
    "erf",
    "erfc",
    "erfinv",
    "exp",
    "exp2",
    "expm1",
    "fix",
    "flip",
    "floor",
    "floor_divide",
    "fmod",
    "gather",
    "ge",
    "greater",
    "greater_equal",
    "gt",
    "index_put",
    "index_select",
    "is_complex",
    "is_floating_point",
    "is_same_size",
    "is_signed",
    "isfinite",
    "isinf",
    "isnan",
    "le",
    "less",
    "less_equal",
    "lgamma",
    "log",
    "log10",
    "log1p",
    "log2",
    "log_softmax",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "lt",
    "matmul",
    "max",
    "maximum",
    "min",
    "minimum",
    "mm",
    "mul",
    "multiply",
    "mv",
    "narrow",
    "ne",
    "neg",
    "negative",
    "nonzero",
    "not_equal",
    "numel",
    "outer",
    "permute",
    "pow",
    "prod",
    "reciprocal",
    "relu",
    "remainder",
    "reshape",
    "round",
    "rsqrt",
    "scatter",
    "scatter_add",
    "select",
    "sgn",
    "sigmoid",
    "sign",
    "sin",
    "sinh",
    "softmax",
    "sort",
    "sqrt",
    "square",
    "squeeze",
    "sub",
    "subtract",
    "sum",
    "swapaxes",
    "swapdims",
    "t",
    "take_along_dim",
    "tan",
    "tanh",
    "transpose",
    "true_divide",
    "trunc",
    "unsqueeze",
    *composed.NAMES,
    *composed_elementwise.NAMES,
    *composed_statistics.NAMES,
    *composed_axes.NAMES,
    *composed_linalg.NAMES,
]


# Where the first argument may be a number, if the second is a tensor.
NUMBER_FIRST = {
    "add", "bitwise_and", "bitwise_left_shift", "bitwise_or", "bitwise_right_shift", "bitwise_xor", "div", "divide",
    "float_power", "floor_divide", "mul", "multiply", "pow", "remainder", "sub", "subtract", "true_divide", "xlogy",
}  # fmt: skip
# Which of these also take two numbers, and answer with a tensor.
NUMBERS_ONLY = {"add", "div", "divide", "floor_divide", "mul", "multiply", "sub", "subtract", "true_divide"}


def as_function(name: str) -> Callable[..., Any]:
    """A function that calls the method of its first argument, also where that is called `input`.

    It takes `out`, as PyTorch's functions do. Raises TypeError where the first argument is no tensor.
    """
    method = getattr(Tensor, name)

    def function(*args: Any, **options: Any) -> Any:
        if "input" in options:
            args = (options.pop("input"), *args)
        if not args or not isinstance(args[0], Tensor):
            args = (first_tensor(name, args), *args[1:])
        if "out" not in options:
            return method(*args, **options)
        out = options.pop("out")
        made = method(*args, **options)
        return made if out is None else into(out, made, name)

    function.__name__ = name
    function.__doc__ = method.__doc__
    return function


def first_tensor(name: str, args: tuple[Any, ...]) -> Tensor:
    """The first argument as a tensor, where it is a number that stands before one, or before another number."""
    if name in NUMBERS_ONLY and [type(each) in (bool, int, float) for each in args] == [True, True]:
        return tensor(args[0])
    if name in NUMBER_FIRST and len(args) > 1 and isinstance(args[1], Tensor):
        made: Tensor = operand(args[1], args[0])
        if made is not NotImplemented:
            return made
    kind = type(args[0]).__name__ if args else "nothing"
    raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {kind}")


# The functions of PyTorch that write into their argument: `torch.relu_(x)` is `x.relu_()`.
IN_PLACE = [
    "abs_", "ceil_", "clamp_", "clamp_max_", "clamp_min_", "cos_", "exp_", "fill_", "floor_", "log_", "neg_",
    "reciprocal_", "relu_", "resize_as_", "round_", "rsqrt_", "sigmoid_", "sin_", "sqrt_", "square_", "tanh_", "trunc_", "zero_",
]  # fmt: skip


def polygamma(n: int, input: Tensor) -> Tensor:
    """The derivative of order `n` of digamma (`torch.polygamma`, which takes the order first)."""
    return input.polygamma(n)


FUNCTIONS = {name: as_function(name) for name in [*NAMES, *IN_PLACE]}
FUNCTIONS["polygamma"] = polygamma
globals().update(FUNCTIONS)
