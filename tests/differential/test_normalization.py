"""Normalisation against PyTorch: values, gradients, gradients of these, running statistics."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from twins import LAYOUTS, agree, refused

import tinytorch as tt

torch.set_num_threads(1)
pytestmark = pytest.mark.filterwarnings("ignore:Mismatch dtype between input and weight")
RANDOM = np.random.default_rng(0)


def normal(*shape, dtype="f8"):
    return RANDOM.normal(size=shape).astype(dtype)


AFFINE = list(itertools.product([False, True], [False, True]))  # with a weight, with a bias


def optional(parameters, weight, bias):
    """Weight and bias out of what was handed over, None for those that were not."""
    given = iter(parameters)
    return [next(given) if wanted else None for wanted in (weight, bias)]


def order_of(weight, bias):
    """PyTorch fails to differentiate twice where there is a bias and no weight."""
    return 1 if bias and not weight else 2


@pytest.mark.parametrize(("weight", "bias"), AFFINE)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layer_norm(layout, weight, bias):
    for shape, count in (((4, 5), 1), ((2, 3, 4), 2), ((2, 3, 4), 3), ((5,), 1), ((0, 4), 1), ((3, 1), 1), ((2, 2, 3, 2), 1)):  # fmt: skip
        inner = shape[len(shape) - count :]

        def run(ns, x, *parameters):
            return ns.nn.functional.layer_norm(x, inner, *optional(parameters, weight, bias), eps=1e-3)

        arrays = [normal(*shape), *[normal(*inner) for _ in range(weight + bias)]]
        agree(run, arrays, layout, order_of(weight, bias))


@pytest.mark.parametrize("weight", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_rms_norm(layout, weight):
    for shape, count in (((4, 5), 1), ((2, 3, 4), 2), ((2, 3, 4), 3), ((0, 4), 1), ((3, 1), 1)):
        inner = shape[len(shape) - count :]
        for eps in (None, 1e-2):

            def run(ns, x, *parameters):
                return ns.nn.functional.rms_norm(x, inner, *optional(parameters, weight, False)[:1], eps)

            agree(run, [normal(*shape), *([normal(*inner)] if weight else [])], layout)


@pytest.mark.parametrize("scale", [1e-4, 1e-3, 0.0])
@pytest.mark.parametrize("dtype", ["f8", "f4", "f2"])
def test_the_eps_that_rms_norm_has_of_its_own(dtype, scale):
    agree(lambda ns, x: ns.nn.functional.rms_norm(x, (4,)), [np.full((2, 4), scale, dtype)], order=0)


@pytest.mark.parametrize(("weight", "bias"), AFFINE)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_group_norm(layout, weight, bias):
    for shape, groups in (((2, 4, 3), 2), ((2, 4), 2), ((3, 6, 2, 2), 3), ((1, 4, 5), 4), ((2, 4, 3), 1)):  # fmt: skip

        def run(ns, x, *parameters):
            return ns.nn.functional.group_norm(x, groups, *optional(parameters, weight, bias))

        arrays = [normal(*shape), *[normal(shape[1]) for _ in range(weight + bias)]]
        agree(
            run, arrays, layout, 2 if weight or not bias else 0
        )  # with a bias alone PyTorch's gradient fails


@pytest.mark.parametrize(("weight", "bias"), AFFINE)
@pytest.mark.parametrize("training", [True, False])
def test_batch_norm(training, weight, bias):
    for i, shape in enumerate(
        [(4, 3), (4, 3, 2), (2, 3, 2, 4), (2, 2, 2, 2, 2), (1, 3, 5), (0, 3, 2), (3, 1)]
    ):
        mean, variance = normal(shape[1]), np.abs(normal(shape[1])) + 0.5
        for tracked in (True, False) if training else (True,):

            def run(ns, x, *parameters):
                running = (
                    [ns.from_numpy(each.copy()) for each in (mean, variance)] if tracked else [None, None]
                )
                out = ns.nn.functional.batch_norm(
                    x, *running, *optional(parameters, weight, bias), training, momentum=0.3, eps=1e-3
                )
                return (out, *running) if tracked else out

            arrays = [normal(*shape), *[normal(shape[1]) for _ in range(weight + bias)]]
            agree(run, arrays, LAYOUTS[i % 3], order_of(weight, bias))


@pytest.mark.parametrize("tracked", [True, False])
@pytest.mark.parametrize("own", [True, False])
def test_instance_norm(own, tracked):
    for i, shape in enumerate([(4, 3, 2), (2, 3, 2, 4), (2, 2, 2, 2, 2)]):
        if not own and not tracked:
            continue
        mean, variance = normal(shape[1]), np.abs(normal(shape[1])) + 0.5

        def run(ns, x, w, b):
            running = [ns.from_numpy(each.copy()) for each in (mean, variance)] if tracked else [None, None]
            out = ns.nn.functional.instance_norm(x, *running, w, b, own, momentum=0.3)
            return (out, *running) if tracked and shape[0] else out

        agree(run, [normal(*shape), normal(shape[1]), normal(shape[1])], LAYOUTS[i % 3])


def test_local_response_norm():
    for size, shape in (
        (3, (2, 5, 3)),
        (2, (2, 5, 3)),
        (4, (2, 6, 2, 3)),
        (1, (1, 3, 2, 2, 2)),
        (2, (0, 3, 2)),
    ):
        agree(lambda ns, x: ns.nn.functional.local_response_norm(x, size, 0.3, 0.6, 1.5), [normal(*shape)])


HALVES = {
    "layer": lambda ns, x, w, b: ns.nn.functional.layer_norm(x, (6,), w[:6], b[:6]),
    "rms": lambda ns, x, w, b: ns.nn.functional.rms_norm(x, (6,), w[:6]),
    "group": lambda ns, x, w, b: ns.nn.functional.group_norm(x, 2, w[:4], b[:4]),
    "batch": lambda ns, x, w, b: ns.nn.functional.batch_norm(x, None, None, w[:4], b[:4], True),
    "instance": lambda ns, x, w, b: ns.nn.functional.instance_norm(x, None, None, w[:4], b[:4]),
    "running": lambda ns, x, w, b: ns.nn.functional.batch_norm(x, b[:4].detach(), (w[:4] ** 2 + 1).detach(), w[:4], b[:4]),
}  # fmt: skip


@pytest.mark.parametrize("name", HALVES)
@pytest.mark.parametrize("parameters", ["f2", "f4"])
def test_halves(name, parameters):
    arrays = [normal(3, 4, 6, dtype="f2"), normal(6, dtype=parameters), normal(6, dtype=parameters)]
    agree(HALVES[name], arrays, order=1)


@pytest.mark.parametrize("name", HALVES)
def test_halves_are_computed_in_float32(name):
    arrays = [(normal(3, 4, 6) + 50).astype("f2"), normal(6, dtype="f2"), normal(6, dtype="f2")]  # far from 0
    exact = HALVES[name](torch, *[torch.from_numpy(each).double() for each in arrays])
    ours = HALVES[name](tt, *map(tt.from_numpy, arrays))
    np.testing.assert_allclose(ours.numpy(), exact.numpy(), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", HALVES)
def test_float32(name):
    agree(HALVES[name], [normal(3, 4, 6, dtype="f4"), normal(6, dtype="f4"), normal(6, dtype="f4")])


def of(name, *arguments, **settings):
    return lambda ns, x, *more: getattr(ns.nn.functional, name)(x, *arguments, *more, **settings)


REFUSED = {
    "layer: shape": (of("layer_norm", (3,)), (2, 4)),
    "layer: no axes": (of("layer_norm", ()), (2, 4)),
    "layer: weight": (of("layer_norm", (4,)), (2, 4), (3,)),
    "layer: whole": (lambda ns, x: ns.nn.functional.layer_norm(x.long(), (4,)), (2, 4)),
    "layer: types": (lambda ns, x: ns.nn.functional.layer_norm(x, (4,), x[0].double()), (2, 4)),
    "layer: narrower types": (lambda ns, x: ns.nn.functional.layer_norm(x.double(), (4,), x[0]), (2, 4)),
    "layer: mixed types": (lambda ns, x: ns.nn.functional.layer_norm(x.half(), (4,), x[0], x[0].half()), (2, 4)),
    "rms: shape": (of("rms_norm", (3,)), (2, 4)),
    "rms: weight": (of("rms_norm", (4,)), (2, 4), (3,)),
    "rms: whole": (lambda ns, x: ns.nn.functional.rms_norm(x.long(), (4,)), (2, 4)),
    "group: axes": (of("group_norm", 2), (4,)),
    "group: not divisible": (of("group_norm", 3), (2, 4, 3)),
    "group: weight": (of("group_norm", 2), (2, 4, 3), (3,)),
    "group: one value": (of("group_norm", 4), (1, 4)),
    "batch: nothing to go by": (of("batch_norm", None, None), (4, 3)),
    "batch: only one": (lambda ns, x: ns.nn.functional.batch_norm(x, x[0], None, training=True), (4, 3)),
    "batch: one value": (of("batch_norm", None, None, training=True), (1, 3)),
    "batch: weight": (of("batch_norm", None, None, training=True), (4, 3), (2,)),
    "batch: running": (lambda ns, x: ns.nn.functional.batch_norm(x, x[0, :2], x[1, :2]), (4, 3)),
    "batch: eps": (of("batch_norm", None, None, training=True, eps=0.0), (4, 3)),
    "batch: whole": (lambda ns, x: ns.nn.functional.batch_norm(x.long(), x[0], x[1]), (4, 3)),
    "instance: one element": (of("instance_norm"), (2, 3, 1)),
    "instance: nothing to go by": (of("instance_norm", use_input_stats=False), (2, 3, 2)),
    "response: axes": (of("local_response_norm", 2), (2, 5)),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_pytorch_refuses_is_refused(name):
    refused(*REFUSED[name])


LAYERS = {
    "layer": (lambda nn: nn.LayerNorm(4), (2, 3, 4)),
    "layer without bias": (lambda nn: nn.LayerNorm([3, 4], 1e-3, bias=False), (2, 3, 4)),
    "layer plain": (lambda nn: nn.LayerNorm((4,), elementwise_affine=False), (2, 3, 4)),
    "rms": (lambda nn: nn.RMSNorm(4), (2, 3, 4)),
    "rms plain": (lambda nn: nn.RMSNorm((3, 4), eps=1e-3, elementwise_affine=False), (2, 3, 4)),
    "group": (lambda nn: nn.GroupNorm(2, 6), (2, 6, 4)),
    "group plain": (lambda nn: nn.GroupNorm(3, 6, affine=False), (2, 6, 4, 2)),
    "group without bias": (lambda nn: nn.GroupNorm(3, 6, bias=False), (2, 6, 4, 2)),
    "batch1d": (lambda nn: nn.BatchNorm1d(3), (4, 3)),
    "batch1d positional": (lambda nn: nn.BatchNorm1d(3, 1e-3, 0.5, False, True), (4, 3, 2)),
    "batch2d": (lambda nn: nn.BatchNorm2d(3), (2, 3, 4, 2)),
    "batch2d average": (lambda nn: nn.BatchNorm2d(3, momentum=None), (2, 3, 4, 2)),
    "batch2d untracked": (lambda nn: nn.BatchNorm2d(3, track_running_stats=False), (2, 3, 4, 2)),
    "batch2d without bias": (lambda nn: nn.BatchNorm2d(3, bias=False), (2, 3, 4, 2)),
    "batch3d": (lambda nn: nn.BatchNorm3d(3), (2, 3, 2, 2, 2)),
    "instance1d": (lambda nn: nn.InstanceNorm1d(3), (3, 5)),
    "instance2d": (lambda nn: nn.InstanceNorm2d(3, affine=True, track_running_stats=True), (2, 3, 4, 2)),
    "instance3d": (lambda nn: nn.InstanceNorm3d(3, momentum=0.3), (2, 3, 2, 2, 2)),
    "response": (lambda nn: nn.LocalResponseNorm(2, alpha=0.2), (2, 4, 3)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_agrees_through_training_and_evaluation(name):
    build, shape = LAYERS[name]
    theirs, ours = build(torch.nn).double(), build(tt.nn).double()
    assert repr(ours) == repr(theirs)
    for model, ns in ((ours, tt), (theirs, torch)):
        for i, each in enumerate(model.parameters()):
            with ns.no_grad():
                each.copy_(ns.from_numpy(np.random.default_rng(i).normal(size=tuple(each.shape))))
    layers = {tt: ours, torch: theirs}
    for _ in range(3):
        agree(lambda ns, x: layers[ns](x), [normal(*shape) * 3 + 1])
        state = theirs.state_dict()
        assert list(ours.state_dict()) == list(state)
        for key, value in ours.state_dict().items():
            np.testing.assert_allclose(value.numpy(), state[key].numpy(), rtol=1e-9)
            assert value.dtype.name == str(state[key].dtype).split(".")[1]
    ours.eval()
    theirs.eval()
    before = {key: value.clone() for key, value in ours.state_dict().items()}
    agree(lambda ns, x: layers[ns](x), [normal(*shape)])
    for key, value in ours.state_dict().items():
        assert (value == before[key]).all()


def test_pytorchs_state_is_taken_over():
    theirs, ours = torch.nn.BatchNorm2d(3), tt.nn.BatchNorm2d(3)
    theirs(torch.randn(4, 3, 2, 2))
    ours.load_state_dict(
        {key: tt.from_numpy(value.numpy().copy()) for key, value in theirs.state_dict().items()}
    )
    assert ours.num_batches_tracked.item() == 1
    ours.eval(), theirs.eval()
    agree(lambda ns, x: (ours if ns is tt else theirs)(x), [normal(2, 3, 4, 4, dtype="f4")])


WRONG_AXES = {
    "batch1d": lambda ns: ns.nn.BatchNorm1d(3)(ns.ones(2, 3, 4, 4)),
    "batch2d": lambda ns: ns.nn.BatchNorm2d(3)(ns.ones(2, 3, 4)),
    "batch2d channels": lambda ns: ns.nn.BatchNorm2d(3)(ns.ones(2, 4, 3, 3)),
    "batch3d": lambda ns: ns.nn.BatchNorm3d(3)(ns.ones(2, 3, 4)),
    "instance2d": lambda ns: ns.nn.InstanceNorm2d(3)(ns.ones(3, 4)),
    "instance channels": lambda ns: ns.nn.InstanceNorm2d(3, affine=True)(ns.ones(1, 4, 3, 3)),
    "group": lambda ns: ns.nn.GroupNorm(3, 4),
    "group channels": lambda ns: ns.nn.GroupNorm(2, 4)(ns.ones(2, 6, 3)),
}


@pytest.mark.parametrize("name", WRONG_AXES)
def test_a_layer_refuses_what_pytorchs_refuses(name):
    refused(WRONG_AXES[name])


def test_running_statistics_are_no_part_of_the_graph():
    layer = tt.nn.BatchNorm1d(2)
    layer(tt.tensor([[1.0, 0.0], [3.0, 0.0]])).sum().backward()
    assert not layer.running_mean.requires_grad
    assert layer.running_mean.tolist() == pytest.approx([0.2, 0.0])
    assert layer.running_var.tolist() == pytest.approx([1.1, 0.9])


def test_the_statistics_of_a_batch_are_constants():
    x = tt.tensor([[1.0, 0.0], [3.0, 5.0]], requires_grad=True)
    _, mean, _ = tt.tensor([0.0]).apply(tt.ops.BatchNorm(1e-5), x)
    with pytest.raises(tt.errors.GradientError, match="constants"):
        mean.sum().backward()


def test_layer_norm_keeps_what_is_far_from_zero():
    x = tt.tensor([[10000.0, 10001.0, 10002.0]])
    assert tt.nn.functional.layer_norm(x, (3,), eps=0.0)[0].tolist() == pytest.approx(
        [-1.2247, 0.0, 1.2247], abs=1e-3
    )
