"""Weight and spectral normalisation beside PyTorch's: calls, gradients, what a step of training leaves, keys."""

import numpy as np
import pytest
import torch

import tinytorch

LAYERS = {
    "linear": (lambda nn: nn.Linear(5, 3), (4, 5)),
    "convolution": (lambda nn: nn.Conv2d(2, 3, 3), (2, 2, 5, 5)),
    "transposed": (lambda nn: nn.ConvTranspose1d(3, 2, 3), (2, 3, 6)),
}
NORMS = {
    "weight": ("weight_norm", {}),
    "weight, one length": ("weight_norm", {"dim": None}),
    "weight, columns": ("weight_norm", {"dim": 1}),
    "spectral": ("spectral_norm", {}),
    "spectral, three turns": ("spectral_norm", {"n_power_iterations": 3}),
}


def trained(ns, layer, norm, start):
    """Outputs, gradients and the state after three steps, a call in evaluation, and what is left without the norm."""
    make, shape = LAYERS[layer]
    name, options = NORMS[norm]
    module = getattr(ns.nn.utils, name)(make(ns.nn).double(), **options)
    if start is None:
        start = {key: value.numpy().copy() for key, value in module.state_dict().items()}
    module.load_state_dict({key: ns.from_numpy(value.copy()) for key, value in start.items()})
    random, seen = np.random.default_rng(0), []
    optimizer = ns.optim.SGD(module.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        out = module(ns.from_numpy(random.standard_normal(shape)))
        (out**3).sum().backward()
        seen += [out.detach(), *[each.grad for each in module.parameters()]]
        optimizer.step()
    module.eval()
    seen += [module(ns.from_numpy(random.standard_normal(shape))).detach(), *module.state_dict().values()]
    keys = [*module.state_dict()]
    getattr(ns.nn.utils, f"remove_{name}")(module)
    seen.append(module.weight.detach())
    assert [key for key, _ in module.named_parameters()] == [
        "bias",
        "weight",
    ] and not module._forward_pre_hooks
    return start, keys, [each.numpy().copy() for each in seen]


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_normalised_weight_trains_as_in_pytorch(layer, norm):
    start, keys, wanted = trained(torch, layer, norm, None)
    _, own, found = trained(tinytorch, layer, norm, start)
    assert own == keys
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, 1e-9, 1e-11)


@pytest.mark.parametrize("name", ["weight_norm", "spectral_norm"])
def test_twice_on_one_weight_and_removing_what_is_not_there_are_refused(name):
    utils = tinytorch.nn.utils
    layer = getattr(utils, name)(tinytorch.nn.Linear(2, 2))
    with pytest.raises(RuntimeError, match=f"two {name} hooks"):
        getattr(utils, name)(layer)
    with pytest.raises(ValueError, match="not found"):
        getattr(utils, f"remove_{name}")(tinytorch.nn.Linear(2, 2))


@pytest.mark.parametrize("upper", [False, True])
def test_cholesky_solve(upper):
    random = np.random.default_rng(0)
    factor = random.standard_normal((2, 3, 3))
    made = {}
    for ns in (torch, tinytorch):
        a = ns.from_numpy(factor).requires_grad_()
        b = ns.from_numpy(random.standard_normal((2, 3, 2)) * 0 + np.arange(2.0) + 1).requires_grad_()
        triangle = ns.linalg.cholesky(a @ a.mT + ns.eye(3, dtype=ns.float64), upper=upper)
        x = ns.cholesky_solve(b, triangle, upper)
        (x**2).sum().backward()
        made[ns] = [each.detach().numpy() for each in (x, a.grad, b.grad)]
    for ours, theirs in zip(made[tinytorch], made[torch], strict=True):
        np.testing.assert_allclose(ours, theirs, 1e-9, 1e-11)
