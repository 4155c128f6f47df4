"""Questions of module 05, with fresh numbers; every answer comes from running tinytorch."""

from __future__ import annotations

import random

import tinytorch as tt
from tinytorch.autograd import graph as reference
from tinytorch.autograd.graph import Node, consumers_first
from tinytorch_course.asking import shown, sizes, theirs, value
from tinytorch_course.kit import Question

LINES = ["a = x * x", "b = a + x", "c = b * a", "z = c + b"]


def _run(code: str) -> dict[str, object]:
    names: dict[str, object] = {"tt": tt}
    value(f"{code}\nNone", names)
    return names


def gradient_of_a_small_graph(rng: random.Random) -> Question:
    """A graph in which something is used twice."""
    x = rng.choice([2.0, 3.0, -1.0, -2.0, 4.0])
    lines = rng.choice(
        [
            ["y = x * x", "z = y * y + y"],
            ["y = x + x", "z = y * x"],
            ["y = x * 3", "z = y * y + x"],
            ["y = x * x", "z = y + y + x"],
        ]
    )
    code = "\n".join([f"x = tt.tensor({x}, requires_grad=True)", *lines, "z.backward()"])
    found = _run(code)["x"].grad.item()  # type: ignore[attr-defined]
    return Question(
        prompt=f"```python\n{code}\n```\nWhat is `x.grad`?",
        answers={"x.grad": found},
        explain="The gradient of y is the sum over all its consumers; only when it is complete does it travel on to x.",
    )


def order_of_visits(rng: random.Random) -> Question:
    """Which of two nodes is handed on first."""
    code = "x = tt.tensor(2.0, requires_grad=True)\n" + "\n".join(LINES)
    names = _run(code)
    order = consumers_first([names["z"].grad_fn])  # type: ignore[attr-defined]
    at = {name: order.index(names[name].grad_fn) for name in "abcz"}  # type: ignore[attr-defined]
    one, two = rng.sample("abcz", 2)
    consumers = {
        name: sum(
            edge is not None and edge[0] is names[name].grad_fn
            for node in order
            if isinstance(node, Node)
            for edge in node.edges
        )
        for name in "abc"
    }  # type: ignore[attr-defined]
    asked = rng.choice("abc")
    return Question(
        prompt=f"```python\n{code}\n```\n`z.backward()` hands nodes on, consumers first. Which comes first, the node of `{one}` or that of `{two}`? And how many contributions arrive at the node of `{asked}`?",
        answers={"first": one if at[one] < at[two] else two, "contributions": consumers[asked]},
        explain=f"In order: {', '.join(sorted(at, key=at.__getitem__))}. One contribution for each time that a value was used.",
        choices={"first": tuple(sorted((one, two)))},
    )


def back_to_its_shape(rng: random.Random) -> Question:
    """Which axes sum_to_size folds."""
    a, b, c = sizes(rng, 3, 2, 6)
    shape = rng.choice([(c,), (b, 1), (1, c), (a, 1, c), (b, c), (1, 1, c), ()])
    x = tt.ones(shape, requires_grad=True)
    (x * tt.ones(a, b, c)).sum().backward()
    return Question(
        prompt=f"A tensor of shape {shape} is multiplied by ones of shape {(a, b, c)}, and the sum of all is differentiated. What is in each element of its gradient?",
        answers={"element": x.grad.reshape(-1)[0].item()},  # type: ignore[union-attr]
        explain="Each element was read once for every element that it was stretched to; the gradient is the sum over these.",
    )


def second_backward(rng: random.Random) -> Question:
    """Accumulation over calls."""
    n, scale = rng.randint(2, 4), rng.choice([2.0, 3.0, 5.0])
    code = f"x = tt.tensor(1.0, requires_grad=True)\nfor _ in range({n}):\n    (x * {scale}).backward()"
    return Question(
        prompt=f"```python\n{code}\n```\nWhat is `x.grad`?",
        answers={"x.grad": _run(code)["x"].grad.item()},  # type: ignore[attr-defined]
        explain="backward adds to what is there. That is why a training loop sets gradients to zero.",
    )


def nested_modes(rng: random.Random) -> Question:
    """What is recorded inside blocks."""
    inner = rng.choice(["tt.no_grad()", "tt.enable_grad()"])
    outer = rng.choice(["tt.no_grad()", "tt.enable_grad()"])
    code = f"w = tt.ones(2, requires_grad=True)\nwith {outer}:\n    a = w * 2\n    with {inner}:\n        b = w * 2\n    c = w * 2\nd = w * 2"
    names = _run(code)
    answers = {name: names[name].requires_grad for name in "abcd"}  # type: ignore[attr-defined]
    return Question(
        prompt=f"```python\n{code}\n```\nWhich of them require a gradient?",
        answers=answers,
        explain="Each block restores at its end what held before it.",
    )


def is_it_refused(rng: random.Random) -> Question:
    """Values written to after they were kept."""
    operation, write = (
        rng.choice(["y * y", "y + 2", "y.exp()", "y.sum()", "y.tanh()", "y / 3"]),
        rng.choice(["y", "z"]),
    )
    code = f"x = tt.ones(3, requires_grad=True)\ny = x * 1\nz = {operation}\nwith tt.no_grad():\n    {write}.add_(1)"
    names = _run(code)
    try:
        names["z"].sum().backward()  # type: ignore[attr-defined]
        refused = False
    except RuntimeError:
        refused = True
    return Question(
        prompt=f"```python\n{code}\n```\nIs `z.sum().backward()` refused?",
        answers={"refused": refused},
        explain="It is refused if the gradient of that operation reads what was written to: exp and tanh read their output, a product its factors, a sum and a constant factor nothing of y.",
    )


def derivative_of_a_derivative(rng: random.Random) -> Question:
    """create_graph."""
    x, power = rng.choice([1.0, 2.0, 3.0]), rng.choice([2, 3, 4])
    code = f"x = tt.tensor({x}, requires_grad=True)\n(first,) = tt.autograd.grad(x**{power} + x, x, create_graph=True)\n(second,) = tt.autograd.grad(first, x)"
    names = _run(code)
    return Question(
        prompt=f"```python\n{code}\n```\nWhat are `first` and `second`?",
        answers={name: round(names[name].item(), 4) for name in ("first", "second")},  # type: ignore[attr-defined]
        explain=f"{power} x**{power - 1} + 1 and {power * (power - 1)} x**{power - 2}: the first derivative was recorded, so it can be differentiated.",
    )


def on_your_own_code(rng: random.Random, own: dict[str, str]) -> Question:
    """The learner's own sum_to_size on a shape that they may not have thought of."""
    a, b, c = sizes(rng, 3, 2, 5)
    shape = rng.choice([(1, b, 1), (b, c), (1,), (a, 1, 1), (b, 1)])
    g = tt.ones(a, b, c)
    try:
        found = theirs(own["sum_to_size"], reference)(g, shape)
        result = (tuple(found.shape), found.sum().item(), found.reshape(-1)[0].item())
        before = f"Your own `sum_to_size`:\n{shown(own['sum_to_size'])}\n"
    except (
        Exception
    ):  # nothing of theirs is there, or it cannot run: what they have yet to write is not shown
        found = reference.sum_to_size(g, shape)
        result = (tuple(found.shape), found.sum().item(), found.reshape(-1)[0].item())
        before = "By its docstring, and before you write it. "
    return Question(
        prompt=f"{before}`g` is all ones, of shape {(a, b, c)}. What does `sum_to_size(g, {shape})` return: its shape, and what is in each element?",
        answers={"shape": result[0], "element": result[2]},
        explain=f"It was run: shape {result[0]}, the sum of all elements {result[1]:g}.",
    )
