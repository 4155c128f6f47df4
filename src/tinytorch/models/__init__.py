"""What people train."""

from tinytorch.overlay import overlaid

__path__ = overlaid(__name__, __path__)

from tinytorch.models.mlp import MLP

__all__ = ["MLP"]
