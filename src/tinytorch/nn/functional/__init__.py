"""Layers as plain functions, by topic (`torch.nn.functional`)."""

from tinytorch.overlay import overlaid

__path__ = overlaid(__name__, __path__)

from tinytorch.nn.functional.activation import (
    celu,
    elu,
    gelu,
    glu,
    hardshrink,
    hardsigmoid,
    hardswish,
    hardtanh,
    leaky_relu,
    log_softmax,
    logsigmoid,
    mish,
    prelu,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    softmax,
    softmin,
    softplus,
    softshrink,
    softsign,
    tanh,
    tanhshrink,
    threshold,
)
from tinytorch.nn.functional.affine import linear
from tinytorch.nn.functional.attention import scaled_dot_product_attention
from tinytorch.nn.functional.distance import cosine_similarity, normalize, pairwise_distance
from tinytorch.nn.functional.dropping import dropout
from tinytorch.nn.functional.lookup import embedding, embedding_bag, one_hot
from tinytorch.nn.functional.loss import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    nll_loss,
    smooth_l1_loss,
)
from tinytorch.nn.functional.normalization import layer_norm, rms_norm
from tinytorch.nn.functional.padding import pad

__all__ = [
    "relu",
    "gelu",
    "sigmoid",
    "tanh",
    "silu",
    "softplus",
    "logsigmoid",
    "elu",
    "leaky_relu",
    "hardtanh",
    "relu6",
    "celu",
    "selu",
    "mish",
    "hardsigmoid",
    "hardswish",
    "hardshrink",
    "softshrink",
    "softsign",
    "tanhshrink",
    "threshold",
    "prelu",
    "glu",
    "softmin",
    "softmax",
    "log_softmax",
    "pairwise_distance",
    "normalize",
    "cosine_similarity",
    "dropout",
    "one_hot",
    "linear",
    "mse_loss",
    "l1_loss",
    "huber_loss",
    "smooth_l1_loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "kl_div",
    "nll_loss",
    "cross_entropy",
    "pad",
    "embedding",
    "embedding_bag",
    "scaled_dot_product_attention",
    "layer_norm",
    "rms_norm",
]
