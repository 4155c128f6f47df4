"""2020: weights that others trained and published sort lists on your framework."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import tinytorch as tt
from tinytorch import checkpoint
from tinytorch.models.sorter import NUMBERS, sort, sorter

TITLE = "Published weights: a GPT that somebody else trained sorts lists"
YEAR = 2020
FIGURE = "share of 200 lists sorted without a mistake"
CURVE = "sorted"  # which of the curves ends in the figure
TARGET = 1.0
SECONDS = 10
THREADS = 1
LISTS, AT_ONCE = 200, 20


def train(out: Path, tell: Callable[[str], None], seed: int = 0) -> dict[str, Any]:
    """Load the weights, let the model sort, and give back the share that is right; nothing is trained."""
    tt.manual_seed(seed)
    model = sorter()
    lists = tt.randint(0, 3, (LISTS, NUMBERS))
    right, shares = 0, []
    for some in lists.split(AT_ONCE):
        written = sort(model, some)
        if not shares:
            tell(f"given      {some[0].tolist()}")
            tell(f"written    {written[0].tolist()}")
        right += int((written == some.sort(-1).values).all(-1).sum().item())
        shares.append(right / (len(shares) * AT_ONCE + len(some)))
    checkpoint.save(model.state_dict(), out / "model.safetensors")
    return {"figure": right / LISTS, "curves": {"sorted": shares}, "model": "model.safetensors"}
