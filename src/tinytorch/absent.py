"""The namespaces of machines that are not here: `cuda`, `backends`, `accelerator`. Asked whether they are, they say no."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any, NoReturn

from tinytorch.devices.interface import device
from tinytorch.errors import DeviceError


def answering(value: Any) -> Callable[..., Any]:
    """A function that gives the same answer whatever it is asked."""

    def answer(*_: Any, **__: Any) -> Any:
        return value

    return answer


def refusing(name: str) -> Callable[..., Any]:
    """A function that needs the machine, and says that it is not here."""

    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise DeviceError(f"{name} needs a CUDA device, and there is none: cuda.is_available() is False")

    return refuse


def namespace(name: str, **contents: Any) -> ModuleType:
    """A module that no file holds; what programs switch on it is kept and has no effect."""
    made = ModuleType(f"tinytorch.{name}", f"`torch.{name}`, of a machine that is not here.")
    made.__path__ = []  # so that `import torch.backends.cudnn` looks no further than its attributes
    made.__dict__.update(contents)
    return made


cuda = namespace(
    "cuda",
    is_available=answering(False),
    is_initialized=answering(False),
    is_bf16_supported=answering(False),
    device_count=answering(0),
    manual_seed=answering(None),  # PyTorch keeps the seed for a device that may still appear
    manual_seed_all=answering(None),
    empty_cache=answering(None),
    memory_allocated=answering(0),
    max_memory_allocated=answering(0),
    memory_reserved=answering(0),
    max_memory_reserved=answering(0),
    **{
        name: refusing(f"cuda.{name}")
        for name in ("synchronize", "current_device", "get_device_name", "get_device_properties", "set_device",
                     "get_device_capability", "Stream", "Event", "get_rng_state", "reset_peak_memory_stats")
    },
)  # fmt: skip
mps = namespace("mps", is_available=answering(False), device_count=answering(0), empty_cache=answering(None))
xpu = namespace("xpu", is_available=answering(False), device_count=answering(0), empty_cache=answering(None))
accelerator = namespace(
    "accelerator",
    is_available=answering(False),
    device_count=answering(0),
    current_accelerator=answering(None),
    synchronize=refusing("accelerator.synchronize"),
)
matmul = namespace("backends.cuda.matmul", allow_tf32=False, allow_fp16_reduced_precision_reduction=True)
backends = namespace(
    "backends",
    cudnn=namespace(
        "backends.cudnn",
        is_available=answering(False),
        version=answering(None),
        enabled=True,
        benchmark=False,
        deterministic=False,
        allow_tf32=True,
    ),
    cuda=namespace("backends.cuda", is_built=answering(False), matmul=matmul),
    mps=namespace("backends.mps", is_available=answering(False), is_built=answering(False)),
    mkl=namespace("backends.mkl", is_available=answering(False)),
    mkldnn=namespace("backends.mkldnn", is_available=answering(False), enabled=False),
    openmp=namespace("backends.openmp", is_available=answering(False)),
)


def get_default_device() -> device:
    """Where new tensors are made: the CPU (`torch.get_default_device`)."""
    return device("cpu")
