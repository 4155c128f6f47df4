"""The kernel of attention: blocks of queries of each head, on strided inputs as they lie."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinytorch.array import Array
from tinytorch.devices.interface import Kernel
from tinytorch.devices.native.arrays import F32, Host, array, plain
from tinytorch.devices.native.library import function

run = function("attention", "aaaafi")  # q, k, v, out, scale, causal
run_gradient = function(
    "attention_gradient", "aaaaaaaafi"
)  # q, k, v, out, g, to q, to k, to v, scale, causal


def heads(x: Array) -> Host:
    """(batch, heads, rows, width) of x (..., rows, width); copied where the elements of a row do not lie together."""
    host: Host = x.host
    if host.strides[-1] != 4 or host.ndim > 4:
        host = np.ascontiguousarray(host)
    if host.ndim != 4:
        lead = host.shape[:-2]
        host = host.reshape(-1 if len(lead) > 2 else 1, lead[-1] if lead else 1, *host.shape[-2:])
    return host


def fits(card: Any, q: Array, k: Array, v: Array, mask: tuple[Array, ...]) -> bool:
    """Whether the kernel was written for these: no mask, one batch, no query before the first key."""
    if mask or not plain(q, k, v) or (card.causal and q.shape[-2] > k.shape[-2]):
        return False
    return q.shape[:-2] == k.shape[:-2] == v.shape[:-2]


def room(q: Host, width: int) -> Host:
    """New memory (batch, heads, rows, width) in which the heads of a row lie side by side, as they will be merged."""
    batch, count, rows, _ = q.shape
    return np.empty((batch, rows, count, width), F32).swapaxes(1, 2)


def attention(card: Any, q: Array, k: Array, v: Array, *mask: Array) -> Any:
    """(..., queries, width of v)."""
    if not fits(card, q, k, v, mask):
        return NotImplemented
    queries, keys, values = heads(q), heads(k), heads(v)
    out = room(queries, values.shape[3])
    run(queries, keys, values, out, card.scale, card.causal)
    return array(out if q.host.ndim == 4 else out.reshape(*q.shape[:-1], v.shape[-1]), q)


def attention_gradient(
    card: Any, wanted: list[bool], g: Array, out: Array, q: Array, k: Array, v: Array, *mask: Array
) -> Any:
    """All three, since they come of one walk over the scores."""
    if not fits(card, q, k, v, mask) or not plain(g):
        return NotImplemented
    queries, keys, values = heads(q), heads(k), heads(v)
    made = [room(queries, keys.shape[3]), room(keys, keys.shape[3]), room(keys, values.shape[3])]
    run_gradient(queries, keys, values, heads(out), heads(g), *made, card.scale, card.causal)
    return [
        array(each if x.host.ndim == 4 else each.reshape(x.shape), x) if want else None
        for each, x, want in zip(made, (q, k, v), wanted, strict=True)
    ]


KERNELS = {"Attention": Kernel(attention, attention_gradient)}
