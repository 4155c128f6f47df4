"""GPT: predicts the next token of a text from all tokens before it (Radford et al., 2018 and 2019)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from tinytorch import nn
from tinytorch.autograd.grad_mode import no_grad
from tinytorch.creation import arange
from tinytorch.errors import ShapeError
from tinytorch.nn import functional
from tinytorch.nn.embedding import LearnedPositions, apply_rotary, rotary_angles
from tinytorch.ops.attention import merge_heads, split_heads
from tinytorch.ops.parts import equal_parts
from tinytorch.random import Generator, randint
from tinytorch.tensor import Tensor

NORMS: dict[str, Any] = {"layer": nn.LayerNorm, "rms": nn.RMSNorm}


class SelfAttention(nn.Module):
    """Causal attention of a sequence to itself: one product makes queries, keys and values of all heads."""

    def __init__(self, width: int, heads: int, bias: bool = True, dropout: float = 0.0) -> None:
        super().__init__()
        if width % heads:
            raise ShapeError(f"{heads} heads cannot share {width} numbers evenly")
        self.heads = heads
        self.dropout = dropout
        self.qkv = nn.Linear(width, 3 * width, bias)
        self.projection = nn.Linear(width, width, bias)

    def forward(self, x: Tensor, angles: Tensor | None = None, cache: Any = None, layer: int = 0) -> Tensor:
        """(B, T, width) to the same; with a cache, attending also to what came before these tokens."""
        q, k, v = [split_heads(each, self.heads) for each in equal_parts(self.qkv(x), 3)]  # (B, heads, T, D)
        if angles is not None:
            q, k = apply_rotary(q, angles), apply_rotary(k, angles)
        if cache is None:
            dropout = self.dropout if self.training else 0.0
            y = functional.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True)
        else:
            _, mask = cache.mask(x.shape[1])
            k, v = cache.append(layer, k, v)
            y = functional.scaled_dot_product_attention(q, k, v, mask)
        out: Tensor = self.projection(merge_heads(y))
        return out


class Block(nn.Module):
    """Attention, then a small network; each sees its input normalised, and adds to it."""

    def __init__(
        self, width: int, heads: int, norm: str = "layer", bias: bool = True, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.norm_1 = normalisation(norm, width, bias)
        self.attention = SelfAttention(width, heads, bias, dropout)
        self.norm_2 = normalisation(norm, width, bias)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width, bias), nn.GELU("tanh"), nn.Linear(4 * width, width, bias)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, angles: Tensor | None = None, cache: Any = None, layer: int = 0) -> Tensor:
        """(B, T, width) to the same."""
        x = x + self.dropout(self.attention(self.norm_1(x), angles, cache, layer))
        return x + self.dropout(self.mlp(self.norm_2(x)))


def normalisation(kind: str, width: int, bias: bool) -> nn.Module:
    """A layer norm, or an RMS norm, which has no bias."""
    if kind not in NORMS:
        raise ValueError(f"norm is 'layer' or 'rms', not {kind!r}")
    made: nn.Module = NORMS[kind](width) if kind == "rms" else NORMS[kind](width, bias=bias)
    return made


class GPT(nn.Module):
    """Ids (B, T) to logits (B, T, vocab_size) for the token after each; T is at most `context`.

    positions: "learned" or "rotary". norm: "layer" or "rms". tied: the head is the token embedding itself.
    The defaults are GPT-2's.

    >>> model = GPT(65, context=64, layers=4, heads=4, width=128)
    >>> sum(p.numel() for p in model.parameters())
    809856
    """

    def __init__(
        self,
        vocab_size: int,
        context: int,
        layers: int,
        heads: int,
        width: int,
        *,
        positions: str = "learned",
        norm: str = "layer",
        bias: bool = True,
        dropout: float = 0.0,
        tied: bool = True,
    ) -> None:
        super().__init__()
        if positions not in ("learned", "rotary"):
            raise ValueError(f"positions are 'learned' or 'rotary', not {positions!r}")
        self.context = context
        self.heads = heads
        self.width = width
        self.tokens = nn.Embedding(vocab_size, width)
        self.positions = LearnedPositions(context, width) if positions == "learned" else None
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList([Block(width, heads, norm, bias, dropout) for _ in range(layers)])
        self.norm = normalisation(norm, width, bias)
        self.head = nn.Linear(width, vocab_size, bias=False)
        self.reset_parameters()
        if tied:
            self.head.weight = self.tokens.weight

    def reset_parameters(self) -> None:
        """Weights normal with spread 0.02, biases 0; what is added to the stream less, the more layers add to it."""
        for name, parameter in self.named_parameters():
            if parameter.ndim < 2:
                if name.endswith("bias"):
                    nn.init.zeros_(parameter)
                continue
            adds = name.endswith(("attention.projection.weight", "mlp.2.weight"))
            nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * len(self.blocks)) if adds else 0.02)

    def forward(self, ids: Tensor, targets: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """The logits, and with targets (B, T), the ids one place later, the mean loss in nats per token."""
        x, angles = self.embedded(ids)
        for block in self.blocks:
            x = block(x, angles)
        logits: Tensor = self.head(self.norm(x))  # (B, T, vocab_size)
        if targets is None:
            return logits, None
        return logits, functional.cross_entropy(logits.flatten(0, 1), targets.flatten())

    def embedded(self, ids: Tensor, offset: int = 0) -> tuple[Tensor, Tensor | None]:
        """What enters the first block (B, T, width), and the angles of rotary positions; `offset` tokens came before."""
        count = ids.shape[1]
        if offset + count > self.context:
            raise ShapeError(f"{offset + count} tokens are more than the context of {self.context}")
        x = self.tokens(ids)
        if self.positions is None:
            return self.dropout(x), rotary_angles(count, self.width // self.heads, offset)
        return self.dropout(x + self.positions(count, offset)), None

    def step(self, new: Tensor, cache: Any) -> Tensor:
        """The logits (B, vocab_size) after new ids (B, n), of which `cache` holds what came before.

        cache: `length` tokens so far; `mask(n)`; `append(layer, k, v)`, which gives all keys and values so
        far. It holds n more afterwards.
        """
        x, angles = self.embedded(new, cache.length)
        for layer, block in enumerate(self.blocks):
            x = block(x, angles, cache, layer)
        cache.length += new.shape[1]
        logits: Tensor = self.head(self.norm(x[:, -1]))
        return logits


def get_batch(
    ids: Tensor, batch_size: int, context: int, generator: Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Windows of a text of ids (n,) from random places, and the same one place later: (batch_size, context) each."""
    if len(ids) <= context:
        raise ShapeError(f"a window of {context} ids and one more do not fit into {len(ids)}")
    starts = randint(0, len(ids) - context, (batch_size, 1), generator=generator)
    places = starts + arange(context)  # (batch_size, context)
    return ids[places], ids[places + 1]


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Groups for an optimizer: matrices decay, biases and norms do not. Tied weights stand in it once."""
    parameters = list(model.parameters())
    return [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]


@contextmanager
def measuring(model: nn.Module) -> Iterator[None]:
    """The model out of training and nothing recorded; afterwards in the mode that it was in."""
    training = model.training
    model.eval()
    try:
        with no_grad():
            yield
    finally:
        model.train(training)


class Estimate(NamedTuple):
    """A loss in nats per token, and in bits per byte of text, which is comparable between vocabularies."""

    loss: float
    bits_per_byte: float


def estimate_loss(
    model: GPT,
    ids: Tensor,
    batches: int = 20,
    batch_size: int = 32,
    bytes_per_token: float = 1.0,
    generator: Generator | None = None,
) -> Estimate:
    """The mean loss over random windows, out of training and unrecorded; the model's mode is restored."""
    losses = []
    with measuring(model):
        for _ in range(batches):
            _, loss = model(*get_batch(ids, batch_size, model.context, generator))
            losses.append(loss.item())
    mean = sum(losses) / len(losses)
    return Estimate(mean, mean / math.log(2) / bytes_per_token)


def flops_per_token(model: GPT) -> int:
    """Of one training step: 6 for each weight that is multiplied, and attention over the whole context.

    A multiplication and an addition forward, twice as many backward: Kaplan et al., 2020. An embedding that
    is looked up multiplies nothing; as a tied head it does.
    """
    looked_up = [model.positions.weight] if model.positions is not None else []
    if model.head.weight is not model.tokens.weight:
        looked_up.append(model.tokens.weight)
    multiplied = sum([p.numel() for p in model.parameters()]) - sum([p.numel() for p in looked_up])
    return 6 * multiplied + 12 * len(model.blocks) * model.width * model.context
