"""Drawings of values: snippets run in a child, on the learner's files or on the reference."""

from __future__ import annotations

from typing import Any

from tinytorch_studio.course import Module
from tinytorch_studio.folder import Folder
from tinytorch_studio.process import on_files, run

SECONDS = 10.0
Drawing = dict[str, Any]


def drawings(
    folder: Folder | None, module: Module, codes: list[str], files: dict[str, Any] | None = None
) -> list[Drawing]:
    """One drawing for each snippet, in the namespace of a module's probes.

    folder: whose files are in front; None for the reference. files: compositions as a check makes them.
    """
    job = on_files(folder, module, probes=str(module.path("probes.py")), codes=codes, files=files or {})
    heard = run("draw", job, SECONDS)
    found = heard.cases[: len(codes)]
    if len(found) < len(codes):
        found += [unheard(heard.failed, heard.ending)] * (len(codes) - len(found))
    return found


def unheard(failed: dict[str, Any] | None, ending: str) -> Drawing:
    """What stands in the place of a drawing that never came."""
    if failed is None:
        return {"kind": "error", "error": "", "message": ending}
    return failed | {"kind": "error", "error": failed["failed"]}
