"""Automatic differentiation: record, order, accumulate."""

from importlib import import_module
from typing import Any

from tinytorch.overlay import overlaid

__path__ = overlaid(__name__, __path__)

from tinytorch.autograd.anomaly import detect_anomaly, set_detect_anomaly
from tinytorch.autograd.grad_mode import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)

# These stand on tensors, which stand on the rest of this package: they are imported when asked for.
ABOVE = {
    "Function": "function",
    "backward": "function",
    "grad": "function",
    "gradcheck": "gradcheck",
    "gradgradcheck": "gradcheck",
}


def __getattr__(name: str) -> Any:
    if name == "functional":
        return import_module(f"{__name__}.functional")
    if name not in ABOVE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{ABOVE[name]}"), name)
    globals()[name] = found  # also over a submodule of the same name
    return found


__all__ = [
    "detect_anomaly",
    "enable_grad",
    "functional",
    "inference_mode",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
    *ABOVE,
]
