"""Right answers to module 00 in another shape than the reference's."""

import math

from first.tape import TAPE, Number

from tinytorch_course.kit import answer


@answer("Number.__add__", "filled-in-later")
def __add__(self, other):
    total = Number(other.value + self.value)
    total.inputs = tuple((each, 1) for each in (other, self))
    return total


@answer("Number.__mul__", "factors-in-the-other-order")
def __mul__(self, other):
    x, y = self.value, other.value
    return Number(y * x, inputs=((other, x), (self, y)))


@answer("Number.tanh", "by-exponentials")
def tanh(self):
    up, down = math.exp(self.value), math.exp(-self.value)
    return Number((up - down) / (up + down), ((self, 4 / (up + down) ** 2),))


@answer("Number.backward", "by-index")
def backward(self):
    self.grad = 1
    position = len(TAPE) - 1
    while position >= 0:
        for pair in TAPE[position].inputs:
            pair[0].grad = pair[0].grad + pair[1] * TAPE[position].grad
        position -= 1


@answer("Number.backward", "own-past-only")
def backward(self):
    self.grad = 1.0
    waiting = {id(self)}
    for number in TAPE[::-1]:
        if id(number) in waiting:
            for source, slope in number.inputs:
                waiting.add(id(source))
                source.grad += slope * number.grad


@answer("descend", "two-passes")
def descend(parameters, lr):
    parameters = list(parameters)
    for each in parameters:
        each.value = each.value + each.grad * -lr
    for each in parameters:
        each.grad = 0
