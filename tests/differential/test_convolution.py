"""Convolutions, and windows taken apart and put together, against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from twins import LAYOUTS, agree, refused

import tinytorch as tt

torch.set_num_threads(1)
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same'")  # PyTorch's, about a copy


def drawn(seed, axes):
    """Sizes and settings of one convolution, at random."""
    random = np.random.default_rng(seed)
    pick = lambda low, high: int(random.integers(low, high + 1))
    groups = pick(1, 3)
    kernel = [pick(1, 3) for _ in range(axes)]
    dilation = [pick(1, 2) for _ in range(axes)]
    padding = [pick(0, 2) for _ in range(axes)]
    least = [d * (k - 1) + 1 - 2 * p for d, k, p in zip(dilation, kernel, padding, strict=True)]
    return {
        "batch": [pick(1, 3)] if seed % 5 else [],
        "channels": groups * pick(1, 2),
        "out": groups * pick(1, 2),
        "groups": groups,
        "kernel": kernel,
        "stride": [pick(1, 3) for _ in range(axes)],
        "padding": padding,
        "dilation": dilation,
        "size": [max(n, 1) + pick(0, 4) for n in least],
        "bias": bool(pick(0, 1)),
        "random": random,
    }


def operands(case, transposed, dtype):
    outer, inner = (case["channels"], case["out"]) if transposed else (case["out"], case["channels"])
    shapes = [
        (*case["batch"], case["channels"], *case["size"]),
        (outer, inner // case["groups"], *case["kernel"]),
        *([(case["out"],)] if case["bias"] else []),
    ]
    return [case["random"].normal(size=shape).astype(dtype) for shape in shapes]


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_a_convolution_agrees_with_pytorchs(axes):
    for seed in range(60 if axes < 3 else 12):
        case = drawn(seed, axes)
        name = f"conv{axes}d"
        settings = [case[key] for key in ("stride", "padding", "dilation", "groups")]

        def run(ns, x, w, b=None):
            return getattr(ns.nn.functional, name)(x, w, b, *settings)

        agree(run, operands(case, False, "f8"), LAYOUTS[seed % 3])


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_a_transposed_convolution_agrees_with_pytorchs(axes):
    done = 0
    for seed in range(80 if axes < 3 else 16):
        case = drawn(seed, axes)
        more = [
            int(case["random"].integers(0, max(s, d)))
            for s, d in zip(case["stride"], case["dilation"], strict=True)
        ]
        size = [
            (n - 1) * s - 2 * p + d * (k - 1) + 1 + m
            for n, s, p, d, k, m in zip(
                case["size"], case["stride"], case["padding"], case["dilation"], case["kernel"], more, strict=True
            )
        ]  # fmt: skip
        if min(size) < 1:
            continue
        done += 1

        def run(ns, x, w, b=None):
            return getattr(ns.nn.functional, f"conv_transpose{axes}d")(
                x, w, b, case["stride"], case["padding"], more, case["groups"], case["dilation"]
            )

        agree(run, operands(case, True, "f8"), LAYOUTS[seed % 3])
    assert done > 8


@pytest.mark.parametrize("dtype", ["f4", "f2", "i8"])
@pytest.mark.parametrize("transposed", [False, True])
def test_other_types(dtype, transposed):
    for seed in range(10):
        case = drawn(seed, 2) | {"bias": True}
        arrays = [(each * 3).astype(dtype) for each in operands(case, transposed, "f8")]
        settings = {key: case[key] for key in ("stride", "groups")}

        def run(ns, x, w, b):
            function = ns.nn.functional.conv_transpose2d if transposed else ns.nn.functional.conv2d
            return function(x, w, b, padding=0 if transposed else 2, **settings)

        agree(run, arrays, order=1)


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, (2, 3)])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_padding_by_name(kernel, dilation, padding):
    pair = kernel if isinstance(kernel, tuple) else (kernel, kernel)
    x, w = (
        np.random.default_rng(0).normal(size=(2, 3, 8, 9)),
        np.random.default_rng(1).normal(size=(4, 3, *pair)),
    )
    agree(lambda ns, x, w: ns.nn.functional.conv2d(x, w, padding=padding, dilation=dilation), [x, w])


SIZES_WITH_NOTHING = {
    "no batch": ((0, 2, 5, 5), (3, 2, 3, 3)),
    "one pixel": ((1, 1, 1, 1), (1, 1, 1, 1)),
    "depthwise": ((2, 4, 5, 5), (8, 1, 3, 3)),
}


@pytest.mark.parametrize("name", SIZES_WITH_NOTHING)
def test_sizes_of_0_and_1(name):
    arrays = [np.random.default_rng(2).normal(size=shape) for shape in SIZES_WITH_NOTHING[name]]
    groups = 4 if name == "depthwise" else 1
    agree(lambda ns, x, w: ns.nn.functional.conv2d(x, w, groups=groups), arrays)


def test_nothing_in_a_transposed_convolution():
    arrays = [np.ones((0, 4, 3, 3)), np.ones((4, 2, 3, 3))]
    agree(lambda ns, x, w: ns.nn.functional.conv_transpose2d(x, w, stride=2), arrays)


def conv(**settings):
    return lambda ns, x, w, b=None: ns.nn.functional.conv2d(x, w, b, **settings)


def spread(**settings):
    return lambda ns, x, w, b=None: ns.nn.functional.conv_transpose2d(x, w, b, **settings)


REFUSED = {
    "axes": (conv(), (3, 3), (1, 1, 2, 2)),
    "weight's axes": (conv(), (1, 1, 3, 3), (1, 1, 2)),
    "channels": (conv(), (1, 2, 3, 3), (2, 1, 2, 2)),
    "groups": (conv(groups=2), (1, 4, 3, 3), (3, 2, 2, 2)),
    "no groups": (conv(groups=0), (1, 1, 3, 3), (1, 1, 2, 2)),
    "bias": (conv(), (1, 4, 3, 3), (3, 4, 2, 2), (2,)),
    "stride": (conv(stride=0), (1, 1, 3, 3), (1, 1, 2, 2)),
    "stride of three": (conv(stride=(1, 1, 1)), (1, 1, 3, 3), (1, 1, 2, 2)),
    "padding": (conv(padding=-1), (1, 1, 3, 3), (1, 1, 2, 2)),
    "padding's name": (conv(padding="full"), (1, 1, 3, 3), (1, 1, 2, 2)),
    "same, strided": (conv(padding="same", stride=2), (1, 1, 3, 3), (1, 1, 2, 2)),
    "dilation": (conv(dilation=0), (1, 1, 3, 3), (1, 1, 2, 2)),
    "small input": (conv(), (1, 1, 3, 3), (1, 1, 5, 5)),
    "empty input": (conv(padding=1), (1, 1, 0, 3), (1, 1, 2, 2)),
    "empty kernel": (conv(), (1, 1, 3, 3), (1, 1, 0, 2)),
    "no outputs": (conv(), (1, 1, 3, 3), (0, 1, 2, 2)),
    "spread: channels": (spread(), (1, 3, 3, 3), (2, 3, 3, 3)),
    "spread: bias": (spread(), (4, 3, 3), (4, 3, 3, 3), (4,)),
    "spread: output padding": (spread(stride=2, output_padding=2), (1, 2, 3, 3), (2, 3, 3, 3)),
    "spread: negative": (spread(output_padding=-1), (1, 2, 3, 3), (2, 3, 3, 3)),
    "spread: too small": (spread(padding=2), (1, 2, 1, 1), (2, 3, 1, 1)),
    "unfold: axes": (lambda ns, x: ns.nn.functional.unfold(x, 7), (1, 3, 5, 5)),
    "fold: windows": (lambda ns, x: ns.nn.functional.fold(x, (4, 4), 2), (2, 12, 8)),
    "fold: channels": (lambda ns, x: ns.nn.functional.fold(x, (4, 4), 2), (2, 13, 9)),
    "fold: axes": (lambda ns, x: ns.nn.functional.fold(x, (4, 4), 2), (2, 12, 9, 1)),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_pytorch_refuses_is_refused(name):
    refused(*REFUSED[name])


def test_types_that_differ_are_refused():
    refused(lambda ns, x: ns.nn.functional.conv2d(x, ns.ones(1, 1, 2, 2, dtype=ns.float64)), (1, 1, 3, 3))
    refused(
        lambda ns, x: ns.nn.functional.conv2d(x, ns.ones(1, 1, 2, 2), ns.ones(1, dtype=ns.float64)),
        (1, 1, 3, 3),
    )


def test_unfold_and_fold():
    for seed in range(40):
        case = drawn(seed, 2)
        shape = (*case["batch"], case["channels"], *case["size"])
        settings = [case[key] for key in ("kernel", "dilation", "padding", "stride")]
        x = case["random"].normal(size=shape)
        agree(lambda ns, x: ns.nn.functional.unfold(x, *settings), [x], LAYOUTS[seed % 3])
        columns = torch.nn.functional.unfold(torch.tensor(x), *settings).numpy()
        agree(lambda ns, c: ns.nn.functional.fold(c, case["size"], *settings), [columns], LAYOUTS[seed % 3])


def test_windows_of_one_element_are_a_copy():
    x = tt.ones(1, 2, 3, 3)
    tt.nn.functional.unfold(x, 1).zero_()
    assert x.sum().item() == 18


LAYERS = {
    "conv1d": (lambda nn: nn.Conv1d(4, 6, 3, stride=2, padding=1, groups=2), (2, 4, 9)),
    "conv2d": (lambda nn: nn.Conv2d(3, 5, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2)), (2, 3, 8, 7)),
    "conv2d positional": (lambda nn: nn.Conv2d(4, 4, 3, 1, 1, 1, 4, False, "circular"), (2, 4, 6, 5)),
    "conv2d same": (lambda nn: nn.Conv2d(3, 5, 4, padding="same", bias=False), (2, 3, 8, 7)),
    "conv2d valid": (lambda nn: nn.Conv2d(3, 5, 4, padding="valid"), (3, 8, 7)),
    "conv2d reflect": (lambda nn: nn.Conv2d(3, 5, 3, padding=2, padding_mode="reflect"), (2, 3, 8, 7)),
    "conv2d same reflect": (lambda nn: nn.Conv2d(3, 5, (4, 3), padding="same", padding_mode="reflect"), (2, 3, 8, 7)),
    "conv2d replicate": (lambda nn: nn.Conv2d(3, 5, 3, padding=(1, 2), padding_mode="replicate"), (2, 3, 8, 7)),
    "conv1d circular": (lambda nn: nn.Conv1d(3, 5, 3, padding=2, padding_mode="circular"), (2, 3, 8)),
    "conv3d": (lambda nn: nn.Conv3d(2, 3, 2, padding=1), (2, 2, 3, 4, 3)),
    "transposed 1d": (lambda nn: nn.ConvTranspose1d(4, 6, 3, stride=2, output_padding=1), (2, 4, 5)),
    "transposed 2d": (lambda nn: nn.ConvTranspose2d(4, 6, 4, 2, 1, groups=2, bias=False), (2, 4, 5, 4)),
    "transposed 2d positional": (lambda nn: nn.ConvTranspose2d(4, 6, 3, 2, 1, 1, 2, True, 2), (4, 5, 4)),
    "transposed 3d": (lambda nn: nn.ConvTranspose3d(2, 3, 2, stride=2), (1, 2, 3, 2, 2)),
    "unfold": (lambda nn: nn.Unfold((2, 3), padding=1), (2, 3, 5, 5)),
    "fold": (lambda nn: nn.Fold((4, 5), 2, stride=2, padding=1), (2, 12, 9)),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_with_pytorchs_state_computes_the_same(name):
    build, shape = LAYERS[name]
    theirs, ours = build(torch.nn).double(), build(tt.nn).double()
    assert repr(ours) == repr(theirs)
    state = theirs.state_dict()
    assert list(ours.state_dict()) == list(state)
    ours.load_state_dict({key: tt.from_numpy(value.numpy().copy()) for key, value in state.items()})
    x = np.random.default_rng(3).normal(size=shape)
    agree(lambda ns, x: ours(x) if ns is tt else theirs(x), [x])
    for (_, mine), (_, its) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert mine.shape == tuple(its.shape)


def test_an_output_size_is_met():
    theirs, ours = (ns.nn.ConvTranspose2d(2, 3, 3, stride=3, padding=1) for ns in (torch, tt))
    for size in ([10, 12], [1, 3, 11, 11]):
        assert ours(tt.ones(1, 2, 4, 4), output_size=size).shape == tuple(
            theirs(torch.ones(1, 2, 4, 4), output_size=size).shape
        )
    for size in ([9, 10], [10], [13, 10]):
        refused(lambda ns, x: (ours if ns is tt else theirs)(x, output_size=size), (1, 2, 4, 4))


BAD_SETTINGS = {
    "groups": {"groups": 2},
    "no groups": {"groups": 0},
    "padding": {"padding": "full"},
    "same, strided": {"padding": "same", "stride": 2},
    "mode": {"padding_mode": "zero"},
}


@pytest.mark.parametrize("name", BAD_SETTINGS)
def test_settings_that_do_not_go_together(name):
    refused(lambda ns: ns.nn.Conv2d(3, 4, 3, **BAD_SETTINGS[name]))


def test_the_usual_start_is_pytorchs():
    tt.manual_seed(0)
    for layer, fan_in in (
        (tt.nn.Conv2d(16, 64, 3, groups=4), 36),
        (tt.nn.ConvTranspose2d(16, 64, 3), 64 * 9),
    ):
        bound = 1 / fan_in**0.5
        for each in layer.parameters():
            values = each.detach().numpy()
            assert np.abs(values).max() <= bound
            assert np.abs(values).max() > 0.9 * bound
            assert abs(values.std() - bound / 3**0.5) < 0.2 * bound


def test_the_result_can_be_viewed():
    out = tt.nn.functional.conv2d(tt.ones(2, 1, 4, 4), tt.ones(3, 1, 2, 2))
    assert out.view(2, -1).shape == (2, 27)
    assert tt.nn.functional.conv_transpose2d(
        tt.ones(2, 3, 4, 4), tt.ones(3, 1, 2, 2), padding=1
    ).is_contiguous()


def test_only_the_gradient_that_is_wanted_is_computed():
    seen = []
    with tt.observe.observing(lambda op, *_: seen.append(type(op).__name__)):
        weight = tt.ones(2, 1, 2, 2, requires_grad=True)
        tt.nn.functional.conv2d(tt.ones(1, 1, 4, 4), weight).sum().backward()
    assert "ConvolutionWeight" in seen
    assert "TransposedConvolution" not in seen


def test_the_flops_of_a_convolution():
    card = tt.ops.Convolution(tt.ops.Window((3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1)), 1)
    x, weight = tt.empty(64, 16, 28, 28), tt.empty(32, 16, 3, 3)
    assert card.flops(tt.empty(64, 32, 28, 28), x, weight) == 462_422_016
