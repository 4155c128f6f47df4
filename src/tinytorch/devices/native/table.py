"""Which card has which kernel."""

from __future__ import annotations

from tinytorch.devices.interface import Kernel
from tinytorch.devices.native import activations, batch_norm, convolution, pooling

KERNELS: dict[str, Kernel] = {
    **activations.KERNELS,
    **convolution.KERNELS,
    **pooling.KERNELS,
    **batch_norm.KERNELS,
}
