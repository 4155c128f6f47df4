"""The course on disk: a module is a folder `NN_name` with a module.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path


class CourseError(Exception):
    """A module that is not written as the course asks."""


@dataclass(frozen=True)
class Exercise:
    """A function, or a few, that the learner writes."""

    module: str  # its number, "01"
    name: str  # as in module.toml: "Layout.permute", "contiguous_strides"
    file: str  # in the learner's folder: "tinytorch/layout.py"
    functions: tuple[str, ...]
    starred: bool
    production: tuple[str, ...]  # where PyTorch does the same: "torch/_tensor.py: Tensor.backward"

    @property
    def local(self) -> str:
        """The id without the number: "layout.permute"."""
        dotted = self.name if "." in self.name else f"{Path(self.file).stem}.{self.name}"
        return dotted.replace("__", "").lower()

    @property
    def id(self) -> str:
        """The id: "01.layout.permute"."""
        return f"{self.module}.{self.local}"

    @property
    def probe(self) -> str:
        """The name of its probe: "layout_permute"."""
        return self.local.replace(".", "_")


@dataclass(frozen=True)
class Module:
    """One chapter: some files of the framework, and the exercises in them."""

    folder: Path
    title: str
    question: str
    files: tuple[str, ...]
    exercises: tuple[Exercise, ...]

    @property
    def number(self) -> str:
        """ "01"."""
        return self.folder.name[:2]

    def path(self, name: str) -> Path:
        """A file of the module's folder."""
        return self.folder / name

    def reference(self, file: str) -> Path:
        """The reference's version of one of its files: in the framework, or in the module's own folder."""
        if not file.startswith("tinytorch/"):
            return self.folder / file
        return framework() / Path(*Path(file).parts[1:])


def framework() -> Path:
    """The folder of the reference framework."""
    return Path(__file__).resolve().parents[1] / "tinytorch"


def read_module(folder: Path) -> Module:
    """A module from its folder. Raises CourseError that names the file and what is missing."""
    path = folder / "module.toml"
    try:
        spec = tomllib.loads(path.read_text(encoding="utf-8"))
        files = tuple(spec["files"])
        exercises = tuple(
            Exercise(
                folder.name[:2],
                each["name"],
                each.get("file", files[0]),
                tuple(each.get("functions", [each["name"]])),
                each.get("starred", False),
                tuple(each.get("production", [])),
            )
            for each in spec["exercise"]
        )
        return Module(folder, spec["title"], spec["question"], files, exercises)
    except (tomllib.TOMLDecodeError, KeyError, OSError) as error:
        raise CourseError(f"{path}: {error}") from error


@cache
def modules() -> tuple[Module, ...]:
    """All modules, in order."""
    root = Path(__file__).resolve().parents[1] / "tinytorch_course"
    return tuple([read_module(path.parent) for path in sorted(root.glob("[0-9][0-9]_*/module.toml"))])


def find(name: str) -> tuple[Module, tuple[Exercise, ...]]:
    """The module and exercises that a number, an id or a name means. Raises CourseError for none."""
    wanted = name.lower()
    for module in modules():
        if wanted in (module.number, module.folder.name):
            return module, module.exercises
        for each in module.exercises:
            if wanted in (each.id, each.local, each.name.lower()):
                return module, (each,)
    raise CourseError(f"there is no module or exercise {name!r}; tt list names them")
