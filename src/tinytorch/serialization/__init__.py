"""File formats: safetensors, and PyTorch's own, read without running code from the file."""

from tinytorch.overlay import overlaid

__path__ = overlaid(__name__, __path__)

from tinytorch.serialization.unpickler import CheckpointError

__all__ = ["CheckpointError"]
