"""Mistakes that people make in module 00."""

import math

from first.tape import TAPE, Number

from tinytorch_course.kit import mistake


@mistake(
    "Number.__add__",
    "slopes-of-the-product",
    "these are the slopes of a product: a sum moves one for one with each input",
)
def __add__(self, other):
    return Number(self.value + other.value, ((self, other.value), (other, self.value)))


@mistake(
    "Number.__add__",
    "plain-sum",
    "you returned a plain number, which remembers nothing: wrap it in Number(value, inputs)",
)
def __add__(self, other):
    return self.value + other.value


@mistake(
    "Number.__add__",
    "sum-without-past",
    "the value is right, but the new number was given no inputs: its past is lost",
)
def __add__(self, other):
    return Number(self.value + other.value)


@mistake(
    "Number.__add__",
    "only-self",
    "you recorded self, but not other: nothing will ever flow back to the second input",
)
def __add__(self, other):
    return Number(self.value + other.value, ((self, 1.0),))


@mistake(
    "Number.__add__",
    "sum-in-place",
    "you changed self: a sum is a new number, and both inputs stay what they were",
)
def __add__(self, other):
    self.value += other.value
    return self


@mistake("Number.__add__", "sum-not-returned", "the sum is made, but not returned")
def __add__(self, other):
    Number(self.value + other.value, ((self, 1.0), (other, 1.0)))


@mistake(
    "Number.__add__",
    "values-as-inputs",
    "inputs hold the numbers themselves (self, other), not their values: a value has no grad",
)
def __add__(self, other):
    return Number(self.value + other.value, ((self.value, 1.0), (other.value, 1.0)))


@mistake(
    "Number.__mul__",
    "own-factor",
    "each slope is the factor itself: the slope to one factor is the value of the *other*",
)
def __mul__(self, other):
    return Number(self.value * other.value, ((self, self.value), (other, other.value)))


@mistake(
    "Number.__mul__",
    "slopes-of-the-sum",
    "a slope of 1 belongs to a sum: nudge 3 in 3 * 4 and see how far the product moves",
)
def __mul__(self, other):
    return Number(self.value * other.value, ((self, 1.0), (other, 1.0)))


@mistake("Number.__mul__", "product-as-slope", "you gave the product itself as the slope to both factors")
def __mul__(self, other):
    value = self.value * other.value
    return Number(value, ((self, value), (other, value)))


@mistake("Number.__mul__", "still-a-sum", "the slopes are those of a product, but the value is still a sum")
def __mul__(self, other):
    return Number(self.value + other.value, ((self, other.value), (other, self.value)))


@mistake(
    "Number.__mul__",
    "plain-product",
    "you returned a plain number, which remembers nothing: wrap it in Number(value, inputs)",
)
def __mul__(self, other):
    return self.value * other.value


@mistake(
    "Number.__mul__",
    "product-without-past",
    "the value is right, but the new number was given no inputs: its past is lost",
)
def __mul__(self, other):
    return Number(self.value * other.value)


@mistake(
    "Number.tanh",
    "input-for-output",
    "you used 1 - x² with the input; the slope is 1 - t², with the output t",
)
def tanh(self):
    return Number(math.tanh(self.value), ((self, 1.0 - self.value**2),))


@mistake("Number.tanh", "not-squared", "you used 1 - t: the output is squared, 1 - t²")
def tanh(self):
    value = math.tanh(self.value)
    return Number(value, ((self, 1.0 - value),))


@mistake(
    "Number.tanh", "sigmoid-slope", "t * (1 - t) is the slope of the logistic function, a relative of tanh"
)
def tanh(self):
    value = math.tanh(self.value)
    return Number(value, ((self, value * (1.0 - value)),))


@mistake("Number.tanh", "output-as-slope", "you gave the output itself as the slope")
def tanh(self):
    value = math.tanh(self.value)
    return Number(value, ((self, value),))


@mistake(
    "Number.tanh",
    "tanh-without-past",
    "the value is right, but the new number was given no inputs: its past is lost",
)
def tanh(self):
    return Number(math.tanh(self.value))


@mistake(
    "Number.tanh",
    "tanh-of-the-number",
    "something in it needs a plain number and was given a Number: math.tanh takes self.value; a slope is a plain number",
)
def tanh(self):
    value = math.tanh(self)
    return Number(value, ((self, 1.0 - value * value),))


@mistake(
    "Number.backward",
    "overwrites",
    "a number that is used twice keeps only one contribution: add to its grad instead of setting it",
)
def backward(self):
    self.grad = 1.0
    for number in reversed(TAPE):
        for source, slope in number.inputs:
            source.grad = number.grad * slope


@mistake(
    "Number.backward",
    "forwards",
    "slopes reach only the direct inputs: walk the tape from its end, so that each grad is complete before it travels on",
)
def backward(self):
    self.grad = 1.0
    for number in TAPE:
        for source, slope in number.inputs:
            source.grad += number.grad * slope


@mistake(
    "Number.backward",
    "no-seed",
    "every grad is 0: this number moves by 1 when it is moved by 1, so its own grad starts at 1",
)
def backward(self):
    for number in reversed(TAPE):
        for source, slope in number.inputs:
            source.grad += number.grad * slope


@mistake(
    "Number.backward",
    "seeds-the-end",
    "you started from the last number on the tape; the question was about this one",
)
def backward(self):
    TAPE[-1].grad = 1.0
    for number in reversed(TAPE):
        for source, slope in number.inputs:
            source.grad += number.grad * slope


@mistake(
    "Number.backward",
    "no-chain",
    "you added the slope alone: along a chain, slopes multiply (grad of the result times slope)",
)
def backward(self):
    self.grad = 1.0
    for number in reversed(TAPE):
        for source, slope in number.inputs:
            source.grad += slope


@mistake(
    "Number.backward",
    "no-slope",
    "you passed the grad on whole: it is multiplied by the slope of the input that it goes to",
)
def backward(self):
    self.grad = 1.0
    for number in reversed(TAPE):
        for source, _ in number.inputs:
            source.grad += number.grad


@mistake(
    "Number.backward",
    "wrong-way",
    "you carried slopes from the input to the result: going back, the result's grad is added to the input's",
)
def backward(self):
    self.grad = 1.0
    for number in reversed(TAPE):
        for source, slope in number.inputs:
            number.grad += source.grad * slope


@mistake(
    "Number.backward",
    "turned-tape",
    "the grads are right, but the tape itself is now back to front: reversed(TAPE) leaves it as it is",
)
def backward(self):
    self.grad = 1.0
    TAPE.reverse()
    for number in TAPE:
        for source, slope in number.inputs:
            source.grad += number.grad * slope


@mistake("descend", "climbs", "you went uphill: the slope points to where the loss grows, so step against it")
def descend(parameters, lr):
    for p in parameters:
        p.value += lr * p.grad
        p.grad = 0.0


@mistake(
    "descend",
    "never-clears",
    "the old slopes stay: the next backward adds to them. Set each grad to 0 after the step",
)
def descend(parameters, lr):
    for p in parameters:
        p.value -= lr * p.grad


@mistake(
    "descend",
    "a-copy-learns",
    "p = Number(...) gives the name p to a new number: the copy learns, the network does not. Change p.value",
)
def descend(parameters, lr):
    for p in parameters:
        p = Number(p.value - lr * p.grad)
        p.grad = 0.0


@mistake("descend", "clears-first", "the grads were cleared before the step: 0 times lr moves nothing")
def descend(parameters, lr):
    for p in parameters:
        p.grad = 0.0
        p.value -= lr * p.grad


@mistake("descend", "no-rate", "the step ignores lr: it goes the whole slope")
def descend(parameters, lr):
    for p in parameters:
        p.value -= p.grad
        p.grad = 0.0


@mistake(
    "descend", "sets-the-step", "you replaced the value by the step: a step is taken from where one stands"
)
def descend(parameters, lr):
    for p in parameters:
        p.value = -lr * p.grad
        p.grad = 0.0


@mistake(
    "descend",
    "only-the-last",
    "only the last parameter is cleared: the line that sets grad stands outside the loop",
)
def descend(parameters, lr):
    for p in parameters:
        p.value -= lr * p.grad
    p.grad = 0.0
