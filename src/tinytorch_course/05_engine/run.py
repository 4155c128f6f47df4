"""Run it: XOR by gradients; and the ring of the first evening, on its tape of numbers and on tensors, step by step the same."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import tinytorch as tt
import tinytorch_course
from tinytorch.autograd.graph import Node, consumers_first
from tinytorch_course.milestones import xor

sys.path.append(str(Path(tinytorch_course.__file__).parent / "00_first_evening"))

from first.ring import DOTS, Network
from first.ring import step as step_on_the_tape
from first.tape import TAPE

STEPS, EVERY, BOTH, LEARNING_RATE = 150, 50, 10, 0.02
PLACES = tt.tensor([[x, y] for x, y, _ in DOTS], dtype=tt.float64)
WANTED = tt.tensor([wanted for _, _, wanted in DOTS], dtype=tt.float64)


def beginning() -> list[tt.Tensor]:
    """The 33 parameters that the first evening began with, as four tensors: (2, 8), (8,), (8,), ()."""
    network = Network()
    rows = [[number.value for number in row] for row in network.hidden]
    *weights, bias = [number.value for number in network.output]
    values = [[row[:2] for row in rows], [row[2] for row in rows], weights, bias]
    into, into_bias, out_of, out_bias = [tt.tensor(each, dtype=tt.float64) for each in values]
    return [each.requires_grad_() for each in (into.mT.clone(), into_bias, out_of, out_bias)]


def answers(parameters: list[tt.Tensor]) -> tt.Tensor:
    """What the network takes each of the forty dots for, (40,): the formula of `first/ring.py`, for all dots at once."""
    into, into_bias, out_of, out_bias = parameters
    return ((PLACES @ into + into_bias).tanh() @ out_of + out_bias).tanh()


def loss_of(parameters: list[tt.Tensor]) -> tt.Tensor:
    """The squares of all errors, added up."""
    error = answers(parameters) - WANTED
    return (error * error).sum()


def step(parameters: list[tt.Tensor]) -> float:
    """Learn once from all dots; the loss before it."""
    loss = loss_of(parameters)
    loss.backward()
    with tt.no_grad():
        for each in parameters:
            each -= LEARNING_RATE * each.grad  # type: ignore[operator]
            each.grad = None
    return float(loss.item())


def right(parameters: list[tt.Tensor]) -> int:
    """How many dots are told correctly."""
    with tt.no_grad():
        return int((answers(parameters) * WANTED > 0).sum().item())


def ring() -> None:
    """Learn the ring on tensors, and its first steps on the tape as well."""
    parameters = beginning()
    operations = sum(isinstance(each, Node) for each in consumers_first([loss_of(parameters).grad_fn]))
    losses, seconds = [], 0.0
    for count in range(STEPS + 1):
        if count % EVERY == 0:
            print(
                f"ring   step {count:3}   loss {loss_of(parameters).item():7.4f}   {right(parameters)} of 40 dots"
            )
        began = time.perf_counter()
        losses.append(step(parameters))
        seconds += time.perf_counter() - began
    here = seconds / (STEPS + 1)
    network = Network()
    network.loss()
    numbers = len(TAPE)
    network.forget()
    began = time.perf_counter()
    apart = max(abs(step_on_the_tape(network) - losses[count]) for count in range(BOTH))
    there = (time.perf_counter() - began) / BOTH
    print(f"\nthe first {BOTH} losses on the tape are the same to 12 digits: {apart < 1e-10}")
    print(f"a step on the tape   {numbers:6,} numbers      {there * 1000:6.2f} ms")
    print(f"a step on tensors    {operations:6,} operations   {here * 1000:6.2f} ms")


def main() -> None:
    """XOR, then the ring."""
    tt.manual_seed(0)
    x, wanted = tt.tensor(xor.CASES), tt.tensor(xor.ANSWERS)
    network = xor.start()
    for count in range(STEPS + 1):
        loss = xor.step(network, x, wanted)
        if count % EVERY == 0:
            print(f"XOR    step {count:3}   loss {loss:7.4f}   {xor.right(network, x, wanted)} of 4 cases")
    print()
    ring()


if __name__ == "__main__":
    main()
