"""Multi-head attention: several attentions side by side, each on its own part of every vector."""

from __future__ import annotations

import math
from typing import Any

from tinytorch import ops
from tinytorch.creation import empty, zeros
from tinytorch.dtypes import bool_
from tinytorch.dtypes import dtype as Dtype
from tinytorch.errors import ShapeError
from tinytorch.nn import functional, init
from tinytorch.nn.linear import NonDynamicallyQuantizableLinear
from tinytorch.nn.module import Module
from tinytorch.nn.parameter import Parameter
from tinytorch.ops.attention import merge_heads, split_heads
from tinytorch.ops.parts import equal_parts
from tinytorch.tensor import Tensor


class MultiheadAttention(Module):
    """Attention with `num_heads` heads of embed_dim / num_heads numbers each: Vaswani et al., 2017.

    query (L, N, embed_dim), key (S, N, kdim), value (S, N, vdim); with `batch_first` N comes first; without
    a batch there is no N. `in_proj_weight` (3 * embed_dim, embed_dim) makes queries, keys and values of all
    heads; where kdim or vdim differs there are q_proj_weight, k_proj_weight and v_proj_weight instead.

    >>> import tinytorch as tt
    >>> x = tt.ones(5, 2, 8)
    >>> out, weights = MultiheadAttention(8, 2)(x, x, x)
    >>> out.shape, weights.shape
    ((5, 2, 8), (2, 5, 5))
    """

    in_proj_weight: Parameter | None
    q_proj_weight: Parameter | None
    k_proj_weight: Parameter | None
    v_proj_weight: Parameter | None
    in_proj_bias: Parameter | None
    bias_k: Parameter | None
    bias_v: Parameter | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Dtype | None = None,
    ) -> None:
        super().__init__()
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                "embed_dim and num_heads must be greater than 0, "
                f"got embed_dim={embed_dim} and num_heads={num_heads} instead"
            )
        if embed_dim % num_heads:
            raise AssertionError(
                f"embed_dim must be divisible by num_heads, and {embed_dim} is not by {num_heads}"
            )
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self.num_heads = num_heads
        self.head_dim = embed_dim // num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.add_zero_attn = add_zero_attn
        self.register_weights(bias, add_bias_kv, dtype)
        self.reset_parameters()

    def register_weights(self, bias: bool, add_bias_kv: bool, dtype: Dtype | None) -> None:
        """All parameters, in PyTorch's order."""
        wide = self.embed_dim
        packed = self.kdim == self.vdim == wide
        shapes: dict[str, tuple[int, ...] | None] = {
            "q_proj_weight": None if packed else (wide, wide),
            "k_proj_weight": None if packed else (wide, self.kdim),
            "v_proj_weight": None if packed else (wide, self.vdim),
            "in_proj_weight": (3 * wide, wide) if packed else None,
            "in_proj_bias": (3 * wide,) if bias else None,
            "bias_k": (1, 1, wide) if add_bias_kv else None,
            "bias_v": (1, 1, wide) if add_bias_kv else None,
        }
        for name, shape in shapes.items():
            self.register_parameter(name, None if shape is None else Parameter(empty(shape, dtype=dtype)))
        self.out_proj = NonDynamicallyQuantizableLinear(wide, wide, bias=bias, dtype=dtype)

    def reset_parameters(self) -> None:
        """Weights by Glorot's rule, biases 0, the extra key and value normal."""
        for weight in (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight, self.in_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        for bias in (self.in_proj_bias, self.out_proj.bias):
            if bias is not None:
                init.zeros_(bias)
        for extra in (self.bias_k, self.bias_v):
            if extra is not None:
                init.xavier_normal_(extra)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """The new vectors, in the shape of the query, and how much each took of which key.

        key_padding_mask (N, S) and attn_mask (L, S) or (N * num_heads, L, S): bool, True where a query may
        *not* look, or floating, added to the scores. The weights are (N, L, S), or with
        `average_attn_weights=False` (N, num_heads, L, S); None with `need_weights=False`. is_causal says
        that attn_mask is the causal one: then it need not be read.
        """
        if is_causal and attn_mask is None:
            raise RuntimeError(
                "Need attn_mask if specifying is_causal: nn.Transformer.generate_square_subsequent_mask makes it"
            )
        batched = self.check_ranks(query, key, value, key_padding_mask, attn_mask)
        moved = {id(each): self.batch_in_front(each, batched) for each in (query, key, value)}
        query, key, value = (moved[id(each)] for each in (query, key, value))  # what was one stays one
        self.check_sizes(query, key, value)
        by_flag = is_causal and key_padding_mask is None and not need_weights
        mask = None if by_flag else self.merged_mask(query, key, attn_mask, key_padding_mask)
        q, k, v = [split_heads(each, self.num_heads) for each in self.projected(query, key, value)]
        k, v, mask = self.extended(k, v, mask)
        attended, weights = self.attend(q, k, v, mask, need_weights, by_flag)
        out = self.out_proj(merge_heads(attended))  # (N, L, embed_dim)
        if weights is not None and average_attn_weights:
            weights = weights.mean(1)
        if not batched:
            return out.squeeze(0), None if weights is None else weights.squeeze(0)
        return out if self.batch_first else out.transpose(0, 1), weights

    def batch_in_front(self, x: Tensor, batched: bool) -> Tensor:
        """(N, T, width), whatever the caller's order is."""
        if not batched:
            return x.unsqueeze(0)
        return x if self.batch_first else x.transpose(0, 1)

    def projected(self, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, ...]:
        """Queries, keys and values of all heads, (N, T, embed_dim) each; by one product where all come from one."""
        weight, bias = self.in_proj_weight, self.in_proj_bias
        if weight is not None and query is key is value:
            return equal_parts(functional.linear(query, weight, bias), 3)
        weights = (
            (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
            if weight is None
            else weight.chunk(3)
        )
        biases = (None, None, None) if bias is None else bias.chunk(3)
        given = zip((query, key, value), weights, biases, strict=True)
        return tuple([functional.linear(x, w, b) for x, w, b in given])  # type: ignore[arg-type]

    def extended(self, k: Tensor, v: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
        """Keys and values (N, heads, S, head_dim) with those that the layer adds, which every query may see."""
        more: list[tuple[Tensor, Tensor]] = []
        if self.bias_k is not None and self.bias_v is not None:
            more.append(tuple([split_heads(each, self.num_heads) for each in (self.bias_k, self.bias_v)]))  # type: ignore[arg-type]
        if self.add_zero_attn:
            nothing = k.new_zeros(1, 1, 1, self.head_dim)
            more.append((nothing, nothing))
        for one in more:
            k, v = (
                x.cat_after(each.expand(*x.shape[:2], 1, self.head_dim), -2)
                for x, each in zip((k, v), one, strict=True)
            )
            mask = None if mask is None else functional.pad(mask, (0, 1))
        return k, v, mask

    def attend(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, need_weights: bool, causal: bool
    ) -> tuple[Tensor, Tensor | None]:
        """The average of values for each head (N, heads, L, head_dim), and the weights (N, heads, L, S) on request."""
        dropout = self.dropout if self.training else 0.0
        if not need_weights:
            return functional.scaled_dot_product_attention(q, k, v, mask, dropout, causal), None
        card = ops.Attention(1.0 / math.sqrt(self.head_dim), False)
        # Unlike the card's own, these are nan for a query that may look nowhere: so they are in PyTorch.
        weights = card.scores(q, k, *(() if mask is None else (mask,))).softmax(-1)
        weights = functional.dropout(weights, dropout)
        return weights @ v, weights

    def merged_mask(
        self, query: Tensor, key: Tensor, attn_mask: Tensor | None, padding: Tensor | None
    ) -> Tensor | None:
        """Both masks as one that is added to the scores (N, heads, L, S)."""
        batch, length, size = query.shape[0], query.shape[1], key.shape[1]
        merged = None
        if attn_mask is not None:
            merged = added(attn_mask, query.dtype, "attn_mask")
            expected = (length, size) if merged.ndim == 2 else (batch * self.num_heads, length, size)
            if merged.shape != expected:
                raise RuntimeError(
                    f"The shape of the {merged.ndim}D attn_mask is {merged.shape}, but should be {expected}."
                )
            if merged.ndim == 3:
                merged = merged.reshape(batch, self.num_heads, length, size)
        if padding is not None:
            padding = added(padding, query.dtype, "key_padding_mask")
            if padding.numel() != batch * size or padding.shape[-1] != size:
                raise AssertionError(
                    f"Expected key_padding_mask to be ({batch}, {size}), but got {padding.shape}"
                )
            columns = padding.reshape(batch, 1, 1, size)
            merged = columns if merged is None else merged + columns
        return merged

    def check_ranks(
        self, query: Tensor, key: Tensor, value: Tensor, padding: Tensor | None, mask: Tensor | None
    ) -> bool:
        """Whether there is a batch. Raises AssertionError, as PyTorch does, where the inputs disagree about that."""
        if query.ndim not in (2, 3):
            raise AssertionError(
                f"query should be unbatched 2D or batched 3D tensor but received {query.ndim}-D query tensor"
            )
        if not query.ndim == key.ndim == value.ndim:
            raise AssertionError(
                f"For a {query.ndim}-D `query`, expected `key` and `value` to be {query.ndim}-D "
                f"but found {key.ndim}-D and {value.ndim}-D tensors respectively"
            )
        if padding is not None and padding.ndim != query.ndim - 1:
            raise AssertionError(
                f"For a {query.ndim}-D `query`, expected `key_padding_mask` to be {query.ndim - 1}-D "
                f"but found {padding.ndim}-D tensor instead"
            )
        if mask is not None and mask.ndim not in (2, 3):
            raise AssertionError(
                f"expected `attn_mask` to be `None`, 2-D or 3-D but found {mask.ndim}-D tensor instead"
            )
        return query.ndim == 3

    def check_sizes(self, query: Tensor, key: Tensor, value: Tensor) -> None:
        """Raises for sizes (N, T, width) that do not go together."""
        if query.shape[-1] != self.embed_dim:
            raise AssertionError(
                f"was expecting embedding dimension of {self.embed_dim}, but got {query.shape[-1]}"
            )
        if key.shape[:2] != value.shape[:2]:
            raise AssertionError(
                f"key's batch and sequence {key.shape[:2]} do not match value's {value.shape[:2]}"
            )
        if self.in_proj_weight is not None and key.shape != value.shape:
            raise AssertionError(f"key shape {key.shape} does not match value shape {value.shape}")
        if query.shape[0] != key.shape[0]:
            raise ShapeError(f"{query.shape[0]} sequences of queries meet {key.shape[0]} of keys")


def added(mask: Tensor, dtype: Dtype, name: str) -> Tensor:
    """A mask that is added to scores: a bool one becomes -inf where it is True. Raises AssertionError for others."""
    if mask.dtype is bool_:
        return zeros(mask.shape, dtype=dtype).where(~mask, -math.inf)
    if not mask.dtype.is_floating_point:
        raise AssertionError(f"only bool and floating types of {name} are supported, not {mask.dtype}")
    return mask.to(dtype)
