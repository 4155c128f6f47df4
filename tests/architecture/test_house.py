"""The shape of the code, written down where it can fail."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src"
FLOORS = [  # a file imports only from floors below its own, or from files before it in its floor
    ["overlay", "errors", "formats", "layout", "dtypes", "indexing"],
    ["array"],
    ["devices.interface", "devices.memory", "devices.special", "devices.native.build", "devices.native.library", "devices.native.expressions", "devices.native.compound", "devices.native.arrays",
     "devices.native.activations", "devices.native.affine", "devices.native.attention", "devices.native.batch_norm",
     "devices.native.convolution", "devices.native.layer_norm", "devices.native.losses", "devices.native.pooling",
     "devices.native.rows", "devices.native.steps", "devices.native.table", "devices.native", "devices.cpu", "devices.loops", "devices"],
    ["ops.symbol", "ops.card", "ops.elementwise", "ops.reduce", "ops.contract", "ops.linalg", "ops.movement", "ops.parts", "ops.index",
     "ops.affine", "ops.activations", "ops.convolution", "ops.normalization", "ops.attention", "ops.losses", "ops.steps", "ops"],
    ["observe"],
    ["autograd.grad_mode", "autograd.hooks", "autograd.graph", "autograd.versions", "autograd.anomaly", "autograd"],
    ["printing", "promotion", "composed", "composed_elementwise", "composed_statistics", "composed_axes",
     "composed_linalg",
     "methods", "methods.names", "methods.exchange", "methods.facts",
     "methods.copying", "methods.elementwise", "methods.reduce", "methods.contract", "methods.movement",
     "methods.index", "methods.convert", "methods.write", "tensor", "writing", "creation", "tensor_types", "summation", "functions", "joining",
     "autograd.function", "autograd.functional", "autograd.gradcheck"],
    ["random", "func", "linalg", "special"],
    ["nn.parameter", "nn.hooks", "nn.module", "nn.init", "nn.utils.rnn", "nn.embedding",
     "nn.functional.affine", "nn.functional.activation", "nn.functional.dropping", "nn.functional.gumbel", "nn.functional.lookup",
     "nn.functional.distance", "nn.functional.loss", "nn.functional.margin", "nn.functional.alignment", "nn.functional.padding", "nn.functional.convolution",
     "nn.functional.pooling", "nn.functional.adaptive", "nn.functional.normalization",
     "nn.functional.interpolation", "nn.functional.vision", "nn.functional.attention", "nn.functional",
     "nn.linear", "nn.activation", "nn.container", "nn.parameters", "nn.conv", "nn.fold", "nn.pooling", "nn.norm", "nn.padding",
     "nn.vision", "nn.dropout", "nn.flatten", "nn.loss", "nn.margin_loss", "nn.distance", "nn.attention", "nn.transformer", "nn.rnn",
     "nn.utils.clip_grad", "nn.utils.convert_parameters",
     "nn.utils.weight_norm", "nn.utils.spectral_norm", "nn.utils", "nn",
     "optim.optimizer", "optim.sgd", "optim.adam", "optim.adam_variants", "optim.rmsprop", "optim.muon", "optim.line_search", "optim.lbfgs",
     "optim.swa_utils", "optim.lr_scheduler.scheduler", "optim.lr_scheduler.decay", "optim.lr_scheduler.cyclic",
     "optim.lr_scheduler.plateau", "optim.lr_scheduler.combined", "optim.lr_scheduler", "optim",
     "utils.data.dataset", "utils.data.sampler", "utils.data.collate", "utils.data.workers", "utils.data.dataloader",
     "utils.data", "utils", "datasets.digits", "datasets.download", "datasets.images", "datasets.mnist",
     "datasets.cifar", "datasets.names", "datasets.shakespeare", "datasets", "transforms.functional",
     "transforms.transforms", "transforms", "text",
     "serialization.unpickler", "serialization.pickler", "serialization.archive", "serialization.safetensors",
     "serialization", "checkpoint",
     "distributions.constraints", "distributions.utils", "distributions.distribution", "distributions.normal",
     "distributions.uniform", "distributions.bernoulli", "distributions.categorical", "distributions.independent",
     "distributions.kl", "distributions"],
    ["models.mlp", "models.convnet", "models.resnet", "models.gpt", "models.generate", "models.sorter",
     "models.rnn", "models"],
    ["nonfinite", "callbacks", "training",
     "compiler.program", "compiler.recording", "compiler.watching", "compiler.guards", "compiler.simplify", "compiler.fusion", "compiler.source",
     "compiler.planning", "compiler.replay", "compiler.gradient", "compiler.capture", "compiler.explain", "compiler.compiled", "compiler"],
    ["version", "settings", "absent", "legacy", "compat"],
    [""],
    ["__main__"],
]  # fmt: skip
PLACE = {name: (floor, i) for floor, names in enumerate(FLOORS) for i, name in enumerate(names)}
FORBIDDEN = ("course", "learner", "exercise", "lesson", "student", "starter", "studio", "hint")
FRAMEWORK = sorted((SOURCE / "tinytorch").rglob("*.py"))
ALL = sorted(SOURCE.rglob("*.py"))


def dotted(path: Path) -> str:
    parts = path.relative_to(SOURCE / "tinytorch").with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imported(tree: ast.AST) -> list[str]:
    """Names inside tinytorch that are imported when the code runs; those for type checking do not count."""
    found = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "tinytorch":
            base = (node.module or "").removeprefix("tinytorch").lstrip(".")
            for alias in node.names:
                name = f"{base}.{alias.name}".lstrip(".")
                found.append(name if name in PLACE else base)
        found += imported(node)
    return found


def wrong_imports(name: str, source: str) -> list[str]:
    """What a file imports from a floor that is not below it."""
    return [each for each in imported(ast.parse(source)) if each != name and PLACE[each] >= PLACE[name]]


@pytest.mark.parametrize("path", FRAMEWORK, ids=dotted)
def test_imports_point_down(path):
    assert wrong_imports(dotted(path), path.read_text(encoding="utf-8")) == []


def test_an_import_that_points_up_is_found():
    assert wrong_imports("layout", "from tinytorch.tensor import Tensor") == ["tensor"]
    assert wrong_imports("layout", "def f():\n    from tinytorch import nn") == ["nn"]


def forbidden(source: str) -> list[str]:
    return [word for word in FORBIDDEN if word in source.lower()]


@pytest.mark.parametrize("path", FRAMEWORK, ids=dotted)
def test_the_framework_does_not_mention_what_stands_on_it(path):
    assert forbidden(path.read_text(encoding="utf-8")) == []


def test_a_forbidden_word_is_found():
    assert forbidden("# For the Learner") == ["learner"]


def code_lines(source: str) -> int:
    """Lines of code: docstrings, comments and blank lines do not count."""
    tree, lines = ast.parse(source), set()
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            last = node.end_lineno if not hasattr(node, "body") else node.lineno
            lines.update(range(node.lineno, (last or node.lineno) + 1))
    return len(lines)


@pytest.mark.parametrize("path", ALL, ids=str)
def test_files_stay_small(path):
    if path.name == "mistakes.py":  # a list of wrong bodies, one under the other
        return
    assert code_lines(path.read_text(encoding="utf-8")) <= 420


def test_lines_of_code_are_counted_without_words():
    assert code_lines('"""What."""\n\n# why\nx = 1\n\n\ndef f():\n    """What."""\n    return 2\n') == 3


@pytest.mark.parametrize("path", ALL, ids=str)
def test_the_first_line_of_a_file_says_what_it_is(path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def loaded(statement: str) -> set[str]:
    """The top modules that a fresh interpreter has after a statement, which must print nothing."""
    code = (
        f"{statement}\nimport sys\nsys.stderr.write(' '.join({{m.partition('.')[0] for m in sys.modules}}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    return set(done.stderr.split())


def test_importing_the_framework_loads_only_numpy():
    extra = {"click", "rich", "libcst", "safetensors", "matplotlib", "torch"}
    modules = loaded("import tinytorch")
    assert "numpy" in modules
    assert not extra & modules


def test_the_command_line_does_not_load_the_framework():
    assert not {"tinytorch", "numpy", "libcst"} & loaded("import tinytorch_studio.cli")
