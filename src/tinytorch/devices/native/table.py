"""Which card has which kernel."""

from __future__ import annotations

from tinytorch.devices.interface import Kernel
from tinytorch.devices.native import (
    activations,
    affine,
    attention,
    batch_norm,
    convolution,
    layer_norm,
    losses,
    pooling,
    steps,
)

KERNELS: dict[str, Kernel] = {
    **activations.KERNELS,
    **affine.KERNELS,
    **attention.KERNELS,
    **batch_norm.KERNELS,
    **convolution.KERNELS,
    **layer_norm.KERNELS,
    **losses.KERNELS,
    **pooling.KERNELS,
    **steps.KERNELS,
}

# Cards whose definitions ask for another card: where that one is not ours, neither kernel may serve.
RESTS_ON = {"Attention": "Softmax", "CrossEntropy": "LogSoftmax", "Linear": "MatMul"}
