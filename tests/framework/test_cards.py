"""Every differentiable card against finite differences: once, twice, and on inputs that are not contiguous."""

from __future__ import annotations

import numpy as np
import pytest

import tinytorch as tt
from tinytorch import ops
from tinytorch.autograd import gradcheck, gradgradcheck
from tinytorch.nn import functional
from tinytorch.observe import observing
from tinytorch.ops.card import Fused, Op
from tinytorch.ops.parts import parts
from tinytorch.tensor import apply

LABELS = tt.tensor([2, 0, 1])
PICK = tt.tensor([[1, 0], [0, 2], [2, 2]])
MASK = tt.tensor([[True, False, True, False]] * 3)


def written(x, y):
    """Into part of a copy, through a view: the card that puts a view's content back in its base."""
    copy = x.clone()
    copy[1:, ::2] = y[1:, ::2]
    return copy


CASES = {  # of x and y, both (3, 4), between 0.2 and 0.8; `apart` keeps each away from kinks
    "Add": lambda x, y: x + y,
    "Sub": lambda x, y: x - y,
    "Mul": lambda x, y: x * y[:1],
    "Div": lambda x, y: x / y,
    "Pow": lambda x, y: x**y,
    "Maximum": lambda x, y: tt.maximum(x, y + 1) + tt.maximum(x + 1, y),
    "Minimum": lambda x, y: tt.minimum(x, y + 1) + tt.minimum(x + 1, y),
    "Where": lambda x, y: tt.where(MASK, x, y),
    "Clamp": lambda x, y: x.clamp(0.1, 0.9) * y,
    "Atan2": lambda x, y: tt.atan2(x, y),
    "FloorDivide": lambda x, y: x + tt.floor_divide(x + 2, y + 1.5),
    "TruncDivide": lambda x, y: x + tt.div(x + 2, y + 1.5, rounding_mode="trunc"),
    "Remainder": lambda x, y: tt.remainder(x + 2.1, y + 4),
    "Fmod": lambda x, y: tt.fmod(x + 2.1, y + 4),
    "Neg": lambda x, y: -x * y,
    "Abs": lambda x, y: x.abs() + (y - 2).abs(),
    "Reciprocal": lambda x, y: x.reciprocal() * y,
    "Exp": lambda x, y: x.exp() * y,
    "Exp2": lambda x, y: x.exp2() * y,
    "Expm1": lambda x, y: x.expm1() * y,
    "Log": lambda x, y: x.log() * y,
    "Log2": lambda x, y: x.log2() * y,
    "Log10": lambda x, y: x.log10() * y,
    "Log1p": lambda x, y: x.log1p() * y,
    "Sqrt": lambda x, y: x.sqrt() * y,
    "Rsqrt": lambda x, y: x.rsqrt() * y,
    "Sin": lambda x, y: x.sin() * y,
    "Cos": lambda x, y: x.cos() * y,
    "Tan": lambda x, y: x.tan() * y,
    "Asin": lambda x, y: x.asin() * y,
    "Acos": lambda x, y: x.acos() * y,
    "Atan": lambda x, y: x.atan() * y,
    "Sinh": lambda x, y: x.sinh() * y,
    "Cosh": lambda x, y: x.cosh() * y,
    "Tanh": lambda x, y: x.tanh() * y,
    "Asinh": lambda x, y: x.asinh() * y,
    "Acosh": lambda x, y: (x + 1.1).acosh() * y,
    "Atanh": lambda x, y: x.atanh() * y,
    "Erf": lambda x, y: x.erf() * y,
    "Erfc": lambda x, y: x.erfc() * y,
    "Erfinv": lambda x, y: x.erfinv() * y,
    "Lgamma": lambda x, y: x.lgamma() * y,
    "Polygamma": lambda x, y: x.digamma() * y + (y + 1).polygamma(2),
    "XLogY": lambda x, y: x.xlogy(y),
    "Sign": lambda x, y: x * x.sign() + y,
    "Floor": lambda x, y: x * y.floor() + y,
    "Ceil": lambda x, y: x * y.ceil() + y,
    "Round": lambda x, y: x * (y + 0.35).round() + y,
    "Trunc": lambda x, y: x * (y + 1).trunc() + y,
    "Relu": lambda x, y: tt.relu(x) * tt.relu(y - 2),
    "Sigmoid": lambda x, y: x.sigmoid() * y,
    "Softmax": lambda x, y: x.softmax(1) * y,
    "LogSoftmax": lambda x, y: x.log_softmax(0) * y,
    "Gelu": lambda x, y: functional.gelu(x - 0.5) * y,
    "Silu": lambda x, y: functional.silu(x - 0.5) * y,
    "Linear": lambda x, y: apply(
        ops.LINEAR, x.reshape(3, 2, 2) * y[0, :2], y.reshape(6, 2), y.reshape(12)[:6]
    ),
    "BinaryCrossEntropy": lambda x, y: functional.binary_cross_entropy(x, y),
    "CrossEntropy": lambda x, y: functional.cross_entropy(x * y, LABELS),
    "Convolution": lambda x, y: functional.conv2d(
        x[None], y.reshape(3, 1, 2, 2), y[0, :3], padding=1, stride=(1, 2)
    ),
    "TransposedConvolution": lambda x, y: functional.conv_transpose1d(
        x[None], y.reshape(3, 2, 2), stride=2, padding=1, output_padding=1
    ),
    "ConvolutionWeight": lambda x, y: apply(ops.ConvolutionWeight(WINDOW, 3), x[None], y[None, :, :3]),
    "Windows": lambda x, y: apply(ops.Windows(WINDOW, 0.5), x)[..., 1] * y[:, :3],
    "Fold": lambda x, y: apply(ops.Fold(WINDOW, (4,)), (x * y).reshape(2, 3, 2)),
    "SumPool": lambda x, y: apply(ops.SumPool(WINDOW), x) * y[:, :3],
    "MaxPool": lambda x, y: apply(ops.MaxPool(WINDOW), x + STEPS)[0] * y[:, :3],
    "LayerNorm": lambda x, y: functional.layer_norm(x, (4,), y[0], y[1]) * y,
    "RMSNorm": lambda x, y: functional.rms_norm(x, (3, 4), y),
    "BatchNorm": lambda x, y: functional.batch_norm(x, None, None, y[0], y[1], True, eps=0.01) * y,
    "Attention": lambda x, y: functional.scaled_dot_product_attention(x, y, x * y, y[:, :3] * 3),
    "MatMul": lambda x, y: x @ y.mT,
    "Inverse": lambda x, y: square(x).inverse() @ x,
    "PseudoInverse": lambda x, y: x.pinverse() @ y,
    "Solve": lambda x, y: tt.linalg.solve(square(x), y),
    "Det": lambda x, y: square(x).det() * y,
    "Slogdet": lambda x, y: square(x).slogdet().logabsdet * y,
    "Cholesky": lambda x, y: (square(x) @ square(x).mT).cholesky() @ y,
    "Qr": lambda x, y: x.mT.qr().Q @ y[:, :3] + y.mT @ square(x).qr().R,
    "Eigh": lambda x, y: tt.linalg.eigh(square(x) + square(x).mT).eigenvalues * y[:, :3] + fixed(square(x)),
    "Svd": lambda x, y: (x + STEPS).svd().U ** 2 @ y + (tt.linalg.svdvals(x + STEPS) * y[0, :3]).sum(),
    "Sum": lambda x, y: x.sum(0) * y,
    "Prod": lambda x, y: x.prod(1) * y.mT,
    "Amax": lambda x, y: (x + STEPS).amax(1) * y.mT,
    "Amin": lambda x, y: (x + STEPS).amin(0) * y,
    "Cumsum": lambda x, y: x.cumsum(1) * y,
    "Cumprod": lambda x, y: x.cumprod(0) * y,
    "LogCumsumExp": lambda x, y: (x * 4 - 2).logcumsumexp(1) * y,
    "Sort": lambda x, y: (x + STEPS).sort(1, descending=True)[0] * y,
    "Parts": lambda x, y: (lambda first, rest: first * rest)(*parts(x * y, (1, 3), 1)) * y[:, 1:],
    "Unbind": lambda x, y: (x * y).unbind(1)[1] * (x * y).unbind(1)[3] + y[:, 0],
    "Permute": lambda x, y: x.permute(1, 0) @ y,
    "Expand": lambda x, y: x[:, :1].expand(3, 4) * y,
    "Reshape": lambda x, y: x.mT.reshape(2, 6) * y.reshape(2, 6),
    "Slice": lambda x, y: x.narrow(1, 1, 2) * y[:, 1::2],
    "Spread": lambda x, y: tt.nn.functional.relu(x[1:, ::3]).sum() * y,
    "Flip": lambda x, y: x.flip(0, 1) * y,
    "View": lambda x, y: x.unfold(1, 2, 1).sum(-1) * y.diagonal(1).sum(),
    "Cat": lambda x, y: tt.cat([x, y * x], 1) * 2,
    "Copy": lambda x, y: x.mT.clone() * y.mT,
    "Move": lambda x, y: (x * y).to("loops").to("cpu") * x,
    "Cast": lambda x, y: (x * y).to(tt.float32).to(tt.float64) * 2,
    "Assign": lambda x, y: (x * 1).copy_(y) * x,
    "Patch": written,
    "Index": lambda x, y: x[[0, 2, 0], [1, 1, 3]] * y[0, :3],
    "IndexPut": lambda x, y: x.index_put((tt.tensor([0, 2]), tt.tensor([1, 1])), y[:2, 0]) * x,
    "IndexSelect": lambda x, y: x.index_select(1, tt.tensor([3, 0, 0, 1])) * y,
    "Gather": lambda x, y: x.gather(1, PICK) * y[:, :2],
    "ScatterFold": lambda x, y: (
        (x + STEPS).scatter_reduce(1, PICK, y[:, :2] + 2 * STEPS[:, 1:3], "amax")
        + x.scatter_reduce(0, PICK, y[:, :2], "prod")
    ),
    "Scatter": lambda x, y: x.scatter_add(1, PICK, y[:, :2] * x[:, :2]),
}
STEPS = (
    tt.arange(12.0, dtype=tt.float64).reshape(3, 4) * 0.7 % 1.9
)  # no two of a row or column are near each other
WINDOW = ops.Window((2,), (2,), ((1, 1),), (1,))


def square(x):
    """A square matrix that is far from singular."""
    return x[:, :3] + tt.eye(3, dtype=tt.float64) * 2


def fixed(x):
    """What does not change when an eigenvector changes its sign."""
    return (tt.linalg.eigh(x + x.mT).eigenvectors ** 2).mT[:, :1]


ABSTRACT = {"Elementwise", "Fused", "Movement", "Step", "Predicate", "Bitwise", "Reduce", "Extreme"}


def kinds(base=Op):
    """Every class of cards below one."""
    return {base} | {each for below in base.__subclasses__() for each in kinds(below)}


def inputs(contiguous):
    """Two float64 tensors (3, 4), in memory order or not."""
    rng = np.random.default_rng(5)
    x, y = (rng.uniform(0.2, 0.8, (3, 4)) for _ in range(2))
    if contiguous:
        return tuple(tt.tensor(each, requires_grad=True) for each in (x, y))
    wide = (tt.tensor(np.repeat(each.T, 2, 0), requires_grad=True) for each in (x, y))  # (8, 3)
    return tuple(each.detach()[::2].mT.requires_grad_() for each in wide)


def test_every_differentiable_card_has_a_case():
    named = {
        each.__name__
        for each in kinds(Op)
        if each.__module__.startswith("tinytorch.ops") and each.differentiable
    }
    assert named - ABSTRACT - {"Op"} == set(CASES)


def history(*functions):
    """The names of the cards that a result was made by."""
    found, waiting = set(), list(functions)
    while waiting:
        node = waiting.pop()
        if node is not None and node not in found:
            found.add(node)
            waiting += [each for each, _ in node.next_functions]
    return {node.name().removesuffix("Backward0") for node in found}


@pytest.mark.parametrize("name", CASES)
def test_a_case_runs_its_card(name):
    seen = set()
    with observing(lambda op, *_: seen.add(type(op).__name__)):
        result = CASES[name](*inputs(True))
        made_by = history(result.grad_fn)
        result.sum().backward()
    assert name in seen | made_by


@pytest.mark.parametrize("contiguous", [True, False], ids=["contiguous", "strided"])
@pytest.mark.parametrize("name", CASES)
def test_a_gradient_agrees_with_finite_differences_once_and_twice(name, contiguous):
    x, y = inputs(contiguous)
    assert x.is_contiguous() is contiguous
    coarse = {"eps": 0.05, "atol": 1e-3} if name == "Cast" else {}  # it rounds to float32
    assert gradcheck(CASES[name], (x, y), **coarse)
    assert gradgradcheck(CASES[name], (x, y), **coarse)


@pytest.mark.parametrize(
    "kind", sorted(kinds(Fused) - {Fused}, key=lambda each: each.__name__), ids=lambda k: k.__name__
)
def test_a_fused_card_has_a_definition(kind):
    assert kind.definition is not Fused.definition


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("name", CASES)
def test_the_gradient_of_one_input_alone_still_depends_on_the_other(name, which):
    """A penalty on the gradient of the data trains the weights: what was not asked for keeps its history."""
    coarse = {"eps": 0.05, "atol": 1e-3} if name == "Cast" else {}
    x, y = inputs(True)

    def first(x, y):
        moved = x * 1.1, y * 1.1  # results of operations, as weights are that were transposed
        made = CASES[name](*moved)
        found = tt.autograd.grad(made.sum(), moved[which], create_graph=True, allow_unused=True)[0]
        return 0 * (x + y) if found is None else found + 0 * (x + y)

    assert gradcheck(first, (x, y), **coarse)
