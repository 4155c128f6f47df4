"""Run it: XOR, and the ring of the first evening, by the engine; and how long the tape of single numbers took."""

from __future__ import annotations

import time

import tinytorch as tt
from tinytorch_course.milestones import xor

STEPS = 150


def ring() -> tuple[tt.Tensor, tt.Tensor]:
    """Forty dots (40, 2): a disc, and a ring around it; 1 for the disc, -1 for the ring."""
    tt.manual_seed(4)
    angle = tt.rand(40) * 6.283
    inside = tt.arange(40) < 20
    radius = tt.where(inside, tt.rand(40) * 0.4, 0.8 + tt.rand(40) * 0.2)
    return tt.stack([radius * angle.cos(), radius * angle.sin()], 1), tt.where(inside, 1.0, -1.0).reshape(
        -1, 1
    )


def main() -> None:
    """Train both."""
    tt.manual_seed(0)
    x, wanted = tt.tensor(xor.CASES), tt.tensor(xor.ANSWERS)
    network = xor.start()
    for step in range(STEPS + 1):
        loss = xor.step(network, x, wanted)
        if step % 50 == 0:
            print(f"XOR    step {step:3}   loss {loss:.4f}   right {xor.right(network, x, wanted)} of 4")
    dots, side = ring()
    network = xor.start()
    began = time.perf_counter()
    for step in range(2 * STEPS + 1):
        loss = xor.step(network, dots, side)
        if step % 100 == 0:
            print(f"ring   step {step:3}   loss {loss:.4f}   right {xor.right(network, dots, side)} of 40")
    print(f"{2 * STEPS} steps of forty dots: {(time.perf_counter() - began) * 1000:.0f} ms")


if __name__ == "__main__":
    main()
