"""Modules against PyTorch's: its own samples (`module_db`), the same weights, values and gradients in both."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from itertools import islice
from typing import Any

import torch

import tinytorch as tt
from tinytorch_studio.dev.agreement.compare import differ, first_line, refusals_differ
from tinytorch_studio.dev.agreement.functions import Case, floats, leaves, op_db, shapes
from tinytorch_studio.dev.agreement.translate import Untranslatable, translated

RANDOM = ("Dropout", "RReLU", "FractionalMaxPool")


def module_db() -> list[Any]:
    """PyTorch's list of modules and samples."""
    op_db()  # sees to what the import needs
    from torch.testing._internal.common_modules import module_db as found

    return list(found)


def title(info: Any) -> str:
    """The name by which a program reaches a module."""
    return f"nn.{info.module_cls.__name__}"


def cases(info: Any, limit: int | None) -> Iterator[Case]:
    """Every case of one entry of `module_db` that the framework has: in training and out of it, and refusals."""
    name = info.module_cls.__name__
    ours = getattr(tt.nn, name, None)
    if ours is None:
        return
    for training in (True, False):
        for dtype in (torch.float64, torch.float32):
            made = info.module_inputs_func(
                info, device="cpu", dtype=dtype, requires_grad=True, training=training
            )
            for sample in islice(made, limit):
                try:
                    yield from compared(name, info.module_cls, ours, sample, dtype, training)
                except Untranslatable:
                    continue
    if info.module_error_inputs_func is not None:
        yield from refusals(name, info, ours)


def compared(name: str, theirs: Any, ours: Any, sample: Any, dtype: Any, training: bool) -> Iterator[Case]:
    """One sample: construction, state, printed form, values, gradients of inputs and parameters."""
    how = sample.constructor_input
    shown = f"{how.args} {how.kwargs} {'training' if training else 'eval'} {str(dtype).rpartition('.')[2]}"
    args, options = translated((how.args, how.kwargs), {})
    factory = {"dtype": dtype} if takes_dtype(theirs) else {}
    want_module = theirs(*how.args, **how.kwargs, **factory).train(training)
    want_module = want_module if factory else want_module.to(dtype)
    try:
        have_module = ours(*args, **options, **translated(factory, {})).train(training)
        have_module = have_module if factory else have_module.to(translated(dtype, {}))
        have_module.load_state_dict(translated(dict(want_module.state_dict()), {}))
    except Exception as error:
        yield Case(f"nn.{name}", "value", f"{type(error).__name__}: {first_line(error)}", shown)
        return
    keys = list(want_module.state_dict()), list(have_module.state_dict())
    yield Case(f"nn.{name}", "value", None if keys[0] == keys[1] else f"state {keys[1]} for {keys[0]}", shown)
    printed = repr(want_module).replace("torch.", "tinytorch."), repr(have_module)
    yield Case(
        f"nn.{name}", "value", None if printed[0] == printed[1] else f"{printed[1]} for {printed[0]}", shown
    )
    if sample.forward_input is not None:
        yield from forward(name, want_module, have_module, sample.forward_input, shown)


def takes_dtype(kind: Any) -> bool:
    """Whether a module is made with a dtype."""
    return "dtype" in inspect.signature(kind.__init__).parameters


def owned(value: Any) -> Any:
    """Arguments with tensors of their own, as leaves."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    if isinstance(value, dict):
        return {key: owned(each) for key, each in value.items()}
    return type(value)([owned(each) for each in value]) if isinstance(value, (list, tuple)) else value


def forward(name: str, theirs: Any, ours: Any, sample: Any, shown: str) -> Iterator[Case]:
    """Values, and the gradients of everything that wants one."""
    given = owned((sample.args, sample.kwargs))
    mine = translated(given, {})
    try:
        want = theirs(*given[0], **given[1])
    except Exception:  # a sample for another device
        return
    try:
        have = ours(*mine[0], **mine[1])
    except Exception as error:
        yield Case(f"nn.{name}", "value", f"{type(error).__name__}: {first_line(error)}", shown)
        return
    if any(each in name for each in RANDOM) and theirs.training:
        yield Case(f"nn.{name}", "value", differ(shapes(want), shapes(have)), shown)
        return
    said = differ(want, have, loose=4.0)
    yield Case(f"nn.{name}", "value", said, shown)
    pairs = [(w, h) for w, h in zip(floats(want), floats(have), strict=False) if w.requires_grad]
    if said or not pairs:
        return
    seeds = [torch.randn(w.shape, dtype=torch.float64).to(w.dtype) for w, _ in pairs]
    their_leaves, our_leaves = (
        [*leaves(each[0]), *leaves(each[1]), *module.parameters()]
        for each, module in ((given, theirs), (mine, ours))
    )
    try:
        torch.autograd.backward([w for w, _ in pairs], seeds)
        tt.autograd.backward([h for _, h in pairs], translated(seeds, {}))
    except Exception as error:
        yield Case(f"nn.{name}", "gradient", f"{type(error).__name__}: {first_line(error)}", shown)
        return
    for i, (w, h) in enumerate(zip(their_leaves, our_leaves, strict=True)):
        if w.grad is not None or h.grad is not None:
            g = h.grad if h.grad is not None else translated(torch.zeros_like(w), {})
            said = differ(w.grad if w.grad is not None else torch.zeros_like(w), g, loose=40.0)
            yield Case(f"nn.{name}", "gradient", said and f"leaf {i}: {said}", shown)
    buffers = dict(theirs.named_buffers()), dict(ours.named_buffers())
    for key, value in buffers[0].items():
        yield Case(
            f"nn.{name}", "value", differ(value, buffers[1].get(key), loose=4.0), f"{shown} buffer {key}"
        )


def refusals(name: str, info: Any, ours: Any) -> Iterator[Case]:
    """Calls that PyTorch's samples say must be refused."""
    for sample in info.module_error_inputs_func(
        info, device="cpu", dtype=torch.float32, requires_grad=False, training=True
    ):
        how, what = sample.module_error_input.constructor_input, sample.module_error_input.forward_input
        given = (how.args, how.kwargs, what.args if what else (), what.kwargs if what else {})
        try:
            theirs, error = refusal(info.module_cls, given), refusal(ours, translated(given, {}))
        except Untranslatable:
            continue
        if theirs is not None:
            said = refusals_differ(theirs, error) if error else f"not refused: {first_line(theirs)}"
            yield Case(f"nn.{name}", "refusal", said, f"{how.args} {how.kwargs}")


def refusal(kind: Any, given: Any) -> Exception | None:
    """The error of making a module, or of calling it."""
    args, options, inputs, named = given
    try:
        kind(*args, **options)(*inputs, **named)
    except Exception as error:
        return error
    return None
