"""Forty dots, a network of single numbers that is to tell them apart, and its picture in the terminal."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from first.tape import TAPE, Number, descend

Dot = tuple[float, float, float]  # x, y, and what it is: 1.0 in the disc, -1.0 in the ring

WIDE, HIGH, REACH = 47, 23, 1.3  # characters across, lines down, and how far the picture goes from 0


def dots(seed: int = 0) -> list[Dot]:
    """Twenty dots in a disc, and twenty in a ring around it."""
    rng = random.Random(seed)
    found = []
    for number in range(40):
        radius = 0.55 * math.sqrt(rng.random()) if number < 20 else rng.uniform(0.85, 1.2)
        angle = rng.uniform(0.0, 2.0 * math.pi)
        found.append((radius * math.cos(angle), radius * math.sin(angle), 1.0 if number < 20 else -1.0))
    return found


DOTS = dots()


class Network:
    """Eight hidden numbers between the two coordinates of a dot and one answer: 33 parameters.

    The answer lies between -1 (ring) and 1 (disc). The parameters stand first on the tape.
    """

    def __init__(self, hidden: int = 8, seed: int = 0) -> None:
        rng = random.Random(seed)
        TAPE.clear()
        self.hidden = [[Number(rng.gauss(0.0, 1.5)) for _ in range(3)] for _ in range(hidden)]
        self.output = [Number(rng.gauss(0.0, 0.3)) for _ in range(hidden + 1)]
        self.parameters = [number for row in [*self.hidden, self.output] for number in row]

    def __call__(self, x: float, y: float) -> Number:
        """What the network takes a dot at (x, y) for."""
        east, north = Number(x), Number(y)
        answer = self.output[-1]
        for (to_east, to_north, bias), weight in zip(self.hidden, self.output, strict=False):
            answer = answer + weight * (to_east * east + to_north * north + bias).tanh()
        return answer.tanh()

    def loss(self, dots: Sequence[Dot] = DOTS) -> Number:
        """How wrong the network is: the squares of all its errors, added up."""
        total = Number(0.0)
        for x, y, wanted in dots:
            error = self(x, y) + Number(-wanted)
            total = total + error * error
        return total

    def forget(self) -> None:
        """Tear off the tape behind the parameters."""
        del TAPE[len(self.parameters) :]

    def right(self, dots: Sequence[Dot] = DOTS) -> int:
        """How many dots it tells correctly."""
        count = sum((self(x, y).value > 0.0) == (wanted > 0.0) for x, y, wanted in dots)
        self.forget()
        return count


def step(network: Network, lr: float = 0.02) -> float:
    """Learn once from all forty dots: forward, backward, downhill. Returns the loss before the step."""
    loss = network.loss()
    loss.backward()
    descend(network.parameters, lr)
    network.forget()
    return loss.value


def picture(network: Network | None = None, dots: Sequence[Dot] = DOTS) -> str:
    """The dots (`o` disc, `x` ring), over `.` wherever a network says disc; a capital is a dot told wrongly."""
    rows = [[" "] * WIDE for _ in range(HIGH)]
    if network is not None:
        for row in range(HIGH):
            for column in range(WIDE):
                if network(*place(row, column)).value > 0.0:
                    rows[row][column] = "."
            network.forget()
    for x, y, wanted in dots:
        row, column = round((1 - y / REACH) * (HIGH - 1) / 2), round((1 + x / REACH) * (WIDE - 1) / 2)
        letter = "o" if wanted > 0.0 else "x"
        wrong = network is not None and (network(x, y).value > 0.0) != (wanted > 0.0)
        rows[row][column] = letter.upper() if wrong else letter
    if network is not None:
        network.forget()
    return "\n".join("".join(row).rstrip() for row in rows)


def place(row: int, column: int) -> tuple[float, float]:
    """The coordinates in the middle of a character."""
    return (2 * column / (WIDE - 1) - 1) * REACH, (1 - 2 * row / (HIGH - 1)) * REACH
