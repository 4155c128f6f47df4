"""Which card has which kernel."""

from __future__ import annotations

from tinytorch.devices.interface import Kernel
from tinytorch.devices.native import activations, affine, attention, layer_norm, losses, steps

KERNELS: dict[str, Kernel] = {
    **activations.KERNELS,
    **affine.KERNELS,
    **attention.KERNELS,
    **layer_norm.KERNELS,
    **losses.KERNELS,
    **steps.KERNELS,
}

# Cards whose definitions ask for another card: where that one is not ours, neither kernel may serve.
RESTS_ON = {"Attention": "Softmax", "CrossEntropy": "LogSoftmax", "Linear": "MatMul"}
