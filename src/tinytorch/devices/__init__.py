"""The machines: where arrays live and arithmetic happens."""

from tinytorch.overlay import overlaid

__path__ = overlaid(__name__, __path__)

from tinytorch.devices.interface import Device, backend, device

__all__ = ["Device", "backend", "device"]
