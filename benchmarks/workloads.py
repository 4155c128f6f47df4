"""What is timed: each workload is written once, against a torch-like namespace, and begins with the same numbers on each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from benchmarks import language, networks

Step = Callable[[], float]


class Workload(NamedTuple):
    """One kind of work: `make(ns, fused)` builds it and returns what does it once, and returns a number to compare."""

    title: str
    make: Callable[[Any, bool], Step]
    count: int  # how often it is done in one slice
    slices: int = 40


WORKLOADS = {
    "chain": Workload("100 tiny operations on 8x8, forward and backward", networks.chain, 60),
    "mlp": Workload("MLP 784-256-128-10, batch 64, Adam", networks.mlp, 20),
    "lenet": Workload("LeNet, 1x28x28, batch 64, SGD", networks.lenet, 5),
    "resnet": Workload("ResNet 16/32/64, 3x32x32, batch 32, SGD", networks.resnet, 1),
    "gpt": Workload("GPT 4 layers, 4 heads, width 128, 64 letters, batch 16, AdamW", language.small, 1),
    "gpt384": Workload(
        "GPT 6 layers, 6 heads, width 384, 256 letters, batch 4, AdamW", language.large, 1, 10
    ),
    "generate": Workload(
        "128 letters from the small GPT with a cache, one at a time", language.generate, 1, 20
    ),
    "loader": Workload("60,000 samples of 784 in shuffled batches of 64", networks.loader, 1, 10),
}
