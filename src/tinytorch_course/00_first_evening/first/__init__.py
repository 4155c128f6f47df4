"""The first evening: a network from single numbers, and what its picture needs."""

from tinytorch.overlay import overlay

__path__ = overlay(__name__, __path__)
