"""A character language model on an LSTM: reads names, and then invents some."""

from __future__ import annotations

from collections.abc import Sequence

from tinytorch import nn
from tinytorch.creation import tensor, zeros
from tinytorch.dtypes import bool_, int64
from tinytorch.models.generate import apply_temperature, sample
from tinytorch.models.gpt import measuring
from tinytorch.nn import functional
from tinytorch.nn.utils.rnn import pad_sequence
from tinytorch.random import Generator
from tinytorch.tensor import Tensor

State = tuple[Tensor, Tensor]
END = 0  # the id that a name begins with and ends with
NOTHING = -100  # a target that does not count, behind the end of a shorter name


class CharacterLSTM(nn.Module):
    """Ids of characters (B, T) to logits (B, T, vocabulary) for the character after each.

    alphabet: the characters that occur; character i has id i + 1, and 0 ends a name.

    >>> model = CharacterLSTM("abcdefghijklmnopqrstuvwxyz", width=16, hidden=64)
    >>> model.batch(["ann", "bo"])
    (tensor([[ 0,  1, 14, 14],
            [ 0,  2, 15,  0]]), tensor([[   1,   14,   14,    0],
            [   2,   15,    0, -100]]))
    """

    def __init__(
        self,
        alphabet: Sequence[str],
        width: int = 32,
        hidden: int = 128,
        layers: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.alphabet = list(alphabet)
        count = len(self.alphabet) + 1
        self.tokens = nn.Embedding(count, width)
        self.lstm = nn.LSTM(width, hidden, layers, batch_first=True, dropout=dropout)
        self.head = nn.Linear(hidden, count)

    def forward(self, ids: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """The logits, and the state with which the text can be continued."""
        out, state = self.lstm(self.tokens(ids), state)
        logits: Tensor = self.head(out)
        return logits, state

    def batch(self, names: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Names as inputs and targets (B, longest + 1): each input begins with END, each target ends with it."""
        ids = [tensor([self.alphabet.index(c) + 1 for c in name], dtype=int64) for name in names]
        end = tensor([END])
        inputs = pad_sequence([end.cat_after(each, 0) for each in ids], batch_first=True)
        targets = pad_sequence(
            [each.cat_after(end, 0) for each in ids], batch_first=True, padding_value=NOTHING
        )
        return inputs, targets

    def loss(self, names: Sequence[str]) -> Tensor:
        """The mean loss in nats per character, ends included."""
        inputs, targets = self.batch(names)
        logits, _ = self(inputs)
        return functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=NOTHING)

    def invent(
        self, count: int, temperature: float = 1.0, longest: int = 20, generator: Generator | None = None
    ) -> list[str]:
        """Names that the model makes up, a character at a time, none longer than `longest`."""
        ids, state = zeros(count, dtype=int64), None
        ended, names = zeros(count, dtype=bool_), [""] * count
        with measuring(self):
            for _ in range(longest):
                logits, state = self(ids.unsqueeze(1), state)  # (count, 1, vocabulary)
                ids = sample(apply_temperature(logits.squeeze(1), temperature), generator)
                ended = ended | (ids == END)
                for i, (each, over) in enumerate(zip(ids.tolist(), ended.tolist(), strict=True)):
                    names[i] += "" if over else self.alphabet[each - 1]
                if ended.all():
                    break
        return names
