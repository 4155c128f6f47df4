"""What people train."""

from tinytorch.overlay import overlay

__path__ = overlay(__name__, __path__)

from tinytorch.models.mlp import MLP

__all__ = ["MLP"]
