"""Compiled kernels: each against the definition of its card, in float64 and in float32, and as part of the machine."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import tinytorch as tt
from tinytorch import ops
from tinytorch.devices import native
from tinytorch.devices.native import build, library
from tinytorch.errors import DeviceError
from tinytorch.nn import functional as F
from tinytorch.observe import observing


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


LABELS = np.array([2, 0, 4, -100, 1, 2, 3])
CASES = {  # a function of tensors, and the inputs that get gradients
    "softmax": (lambda x: x.softmax(-1), normal(5, 33)),
    "softmax of one": (lambda x: x.softmax(-1), normal(7, 1)),
    "softmax of far numbers": (lambda x: (x * 60).softmax(-1), normal(5, 40)),
    "log_softmax": (lambda x: x.log_softmax(-1), normal(3, 4, 18)),
    "log_softmax of far numbers": (lambda x: (x * 60).log_softmax(-1), normal(5, 40)),
    "gelu": (lambda x: F.gelu(x * 3), normal(1000)),
    "gelu by tanh": (lambda x: F.gelu(x * 3, approximate="tanh"), normal(1000)),
    "silu": (lambda x: F.silu(x * 8), normal(1000)),
    "layer_norm": (lambda x, w, b: F.layer_norm(x, (37,), w, b), normal(9, 37), normal(37), normal(37)),
    "layer_norm of two axes": (lambda x: F.layer_norm(x, (5, 7)), normal(3, 5, 7)),
    "layer_norm with weight": (lambda x, w: F.layer_norm(x, (5, 7), w), normal(3, 5, 7), normal(5, 7)),
    "layer_norm far from 0": (lambda x: F.layer_norm(x + 1000, (64,)), normal(4, 64)),
    "rms_norm": (lambda x, w: F.rms_norm(x, (20,), w), normal(6, 20), normal(20)),
    "rms_norm without weight": (lambda x: F.rms_norm(x, (3, 20)), normal(6, 3, 20)),
    "cross_entropy": (lambda x: F.cross_entropy(x, tt.tensor(LABELS)), normal(7, 5)),
    "linear": (lambda x, w, b: F.linear(x, w, b), normal(2, 3, 17), normal(9, 17), normal(9)),
    "linear without bias": (lambda x, w: F.linear(x, w), normal(5, 17), normal(130, 17)),
    "linear, many rows": (lambda x, w, b: F.linear(x, w, b), normal(300, 2), normal(70, 2), normal(70)),
    "attention": (F.scaled_dot_product_attention, *[normal(2, 3, 9, 5, seed=i) for i in range(3)]),
    "causal attention": (
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
        *[normal(2, 2, 150, 33, seed=i) for i in range(3)],
    ),
    "attention of a matrix": (F.scaled_dot_product_attention, normal(4, 8), normal(70, 8), normal(70, 40)),
    "attention, five axes": (F.scaled_dot_product_attention, *[normal(1, 2, 2, 3, 4, seed=i) for i in range(3)]),
    "embedding": (lambda w: F.embedding(tt.tensor([[1, 1, 0], [3, 1, 1]]), w), normal(4, 50)),
}  # fmt: skip


def run(name, dtype, strided=False):
    function, *values = CASES[name]
    inputs = []
    for each in values:
        held = np.asfortranarray(each) if strided else each
        inputs.append(tt.tensor(held).to(dtype).requires_grad_())
        if strided and each.ndim > 1:
            inputs[-1] = (
                tt.tensor(each.T.copy()).to(dtype).permute(*reversed(range(each.ndim))).requires_grad_()
            )
    out = function(*inputs)
    weights = tt.tensor(normal(*out.shape, seed=9)).to(dtype)
    out.backward(weights if not strided or out.ndim < 2 else weights.mT.contiguous().mT)
    return [out.detach().double().numpy(), *[x.grad.double().numpy() for x in inputs]]


@pytest.mark.kernels
@pytest.mark.parametrize("strided", [False, True], ids=["contiguous", "strided"])
@pytest.mark.parametrize("name", CASES)
def test_a_kernel_gives_what_the_definition_gives(name, strided):
    for mine, exact in zip(run(name, tt.float32, strided), run(name, tt.float64), strict=True):
        scale = np.abs(exact).max() + 1
        np.testing.assert_allclose(mine, exact, rtol=2e-5, atol=2e-6 * scale if "far" not in name else 2e-3)


@pytest.mark.kernels
@pytest.mark.parametrize("name", CASES)
def test_a_case_is_computed_by_kernels(name, monkeypatch):
    """All of it: what a kernel declines would be computed by a definition, which asks for other cards."""
    if name == "embedding":
        return  # rows are added by the device itself
    used = []
    plain = native.Kernels()

    class Watched(native.Kernels):
        def __missing__(self, kind):
            found = plain[kind]
            if found is None or found.forward is None:
                return found

            def forward(*given):
                used.append(kind.__name__)
                made = found.forward(*given)
                assert made is not NotImplemented
                return made

            def gradient(*given):
                used.append(f"{kind.__name__}'s gradient")
                made = found.gradient(*given)
                assert made is not NotImplemented
                return made

            self[kind] = kernel = native.Kernel(forward, gradient)
            return kernel

    monkeypatch.setattr("tinytorch.devices.cpu.KERNELS", Watched())
    run(name, tt.float32)
    assert len(used) == 2 and used[1] == f"{used[0]}'s gradient"


@pytest.mark.kernels
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, -1e30, 100.0, -100.0, 0.0])
@pytest.mark.parametrize("function", [lambda x: x.softmax(-1), lambda x: x.log_softmax(-1), F.gelu, F.silu,
                                      lambda x: F.gelu(x, approximate="tanh"), lambda x: F.layer_norm(x, (3,))])  # fmt: skip
def test_numbers_that_are_none_and_extremes_pass_as_in_the_definition(function, value):
    x = tt.tensor([0.5, value, -1.0])
    mine = function(x).numpy()
    with native.disabled():
        np.testing.assert_allclose(mine, function(x).numpy(), rtol=1e-5, atol=1e-6)


def test_the_affine_card_is_what_linear_computes_without_it():
    x, w, b = [tt.tensor(normal(*each), requires_grad=True) for each in ((2, 3, 4), (5, 4), (5,))]
    for made in (F.linear(x, w, b), x.apply(ops.LINEAR, x, w, b)):
        np.testing.assert_allclose(
            made.detach().numpy(), x.detach().numpy() @ w.detach().numpy().T + b.detach().numpy()
        )
        grads = tt.autograd.grad(made.square().sum(), (x, w, b))
        g = 2 * made.detach().numpy()
        np.testing.assert_allclose(grads[0].numpy(), g @ w.detach().numpy())
        np.testing.assert_allclose(grads[1].numpy(), np.einsum("abm,abn->mn", g, x.detach().numpy()))
        np.testing.assert_allclose(grads[2].numpy(), g.sum((0, 1)))


@pytest.mark.kernels
@pytest.mark.parametrize("kind", [tt.float32, tt.float64, tt.int64, tt.uint8, tt.bfloat16, tt.bool])
def test_many_rows_are_picked_by_a_kernel(kind, monkeypatch):
    x = tt.tensor(normal(300, 3, 70) * 50).to(kind)
    index = np.random.default_rng(1).integers(0, 300, (40, 20))
    used = []
    picked = native.picked_rows
    monkeypatch.setattr("tinytorch.devices.cpu.picked_rows", lambda *given: used.append(1) or picked(*given))
    made = F.embedding(tt.tensor(index), x[:, 0]) if kind is tt.float32 else x[tt.tensor(index)]
    host = x[:, 0].numpy_view() if kind is tt.float32 else x.numpy_view()
    assert used and (made.numpy_view() == host[index]).all()
    assert picked(x.array, tt.tensor(index).array) is not None
    assert (x[tt.tensor(-1 - index)].numpy_view() == x.numpy_view()[-1 - index]).all()


@pytest.mark.kernels
def test_second_derivatives_go_by_the_definition():
    x = tt.tensor(normal(4, 6), dtype=tt.float32, requires_grad=True)
    first = tt.autograd.grad(x.softmax(-1).square().sum(), x, create_graph=True)[0]
    second = tt.autograd.grad(first.square().sum(), x)[0]
    y = x.detach().double().requires_grad_()
    exact = tt.autograd.grad(y.softmax(-1).square().sum(), y, create_graph=True)[0]
    np.testing.assert_allclose(
        second.numpy(), tt.autograd.grad(exact.square().sum(), y)[0].numpy(), rtol=1e-4, atol=1e-6
    )


@pytest.mark.kernels
def test_a_gradient_by_kernel_is_announced_with_its_work():
    x = tt.ones(8, 16, requires_grad=True)
    out = F.linear(x, tt.ones(4, 16, requires_grad=True))
    seen = []
    with observing(lambda op, inputs, out: seen.append((repr(op), op.flops(out, *inputs)))):
        out.backward(tt.ones(8, 4))
    work = 2 * 8 * 4 * 16
    assert (f"Gradient(of=Linear(), work={work})", 2 * work) in seen


@pytest.mark.kernels
def test_an_overwritten_value_is_noticed():
    x = tt.ones(3, 4, requires_grad=True)
    out = x.softmax(-1)
    with tt.no_grad():
        out.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.sum().backward()


class Softmax(ops.Softmax):
    """A card of somebody else, which happens to have the name of one of ours."""

    def definition(self, x):
        return x * 0 + 7


@pytest.mark.kernels
def test_a_kernel_never_hides_what_somebody_else_wrote():
    assert tt.tensor([1.0, 2.0]).apply(Softmax(0), tt.tensor([1.0, 2.0])).tolist() == [7, 7]
    assert native.KERNELS[Softmax] is None
    assert native.KERNELS[ops.Softmax] is not None


@pytest.mark.kernels
@pytest.mark.parametrize("name", ["Softmax", "Attention"])
def test_a_function_that_is_not_ours_turns_off_what_rests_on_it(name, monkeypatch):
    """One whose code comes from another file, in the place of ours: here, of the definition of softmax."""
    monkeypatch.setattr(ops.Softmax, "definition", lambda self, x: x)
    ops.Softmax.definition.__module__ = ops.Softmax.__module__
    assert native.Kernels()[getattr(ops, name)] is None
    assert native.Kernels()[ops.LayerNorm] is not None


@pytest.mark.kernels
def test_the_report_says_what_is_used():
    used, about = library.report()
    assert used and build.vectors()[0] in about and build.compiler()[0] in about


STEPS = {
    "SGD": lambda p: tt.optim.SGD(p, 0.1, weight_decay=0.1),
    "momentum": lambda p: tt.optim.SGD(p, 0.1, momentum=0.9, dampening=0.2, weight_decay=0.1),
    "Nesterov": lambda p: tt.optim.SGD(p, 0.1, momentum=0.9, nesterov=True),
    "Adam": lambda p: tt.optim.Adam(p, 0.1),
    "Adam with decay": lambda p: tt.optim.Adam(p, 0.1, weight_decay=0.1),
    "Adam, amsgrad": lambda p: tt.optim.Adam(p, 0.1, amsgrad=True, betas=(0.5, 0.6)),
    "AdamW": lambda p: tt.optim.AdamW(p, 0.1, weight_decay=0.2),
    "AdamW, amsgrad": lambda p: tt.optim.AdamW(p, 0.1, weight_decay=0.2, amsgrad=True, maximize=True),
}


@pytest.mark.kernels
@pytest.mark.parametrize("name", STEPS)
def test_steps_in_place_are_those_of_the_definition(name):
    def trained():
        p = tt.tensor(normal(50, 7), dtype=tt.float32, requires_grad=True)
        optimizer = STEPS[name]([p])
        for i in range(5):
            p.grad = tt.tensor(normal(50, 7, seed=i + 1), dtype=tt.float32)
            optimizer.step()
        return [
            p.detach().numpy(),
            *[v.numpy() for v in optimizer.state[p].values() if isinstance(v, tt.Tensor)],
        ]

    mine = trained()
    with native.disabled():
        definition = trained()
    for a, b in zip(mine, definition, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)


@pytest.mark.kernels
def test_momentum_that_was_turned_off_leaves_its_velocity_alone():
    p = tt.tensor([1.0, 2.0], requires_grad=True)
    optimizer = tt.optim.SGD([p], 0.5, momentum=0.9, dampening=0.5)
    for _ in range(2):
        p.grad = tt.ones(2)
        optimizer.step()
    held, before = optimizer.state[p]["momentum_buffer"].tolist(), p.tolist()
    optimizer.param_groups[0]["momentum"] = 0.0
    optimizer.step()
    assert p.tolist() == [each - 0.5 for each in before]
    assert optimizer.state[p]["momentum_buffer"].tolist() == held


@pytest.mark.kernels
def test_a_step_in_place_is_noticed_by_who_kept_the_old_value():
    p = tt.ones(4, requires_grad=True)
    loss = (p * p).sum()
    p.grad = tt.ones(4)
    tt.optim.SGD([p], 0.1).step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation: step"):
        loss.backward()


@pytest.mark.kernels
def test_threads_can_be_set_and_change_no_result():
    x = tt.tensor(normal(400, 300), dtype=tt.float32)
    before = tt.get_num_threads()
    try:
        results = []
        for count in (1, 2, 3):
            tt.set_num_threads(count)
            results.append((x.softmax(-1) @ x.mT).numpy())
    finally:
        tt.set_num_threads(before)
    np.testing.assert_allclose(results[0], results[1], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(results[0], results[2], rtol=1e-5, atol=1e-6)


def python(code, **settings):
    """What a fresh process prints and complains of."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


SOFTMAX = "import tinytorch as tt; print(tt.tensor([1.0, 2.0]).softmax(0).tolist())"


@pytest.mark.kernels
def test_a_forked_process_has_threads_of_its_own():
    out, _ = python(
        """
        import os, warnings
        import tinytorch as tt
        warnings.simplefilter("ignore")
        x = tt.ones(1000, 1000)
        x.softmax(-1), x @ x
        if os.fork() == 0:
            print(float((x.softmax(-1) @ x)[0, 0]), flush=True)
            os._exit(0)
        os.wait()
        print(float((x.softmax(-1) @ x)[0, 0]))
        """
    )
    assert [round(float(each), 3) for each in out.split()] == [1.0, 1.0]


@pytest.mark.kernels
def test_several_threads_of_python_may_compute_at_once():
    out, _ = python(
        """
        import threading
        import tinytorch as tt
        x = tt.randn(500, 500)
        right = (x.softmax(-1) @ x).numpy()
        found = []
        def work():
            for _ in range(30):
                found.append(abs((x.softmax(-1) @ x).numpy() - right).max() < 1e-4)
        workers = [threading.Thread(target=work) for _ in range(4)]
        [each.start() for each in workers], [each.join() for each in workers]
        print(all(found), len(found))
        """
    )
    assert out.split() == ["True", "120"]


def test_without_a_compiler_numpy_serves_and_says_so_once(tmp_path):
    out, said = python(f"{SOFTMAX}; {SOFTMAX}", PATH=str(tmp_path), CC="", TINYTORCH_KERNELS="1")
    assert out.count("[0.268941") == 2
    assert said.count("operations run on NumPy, without compiled kernels") == 1
    assert "neither $CC nor cc, gcc or clang" in said


def test_a_compiler_that_fails_is_quoted(tmp_path):
    false = tmp_path / "cc"
    false.write_text("#!/bin/sh\necho 'no such flag' >&2\nexit 1\n", encoding="utf-8")
    false.chmod(0o755)
    out, said = python(SOFTMAX, CC=str(false), TINYTORCH_CACHE=str(tmp_path / "cache"), TINYTORCH_KERNELS="1")
    assert out.startswith("[0.268941") and "no such flag" in said


def test_kernels_can_be_switched_off():
    out, said = python(
        f"{SOFTMAX}; from tinytorch.devices.native import library; print(library.kernels())",
        TINYTORCH_KERNELS="0",
    )
    assert out.endswith("None\n") and not said


@pytest.mark.kernels
def test_a_library_that_is_damaged_is_made_again(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYTORCH_CACHE", str(tmp_path))
    source = {"one.c": '__attribute__((visibility("default"))) int one(void) { return 1; }'}
    flags = (*build.FLAGS, *build.vectors()[1])
    path = build.folder() / f"one-{build.key(source, build.compiler(), flags)}.so"
    path.write_bytes(b"no library")
    with pytest.raises(DeviceError, match="cannot be loaded"):
        build.library("one", source)
    assert build.library("one", source).one() == 1
    assert path.stat().st_mode & 0o022 == 0


@pytest.mark.kernels
@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_nothing_is_run_from_a_folder_that_others_may_write_to(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYTORCH_CACHE", str(tmp_path))
    build.folder().chmod(0o777)
    with pytest.raises(DeviceError, match="others may write to it"):
        build.folder()


@pytest.mark.kernels
def test_another_compiler_flag_or_source_is_another_library(tmp_path):
    command = build.compiler()
    keys = {
        build.key({"a.c": "1"}, command, ()),
        build.key({"a.c": "2"}, command, ()),
        build.key({"a.c": "1"}, command, ("-O0",)),
        build.key({"a.c": "1"}, (*command, "-m64"), ()),
    }
    assert len(keys) == 4
