"""Jacobians, Hessians and their products, beside PyTorch's: values, structures, second derivatives, refusals."""

import numpy as np
import pytest
import torch

import tinytorch

X, Y = np.linspace(0.2, 1.5, 6).reshape(2, 3), np.linspace(-1, 1, 3)
ONE = {
    "one to one": lambda x: (x * x).sum(1),
    "elementwise": lambda x: x**3,
    "constant": lambda x: x.new_ones(2),
}
TWO = {
    "two to one": lambda x, y: x @ y,
    "two to two": lambda x, y: ((x * y).sum(0), y.exp()),
    "of one of them": lambda x, y: y**2,
}
NUMBER = {"cubes": lambda x, y: (x**3 * y).sum(), "only one": lambda x, y: (x**2).sum()}


def flat(result):
    """The shape of a structure, and its numbers one after another."""
    if isinstance(result, tuple):
        parts = [flat(each) for each in result]
        return tuple(form for form, _ in parts), np.concatenate([values for _, values in parts])
    assert not result.requires_grad
    return tuple(result.shape), result.numpy().ravel()


def same(make):
    """Both give the same structure with the same numbers."""
    (form, found), (wanted_form, wanted) = flat(make(tinytorch)), flat(make(torch))
    assert form == wanted_form
    np.testing.assert_allclose(found, wanted, 1e-10, 1e-12)


@pytest.mark.parametrize("name", ONE)
def test_jacobians_of_one_input(name):
    same(lambda ns: ns.autograd.functional.jacobian(ONE[name], ns.from_numpy(X)))


@pytest.mark.parametrize("name", TWO)
def test_jacobians_and_products_of_two_inputs(name):
    function = TWO[name]
    inputs = lambda ns: (ns.from_numpy(X), ns.from_numpy(Y))
    same(lambda ns: ns.autograd.functional.jacobian(function, inputs(ns)))

    def pulled(ns):
        outs = function(*inputs(ns))
        v = tuple(each * 2 + 1 for each in outs) if isinstance(outs, tuple) else outs * 2 + 1
        return ns.autograd.functional.vjp(function, inputs(ns), v)

    same(pulled)
    same(
        lambda ns: ns.autograd.functional.jvp(
            function, inputs(ns), (ns.from_numpy(X + 1), ns.from_numpy(Y + 2))
        )
    )


@pytest.mark.parametrize("name", NUMBER)
@pytest.mark.parametrize("product", ["hessian", "hvp", "vhp"])
def test_hessians_and_products(name, product):
    inputs = lambda ns: (ns.from_numpy(X), ns.from_numpy(Y))
    v = lambda ns: () if product == "hessian" else ((ns.from_numpy(X + 1), ns.from_numpy(Y + 2)),)
    same(lambda ns: getattr(ns.autograd.functional, product)(NUMBER[name], inputs(ns), *v(ns)))


def test_a_hessian_of_one_input_is_a_tensor():
    same(lambda ns: ns.autograd.functional.hessian(lambda x: (x**3).prod(), ns.from_numpy(Y)))


@pytest.mark.parametrize("name", ["jacobian", "hessian"])
def test_with_create_graph_the_result_differentiates_again(name):
    def third(ns):
        y = ns.from_numpy(Y).requires_grad_()
        made = getattr(ns.autograd.functional, name)(lambda y: (y**4).sum(), y, create_graph=True)
        (made**2).sum().backward()
        return y.grad

    same(third)


@pytest.mark.parametrize("ns", [torch, tinytorch], ids=["torch", "tinytorch"])
def test_refusals(ns):
    functional, x = ns.autograd.functional, ns.from_numpy(X)
    with pytest.raises(RuntimeError, match="independent of input"):
        functional.jacobian(lambda x, y: x * 2, (x, x), strict=True)
    with pytest.raises(RuntimeError, match="single"):
        functional.hessian(lambda x: x * 2, x)
    with pytest.raises(RuntimeError, match="v can only be None"):
        functional.vjp(lambda x: x * 2, x)
