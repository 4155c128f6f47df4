"""What may be written to before the gradient runs: wherever PyTorch allows it, and with the same gradient."""

import numpy as np
import pytest
import torch

import tinytorch

CALLS = {
    "topk": lambda ns, x, y: ns.topk(x, 2),
    "sort": lambda ns, x, y: ns.sort(x, 0),
    "max of rows": lambda ns, x, y: ns.max(x, 1),
    "median of rows": lambda ns, x, y: ns.median(x, 1),
    "kthvalue": lambda ns, x, y: ns.kthvalue(x, 2),
    "cummax": lambda ns, x, y: ns.cummax(x, 0),
    "slogdet": lambda ns, x, y: ns.slogdet(x)[1],
    "gelu": lambda ns, x, y: ns.nn.functional.gelu(x),
    "gelu, tanh": lambda ns, x, y: ns.nn.functional.gelu(x, approximate="tanh"),
    "silu": lambda ns, x, y: ns.nn.functional.silu(x),
    "lgamma": lambda ns, x, y: ns.lgamma(x),
    "digamma": lambda ns, x, y: ns.digamma(x),
    "tanh": lambda ns, x, y: ns.tanh(x),
    "exp": lambda ns, x, y: ns.exp(x),
    "log": lambda ns, x, y: ns.log(x),
    "sqrt": lambda ns, x, y: ns.sqrt(x),
    "sum": lambda ns, x, y: ns.sum(x, 0),
    "softmax": lambda ns, x, y: ns.softmax(x, 0),
    "layer norm": lambda ns, x, y: ns.nn.functional.layer_norm(x, (4,)),
    "cumsum": lambda ns, x, y: ns.cumsum(x, 0),
    "cat": lambda ns, x, y: ns.cat([x, y]),
    "where": lambda ns, x, y: ns.where(x > 0.5, x, y),
    "add": lambda ns, x, y: x + y,
    "mul": lambda ns, x, y: x * y,
    "div": lambda ns, x, y: x / y,
    "pow": lambda ns, x, y: x**y,
    "matmul": lambda ns, x, y: x @ y,
    "linear": lambda ns, x, y: ns.nn.functional.linear(x, y),
    "maximum": lambda ns, x, y: ns.maximum(x, y),
    "lerp": lambda ns, x, y: ns.lerp(x, y, 0.3),
    "addcmul": lambda ns, x, y: ns.addcmul(x, y, y * 1),
}


def gradients(ns, name, what):
    """The gradients of two inputs after one array was doubled: of a result, or of an input; or the kind of refusal."""
    random = np.random.default_rng(0)
    leaves = [ns.from_numpy(random.uniform(0.2, 0.8, (4, 4))).requires_grad_() for _ in range(2)]
    moved = [leaf * 1 for leaf in leaves]
    made = CALLS[name](ns, *moved)
    results = [each for each in (made if isinstance(made, tuple) else (made,)) if each.is_floating_point()]
    (results[0] if what == "result" else moved[int(what)]).mul_(2)
    try:
        (sum(each.sum() for each in results) + sum(each.sum() * 0 for each in moved)).backward()
    except RuntimeError as error:
        if "modified by an inplace operation" not in str(error):
            raise
        return None
    return [leaf.grad.numpy() for leaf in leaves]


@pytest.mark.parametrize("what", ["result", "0", "1"])
@pytest.mark.parametrize("name", CALLS)
def test_what_pytorch_lets_be_overwritten_may_be_overwritten(name, what):
    wanted = gradients(torch, name, what)
    found = gradients(tinytorch, name, what)
    if wanted is not None:
        assert found is not None, "PyTorch allows it"
    if wanted is not None or found is not None:
        for ours, theirs in zip(found, wanted or right(name), strict=True):
            np.testing.assert_allclose(ours, theirs, 1e-9, 1e-12)


def right(name):
    """PyTorch's gradients where nothing was overwritten: what we give where it refuses."""
    random = np.random.default_rng(0)
    leaves = [torch.from_numpy(random.uniform(0.2, 0.8, (4, 4))).requires_grad_() for _ in range(2)]
    made = CALLS[name](torch, *[leaf * 1 for leaf in leaves])
    results = [each for each in (made if isinstance(made, tuple) else (made,)) if each.is_floating_point()]
    (sum(each.sum() for each in results) + sum(each.sum() * 0 for each in leaves)).backward()
    return [leaf.grad.numpy() for leaf in leaves]
