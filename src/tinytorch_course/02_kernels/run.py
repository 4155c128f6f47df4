"""Run it: one network reads the same digits on two devices, and both are timed."""

from __future__ import annotations

import time

import tinytorch as tt
from tinytorch.datasets import Digits
from tinytorch_course.models import digits

COUNT = 6  # pictures: the loops take their time


def forward(weights: dict[str, tt.Tensor], pictures: tt.Tensor) -> tt.Tensor:
    """(n, 64) to ten scores each, in the words of tensors: two products, two sums, one relu."""
    centred = pictures - weights["average"]
    hidden = (centred @ weights["network.layers.0.weight"].mT + weights["network.layers.0.bias"]).relu()
    return hidden @ weights["network.layers.2.weight"].mT + weights["network.layers.2.bias"]


def main() -> None:
    """Read a few digits on `loops` and on `cpu`."""
    held_out = Digits(train=False)
    pictures, labels = held_out.images[:COUNT].flatten(1), held_out.labels[:COUNT].tolist()
    state = digits.load().state_dict()
    scores = {}
    for device in ("loops", "cpu"):
        weights = {name: value.to(device) for name, value in state.items()}
        moved = pictures.to(device)
        with tt.no_grad():
            if device == "cpu":
                forward(weights, moved)  # the first call builds what later calls find
            began = time.perf_counter()
            scores[device] = forward(weights, moved)
            seconds = time.perf_counter() - began
        read = scores[device].to("cpu").argmax(1).tolist()
        print(f"{device:<6} read {read}   {seconds * 1000:9.3f} ms")
    print(f"{'labels':<6} are  {labels}")
    apart = (scores["loops"].to("cpu") - scores["cpu"]).abs().max().item()
    print(f"the two devices' scores differ by {apart:.1e} at most")


if __name__ == "__main__":
    main()
