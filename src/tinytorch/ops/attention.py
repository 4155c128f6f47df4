"""Attention cards: for each query an average of values, weighted by how well their keys fit it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from tinytorch.ops.activations import top
from tinytorch.ops.card import Fused, Grads
from tinytorch.ops.movement import Cat

if TYPE_CHECKING:
    from tinytorch.tensor import Tensor


def split_heads(x: Tensor, heads: int) -> Tensor:
    """(..., T, heads * D) to (..., heads, T, D): each head gets its own part of every vector."""
    return x.unflatten(-1, (heads, x.shape[-1] // heads)).transpose(-3, -2)


def merge_heads(x: Tensor) -> Tensor:
    """(..., heads, T, D) to (..., T, heads * D): what `split_heads` took apart."""
    return x.transpose(-3, -2).flatten(-2)


def causal_mask(scores: Tensor, before: int | None = None) -> Tensor:
    """Which keys each query may see: those up to its own place, bool, for scores (..., query, key).

    before: how many keys precede the first query's own. Without it the last query stands at the last key,
    so that queries which continue a longer sequence see all that came before them.
    """
    if before is None:
        before = scores.shape[-1] - scores.shape[-2]
    return scores.grid(-2) + before >= scores.grid(-1)  # (..., query, key)


def masked(scores: Tensor, mask: Tensor) -> Tensor:
    """Scores with a mask: a bool one is True where a query may look, a floating point one is added."""
    if mask.dtype.is_floating_point:
        return scores + mask
    return scores.where(mask, -math.inf)


class Attention(Fused):
    """Values averaged with the softmax of q · k * scale as weights: Vaswani et al., 2017

    Takes q (..., L, E), k (..., S, E), v (..., S, D) and perhaps a mask that broadcasts with (..., L, S);
    gives (..., L, D). `causal` hides the keys that come after a query, the last of both being at one place.
    A query that may look nowhere gets zeros.
    """

    __slots__ = ("causal", "scale")
    promotion = "free"

    def __init__(self, scale: float, causal: bool) -> None:
        self.scale = scale
        self.causal = causal

    def definition(self, q: Tensor, k: Tensor, v: Tensor, *mask: Tensor) -> Any:
        return self.weights(q, k, *mask) @ v

    def scores(self, q: Tensor, k: Tensor, *mask: Tensor) -> Tensor:
        """How well each key fits each query, (..., L, S); -inf where a query may not look."""
        scores = (q * self.scale) @ k.mT
        if self.causal:
            scores = scores.where(causal_mask(scores), -math.inf)
        return masked(scores, *mask) if mask else scores

    def weights(self, q: Tensor, k: Tensor, *mask: Tensor) -> Tensor:
        """How much each query takes of each value, (..., L, S): 1 in all, or 0 for one that may look nowhere."""
        scores = self.scores(q, k, *mask)
        if not mask and q.shape[-2] <= k.shape[-2]:
            return scores.softmax(-1)
        seeing = top(scores, -1) != -math.inf  # (..., L, 1)
        return scores.where(seeing, 0.0).softmax(-1).where(seeing, 0.0)

    def grad(self, g: Tensor, out: Tensor, q: Tensor, k: Tensor, v: Tensor, *mask: Tensor) -> Grads:
        weights = self.weights(q, k, *mask)  # made again: (..., L, S) is too large to keep
        to_v = weights.mT @ g if v.requires_grad else None
        to_weights = g @ v.mT
        to_scores = weights * (to_weights - (g * out).sum(-1, keepdim=True))  # (..., L, S)
        to_q = (to_scores @ k) * self.scale if q.requires_grad else None
        to_k = (to_scores.mT @ q) * self.scale if k.requires_grad else None
        return to_q, to_k, to_v, *[to_scores if each.requires_grad else None for each in mask]

    def flops(self, out: Any, *xs: Any) -> int:
        """Two products, and five for each score."""
        scores = out.numel() // max(out.shape[-1], 1) * xs[1].shape[-2]
        return int(scores * (2 * xs[0].shape[-1] + 2 * out.shape[-1] + 5))


def online_softmax(scores: Tensor, highest: Tensor, total: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """One more block of scores (..., query, key) for a softmax that never sees all of them: Milakov and Gimelshein, 2018.

    highest (..., query, 1) is the largest score so far, -inf at first; total (..., query, 1) the sum of
    exp(score - highest), 0 at first. Gives the block's exp(score - new highest), both brought up to date,
    and by how much all that was summed before shrinks.
    """
    highest, before = scores.amax(-1, keepdim=True).maximum(highest), highest
    zero = highest.where(highest != -math.inf, 0.0)  # where nothing was seen yet, -inf - -inf would be nan
    raised, shrink = (scores - zero).exp(), (before - zero).exp()
    return raised, highest, total * shrink + raised.sum(-1, keepdim=True), shrink


def attention_tiled(
    q: Tensor, k: Tensor, v: Tensor, scale: float, causal: bool = False, block: int = 64
) -> Tensor:
    """What `Attention` gives, in blocks of `block` queries and keys: no array of all scores is ever there.

    Dao et al., 2022 (FlashAttention). Keys that no query of a block may see are not computed.
    """
    queries, keys = q.shape[-2], k.shape[-2]
    parts = []
    for first in range(0, max(queries, 1), block):
        rows = q.narrow(-2, first, min(block, queries - first)) * scale
        parts.append(attended(rows, k, v, block, keys - queries + first if causal else None))
    sizes = tuple([part.shape[-2] for part in parts])
    made: Tensor = q.apply(Cat(parts[0].ndim - 2, sizes), *parts)
    return made


def attended(rows: Tensor, k: Tensor, v: Tensor, block: int, before: int | None) -> Tensor:
    """Some scaled queries (..., query, E) over all keys that they may see, a block of them at a time.

    before: how many keys precede the first query's own; None where every query sees every key.
    """
    keys = k.shape[-2]
    seen = keys if before is None else max(0, before + rows.shape[-2])
    highest = rows.new_full((*rows.shape[:-1], 1), -math.inf)
    total, summed = rows.new_zeros(highest.shape), rows.new_zeros(*rows.shape[:-1], v.shape[-1])
    for start in range(0, seen, block):
        size = min(block, seen - start)
        scores = rows @ k.narrow(-2, start, size).mT  # (..., query, key)
        if before is not None:
            scores = scores.where(causal_mask(scores, before - start), -math.inf)
        raised, highest, total, shrink = online_softmax(scores, highest, total)
        summed = summed * shrink + raised @ v.narrow(-2, start, size)
    return summed / total.where(total != 0, 1.0)
