"""The course on disk: a module is a folder `NN_name` with a module.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
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


def find(word: str, near: str = "") -> tuple[Module, tuple[Exercise, ...]]:
    """The module and exercises that a word means: a number, an id, a name or the end of one, a file.

    near: the number of the module that is meant where several have an exercise with this ending.
    Raises CourseError for a word that means nothing, or more than one thing; it names what is close.

    >>> find("1")[0].number, find("permute")[1][0].id, find("05.run")[1][0].id
    ('01', '01.layout.permute', '05.sweep.run')
    """
    wanted = plain(word)
    for module in modules():
        folder = module.folder.name.lower()
        if wanted in (module.number, module.number.removeprefix("0"), folder, folder[3:]):
            return module, module.exercises
    for module in modules():
        there = tuple([each for each in module.exercises if f"/{each.file}".endswith(f"/{wanted}")])
        if there:
            return module, there
    everything = [each for module in modules() for each in module.exercises]
    whole = [each for each in everything if wanted in (each.id, each.local, plain(each.name))]
    found = whole or [each for each in everything if ends(each, wanted)]
    found = [each for each in found if each.module == near] or found
    if len(found) == 1:
        return next(module for module in modules() if module.number == found[0].module), (found[0],)
    if found:
        raise CourseError(f"{word!r} is the end of several ids: {', '.join(each.id for each in found)}")
    ids = close(everything, wanted)
    meant = f"; did you mean {' or '.join(ids)}?" if ids else ""
    raise CourseError(f"there is no module or exercise {word!r}{meant} (tt list)")


def plain(word: str) -> str:
    """A name as ids spell it: Number.__mul__() is number.mul."""
    return word.strip().removesuffix("()").replace("__", "").replace("\\", "/").lower()


def ends(exercise: Exercise, wanted: str) -> bool:
    """Whether a word is the end of an exercise's id, after a module's number or without one."""
    number, dot, rest = wanted.partition(".")
    if dot and number.isdecimal():
        return int(number) == int(exercise.module) and f".{exercise.local}".endswith(f".{rest}")
    return exercise.local.endswith(f".{wanted}")


def close(exercises: list[Exercise], wanted: str) -> list[str]:
    """The ids of at most three exercises that a misspelt word may mean."""
    names = {name: each.id for each in exercises for name in (each.id, each.local, each.local.split(".")[-1])}
    inside = [each.id for each in exercises if len(wanted) > 2 and wanted in each.local]
    return list(dict.fromkeys([*inside, *(names[each] for each in get_close_matches(wanted, names))]))[:3]
