"""Functions of functions, against derivatives worked out by hand and finite differences."""

import numpy as np
import pytest

import tinytorch as tt
from tinytorch import func, nn


def doubles(*values):
    return tt.tensor(values, dtype=tt.float64)


def slopes(f, x, step=1e-6):
    """Central differences of a function of a vector, one column for each input."""
    columns = []
    for i in range(len(x)):
        nudge = np.zeros(len(x))
        nudge[i] = step
        ahead, behind = f(tt.from_numpy(x.numpy() + nudge)), f(tt.from_numpy(x.numpy() - nudge))
        columns.append((ahead.numpy() - behind.numpy()) / (2 * step))
    return np.stack(columns, -1)


def mixed(x):
    """Three results of two inputs, none linear."""
    return tt.stack([x[0] * x[1].exp(), x[0] ** 3, (x * x).sum().sin()])


POINT = doubles(0.7, -0.4)


def test_grad_leaves_its_argument_alone_and_returns_a_plain_tensor():
    x = doubles(1.0, 2.0)
    g = func.grad(lambda x: (x**3).sum())(x)
    assert g.tolist() == [3.0, 12.0]
    assert not g.requires_grad and not x.requires_grad and x.grad is None


def test_grad_can_be_taken_of_itself():
    third = func.grad(func.grad(func.grad(lambda x: x**4)))
    assert third(tt.tensor(2.0)).item() == 48.0


def test_grad_inside_a_closure_reaches_the_outer_variable():
    # d/dx of (d/dy of x * y**2 at y = 3) is 2 * 3
    g = func.grad(lambda x: func.grad(lambda y: x * y**2)(tt.tensor(3.0)))(tt.tensor(5.0))
    assert g.item() == 6.0
    assert not g.requires_grad


def test_grad_stays_connected_to_a_variable_outside():
    w = tt.tensor(3.0, requires_grad=True)
    g = func.grad(lambda x: w * x**2)(tt.tensor(2.0))
    g.backward()
    assert w.grad.item() == 4.0


def test_argnums_choose_arguments_and_trees_keep_their_form():
    one, other = func.grad(lambda a, b: (a * b).sum(), argnums=(1, 0))(tt.tensor(2.0), tt.tensor(5.0))
    assert (one.item(), other.item()) == (2.0, 5.0)
    tree = func.grad(lambda p: (p["w"] * 3 + p["b"][0]).sum())({"w": tt.ones(2), "b": [tt.ones(2)]})
    assert tree["w"].tolist() == [3.0, 3.0] and tree["b"][0].tolist() == [1.0, 1.0]


def test_grad_and_value_and_auxiliary_results():
    def f(x):
        return x * x, {"seen": x + 1}

    assert func.value_and_grad(lambda x: x * x)(tt.tensor(3.0))[0].item() == 9.0
    slope, (value, aux) = func.grad_and_value(f, has_aux=True)(tt.tensor(3.0))
    assert (slope.item(), value.item(), aux["seen"].item()) == (6.0, 9.0, 4.0)
    assert not aux["seen"].requires_grad


def test_grad_wants_one_number():
    with pytest.raises(RuntimeError, match=r"one number, not \(2,\)"):
        func.grad(lambda x: x * 2)(tt.ones(2))


def test_an_argument_that_does_not_matter_has_gradient_zero():
    assert func.grad(lambda a, b: a * a, argnums=1)(tt.tensor(2.0), tt.tensor(5.0)).item() == 0.0
    assert func.grad(lambda x: tt.tensor(1.0))(tt.ones(2)).tolist() == [0.0, 0.0]


def test_vjp_jvp_and_jacrev_agree_with_finite_differences():
    wanted = slopes(mixed, POINT)
    u, v = doubles(0.3, -1.2, 2.0), doubles(1.5, -0.6)
    value, pull = func.vjp(mixed, POINT)
    np.testing.assert_allclose(pull(u)[0].numpy(), u.numpy() @ wanted, rtol=1e-7)
    np.testing.assert_allclose(pull(u)[0].numpy(), u.numpy() @ wanted, rtol=1e-7)  # may be pulled again
    same, moved = func.jvp(mixed, (POINT,), (v,))
    np.testing.assert_allclose(moved.numpy(), wanted @ v.numpy(), rtol=1e-7)
    np.testing.assert_allclose(func.jacrev(mixed)(POINT).numpy(), wanted, rtol=1e-7)
    assert value.tolist() == same.tolist() == mixed(POINT).tolist()


def test_the_hessian_agrees_with_differences_of_the_gradient():
    def f(x):
        return (mixed(x) ** 2).sum()

    wanted = slopes(func.grad(f), POINT)
    np.testing.assert_allclose(func.hessian(f)(POINT).numpy(), wanted, rtol=1e-6)


def test_the_jacobian_has_the_shape_of_the_result_and_then_of_the_argument():
    x = tt.rand(2, 3)
    assert func.jacrev(lambda x: x.sum(0))(x).shape == (3, 2, 3)
    assert func.jacrev(lambda x: x.sum())(x).shape == (2, 3)


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"\(3,\)"):
        func.jvp(lambda x: x, (tt.ones(2),), (tt.ones(3),))
    with pytest.raises(ValueError, match=r"\(3,\)"):
        func.vjp(lambda x: x, tt.ones(2))[1](tt.ones(3))


def test_functional_call_uses_other_parameters_for_one_call():
    layer = nn.Linear(2, 1)
    weight = layer.weight
    new = {"weight": tt.tensor([[1.0, 10.0]]), "bias": tt.tensor([0.5])}
    assert func.functional_call(layer, new, tt.tensor([2.0, 3.0])).item() == 32.5
    assert layer.weight is weight


def test_functional_call_puts_the_parameters_back_after_an_error():
    layer = nn.Linear(2, 1)
    weight = layer.weight
    with pytest.raises(RuntimeError):
        func.functional_call(layer, {"weight": tt.ones(1, 2)}, tt.ones(5))
    assert layer.weight is weight
    with pytest.raises(KeyError, match="wieght"):
        func.functional_call(layer, {"wieght": tt.ones(1, 2)}, tt.ones(2))


def test_functional_call_replaces_a_tied_parameter_everywhere():
    model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    model[1].weight = model[0].weight
    double = tt.eye(2) * 2
    assert func.functional_call(model, {"0.weight": double}, tt.ones(2)).tolist() == [4.0, 4.0]


def test_the_gradient_for_a_dictionary_of_parameters():
    layer = nn.Linear(2, 1)
    params = {name: p.detach() for name, p in layer.named_parameters()}
    x = tt.tensor([[1.0, 2.0], [3.0, 5.0]])
    g = func.grad(lambda p: func.functional_call(layer, p, x).sum())(params)
    assert g["weight"].tolist() == [[4.0, 7.0]] and g["bias"].tolist() == [2.0]
    assert layer.weight.grad is None
