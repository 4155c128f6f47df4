"""Generation: a token at a time, drawn from what a model expects next; and weights that others trained."""

from __future__ import annotations

import math
from collections.abc import Mapping

from tinytorch.creation import arange, cat, full_like, zeros
from tinytorch.dtypes import bool_, float64
from tinytorch.errors import ShapeError
from tinytorch.models.gpt import GPT, measuring
from tinytorch.random import Generator, rand
from tinytorch.tensor import Tensor


def apply_temperature(logits: Tensor, temperature: float) -> Tensor:
    """Logits (..., V) for sharper (below 1) or flatter (above 1) probabilities; at 0 only the first largest is left."""
    if temperature < 0:
        raise ValueError(f"a temperature is not negative, and this is {temperature}")
    if temperature == 0:
        return full_like(logits, -math.inf).scatter(-1, logits.argmax(-1, keepdim=True), 0.0)
    return logits / temperature


def top_k_logits(logits: Tensor, k: int) -> Tensor:
    """Logits (..., V) with all but the k largest at -inf; of equal ones the first stay."""
    if k < 1:
        raise ValueError(f"at least one token has to be left, and k is {k}")
    best = logits.topk(min(k, logits.shape[-1]))
    return full_like(logits, -math.inf).scatter(-1, best.indices, best.values)


def top_p_logits(logits: Tensor, p: float) -> Tensor:
    """Logits (..., V) of the smallest set of tokens that together have probability p; the rest at -inf.

    The likeliest always stay, down to the one that crosses p: Holtzman et al., 2020.
    """
    if not 0 < p <= 1:
        raise ValueError(f"p is a probability above 0, and this is {p}")
    ordered = logits.sort(-1, descending=True)
    shares = ordered.values.softmax(-1)
    before = shares.cumsum(-1) - shares  # the probability of all that are likelier
    kept = ordered.values.where((before < p) | (p == 1), -math.inf)
    return full_like(logits, -math.inf).scatter(-1, ordered.indices, kept)


def sample(logits: Tensor, generator: Generator | None = None) -> Tensor:
    """Ids (...) drawn with the probabilities of logits (..., V): where a random number falls among their sums."""
    reached = logits.to(float64).softmax(-1).cumsum(-1)  # (..., V)
    point = rand(*logits.shape[:-1], 1, generator=generator, dtype=float64)
    # The last sum may be a little less than 1, and no point may lie beyond it.
    return (reached <= point * reached[..., -1:]).sum(-1)


class KVCache:
    """Keys and values of all tokens so far, for each layer (batch, heads, capacity, head_dim), made once.

    >>> cache = KVCache(layers=1, batch=1, heads=1, capacity=4, head_dim=2)
    >>> cache.length, cache.mask(2)[0].tolist()
    (0, [0, 1])
    """

    def __init__(self, layers: int, batch: int, heads: int, capacity: int, head_dim: int) -> None:
        self.capacity = capacity
        self.length = 0  # how many tokens it holds
        shape = (layers, batch, heads, capacity, head_dim)
        self.keys, self.values = zeros(shape), zeros(shape)

    @classmethod
    def of(cls, model: GPT, batch: int) -> KVCache:
        """An empty one for a model."""
        made = cls(len(model.blocks), batch, model.heads, model.context, model.width // model.heads)
        dtype = model.tokens.weight.dtype
        made.keys, made.values = made.keys.to(dtype), made.values.to(dtype)
        return made

    def append(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Write keys and values of new tokens (batch, heads, n, head_dim) behind those there; gives all so far, as views."""
        end = self.length + k.shape[2]
        if end > self.capacity:
            raise ShapeError(f"the cache holds {self.capacity} tokens, and these would make {end}")
        self.keys[layer, :, :, self.length : end] = k
        self.values[layer, :, :, self.length : end] = v
        return self.keys[layer, :, :, :end], self.values[layer, :, :, :end]

    def mask(self, count: int) -> tuple[Tensor, Tensor]:
        """The positions (count,) of the next tokens, and which of all so far each may see, (count, length + count)."""
        positions = arange(self.length, self.length + count)
        return positions, arange(self.length + count) <= positions.unsqueeze(1)


def generate(
    model: GPT,
    ids: Tensor,
    count: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    stop: int | None = None,
    generator: Generator | None = None,
    use_cache: bool = True,
) -> Tensor:
    """Prompts (B, T) with `count` more ids each, (B, T + count); fewer where all have come to `stop`.

    With a cache the prompt is read once, and then each token once. Beyond the model's context the window slides
    along, and its positions with it, so that the whole window is read again. A sequence that has come to
    `stop` goes on with it. The model is used out of training; its mode is restored.
    """
    cache = None
    ended = zeros(ids.shape[0], dtype=bool_)
    with measuring(model):
        for _ in range(count):
            window = ids[:, -model.context :]
            if not use_cache:
                logits = model(window)[0][:, -1]
            elif cache is None or cache.length == model.context:
                cache = KVCache.of(model, ids.shape[0])
                logits = model.step(window, cache)
            else:
                logits = model.step(ids[:, -1:], cache)
            new = pick(logits, temperature, top_k, top_p, generator)  # (B,)
            if stop is not None:
                new = new.where(~ended, stop)
                ended = new == stop
            ids = cat([ids, new.unsqueeze(1)], 1)
            if ended.all():
                break
    return ids


def pick(
    logits: Tensor, temperature: float, top_k: int | None, top_p: float | None, generator: Generator | None
) -> Tensor:
    """The next ids (B,) from logits (B, V)."""
    logits = apply_temperature(logits, temperature)
    logits = logits if top_k is None else top_k_logits(logits, top_k)
    return sample(logits if top_p is None else top_p_logits(logits, top_p), generator)


NAMES = {  # of GPT-2's parts, and what they are called here
    "wte": "tokens", "wpe": "positions", "h": "blocks", "ln_f": "norm", "lm_head": "head", "ln_1": "norm_1", "ln_2": "norm_2",
    "attn": "attention", "c_attn": "qkv", "c_fc": "0",
}  # fmt: skip
PRODUCTS = ("qkv.weight", "projection.weight", "mlp.0.weight", "mlp.2.weight")


def renamed(name: str) -> str:
    """The name here of one of GPT-2's tensors.

    >>> renamed("transformer.h.3.attn.c_proj.weight"), renamed("wte.weight")
    ('blocks.3.attention.projection.weight', 'tokens.weight')
    """
    parts = name.removeprefix("transformer.").split(".")
    last = {"c_proj": "projection" if "attn" in parts else "2"}
    return ".".join([(NAMES | last).get(part, part) for part in parts])


def load_pretrained(state: Mapping[str, Tensor], heads: int) -> GPT:
    """A GPT with weights of GPT-2's names, as minGPT, nanoGPT and Hugging Face save them; `heads` is not in the weights.

    Sizes are read from the tensors. GPT-2's own files hold every product transposed, (in, out): seen by the one
    that is not square, undone in all. Without a head, or with one equal to the token embedding, they are tied.
    Every tensor is used, or RuntimeError lists it; only the causal masks that old files hold are left out.
    """
    given = {
        renamed(name): tensor
        for name, tensor in state.items()
        if not name.endswith((".attn.bias", ".attn.masked_bias"))
    }
    if not {"tokens.weight", "positions.weight", "blocks.0.attention.qkv.weight"} <= given.keys():
        raise RuntimeError(f"these are not the weights of a GPT: {', '.join(list(state)[:5])}, ...")
    count, width = given["tokens.weight"].shape
    layers = 1 + max([int(name.split(".")[1]) for name in given if name.startswith("blocks.")])
    if given["blocks.0.attention.qkv.weight"].shape[0] == width:
        given = {name: t.mT if name.endswith(PRODUCTS) else t for name, t in given.items()}
    head = given.setdefault("head.weight", given["tokens.weight"])
    model = GPT(
        count,
        given["positions.weight"].shape[0],
        layers,
        heads,
        width,
        bias="norm.bias" in given,
        tied=bool((head == given["tokens.weight"]).all()),
    )
    model.load_state_dict(given)
    return model
