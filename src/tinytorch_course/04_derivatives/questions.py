"""Questions of module 04, with fresh numbers; every answer comes from running tinytorch."""

from __future__ import annotations

import random

import tinytorch as tt
from tinytorch.ops import MATMUL
from tinytorch.ops import elementwise as reference
from tinytorch_course.asking import shown, sizes, theirs, value
from tinytorch_course.kit import Question


def _gradients(code: str, *names: str) -> list[tt.Tensor]:
    """The gradients that some code leaves in its tensors."""
    space = {"tt": tt}
    value(f"{code}\nNone", space)
    return [space[name].grad for name in names]  # type: ignore[attr-defined]


def shapes_of_two_gradients(rng: random.Random) -> Question:
    """A product that broadcasts: what the rule returns, and what arrives."""
    a, b = sizes(rng, 2, 2, 7)
    left, right = rng.choice(
        [((a, 1), (a, b)), ((b,), (a, b)), ((1, b), (a, 1)), ((a, b), ()), ((a, 1), (b,))]
    )
    x, y = tt.ones(left, requires_grad=True), tt.ones(right, requires_grad=True)
    out = x * y
    out.sum().backward()
    return Question(
        prompt=f"`x` has shape {left}, `y` has {right}, and `out = x * y`. Which shape has the first gradient as `Mul.grad` returns it, and which shapes arrive in `x.grad` and `y.grad`?",
        answers={"g * y": (out * y).shape, "x.grad": x.grad.shape, "y.grad": y.grad.shape},  # type: ignore[union-attr]
        explain="The rule may ignore broadcasting: g has the shape of the result. The engine sums it back to each input's shape, over the axes along which it was stretched.",
    )


def gradients_of_a_product(rng: random.Random) -> Question:
    """Numbers through a product or a quotient."""
    x, y, g = rng.sample([2.0, 4.0, 5.0, 8.0, 10.0], 3)
    line = rng.choice(["x * y", "x / y", "x * x * y", "y / x"])
    code = f"x = tt.tensor({x}, requires_grad=True)\ny = tt.tensor({y}, requires_grad=True)\nout = {line}\nout.backward(tt.tensor({g}))"
    to_x, to_y = (round(each.item(), 6) for each in _gradients(code, "x", "y"))
    return Question(
        prompt=f"```python\n{code}\n```\nWhat are `x.grad` and `y.grad`?",
        answers={"x.grad": to_x, "y.grad": to_y},
        explain=f"The slope in each, times g = {g:g}: how much `out` matters.",
    )


def who_gets_it(rng: random.Random) -> Question:
    """A maximum with ties."""
    values = [rng.randint(1, 4) for _ in range(4)]
    g = rng.choice([6.0, 12.0])
    code = (
        f"x = tt.tensor({[float(v) for v in values]}, requires_grad=True)\nx.amax().backward(tt.tensor({g}))"
    )
    (found,) = _gradients(code, "x")
    return Question(
        prompt=f"```python\n{code}\n```\nWhat is `x.grad`?",
        answers={"x.grad": tuple(found.tolist())},
        explain=f"{values.count(max(values))} of them are the largest; they share {g:g}, the others get nothing.",
    )


def rows_of_a_table(rng: random.Random) -> Question:
    """Picked rows, some of them twice."""
    index = [rng.randint(0, 3) for _ in range(4)]
    index[3] = index[rng.randint(0, 2)]
    g = rng.sample(range(1, 10), 4)
    code = f"table = tt.zeros(4, requires_grad=True)\nout = table[tt.tensor({index})]\nout.backward(tt.tensor({[float(v) for v in g]}))"
    (found,) = _gradients(code, "table")
    return Question(
        prompt=f"```python\n{code}\n```\nWhat is `table.grad`?",
        answers={"table.grad": tuple(found.tolist())},
        explain="Each g goes back to the place that it was picked from; of several at one place the sum.",
    )


def way_back(rng: random.Random) -> Question:
    """The permutation that undoes another."""
    axes = rng.sample(range(4), 4)
    while axes == sorted(axes) or [axes[i] for i in axes] == [0, 1, 2, 3]:
        axes = rng.sample(range(4), 4)
    shape = sizes(rng, 4, 2, 9)
    x = tt.zeros(shape).permute(axes)
    inverse = tuple(axes.index(i) for i in range(4))
    assert x.permute(inverse).shape == shape
    return Question(
        prompt=f"`y = x.permute{tuple(axes)}`. With which permutation does `Permute.grad` bring a gradient of `y` back into the order of `x`?",
        answers={"axes": inverse},
        explain=f"Axis i of x stands at place axes.index(i): {inverse}.",
    )


def central_difference(rng: random.Random) -> Question:
    """A slope by hand."""
    x, step = rng.choice([1.0, 2.0, 3.0]), rng.choice([0.1, 0.5])
    power = rng.choice([2, 3])
    above, below = (x + step) ** power, (x - step) ** power
    return Question(
        prompt=f"f(x) = x**{power} at x = {x:g}. What gives the central difference with a step of {step:g}, and what the one-sided one?",
        answers={"central": (above - below) / (2 * step), "one-sided": (above - x**power) / step},
        explain=f"The derivative is {power * x ** (power - 1):g}. To both sides the error is {step:g} squared times a sixth of the third derivative, to one side {step:g} times half of the second.",
    )


def bill_of_a_layer(rng: random.Random) -> Question:
    """Operations of one linear layer, forward and backward."""
    n, k, m = rng.sample([16, 32, 64, 100, 128, 256], 3)
    first = rng.random() < 0.5
    x, w = tt.zeros(n, k), tt.zeros(k, m)
    forward = MATMUL.flops(x @ w, x, w)
    return Question(
        prompt=(
            f"`out = x @ w` with x ({n}, {k}) and w ({k}, {m}). `w` requires a gradient, `x` {'is data and does not' if first else 'does too'}. "
            "How many floating point operations do forward and backward of this product take?"
        ),
        answers={"forward": forward, "backward": forward * (1 if first else 2)},
        explain="Each gradient is one product of the same three sizes. "
        + ("One is skipped: nobody wants to change the data." if first else "There are two."),
    )


def on_your_own_code(rng: random.Random, own: dict[str, str]) -> Question:
    """The learner's own rule for a product or a quotient, called with numbers."""
    name = rng.choice([each for each in ("Mul.grad", "Div.grad") if each in own] or ["Div.grad"])
    x, y, g = rng.sample([2.0, 4.0, 5.0, 8.0], 3)
    out = x * y if name == "Mul.grad" else x / y
    call = f"{name}(g={g:g}, out={out:g}, x={x:g}, y={y:g})"
    try:
        made = theirs(own[name], reference)(None, g, out, x, y)
        before = f"Your own `{name}`:\n{shown(own[name])}\n"
    except (
        Exception
    ):  # nothing of theirs is there, or it cannot run: what they have yet to write is not shown
        rule = reference.Mul.grad if name == "Mul.grad" else reference.Div.grad
        made, before = rule(None, g, out, x, y), "By its docstring, and before you write it. "  # type: ignore[arg-type, assignment]
    return Question(
        prompt=f"{before}What does `{call}` return?",
        answers={"for x": float(made[0]), "for y": float(made[1])},
        explain=f"It was run, and returned {made}.",
    )
