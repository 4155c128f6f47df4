"""Edge values, empty tensors and odd shapes against PyTorch: nan, infinities, signed zeros, huge and tiny."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import tinytorch as tt

EDGES = [
    float("nan"),
    float("inf"),
    float("-inf"),
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -2.5,
    1e30,
    -1e30,
    1e-30,
    88.8,
    -88.8,
    710.0,
]
UNARY = [
    "neg",
    "abs",
    "exp",
    "exp2",
    "expm1",
    "log",
    "log2",
    "log10",
    "log1p",
    "sqrt",
    "rsqrt",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "sigmoid",
    "relu",
    "erf",
    "square",
    "sign",
    "floor",
    "ceil",
    "round",
    "trunc",
    "reciprocal",
    "isnan",
    "isinf",
    "isfinite",
    "logical_not",
]
BINARY = [
    "add",
    "sub",
    "mul",
    "div",
    "pow",
    "maximum",
    "minimum",
    "fmod",
    "remainder",
    "atan2",
    "floor_divide",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
]
# Where an infinity or a NaN meets a composition, the gradient may be NaN where PyTorch's own formula is not.
GRADIENT_APART = ("prod", "var")
REDUCE = {
    "sum": lambda x: x.sum(), "mean": lambda x: x.mean(), "prod": lambda x: x.prod(), "amax": lambda x: x.amax(0),
    "amin": lambda x: x.amin(0), "max": lambda x: x.max(0)[0], "argmax": lambda x: x.argmax(), "argmin": lambda x: x.argmin(0),
    "any": lambda x: x.any(), "all": lambda x: x.all(), "sort": lambda x: x.sort()[0], "argsort": lambda x: x.sort(stable=True)[1],
    "descending": lambda x: x.sort(descending=True, stable=True)[1], "cumsum": lambda x: x.cumsum(0), "norm": lambda x: x.norm(),
    "logsumexp": lambda x: x.logsumexp(0), "softmax": lambda x: x.softmax(0), "log_softmax": lambda x: x.log_softmax(0),
    "clamp": lambda x: x.clamp(-1.0, 2.0), "var": lambda x: x.var(), "nonzero": lambda x: x.nonzero(),
    "count_nonzero": lambda x: x.count_nonzero(), "masked_fill": lambda x: x.masked_fill(x > 0, 3.0),
}  # fmt: skip


def pair(values, dtype):
    array = np.array(values, dtype)
    return tt.from_numpy(array.copy()).requires_grad_(), torch.from_numpy(array.copy()).requires_grad_()


def agree(ours, theirs, what, dtype):
    a, b = ours.detach().numpy(), theirs.detach().numpy(force=True)
    assert a.dtype == b.dtype, what
    assert a.shape == b.shape, what
    tolerance = {"float32": 3e-6, "float64": 1e-12}[dtype]
    np.testing.assert_allclose(
        a, b, rtol=tolerance, atol=1e-37 if dtype == "float32" else 1e-300, err_msg=what
    )
    if a.dtype.kind == "f" and what != "relu":  # of two equal zeros NumPy's maximum takes either
        zeros = (a == 0) & (b == 0)
        np.testing.assert_array_equal(
            np.signbit(a[zeros]), np.signbit(b[zeros]), err_msg=f"{what}: sign of zero"
        )


def both(function, inputs, what, dtype):
    """Value, and the gradient with an incoming gradient of its own for each number."""
    ours, theirs = function(*[a for a, _ in inputs]), function(*[b for _, b in inputs])
    agree(ours, theirs, what, dtype)
    if not theirs.requires_grad:
        assert not ours.requires_grad
        return
    seed = np.random.default_rng(0).uniform(0.5, 1.5, tuple(theirs.shape)).astype(dtype)
    ours.backward(tt.from_numpy(seed.copy()))
    theirs.backward(torch.from_numpy(seed))
    for i, (a, b) in enumerate(inputs):
        if b.grad is not None:
            assert a.grad is not None, f"{what}: gradient {i}"
            x, y = a.grad.numpy(), b.grad.numpy()
            np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-30, err_msg=f"{what}: gradient {i}")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", UNARY)
def test_elementwise_functions_agree_at_the_edges(name, dtype):
    both(lambda x: getattr(x, name)(), [pair(EDGES, dtype)], name, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", BINARY)
def test_operators_of_two_sides_agree_at_the_edges(name, dtype):
    values = [v for v in EDGES if abs(v) not in (88.8, 710.0)]
    if name in ("fmod", "remainder"):  # PyTorch's own answers differ between its scalar and its vector code
        values = [v for v in values if abs(v) not in (1e30, 1e-30)]
    first, second = np.meshgrid(values, values)
    inputs = [pair(first.reshape(-1), dtype), pair(second.reshape(-1), dtype)]
    if name == "floor_divide":
        inputs = [(a.detach(), b.detach()) for a, b in inputs]
    both(lambda x, y: getattr(x, name)(y), inputs, name, dtype)


@pytest.mark.parametrize(
    "values", [EDGES, [1.0, 2.0, 1.0, 2.0], [0.0, -0.0, 0.0], [float("inf"), 1.0], [float("-inf")] * 2]
)
@pytest.mark.parametrize("name", REDUCE)
def test_reductions_agree_at_the_edges(name, values):
    inputs = [pair(values, "float64")]
    if name in GRADIENT_APART and not np.isfinite(values).all():
        inputs = [(a.detach(), b.detach()) for a, b in inputs]
    both(REDUCE[name], inputs, name, "float64")


EMPTY = {
    "sum": lambda x: x.sum(), "sum 0": lambda x: x.sum(0), "sum 1": lambda x: x.sum(1), "prod": lambda x: x.prod(1), "mean": lambda x: x.mean(0),
    "amax kept": lambda x: x.amax(0), "amax gone": lambda x: x.amax(1), "max": lambda x: x.max(), "matmul": lambda x: x @ x.mT,
    "matmul inner": lambda x: x.mT @ x, "cat": lambda x: type(x) and x.repeat(2, 1), "softmax": lambda x: x.softmax(1),
    "cumsum": lambda x: x.cumsum(1), "sort": lambda x: x.sort(1)[0], "reshape": lambda x: x.reshape(-1, 3), "reshape open": lambda x: x.reshape(0, -1),
    "index": lambda x: x[:, :0], "mask": lambda x: x[x > 0], "flip": lambda x: x.flip(0), "var": lambda x: x.var(1), "any": lambda x: x.any(),
    "all": lambda x: x.all(1), "norm": lambda x: x.norm(), "argmax": lambda x: x.argmax(1), "transpose": lambda x: x.mT, "tril": lambda x: x.tril(),
    "logsumexp": lambda x: x.logsumexp(1), "unfold": lambda x: x.unfold(0, 2, 1), "std": lambda x: x.std(0), "roll": lambda x: x.roll(1, 0),
}  # fmt: skip


@pytest.mark.parametrize("shape", [(3, 0), (0, 3), (0, 0), (1, 1)])
@pytest.mark.parametrize("name", EMPTY)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_empty_tensors_agree_in_value_or_in_refusal(name, shape):
    ours, theirs = pair(np.ones(shape), "float64")
    try:
        EMPTY[name](theirs.detach())
    except Exception as error:
        with pytest.raises(type(error)):
            EMPTY[name](ours.detach())
        return
    both(EMPTY[name], [(ours, theirs)], f"{name} {shape}", "float64")


INTEGERS = [
    "add",
    "sub",
    "mul",
    "div",
    "floor_divide",
    "remainder",
    "fmod",
    "pow",
    "maximum",
    "minimum",
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
    "eq",
    "lt",
]


@pytest.mark.parametrize("dtype", ["int64", "int32", "int8", "uint8"])
@pytest.mark.parametrize("name", INTEGERS)
def test_integers_agree(name, dtype):
    a, b = np.array([0, 1, 2, 7, 100, 5], dtype), np.array([1, 3, 2, 2, 7, 1], dtype)
    if dtype != "uint8" and name != "pow":
        a, b = np.concatenate([a, -a]), np.concatenate([b, b[::-1] * (-1 if name != "shift" else 1)])
    ours = getattr(tt.from_numpy(a), name)(tt.from_numpy(b))
    theirs = getattr(torch.from_numpy(a), name)(torch.from_numpy(b))
    np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    assert ours.dtype.name == str(theirs.dtype)[6:]


REFUSED = {
    "divide by zero": lambda ns: ns.tensor([1]) // 0, "modulo zero": lambda ns: ns.tensor([1]) % 0, "mean of ints": lambda ns: ns.tensor([1]).mean(),
    "negative power": lambda ns: ns.tensor([2]) ** -1, "float and": lambda ns: ns.ones(2) & ns.ones(2), "invert float": lambda ns: ~ns.ones(2),
    "int parameter": lambda ns: ns.nn.Parameter(ns.tensor([1])), "int module": lambda ns: ns.nn.Linear(1, 1).to(ns.int64),
    "bool minus": lambda ns: ns.tensor([True]) - ns.tensor([True]), "negate bool": lambda ns: -ns.tensor([True]),
    "softmax of ints": lambda ns: ns.tensor([1, 2]).softmax(0), "state of lists": lambda ns: ns.nn.Linear(1, 1).load_state_dict({"weight": [1], "bias": [2]}),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_misuse_is_refused_as_in_pytorch(name):
    with pytest.raises(Exception) as theirs:
        REFUSED[name](torch)
    with pytest.raises(theirs.type):
        REFUSED[name](tt)


def test_gradients_that_were_asked_for_by_inputs_are_nobody_elses():
    x, y = tt.ones(3, requires_grad=True), tt.ones(3, requires_grad=True)
    (x + y).sum().backward(inputs=[x, y])
    x.grad.mul_(0)
    assert y.grad.tolist() == [1.0, 1.0, 1.0]


def test_zeroing_gradients_keeps_the_tensor_that_holds_them():
    p = tt.nn.Parameter(tt.ones(2))
    (p * 2).sum().backward()
    held = p.grad
    tt.optim.SGD([p], lr=0.1).zero_grad(set_to_none=False)
    assert p.grad is held
    assert held.tolist() == [0.0, 0.0]
