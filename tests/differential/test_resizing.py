"""Padding, interpolation, shuffled pixels and dropout against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from twins import LAYOUTS, agree, refused

import tinytorch as tt

torch.set_num_threads(1)
MODES = ("constant", "reflect", "replicate", "circular")


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("mode", MODES)
def test_pad(mode):
    random = np.random.default_rng(MODES.index(mode))
    for seed in range(90):
        axes = 1 + seed % 3
        shape = (2, 3)[seed % 2 :] + tuple(int(n) for n in random.integers(3, 6, size=axes))
        least = -1 if seed % 4 == 0 else 0
        around = [int(n) for n in random.integers(least, 3, size=2 * axes)]
        value = 2.5 if mode == "constant" and seed % 2 else None
        agree(lambda ns, x: ns.nn.functional.pad(x, around, mode, value), [normal(*shape)], LAYOUTS[seed % 3])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "around", [(-3, 2), (2, -3), (-1, 2), (-2, -2), (-1, 0), (0, -1), (0, 0), (-4, 3), (2, 2)]
)
def test_elements_are_taken_away(mode, around):
    if mode == "circular" and around == (-4, 3):
        return  # one element is left, and cannot be repeated three times: below
    agree(lambda ns, x: ns.nn.functional.pad(x, around, mode), [np.arange(10.0).reshape(1, 2, 5)])


def test_a_constant_round_any_number_of_axes():
    for shape, around in (
        ((5,), (1, 2)), ((2, 3, 4, 2), (0, 1)), ((2, 3), (1, 0, 0, 2)), ((2, 1, 2, 1), (1,) * 8), ((0, 2), (1, 1)),
        ((2, 3), ()), ((3, 4), (-3, 1, -1, -1)), ((4,), (-4, 3)),
    ):  # fmt: skip
        agree(lambda ns, x: ns.nn.functional.pad(x, around, value=-1.5), [normal(*shape)])
    for dtype in ("i8", "f4", "f2", "?", "u1"):
        x = np.arange(6).reshape(2, 3).astype(dtype)
        agree(lambda ns, x: ns.nn.functional.pad(x, (1, 2), value=2.5), [x], order=1)
        for mode in MODES[1:] if dtype in ("i8", "f4", "f2") else ():
            agree(lambda ns, x: ns.nn.functional.pad(x, (1, 2), mode), [x], order=1)


def test_an_empty_batch_is_padded():
    for mode in MODES:
        agree(lambda ns, x: ns.nn.functional.pad(x, (1, 2), mode), [np.ones((0, 2, 4))])


def test_padding_is_always_a_copy():
    for mode in MODES:
        for around in ((0, 0), (-1, 0), (1, 1)):
            x = tt.ones(1, 3)
            tt.nn.functional.pad(x, around, mode).zero_()
            assert x.sum().item() == 3


def pad(around, mode, **more):
    return lambda ns, x: ns.nn.functional.pad(x, around, mode, **more)


PADDING_REFUSED = {
    "odd": (pad((1, 1, 1), "constant"), (1, 5)),
    "too many axes": (pad((1, 1, 1, 1), "constant"), (5,)),
    "mode": (pad((1, 1), "mirror"), (1, 5)),
    "reflect 1d": (pad((1, 1), "reflect"), (5,)),
    "reflect 4d": (pad((1, 1), "reflect"), (1, 1, 2, 5)),
    "replicate 2d": (pad((1, 1, 1, 1), "replicate"), (2, 5)),
    "circular 4d": (pad((1, 1), "circular"), (1, 1, 2, 5)),
    "reflect too far": (pad((3, 0), "reflect"), (1, 1, 3)),
    "circular too far": (pad((4, 0), "circular"), (1, 1, 3)),
    "circular too far after cropping": (pad((-3, 4), "circular"), (1, 1, 5)),
    "reflect nothing left": (pad((-2, -3), "reflect"), (1, 1, 5)),
    "replicate nothing left": (pad((-2, -3), "replicate"), (1, 1, 5)),
    "constant less than nothing": (pad((-3, -3), "constant"), (1, 1, 5)),
    "circular less than nothing": (pad((-2, -4), "circular"), (1, 1, 5)),
    "reflect value": (pad((1, 1), "reflect", value=1), (1, 1, 5)),
    "reflect no channels": (pad((1, 1), "reflect"), (1, 0, 5)),
    "replicate nothing": (pad((1, 1), "replicate"), (1, 1, 0)),
    "circular nothing": (pad((1, 1), "circular"), (1, 1, 0)),
}


@pytest.mark.parametrize("name", PADDING_REFUSED)
def test_padding_that_pytorch_refuses_is_refused(name):
    refused(*PADDING_REFUSED[name])


@pytest.mark.parametrize("kind", ["Constant", "Zero", "Reflection", "Replication", "Circular"])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_a_padding_layer(kind, axes):
    for around in (1, tuple(range(2 * axes))[::-1] if axes < 2 else (1, 2) * axes):
        value = (1.5,) if kind == "Constant" else ()
        ours, theirs = (getattr(ns.nn, f"{kind}Pad{axes}d")(around, *value) for ns in (tt, torch))
        assert repr(ours) == repr(theirs)
        agree(lambda ns, x: (ours if ns is tt else theirs)(x), [normal(2, 2, *(4, 3, 5)[:axes])])


INTERPOLATING = [
    ("nearest", 1), ("nearest", 2), ("nearest", 3), ("nearest-exact", 1), ("nearest-exact", 2), ("linear", 1),
    ("bilinear", 2), ("trilinear", 3), ("bicubic", 2), ("area", 1), ("area", 2),
]  # fmt: skip


@pytest.mark.parametrize(("mode", "axes"), INTERPOLATING)
def test_interpolation(mode, axes):
    random = np.random.default_rng(axes)
    corners = [None, True, False] if mode.endswith(("linear", "cubic")) else [None]
    for seed in range(40 if axes < 3 else 12):
        shape = (1 + seed % 2, 2, *[int(n) for n in random.integers(1, 7, size=axes)])
        settings = {"align_corners": corners[seed % len(corners)]}
        if seed % 2:
            settings["size"] = (
                [int(n) for n in random.integers(1, 13, size=axes)] if seed % 4 == 1 else int(seed % 9 + 1)
            )
        else:
            scale = [2, 3, 1.7, 2.5, 1.0][seed // 2 % 5]
            settings["scale_factor"] = [scale, 2.0, 1.3][:axes] if seed % 4 else scale
            settings["recompute_scale_factor"] = [None, True, False][seed // 2 % 3]

        def run(ns, x):
            return ns.nn.functional.interpolate(x, mode=mode, **settings)

        dtype = "f8" if seed % 3 else "f4"
        agree(run, [normal(*shape, seed=seed).astype(dtype)], LAYOUTS[seed % 3])


def test_the_nearest_of_many_sizes():
    x = np.arange(1.0, 14.0, dtype="f4")
    for size in range(1, 14):
        for count in range(1, 40):
            for mode in ("nearest", "nearest-exact"):
                agree(
                    lambda ns, x: ns.nn.functional.interpolate(x, count, mode=mode),
                    [x[None, None, :size]],
                    order=0,
                )


def test_making_smaller():
    for mode in ("nearest", "bilinear", "bicubic", "area"):
        for scale in (0.5, 0.3, 0.7):
            agree(
                lambda ns, x: ns.nn.functional.interpolate(x, scale_factor=scale, mode=mode),
                [normal(1, 2, 9, 8)],
            )


def test_halves_and_bytes_are_resized():
    half = normal(1, 2, 3, 4).astype("f2")
    for mode in ("nearest", "bilinear", "bicubic"):
        agree(lambda ns, x: ns.nn.functional.interpolate(x, scale_factor=2.5, mode=mode), [half], order=1)
    agree(
        lambda ns, x: ns.nn.functional.interpolate(x, scale_factor=2),
        [np.arange(6, dtype="u1").reshape(1, 1, 2, 3)],
    )


def resize(*arguments, **settings):
    return lambda ns, x: ns.nn.functional.interpolate(x, *arguments, **settings)


RESIZING_REFUSED = {
    "two axes": (resize(scale_factor=2), (3, 3)),
    "six axes": (resize(scale_factor=2), (1, 1, 1, 1, 3, 3)),
    "bilinear sequence": (resize(scale_factor=2, mode="bilinear"), (1, 3, 3)),
    "linear image": (resize(scale_factor=2, mode="linear"), (1, 1, 3, 3)),
    "mode": (resize(scale_factor=2, mode="quadratic"), (1, 1, 3, 3)),
    "both": (resize((2, 2), 2), (1, 1, 3, 3)),
    "neither": (resize(), (1, 1, 3, 3)),
    "one size for two": (resize((2,)), (1, 1, 3, 3)),
    "one scale for two": (resize(scale_factor=(2,)), (1, 1, 3, 3)),
    "fractional size": (resize(2.5), (1, 1, 3, 3)),
    "corners": (resize(2, align_corners=False), (1, 1, 3, 3)),
    "recompute": (resize(2, recompute_scale_factor=True), (1, 1, 3, 3)),
    "nothing": (resize(0), (1, 1, 3, 3)),
    "rounded to nothing": (resize(scale_factor=0.2), (1, 1, 3, 3)),
    "no channels": (resize(2), (1, 0, 3, 3)),
}


@pytest.mark.parametrize("name", RESIZING_REFUSED)
def test_resizing_that_pytorch_refuses_is_refused(name):
    refused(*RESIZING_REFUSED[name])


def test_pixels_and_channels_are_shuffled():
    for layout in LAYOUTS:
        for shape in ((2, 8, 3, 2), (8, 2, 3), (2, 1, 4, 2, 1)):
            agree(lambda ns, x: ns.nn.functional.pixel_shuffle(x, 2), [normal(*shape)], layout)
        for shape in ((2, 3, 4, 6), (3, 2, 2), (2, 1, 3, 2, 4)):
            agree(lambda ns, x: ns.nn.functional.pixel_unshuffle(x, 2), [normal(*shape)], layout)
        agree(lambda ns, x: ns.nn.functional.channel_shuffle(x, 3), [normal(2, 6, 2, 3)], layout)
    refused(lambda ns, x: ns.nn.functional.pixel_shuffle(x, 2), (1, 5, 2, 2))
    refused(lambda ns, x: ns.nn.functional.pixel_shuffle(x, 2), (2, 2))
    refused(lambda ns, x: ns.nn.functional.pixel_unshuffle(x, 2), (1, 1, 3, 2))
    refused(lambda ns, x: ns.nn.functional.channel_shuffle(x, 3), (1, 4, 2, 2))
    refused(lambda ns, x: ns.nn.functional.channel_shuffle(x, 2), (1, 4))


SHAPED = {
    "upsample": (lambda nn: nn.Upsample(scale_factor=2), (1, 2, 3, 4)),
    "upsample size": (lambda nn: nn.Upsample((5, 7), mode="bilinear", align_corners=True), (1, 2, 3, 4)),
    "upsample scales": (lambda nn: nn.Upsample(scale_factor=(2, 1.5), mode="bicubic"), (1, 2, 3, 4)),
    "nearest": (lambda nn: nn.UpsamplingNearest2d(scale_factor=3), (1, 2, 3, 4)),
    "bilinear": (lambda nn: nn.UpsamplingBilinear2d(size=(4, 4)), (1, 2, 3, 5)),
    "shuffle": (lambda nn: nn.PixelShuffle(2), (1, 8, 3, 4)),
    "unshuffle": (lambda nn: nn.PixelUnshuffle(2), (1, 2, 4, 4)),
    "channels": (lambda nn: nn.ChannelShuffle(2), (1, 4, 4, 4)),
}


@pytest.mark.parametrize("name", SHAPED)
def test_a_layer_computes_the_same(name):
    build, shape = SHAPED[name]
    ours, theirs = build(tt.nn), build(torch.nn)
    assert repr(ours) == repr(theirs)
    agree(lambda ns, x: (ours if ns is tt else theirs)(x), [normal(*shape)])


@pytest.mark.parametrize("align_corners", [True, False])
@pytest.mark.parametrize("padding_mode", ["zeros", "border"])
@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
def test_an_image_is_seen_through_a_grid(mode, padding_mode, align_corners):
    theta = normal(2, 2, 3, seed=3) * 0.7

    def run(ns, x, theta):
        grid = ns.nn.functional.affine_grid(theta, (2, 3, 4, 5), align_corners)
        return ns.nn.functional.grid_sample(x, grid, mode, padding_mode, align_corners)

    agree(run, [normal(2, 3, 6, 4), theta], order=1)


DROPPING = ["dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"]
SHAPES = {"dropout1d": (64, 50, 3), "dropout2d": (64, 50, 3, 2), "dropout3d": (64, 50, 3, 2, 2), "feature_alpha_dropout": (64, 50, 3)}  # fmt: skip


@pytest.mark.parametrize("name", DROPPING)
def test_dropout_drops_as_much_and_as_pytorchs(name):
    shape, p = SHAPES.get(name, (64, 50)), 0.3
    tt.manual_seed(0)
    torch.manual_seed(0)
    results = [getattr(ns.nn.functional, name)(ns.ones(*shape), p, True).numpy() for ns in (tt, torch)]
    values = [np.unique(each) for each in results]
    np.testing.assert_allclose(*values, rtol=1e-5)
    shares = [(each == each.min()).mean() for each in results]
    assert abs(shares[0] - p) < 0.03
    assert abs(shares[1] - p) < 0.03
    if len(shape) > 2:  # all of a channel, or nothing of it
        flat = results[0].reshape(*shape[:2], -1)
        assert (flat == flat[..., :1]).all()


@pytest.mark.parametrize("name", DROPPING)
def test_dropout_has_the_gradient_of_its_mask(name):
    tt.manual_seed(1)
    x = tt.ones(*SHAPES.get(name, (64, 50)), requires_grad=True)
    out = getattr(tt.nn.functional, name)(x, 0.5, True)
    out.sum().backward()
    kept = out.detach() == out.detach().max()
    assert ((x.grad != 0) == kept).all()


@pytest.mark.parametrize("name", DROPPING)
def test_dropout_out_of_training_and_at_the_ends(name):
    function = getattr(tt.nn.functional, name)
    x = (
        tt.arange(1.0, 9.0).reshape(2, 2, 2, 1)[..., 0]
        if name != "dropout2d"
        else tt.arange(1.0, 9.0).reshape(2, 2, 2, 1)
    )
    if name == "dropout3d":
        x = x.reshape(2, 2, 2, 1, 1)
    assert (function(x, 0.7, False) == x).all()
    assert (function(x, 0.0, True) == x).all()
    assert (function(x, 1.0, True) == 0).all()
    with pytest.raises(ValueError, match="between 0 and 1"):
        function(x, 1.5, True)
    assert function(x, 1.0, True, inplace=True) is x
    assert (x == 0).all()


def test_a_sample_without_a_batch_is_dropped_by_channels():
    tt.manual_seed(2)
    for shape, name in (((200, 3), "dropout1d"), ((200, 3, 2, 2), "dropout3d")):
        x = tt.ones(*shape)
        out = getattr(tt.nn.functional, name)(x, 0.5).reshape(200, -1)
        assert (out == out[:, :1]).all()
        assert set(out.numpy().reshape(-1).tolist()) == {0.0, 2.0}
        getattr(tt.nn.functional, name)(x, 0.5, inplace=True)
        assert set(x.numpy().reshape(-1).tolist()) == {0.0, 2.0}


def test_dropout_layers_print_and_switch():
    for name in ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"):
        ours, theirs = (getattr(ns.nn, name)(0.25) for ns in (tt, torch))
        assert repr(ours) == repr(theirs)
        x = tt.ones(8, 8, 2, 2) if name != "Dropout1d" else tt.ones(8, 8, 2)
        assert not (ours(x) == x).all()
        assert (ours.eval()(x) == x).all()
        with pytest.raises(ValueError, match="between 0 and 1"):
            getattr(tt.nn, name)(1.2)
