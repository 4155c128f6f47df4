"""Training: `fit` is the loop and `evaluate` its counterpart; what else happens between steps is a plain function.

Nothing holds a model here for longer than a call, so a program may as well write the loop itself.
`callbacks` has functions for the two places where one can look in: after a step and after an epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from math import inf, isfinite
from typing import Any

from tinytorch.autograd.grad_mode import no_grad
from tinytorch.callbacks import progress_bar
from tinytorch.nn import Module
from tinytorch.nn.functional import cross_entropy
from tinytorch.nn.utils import clip_grads_with_norm_, get_total_norm
from tinytorch.nonfinite import explain_gradient, explain_loss
from tinytorch.optim import Optimizer
from tinytorch.random import default_generator
from tinytorch.tensor import Tensor

Sums = dict[str, float]  # how many "samples", and over them the sum of the "loss" and of each metric
Measure = Callable[[Any, Any], Any]  # (prediction, target) to the mean over a batch
Callback = Callable[["Progress"], Any]


@dataclass
class Progress:
    """How far a run has come, as plain data."""

    epoch: int = 0  # passes over the data that are complete
    step: int = 0  # steps of the optimizer
    batch: int = 0  # batches of the present epoch
    sums: Sums = field(default_factory=dict)  # over the samples of the present epoch
    latest: dict[str, float] = field(default_factory=dict)  # of the last step: means, gradient_norm, rate
    history: list[dict[str, float]] = field(default_factory=list)  # the means of each epoch
    stop: bool = False  # a callback may set it: the present epoch is the last
    over: bool = False  # the loader has no more batches for the present epoch
    loader: Any = None  # where the loader stands, if it can say

    def __str__(self) -> str:
        return f"after {self.step} steps, in epoch {self.epoch + 1} after {self.batch} batches"

    def count(self, batches: int, sums: Sums, figures: dict[str, float]) -> None:
        """One more step."""
        self.step, self.batch = self.step + 1, self.batch + batches
        self.sums, self.latest = added(self.sums, sums), {**means(sums), **figures}

    def end_epoch(self, validation: dict[str, float]) -> None:
        """The means of the epoch go to the history, and the next one begins."""
        named = {f"validation_{name}": value for name, value in validation.items()}
        self.history = [*self.history, {**means(self.sums), **named}]
        self.epoch, self.batch, self.sums, self.over = self.epoch + 1, 0, {}, False

    @property
    def within_epoch(self) -> bool:
        """Whether the present epoch has begun."""
        return self.batch > 0

    def state_dict(self) -> dict[str, Any]:
        """Everything."""
        return dict(vars(self))

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from there."""
        vars(self).update(state_dict)


def fit(
    model: Module,
    loader: Iterable[Any],
    optimizer: Optimizer,
    *,
    epochs: int,
    loss: Measure = cross_entropy,
    metrics: Mapping[str, Measure] | None = None,
    schedule: Any = None,
    accumulate: int = 1,
    clip: float = inf,
    validate: Iterable[Any] | None = None,
    after_step: Sequence[Callback] = (),
    after_epoch: Sequence[Callback] = (),
    progress: Progress | None = None,
) -> Progress:
    """Train `model` until `epochs` passes are complete. Returns the progress, with the history of all epochs.

    loader: batches (*inputs, target), or single tensors, which are their own targets.
    loss: of (model(*inputs), target), the mean over the batch. metrics: the same, by name; only looked at.
    schedule: stepped after each step of the optimizer; one that goes by epochs belongs to `after_epoch`.
    accumulate: so many batches make one step, as if they were one. clip: the largest norm of all gradients.
    validate: batches to evaluate after each epoch. progress: of a run that is to be continued.

    Raises AnomalyError, with the operation and the line, when a loss or a gradient is nan or infinite.

    >>> import tinytorch as tt
    >>> from tinytorch import nn, optim
    >>> x = tt.tensor([[-1.0], [1.0]])
    >>> model = nn.Linear(1, 1)
    >>> done = fit(model, [(x, 3 * x)], optim.SGD(model.parameters(), 0.2), epochs=50, loss=nn.functional.mse_loss)
    >>> round(model.weight.item(), 3), done.epoch, done.history[-1]["loss"] < 1e-6
    (3.0, 50, True)
    """
    at, metrics = progress or Progress(), metrics or {}
    if at.loader is not None:
        loader.load_state_dict(at.loader)  # type: ignore[attr-defined]
    bar = progress_bar(length(loader), epochs)
    while at.epoch < epochs and not at.stop:
        model.train()
        batches = remaining(loader, at)
        while group := list(islice(batches, accumulate)):
            optimizer.zero_grad()
            backward = partial(backpropagate, model, group, loss, metrics, at)
            stream, sums = default_generator.get_state(), backward()
            norm = clipped(optimizer, clip)
            if not isfinite(norm):
                explain_gradient(f"the norm of the gradients is {norm} {at}", backward, stream)
            figures = {"gradient_norm": norm, "rate": optimizer.param_groups[0]["lr"]}
            optimizer.step()
            if schedule is not None:
                schedule.step()
            at.count(len(group), sums, figures)
            at.over, at.loader = len(group) < accumulate, state_of(loader)
            for callback in (*after_step, bar):
                callback(at)
        at.end_epoch({} if validate is None else evaluate(model, validate, loss, metrics))
        at.loader = state_of(loader)
        for callback in (*after_epoch, bar):
            callback(at)
    return at


def backpropagate(
    model: Module, group: Sequence[Any], loss: Measure, metrics: Mapping[str, Measure], at: Progress
) -> Sums:
    """Add the gradient of the mean loss over all samples of these batches to the parameters' `grad`."""
    batches = list(map(taken_apart, group))
    count = sum([len(target) for _, target in batches])
    sums: Sums = {}
    for inputs, target in batches:
        stream = default_generator.get_state()
        prediction = model(*inputs)
        mean = loss(prediction, target)
        if not isfinite(mean.item()):
            explain_loss(f"the loss is {mean.item()} {at}", model, inputs, target, loss, stream)
        (mean * (len(target) / count)).backward()
        sums = added(sums, summed(mean, metrics, prediction, target))
    return sums


@no_grad()
def evaluate(
    model: Module,
    loader: Iterable[Any],
    loss: Measure = cross_entropy,
    metrics: Mapping[str, Measure] | None = None,
) -> dict[str, float]:
    """The means of the loss and the metrics over all samples, out of training. The model's modes are restored.

    >>> from tinytorch import nn, ones
    >>> evaluate(nn.Identity(), [(ones(3), ones(3)), (ones(1), 0 * ones(1))], nn.functional.mse_loss)
    {'loss': 0.25}
    """
    modes = {module: module.training for module in model.modules()}
    sums: Sums = {}
    model.eval()
    try:
        for inputs, target in map(taken_apart, loader):
            prediction = model(*inputs)
            sums = added(sums, summed(loss(prediction, target), metrics or {}, prediction, target))
    finally:
        for module, mode in modes.items():
            module.training = mode
    return means(sums)


def accuracy(prediction: Tensor, target: Tensor) -> Tensor:
    """The share of samples whose largest logit, along axis 1, is that of their class."""
    return (prediction.argmax(1) == target).float().mean()


def taken_apart(batch: Any) -> tuple[Sequence[Any], Any]:
    """The inputs of a batch, and its target; a lone tensor is both."""
    if isinstance(batch, Tensor):
        return [batch], batch
    *inputs, target = batch
    return inputs, target


@no_grad()
def summed(loss: Tensor, metrics: Mapping[str, Measure], prediction: Any, target: Any) -> Sums:
    """A batch's means, weighed by its samples: the last batch may have fewer."""
    measured = {"loss": loss, **{name: metric(prediction, target) for name, metric in metrics.items()}}
    return {"samples": len(target), **{name: float(mean) * len(target) for name, mean in measured.items()}}


def added(first: Sums, second: Sums) -> Sums:
    """Sums over the samples of both."""
    return {name: first.get(name, 0) + value for name, value in second.items()}


def means(sums: Sums) -> dict[str, float]:
    """Of each figure, the mean over the samples. Raises ValueError where there are none."""
    if not sums.get("samples"):
        raise ValueError("the loader gave no batch, and there is no mean of nothing")
    return {name: value / sums["samples"] for name, value in sums.items() if name != "samples"}


def clipped(optimizer: Optimizer, largest: float) -> float:
    """The norm of all gradients together, which are then scaled to one of `largest` at most."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    norm = get_total_norm([p.grad for p in parameters if p.grad is not None])
    if norm.item() > largest:
        clip_grads_with_norm_(parameters, largest, norm)
    return float(norm.item())


def remaining(loader: Iterable[Any], at: Progress) -> Iterator[Any]:
    """The batches of the present epoch that are still to come."""
    if at.over:
        return iter(())
    stateless = state_of(loader) is None  # others know themselves where they stand
    return islice(loader, at.batch if stateless else 0, None)


def state_of(loader: Any) -> Any:
    """Where a loader stands; None if it cannot say."""
    return loader.state_dict() if hasattr(loader, "state_dict") else None


def length(loader: Any) -> int | None:
    """How many batches there are in one epoch; None if the loader cannot say."""
    try:
        return len(loader)
    except TypeError:  # a stream
        return None
