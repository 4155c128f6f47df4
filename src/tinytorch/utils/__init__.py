"""Helpers around training."""

from tinytorch.overlay import overlaid

__path__ = overlaid(__name__, __path__)

from tinytorch.utils import data

__all__ = ["data"]
