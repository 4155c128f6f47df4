"""Real data: what ships, and later what is downloaded."""

from tinytorch.overlay import overlaid

__path__ = overlaid(__name__, __path__)

from tinytorch.datasets.digits import Digits
from tinytorch.datasets.names import Names
from tinytorch.datasets.shakespeare import Shakespeare

__all__ = ["Digits", "Names", "Shakespeare"]
