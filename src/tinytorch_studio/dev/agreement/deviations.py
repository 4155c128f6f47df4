"""Where the framework deviates from PyTorch, and why: patterns over what a case says, each with its reason."""

from __future__ import annotations

import re

# Matched against "function | respect | difference | sample", in this order.
REASONS = [
    (r"Trying to resize storage|Expected out tensor|dtype for input and out to match|Long tensor out|wrong dtype|"
     r"refusal \| (not refused|\w+ for \w+): .*\bout=|, out=\S+ *$",
     "`out=` may have any type that can hold the result, and any memory"),
    (r"no_grad mode", "a view that was made under `no_grad` may be written to"),
    (r"^__r\w+__ .*(descriptor '|object has no attribute|refusal \| AttributeError)",
     "called as an unbound method of a number"),
    (r"up to 64 dims", "NumPy's limit of 64 axes has NumPy's error"),
    (r"MatMul is not implemented for bool .*\b0\b|^tensordot .*MatMul is not implemented for bool",
     "products of bools are refused, also where one size is 0 or all are 1"),
    (r"copysign_? \| gradient", "the slope at infinity is 1 or -1, where PyTorch's is infinity over infinity"),
    (r"^(Tensor\.)?hypot_? \| gradient", "the slope at the origin is 0, where PyTorch's is 0 over 0"),
    (r"logit_? \| gradient .*for np\.float\d+\((nan|-?inf)\)",
     "where there is no value there is a slope, which PyTorch sets to NaN"),
    (r"^special\.entr \| (second )?gradient", "at 0 and below the slope is not finite"),
    (r"^special\.log_ndtr \| gradient", "far below 0 by a series, which has more exact digits than PyTorch's formula"),
    (r"(hardshrink|hardtanh|relu6|softshrink|elu_?) \| gradient .*for np\.float\d+\(-?(0\.0|nan)\).*"
     r"\| b?float\d+\[(9|128, 128)\]( strided)?(, alpha=0\.8)?$",
     "at NaN PyTorch's two kernels, for whole vectors and for what is left over, give different slopes"),
    (r"^(Tensor\.)?(special\.)?(digamma|lgamma|polygamma|mvlgamma|multigammaln|psi|gammaln)",
     "computed in float64 and rounded; PyTorch computes in float32. At negative whole numbers the pole is infinite"),
    (r"gradient \| .*np\.float(16|32)\(-?(inf|nan)\).*(float16|bfloat16)",
     "gradients of halves are computed in float32: fewer intermediate results overflow"),
    (r"^(Tensor\.)?(addbmm|addr|addcmul|addcdiv|fmod|linalg\.multi_dot|linspace|cdist|histc|linalg\.vector_norm|"
     r"special\.xlog1py|nn\.functional\.(bilinear|normalize|linear|adaptive_avg_pool3d|instance_norm|interpolate|"
     r"embedding_bag|conv3d|conv_transpose[23]d|grid_sample|binary_cross_entropy_with_logits|"
     r"scaled_dot_product_attention))_? .*float16", "halves are rounded once at the end; PyTorch rounds after each step"),
    (r"^nn\.functional\.(conv3d|scaled_dot_product_attention) \| value .*\| float32",
     "sums of large numbers of both signs in float32: neither is exact to six digits"),
    (r"^nn\.functional\.interpolate \| value .*\| uint8.*'(bilinear|bicubic)'",
     "pixels half way between two whole numbers are rounded up; PyTorch's weights have 16 bits, and it rounds either way"),
    (r"logcumsumexp.* gradient .*float32", "differences of logarithms in float32: neither is exact to six digits"),
    (r"sinc.* gradient", "the slope near 0 is a difference of nearly equal numbers: neither is exact"),
    (r"^(Tensor|nn\.functional)\.(elu|celu|selu)_? \| second gradient", "second derivatives at the kink itself"),
    (r"scatter_reduce.* second gradient", "second derivatives of a product with factors that are 0"),
    (r"linalg\.\w+: expected a tensor of float32 or float64, not (b?float16)", "matrices of halves are refused, also empty ones"),
    (r"randn draws fractions", "random fractions of a whole type are refused, also for no elements"),
    (r"Cum(sum|prod) is not implemented for bool \| bool\[0?\]", "a running sum of bools in place is refused, also of one"),
    (r"^(Tensor\.)?addbmm", "products are summed in one step; PyTorch adds them one after the other"),
    (r"^Tensor\.add\w+_ \| in place \| ShapeError", "a result of another shape is not written in place"),
    (r"einsum .*dtype \w+ for int64", "whole numbers keep their type in sums of products"),
    (r"narrow_copy .*DimensionError", "an axis that is not there is an IndexError everywhere"),
    (r"^arange \| refusal", "a step that has another sign is refused before `out` is looked at"),
    (r"^(Tensor\.)?gcd_? .*int8\(1\) for np\.int8\(-1\)", "the size of -128 has no place in int8, where PyTorch overflows"),
    (r"adaptive_avg_pool1d \| value \| DtypeError.* \w+\[0,", "whole numbers are refused, also in a batch of no samples"),
    (r"batch_norm \| value \| ShapeError.* \w+\[0\], ", "a vector is refused, also an empty one"),
]  # fmt: skip
COMPILED = [(re.compile(pattern), reason) for pattern, reason in REASONS]


def reason_for(function: str, respect: str, difference: str, sample: str) -> str | None:
    """Why a case differs; None if nobody has said why."""
    line = f"{function} | {respect} | {difference} | {sample}"
    return next((reason for pattern, reason in COMPILED if pattern.search(line)), None)
