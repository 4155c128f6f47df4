"""A tape of single numbers: every result remembers what it was made from, and how steeply it depends on it."""

from __future__ import annotations

import math
from collections.abc import Iterable

TAPE: list[Number] = []  # every number ever made, in the order of making


class Number:
    """One number, the numbers that it was made from, and a place for its slope.

    `value` is the number itself. `inputs` holds one pair `(number, slope)` for each number that it was
    made from: by how much `value` moves per unit that this input moves. `grad` is filled in by
    `backward`. A new number writes itself on `TAPE`.

    >>> a = Number(2.0)
    >>> a
    Number(2.0, grad=0.0)
    >>> TAPE[-1] is a
    True
    """

    __slots__ = ("grad", "inputs", "value")

    def __init__(self, value: float, inputs: tuple[tuple[Number, float], ...] = ()) -> None:
        self.value = value
        self.inputs = inputs
        self.grad = 0.0
        TAPE.append(self)

    def __repr__(self) -> str:
        return f"Number({self.value!r}, grad={self.grad!r})"

    def __add__(self, other: Number) -> Number:
        """The sum of two numbers, as a new number.

        A new number has two parts: its value, which is the sum of the two values, and one pair
        `(number, slope)` for each of the two inputs. Nudge either input by a little and the sum moves
        by as much: a slope of 1 for each.

        >>> (Number(2.0) + Number(3.0)).value
        5.0
        """
        return Number(self.value + other.value, ((self, 1.0), (other, 1.0)))

    def __mul__(self, other: Number) -> Number:
        """The product of two numbers, as a new number with a slope to each factor.

        >>> (Number(3.0) * Number(4.0)).value
        12.0
        """
        return Number(self.value * other.value, ((self, other.value), (other, self.value)))

    def tanh(self) -> Number:
        """The hyperbolic tangent (`math.tanh`) of this number, as a new number with a slope to this one.

        Large numbers are pressed towards 1, very negative ones towards -1; near 0 it leaves a number
        as it is. The slope is therefore nearly 1 near 0, and nearly 0 far from it.

        >>> Number(0.0).tanh().value
        0.0
        """
        value = math.tanh(self.value)
        return Number(value, ((self, 1.0 - value * value),))

    def backward(self) -> None:
        """Add to the `grad` of every number on the tape by how much this number moves when that one does.

        This number moves by 1 when it is itself moved by 1. The tape stays as it is. Expects that the
        `grad` of everything made on the way here is still 0.

        >>> a = Number(3.0)
        >>> (a + a).backward()
        >>> a.grad
        2.0
        """
        self.grad = 1.0
        for number in reversed(TAPE):
            for source, slope in number.inputs:
                source.grad += number.grad * slope


def descend(parameters: Iterable[Number], lr: float) -> None:
    """Move every parameter a little way downhill, and make it ready for the next `backward`.

    parameters: the numbers to be learnt; they are changed, not replaced.
    lr: the learning rate; how far to go per unit of slope.

    >>> p = Number(1.0)
    >>> p.grad = 2.0
    >>> descend([p], lr=0.25)
    >>> p
    Number(0.5, grad=0.0)
    """
    for p in parameters:
        p.value -= lr * p.grad
        p.grad = 0.0
