"""What PyTorch's own samples brought to light: types that are refused, kinks, empty and infinite values, forms of results."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from twins import agree

import tinytorch as tt
from tinytorch.autograd import gradgradcheck

RANDOM = np.random.default_rng(11)
X = RANDOM.normal(size=(3, 4))
VOLUME = RANDOM.normal(size=(2, 3, 4, 3, 5))
EDGE = np.array([-np.inf, -1.0, -0.0, 0.0, 0.25, 1.0, np.inf])
BYTES = RANDOM.integers(0, 255, (2, 3, 6, 7)).astype(np.uint8)
LABELS = np.array([[2, 2, 1], [1, 3, 2], [3, 1, 1]])


def functional(name, *args, **options):
    return lambda ns, *xs: getattr(ns.nn.functional, name)(*xs, *args, **options)


VALUES = {
    "copysign": (lambda ns, x, y: ns.copysign(x, y), [EDGE[1:-1], -EDGE[1:-1]]),
    "clamp_min": (lambda ns, x, y: x.clamp_min(y), [np.array([0.5, 1.0, -np.inf]), np.array([np.inf, 1.0, 0.0])]),
    "logaddexp of equals": (lambda ns, x: ns.logaddexp(x, x.detach()), [X]),
    "diff of none": (lambda ns, x: ns.diff(x, 0, 0, x[:1]), [X]),
    "addcmul": (lambda ns, x, y: ns.addcmul(ns.ones(3, 4, dtype=ns.bool), x, y), [X, X]),
    "logsigmoid": (functional("logsigmoid"), [EDGE[1:-1]]),
    "softshrink": (functional("softshrink"), [np.array([-0.5, -0.6, 0.5, 0.0, 0.7])]),
    "log_ndtr": (lambda ns, x: ns.special.log_ndtr(x), [np.array([np.nan, -3.0, 0.0, 2.0])]),
    "ndtri": (lambda ns, x: ns.special.ndtri(x), [np.array([1e-5, 0.3], np.float32)]),
    "norm": (lambda ns, x: x.norm(-0.5, 1), [np.array([[1.0, 2.0], [0.0, 3.0]])]),
    "svd": (lambda ns, x: ns.linalg.svd(x)[1] * ns.linalg.svd(x)[0][..., 0].abs()[..., :3], [X]),
    "qr of a wide matrix": (lambda ns, x: [each.abs() for each in ns.linalg.qr(x)], [X]),
    "qr of a wide matrix, completely": (lambda ns, x: ns.linalg.qr(x, "complete")[1].abs(), [X]),
    "ranks": (lambda ns, x: ns.linalg.matrix_rank(x, atol=ns.tensor([0.1, 5.0]), rtol=ns.tensor([0.0, 0.5])), [np.stack([X, X])]),
    "cond": (lambda ns, x: ns.linalg.cond(x[:, :3]) + ns.linalg.cond(x.detach()[:, 1:], 1), [X]),
    "lstsq": (lambda ns, x, y: ns.linalg.lstsq(x, y, driver="gelsd")[:3:2], [X.T, X.T]),
    "trapezoid": (lambda ns, x, y: ns.trapezoid(y, x) + ns.trapezoid(x, dx=0.5, dim=0).sum(), [X, X + 1]),
    "cumulative_trapezoid": (lambda ns, x: ns.cumulative_trapezoid(x, x[0]), [X]),
    "combinations": (lambda ns, x: ns.combinations(x[0], 3, with_replacement=True), [X]),
    "unravel_index": (lambda ns, x: ns.unravel_index(x, (3, 4)), [np.array([[0, 5], [11, 7]], np.int8)]),
    "gcd and lcm": (lambda ns, x: [x.gcd(x.flip(0)), x.lcm(x.flip(0))], [np.array([12, -8, 0, 7])]),
    "rsub": (lambda ns, x: ns.rsub(x, 2.0, alpha=3), [X]),
    "pdist": (lambda ns, x: ns.pdist(x, 1.5), [X]),
    "two numbers": (lambda ns: [ns.add(5, 2), ns.mul(True, True), ns.div(5, 2), ns.floor_divide(5.0, 2)], []),
    "powers of bools": (lambda ns, x: [x**True, x**False, x**2], [X > 0]),
    "threshold": (functional("threshold", 1.5, 2.7), [np.arange(4)]),
    "unfold": (functional("unfold", 2), [np.ones((1, 1, 3, 3), bool)]),
    "empty rows": (functional("feature_alpha_dropout", training=False), [X[0]]),
    "margin_ranking_loss": (functional("margin_ranking_loss"), [np.arange(3), np.arange(3)[::-1].copy(), np.ones(3, int)]),
    "multi_margin_loss": (functional("multi_margin_loss", reduction="none"), [X[0], np.array([2])]),
    "local_response_norm": (functional("local_response_norm", 2, alpha=4.0, beta=1.0), [np.arange(12).reshape(1, 4, 3)]),
    "Softmax2d": (lambda ns, x: ns.nn.Softmax2d()(x), [VOLUME[0]]),
    "rrelu": (functional("rrelu"), [X]),
}  # fmt: skip


# PyTorch's second derivatives are NaN there, or it has none.
ONCE = {"copysign", "norm", "logsigmoid", "pdist", "multi_margin_loss"}


@pytest.mark.parametrize("name", VALUES)
def test_values_and_slopes(name):
    function, arrays = VALUES[name]
    agree(function, arrays, order=1 if name in ONCE else 2)


REFUSED = {
    "avg_pool1d": (functional("avg_pool1d", 2), np.ones((1, 1, 4), np.int32)),
    "avg_pool2d": (functional("avg_pool2d", 2), np.ones((1, 1, 4, 4), np.uint8)),
    "max_pool1d": (functional("max_pool1d", 2), np.ones((1, 1, 4), np.int64)),
    "max_unpool2d": (lambda ns, x: ns.nn.functional.max_unpool2d(x, x, 1), np.zeros((1, 1, 1, 1), np.int64)),
    "conv2d": (lambda ns, x: ns.nn.functional.conv2d(x, x, dilation=2), np.ones((1, 1, 1, 1), np.int32)),
    "conv_transpose2d": (lambda ns, x: ns.nn.functional.conv_transpose2d(x, x), np.ones((1, 1, 1, 1), np.int16)),
    "pad": (functional("pad", (1, 1), "reflect"), np.ones((1, 1, 4), bool)),
    "interpolate": (functional("interpolate", 2), np.ones((1, 1, 4), np.int64)),
    "grid_sample": (lambda ns, x: ns.nn.functional.grid_sample(x, x, align_corners=False), np.ones((1, 2, 2, 2), np.int64)),
    "one_hot": (functional("one_hot"), np.ones(3, np.int32)),
    "embedding_bag": (lambda ns, x: ns.nn.functional.embedding_bag(x, x), np.zeros((2, 2), np.int64)),
    "local_response_norm": (functional("local_response_norm", 2), np.ones((1, 2, 2), bool)),
    "searchsorted": (lambda ns, x: ns.searchsorted(x, x), np.ones(3, bool)),
    "trapezoid": (lambda ns, x: ns.trapezoid(x), np.ones(3, bool)),
    "gcd": (lambda ns, x: ns.gcd(x, x), np.ones(3)),
    "unravel_index": (lambda ns, x: ns.unravel_index(x, (3, 4)), np.ones(3)),
    "rsub": (lambda ns, x: ns.rsub(2, x), np.ones(3)),
    "dropout": (functional("dropout", 0.5), np.ones(3, np.int64)),
    "addcmul": (lambda ns, x: ns.addcmul(x, x, x), np.ones(3, bool)),
    "qr": (lambda ns, x: ns.linalg.qr(x.requires_grad_(), "complete")[1].sum().backward(), np.ones((3, 2))),
    "CTCLoss": (lambda ns, x: ns.nn.functional.ctc_loss(x, ns.tensor(LABELS), [3], [3]), np.zeros((4, 3, 4))),
    "CTCLoss of long inputs": (lambda ns, x: ns.nn.functional.ctc_loss(x, ns.tensor(LABELS), ns.tensor([5] * 3), ns.tensor([3] * 3)), np.zeros((4, 3, 4))),
    "CTCLoss of another blank": (lambda ns, x: ns.nn.functional.ctc_loss(x, ns.tensor(LABELS), ns.tensor([4] * 3), ns.tensor([3] * 3), 4), np.zeros((4, 3, 4))),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_both_refuse(name):
    function, values = REFUSED[name]
    errors = (RuntimeError, TypeError, ValueError, IndexError)
    with pytest.raises(errors) as theirs:
        function(torch, torch.from_numpy(values))
    with pytest.raises(tuple(each for each in errors if isinstance(theirs.value, each))):
        function(tt, tt.from_numpy(values))


@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
@pytest.mark.parametrize("align_corners", [False, True])
def test_grid_sample(mode, padding_mode, align_corners):
    options = {"mode": mode, "padding_mode": padding_mode, "align_corners": align_corners}
    grid = RANDOM.uniform(-2.5, 2.5, (2, 4, 5, 2))
    agree(functional("grid_sample", **options), [VOLUME[:, :, 0], grid])
    if mode != "bicubic":
        agree(functional("grid_sample", **options), [VOLUME, RANDOM.uniform(-2.5, 2.5, (2, 2, 4, 5, 3))])


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "bilinear", "bicubic"])
def test_pictures_of_bytes_grow_and_shrink(mode):
    """A byte more or less where PyTorch's weights of 16 bits round the other way."""
    for size in (4, 9, (3, 11)):
        ours, theirs = (
            ns.nn.functional.interpolate(ns.from_numpy(BYTES), size, mode=mode).numpy().astype(int)
            for ns in (tt, torch)
        )
        assert abs(ours - theirs).max() <= (1 if "bi" in mode else 0)
        assert (ours != theirs).mean() < 0.05


@pytest.mark.parametrize("p", [0.0, 1.0])
@pytest.mark.parametrize("name", ["dropout", "dropout2d", "alpha_dropout", "feature_alpha_dropout"])
@pytest.mark.parametrize("kind", [bool, np.int32])
def test_whole_numbers_are_dropped_all_or_none(name, p, kind):
    values = np.ones((2, 2, 3, 3), kind)
    agree(functional(name, p, True), [values])
    x = tt.from_numpy(values.copy())
    assert getattr(tt.nn.functional, name)(x, p, True, True) is x
    assert x.sum().item() == (0 if p else 36)


def spoken(ns, x, targets, steps, lengths, **options):
    return ns.nn.functional.ctc_loss(x, ns.tensor(targets), ns.tensor(steps), ns.tensor(lengths), **options)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize(
    ("targets", "steps", "lengths"),
    [
        (LABELS, [6, 6, 6], [3, 3, 3]),
        (LABELS, [6, 5, 2], [3, 2, 0]),
        (LABELS, [4, 0, 3], [3, 0, 1]),
        (np.concatenate([LABELS[0], LABELS[1, :1]]), [6, 5, 4], [3, 0, 1]),
    ],
)
def test_ctc_loss(targets, steps, lengths, reduction):
    logits = RANDOM.normal(size=(6, 3, 4))
    options = {"reduction": reduction}
    agree(lambda ns, x: spoken(ns, x.log_softmax(2), targets, steps, lengths, **options), [logits], order=1)
    given = torch.from_numpy(logits).log_softmax(2).numpy()
    agree(lambda ns, x: spoken(ns, x, targets, steps, lengths, **options), [given], order=1)


def test_ctc_loss_of_what_cannot_be():
    """Two equal labels need a blank between them: three steps, and there are two."""
    for zero, want in ((False, float("inf")), (True, 0.0)):
        agree(
            lambda ns, x, zero=zero: spoken(ns, x, [[2, 2]], [2], [2], zero_infinity=zero),
            [np.full((2, 1, 3), np.log(1 / 3))],
            order=int(zero),
        )
        assert (
            tt.nn.CTCLoss(zero_infinity=zero)(
                tt.zeros(2, 1, 3).log_softmax(2), tt.tensor([[2, 2]]), [2], [2]
            ).item()
            == want
        )


def test_ctc_loss_differentiates_twice():
    x = tt.tensor(RANDOM.normal(size=(4, 2, 3)), requires_grad=True)
    assert gradgradcheck(lambda x: spoken(tt, x.log_softmax(2), [[1, 1], [2, 1]], [4, 3], [2, 2]), [x])


def test_cross_entropy_of_ignored_targets_only_has_no_slope():
    """The mean of no losses is NaN; its gradient is 0."""
    for ns in (tt, torch):
        x = ns.zeros(2, 3).requires_grad_()
        ns.nn.functional.cross_entropy(x, ns.tensor([1, 1]), ignore_index=1).backward()
        assert x.grad.tolist() == [[0.0] * 3] * 2


def test_rrelu_draws_each_share_between_its_bounds():
    x = -tt.ones(1000)
    shares = -tt.nn.RReLU(0.2, 0.4)(x)
    assert 0.2 <= shares.min().item() < 0.21 and 0.39 < shares.max().item() <= 0.4
    assert repr(tt.nn.RReLU()) == repr(torch.nn.RReLU())
