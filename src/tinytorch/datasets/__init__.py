"""Real data: what ships, and later what is downloaded."""

from tinytorch.overlay import overlay

__path__ = overlay(__name__, __path__)

from tinytorch.datasets.digits import Digits

__all__ = ["Digits"]
