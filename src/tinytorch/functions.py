"""The methods of Tensor as functions: `tinytorch.exp(x)` is `x.exp()`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinytorch.tensor import Tensor

NAMES = (
    "abs absolute acos add addcdiv addcmul addmm all allclose amax amin any arccos arcsin arctan argmax argmin "
    "argsort asin atan atan2 bitwise_and bitwise_not bitwise_or bitwise_xor bmm broadcast_to ceil chunk clamp clip "
    "clone cos cosh count_nonzero cumprod cumsum detach diagonal div divide dot eq erf exp exp2 expm1 fix flatten flip "
    "floor floor_divide fmod gather ge greater greater_equal gt index_add index_put index_select isclose isfinite "
    "isinf isnan le lerp less less_equal log log10 log1p log2 log_softmax logical_and logical_not logical_or "
    "logical_xor logsumexp lt masked_fill masked_select matmul max maximum mean min minimum mm movedim mul multiply mv "
    "narrow ne neg negative nonzero norm not_equal numel outer permute pow prod reciprocal relu remainder "
    "repeat_interleave reshape roll round rsqrt scatter scatter_add select sgn sigmoid sign sin sinh softmax sort split "
    "sqrt square squeeze std sub subtract sum swapaxes swapdims t take_along_dim tan tanh tile topk transpose tril triu "
    "true_divide trunc unbind unflatten unsqueeze var is_floating_point"
).split()


def as_function(name: str) -> Callable[..., Any]:
    """A function that calls the method of its first argument, also where that is called `input`."""
    method = getattr(Tensor, name)

    def function(*args: Any, **options: Any) -> Any:
        if "input" in options:
            args = (options.pop("input"), *args)
        return method(*args, **options)

    function.__name__ = name
    function.__doc__ = method.__doc__
    return function


FUNCTIONS = {name: as_function(name) for name in NAMES}
globals().update(FUNCTIONS)
