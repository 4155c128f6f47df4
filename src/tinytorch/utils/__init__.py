"""Helpers around training."""

from tinytorch.overlay import overlay

__path__ = overlay(__name__, __path__)

from tinytorch.utils import data

__all__ = ["data"]
