"""Floating point operations and bytes of a workload, as the cards of its operations tell them."""

from __future__ import annotations

from typing import Any, NamedTuple

from benchmarks.work import Work


class Counted(NamedTuple):
    """Operations on numbers, and bytes read and written if nothing stays in a cache between two operations."""

    flops: float
    bytes: float


def counted(work: Work) -> Counted:
    """What one time of `work` on TinyTorch takes; the update of the parameters is left out.

    Each operation of the forward pass counts once, and once more for each input that needs a gradient, two at most: a
    product has two products as its gradients, and only one where the input is data. What the backward pass of anything
    else takes depends on how it is written; this way it is the same number for every backend.
    """
    import tinytorch
    from tinytorch.observe import observing

    found = [0.0, 0.0]

    def note(op: Any, inputs: tuple[Any, ...], out: Any) -> None:
        recorded = tinytorch.is_grad_enabled()
        gradients = sum([recorded and getattr(each, "requires_grad", False) for each in inputs])
        times = 1 + min(2, gradients)
        found[0] += times * op.flops(out, *inputs)
        found[1] += times * op.bytes(out, *inputs)

    with observing(note):
        work.forward()
    return Counted(*found)
