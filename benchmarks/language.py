"""A GPT in two sizes: a step of training, and letters one at a time."""

from __future__ import annotations

from typing import Any

from benchmarks.networks import parameters_set, training
from benchmarks.numbers import LETTERS, letters
from benchmarks.work import Work


def attention(ns: Any, heads: int, width: int) -> Any:
    """Causal attention of several heads; with a cache of keys and values for one letter at a time."""
    nn, functional = ns.nn, ns.nn.functional

    class Attention(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.qkv, self.project = nn.Linear(width, 3 * width), nn.Linear(width, width)

        def forward(self, x: Any, cache: list[Any] | None) -> Any:
            n, t, _ = x.shape
            q, k, v = (
                self.qkv(x).reshape(n, t, 3, heads, width // heads).permute(2, 0, 3, 1, 4).unbind(0)
            )  # each (n, heads, t, width / heads)
            if cache is not None:
                if cache:
                    k, v = ns.cat([cache[0], k], 2), ns.cat([cache[1], v], 2)
                cache[:] = [k, v]
            made = functional.scaled_dot_product_attention(q, k, v, is_causal=cache is None)
            return self.project(made.transpose(1, 2).reshape(n, t, width))

    return Attention()


def layer(ns: Any, heads: int, width: int) -> Any:
    """Attention and a network of two layers, each added to what it is given."""
    nn = ns.nn

    class Layer(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.attention = nn.LayerNorm(width), attention(ns, heads, width)
            self.norm2 = nn.LayerNorm(width)
            self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x: Any, cache: list[Any] | None = None) -> Any:
            x = x + self.attention(self.norm1(x), cache)
            return x + self.down(nn.functional.gelu(self.up(self.norm2(x))))

    return Layer()


def gpt(ns: Any, layers: int, heads: int, width: int, longest: int) -> Any:
    """A GPT over letters with learned positions."""
    nn = ns.nn

    class Gpt(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.position_embedding = (
                nn.Embedding(LETTERS, width),
                nn.Embedding(longest, width),
            )
            self.layers = nn.ModuleList([layer(ns, heads, width) for _ in range(layers)])
            self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, LETTERS, bias=False)

        def forward(self, ids: Any, caches: list[list[Any]] | None = None, first: int = 0) -> Any:
            x = self.embedding(ids) + self.position_embedding(ns.arange(first, first + ids.shape[1]))
            for i, each in enumerate(self.layers):
                x = each(x, None if caches is None else caches[i])
            return self.head(self.norm(x))

    return parameters_set(ns, Gpt())


def trained(ns: Any, fused: bool, layers: int, heads: int, width: int, longest: int, batch: int) -> Work:
    """A step of training on random letters."""
    model = gpt(ns, layers, heads, width, longest)
    optimizer = ns.optim.AdamW(model.parameters(), lr=3e-4, **({"fused": True} if fused else {}))
    return training(ns, model, optimizer, *letters(batch, longest))


def small(ns: Any, fused: bool) -> Work:
    """4 layers, 4 heads, width 128."""
    return trained(ns, fused, 4, 4, 128, 64, 16)


def large(ns: Any, fused: bool) -> Work:
    """6 layers, 6 heads, width 384."""
    return trained(ns, fused, 6, 6, 384, 256, 4)


def generate(ns: Any, fused: bool) -> Work:
    """The likeliest letter after all before it, 128 times."""
    count, layers = 128, 4
    model = gpt(ns, layers, 4, 128, count)

    def step() -> float:
        caches: list[list[Any]] = [[] for _ in range(layers)]
        ids, total = ns.zeros((1, 1), dtype=ns.int64), 0
        with ns.no_grad():
            for i in range(count):
                chosen = model(ids, caches, i)[:, -1].argmax(-1, keepdim=True)
                total += int(chosen.item())
                ids = chosen
        return float(total)

    return Work(step)
