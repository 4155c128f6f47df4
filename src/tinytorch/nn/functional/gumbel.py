"""Choices that gradients flow through: the Gumbel-softmax (`torch.nn.functional.gumbel_softmax`)."""

from __future__ import annotations

from tinytorch.tensor import Tensor


def gumbel_softmax(
    logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Tensor:
    """A random choice for each row, drawn by the chances that the logits say, as a softmax of temperature `tau`.

    The colder, the closer to a single 1. hard: exactly that, with the gradient of the soft choice. `eps` does nothing, as
    in PyTorch. Jang et al., 2017; Maddison et al., 2017.

    >>> import tinytorch as tt
    >>> gumbel_softmax(tt.zeros(3, 4), hard=True).sum(-1)
    tensor([1., 1., 1.])
    """
    noise = -logits.detach().clone().exponential_().log()  # type: ignore[attr-defined]
    soft = ((logits + noise) / tau).softmax(dim)
    if not hard:
        return soft
    chosen = soft.detach().argmax(dim, keepdim=True)
    one = soft.detach().new_zeros(soft.shape).scatter(dim, chosen, 1.0)
    made: Tensor = one - soft.detach() + soft
    return made
