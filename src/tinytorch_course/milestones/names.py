"""1997: a network with a memory reads names, letter by letter, and then makes up its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import tinytorch as tt
from tinytorch import checkpoint, nn, optim
from tinytorch.datasets import Names
from tinytorch.models import CharacterLSTM
from tinytorch.models.gpt import measuring

TITLE = "Long short-term memory: an LSTM invents names"
YEAR = 1997
FIGURE = "loss on held-out names, nats per letter"
CURVE = "validation"  # which of the curves ends in the figure
TARGET = 2.0
LOWER_IS_BETTER = True
SECONDS = 120
THREADS = 1
EPOCHS = 6
BATCH = 32
RATE = 6e-3
INVENTED = 12


def held_out_loss(model: CharacterLSTM, names: Names) -> float:
    """The mean loss over the letters of all names, ends included."""
    letters = sum(len(name) + 1 for name in names)
    total = 0.0
    with measuring(model):
        for i in range(0, len(names), 100):
            some = names.names[i : i + 100]
            total += model.loss(some).item() * sum(len(name) + 1 for name in some)
    return total / letters


def train(out: Path, tell: Callable[[str], None], seed: int = 0) -> dict[str, Any]:
    """Train, save the model and invented names into `out`, and give back the figure and the curves."""
    tt.manual_seed(seed)
    names, held_out = Names(train=True), Names(train=False)
    model = CharacterLSTM(names.alphabet, width=32, hidden=192, dropout=0.0)
    optimizer = optim.AdamW(model.parameters(), lr=RATE)
    batches = len(names) // BATCH
    schedule = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=RATE, total_steps=EPOCHS * batches)
    losses, curve = [], []
    for epoch in range(1, EPOCHS + 1):
        order, total = tt.randperm(len(names)).tolist(), 0.0
        for step in range(batches):
            loss = model.loss([names[i] for i in order[step * BATCH : (step + 1) * BATCH]])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += loss.item()
        losses.append(total / batches)
        curve.append(held_out_loss(model, held_out))
        tell(f"epoch {epoch}   loss {losses[-1]:.4f}   held out {curve[-1]:.4f}")
        tell(f"    {', '.join(model.invent(6, temperature=0.8))}")
    checkpoint.save(model.state_dict(), out / "model.safetensors")
    invented = model.invent(INVENTED, temperature=0.8)
    known = set(names)
    tell(f"invented   {', '.join(invented)}")
    tell(
        f"new        {sum(name not in known for name in invented)} of {INVENTED} stand in no list that it read"
    )
    (out / "invented.txt").write_text("\n".join(invented) + "\n", encoding="utf-8")
    return {
        "figure": curve[-1],
        "curves": {"loss": losses, "validation": curve},
        "model": "model.safetensors",
    }
