"""Functions made of others, against PyTorch: values, dtypes, gradients, errors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import tinytorch as tt

RANDOM = np.random.default_rng(3)
X, Y = RANDOM.uniform(-2, 2, (3, 4)), RANDOM.uniform(-2, 2, (3, 4))
Z = np.array([[0.0, -0.0, np.inf, -np.inf], [np.nan, 1.5, -2.5, 0.25]])
N = np.array([3, 1, 4, 1, 5, 9, 2, 6, 5, 3])
V = RANDOM.uniform(-1, 1, 3)
M, B = RANDOM.uniform(-1, 1, (3, 3)), RANDOM.uniform(-1, 1, (2, 3, 3))

DIFFERENTIABLE = {
    "acosh": lambda ns, x: (x.abs() + 1.1).acosh(), "asinh": lambda ns, x: x.asinh(), "atanh": lambda ns, x: (x / 3).atanh(),
    "arctan2": lambda ns, x: x.arctan2(x.flip(0) + 3), "clamp_max": lambda ns, x: x.clamp_max(0.5), "clamp_min": lambda ns, x: ns.clamp_min(x, 0.5),
    "copysign": lambda ns, x: x.copysign(-x.flip(1)), "deg2rad": lambda ns, x: x.deg2rad(), "rad2deg": lambda ns, x: x.rad2deg(),
    "float_power": lambda ns, x: x.abs().float_power(1.5), "fmax": lambda ns, x: x.fmax(x.flip(0)), "fmin": lambda ns, x: x.fmin(x.flip(0)),
    "frac": lambda ns, x: x.frac(), "hypot": lambda ns, x: x.hypot(x.flip(1)), "ldexp": lambda ns, x: x.ldexp(ns.tensor([1, 2, 3, 0])),
    "logaddexp": lambda ns, x: x.logaddexp(x.flip(0)), "logaddexp2": lambda ns, x: x.logaddexp2(x.flip(0)), "logit": lambda ns, x: x.sigmoid().logit(),
    "logit eps": lambda ns, x: x.sigmoid().logit(0.3), "sinc": lambda ns, x: x.sinc(), "xlogy": lambda ns, x: x.xlogy(x.abs() + 0.1),
    "addbmm": lambda ns, x: x[:, :3].addbmm(ns.ones(2, 3, 3, dtype=ns.float64), ns.ones(2, 3, 3, dtype=ns.float64), alpha=0.5),
    "addmv": lambda ns, x: x[:, 0].addmv(x[:, :3], x[0, :3]), "addr": lambda ns, x: x.addr(x[:, 0], x[0], beta=2),
    "baddbmm": lambda ns, x: x[None, :, :3].baddbmm(x[None, :, :3], x[None, :, 1:]), "cross": lambda ns, x: x.cross(x.flip(1), 0),
    "aminmax": lambda ns, x: ns.stack(list(x.aminmax(dim=1))), "cummax": lambda ns, x: x.cummax(1)[0], "cummin": lambda ns, x: x.cummin(0)[0],
    "diff": lambda ns, x: x.diff(), "diff 2": lambda ns, x: x.diff(2, 0), "dist": lambda ns, x: x.dist(x.flip(0) * 2), "inner": lambda ns, x: x.inner(x * 2),
    "kthvalue": lambda ns, x: x.kthvalue(2, 1)[0], "logcumsumexp": lambda ns, x: x.logcumsumexp(1), "median": lambda ns, x: x.median(),
    "median dim": lambda ns, x: x.median(1, keepdim=True)[0], "msort": lambda ns, x: x.msort(), "nansum": lambda ns, x: x.nansum(1), "nanmean": lambda ns, x: x.nanmean(0),
    "quantile": lambda ns, x: x.quantile(0.3), "quantile dim": lambda ns, x: x.quantile(ns.tensor([0.1, 0.9], dtype=ns.float64), 1, keepdim=True),
    "quantile lower": lambda ns, x: x.quantile(0.4, 0, interpolation="lower"), "quantile midpoint": lambda ns, x: x.quantile(0.4, 1, interpolation="midpoint"),
    "trace": lambda ns, x: x.trace(), "var_mean": lambda ns, x: ns.var_mean(x, 1)[0] + ns.var_mean(x, 1)[1], "std_mean": lambda ns, x: ns.std_mean(x, 0)[0],
    "vdot": lambda ns, x: x[0].vdot(x[1]), "diag": lambda ns, x: x[0].diag(1), "diag of": lambda ns, x: x.diag(-1), "diag_embed": lambda ns, x: x.diag_embed(1, 0, 2),
    "diagflat": lambda ns, x: x.diagflat(-1), "diagonal_scatter": lambda ns, x: x.diagonal_scatter(x[0, :3]), "select_scatter": lambda ns, x: x.select_scatter(x[0], 0, 2),
    "slice_scatter": lambda ns, x: x.slice_scatter(x[:, :2], 1, 0, None, 2), "masked_scatter": lambda ns, x: x.masked_scatter(x > 0, x * 2),
    "index_fill": lambda ns, x: x.index_fill(1, ns.tensor([0, 2]), 7.0), "index_copy": lambda ns, x: x.index_copy(0, ns.tensor([2, 0]), x[:2] * 3),
    "kron": lambda ns, x: x.kron(x[:2, :2]), "moveaxis": lambda ns, x: x.moveaxis(0, 1), "narrow_copy": lambda ns, x: x.narrow_copy(1, 1, 2), "ravel": lambda ns, x: x.mT.ravel(),
    "rot90": lambda ns, x: x.rot90(), "rot90 3": lambda ns, x: x.rot90(3), "rot90 2": lambda ns, x: x.rot90(-2), "split_with_sizes": lambda ns, x: x.split_with_sizes([1, 3], 1)[1],
    "sum_to_size": lambda ns, x: x.sum_to_size(3, 1), "take": lambda ns, x: x.take(ns.tensor([[0, 5], [11, 5]])), "tensor_split": lambda ns, x: x.tensor_split(3, 1)[0],
    "tensor_split at": lambda ns, x: x.tensor_split((1, 3), 1)[1], "hsplit": lambda ns, x: x.hsplit(2)[1], "vsplit": lambda ns, x: x.vsplit(3)[2], "fliplr": lambda ns, x: x.fliplr(),
    "flipud": lambda ns, x: x.flipud(), "hstack": lambda ns, x: ns.hstack([x, x * 2]), "vstack": lambda ns, x: ns.vstack([x[0], x[1]]), "dstack": lambda ns, x: ns.dstack([x, x]),
    "column_stack": lambda ns, x: ns.column_stack([x[:, 0], x]), "meshgrid": lambda ns, x: ns.meshgrid(x[0], x[:, 0], indexing="ij")[1], "meshgrid xy": lambda ns, x: ns.meshgrid(x[0], x[:, 0], indexing="xy")[0],
    "broadcast_tensors": lambda ns, x: ns.broadcast_tensors(x[:, :1], x[:1])[0], "block_diag": lambda ns, x: ns.block_diag(x, x[0], x[:2, :2]), "cartesian_prod": lambda ns, x: ns.cartesian_prod(x[0], x[:, 0]),
    "tensordot": lambda ns, x: ns.tensordot(x, x.mT, 1), "tensordot axes": lambda ns, x: ns.tensordot(x, x, ([0, 1], [0, 1])), "atleast_3d": lambda ns, x: ns.atleast_3d(x), "nan_to_num": lambda ns, x: x.nan_to_num(),
    "mode": lambda ns, x: x.round().mode(1)[0], "positive": lambda ns, x: x.positive() * 2, 
}  # fmt: skip
PLAIN = {
    "isposinf": lambda ns, z, n: z.isposinf(), "isneginf": lambda ns, z, n: z.isneginf(), "isreal": lambda ns, z, n: z.isreal(), "signbit": lambda ns, z, n: z.signbit(),
    "nan_to_num": lambda ns, z, n: z.nan_to_num(), "nan_to_num given": lambda ns, z, n: z.nan_to_num(1.0, 2.0, 3.0), "fmax nan": lambda ns, z, n: z.fmax(z.flip(0)), "nansum": lambda ns, z, n: z.nansum(1),
    "median nan": lambda ns, z, n: z.median(1)[0], "xlogy 0": lambda ns, z, n: z.xlogy(z.flip(1)), "logaddexp inf": lambda ns, z, n: z.logaddexp(z), "heaviside": lambda ns, z, n: z.heaviside(z.new_ones(())),
    "bincount": lambda ns, z, n: n.bincount(), "bincount weights": lambda ns, z, n: n.bincount(n * 0.5, minlength=12), "unique": lambda ns, z, n: n.unique(),
    "unique all": lambda ns, z, n: n.unique(return_inverse=True, return_counts=True), "unique dim": lambda ns, z, n: n.reshape(5, 2).unique(dim=0), "unique_consecutive": lambda ns, z, n: n.sort()[0].unique_consecutive(return_counts=True),
    "argwhere": lambda ns, z, n: (n > 3).argwhere(), "equal": lambda ns, z, n: n.equal(n.clone()), "equal not": lambda ns, z, n: n.equal(n[:3]), "cummax": lambda ns, z, n: n.cummax(0), "cummin": lambda ns, z, n: n.cummin(0),
    "cummax nan": lambda ns, z, n: z.cummax(1), "kthvalue": lambda ns, z, n: n.kthvalue(4)[0], "median": lambda ns, z, n: n.median(), "mode": lambda ns, z, n: n.mode()[0], "aminmax": lambda ns, z, n: n.aminmax(),
    "shift": lambda ns, z, n: n.bitwise_left_shift(2), "deg2rad int": lambda ns, z, n: n.deg2rad(), "frac int": lambda ns, z, n: (n * 1.5).frac(), "isin": lambda ns, z, n: ns.isin(n, ns.tensor([1, 5])), "float_power int": lambda ns, z, n: n.float_power(2),
    "searchsorted": lambda ns, z, n: ns.searchsorted(n.sort()[0], ns.tensor([1, 5, 7]), right=True), "bucketize": lambda ns, z, n: ns.bucketize(n, ns.tensor([2, 5])), "histc": lambda ns, z, n: (n * 1.0).histc(4), "is_nonzero": lambda ns, z, n: n[:1].is_nonzero(),
    "tril kron": lambda ns, z, n: n[:2].kron(n[2:4]), "tensor_split": lambda ns, z, n: n.tensor_split(4), "atleast": lambda ns, z, n: ns.atleast_2d(n, n[0]), "diff": lambda ns, z, n: n.diff(append=n[:1]), "take": lambda ns, z, n: n.take(ns.tensor([-1, 0])),
    "can_cast": lambda ns, z, n: [ns.can_cast(ns.int64, ns.float32), ns.can_cast(ns.float64, ns.int8)], "broadcast_shapes": lambda ns, z, n: tuple(ns.broadcast_shapes((3, 1), (4,))),
}  # fmt: skip
IN_PLACE = {
    "eq_": lambda x, n: x.eq_(0), "lt_": lambda x, n: x.lt_(0.5), "ge_": lambda x, n: n.ge_(3), "logical_not_": lambda x, n: x.logical_not_(), "logical_and_": lambda x, n: n.logical_and_(n > 3),
    "bitwise_or_": lambda x, n: n.bitwise_or_(8), "bitwise_not_": lambda x, n: n.bitwise_not_(), "atan_": lambda x, n: x.atan_(), "asinh_": lambda x, n: x.asinh_(), "frac_": lambda x, n: x.frac_(), "xlogy_": lambda x, n: x.xlogy_(x.abs() + 1),
    "nan_to_num_": lambda x, n: x.nan_to_num_(), "clamp_min_": lambda x, n: n.clamp_min_(3), "index_fill_": lambda x, n: n.index_fill_(0, n[:0].long(), 7), "fmod_": lambda x, n: n.fmod_(3), "cumprod_": lambda x, n: x.cumprod_(1), "exp2_": lambda x, n: x.exp2_(),
}  # fmt: skip
ERRORS = {
    "bincount 2d": lambda ns: ns.ones(2, 2).long().bincount(), "kthvalue": lambda ns: ns.ones(3).kthvalue(4), "hsplit": lambda ns: ns.ones(2, 3).hsplit(2), "diag 3d": lambda ns: ns.ones(2, 2, 2).diag(), "cross": lambda ns: ns.cross(ns.ones(2), ns.ones(2), dim=0),
    "trace": lambda ns: ns.ones(3).trace(), "inner": lambda ns: ns.ones(2).inner(ns.ones(3)), "meshgrid": lambda ns: ns.meshgrid(ns.ones(2), indexing="yx"), "heaviside": lambda ns: ns.ones(2).heaviside(ns.ones(2).long()), "tensordot": lambda ns: ns.tensordot(ns.ones(2, 3), ns.ones(2, 3), 1),
    "tensor_split": lambda ns: ns.ones(3).tensor_split(0), "sum_to_size": lambda ns: ns.ones(3, 4).sum_to_size(2, 4), "masked_scatter": lambda ns: ns.ones(4).masked_scatter(ns.ones(4).bool(), ns.ones(2)), "is_nonzero": lambda ns: ns.ones(2).is_nonzero(),
}  # fmt: skip


def plain(value):
    """Tensors as arrays with the name of their dtype, in tuples and lists too."""
    if isinstance(value, (tuple, list)):
        return [plain(each) for each in value]
    if isinstance(value, (torch.Tensor, tt.Tensor)):
        return value.detach().numpy(), str(value.dtype).rpartition(".")[2]
    return value


def same(yours, theirs):
    """Whether both are alike to the last bit of shape and dtype, and to rounding in value."""
    if isinstance(theirs, list):
        assert len(yours) == len(theirs)
        for a, b in zip(yours, theirs, strict=True):
            same(a, b)
    elif isinstance(theirs, tuple):
        assert yours[1] == theirs[1]
        assert yours[0].shape == theirs[0].shape
        np.testing.assert_allclose(yours[0], theirs[0], rtol=1e-6, atol=1e-9)
    else:
        assert yours == theirs


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_values_and_gradients_agree_on_contiguous_and_strided_input(name):
    function = DIFFERENTIABLE[name]
    wide = np.repeat(X.T, 2, 0)
    for make in (lambda ns: ns.from_numpy(X.copy()), lambda ns: ns.from_numpy(wide.copy())[::2].mT):
        found = []
        for ns in (tt, torch):
            x = make(ns).detach().requires_grad_()
            out = function(ns, x)
            found.append([plain(out)])
            if out.requires_grad:
                seed = ns.from_numpy(np.random.default_rng(7).normal(size=tuple(out.shape)))
                (g,) = ns.autograd.grad(out, x, seed, allow_unused=True)
                found[-1].append(plain(g if g is not None else x * 0))
        if len(found[1]) > len(found[0]):
            assert not found[1][1][0].any(), "PyTorch has a gradient here"
        same(found[0][: len(found[1])], found[1][: len(found[0])])


@pytest.mark.parametrize("name", PLAIN)
def test_results_agree_on_infinities_and_integers(name):
    same(*[plain(PLAIN[name](ns, ns.from_numpy(Z.copy()), ns.from_numpy(N.copy()))) for ns in (tt, torch)])


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_forms_write_what_pytorch_writes(name):
    found = []
    for ns in (tt, torch):
        x, n = ns.from_numpy(X.copy()), ns.from_numpy(N.copy())
        out = IN_PLACE[name](x, n)
        assert out is x or out is n
        found.append([plain(x), plain(n)])
    same(*found)


@pytest.mark.parametrize("name", ERRORS)
def test_misuse_is_refused_with_an_error_of_the_same_kind(name):
    with pytest.raises(Exception) as theirs:
        ERRORS[name](torch)
    with pytest.raises(type(theirs.value)):
        ERRORS[name](tt)


CORNERS = {
    "round of whole numbers": lambda ns: ns.arange(4).round(),
    "sort of one number": lambda ns: ns.tensor(3.0).sort(),
    "argsort of one number": lambda ns: ns.tensor(3.0).argsort(),
    "lower triangle of bools": lambda ns: ns.ones(2, 3, dtype=ns.bool).tril(),
    "any of bytes": lambda ns: ns.tensor([0, 2], dtype=ns.uint8).any(),
    "all of bytes": lambda ns: ns.tensor([[0, 2], [1, 1]], dtype=ns.uint8).all(1),
    "square of bools": lambda ns: ns.tensor([True, False]).square(),
    "difference of bools": lambda ns: ns.tensor([True, False, False]).diff(),
    "sign of another type": lambda ns: ns.ones(2).copysign(ns.tensor([-1.0, 1.0], dtype=ns.float64)),
    "sides of two types": lambda ns: ns.ones(2, dtype=ns.float16).hypot(ns.tensor([-1.0, 2.0])),
}
REFUSED = {
    "minus with a bool": lambda ns: ns.ones(2).bool() - 1,
    "minus a bool": lambda ns: ns.ones(2) - True,
    "outer of a matrix": lambda ns: ns.ones(2, 2).outer(ns.ones(2)),
    "isclose of two types": lambda ns: ns.ones(2).isclose(ns.ones(2).double()),
    "norm of whole numbers": lambda ns: ns.ones(2).long().norm(),
    "triangle of a vector": lambda ns: ns.ones(3).tril(),
    "diff of one number": lambda ns: ns.tensor(1.0).diff(),
}


@pytest.mark.parametrize("name", CORNERS)
def test_corners_agree(name):
    same(*[plain(CORNERS[name](ns)) for ns in (tt, torch)])


@pytest.mark.parametrize("name", REFUSED)
def test_what_pytorch_refuses_is_refused(name):
    for ns in (torch, tt):
        with pytest.raises(RuntimeError):
            REFUSED[name](ns)
