"""Averages of a model over its training: of all steps alike, or exponential (`torch.optim.swa_utils`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from itertools import chain
from typing import Any

from tinytorch import dtypes
from tinytorch.autograd.grad_mode import no_grad
from tinytorch.creation import tensor
from tinytorch.nn import Module
from tinytorch.tensor import Tensor

Average = Callable[[Tensor, Tensor, Any], Tensor]  # (the average so far, the present value, of how many)
ManyAverages = Callable[[Sequence[Tensor], Sequence[Tensor], Any], None]  # in place


def get_swa_avg_fn() -> Average:
    """The mean of all values."""

    def swa_update(averaged: Tensor, current: Tensor, count: Any) -> Tensor:
        return averaged + (current - averaged) / (count + 1)

    return swa_update


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """A mean that forgets: decay * average + (1 - decay) * value."""
    if not 0.0 <= decay <= 1.0:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")

    def ema_update(averaged: Tensor, current: Tensor, count: Any) -> Tensor:
        return averaged * decay + current * (1 - decay)

    return ema_update


def get_swa_multi_avg_fn() -> ManyAverages:
    """`get_swa_avg_fn` for many tensors, in place."""
    return for_many(get_swa_avg_fn())


def get_ema_multi_avg_fn(decay: float = 0.999) -> ManyAverages:
    """`get_ema_avg_fn` for many tensors, in place."""
    return for_many(get_ema_avg_fn(decay))


def for_many(average: Average) -> ManyAverages:
    """An average of each of many tensors, in place."""

    @no_grad()
    def update(averaged: Sequence[Tensor], current: Sequence[Tensor], count: Any) -> None:
        for mean, value in zip(averaged, current, strict=True):
            mean.copy_(average(mean, value, count))

    return update


class AveragedModel(Module):
    """A copy of a model whose parameters are averages of the model's: `update_parameters(model)` after a step.

    avg_fn or multi_avg_fn: how to average; the mean of all by default. use_buffers: average these as well,
    instead of copying them.

    >>> from tinytorch import nn, ones
    >>> model = nn.Linear(1, 1, bias=False)
    >>> mean = AveragedModel(model)
    >>> for weight in (1.0, 2.0, 6.0):
    ...     _ = nn.init.constant_(model.weight, weight)
    ...     mean.update_parameters(model)
    >>> mean(ones(1)).item()
    3.0
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Average | None = None,
        multi_avg_fn: ManyAverages | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", tensor(0, dtype=dtypes.int64))
        self.average = multi_avg_fn or for_many(avg_fn or get_swa_avg_fn())
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the averaged model makes of its inputs."""
        return self.module(*args, **kwargs)

    @no_grad()
    def update_parameters(self, model: Module) -> None:
        """Take the present parameters of the model into the average; the first time, as they are."""
        mine, its = [
            chain(m.parameters(), m.buffers() if self.use_buffers else ()) for m in (self.module, model)
        ]
        averaged, current = [x.detach() for x in mine], [x.detach() for x in its]
        if self.n_averaged.item() == 0:
            for mean, value in zip(averaged, current, strict=True):
                mean.copy_(value)
        else:
            self.average(averaged, current, self.n_averaged)
        if not self.use_buffers:
            for mean, value in zip(self.module.buffers(), model.buffers(), strict=True):
                mean.copy_(value)
        self.n_averaged += 1


@no_grad()
def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Compute the running statistics of all batch norms anew, in one pass over the inputs of a loader."""
    norms = [m for m in model.modules() if hasattr(m, "reset_running_stats") and hasattr(m, "momentum")]
    if not norms:
        return
    momenta, was_training = [norm.momentum for norm in norms], model.training
    model.train()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean of all batches alike
    for batch in loader:
        inputs = batch[0] if isinstance(batch, (list, tuple)) else batch
        model(inputs if device is None else inputs.to(device))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.train(was_training)
