"""Where the framework deviates from PyTorch, and why: patterns over what a case says, each with its reason."""

from __future__ import annotations

import re

# Matched against "function | respect | difference | sample", in this order.
REASONS = [
    (r"Trying to resize storage|Expected out tensor|dtype for input and out to match|Long tensor out|wrong dtype|"
     r"refusal \| (not refused|\w+ for \w+): .*\bout=|, out=\S+ *$",
     "`out=` may have any type that can hold the result, and any memory"),
    (r"no_grad mode", "a view that was made under `no_grad` may be written to"),
    (r"must be Tensor, not Tensor|descriptor '|'int' object has no attribute", "called as an unbound method of a number"),
    (r"up to 64 dims", "NumPy's limit of 64 axes has NumPy's error"),
    (r"MatMul is not implemented for bool .*\b0\b", "products of bools are refused, also where one size is 0"),
    (r"gradient \| .*np\.float(16|32)\(-?(inf|nan)\).*(float16|bfloat16)",
     "gradients of halves are computed in float32: fewer intermediate results overflow"),
    (r"^(Tensor\.)?(addbmm|addr|addcmul|addcdiv|nn\.functional\.(bilinear|normalize|linear)|fmod|linalg\.multi_dot)_? "
     r".*(float16|bfloat16)", "halves are rounded once at the end; PyTorch rounds after each step"),
    (r"^(Tensor\.)?(special\.)?(digamma|lgamma|polygamma|mvlgamma|multigammaln|psi|gammaln)",
     "computed in float64 and rounded; PyTorch computes in float32. At negative whole numbers the pole is infinite"),
    (r"logcumsumexp.* gradient .*float32", "differences of logarithms in float32: neither is exact to six digits"),
    (r"sinc.* gradient", "the slope near 0 is a difference of nearly equal numbers: neither is exact"),
    (r"second gradient .*(elu|celu|selu|logsigmoid|softplus|hard\w+|relu6)|(elu|celu|selu|logsigmoid|relu6)_? \| second",
     "second derivatives at the kink itself"),
    (r"scatter_reduce.* second gradient", "second derivatives of a product with factors that are 0"),
    (r"linalg\.\w+: expected a tensor of float32 or float64, not (b?float16)", "matrices of halves are refused, also empty ones"),
    (r"the gradient of (qr|svd) needs", "qr has a gradient for tall matrices, svd for the reduced form"),
    (r"randn draws fractions", "random fractions of a whole type are refused, also for no elements"),
    (r"Cum(sum|prod) is not implemented for bool \| bool\[0?\]", "a running sum of bools in place is refused, also of one"),
    (r"^(Tensor\.)?addbmm", "products are summed in one step; PyTorch adds them one after the other"),
    (r"^Tensor\.add\w+_ \| in place \| ShapeError", "a result of another shape is not written in place"),
    (r"dropout.*'int64' for 'bool'", "bools that are all dropped become whole numbers"),
    (r"einsum .*dtype \w+ for int64", "whole numbers keep their type in sums of products"),
    (r"narrow_copy .*DimensionError", "an axis that is not there is an IndexError everywhere"),
    (r"bucketize .*'Bool'", "bools are put between boundaries"),
    (r"Pow is not implemented for bool .*(True|False)", "a bool to the power of True is refused, as any other power"),
    (r"^arange \| refusal", "a step that has another sign is refused before `out` is looked at"),
    (r"linalg\.norm \| gradient .*(nan|inf)", "norms of negative order at 0"),
]  # fmt: skip
COMPILED = [(re.compile(pattern), reason) for pattern, reason in REASONS]


def reason_for(function: str, respect: str, difference: str, sample: str) -> str | None:
    """Why a case differs; None if nobody has said why."""
    line = f"{function} | {respect} | {difference} | {sample}"
    return next((reason for pattern, reason in COMPILED if pattern.search(line)), None)
