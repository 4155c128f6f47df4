"""The same program in TinyTorch and in PyTorch: values, types, shapes, gradients, gradients of these."""

from __future__ import annotations

import numpy as np
import torch

import tinytorch as tt

TOLERANCE = {  # relative and absolute, by type
    "float64": (1e-9, 1e-10),
    "float32": (2e-4, 2e-5),
    "float16": (5e-3, 5e-3),
}
LAYOUTS = ("contiguous", "permuted", "sliced")


def laid_out(ns, values, layout):
    """A leaf with these values whose memory is in order, in another order, or has gaps."""
    made = ns.from_numpy(np.ascontiguousarray(values.T if layout == "permuted" else values))
    if layout == "permuted":
        made = made.permute(*reversed(range(values.ndim)))
    if layout == "sliced" and values.ndim:
        made = ns.from_numpy(np.repeat(values, 2, 0))[::2]
    return made.detach()


def outputs(made):
    return list(made) if isinstance(made, (tuple, list)) else [made]


def compare(ours, theirs, tolerance, what):
    assert ours.shape == tuple(theirs.shape), f"{what}: {ours.shape} for {tuple(theirs.shape)}"
    assert repr(ours.dtype).split(".")[1] == repr(theirs.dtype).split(".")[1], what
    rtol, atol = tolerance
    have, want = ours.detach().numpy(), theirs.detach().numpy()
    np.testing.assert_allclose(have, want, rtol=rtol, atol=atol, err_msg=what)


def agree(function, arrays, layout="contiguous", order=2, seed=0):
    """Run `function(ns, *tensors)` in both, and compare all there is up to the gradient of that order."""
    results = []
    for ns in (tt, torch):
        inputs = [laid_out(ns, each, layout) for each in arrays]
        for each in inputs:
            if each.is_floating_point():
                each.requires_grad_()
        results.append((ns, inputs, outputs(function(ns, *inputs))))
    kinds = [str(each.dtype) for each in arrays if each.dtype.kind == "f"]
    tolerance = TOLERANCE[min(kinds, key=lambda name: np.dtype(name).itemsize)] if kinds else (0, 0)
    random, got = np.random.default_rng(seed), []
    for ours, theirs in zip(results[0][2], results[1][2], strict=True):
        compare(ours, theirs, tolerance, "value")
    seeds = [
        np.asarray(random.uniform(0.5, 1.5, tuple(each.shape))).astype(each.detach().numpy().dtype)
        for each in results[1][2]
    ]
    for ns, inputs, outs in results if order else ():
        leaves = [each for each in inputs if each.requires_grad]
        chosen = [(out, ns.from_numpy(g)) for out, g in zip(outs, seeds, strict=True) if out.requires_grad]
        if not chosen:
            got.append([None] * 2 * len(leaves))
            continue
        found = ns.autograd.grad(
            [out for out, _ in chosen],
            leaves,
            [g for _, g in chosen],
            create_graph=order > 1,
            allow_unused=True,
        )
        again = []
        if order > 1:
            total = sum([(each * each * 0.5).sum() for each in found if each is not None])
            if total.requires_grad:
                again = ns.autograd.grad(total, leaves, allow_unused=True)
        got.append([*found, *(again or [None] * len(leaves))])
    for i, (ours, theirs) in enumerate(zip(*got, strict=True) if got else ()):
        if ours is not None and theirs is not None:
            compare(ours, theirs, [each * 10 for each in tolerance], f"gradient {i}")
        else:  # one says that there is none: the other may say zeros
            there = theirs if ours is None else ours
            assert there is None or not there.detach().numpy().any(), f"gradient {i}"


def refused(function, *shapes):
    """Both refuse, and PyTorch's kind of error catches ours."""
    kinds = []
    for ns in (tt, torch):
        inputs = [
            ns.from_numpy(np.ones(shape, "f4")) if isinstance(shape, tuple) else shape for shape in shapes
        ]
        try:
            function(ns, *inputs)
        except Exception as error:
            kinds.append(error)
        else:
            kinds.append(None)
    ours, theirs = kinds
    assert theirs is not None, "PyTorch takes it"
    assert ours is not None, f"PyTorch raises {theirs!r}"
    assert isinstance(ours, type(theirs)), f"{ours!r} where PyTorch raises {theirs!r}"
