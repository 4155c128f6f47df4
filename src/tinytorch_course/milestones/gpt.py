"""2018: a network that only ever predicts the next letter learns to write in the manner of Shakespeare."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tinytorch as tt
from tinytorch import checkpoint, nn, optim
from tinytorch.datasets import Shakespeare
from tinytorch.models.generate import generate
from tinytorch.models.gpt import GPT, estimate_loss, get_batch, measuring, parameter_groups

TITLE = "Generative pre-training: a GPT writes Shakespeare, letter by letter"
YEAR = 2018
FIGURE = "loss on held-out plays, nats per letter"
CURVE = "validation"  # which of the curves ends in the figure
TARGET = 1.75
LOWER_IS_BETTER = True
SECONDS = 600
THREADS = 1
STEPS = 2000
BATCH = 8
CONTEXT = 128
RATE = 3e-3
WARM_UP = 100
EVERY = 200  # steps from one estimate and glimpse to the next
GLIMPSE, SAMPLE = 100, 500  # letters


def build(data: Shakespeare) -> GPT:
    """4 layers, 4 heads, width 128, rotary positions, RMS norms, no biases."""
    options: dict[str, Any] = {"positions": "rotary", "norm": "rms", "bias": False}
    return GPT(len(data.alphabet), CONTEXT, layers=4, heads=4, width=128, **options)


def share(step: int) -> float:
    """The share of the rate that holds at a step: up in a line, then down along a cosine."""
    if step < WARM_UP:
        return (step + 1) / WARM_UP
    return 0.5 + 0.5 * math.cos(math.pi * (step - WARM_UP) / max(STEPS - WARM_UP, 1))


def held_out_loss(model: GPT, data: Shakespeare) -> float:
    """The mean loss over all of a text, in windows one after the other; the last, shorter one is left out."""
    windows = (len(data) - 1) // CONTEXT
    ids = data.ids[: windows * CONTEXT].reshape(windows, CONTEXT)
    targets = data.ids[1 : windows * CONTEXT + 1].reshape(windows, CONTEXT)
    total = 0.0
    with measuring(model):
        for i in range(0, windows, BATCH):
            _, loss = model(ids[i : i + BATCH], targets[i : i + BATCH])
            total += loss.item() * len(ids[i : i + BATCH])
    return total / windows


def writes(model: GPT, data: Shakespeare, count: int) -> str:
    """What the model writes after an empty line."""
    ids = generate(model, data.encode("\n").unsqueeze(0), count, temperature=0.8, top_k=40)
    return data.decode(ids[0]).strip()


def train(out: Path, tell: Callable[[str], None], seed: int = 0) -> dict[str, Any]:
    """Train, save model and sample into `out`, and give back the figure and the curves."""
    tt.manual_seed(seed)
    data, held_out = Shakespeare(train=True), Shakespeare(train=False)
    model = build(data)
    optimizer = optim.AdamW(parameter_groups(model, 0.1), lr=RATE, betas=(0.9, 0.99))
    schedule = optim.lr_scheduler.LambdaLR(optimizer, share)
    losses, curve, lately = [], [], 0.0
    for step in range(1, STEPS + 1):
        _, loss = model(*get_batch(data.ids, BATCH, CONTEXT))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        lately += loss.item() / EVERY
        if step % EVERY == 0:
            losses.append(lately)
            curve.append(estimate_loss(model, held_out.ids, 20, BATCH).loss)
            tell(f"step {step:5}   loss {lately:.4f}   held out {curve[-1]:.4f}")
            tell(f"    {writes(model, data, GLIMPSE)!r}")
            lately = 0.0
    curve[-1] = held_out_loss(model, held_out)
    checkpoint.save(model.state_dict(), out / "model.safetensors")
    sample = writes(model, data, SAMPLE)
    tell(sample)
    (out / "sample.txt").write_text(sample + "\n", encoding="utf-8")
    return {
        "figure": curve[-1],
        "curves": {"loss": losses, "validation": curve},
        "model": "model.safetensors",
    }
