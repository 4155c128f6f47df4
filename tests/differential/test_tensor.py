"""Every tensor function against PyTorch: values, dtypes, gradients, gradients of gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import tinytorch as tt

RANDOM = np.random.default_rng(0)


def values(*shape, low=-2.0, high=2.0):
    return RANDOM.uniform(low, high, shape)


def kinds(array):
    """The same numbers contiguous, permuted, sliced and flipped in memory."""
    yield "contiguous", lambda ns: as_namespace(ns, array)
    if array.ndim > 1:
        turned = np.ascontiguousarray(array.T)
        yield "permuted", lambda ns: as_namespace(ns, turned).permute(*reversed(range(array.ndim)))
    if array.ndim:
        padded = np.repeat(array, 2, axis=-1)
        yield "sliced", lambda ns: as_namespace(ns, padded)[..., ::2]


def as_namespace(ns, array):
    return ns.from_numpy(array.copy())


UNARY = {
    "neg": {}, "abs": {}, "exp": {}, "exp2": {}, "expm1": {}, "sin": {}, "cos": {}, "tan": {}, "sinh": {},
    "cosh": {}, "tanh": {}, "sigmoid": {}, "relu": {}, "erf": {}, "square": {}, "sign": {}, "floor": {},
    "ceil": {}, "round": {}, "trunc": {}, "log": {"low": 0.1}, "log2": {"low": 0.1}, "log10": {"low": 0.1},
    "log1p": {"low": -0.9}, "sqrt": {"low": 0.1}, "rsqrt": {"low": 0.1}, "reciprocal": {"low": 0.2},
    "asin": {"low": -0.9, "high": 0.9}, "acos": {"low": -0.9, "high": 0.9}, "atan": {},
}  # fmt: skip
CASES = {
    "sum": lambda x: x.sum(), "sum dim": lambda x: x.sum(-1), "sum keep": lambda x: x.sum((0, -1), keepdim=True),
    "mean": lambda x: x.mean(), "mean dim": lambda x: x.mean(1), "var": lambda x: x.var(), "std": lambda x: x.std(1),
    "var biased": lambda x: x.var(0, unbiased=False), "prod": lambda x: x.prod(), "prod dim": lambda x: x.prod(1),
    "amax": lambda x: x.amax(), "amin": lambda x: x.amin((0, 1)), "max dim": lambda x: x.max(1)[0],
    "min dim": lambda x: x.min(0, keepdim=True)[0], "max all": lambda x: x.max(), "norm": lambda x: x.norm(),
    "norm 1": lambda x: x.norm(1, 0), "norm 3": lambda x: x.norm(3), "logsumexp": lambda x: x.logsumexp(1),
    "cumsum": lambda x: x.cumsum(1), "cumprod": lambda x: x.cumprod(-1), "softmax": lambda x: x.softmax(-1),
    "log_softmax": lambda x: x.log_softmax(0), "transpose": lambda x: x.transpose(0, -1), "mT": lambda x: x.mT * 2,
    "permute": lambda x: x.permute(2, 0, 1), "reshape": lambda x: x.reshape(-1, 3), "flatten": lambda x: x.flatten(1),
    "unsqueeze": lambda x: x.unsqueeze(1), "squeeze": lambda x: x[:1].squeeze(0), "expand": lambda x: x[:, :1].expand(-1, 5, -1),
    "flip": lambda x: x.flip(0, 2), "roll": lambda x: x.roll(2, 1), "roll all": lambda x: x.roll(3),
    "repeat": lambda x: x.repeat(2, 1, 3), "tile": lambda x: x.tile(2, 1), "repeat_interleave": lambda x: x.repeat_interleave(2, 1),
    "unfold": lambda x: x.unfold(2, 2, 1), "diagonal": lambda x: x.diagonal(1, 0, 2), "tril": lambda x: x.tril(),
    "triu": lambda x: x.triu(1), "movedim": lambda x: x.movedim(0, 2), "narrow": lambda x: x.narrow(1, 1, 2),
    "select": lambda x: x.select(1, -1), "chunk": lambda x: x.chunk(2, 1)[1], "split": lambda x: x.split([1, 2], 1)[1],
    "unbind": lambda x: x.unbind(2)[1], "clone": lambda x: x.clone() * x, "contiguous": lambda x: x.contiguous(),
    "index int": lambda x: x[1], "index slice": lambda x: x[:, 1:, ::2], "index none": lambda x: x[:, None, 0],
    "index dots": lambda x: x[..., 1], "index list": lambda x: x[[1, 0, 1]], "index two": lambda x: x[[0, 1], [2, 0]],
    "index apart": lambda x: x[[0, 1, 1], :, [2, 0, 1]], "index mixed": lambda x: x[:, [2, 0]], "mask": lambda x: x[x > 0],
    "mask rows": lambda x: x[x.sum((1, 2)) > -99], "clamp": lambda x: x.clamp(-0.5, 0.7), "clamp low": lambda x: x.clamp(min=0.1),
    "pow 2": lambda x: x**2, "pow 3.5": lambda x: x.abs() ** 3.5, "rpow": lambda x: 2.0**x, "rsub": lambda x: 1 - x,
    "rdiv": lambda x: 1 / x, "where": lambda x: x.where(x > 0, x * 3), "masked_fill": lambda x: x.masked_fill(x > 0, 7.0),
    "maximum": lambda x: x.maximum(x.flip(0)), "minimum": lambda x: x.minimum(x.roll(1)), "matmul": lambda x: x @ x.mT,
    "matmul vec": lambda x: x @ x[0, 0], "vec matmul": lambda x: x[0, :, 0] @ x, "remainder": lambda x: x % 0.7,
    "broadcast mul": lambda x: x[:, :1] * x[:1], "broadcast div": lambda x: x / (x[0, 0] + 3), "sort": lambda x: x.sort(1)[0],
    "topk": lambda x: x.topk(2, -1)[0], "argsort gather": lambda x: x.gather(1, x.argsort(1)), "lerp": lambda x: x.lerp(x * 2, 0.3),
    "atan2": lambda x: x.atan2(x.flip(1) + 3), "fmod": lambda x: x.fmod(0.7), "addcmul": lambda x: x.addcmul(x, x, value=0.5),
    "softmax mul": lambda x: (x.softmax(1) * x).sum(1), "outer": lambda x: x[0, 0].outer(x[0, :, 0]), "bmm": lambda x: x.bmm(x.mT),
    "swapaxes": lambda x: x.swapaxes(0, 1), "T reuse": lambda x: x + x.flip(0) * x, "double use": lambda x: x * x + x,
}  # fmt: skip


def run(ns, make, function, g, dtype):
    x = make(ns).to(dtype).detach()
    x.requires_grad_()
    out = function(x)
    result = [out.detach().numpy()]
    if out.dtype in (torch.float64, torch.float32, tt.float64, tt.float32) and out.requires_grad:
        seed = ns.from_numpy(g(out.shape)).to(dtype)
        (first,) = ns.autograd.grad(out, x, seed, create_graph=True)
        result.append(dense(first))
        if first.requires_grad:
            (second,) = ns.autograd.grad(first, x, ns.from_numpy(g(first.shape)).to(dtype), allow_unused=True)
            result.append(None if second is None else dense(second))
        else:
            result.append(None)
    return result


def dense(x):
    """PyTorch keeps some gradients of zeros without memory."""
    return x.detach().numpy(force=True)


def compare(ours, theirs, what):
    assert len(ours) == len(theirs) or not np.any(theirs[-1]), what
    for i, (a, b) in enumerate(zip(ours, theirs, strict=False)):
        name = f"{what}: {('value', 'gradient', 'second gradient')[i]}"
        a = np.zeros_like(b) if a is None and b is not None else a
        b = np.zeros_like(a) if b is None and a is not None else b
        if a is not None:
            assert a.shape == b.shape and a.dtype == b.dtype, (name, a.shape, b.shape, a.dtype, b.dtype)
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9, err_msg=name)


def check(function, array, name):
    def g(shape):
        return np.random.default_rng(7).uniform(0.5, 1.5, tuple(shape))

    for kind, make in kinds(array):
        ours = run(tt, make, function, g, tt.float64)
        theirs = run(torch, make, function, g, torch.float64)
        compare(ours, theirs, f"{name} ({kind})")


@pytest.mark.parametrize("name", UNARY)
def test_elementwise_functions_agree(name):
    for shape in [(2, 3), (), (0, 3), (2, 1, 3)]:
        check(lambda x: getattr(x, name)(), values(*shape, **UNARY[name]), name)


@pytest.mark.parametrize("name", CASES)
def test_methods_agree(name):
    check(CASES[name], values(2, 3, 3), name)


DTYPES = ["float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "bool"]
SCALARS = [2, 0.5, True]


@pytest.mark.parametrize("first", DTYPES)
def test_promotion_agrees(first):
    def make(ns, dtype, zero=False):
        return ns.tensor(3 if zero else [1, 0, 3], dtype=getattr(ns, dtype))

    for operator in ("add", "mul", "truediv", "eq", "lt"):
        method = f"__{operator}__"
        for second in DTYPES:
            for zero in (False, True):
                ours = getattr(make(tt, first), method)(make(tt, second, zero))
                theirs = getattr(make(torch, first), method)(make(torch, second, zero))
                assert ours.dtype.name == str(theirs.dtype)[6:], (operator, first, second, zero)
                np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
        for scalar in SCALARS:
            ours = getattr(make(tt, first), method)(scalar)
            theirs = getattr(make(torch, first), method)(scalar)
            assert ours.dtype.name == str(theirs.dtype)[6:], (operator, first, scalar)


IN_PLACE = {
    "add": lambda x, y: x.add_(y), "mul": lambda x, y: x.mul_(y), "iadd": lambda x, y: x.__iadd__(y * 2),
    "through a view": lambda x, y: (x[0].mul_(y[0]), x)[1], "into a slice": lambda x, y: (x.__setitem__((slice(None), 1), y[:, 0]), x)[1],
    "through a permuted view": lambda x, y: (x.permute(1, 0).add_(y.permute(1, 0)), x)[1],
    "view after base": lambda x, y: (lambda v: (x.mul_(y), v * 3)[1])(x[1]),
    "base after two views": lambda x, y: (lambda v, w: (v.mul_(y[0]), w.add_(y[1]), x * x)[2])(x[0], x[1]),
    "index put": lambda x, y: (x.__setitem__([1, 0], y), x)[1], "mask": lambda x, y: (x.__setitem__(x > 0, 0.5), x * y)[1],
    "tanh_": lambda x, y: x.tanh_() * y, "copy_": lambda x, y: x.copy_(y) * 2, "zero_": lambda x, y: x.zero_() + y,
    "fill row": lambda x, y: (x[1].fill_(3.0), x * y)[1], "clamp_": lambda x, y: x.clamp_(-0.5, 0.5) * y,
}  # fmt: skip


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_operations_agree(name):
    a, b, weights = values(2, 3), values(2, 3), values(2, 3)

    def go(ns):
        x = ns.from_numpy(a.copy()).requires_grad_()
        y = ns.from_numpy(b.copy()).requires_grad_()
        out = IN_PLACE[name](x * 1.5, y)
        (out * ns.from_numpy(weights[: out.shape[0]] if out.ndim == 2 else weights[0])).sum().backward()
        return [
            out.detach().numpy(),
            None if x.grad is None else x.grad.numpy(),
            None if y.grad is None else y.grad.numpy(),
        ]

    for ours, theirs in zip(go(tt), go(torch), strict=True):
        if theirs is None:
            assert ours is None or not ours.any()
        else:
            np.testing.assert_allclose(np.zeros_like(theirs) if ours is None else ours, theirs, err_msg=name)


WRONG = {
    "leaf in place": lambda ns: ns.ones(3, requires_grad=True).add_(1), "shapes": lambda ns: ns.ones(3) + ns.ones(4),
    "matmul": lambda ns: ns.ones(2, 3) @ ns.ones(2, 3), "dim": lambda ns: ns.ones(2).sum(3), "index": lambda ns: ns.ones(2)[5],
    "too many": lambda ns: ns.ones(2)[0, 0], "view": lambda ns: ns.ones(2, 3).mT.view(6), "reshape": lambda ns: ns.ones(4).reshape(3),
    "item": lambda ns: ns.ones(2).item(), "bool": lambda ns: bool(ns.ones(2)), "no grad": lambda ns: ns.ones(2).sum().backward(),
    "not scalar": lambda ns: (ns.ones(2, requires_grad=True) * 2).backward(), "int grad": lambda ns: ns.tensor([1]).requires_grad_(),
    "numpy": lambda ns: ns.ones(2, requires_grad=True).numpy(), "squeeze": lambda ns: ns.ones(2).squeeze(4),
    "expand": lambda ns: ns.ones(2).expand(3), "cat": lambda ns: ns.cat([ns.ones(2, 3), ns.ones(3, 2)]), "len": lambda ns: len(ns.tensor(1)),
    "stack": lambda ns: ns.stack([ns.ones(2), ns.ones(3)]), "mask": lambda ns: ns.ones(3)[ns.tensor([True, False])],
    "cast in place": lambda ns: ns.tensor([1]).add_(0.5), "gather": lambda ns: ns.ones(2).gather(0, ns.tensor([4])),
    "twice": lambda ns: (lambda y: (y.backward(), y.backward()))((ns.ones(2, requires_grad=True) ** 2).sum()),
    "overwritten": lambda ns: (lambda x: (lambda y: (x.add_(1), y.backward()))((x * x).sum()))(ns.ones(2, requires_grad=True) * 2),
    "step": lambda ns: ns.ones(3)[::-1],
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_pytorch_refuses_is_refused_with_a_compatible_error(name):
    with pytest.raises(Exception) as theirs:
        WRONG[name](torch)
    with pytest.raises(theirs.type):
        WRONG[name](tt)


REPRS = [
    [1.0, 2.5], [1, 2], [True, False], [[1.0, 2.0], [3.0, 4.0]], 3.5, 7, [1e-8, 1.0], [1e10, 1.0], [float("nan"), 1.0],
    [float("inf"), -1.5], list(range(50)), [[0.123456789] * 12] * 3, [], [1000.5, 0.001], [[[1], [2]], [[3], [4]]], [1e5, 2e5],
]  # fmt: skip


@pytest.mark.parametrize("data", REPRS, ids=str)
def test_tensors_print_as_in_pytorch(data):
    assert repr(tt.tensor(data)).replace("tinytorch.", "torch.") == repr(torch.tensor(data))
    big_ours, big_theirs = tt.arange(2000).float() / 3, torch.arange(2000).float() / 3
    assert repr(big_ours) == repr(big_theirs)


EINSUM = [
    "ij,jk->ik",
    "ij->ji",
    "ii->i",
    "ii",
    "i,j->ij",
    "bij,bjk->bik",
    "ij,ij->",
    "bhqd,bhkd->bhqk",
    "ij,jk",
    "...ij,...jk->...ik",
]


@pytest.mark.parametrize("equation", EINSUM)
def test_einsum_agrees(equation):
    sizes = dict(zip("bhijkqd", (2, 3, 4, 5, 6, 7, 3), strict=True))
    if "ii" in equation:
        sizes["i"] = 4
    terms = equation.split("->")[0].replace("...", "b").split(",")
    arrays = [values(*[sizes[c] for c in term]) for term in terms]
    ours = tt.einsum(equation, *[tt.from_numpy(a) for a in arrays])
    theirs = torch.einsum(equation, *[torch.from_numpy(a) for a in arrays])
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-9)


def test_a_hook_replaces_the_gradient_and_retain_grad_keeps_it():
    def go(ns):
        x = ns.tensor([1.0, 2.0], requires_grad=True)
        y = x * 3
        y.retain_grad()
        y.register_hook(lambda g: g * 2)
        x.register_hook(lambda g: g + 1)
        (y * y).sum().backward()
        return x.grad.tolist(), y.grad.tolist()

    assert go(tt) == go(torch)


def test_a_custom_function_is_differentiated_twice():
    def go(ns):
        class Cube(ns.autograd.Function):
            @staticmethod
            def forward(ctx, x, power):
                ctx.save_for_backward(x)
                return x**power

            @staticmethod
            def backward(ctx, g):
                (x,) = ctx.saved_tensors
                return g * 3 * x * x, None

        x = ns.tensor([2.0, -1.0], requires_grad=True)
        (first,) = ns.autograd.grad(Cube.apply(x, 3).sum(), x, create_graph=True)
        (second,) = ns.autograd.grad(first.sum(), x)
        return first.tolist(), second.tolist()

    assert go(tt) == go(torch)
