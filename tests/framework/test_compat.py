"""Programs written for PyTorch run on the framework, and what it lacks is named."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

import tinytorch as tt
from tinytorch import compat

IMPORTS = """
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
import torch.backends.cudnn as cudnn
from torch import Tensor, nn as again, optim
from torch.autograd import Function, grad
from torch.autograd.gradcheck import gradgradcheck
from torch.func import functional_call
from torch.nn import init, Parameter
from torch.nn.modules.module import Module
from torch.nn.parameter import Parameter
from torch.nn.utils import clip_grad_norm_
from torch.optim.lr_scheduler import StepLR
from torch.optim.optimizer import Optimizer
from torch.utils.data import DataLoader, Dataset, TensorDataset
from torch.utils.data.dataloader import default_collate
import tinytorch, tinytorch.optim.lr_scheduler
"""


def run(tmp_path, program, *arguments, python=(), module=("-m", "tinytorch")):
    path = tmp_path / "program.py"
    path.write_text(textwrap.dedent(program), encoding="utf-8")
    command = [sys.executable, *python, *module, path.name, *arguments]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)


def shown(tmp_path, program, *arguments):
    done = run(tmp_path, program, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_every_import_gives_the_one_module_that_there_is(tmp_path):
    same = "print(torch is tinytorch, F is tinytorch.nn.functional, nn is again is tinytorch.nn, StepLR is "
    same += "tinytorch.optim.lr_scheduler.StepLR, Module is nn.Module, Optimizer is optim.Optimizer)"
    assert shown(tmp_path, IMPORTS + same) == ["True"] * 6


def test_a_function_is_not_hidden_by_the_module_of_the_same_name(tmp_path):
    assert shown(tmp_path, IMPORTS + "print(type(torch.autograd.gradcheck).__name__)") == ["function"]


def test_a_program_sees_itself_as_python_would_show_it(tmp_path):
    program = "import sys, torch\nprint(sys.argv, __name__, __file__, __spec__, sys.path[0], sep='\\n')"
    ours = run(tmp_path, program, "--lr", "0.1")
    plain = run(tmp_path, program.replace(", torch", ""), "--lr", "0.1", module=())
    assert ours.stdout == plain.stdout


@pytest.mark.parametrize("program", ["def f():\n    return 1 / 0\nf()\n", "x = (1,\n", "raise SystemExit(3)"])
def test_an_error_looks_as_in_python(tmp_path, program):
    ours, plain = run(tmp_path, program), run(tmp_path, program, module=())
    assert (ours.stderr, ours.returncode) == (plain.stderr, plain.returncode)


def test_the_usual_questions_about_the_machine_are_answered(tmp_path):
    program = """
        import torch
        device = torch.device("cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu")
        torch.backends.cudnn.benchmark = True
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.cuda.manual_seed_all(0)
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(True)
        print(device, torch.cuda.device_count(), torch.accelerator.current_accelerator(), torch.get_num_threads())
        print(torch.backends.cudnn.benchmark, torch.are_deterministic_algorithms_enabled(), torch.version.cuda)
        print(tuple(int(part) for part in torch.__version__.split(".")[:2]) >= (2, 0))
    """
    assert shown(tmp_path, program) == ["cpu", "0", "None", "1", "True", "True", "None", "True"]


def test_a_machine_that_is_not_there_is_refused(tmp_path):
    assert "there is none" in run(tmp_path, "import torch\ntorch.cuda.synchronize()").stderr


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("import torch.onnx", "TinyTorch has no module 'torch.onnx'; below torch it has autograd"),
        ("from torch.nn.quantized import x", "TinyTorch has no module 'torch.nn.quantized'"),
        ("import torch\ntorch.softmaks", "TinyTorch has no torch.softmaks. Near it: softmax"),
        ("from torch.nn import Linar", "TinyTorch has no torch.nn.Linar. Near it: Linear"),
    ],
)
def test_what_is_missing_is_named_with_what_there_is(tmp_path, program, said):
    done = run(tmp_path, program)
    assert done.returncode == 1
    assert said in done.stderr


def test_compile_works_and_runs_what_cannot_be_captured_as_it_is(tmp_path):
    program = """
        import torch
        model = torch.compile(torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.Dropout(0.5)))
        for _ in range(3):
            assert model(torch.ones(4, 2)).shape == (4, 1)
        @torch.compile(fullgraph=True)
        def double(x):
            return 2 * x
        print([double(torch.ones(2)).tolist() for _ in range(2)])
    """
    done = run(tmp_path, program)
    assert done.stdout == "[[2.0, 2.0], [2.0, 2.0]]\n"
    assert done.stderr.count("runs without being compiled: the step draws random numbers") == 1


def test_a_file_that_is_not_there_and_no_file_at_all_are_usage_errors(tmp_path):
    absent = subprocess.run([sys.executable, "-m", "tinytorch", "no.py"], capture_output=True, text=True)
    nothing = subprocess.run([sys.executable, "-m", "tinytorch"], capture_output=True, text=True)
    assert (absent.returncode, nothing.returncode) == (2, 2)
    assert "no.py" in absent.stderr
    assert "usage" in nothing.stderr


def test_spawned_processes_run_on_the_same_package(tmp_path):
    program = """
        import multiprocessing, torch
        def child(queue):
            queue.put(torch.__name__)
        if __name__ == "__main__":
            context = multiprocessing.get_context("spawn")
            queue = context.Queue()
            process = context.Process(target=child, args=(queue,))
            process.start()
            print(queue.get(timeout=60))
            process.join()
    """
    assert shown(tmp_path, program) == ["tinytorch"]


def test_as_torch_within_a_program_and_undone(tmp_path):
    program = """
        from tinytorch import compat
        compat.as_torch()
        compat.as_torch()
        import torch
        print(torch.__name__, compat.installed())
        compat.leave()
        print(compat.installed(), torch.__version__)
    """
    done = run(tmp_path, program, module=())
    assert done.stdout.split() == ["tinytorch", "True", "False", tt.version.__version__]


def test_pytorch_itself_is_never_mixed_in(tmp_path):
    (tmp_path / "torch.py").write_text("real = True\n", encoding="utf-8")
    before = "import torch\nfrom tinytorch import compat\ncompat.as_torch()"
    done = run(tmp_path, before, module=())
    assert done.returncode == 1
    assert "PyTorch itself was imported already" in done.stderr
    assert shown(tmp_path, "import torch\nprint(torch.__name__)") == ["tinytorch"]


def test_a_near_name_is_proposed_and_a_far_one_is_not():
    assert "Near it: softmax" in compat.absent_name("torch", "softmacks", ["softmax", "exp"])
    assert "dir(torch) lists" in compat.absent_name("torch", "stft", ["softmax"])
