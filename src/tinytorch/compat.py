"""Programs that `import torch`, run on this package: `as_torch()` lets the import system find it under that name.

Nothing is copied and nothing wrapped: `torch.nn` *is* `tinytorch.nn`, one module under two names. What PyTorch
has and this package has not raises ImportError or AttributeError that names it.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import re
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import tinytorch
from tinytorch import version
from tinytorch.formats import Naming

TORCH = "2.13.0"  # the version of PyTorch whose semantics these are
PUBLIC = (
    "autograd",
    "backends",
    "cuda",
    "distributions",
    "func",
    "linalg",
    "nn",
    "optim",
    "random",
    "special",
    "utils",
    "version",
)
# PyTorch keeps some files that are not here under these paths: all names that are public in the package beside it.
FOLDED = {
    "torch.functional": "tinytorch",
    "torch.nn.modules": "tinytorch.nn",
    "torch.optim.adamw": "tinytorch.optim",
    "torch.utils.data.dataloader": "tinytorch.utils.data",
    "torch.utils.data.distributed": "tinytorch.utils.data",
}


def as_torch() -> None:
    """From here on `import torch`, and every import below it, gives this package.

    Calling it again changes nothing. Raises ImportError if PyTorch itself was imported before: two frameworks
    under one name would be mixed without a word.

    >>> as_torch()
    >>> import torch.nn.functional as F
    >>> F is tinytorch.nn.functional
    True
    >>> leave()
    """
    if installed():
        return
    there = sys.modules.get("torch")
    if there is not None:
        raise ImportError(
            f"PyTorch itself was imported already, from {there.__file__}: call tinytorch.compat.as_torch() "
            "before anything imports torch, or run the program with `python -m tinytorch program.py`"
        )
    sys.meta_path.insert(0, TorchFinder())
    Naming.prefix = "torch"
    setattr(tinytorch, "__version__", f"{TORCH}+tinytorch.{version.__version__}")  # noqa: B010 it is re-exported


def installed() -> bool:
    """Whether `import torch` gives this package."""
    return any(isinstance(each, TorchFinder) for each in sys.meta_path)


def leave() -> None:
    """Undo `as_torch`: `import torch` looks for PyTorch again. Names that were imported stay what they are."""
    sys.meta_path[:] = [each for each in sys.meta_path if not isinstance(each, TorchFinder)]
    for name in [each for each in sys.modules if each == "torch" or each.startswith("torch.")]:
        if sys.modules[name].__name__.startswith(("tinytorch", "torch")):
            del sys.modules[name]
    setattr(tinytorch, "__version__", version.__version__)  # noqa: B010
    Naming.prefix = "tinytorch"


class TorchFinder(MetaPathFinder):
    """Answers for `torch` and everything below it, so that no file of PyTorch is ever read."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A spec for a module that is here. Raises ModuleNotFoundError for one that is not."""
        if name != "torch" and not name.startswith("torch."):
            return None
        found = counterpart(name)
        if found is None:
            raise ModuleNotFoundError(absent_module(name), name=name)
        return ModuleSpec(name, Existing(found), is_package=True)


class Existing(Loader):
    """Hands out a module that is there already, and leaves it as it was."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.spec = module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module itself."""
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        """It ran long ago. Its own spec is put back, and what was imported below it is there under both names."""
        name, module.__spec__ = module.__spec__.name, self.spec  # type: ignore[union-attr]
        own = f"{module.__name__}."
        for each in [each for each in sys.modules if each.startswith(own)]:
            sys.modules.setdefault(f"{name}.{each[len(own) :]}", sys.modules[each])


def counterpart(name: str) -> ModuleType | None:
    """The module of this package that stands for PyTorch's `name`; None if there is none.

    >>> counterpart("torch.optim.lr_scheduler") is tinytorch.optim.lr_scheduler
    True
    >>> counterpart("torch.onnx") is None
    True
    """
    for path, beside in FOLDED.items():
        if name == path or name.startswith(f"{path}."):
            return Folded(name, importlib.import_module(beside))
    own = name.replace("torch", "tinytorch", 1)
    parent, _, last = own.rpartition(".")
    package = counterpart(name.rpartition(".")[0]) if parent else tinytorch
    if package is None or not parent:
        return package
    inside = getattr(package, last, None)
    if isinstance(inside, ModuleType):
        return inside
    there = hasattr(package, "__path__") and find_spec(own) is not None
    return importlib.import_module(own) if there else None


class Folded(ModuleType):
    """A path that only PyTorch has: its names are those of a package that is here."""

    def __init__(self, name: str, package: ModuleType) -> None:
        super().__init__(name, f"`{name}`, whose names stand in `{package.__name__}`.")
        self.__path__: list[str] = []
        self.package = package

    def __getattr__(self, name: str) -> Any:
        return getattr(self.package, name)


def absent_module(name: str) -> str:
    """What is said about a module that is not here: which of its neighbours are."""
    parent = name.rpartition(".")[0]
    package = sys.modules.get(parent.replace("torch", "tinytorch", 1))
    inside = [each.name for each in pkgutil.iter_modules(getattr(package, "__path__", []))]
    there = ", ".join(PUBLIC if parent == "torch" else inside) or "none"
    return f"TinyTorch has no module {name!r}; below {parent} it has {there}"


def absent_name(module: str, name: str, there: Sequence[str]) -> str:
    """What is said about a name that a module has not: the nearest that it has.

    >>> absent_name("torch", "softmaks", ["softmax", "exp"])
    'TinyTorch has no torch.softmaks. Near it: softmax'
    """
    close = difflib.get_close_matches(name, there, n=5, cutoff=0.6)
    near = f"Near it: {', '.join(close)}" if close else f"dir({module}) lists what there is"
    return f"TinyTorch has no {module}.{name}. {near}"


def explained(error: BaseException) -> str | None:
    """For an import that failed at a name of this package: what there is instead. None for other errors."""
    match = re.match(r"cannot import name '(\w+)' from '(tinytorch[\w.]*)'", str(error))
    if not isinstance(error, ImportError) or match is None:
        return None
    name, module = match.groups()
    there = [each for each in dir(sys.modules[module]) if not each.startswith("_")]
    return absent_name(module.replace("tinytorch", "torch", 1), name, there)


class ProgramFolder(str):
    """The entry of `sys.path` for a program's folder. Processes that the program spawns receive the path, and with
    this entry the hook, before they import the program.
    """

    def __reduce__(self) -> Any:
        return arrived, (str(self),)


def arrived(folder: str) -> ProgramFolder:
    """In the spawned process: `import torch` is this package here too."""
    as_torch()
    return ProgramFolder(folder)
