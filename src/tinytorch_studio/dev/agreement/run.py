"""Everything run: functions and modules, the table, and what is not in it."""

from __future__ import annotations

import random
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

import tinytorch as tt
from tinytorch_studio.dev.agreement import functions, modules
from tinytorch_studio.dev.agreement.page import Line, page, tally
from tinytorch_studio.dev.agreement.translate import DTYPES

FEW = (torch.float64, torch.float32, torch.int64, torch.bool)


def seeded() -> None:
    """The same samples in every run."""
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)


def lines(
    limit: int | None,
    thorough: bool,
    dtypes: tuple[Any, ...] = tuple(DTYPES),
    only: tuple[str, ...] = (),
    say: Callable[[str], None] = lambda _: None,
) -> tuple[list[Line], list[str]]:
    """One line for each function and module that the framework has, and the names of those that it has not."""
    found: dict[str, Line] = {}
    missing: set[str] = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, make, lacking in entries(limit, thorough, dtypes):
            if only and name not in only:
                continue
            seeded()
            start, before = time.perf_counter(), found.get(name, Line(name)).cases
            tally(found, name, make())
            if name not in found:
                missing.update(lacking or [name])
            else:
                took, count = time.perf_counter() - start, found[name].cases - before
                say(f"{name}: {count} cases, {len(found[name].unexplained)} unexplained, {took:.1f} s")
    return list(found.values()), sorted(missing - set(found))


def entries(
    limit: int | None, thorough: bool, dtypes: tuple[Any, ...]
) -> Iterator[tuple[str, Callable[[], Iterator[Any]], list[str]]]:
    """(name, its cases, what of it is missing) for each entry of PyTorch's two lists."""
    for op in functions.op_db():
        yield op.name, lambda op=op: functions.cases(op, dtypes, limit, thorough), []  # type: ignore[misc]
    for info in modules.module_db():
        name = modules.title(info)
        yield name, lambda info=info: modules.cases(info, limit), []  # type: ignore[misc]


def elsewhere(covered: list[Line]) -> list[str]:
    """Public functions and methods that PyTorch's lists do not name."""
    names = {each.name.rpartition(".")[2] for each in covered}
    named = {alias.name for op in functions.op_db() for alias in op.aliases} | names
    public = [name for name in dir(tt) if not name.startswith("_") and callable(getattr(tt, name))]
    kinds = [name for name in public if not isinstance(getattr(tt, name), type)]
    return [
        name for name in kinds if name not in named and name.rstrip("_") not in named and hasattr(torch, name)
    ]


def document(say: Callable[[str], None]) -> tuple[str, list[Line]]:
    """The page of a whole run."""
    found, missing = lines(None, thorough=True, say=say)
    found.sort(key=lambda each: (each.name.startswith("nn."), each.name.lower()))
    return page(found, missing, elsewhere(found), torch.__version__), found
