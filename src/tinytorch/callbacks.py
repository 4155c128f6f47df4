"""What may happen between two steps of training: a bar, a log, a checkpoint, an end. Each makes a plain function.

The function takes the Progress of `training.fit`; `after_step` and `after_epoch` are the places for it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinytorch.checkpoint import save_checkpoint, written_whole

if TYPE_CHECKING:
    from tinytorch.training import Progress

Callback = Callable[["Progress"], Any]
WIDTH = 24  # characters of the bar
REDRAW = 0.1  # seconds between two drawings


def progress_bar(batches: int | None, epochs: int) -> Callback:
    """A line on the terminal that is drawn again in place, and one that stays for each epoch; else nothing.

    batches: of one epoch, if they are known. It writes to standard error, and only to a terminal. Serves
    both places.
    """
    began, drawn = time.monotonic(), 0.0

    def draw(at: Progress) -> None:
        nonlocal began, drawn
        now = time.monotonic()
        if not sys.stderr.isatty() or (at.within_epoch and now - drawn < REDRAW):
            return
        drawn = now
        if at.within_epoch:
            text = f"\r{running(at, batches, epochs, now - began)}\x1b[K"
        else:
            text = f"\repoch {at.epoch}/{epochs}  {figures(at.history[-1])}\x1b[K\n"
            began = now
        sys.stderr.write(text)
        sys.stderr.flush()

    return draw


def running(at: Progress, batches: int | None, epochs: int, seconds: float) -> str:
    """The line within an epoch. seconds: since it began."""
    share = at.batch / batches if batches else 0.0
    bar = ("=" * round(share * WIDTH)).ljust(WIDTH)
    left = f"  {seconds / share - seconds:.0f} s left" if share else ""
    total = "" if batches is None else f"/{batches}"
    return f"epoch {at.epoch + 1}/{epochs} [{bar}] {at.batch}{total}  {figures(at.latest)}{left}"


def figures(values: dict[str, float]) -> str:
    """Names and numbers in one line."""
    return "  ".join(f"{name} {value:.4g}" for name, value in values.items())


def log_lines(path: str | Path) -> Callback:
    """Write the figures of each step or epoch to a file as JSON, one line for each. Serves both places.

    A run that goes on from a checkpoint first takes off the lines of the steps that it will do again.
    """
    path, begun = Path(path), False

    def log(at: Progress) -> None:
        nonlocal begun
        line: dict[str, Any] = {"step": at.step, "epoch": at.epoch}
        line |= {"train": at.latest} if at.within_epoch else {"means": at.history[-1]}
        if not begun:
            kept = [each for each in read_lines(path) if position(each) < position(line)]
            with written_whole(path) as whole:
                whole.write("".join([json.dumps(each) + "\n" for each in kept]).encode())
            begun = True
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    return log


def position(line: dict[str, Any]) -> tuple[int, bool]:
    """When a line was written: that of an epoch follows that of its last step."""
    return line["step"], "means" in line


def read_lines(path: str | Path) -> list[dict[str, Any]]:
    """The lines of a log. One that a killed run left unfinished is left out."""
    if not os.path.exists(path):
        return []
    found = []
    for text in Path(path).read_text(encoding="utf-8").splitlines(keepends=True):
        if text.endswith("\n"):
            found.append(json.loads(text))
    return found


def save_every(path: str | Path, steps: int = 1, **parts: Any) -> Callback:
    """Write a checkpoint of `parts` and the progress every so many steps, and after each epoch. Serves both places.

    >>> import tempfile
    >>> from tinytorch import nn, training
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "run.safetensors")
    ...     save_every(path, model=nn.Linear(1, 1))(training.Progress(step=1, batch=1))
    ...     path.exists()
    True
    """

    def save(at: Progress) -> None:
        if not at.within_epoch or at.step % steps == 0:
            save_checkpoint(path, progress=at, **parts)

    return save


def save_best(path: str | Path, metric: str, mode: str = "min", **parts: Any) -> Callback:
    """After an epoch that was better than all before it, write a checkpoint of `parts` and the progress."""

    def save(at: Progress) -> None:
        if best_epoch(at, metric, mode) == len(at.history) - 1:
            save_checkpoint(path, progress=at, **parts)

    return save


def early_stop(metric: str, patience: int, mode: str = "min") -> Callback:
    """After an epoch: stop where the best one lies more than `patience` epochs back.

    metric: a name of the epoch's figures, such as "validation_loss". mode: "min" or "max", what is better.
    It looks at the history alone, so a run that goes on from a checkpoint stops where it would have.

    >>> from tinytorch.training import Progress
    >>> at = Progress(history=[{"loss": 1.0}, {"loss": 0.5}, {"loss": 0.6}, {"loss": 0.7}])
    >>> early_stop("loss", patience=1)(at)
    >>> at.stop
    True
    """

    def stop(at: Progress) -> None:
        if len(at.history) - 1 - best_epoch(at, metric, mode) > patience:
            at.stop = True

    return stop


def best_epoch(at: Progress, metric: str, mode: str) -> int:
    """Which epoch, counted from 0, was the first with the best value of a metric."""
    if mode not in ("min", "max"):
        raise ValueError(f"mode {mode!r} is unknown: it is min or max")
    if metric not in at.history[-1]:
        raise KeyError(f"there is no {metric!r} among the figures of an epoch: {', '.join(at.history[-1])}")
    values = [epoch[metric] for epoch in at.history]
    return values.index(min(values) if mode == "min" else max(values))


def plot_lines(log: str | Path, picture: str | Path) -> None:
    """Draw the curves of a log, one axis for each figure, as SVG or PNG by the name of the picture.

    Thin lines are steps, thick ones the means of epochs. Raises ImportError where matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("plots need matplotlib: pip install matplotlib") from error
    lines = read_lines(log)
    curves: dict[str, dict[str, list[tuple[int, float]]]] = {}
    for line in lines:
        for name, value in line.get("train", line.get("means", {})).items():
            kind = "train" if "train" in line else "means"
            axis = curves.setdefault(name.removeprefix("validation_"), {})
            axis.setdefault(kind if kind == "train" else f"{kind} {name}", []).append((line["step"], value))
    figure = Figure(figsize=(6, 2.2 * max(len(curves), 1)), layout="constrained")
    for axes, (name, drawn) in zip(
        figure.subplots(max(len(curves), 1), squeeze=False)[:, 0], curves.items(), strict=False
    ):
        for kind, points in drawn.items():
            axes.plot(
                *zip(*points, strict=True),
                label=kind.removeprefix("means "),
                linewidth=0.7 if kind == "train" else 2,
            )
        axes.set(ylabel=name, xlabel="step")
        axes.legend(frameon=False)
    figure.savefig(picture)
