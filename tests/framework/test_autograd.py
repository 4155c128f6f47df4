"""What the engine promises beyond values: linear time, no recursion, memory let go, ownership."""

from __future__ import annotations

import gc
import threading
import weakref

import numpy as np
import pytest

import tinytorch as tt
from tinytorch.autograd.graph import consumers_first
from tinytorch.devices.cpu import Cpu
from tinytorch.devices.interface import Kernel
from tinytorch.errors import GradientError, OverwrittenError
from tinytorch.observe import EVERYWHERE, observing


def test_a_chain_of_100_000_operations_goes_backward_without_recursion():
    x = tt.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(100_000):
        y = y + 1
    y.backward()
    assert x.grad.item() == 1.0


def test_every_node_is_visited_once_however_many_paths_lead_to_it():
    x = tt.tensor(1.0, dtype=tt.float64, requires_grad=True)
    y = x
    for _ in range(10_000):
        y = y + y
    assert sum(1 for _ in consumers_first([y.edge[0]])) == 10_001
    z = x
    for _ in range(20):
        z = z + z
    z.backward()
    assert x.grad.item() == 2.0**20


def test_the_graph_lives_no_longer_than_its_results():
    x = tt.ones(3, requires_grad=True)
    y = (x * 2).exp()
    node = weakref.ref(y.grad_fn)
    gc.disable()
    try:
        del y
        assert node() is None
    finally:
        gc.enable()


def test_saved_values_are_freed_after_backward():
    x = tt.ones(3, requires_grad=True)
    y = (x * 2).exp()
    node = y.grad_fn
    assert node.outputs
    y.sum().backward()
    assert not node.outputs
    with pytest.raises(GradientError, match="second time"):
        y.sum().backward()


def test_only_what_a_wanted_gradient_reads_is_saved():
    x, constant = tt.ones(3, requires_grad=True), tt.ones(3)
    assert (x + constant).grad_fn.inputs == {}
    assert list((x * constant).grad_fn.inputs) == [1]
    assert (x.exp()).grad_fn.inputs == {}


def test_two_leaves_never_share_a_gradient():
    x, y = tt.ones(3, requires_grad=True), tt.ones(3, requires_grad=True)
    (x + y).sum().backward()
    x.grad.mul_(0)
    assert y.grad.tolist() == [1.0, 1.0, 1.0]


def test_a_second_backward_adds_into_the_same_gradient():
    x = tt.ones(3, requires_grad=True)
    (x * 2).sum().backward()
    first = x.grad
    (x * 3).sum().backward()
    assert x.grad is first
    assert first.tolist() == [5.0, 5.0, 5.0]


def test_an_overwritten_value_is_refused_and_the_operation_named():
    x = tt.ones(3, requires_grad=True) * 2
    y = (x * x).sum()
    x.add_(1)
    with pytest.raises(OverwrittenError, match="add_ overwrote it"):
        y.backward()


def test_no_grad_restores_the_mode_that_held_before_also_after_an_error():
    with tt.no_grad():
        with pytest.raises(ValueError, match="inside"), tt.enable_grad():
            raise ValueError("inside")
        assert not tt.is_grad_enabled()
    assert tt.is_grad_enabled()


CARDS = [
    lambda x, y: x / y, lambda x, y: x**y, lambda x, y: x.maximum(y), lambda x, y: x.minimum(y), lambda x, y: x.atan2(y),
    lambda x, y: x @ y.mT, lambda x, y: x.softmax(1) * y, lambda x, y: x.log_softmax(0) * y, lambda x, y: x.cumsum(1) * y,
    lambda x, y: x.cumprod(1) * y, lambda x, y: x.prod(1), lambda x, y: x.amax(0), lambda x, y: x[:, [2, 0, 2]] * y,
    lambda x, y: tt.cat([x, y], 1), lambda x, y: tt.where(x > 1, x, y), lambda x, y: x.clamp(0.6, 1.4) * y,
    lambda x, y: tt.nn.functional.gelu(x) * y, lambda x, y: x.var(1), lambda x, y: x.norm() * y, lambda x, y: x.erf() * y,
    lambda x, y: x.gather(1, tt.tensor([[0, 0], [2, 1]])), lambda x, y: x.scatter_add(1, tt.tensor([[0, 0], [2, 1]]), y),
    lambda x, y: x.unfold(1, 2, 1), lambda x, y: x.flip(1) * y, lambda x, y: tt.nn.functional.cross_entropy(x, tt.tensor([2, 0])),
    lambda x, y: x.index_put((tt.tensor([0, 0]),), y, accumulate=True), lambda x, y: x.diagonal() * 2, lambda x, y: x.sort(1)[0] * y,
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(CARDS)))
@pytest.mark.parametrize("contiguous", [True, False])
def test_gradients_and_their_gradients_agree_with_finite_differences(number, contiguous):
    random = np.random.default_rng(number)

    def make():
        values = random.permutation(np.linspace(0.3, 2.0, 6)) + random.uniform(0, 0.01)
        x = tt.from_numpy(values.reshape(2, 3) if contiguous else values.reshape(3, 2))
        return (x if contiguous else x.mT).requires_grad_()

    x, y = make(), make()
    assert tt.autograd.gradcheck(CARDS[number], (x, y))
    assert tt.autograd.gradgradcheck(CARDS[number], (x, y))


def test_keeping_a_gradient_does_not_keep_the_tensor_alive():
    x = tt.ones(3, requires_grad=True)
    y = x * 2
    y.retain_grad()
    z = y.sum()
    gone = weakref.ref(y)
    gc.disable()
    try:
        del y
        assert gone() is None
    finally:
        gc.enable()
    z.backward()
    assert x.grad.tolist() == [2.0, 2.0, 2.0]


def test_an_observer_hears_a_fused_card_once_and_nothing_after_its_block():
    heard = []
    with observing(lambda op, inputs, out: heard.append(type(op).__name__)):
        tt.ones(2, 3).softmax(1)
    tt.ones(3) + 1
    assert heard == ["Softmax"]


def test_who_listens_hears_the_own_thread_alone_and_is_counted_as_long_as_that():
    heard, before = [], EVERYWHERE.count
    x = tt.ones(2)
    with observing(lambda op, inputs, out: heard.append(type(op).__name__)):
        with observing(lambda *_: None):
            assert EVERYWHERE.count == before + 2
        other = threading.Thread(target=lambda: x.exp())
        other.start(), other.join()
        x + x, x.reshape(2, 1)
        with tt.no_grad():
            x.reshape(2, 1)
    x.tanh()
    assert heard == ["Add", "Reshape", "Reshape"]
    assert EVERYWHERE.count == before


def test_a_device_may_bring_a_kernel_for_a_fused_card(monkeypatch):
    calls = []

    def kernel(card, x):
        calls.append(card.axis)
        return x.copy()

    monkeypatch.setattr(Cpu, "kernel", lambda self, card: Kernel(kernel))
    assert tt.tensor([1.0, 2.0]).softmax(0).tolist() == [1.0, 2.0]
    assert calls == [0]
