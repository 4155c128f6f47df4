"""What is timed: each workload is written once, against a torch-like namespace, and begins with the same numbers on each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from benchmarks import language, networks
from benchmarks.work import Work


class Workload(NamedTuple):
    """One kind of work. `make(ns, fused)` builds it, with a fused optimizer or PyTorch's usual one."""

    title: str
    make: Callable[[Any, bool], Work]
    times: int  # how often it is done in one slice
    slices: int = 40
    without: frozenset[str] = frozenset({"jax"})  # backends that have nothing of their own to show here


NO_OPTIMIZER = frozenset({"torch+fused", "jax"})
ONLY_FORWARD = NO_OPTIMIZER | {"tinytorch+compiled"}
NO_ARITHMETIC = ONLY_FORWARD | {"tinytorch+numpy"}
EVERY: frozenset[str] = frozenset()

TABLE = {
    "chain": Workload(
        "100 tiny operations on 8x8, forward and backward", networks.chain, 60, without=NO_OPTIMIZER
    ),
    "mlp": Workload("MLP 784-256-128-10, batch 64, Adam", networks.mlp, 20, without=EVERY),
    "lenet": Workload("LeNet, 1x28x28, batch 64, SGD", networks.lenet, 5, without=EVERY),
    "resnet": Workload("ResNet 16/32/64, 3x32x32, batch 32, SGD", networks.resnet, 1),
    "gpt": Workload(
        "GPT 4 layers, 4 heads, width 128, 64 letters, batch 16, AdamW", language.small, 1, without=EVERY
    ),
    "gpt384": Workload(
        "GPT 6 layers, 6 heads, width 384, 256 letters, batch 4, AdamW", language.large, 1, 10
    ),
    "generate": Workload(
        "128 letters from the small GPT with a cache, one at a time", language.generate, 1, 20, ONLY_FORWARD
    ),
    "loader": Workload(
        "60,000 samples of 784 in shuffled batches of 64", networks.loader, 1, 10, NO_ARITHMETIC
    ),
}


def make(ns: Any, name: str, fused: bool = False) -> Work:
    """The work of one workload."""
    return TABLE[name].make(ns, fused)
