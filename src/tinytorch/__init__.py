"""TinyTorch: a small, complete deep learning framework with PyTorch's names."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tinytorch.overlay import overlaid

__path__ = overlaid(__name__, __path__)

from tinytorch import autograd, dtypes, functions
from tinytorch.autograd import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from tinytorch.creation import (
    arange,
    as_tensor,
    asarray,
    cat,
    concat,
    concatenate,
    empty,
    empty_like,
    empty_strided,
    eye,
    from_dlpack,
    from_numpy,
    frombuffer,
    full,
    full_like,
    linspace,
    logspace,
    ones,
    ones_like,
    stack,
    tensor,
    tril_indices,
    triu_indices,
    where,
    zeros,
    zeros_like,
)
from tinytorch.devices.interface import device
from tinytorch.dtypes import (
    bfloat16,
    double,
    dtype,
    finfo,
    float16,
    float32,
    float64,
    get_default_dtype,
    half,
    iinfo,
    int8,
    int16,
    int32,
    int64,
    long,
    promote_types,
    set_default_dtype,
    short,
    uint8,
)
from tinytorch.formats import (
    Size,
    channels_last,
    channels_last_3d,
    contiguous_format,
    memory_format,
    preserve_format,
    strided,
)
from tinytorch.joining import (
    atleast_1d,
    atleast_2d,
    atleast_3d,
    block_diag,
    broadcast_shapes,
    broadcast_tensors,
    bucketize,
    can_cast,
    cartesian_prod,
    cdist,
    column_stack,
    combinations,
    cumulative_trapezoid,
    dstack,
    hstack,
    isin,
    meshgrid,
    pdist,
    result_type,
    row_stack,
    rsub,
    searchsorted,
    tensordot,
    trapezoid,
    trapz,
    unravel_index,
    vstack,
)
from tinytorch.printing import set_printoptions
from tinytorch.random import (
    Generator,
    bernoulli,
    get_rng_state,
    initial_seed,
    manual_seed,
    multinomial,
    normal,
    poisson,
    rand,
    rand_like,
    randint,
    randint_like,
    randn,
    randn_like,
    randperm,
    seed,
    set_rng_state,
)
from tinytorch.summation import einsum
from tinytorch.tensor import Tensor
from tinytorch.version import __version__

# The submodule gradcheck must not hide the function of the same name.
autograd.gradcheck = autograd.__getattr__("gradcheck")

from math import e, inf, nan, pi

if TYPE_CHECKING:
    from tinytorch import distributions, func, linalg, nn, optim, special, utils
    from tinytorch.checkpoint import load, save

newaxis = None
float = float32
int = int32
bool = dtypes.bool_
globals().update(functions.FUNCTIONS)


def is_tensor(x: object) -> Any:
    """Whether something is a tensor."""
    return isinstance(x, Tensor)


# Imported when asked for: what stands above the tensor, so that a program begins with what it uses.
PACKAGES = ("distributions", "func", "linalg", "nn", "optim", "special", "utils")
LATER = {
    "absent": ("accelerator", "backends", "cuda", "get_default_device", "mps", "xpu"),
    "checkpoint": ("load", "save"),
    "compiler": ("compile",),
    "legacy": ("set_default_tensor_type", "typename"),
    "tensor_types": (
        "BFloat16Tensor",
        "BoolTensor",
        "ByteTensor",
        "CharTensor",
        "DoubleTensor",
        "FloatTensor",
        "HalfTensor",
        "IntTensor",
        "LongTensor",
        "ShortTensor",
    ),
    "settings": (
        "are_deterministic_algorithms_enabled",
        "get_float32_matmul_precision",
        "get_num_interop_threads",
        "get_num_threads",
        "set_float32_matmul_precision",
        "set_num_interop_threads",
        "set_num_threads",
        "use_deterministic_algorithms",
    ),
}


def __getattr__(name: str) -> Any:
    if name in PACKAGES:
        return import_module(f"tinytorch.{name}")
    for module, names in LATER.items():
        if name in names:
            return getattr(import_module(f"tinytorch.{module}"), name)
    if name.startswith("_"):
        raise AttributeError(f"module 'tinytorch' has no attribute {name!r}")
    from tinytorch.compat import absent_name

    raise AttributeError(absent_name("torch", name, __dir__()), name=name)


def __dir__() -> list[str]:
    return sorted({*globals(), *PACKAGES, *[name for names in LATER.values() for name in names]})


__all__ = [
    "BFloat16Tensor",
    "BoolTensor",
    "ByteTensor",
    "CharTensor",
    "DoubleTensor",
    "FloatTensor",
    "HalfTensor",
    "IntTensor",
    "LongTensor",
    "ShortTensor",
    "Generator",
    "Size",
    "Tensor",
    "arange",
    "as_tensor",
    "asarray",
    "autograd",
    "bernoulli",
    "bfloat16",
    "bool",
    "cat",
    "concat",
    "concatenate",
    "device",
    "distributions",
    "double",
    "dtype",
    "dtypes",
    "einsum",
    "empty",
    "empty_like",
    "empty_strided",
    "enable_grad",
    "eye",
    "finfo",
    "float",
    "float16",
    "float32",
    "float64",
    "from_dlpack",
    "from_numpy",
    "frombuffer",
    "full",
    "full_like",
    "func",
    "functions",
    "get_default_dtype",
    "get_rng_state",
    "half",
    "iinfo",
    "inference_mode",
    "initial_seed",
    "int",
    "int16",
    "int32",
    "int64",
    "int8",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "is_tensor",
    "linspace",
    "load",
    "logspace",
    "long",
    "manual_seed",
    "multinomial",
    "nn",
    "no_grad",
    "normal",
    "poisson",
    "ones",
    "ones_like",
    "optim",
    "promote_types",
    "rand",
    "rand_like",
    "randint",
    "randint_like",
    "randn",
    "randn_like",
    "randperm",
    "save",
    "seed",
    "set_default_dtype",
    "set_grad_enabled",
    "set_printoptions",
    "set_rng_state",
    "stack",
    "tensor",
    "tril_indices",
    "triu_indices",
    "uint8",
    "utils",
    "where",
    "zeros",
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "block_diag",
    "broadcast_shapes",
    "broadcast_tensors",
    "bucketize",
    "can_cast",
    "cartesian_prod",
    "cdist",
    "column_stack",
    "dstack",
    "hstack",
    "isin",
    "meshgrid",
    "result_type",
    "row_stack",
    "searchsorted",
    "tensordot",
    "vstack",
    "zeros_like",
    *functions.FUNCTIONS,
]
