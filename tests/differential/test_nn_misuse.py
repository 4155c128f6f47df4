"""Modules and schedules, used wrongly or unusually, behave as PyTorch's do."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import pytest
import torch

import tinytorch as tt

BOTH = (torch, tt)


def dotted_parameter(lib: Any) -> None:
    lib.nn.Module().register_parameter("a.b", lib.nn.Parameter(lib.ones(2)))


def empty_buffer_name(lib: Any) -> None:
    lib.nn.Module().register_buffer("", lib.ones(2))


def tensor_as_parameter(lib: Any) -> None:
    lib.nn.Module().register_parameter("a", lib.ones(2))


def parameter_over_a_plain_attribute(lib: Any) -> None:
    module = lib.nn.Module()
    module.x = 1
    module.register_parameter("x", lib.nn.Parameter(lib.ones(2)))


def list_as_buffer(lib: Any) -> None:
    lib.nn.Module().register_buffer("x", [1])


def number_as_module(lib: Any) -> None:
    lib.nn.Sequential(3)


def child_over_a_method(lib: Any) -> None:
    lib.nn.Module().add_module("forward", lib.nn.ReLU())


def tensor_over_a_parameter(lib: Any) -> None:
    lib.nn.Linear(2, 3).weight = lib.ones(3, 2)


def number_over_a_buffer(lib: Any) -> None:
    module = lib.nn.Module()
    module.register_buffer("b", lib.ones(2))
    module.b = 3


def list_for_a_state(lib: Any) -> None:
    lib.nn.Linear(2, 1).load_state_dict([1])


def layer_as_parameter(lib: Any) -> None:
    lib.nn.Linear(2, 1).get_parameter("nothing")


def set_of_parameters(lib: Any) -> None:
    lib.optim.SGD([{"params": {lib.nn.Parameter(lib.ones(2))}}], lr=0.1)


def schedule_of_a_number(lib: Any) -> None:
    lib.optim.lr_scheduler.StepLR(3, 1)


def resumed_without_a_first_rate(lib: Any) -> None:
    optimizer = lib.optim.SGD([lib.nn.Parameter(lib.ones(2))], lr=0.1)
    lib.optim.lr_scheduler.StepLR(optimizer, 1, last_epoch=4)


MISUSES = [value for value in list(globals().values()) if getattr(value, "__module__", "") == __name__]


@pytest.mark.parametrize("misuse", MISUSES, ids=lambda f: f.__name__)
def test_misuse_raises_pytorchs_kind_of_error(misuse):
    with pytest.raises(Exception) as theirs:
        misuse(torch)
    with pytest.raises(theirs.type):
        misuse(tt)


def test_a_hook_removed_twice_takes_off_only_itself():
    counts = []
    for lib in BOTH:
        calls: list[int] = []

        def hook(module, args, out, calls=calls):
            calls.append(1)

        relu = lib.nn.ReLU()
        first, _ = relu.register_forward_hook(hook), relu.register_forward_hook(hook)
        first.remove()
        first.remove()
        relu(lib.ones(1))
        counts.append(len(calls))
    assert counts == [1, 1]


def test_a_child_that_overrides_train_is_asked():
    modes = []
    for lib in BOTH:

        class Frozen(lib.nn.Linear):
            def train(self, mode=True):
                return super().train(False)

        model = lib.nn.Sequential(Frozen(2, 2), lib.nn.ReLU()).train()
        modes.append([module.training for module in model.modules()])
    assert modes[0] == modes[1] == [True, False, True]


def test_a_named_sequential_replaces_the_module_at_an_index():
    shown = []
    for lib in BOTH:
        model = lib.nn.Sequential(OrderedDict(a=lib.nn.ReLU(), b=lib.nn.Tanh()))
        model[-1] = lib.nn.Sigmoid()
        shown.append((repr(model), repr(lib.nn.Sequential(lib.nn.ReLU()) + model), repr(model.pop(0))))
    assert shown[0] == shown[1]


def schedules(lib: Any) -> dict[str, Any]:
    all_of = lib.optim.lr_scheduler

    def warm_up_then_cosine(optimizer):
        parts = [all_of.LinearLR(optimizer, 0.1, total_iters=5), all_of.CosineAnnealingLR(optimizer, 30)]
        return all_of.SequentialLR(optimizer, parts, [5])

    return {
        "constant": lambda o: all_of.ConstantLR(o, 0.25, 7),
        "polynomial": lambda o: all_of.PolynomialLR(o, 20, 2.0),
        "one cycle": lambda o: all_of.OneCycleLR(o, 0.5, 60, cycle_momentum=False),
        "warm-up, then cosine": warm_up_then_cosine,
    }


@pytest.mark.parametrize("name", schedules(tt))
def test_a_schedule_gives_the_rates_of_pytorch_for_fifty_steps(name):
    rates = []
    for lib in BOTH:
        optimizer = lib.optim.SGD([lib.nn.Parameter(lib.ones(2))], lr=0.1)
        schedule = schedules(lib)[name](optimizer)
        seen = []
        for _ in range(50):
            optimizer.step()
            seen.append(schedule.get_last_lr()[0])
            schedule.step()
        rates.append(seen)
    assert rates[1] == pytest.approx(rates[0], rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("mode", ["min", "max"])
def test_a_plateau_lowers_the_rate_when_pytorchs_does(mode):
    rates = []
    for lib in BOTH:
        optimizer = lib.optim.SGD([lib.nn.Parameter(lib.ones(2))], lr=0.1)
        schedule = lib.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode, patience=1)
        seen = []
        for metric in (3, 2, 2, 2, 2, 1, 4, 4, 0.5, 0.5, 0.5, 0.5, 9):
            schedule.step(metric)
            seen.append(optimizer.param_groups[0]["lr"])
        rates.append(seen)
    assert rates[0] == rates[1]
