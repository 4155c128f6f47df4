"""The methods of Tensor by topic, as functions of a tensor `x`. The class adopts them; they reach `apply` through `x`."""

from tinytorch.overlay import overlaid

__path__ = overlaid(__name__, __path__)
