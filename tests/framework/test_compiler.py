"""tinytorch.compile: what a captured step computes, when it may be replayed, and what it refuses."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tinytorch as tt
from tinytorch import nn
from tinytorch.autograd.function import Function
from tinytorch.compiler import replay
from tinytorch.errors import CompileError, IndexOutOfRange, OverwrittenError

F = nn.functional


def values(seed, *shape):
    return tt.from_numpy(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def same(x, y, tolerance=2e-6):
    np.testing.assert_allclose(x.detach().numpy(), y.detach().numpy(), rtol=1e-5, atol=tolerance)


@pytest.fixture(params=["compiled", "numpy"])
def way(request, monkeypatch):
    """With generated C, and as without a compiler."""
    if request.param == "numpy":
        monkeypatch.setattr(replay, "kernels", lambda: None)
    return request.param


def variants(compiled):
    return len(compiled.variants)


# values


def test_a_replay_computes_what_the_function_does(way):
    def f(x, y):
        return (x * y + 1.0).tanh(), {"sum": (x / (y * y + 1.0)).sum(0)}

    compiled = tt.compile(f)
    for seed in range(3):
        x, y = values(seed, 5, 7), values(seed + 10, 5, 7)
        (a, b), (p, q) = f(x, y), compiled(x, y)
        same(a, p)
        same(b["sum"], q["sum"])
    assert variants(compiled) == 1


def test_results_are_fresh_at_every_call(way):
    compiled = tt.compile(lambda x: x * 2.0)
    results = [compiled(tt.full((3,), float(i))) for i in range(4)]
    assert [r[0].item() for r in results] == [0.0, 2.0, 4.0, 6.0]


def test_views_and_layouts_of_any_kind_are_followed(way):
    def f(x, w):
        y = x.permute(2, 0, 1)[1:, ::2].flip(0) * 2.0
        z = (y.unsqueeze(-1).expand(-1, -1, -1, 3) + w).transpose(0, 3)
        parts = tt.cat([z[:1], z[1:] * 0.5], 0)
        return parts.sum((1, 2)), parts.reshape(3, -1).mT, x[0].diagonal()

    compiled = tt.compile(f)
    for seed in range(3):
        x, w = values(seed, 4, 5, 6), values(seed, 3)
        for a, b in zip(f(x, w), compiled(x, w), strict=True):
            same(a, b)


def test_strided_arguments_have_a_variant_of_their_own(way):
    compiled = tt.compile(lambda x: x.exp().sum(1))
    x = values(0, 4, 6)
    for each in (x, values(1, 6, 4).T, x[:, ::2], values(2, 4, 6)):
        same(each.exp().sum(1), compiled(each))
    assert variants(compiled) == 3


@pytest.mark.parametrize("name", ["sum", "amax", "amin", "prod", "mean"])
@pytest.mark.parametrize("dim", [(0,), (1,), (2,), (0, 2), (1, 2), (0, 1, 2)])
def test_reductions_over_any_axes(name, dim):
    def f(x):
        y = x * 0.5 + 1.0
        if name == "prod":
            return y.prod(dim[0])
        return getattr(y, name)(dim)

    compiled = tt.compile(f)
    for seed in range(2):
        x = values(seed, 3, 4, 5)
        same(f(x), compiled(x), 1e-5)


def test_long_sums_keep_their_digits():
    x = tt.from_numpy(np.random.default_rng(0).random(3_000_001).astype(np.float32))
    compiled = tt.compile(lambda x: (x * 1.0).sum())
    compiled(x)
    exact = float(x.numpy().astype(np.float64).sum())
    assert abs(compiled(x).item() - exact) / exact < 2e-7


@pytest.mark.kernels
def test_large_loops_run_on_threads_and_give_the_same():
    def f(x, y):
        z = (x * y).tanh()
        return z, z.sum(0), z.sum(1), z.sum()

    compiled = tt.compile(f)
    x, y = values(0, 700, 901), values(1, 901)
    compiled(x, y)
    for a, b in zip(f(x, y), compiled(x, y), strict=True):
        same(a, b, 1e-3)
    assert "split(" in compiled.source().partition("EXPORT void run_0")[2]


def test_nan_and_infinity_are_what_they_are():
    special = tt.tensor([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-40, 88.0, 89.0, -88.0, -200.0, 3.4e38])

    def f(x):
        pairs = x.unsqueeze(1), x
        some = [x.exp(), x.log(), x.tanh(), x.sigmoid(), x.erf(), x.sqrt(), x.sign(), x.abs(), x.relu()]
        both = [
            pairs[0].maximum(pairs[1]),
            pairs[0].minimum(pairs[1]),
            pairs[0] / pairs[1],
            x.isnan(),
            x.isinf(),
        ]
        return *some, *both, x.amax(0), x.amin(0), pairs[0].where(pairs[0] < pairs[1], 7.0)

    compiled = tt.compile(f)
    compiled(special)
    for a, b in zip(f(special), compiled(special), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=3e-6, atol=1e-37)


@pytest.mark.parametrize(
    "name", ["exp", "log", "tanh", "sigmoid", "erf", "sqrt", "sin", "log1p", "expm1", "atan"]
)
@pytest.mark.parametrize("dtype", [tt.float32, tt.float64])
def test_functions_are_exact_to_the_last_digits(name, dtype):
    x = tt.linspace(-9.0, 9.0, 4001, dtype=dtype)
    x = x.abs() + 1e-3 if name in ("log", "sqrt", "log1p") else x
    compiled = tt.compile(lambda x: getattr(x * 1.0, name)())
    compiled(x)
    wide = getattr(x.double(), name)()
    np.testing.assert_allclose(
        compiled(x).numpy(), wide.numpy(), rtol=7e-7 if dtype is tt.float32 else 1e-14, atol=1e-30
    )


@pytest.mark.parametrize("dtype", [tt.float64, tt.float16, tt.bfloat16, tt.int64, tt.int32])
def test_other_types_give_what_eager_gives(dtype, way):
    def f(x, y):
        return x * y + x, (x > y).where(x > 0, False), x.sum(), (x * 2).to(tt.float32) * 0.5

    compiled = tt.compile(f)
    x, y = [tt.from_numpy(np.random.default_rng(i).integers(-5, 6, (3, 4))).to(dtype) for i in (0, 1)]
    compiled(x, y)
    for a, b in zip(f(x, y), compiled(x, y), strict=True):
        assert a.dtype is b.dtype
        np.testing.assert_array_equal(a.numpy().astype(np.float64), b.numpy().astype(np.float64))


def test_numbers_that_are_known_are_worked_out(way):
    def step(x):
        x.grad = None
        y = x**2 + x**3.0 + 2.0**x + x**1 + x**0 + x.clamp(-0.5, 0.5) + x.clamp(min=0.1) + x * 1.0 / 1.0
        y.sum().backward()
        return y

    compiled = tt.compile(step)
    for seed in range(3):
        x, z = [values(seed, 40).abs().requires_grad_() for _ in range(2)]
        same(compiled(x), step(z), 1e-5)
        same(x.grad, z.grad, 1e-5)
    assert variants(compiled) == 1


def test_gradients_of_arguments_are_those_of_each_call(way):
    compiled = tt.compile(lambda x: (x * x).sum().backward())
    for seed in range(4):
        x = values(seed, 3).requires_grad_()
        for times in range(1, 4):
            compiled(x)
            same(x.grad, x * (2.0 * times))
    assert variants(compiled) == 2


FUNCTIONS = ["tanh", "relu", "sigmoid", "abs", "square", "neg", "exp"]


@st.composite
def programs(draw):
    """Random graphs: operations on a growing list of matrices."""
    count = draw(st.integers(2, 12))
    made = []
    for i in range(count):
        kind = draw(st.sampled_from(["one", "two", "sum", "view", "matmul", "where", "write"]))
        first, second = draw(st.integers(0, i + 1)), draw(st.integers(0, i + 1))
        made.append((kind, first, second, draw(st.sampled_from(FUNCTIONS)), draw(st.integers(0, 1))))
    return made


def run_program(program, x, y):
    """Every result is 4 x 4."""
    have = [x, y]
    for kind, i, j, name, axis in program:
        a, b = have[i], have[j]
        if kind == "one":
            made = getattr(a.clamp(-3.0, 3.0), name)()
        elif kind == "two":
            made = a * 0.5 + b if axis else a - b * 0.25
        elif kind == "sum":
            made = a.sum(axis, keepdim=True) * 0.25 + b
        elif kind == "view":
            made = a.T if axis else a.flip(0)
        elif kind == "matmul":
            made = a @ b * 0.25
        elif kind == "where":
            made = a.where(a > b, b)
        else:
            made = a * 1.0
            made[axis:3, 1:] += b[axis:3, 1:]
        have.append(made)
    return have[-1]


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(programs())
def test_random_graphs_compute_and_differentiate_as_eager(program):
    def step(x, y):
        loss = (run_program(program, x, y) * y).sum()
        loss.backward()
        return loss

    compiled = tt.compile(step)
    forward = tt.compile(lambda x, y: run_program(program, x, y))
    for seed in range(2):
        given_ = [values(seed, 4, 4).requires_grad_() for _ in range(3)]
        y = [values(seed + 5, 4, 4).requires_grad_() for _ in range(3)]
        losses = [step(given_[0], y[0]), compiled(given_[1], y[1]), (forward(given_[2], y[2]) * y[2]).sum()]
        losses[2].backward()
        for i in (1, 2):
            np.testing.assert_allclose(losses[0].item(), losses[i].item(), rtol=1e-3, atol=1e-3)
            for a, b in ((given_[0], given_[i]), (y[0], y[i])):
                assert (a.grad is None) == (b.grad is None)
                if a.grad is not None:
                    np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=2e-3, atol=2e-3)


# gradients


def network(seed=0):
    tt.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.LayerNorm(8), nn.Linear(8, 3))


def grads(model):
    return [None if p.grad is None else p.grad.numpy().copy() for p in model.parameters()]


def test_a_step_with_backward_leaves_the_gradients_that_eager_leaves(way):
    mine, theirs = network(), network()
    y = tt.tensor([0, 2, 1, 1])

    def step(model, x):
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        return loss

    compiled = tt.compile(lambda x: step(mine, x))
    for seed in range(5):
        for model in (mine, theirs) if seed % 2 else ():  # else they add up
            model.zero_grad()
        same(compiled(values(seed, 4, 6)), step(theirs, values(seed, 4, 6)))
        for a, b in zip(grads(mine), grads(theirs), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    assert variants(compiled) == 2  # with and without a gradient that is there


def test_gradients_that_add_up_stay_the_same_arrays(way):
    x = values(0, 3).requires_grad_()
    compiled = tt.compile(lambda: (x * 2.0).sum().backward())
    compiled()
    compiled()
    held, version = x.grad, x.grad._version
    compiled()
    assert x.grad is held
    assert held._version > version
    assert held.tolist() == [6.0, 6.0, 6.0]


def test_a_gradient_set_to_none_inside_is_new_each_time(way):
    x, y = values(0, 8, 8).requires_grad_(), values(1, 8, 8)

    def step():
        x.grad = None
        h = x
        for _ in range(5):
            h = ((h * y) + y).tanh()
        loss = h.sum()
        loss.backward()
        return loss

    expected, gradient = step(), x.grad
    compiled = tt.compile(step)
    found = []
    for _ in range(4):
        same(compiled(), expected)
        same(x.grad, gradient)
        found.append(x.grad)
    assert len({id(each) for each in found}) == 4
    assert variants(compiled) <= 2


def test_an_optimizer_between_calls_is_seen(way):
    mine, theirs = network(), network()
    compiled = tt.compile(lambda x: mine(x).square().mean().backward())
    optimizers = [tt.optim.Adam(model.parameters(), lr=0.1) for model in (mine, theirs)]
    for seed in range(6):
        x = values(seed, 4, 6)
        compiled(x)
        theirs(x).square().mean().backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
    for a, b in zip(mine.parameters(), theirs.parameters(), strict=True):
        same(a, b, 1e-4)
    assert variants(compiled) == 1


def test_new_memory_of_a_parameter_is_seen(way):
    w = nn.Parameter(tt.ones(3))
    compiled = tt.compile(lambda x: x * w)
    x = tt.tensor([1.0, 2.0, 3.0])
    compiled(x)
    w.data = tt.tensor([5.0, 5.0, 5.0])
    assert compiled(x).tolist() == [5.0, 10.0, 15.0]
    assert variants(compiled) == 1


def test_a_compiled_model_can_be_differentiated_outside(way):
    mine, theirs = network(), network()
    compiled = tt.compile(mine)
    for seed in range(3):
        x, z = [values(seed, 4, 6).requires_grad_() for _ in range(2)]
        a, b = compiled(x * 1.0), theirs(z * 1.0)
        (a.exp() * 0.5).sum().backward()
        (b.exp() * 0.5).sum().backward()
        same(x.grad, z.grad, 1e-5)
        for p, q in zip(grads(mine), grads(theirs), strict=True):
            np.testing.assert_allclose(p, q, rtol=1e-4, atol=1e-5)
    assert variants(compiled) == 1


def test_several_results_and_gradients_of_some(way):
    w = values(5, 3, 4).requires_grad_()

    def f(x):
        h = x @ w
        return h.tanh(), [h.sum(0), h.detach() * 2.0], "words"

    compiled = tt.compile(f)
    compiled(values(0, 2, 3))
    for pick in (lambda r: r[0], lambda r: r[1][0] * r[0].sum(), lambda r: r[1][0]):
        x = values(1, 2, 3)
        expected = tt.autograd.grad(pick(f(x)).sum(), w)[0]
        result = compiled(x)
        assert result[2] == "words"
        assert not result[1][1].requires_grad
        same(tt.autograd.grad(pick(result).sum(), w)[0], expected)


def test_gradients_of_two_calls_do_not_meet(way):
    w = values(1, 4).requires_grad_()
    compiled = tt.compile(lambda x: (x * w).tanh())
    compiled(values(0, 4))
    first, second = compiled(values(2, 4)), compiled(values(3, 4))
    expected = tt.autograd.grad((values(2, 4) * w).tanh().sum(), w)[0]
    same(tt.autograd.grad(first.sum(), w)[0], expected)
    second.sum().backward()


def test_backward_twice_needs_the_graph_to_be_kept(way):
    w = values(1, 4).requires_grad_()
    compiled = tt.compile(lambda: (w * w).sum())
    compiled()
    loss = compiled()
    loss.backward(retain_graph=True)
    loss.backward()
    same(w.grad, w.detach() * 4.0)
    with pytest.raises(RuntimeError, match="second time"):
        loss.backward()


def test_a_loss_whose_backward_was_inside_has_none_outside(way):
    w = values(1, 4).requires_grad_()

    def step():
        loss = (w * w).sum()
        loss.backward()
        return loss

    compiled = tt.compile(step)
    for _ in range(3):
        loss = compiled()
        assert loss.requires_grad
        with pytest.raises(RuntimeError, match="second time"):
            loss.backward()


def test_values_that_backward_needs_are_guarded_by_their_version(way):
    w = values(1, 4).requires_grad_()
    compiled = tt.compile(lambda x: (x * w).sum())
    compiled(values(0, 4).requires_grad_())
    loss = compiled(values(0, 4).requires_grad_())
    with tt.no_grad():
        w.mul_(2.0)
    with pytest.raises(OverwrittenError, match="inplace"):
        loss.backward()


def test_a_second_derivative_is_refused(way):
    w = values(1, 4).requires_grad_()
    compiled = tt.compile(lambda: (w * w * w).sum())
    compiled()
    with pytest.raises(RuntimeError, match="create_graph=True needs the function itself"):
        tt.autograd.grad(compiled(), w, create_graph=True)


def test_a_second_derivative_inside_is_captured(way):
    w = values(1, 4).requires_grad_()

    def step():
        (g,) = tt.autograd.grad((w * w * w).sum(), w, create_graph=True)
        return tt.autograd.grad(g.sum(), w)[0]

    compiled = tt.compile(step)
    compiled()
    same(compiled(), w * 6.0)


def test_hooks_outside_see_a_gradient_once(way):
    w = values(1, 4).requires_grad_()
    seen = []
    w.register_hook(lambda g: seen.append(g))
    compiled = tt.compile(lambda: (w * 3.0).sum())
    compiled()
    assert seen == []
    compiled().backward()
    assert [each.tolist() for each in seen] == [[3.0] * 4]


def test_clipping_inside_a_step(way):
    mine, theirs = network(), network()

    def step(model, x):
        model.zero_grad()
        (model(x) * 9.0).square().sum().backward()
        return nn.utils.clip_grad_norm_(model.parameters(), 1.0)

    compiled = tt.compile(lambda x: step(mine, x))
    for seed in range(3):
        same(compiled(values(seed, 4, 6)), step(theirs, values(seed, 4, 6)), 1e-3)
        for a, b in zip(grads(mine), grads(theirs), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def test_gradients_of_two_leaves_are_two_arrays(way):
    x, y = values(0, 4, 4).requires_grad_(), values(1, 4, 4).requires_grad_()

    def step(m):
        x.grad = y.grad = None
        ((x + y) @ m).sum().backward()

    compiled = tt.compile(step)
    for _ in range(3):
        compiled(values(2, 4, 4))
    y.grad.zero_()
    same(x.grad, (tt.ones(4, 4) @ values(2, 4, 4).T))


def test_a_copy_stays_what_it_was(way):
    def f(x, m):
        a = x @ m
        b = a.clone()
        a.add_(1.0)
        return b @ m, a.sum(), b

    compiled = tt.compile(f)
    for seed in range(2):
        x, m = values(seed, 4, 4), values(seed + 3, 4, 4)
        for mine, theirs in zip(compiled(x, m), f(x, m), strict=True):
            same(mine, theirs, 1e-5)


# effects


def test_running_statistics_move(way):
    tt.manual_seed(0)
    mine, theirs = nn.BatchNorm2d(3), nn.BatchNorm2d(3)
    compiled = tt.compile(mine)
    for seed in range(4):
        x = values(seed, 5, 3, 4, 4)
        same(compiled(x), theirs(x), 1e-5)
    for a, b in zip(mine.buffers(), theirs.buffers(), strict=True):
        same(a, b)
    assert mine.num_batches_tracked.item() == 4


def test_writing_in_place_is_repeated_and_counted(way):
    total, other = tt.zeros(3), tt.zeros(4)

    def f(x):
        total.add_(x)
        other[1:].copy_(total * 2.0)
        return total

    compiled = tt.compile(f)
    versions = []
    for i in range(3):
        assert compiled(tt.full((3,), 1.0 + i)) is total
        versions.append(total._version)
    assert total.tolist() == [6.0] * 3
    assert other.tolist() == [0.0, 12.0, 12.0, 12.0]
    assert versions == [1, 2, 3]


def test_arguments_can_be_written_to(way):
    compiled = tt.compile(lambda x: x.mul_(2.0).sum())
    for _ in range(3):
        x = tt.ones(4)
        assert compiled(x).item() == 8.0
        assert x.tolist() == [2.0] * 4


def test_a_view_of_an_argument_shares_its_memory(way):
    compiled = tt.compile(lambda x: (x.T, x + 1.0))
    compiled(values(0, 2, 3))
    x = values(1, 2, 3)
    view, _ = compiled(x)
    x.zero_()
    assert view.tolist() == [[0.0, 0.0]] * 3


def test_constants_that_are_returned_are_fresh(way):
    compiled = tt.compile(lambda x: (tt.zeros(3) + 0.0, tt.arange(3), x * 1.0))
    compiled(tt.ones(1))
    first = compiled(tt.ones(1))
    first[1].add_(1)
    assert compiled(tt.ones(1))[1].tolist() == [0, 1, 2]


# guards


def counting(compiled, *calls):
    """How many variants there are after each call."""
    found = []
    for call in calls:
        call()
        found.append(variants(compiled))
    return found


def test_shapes_types_and_values_have_variants_of_their_own():
    compiled = tt.compile(lambda x, n=1, *more: x * n)
    x = tt.ones(3)
    found = counting(
        compiled,
        lambda: compiled(x), lambda: compiled(tt.zeros(3)), lambda: compiled(tt.ones(4)),
        lambda: compiled(x.double()), lambda: compiled(x, 2), lambda: compiled(x, 2.0), lambda: compiled(x, n=2),
        lambda: compiled(x, True), lambda: compiled(x, 2),
    )  # fmt: skip
    assert found == [1, 1, 2, 3, 4, 5, 6, 7, 7]


def test_gradients_wanted_and_recorded_have_variants_of_their_own():
    compiled = tt.compile(lambda x: x * 2.0)
    x = tt.ones(3)

    def quietly():
        with tt.no_grad():
            assert not compiled(x.detach().requires_grad_()).requires_grad

    found = counting(
        compiled, lambda: compiled(x), lambda: compiled(tt.ones(3).requires_grad_()), quietly, quietly
    )
    assert found == [1, 2, 3, 3]


def test_training_and_evaluation_are_two_variants():
    layer = nn.BatchNorm1d(3)
    compiled = tt.compile(lambda x: layer(x))
    x = values(0, 4, 3)
    trained = compiled(x)
    layer.eval()
    evaluated = compiled(x)
    assert variants(compiled) == 2
    layer.train()
    assert abs((trained - evaluated).detach().numpy()).max() > 0.1
    same(compiled(x), trained)
    assert variants(compiled) == 2


def test_layers_that_are_arguments_are_guarded_too():
    compiled = tt.compile(lambda layer, x: layer(x))
    layer, x = nn.BatchNorm1d(3), values(0, 4, 3)
    found = counting(
        compiled,
        lambda: compiled(layer, x), lambda: compiled(layer, x), lambda: compiled(layer.eval(), x),
        lambda: compiled(nn.BatchNorm1d(3), x), lambda: compiled(layer, x),
    )  # fmt: skip
    assert found == [1, 1, 2, 3, 3]


def test_a_hook_that_is_added_later_is_noticed():
    layer, x = nn.Linear(3, 3), values(0, 4, 3)
    compiled = tt.compile(layer)
    compiled(x)
    handle = layer.register_forward_hook(lambda module, given, out: out * 2.0)
    same(compiled(x), layer(x))
    handle.remove()
    same(compiled(x), layer(x))
    assert variants(compiled) == 2


def test_numpy_arrays_of_the_program_are_constants(way):
    held = np.arange(3, dtype=np.float32)
    compiled = tt.compile(lambda x: x * tt.from_numpy(held))
    compiled(tt.ones(3))
    held[:] = 7.0
    assert compiled(tt.ones(3)).tolist() == [0.0, 1.0, 2.0]


def test_other_parameters_layers_and_attributes_are_noticed():
    layer = nn.Linear(3, 3)
    holder = [layer, 1.0]
    compiled = tt.compile(lambda x: holder[0](x) * holder[1])
    x = values(0, 2, 3)
    found = []

    def check():
        same(compiled(x), holder[0](x) * holder[1])
        found.append(variants(compiled))

    check()
    layer.weight = nn.Parameter(values(3, 3, 3))
    check()
    holder[0] = nn.Linear(3, 3)
    check()
    holder[1] = 2.0
    check()
    holder[0].bias = None
    check()
    assert found == [1, 2, 3, 4, 5]


SCALE = 2.0


def test_a_global_number_is_noticed():
    global SCALE
    compiled = tt.compile(lambda x: x * SCALE)
    x = tt.ones(2)
    assert compiled(x).tolist() == [2.0, 2.0]
    SCALE = 3.0
    assert compiled(x).tolist() == [3.0, 3.0]
    SCALE = 2.0
    assert compiled(x).tolist() == [2.0, 2.0]
    assert variants(compiled) == 2


def test_the_same_tensor_twice_is_another_call():
    def f(x, y):
        x.add_(1.0)
        return y * 2.0

    compiled = tt.compile(f)
    assert compiled(tt.zeros(2), tt.zeros(2)).tolist() == [0.0, 0.0]
    x = tt.zeros(2)
    assert compiled(x, x).tolist() == [2.0, 2.0]
    assert variants(compiled) == 2


def test_more_than_eight_kinds_of_call_run_as_they_are():
    calls = np.zeros(1)

    def f(x):
        calls[0] += 1
        return x * 2.0

    compiled = tt.compile(f)
    for n in range(1, 12):
        assert compiled(tt.ones(n)).tolist() == [2.0] * n
    assert variants(compiled) == 8
    assert calls[0] == 11
    compiled(tt.ones(11))
    compiled(tt.ones(3))
    assert calls[0] == 12


def test_indices_out_of_range_are_found_before_anything_happens(way):
    table, count = nn.Embedding(5, 3), tt.zeros(())

    def f(ids):
        count.add_(1.0)
        return table(ids) * 2.0

    compiled = tt.compile(f)
    compiled(tt.tensor([0, 4]))
    same(compiled(tt.tensor([1, 2])), table(tt.tensor([1, 2])) * 2.0)
    with pytest.raises(IndexOutOfRange, match="id 5 of 5"):
        compiled(tt.tensor([1, 5]))


def test_indices_from_the_end_are_another_kind_of_call(way):
    compiled = tt.compile(lambda x, i: x[i] * 2.0)
    x = values(0, 5, 2)
    found = counting(
        compiled,
        *[
            lambda i=i: same(compiled(x, tt.tensor(i)), x[tt.tensor(i)] * 2.0)
            for i in ([0, 4], [3, 1], [-1, 2], [-5, 4])
        ],
    )
    assert found == [1, 1, 2, 2]


def test_labels_out_of_range_are_found(way):
    compiled = tt.compile(lambda x, y: F.cross_entropy(x, y))
    x = values(0, 3, 4)
    compiled(x, tt.tensor([0, 1, 3]))
    ignored = tt.tensor([0, -100, 3])
    same(compiled(x, ignored), F.cross_entropy(x, ignored))
    with pytest.raises(RuntimeError):
        compiled(x, tt.tensor([0, 1, 4]))


# refusals


def refusal(function, *args, **options):
    with pytest.raises(CompileError) as caught:
        tt.compile(function)(*args, **options)
    return str(caught.value)


def test_reading_values_is_refused_with_its_line():
    x = values(0, 3)
    line = "(test_compiler.py, line "
    assert refusal(lambda x: x * x.sum().item(), x).startswith("item() reads a value on the host")
    assert line in refusal(lambda x: x.sum().item(), x)
    assert "tolist() reads" in refusal(lambda x: x.tolist(), x)
    assert "numpy() reads" in refusal(lambda x: x.numpy(), x)
    assert "__bool__() reads" in refusal(lambda x: x if x.sum() > 0 else -x, x)
    assert "__float__() reads" in refusal(lambda x: float(x.sum()), x)
    assert "printing a tensor reads its values" in refusal(lambda x: repr(x), x)


def test_shapes_that_depend_on_values_are_refused():
    x = values(0, 3)
    assert "nonzero has a result whose shape or positions depend on values" in refusal(
        lambda x: x.nonzero(), x
    )
    assert "__getitem__ has a result" in refusal(lambda x: x[x > 0], x)
    assert "masked_select has a result" in refusal(lambda x: x.masked_select(x > 0), x)


def test_random_numbers_are_refused_and_none_are_drawn():
    layer = nn.Dropout(0.5)
    tt.manual_seed(3)
    before = tt.get_rng_state().tolist()
    for function in (layer, lambda x: x + tt.randn(3), lambda x: tt.rand_like(x)):
        assert "draws random numbers (dropout in training" in refusal(function, values(0, 3))
    assert tt.get_rng_state().tolist() == before
    layer.eval()
    same(tt.compile(layer)(values(0, 3)), values(0, 3))


def test_random_numbers_of_numpy_are_refused():
    state = np.random.get_state()
    assert "from Python or NumPy" in refusal(lambda x: x * float(np.random.rand()), values(0, 3))
    np.random.set_state(state)


@pytest.mark.parametrize("kind", [tt.optim.SGD, tt.optim.Adam, tt.optim.AdamW, tt.optim.RMSprop])
def test_an_optimizers_step_is_refused_and_undone(kind):
    model = network()
    optimizer = kind(model.parameters(), lr=0.1)
    before = [p.numpy(force=True).copy() for p in model.parameters()]
    versions = [p._version for p in model.parameters()]

    def step(x):
        model(x).sum().backward()
        optimizer.step()

    text = refusal(step, values(0, 4, 6))
    assert "optimizer's step" in text
    assert "learning rate" in text
    for p, old in zip(model.parameters(), before, strict=True):
        np.testing.assert_array_equal(p.numpy(force=True), old)
        assert p.grad is None
    assert [p._version for p in model.parameters()] == versions


def test_a_refused_step_leaves_everything_as_it_was():
    total, w = tt.zeros(3), values(0, 3).requires_grad_()
    w.grad = tt.ones(3)
    held = w.grad

    def step(x):
        total.add_(1.0)
        w.grad.zero_()
        w.grad = None
        (w * x).sum().backward()
        return total.sum().item()

    assert "item()" in refusal(step, values(1, 3))
    assert total.tolist() == [0.0] * 3
    assert total._version == 0
    assert w.grad is held
    assert held.tolist() == [1.0] * 3


def test_python_state_of_layers_is_refused():
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.calls = 0
            self.register_buffer("last", tt.zeros(3))

        def forward(self, x, swap=False):
            if swap:
                self.last = x * 1.0
            else:
                self.calls += 1
            return x * 2.0

    layer = Counting()
    assert "changes the attribute 'calls' of a Counting (0 to 1)" in refusal(layer, values(0, 3))
    assert layer.calls == 0
    held = layer.last
    assert "puts another tensor or module into '_buffers'" in refusal(layer, values(0, 3), swap=True)
    assert layer.last is held


COUNT = 0


def test_python_state_of_the_function_is_refused():
    kept, number = [], 0

    def appending(x):
        kept.append(x * 2.0)

    def counting_up(x):
        nonlocal number
        number += 1
        return x * 2.0

    def counting_globally(x):
        global COUNT
        COUNT += 1
        return x * 2.0

    x = values(0, 3)
    assert "the step changes the length of 'kept'" in refusal(appending, x)
    assert "the step changes 'number'" in refusal(counting_up, x)
    assert "the step changes 'COUNT'" in refusal(counting_globally, x)
    assert (kept, number, COUNT) == ([], 0, 0)


def test_changes_of_tensors_that_a_replay_would_not_repeat_are_refused():
    x, w = values(0, 3), values(1, 3).requires_grad_()

    def other_memory(y):
        x.data = y * 2.0

    def history(y):
        x.mul_(w)

    def flag(y):
        w.requires_grad_(False)

    array = x.array
    assert "gives other memory to a tensor (shape (3,))" in refusal(other_memory, values(2, 3))
    assert x.array is array
    text = refusal(history, values(2, 3))
    assert "history" in text or "gradient is wanted" in text
    assert not x.requires_grad
    same(x, values(0, 3))
    assert "changes whether a gradient is wanted" in refusal(flag, values(2, 3))
    assert w.requires_grad


def test_a_graph_from_before_the_step_is_refused():
    w = values(0, 3).requires_grad_()
    loss = (w.tanh() * 2.0).sum()
    assert "goes on into a" in refusal(lambda: loss.backward())
    loss.backward()
    assert w.grad is not None


def test_gradients_with_a_history_are_refused():
    w = values(0, 3).requires_grad_()
    assert "create_graph=True" in refusal(lambda: (w * w).sum().backward(create_graph=True))
    assert w.grad is None


def test_other_devices_and_arguments_are_refused():
    assert "argument 0 is on 'loops'" in refusal(lambda x: x * 2.0, tt.ones(2).to("loops"))
    assert "cannot move tensors to another device" in refusal(
        lambda x: tt.ones(2).to("loops") * 2.0, tt.ones(2)
    )
    assert "argument[0] is a ndarray" in refusal(lambda x: x, np.ones(3))
    assert "not a ndarray" in refusal(lambda x: np.ones(3), tt.ones(3))


def test_arguments_that_share_memory_are_refused():
    x = values(0, 4)
    assert "arguments 0 and 1 share memory" in refusal(lambda x, y: x * y, x[:2], x[2:] if False else x[1:3])


def test_anomaly_mode_is_refused():
    with tt.autograd.set_detect_anomaly(True):
        assert "anomaly mode" in refusal(lambda x: x * 2.0, tt.ones(2))


def test_errors_of_the_function_itself_are_its_own():
    compiled = tt.compile(lambda x, y: x @ y)
    with pytest.raises(RuntimeError, match="3 columns meet 5 rows"):
        compiled(values(0, 2, 3), values(0, 5, 2))
    same(compiled(values(0, 2, 3), values(0, 3, 2)), values(0, 2, 3) @ values(0, 3, 2))


def test_every_method_of_the_device_that_makes_arrays_is_written_down():
    """A method that is added to the device and not to the recorder would leave results that nothing explains."""
    from tinytorch.compiler.recording import Recorder
    from tinytorch.devices.cpu import Cpu

    inside = {"wrap", "window", "strided", "layout_of", "map_halves", "write"}  # of the others
    public = {name for name in dir(Cpu) if not name.startswith("_") and callable(getattr(Cpu, name))}
    own = {"trace", "called", "refuse_step"}
    assert public - inside == {name for name in vars(Recorder) if not name.startswith("_")} - own


def test_a_refusal_holds_where_the_function_catches_it():
    def f(x):
        try:
            return x * x.sum().item()
        except RuntimeError:
            return x

    assert "item()" in refusal(f, values(0, 3))


def test_after_a_refusal_the_device_is_itself_again():
    from tinytorch.devices.cpu import Cpu

    refusal(lambda x: x.sum().item(), tt.ones(2))
    assert type(tt.ones(1).array.device) is Cpu


def test_with_fullgraph_false_a_refused_function_runs_as_it_is():
    compiled = tt.compile(lambda x: x * x.sum().item(), fullgraph=False)
    with pytest.warns(UserWarning, match="runs without being compiled: item"):
        assert compiled(tt.ones(2)).tolist() == [2.0, 2.0]
    assert compiled(tt.ones(2)).tolist() == [2.0, 2.0]


def test_a_compiled_function_inside_another_is_taken_in():
    inner = tt.compile(lambda x: x.tanh() * 2.0)
    outer = tt.compile(lambda x: inner(x) + 1.0)
    outer(tt.ones(3))
    same(outer(values(0, 3)), values(0, 3).tanh() * 2.0 + 1.0)
    assert (variants(inner), variants(outer)) == (0, 1)


def test_own_functions_with_a_backward_are_captured(way):
    class Cube(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * x * x * 3.0

    w = values(0, 3).requires_grad_()
    compiled = tt.compile(lambda: Cube.apply(w).sum())
    compiled()
    compiled().backward()
    same(w.grad, w.detach() ** 2 * 3.0)


# how it looks


def test_decorators_methods_and_attributes():
    class Thing:
        def __init__(self):
            self.factor = 3.0

        @tt.compile
        def scale(self, x):
            return x * self.factor

    @tt.compile(fullgraph=True)
    def doubled(x):
        """Twice."""
        return x * 2.0

    assert doubled.__name__ == "doubled"
    assert doubled.__doc__ == "Twice."
    assert doubled(tt.ones(2)).tolist() == [2.0, 2.0]
    thing = Thing()
    for factor in (3.0, 3.0, 4.0):
        thing.factor = factor
        assert thing.scale(tt.ones(2)).tolist() == [factor] * 2
    assert len(Thing.scale.variants) == 2
    model = network()
    compiled = tt.compile(model)
    assert list(compiled.state_dict()) == list(model.state_dict())
    compiled.eval()
    assert not model.training
    assert "0 variants" in repr(compiled)


@pytest.mark.kernels
def test_explain_says_what_became_of_a_step():
    w = values(0, 4, 4)
    compiled = tt.compile(lambda x: ((x @ w) * 2.0 + 1.0).tanh().sum(1))
    assert compiled.explain(values(1, 3, 4)) == textwrap.dedent("""\
        <lambda>: captured for 1 kind of call

        1. called with (3, 4) float32; 1 tensor from outside
           5 operations, 5 of them needed: 4 became lines of 1 loop
           NumPy: matmul (3, 4) @ (4, 4) into m0
           C, one call of run_0:
             loop over 3 x 4: mul, add, tanh, sum
                  writes m4; 3 values stay in registers
           memory: 204 bytes made one by one; now 64 bytes in one block that every replay uses again, 12
           bytes of results""").replace("again, 12\n   bytes", "again, 12 bytes")
    assert "float v2 = hyperbolic_tangent(v1);  // Tanh" in compiled.source()


def test_explain_tells_what_stays_with_numpy_and_what_is_not_needed():
    def f(x):
        x.exp()  # nobody reads it
        y = (x.to(tt.float16) * 2).to(tt.float32)
        return y.sort(0)[0], y * 2.0

    text = tt.compile(f).explain(values(0, 4))
    assert "NumPy: mul (float16 has no loop)" in text
    assert "NumPy: sort" in text
    head = next(line for line in text.splitlines() if "of them needed" in line)
    operations, needed = [int(word) for word in head.split() if word.isdigit()][:2]
    assert operations == needed + 1


def test_intermediates_share_memory():
    w = [values(i, 64, 64) for i in range(6)]

    def f(x):
        for each in w:
            x = x @ each
        return x

    compiled = tt.compile(f)
    same(compiled(values(9, 64, 64)), compiled(values(9, 64, 64)), 1.0)
    plan = compiled.variants[0].program.plan
    assert plan.size == 2 * 64 * 64 * 4
    assert plan.before == 6 * 64 * 64 * 4
    assert "reused: m0, m2, m4 at byte 0" in compiled.explain()


@pytest.mark.kernels
def test_small_graphs_are_one_call():
    x, y = values(0, 8, 8).requires_grad_(), values(1, 8, 8)

    def step():
        x.grad = None
        h = x
        for _ in range(33):
            h = ((h * y) + y).tanh()
        h.sum().backward()

    compiled = tt.compile(step)
    compiled()
    program = compiled.variants[0].program
    assert len(program.actions) == 1
    assert len(program.steps) > 160


def test_without_a_compiler_the_steps_replay_on_numpy():
    code = """
        import warnings; warnings.simplefilter("error")
        import tinytorch as tt
        f = tt.compile(lambda x: (x * 2.0).tanh().sum())
        x = tt.tensor([1.0, 2.0]); f(x)
        assert abs(f(x).item() - (x * 2.0).tanh().sum().item()) < 1e-6
        print(f.explain(x).splitlines()[3].strip(), repr(f.source()))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True, text=True, check=True, env={**os.environ, "TINYTORCH_KERNELS": "0"},
    )  # fmt: skip
    assert done.stdout.strip() == (
        "3 operations, 3 of them needed; all left to NumPy, since there is no compiled code here ''"
    )


def test_replays_from_two_threads_do_not_meet():
    from concurrent.futures import ThreadPoolExecutor

    def f(x):
        y = x
        for _ in range(6):
            y = (y @ x * 0.01).tanh() + x
        return y

    compiled = tt.compile(f)
    compiled(values(0, 200, 200))
    inputs = [values(i, 200, 200) for i in range(16)]
    expected = [f(x) for x in inputs]
    with ThreadPoolExecutor(4) as pool:
        for x, y in zip(expected, pool.map(compiled, inputs), strict=True):
            same(x, y, 1e-4)
