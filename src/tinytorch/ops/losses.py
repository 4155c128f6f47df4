"""Loss cards: how wrong a prediction is, as one number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinytorch.ops.card import Fused, Grads

if TYPE_CHECKING:
    from tinytorch.tensor import Tensor


class CrossEntropy(Fused):
    """-log of the probability that logits (N, C) give to the class indices (N,), averaged

    Targets equal to `ignore` count neither above nor below the line.
    """

    __slots__ = ("ignore",)
    promotion = "free"
    reads = {"logits": ("logits", "target"), "target": ()}

    def __init__(self, ignore: int) -> None:
        self.ignore = ignore

    def definition(self, logits: Tensor, target: Tensor) -> Any:
        counted = target != self.ignore
        picked = logits.log_softmax(1).gather(1, target.where(counted, 0).unsqueeze(1)).squeeze(1)
        return -picked.where(counted, 0.0).sum() / counted.sum()

    def grad(self, g: Tensor, out: Tensor, logits: Tensor, target: Tensor) -> Grads:
        counted = target != self.ignore
        index = target.where(counted, 0).unsqueeze(1)
        onehot = logits.new_zeros(logits.shape).scatter(1, index, 1.0)
        share = (logits.softmax(1) - onehot) * (g / counted.sum())  # infinite where nothing counts
        return share.where(counted.unsqueeze(1), 0.0), None

    def flops(self, out: Any, *xs: Any) -> int:
        """Five for each logit."""
        return int(5 * xs[0].numel())


class BinaryCrossEntropy(Fused):
    """-log of the probability x that was given to the truth; logarithms end at -100"""

    __slots__ = ()
    reads = {"x": ("x", "target"), "target": ("x",)}

    def definition(self, x: Tensor, target: Tensor) -> Any:
        yes, no = x.log().clamp(min=-100.0), (-x).log1p().clamp(min=-100.0)
        return -(target * yes + (1 - target) * no)

    def grad(self, g: Tensor, out: Tensor, x: Tensor, target: Tensor) -> Grads:
        to_x = g * (x - target) / (x * (1 - x)).clamp(min=1e-12) if x.requires_grad else None
        return to_x, g * ((-x).log1p() - x.log()) if target.requires_grad else None

    def flops(self, out: Any, *xs: Any) -> int:
        """Two logarithms and four more for each element."""
        return int(6 * out.numel())


BINARY_CROSS_ENTROPY = BinaryCrossEntropy()
