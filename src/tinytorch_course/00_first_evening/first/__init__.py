"""The first evening: a network from single numbers, and what its picture needs."""

from tinytorch.overlay import overlaid

__path__ = overlaid(__name__, __path__)
