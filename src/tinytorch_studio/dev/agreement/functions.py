"""Functions against PyTorch's: its own samples (`torch.testing._internal`), called every way that a program can."""

from __future__ import annotations

import re
import sys
import types
import unittest
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch

import tinytorch as tt
from tinytorch_studio.dev.agreement.compare import differ, first_line, refusals_differ
from tinytorch_studio.dev.agreement.translate import DTYPES, Untranslatable, counterpart, named, translated

# What comes out is random: only type and shape are compared.
RANDOM = {
    "bernoulli", "multinomial", "normal", "rand_like", "randn_like", "randint_like", "randint", "randn", "rand",
    "uniform", "exponential", "geometric", "log_normal", "cauchy", "randperm", "empty", "empty_like", "new_empty", "empty_strided", "new_empty_strided",
    "nn.functional.dropout", "nn.functional.dropout2d", "nn.functional.dropout3d", "nn.functional.alpha_dropout",
    "nn.functional.feature_alpha_dropout", "nn.functional.rrelu", "nn.functional.gumbel_softmax",
}  # fmt: skip

# What is defined for symmetric matrices only, and sampled by PyTorch with others.
SYMMETRIC = {"linalg.eigh", "linalg.eigvalsh", "linalg.pinv hermitian"}
LARGEST = 20_000  # elements: larger samples show nothing that smaller ones do not
HUGE = {"nn.functional.grid_sample"}  # whose reference samples are all larger
# Vectors that are found but for their sign.
FREE_SIGN = {"linalg.eigh", "linalg.svd", "svd", "Tensor.svd", "linalg.qr", "qr", "Tensor.qr"}
# Which of several equal numbers comes first is nobody's promise: positions are compared by what stands there.
TIED = {"kthvalue", "topk", "sort", "argsort", "msort", "mode", "median"}
ABSENT = re.compile("TinyTorch has no|'Tensor'.* has no attribute|module 'tinytorch")
WIDER = re.compile("not implemented for '(Half|BFloat16)'")


@dataclass
class Case:
    """One sample, called one way, looked at in one respect."""

    function: str
    respect: str  # value, gradient, second gradient, in place, refusal
    difference: str | None
    sample: str


def op_db() -> list[Any]:
    """PyTorch's list of functions and samples. Its tests import `expecttest`, of which nothing is used here."""
    if "expecttest" not in sys.modules:
        stand_in = types.ModuleType("expecttest")
        stand_in.TestCase = unittest.TestCase  # type: ignore[attr-defined]
        sys.modules["expecttest"] = stand_in
    from torch.testing._internal.common_methods_invocations import op_db as found

    return list(found)


def title(op: Any) -> str:
    """The name of an entry; several entries may be variants of one function."""
    return f"{op.name} {op.variant_test_name}".strip()


def ways(op: Any) -> Iterator[tuple[str, str, Callable[..., Any], Any]]:
    """(name, respect, PyTorch's, ours or None) for function, method, in-place method, operator, and under other names."""
    yield op.name, "value", op.op, counterpart(op.op, op.name)
    last = op.name.rpartition(".")[2]
    named_so = [(op.name, last, op)] + [(alias.name, alias.name, alias) for alias in op.aliases]
    for name, short, each in named_so:
        if each is not op:
            yield name, "value", each.op, named(name)
        if each.method_variant is not None and each.method_variant is not op.op:
            ours = counterpart(each.method_variant, f"Tensor.{short}")
            yield f"Tensor.{short}", "value", each.method_variant, ours
        if each.inplace_variant is not None:
            ours = counterpart(each.inplace_variant, f"Tensor.{short}_")
            yield f"Tensor.{short}_", "in place", each.inplace_variant, ours
    if op.operator_variant is not None and not op.name.startswith("__"):
        yield f"operator.{last}", "value", op.operator_variant, op.operator_variant


def outcome(function: Callable[..., Any], arguments: Any) -> tuple[Any, Exception | None]:
    """What a call returns, or the error that it raises."""
    first, args, options = arguments
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(first, *args, **options), None
    except Untranslatable:
        raise
    except Exception as error:
        return None, error


def fresh(sample: Any) -> Any:
    """The arguments of a sample with tensors of their own, as leaves."""

    def copied(x: Any) -> Any:
        made = x.detach().clone() if x.is_contiguous() else restrided(x)
        return made.requires_grad_(x.requires_grad)

    made = sample.transform(lambda x: copied(x) if isinstance(x, torch.Tensor) else x)
    return made.input, made.args, made.kwargs


def restrided(x: Any) -> Any:
    """A copy with the same strides over memory of its own."""
    storage = torch.empty(0, dtype=x.dtype).set_(x.untyped_storage()).detach().clone()
    return storage.as_strided(x.shape, x.stride(), x.storage_offset())


def overlapping(x: Any) -> bool:
    """Whether several elements share memory, so that nobody promises what writing does."""
    steps = sorted((step, size) for step, size in zip(x.stride(), x.shape, strict=True) if size > 1)
    covered = 1
    for step, size in steps:
        if step < covered:
            return True
        covered = step * (size - 1) + covered
    return False


def writable(arguments: Any) -> Any:
    """The first argument as the result of an operation, since a leaf may not be written to."""
    first, args, options = arguments
    return (first * 1 if first.requires_grad else first), args, options


def held(op: Any, sample: Any, way: Any, random: bool) -> Iterator[Case]:
    """One sample, called one way on both sides: value or refusal, then gradients."""
    name, respect, theirs, ours = way
    if name.startswith("Tensor.") and not isinstance(sample.input, torch.Tensor):
        return
    if respect == "in place" and overlapping(sample.input):
        return
    given = fresh(sample)
    mine = translated(given, {})
    inputs = leaves(given), leaves(mine)
    if respect == "in place":
        given, mine = writable(given), writable(mine)
    (want, refused), (have, error) = outcome(theirs, given), outcome(ours, mine)
    shown = text(sample)
    if isinstance(error, AttributeError) and ABSENT.search(str(error)):
        return  # the tests' own wrapper asked for what is not here
    if refused is not None and WIDER.search(str(refused)):
        return  # PyTorch has no kernel for this type on the CPU
    random = random or bool(sample.kwargs.get("dropout_p"))
    if refused is not None:
        said = "not refused: " + first_line(refused) if error is None else refusals_differ(refused, error)
        yield Case(name, "refusal", said, shown)
        return
    if error is not None:
        yield Case(name, respect, f"{type(error).__name__}: {first_line(error)}", shown)
        return
    if random:
        want, have = shapes(want), shapes(have)
    compared = (want, have)
    tied = name.rpartition(".")[2] in TIED
    if name in FREE_SIGN:
        compared = comparable(sample, want, have)
    if tied and respect == "value" and not name.endswith("msort"):
        compared = by_value(want, given), by_value(have, mine)
    said = differ(*compared)
    if said is None and respect == "in place" and not random:
        said = differ(given[0], mine[0])
    yield Case(name, respect, said, shown)
    if said is None and not random and not (tied and halves(inputs[0])):
        yield from gradients(name, sample, comparable(sample, want, have), inputs, shown)


def comparable(sample: Any, want: Any, have: Any) -> tuple[Any, Any]:
    """Both results as PyTorch's tests make them comparable: without signs that nobody promises, and the like."""
    function = sample.output_process_fn_grad
    return function(want), translated(function, {})(have)


def by_value(found: Any, arguments: Any) -> Any:
    """Positions (alone, or the second of two outputs) replaced by the numbers that stand there."""
    x, args, options = arguments
    named = options.get("dim", next((each for each in reversed(args) if type(each) is int), -1))
    dim = named if -x.ndim <= named < x.ndim else -1
    places = found[1] if isinstance(found, tuple) else found
    if (
        places.dtype not in (torch.int64, tt.int64)
        or not x.ndim
        or (isinstance(found, tuple) and found[0].ndim != x.ndim)
    ):
        return found[0] if isinstance(found, tuple) else found
    values = x.gather(dim, places) if places.ndim == x.ndim else places
    return (found[0], values) if isinstance(found, tuple) else values


def halves(tensors: list[Any]) -> bool:
    """Whether some numbers are halves: among them many are equal."""
    return any(each.dtype.itemsize == 2 for each in tensors)


def gradients(name: str, sample: Any, results: Any, inputs: Any, shown: str) -> Iterator[Case]:
    """First and second derivatives of both sides by the same random directions."""
    (wants, haves), (their_leaves, our_leaves) = [floats(each) for each in results], inputs
    if not their_leaves or not any(each.requires_grad for each in wants):
        if any(each.requires_grad for each in haves):
            yield Case(name, "gradient", "a gradient where PyTorch has none", shown)
        return
    pairs = [(w, h) for w, h in zip(wants, haves, strict=True) if w.requires_grad]
    missing = [h for _, h in pairs if not h.requires_grad]
    if missing:
        yield Case(name, "gradient", "no gradient", shown)
        return
    wants, haves = [w for w, _ in pairs], [h for _, h in pairs]
    seeds = [torch.randn(w.shape, dtype=torch.float64).to(w.dtype) for w in wants]
    exact = all(each.dtype is torch.float64 for each in their_leaves)
    for respect in ("gradient", "second gradient") if exact else ("gradient",):
        first = outcome(torch.autograd.grad, (wants, (their_leaves, seeds), OPTIONS))
        if first[1] is not None:  # PyTorch cannot either
            return
        found = outcome(tt.autograd.grad, (haves, (our_leaves, translated(seeds, {})), OPTIONS))
        if found[1] is not None:
            yield Case(name, respect, f"{type(found[1]).__name__}: {first_line(found[1])}", shown)
            return
        want, have = [list(side[0]) for side in (first, found)]
        said = gradients_differ(want, have, respect == "second gradient")
        yield Case(name, respect, said, shown)
        live = [
            (w, h)
            for w, h in zip(want, have, strict=True)
            if w is not None and h is not None and w.requires_grad
        ]
        if said or not live or not all(h.requires_grad for _, h in live):
            return
        wants, haves = [w for w, _ in live], [h for _, h in live]
        seeds = [torch.randn(w.shape, dtype=torch.float64).to(w.dtype) for w in wants]


OPTIONS = {"create_graph": True, "allow_unused": True}


def gradients_differ(wants: list[Any], haves: list[Any], second: bool) -> str | None:
    """Input by input; None stands for zeros, since the two sides may cut the graph at different places."""
    for i, (want, have) in enumerate(zip(wants, haves, strict=True)):
        if want is None and have is None:
            continue
        want = torch.zeros(tuple(have.shape), dtype=getattr(torch, have.dtype.name)) if want is None else want
        have = translated(torch.zeros_like(want), {}) if have is None else have
        if second:  # where PyTorch's own formula ends in NaN there is nothing to agree with
            known = ~want.isnan()
            want, have = want.where(known, torch.zeros_like(want)), have.where(translated(known, {}), 0.0)
        said = differ(want, have, loose=10.0)
        if said:
            return f"input {i}: {said}"
    return None


def leaves(value: Any) -> list[Any]:
    """The tensors of an argument that want gradients."""
    if isinstance(value, (torch.Tensor, tt.Tensor)):
        return [value] if value.requires_grad else []
    if isinstance(value, dict):
        value = list(value.values())
    return [each for part in value for each in leaves(part)] if isinstance(value, (list, tuple)) else []


def floats(value: Any) -> list[Any]:
    """The floating point tensors of a result."""
    if isinstance(value, (torch.Tensor, tt.Tensor)):
        return [value] if value.is_floating_point() else []
    return [each for part in value for each in floats(part)] if isinstance(value, (list, tuple)) else []


def shapes(value: Any) -> Any:
    """A result with its numbers left out."""
    if isinstance(value, (torch.Tensor, tt.Tensor)):
        return [str(value.dtype).rpartition(".")[2], tuple(value.shape)]
    return [shapes(each) for each in value] if isinstance(value, (list, tuple)) else value


def tensors(sample: Any) -> list[Any]:
    """All tensors of a sample."""
    return [
        each
        for each in (sample.input, *sample.args, *sample.kwargs.values())
        if isinstance(each, torch.Tensor)
    ]


def text(sample: Any) -> str:
    """A sample in one line: types and shapes instead of numbers."""

    def short(value: Any) -> str:
        if isinstance(value, torch.Tensor):
            strided = "" if value.is_contiguous() else " strided"
            return f"{str(value.dtype).rpartition('.')[2]}{list(value.shape)}{strided}"
        if isinstance(value, (list, tuple)):
            return f"[{', '.join(short(each) for each in value)}]"
        return repr(value)

    options = [f"{key}={short(value)}" for key, value in sample.kwargs.items()]
    return ", ".join([short(sample.input), *[short(each) for each in sample.args], *options])


def samples(op: Any, dtype: Any, limit: int | None, thorough: bool) -> Iterator[Any]:
    """Samples of one dtype, also strided in memory; with `thorough` PyTorch's reference samples too."""
    wants_grad = dtype.is_floating_point and op.supports_autograd
    try:
        make = op.reference_inputs if thorough and op.name not in HUGE else op.sample_inputs
        for sample in islice(make("cpu", dtype, requires_grad=wants_grad), limit):
            if any(each.numel() > LARGEST for each in tensors(sample)):
                continue
            if title(op) in SYMMETRIC:
                sample.input = (
                    (sample.input + sample.input.mT).detach().requires_grad_(sample.input.requires_grad)
                )
            yield sample
            if dtype is torch.float64:
                yield sample.noncontiguous()
    except Exception:  # its samples do not exist for this type
        return


def cases(
    op: Any, dtypes: Any = tuple(DTYPES), limit: int | None = None, thorough: bool = False
) -> Iterator[Case]:
    """Every case of one entry of `op_db` whose function the framework has."""
    random = op.name in RANDOM or op.variant_test_name == "in_place"
    known = [way for way in ways(op) if way[3] is not None]
    if not known:
        return
    for dtype in dtypes:
        for sample in samples(op, dtype, limit, thorough):
            for way in known:
                if way[1] == "in place" and sample.broadcasts_input and dtype is not torch.float64:
                    continue
                try:
                    yield from held(op, sample, way, random)
                except Untranslatable:
                    continue
    yield from misuse(op, known)


def misuse(op: Any, known: list[Any]) -> Iterator[Case]:
    """PyTorch's samples of calls that must be refused."""
    if op.error_inputs_func is None:
        return
    for each in op.error_inputs("cpu"):
        for way in known:
            if way[1] == "value" and not way[0].startswith("operator"):
                try:
                    yield from held(op, each.sample_input, way, False)
                except Untranslatable:
                    continue


def missing(op: Any) -> list[str]:
    """The names of one entry that the framework has not."""
    return [name for name, _, _, ours in ways(op) if ours is None]
