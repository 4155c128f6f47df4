"""New tensors, functions of functions and batches, each against PyTorch's."""

import numpy as np
import pytest
import torch

import tinytorch as tt


def same(ours, theirs):
    """Equal in shape, dtype and values."""
    assert tuple(ours.shape) == tuple(theirs.shape)
    assert repr(ours.dtype).rpartition(".")[2] == str(theirs.dtype).rpartition(".")[2]
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=2e-7)


DATA = [
    1, True, 2.5, [], [[], []], [1, 2], [True, 2], [True, 0.5], [[1, 2.5], [3, 4]], (1, (2)), range(3),
    [[[1]], [[2]]], np.float64(1), np.float32(1), np.int32(3), [np.int32(1)], [np.float16(1), 2],
    [np.float32(1), 2.0], [np.float64(1)], np.arange(6).reshape(2, 3), np.zeros((0, 2), np.float32),
    [np.zeros(2), np.ones(2)], np.array([True]), np.arange(6.0)[::2],
]  # fmt: skip


@pytest.mark.parametrize("data", DATA, ids=repr)
@pytest.mark.filterwarnings("ignore:Creating a tensor from a list")
def test_tensor_infers_the_dtype_as_pytorch_does(data):
    same(tt.tensor(data), torch.tensor(data))
    same(tt.as_tensor(data), torch.as_tensor(data))


def test_lists_of_tensors_become_tensors():
    same(tt.tensor([tt.tensor(1), tt.tensor(2.0)]), torch.tensor([torch.tensor(1), torch.tensor(2.0)]))


CALLS = [
    "arange(3)", "arange(3.0)", "arange(0, 1, 0.25)", "arange(5, 0, -2)", "arange(1, 2.5, 1)", "arange(2, 2)",
    "arange(0, 3, dtype=T.float16)", "arange(0, 1, 0.1)", "linspace(0, 1, 5)", "linspace(0, 1, 1)",
    "linspace(0, 1, 0)", "linspace(0, 10, 5, dtype=T.int64)", "linspace(-3, 7, 11, dtype=T.float64)",
    "logspace(0, 2, 3)", "logspace(0, 3, 4, base=2.0)", "eye(3)", "eye(2, 3)", "eye(3, 2, dtype=T.int64)",
    "full((2,), 3)", "full((2,), True)", "full((2, 1), 1.5)", "full((2,), 1.5, dtype=T.int64)", "full((), 2)",
    "zeros(())", "zeros(2, 3)", "zeros((2, 3))", "zeros([0])", "ones(2, dtype=T.bool)",
    "zeros_like(T.ones(2, 3))", "full_like(T.tensor([1]), 2)", "ones_like(T.tensor([1]), dtype=T.float64)",
    "tril_indices(3, 4, 1)", "triu_indices(3, 4, -1)", "tril_indices(4, 4)",
    "tensor([1.9, -1.9], dtype=T.int64)", "tensor([1], dtype=T.float16)", "tensor([0, 2], dtype=T.bool)",
]  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_creation_agrees(call):
    same(eval(f"T.{call}", {"T": tt}), eval(f"T.{call}", {"T": torch}))


@pytest.mark.parametrize(
    "call",
    [
        "arange(0, 3, 0)", "arange(3, 0)", "linspace(0, 1, -1)", "zeros(-1)", "tensor([[1, 2], [3]])",
        "tensor([[1, 2], 3])", "tensor('abc')", "tensor(None)", "tensor([1, None])", "tensor(['a'])",
        "tensor([1], requires_grad=True)", "tensor([2**63])", "tensor({1: 2})", "zeros(2.0)",
    ],
)  # fmt: skip
def test_what_pytorch_refuses_is_refused(call):
    for library in (torch, tt):
        with pytest.raises((RuntimeError, ValueError, TypeError)):
            eval(f"T.{call}", {"T": library})


def test_memory_is_shared_where_pytorch_shares_it():
    for library in (torch, tt):
        a = np.zeros((2, 3), np.float32)
        shared, column, copy = library.from_numpy(a), library.from_numpy(a.T), library.tensor(a)
        also, cast = library.as_tensor(a), library.as_tensor(a, dtype=library.float64)
        a[0, 1] = 5
        assert [t[0, 1].item() for t in (shared, copy, also, cast)] == [5, 0, 5, 0]
        assert column[1, 0].item() == 5


def test_ragged_lists_are_refused_with_the_place():
    with pytest.raises(ValueError, match=r"data\[1\]\[1\]"):
        tt.tensor([[[1, 2], [3, 4]], [[5, 6], [7]]])


def bend(T):
    def f(x):
        return T.stack([x[0] * x[1].exp(), x[0] ** 3, (x * x).sum().sin()])

    return f


@pytest.mark.filterwarnings("ignore:.torch.jit")
def test_functions_of_functions_agree():
    point, u, v = [0.7, -0.4], [0.3, -1.2, 2.0], [1.5, -0.6]
    found = []
    for T, func in ((tt, tt.func), (torch, torch.func)):
        x, cotangent, tangent = (T.tensor(each, dtype=T.float64) for each in (point, u, v))
        f = bend(T)
        total = lambda x, f=f: (f(x) ** 2).sum()
        found.append(
            [
                func.grad(total)(x), func.grad_and_value(total)(x)[1], func.hessian(total)(x), func.jacrev(f)(x),
                func.vjp(f, x)[1](cotangent)[0], func.jvp(f, (x,), (tangent,))[1],
                func.grad(lambda x: func.grad(total)(x).sum())(x),
            ]
        )  # fmt: skip
    for ours, theirs in zip(*found, strict=True):
        assert ours.requires_grad == theirs.requires_grad
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-9)


BATCHES = [
    [1, 2], [0.5, 1.5], [True, False], ["a", "b"], [(1, "a"), (2, "b")], [{"x": 1.0}, {"x": 2.0}],
    [np.float32(1), np.float32(2)], [np.zeros(2), np.ones(2)], [[1, [2.0]], [3, [4.0]]], [b"a", b"b"],
]  # fmt: skip


def plain(batch):
    """A batch without tensors: values, dtypes and the kinds of containers."""
    if hasattr(batch, "tolist"):
        return (repr(batch.dtype).rpartition(".")[2], batch.tolist())
    if isinstance(batch, dict):
        return {name: plain(each) for name, each in batch.items()}
    return [type(batch), *map(plain, batch)] if isinstance(batch, (list, tuple)) else batch


@pytest.mark.parametrize("samples", BATCHES, ids=repr)
def test_collate_agrees(samples):
    ours, theirs = tt.utils.data.default_collate(samples), torch.utils.data.default_collate(samples)
    assert plain(ours) == plain(theirs)
