"""The module that a command is about."""

from __future__ import annotations

from tinytorch_studio import course
from tinytorch_studio.commands.common import current, meant
from tinytorch_studio.folder import Folder


def module_meant(folder: Folder, name: str | None) -> course.Module:
    """The module that a word means, or without a word that of the current exercise; where all is built, of the last."""
    if name is not None:
        return meant(name)[0]
    step = current(folder)
    if step is not None:
        return step[0]
    last = folder.last()[0][:2]
    everything = course.modules()
    return next((each for each in everything if each.number == last), everything[-1])
