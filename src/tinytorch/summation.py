"""einsum: sums of products named by letters, as one matmul for each pair of operands."""

from __future__ import annotations

import math
from typing import Any

from tinytorch.tensor import Tensor


def einsum(equation: str, *operands: Any) -> Tensor:
    """A sum of products named by letters (`torch.einsum`), made of permute, expand, * and sum.

    >>> import tinytorch as tt
    >>> einsum("ij,jk->ik", tt.eye(2), tt.ones(2, 3)).shape
    (2, 3)
    """
    given = (
        list(operands[0]) if len(operands) == 1 and isinstance(operands[0], (list, tuple)) else list(operands)
    )
    sources, _, target = equation.replace(" ", "").partition("->")
    terms = sources.split(",")
    if len(terms) != len(given):
        raise RuntimeError(f"einsum: {equation!r} names {len(terms)} operands, and {len(given)} were given")
    if "..." in equation:
        terms, target = without_dots(terms, target, given, "->" in equation)
    elif "->" not in equation:
        target = "".join(sorted({c for c in sources if c.isalpha() and sources.count(c) == 1}))
    letters = target + "".join(sorted({c for term in terms for c in term} - set(target)))
    spread = [placed(x, term, letters) for x, term in zip(given, terms, strict=True)]
    product = spread[0]
    for i, each in enumerate(spread[1:], 1):
        product = contracted(product, each, letters, target, terms[i + 1 :])
    axes = tuple(range(len(target), len(letters)))
    return product.sum(axes, dtype=product.dtype if len(given) > 1 else None) if axes else product


def without_dots(terms: list[str], target: str, given: list[Tensor], arrow: bool) -> tuple[list[str], str]:
    """`...` spelled out with letters that nobody uses."""
    used = set("".join(terms) + target)
    free = [c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" if c not in used]
    counts = [
        x.ndim - len(term.replace("...", "")) for x, term in zip(given, terms, strict=True) if "..." in term
    ]
    dots = "".join(free[: max(counts, default=0)])
    spelled = []
    for x, term in zip(given, terms, strict=True):
        mine = x.ndim - len(term.replace("...", ""))
        spelled.append(term.replace("...", dots[len(dots) - mine :]) if "..." in term else term)
    if not arrow:
        flat = "".join(terms).replace("...", "")
        target = "..." + "".join(sorted({c for c in flat if flat.count(c) == 1}))
    return spelled, target.replace("...", dots)


def placed(x: Tensor, term: str, letters: str) -> Tensor:
    """`x` with one axis for each letter: its own in their place, size 1 for the others."""
    if len(term) != x.ndim:
        raise RuntimeError(f"einsum: {term!r} names {len(term)} axes of a tensor of shape {x.shape}")
    for letter in set(term):
        while term.count(letter) > 1:  # a repeated letter is a diagonal
            first, second = term.index(letter), term.rindex(letter)
            x = x.diagonal(0, first, second)
            term = term[:first] + term[first + 1 : second] + term[second + 1 :] + letter
    order = sorted(range(len(term)), key=lambda axis: letters.index(term[axis]))
    x = x.permute(order)
    present = iter(x.shape)
    return x.reshape([next(present) if letter in term else 1 for letter in letters])


def contracted(x: Tensor, y: Tensor, letters: str, target: str, later: list[str]) -> Tensor:
    """The product of two operands, summed over letters that nobody needs any more, as one matmul."""
    ended = [
        i
        for i, c in enumerate(letters)
        if c not in target and all(c not in term for term in later) and x.shape[i] == y.shape[i] != 1
    ]
    batch = [i for i in range(len(letters)) if i not in ended and x.shape[i] != 1 and y.shape[i] != 1]
    left = [i for i in range(len(letters)) if i not in ended + batch and x.shape[i] != 1]
    right = [i for i in range(len(letters)) if i not in ended + batch + left]
    if not ended:
        return x * y
    rows = x.permute([*batch, *left, *right, *ended]).reshape(
        [*[x.shape[i] for i in batch], math.prod([x.shape[i] for i in left]), -1]
    )
    columns = y.permute([*batch, *ended, *left, *right]).reshape(
        [*[y.shape[i] for i in batch], rows.shape[-1], -1]
    )
    out = rows @ columns
    sizes = [
        *[x.shape[i] for i in batch],
        *[x.shape[i] for i in left],
        *[y.shape[i] for i in right],
        *[1] * len(ended),
    ]
    order = [*batch, *left, *right, *ended]
    return out.reshape(sizes).permute([order.index(i) for i in range(len(letters))])
