"""A published GPT that sorts lists: real weights, trained by others, run here."""

from __future__ import annotations

from importlib.resources import files

from tinytorch import checkpoint
from tinytorch.errors import ShapeError
from tinytorch.models.generate import generate, load_pretrained
from tinytorch.models.gpt import GPT
from tinytorch.tensor import Tensor

NUMBERS = 6  # in each list, from 0 to 2
HEADS = 3


def sorter() -> GPT:
    """The model: 3 layers, 3 heads, width 48; its source and licence stand beside the weights.

    >>> from tinytorch import tensor
    >>> sort(sorter(), tensor([[2, 0, 1, 1, 0, 2]]))
    tensor([[0, 0, 1, 1, 2, 2]])
    """
    path = files("tinytorch.models").joinpath("gpt-nano-sort", "model.safetensors")
    with path.open("rb") as file:
        return load_pretrained(checkpoint.load(file), HEADS)


def sort(model: GPT, lists: Tensor) -> Tensor:
    """What the model writes after lists (n, 6) int64 of numbers from 0 to 2: (n, 6), sorted if it makes no mistake."""
    if lists.shape[1:] != (NUMBERS,):
        raise ShapeError(f"the model sorts lists of {NUMBERS} numbers, not {lists.shape}")
    return generate(model, lists, NUMBERS, temperature=0)[:, NUMBERS:]
