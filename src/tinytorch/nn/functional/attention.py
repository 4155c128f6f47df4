"""Attention as a function: thin argument handling over its card (`torch.nn.functional`)."""

from __future__ import annotations

import math

from tinytorch import dtypes, ops, random
from tinytorch.errors import DtypeError, ShapeError
from tinytorch.layout import broadcast_shapes
from tinytorch.tensor import Tensor, apply


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Values averaged for each query, weighted by the softmax of query · key * scale.

    query (..., heads, L, E), key (..., heads, S, E), value (..., heads, S, D); gives (..., heads, L, D).
    attn_mask broadcasts with (..., L, S): bool, True where a query may look, or floating, added to the scores.
    A query that may look nowhere gets zeros. is_causal lets query i see keys 0 to i. scale is 1 / sqrt(E)
    unless it is given. enable_gqa lets several heads of the query share one of key and value.

    >>> import tinytorch as tt
    >>> x = tt.eye(2).unsqueeze(0)
    >>> scaled_dot_product_attention(x, x, x, is_causal=True, scale=1.0)
    tensor([[[1.0000, 0.0000],
             [0.2689, 0.7311]]])
    """
    check_inputs(query, key, value)
    if dropout_p > 1.0:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {dropout_p}")
    if enable_gqa:
        key, value = shared(query, key), shared(query, value)
    length, size = query.array.shape[-2], key.array.shape[-2]
    if is_causal and attn_mask is not None:
        raise RuntimeError("Explicit attn_mask should not be set when is_causal=True: give one of them")
    if is_causal and length != size:  # PyTorch counts both from their first, the card from their last
        attn_mask = query.new_ones(length, size, dtype=dtypes.bool_).tril()
    mask = [] if attn_mask is None else [fitting(attn_mask, query, key)]
    scale = 1.0 / math.sqrt(query.array.shape[-1] or 1) if scale is None else scale
    card = ops.Attention(scale, is_causal and length == size)
    if dropout_p <= 0.0:
        made: Tensor = apply(card, query, key, value, *mask)
        return made
    return random.dropout(card.weights(query, key, *mask), dropout_p, True) @ value


def check_inputs(query: Tensor, key: Tensor, value: Tensor) -> None:
    """Raises for inputs that do not go together."""
    q, k, v = query.array, key.array, value.array
    if min(len(q.shape), len(k.shape), len(v.shape)) < 2:
        raise RuntimeError(
            "Expected query, key, and value to be all at least 2 dimensional, but they have "
            f"{len(q.shape)}, {len(k.shape)} and {len(v.shape)} dimensions"
        )
    if q.dtype is not k.dtype or q.dtype is not v.dtype:
        raise RuntimeError(
            "Expected query, key, and value to have the same dtype, but they are "
            f"{q.dtype}, {k.dtype} and {v.dtype}"
        )
    query.fractional("scaled_dot_product_attention")
    if q.shape[-1] != k.shape[-1] or k.shape[-2] != v.shape[-2]:
        raise ShapeError(
            f"attention of query {q.shape}, key {k.shape} and value {v.shape}: query and key must "
            "agree in their last size, key and value in the one before"
        )


def shared(query: Tensor, x: Tensor) -> Tensor:
    """A key or value with each of its heads repeated until there are as many as the query has."""
    if min(query.ndim, x.ndim) < 3 or not x.shape[-3] or query.shape[-3] % x.shape[-3]:
        raise RuntimeError(
            f"Number of heads in key and value must divide the number of heads in query: {x.shape} for {query.shape}"
        )
    return x.repeat_interleave(query.shape[-3] // x.shape[-3], x.ndim - 3)


def fitting(mask: Tensor, query: Tensor, key: Tensor) -> Tensor:
    """A mask as the card takes it. Raises for one of another kind or size."""
    floating = mask.dtype in (dtypes.float32, query.dtype)
    if mask.dtype is not dtypes.bool_ and not floating:
        raise DtypeError(
            f"Expected attn_mask dtype to be bool or float or to match query dtype {query.dtype}, not {mask.dtype}"
        )
    batch = broadcast_shapes(query.shape[:-2], key.shape[:-2])
    scores = (*batch, query.shape[-2], key.shape[-2])
    if broadcast_shapes(mask.shape, scores) != scores:
        raise ShapeError(f"an attn_mask of shape {mask.shape} does not broadcast with the scores {scores}")
    return mask.to(query.dtype) if floating else mask
