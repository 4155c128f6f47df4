"""Questions of module 04, with fresh numbers; every answer comes from running tinytorch."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import tinytorch as tt
from tinytorch.errors import TinyTorchError
from tinytorch.ops import MATMUL
from tinytorch.ops import elementwise as reference
from tinytorch_course.asking import shown, sizes, theirs, value
from tinytorch_course.kit import Question


def _gradients(code: str, *names: str) -> list[tt.Tensor]:
    """The gradients that some code leaves in its tensors."""
    space: dict[str, Any] = {"tt": tt}
    value(f"{code}\nNone", space)
    return [space[name].grad for name in names]


def _block(code: str) -> str:
    return f"```python\n{code}\n```"


def shapes_of_two_gradients(rng: random.Random) -> Question:
    """A product that broadcasts: what the rule returns, and what arrives."""
    a, b = sizes(rng, 2, 2, 7)
    left, right = rng.choice(
        [((a, 1), (a, b)), ((b,), (a, b)), ((1, b), (a, 1)), ((a, b), ()), ((a, 1), (b,))]
    )
    x, y = tt.ones(left, requires_grad=True), tt.ones(right, requires_grad=True)
    out = x * y
    out.sum().backward()
    assert x.grad is not None
    assert y.grad is not None
    return Question(
        prompt=f"`x` has shape {left}, `y` has {right}, and `out = x * y`. Which shape has the first gradient as `Mul.grad` returns it, and which shapes arrive in `x.grad` and `y.grad`?",
        answers={"g * y": (out * y).shape, "x.grad": x.grad.shape, "y.grad": y.grad.shape},
        explain="The rule may ignore broadcasting: g has the shape of the result, and so has g * y. The engine sums it back to each input's shape, over the axes along which it was stretched.",
    )


def gradients_of_a_product(rng: random.Random) -> Question:
    """Numbers through a product or a quotient."""
    x, y, g = rng.sample([2.0, 4.0, 5.0, 8.0, 10.0], 3)
    line = rng.choice(["x * y", "x / y", "x * x * y", "y / x"])
    code = f"x = tt.tensor({x}, requires_grad=True)\ny = tt.tensor({y}, requires_grad=True)\nout = {line}\nout.backward(tt.tensor({g}))"
    to_x, to_y = (round(each.item(), 6) for each in _gradients(code, "x", "y"))
    return Question(
        prompt=f"{_block(code)}\nWhat are `x.grad` and `y.grad`?",
        answers={"x.grad": to_x, "y.grad": to_y},
        explain=f"`out` moves {to_x / g:g} times as far as x and {to_y / g:g} times as far as y. How much each matters is that times g = {g:g}, which says how much `out` does.",
    )


def from_the_output(rng: random.Random) -> Question:
    """A slope that is written in the output, and what the input in its place would give."""
    x, g = rng.choice([0.5, 1.0, 1.5, 2.0, -0.5, -1.0]), rng.choice([2.0, 3.0, 10.0])
    code = f"x = tt.tensor({x}, requires_grad=True)\nout = x.tanh()\nout.backward(tt.tensor({g}))"
    (found,) = _gradients(code, "x")
    out = tt.tensor(x).tanh().item()
    return Question(
        prompt=f"{_block(code)}\n`out` is {out:.4f}. What is `x.grad`? And what would a rule return that takes x for out?",
        answers={"x.grad": round(found.item(), 4), "with the input": g * (1 - x * x)},
        explain=f"g * (1 - out²) is {g:g} * (1 - {out * out:.4f}). With x: {g:g} * (1 - {x * x:g}). Near 0 the two are close, since tanh(x) is nearly x there.",
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
        prompt=f"{_block(code)}\nWhat is `x.grad`?",
        answers={"x.grad": tuple(found.tolist())},
        explain=f"{values.count(max(values))} of them are the largest; they share {g:g}, so that nudging all of them together by 1 promises what happens: {g:g}. The others could be a little larger without anybody noticing, and get 0.",
    )


def rows_of_a_table(rng: random.Random) -> Question:
    """Picked rows, some of them twice; and what a rule does that assigns."""
    index = [rng.randint(0, 3) for _ in range(4)]
    index[3] = index[rng.randint(0, 2)]
    g = rng.sample(range(1, 10), 4)
    code = f"table = tt.zeros(4, requires_grad=True)\nout = table[tt.tensor({index})]\nout.backward(tt.tensor({[float(v) for v in g]}))"
    (found,) = _gradients(code, "table")
    lost = tt.zeros(4)
    for place, each in zip(index, g, strict=True):
        lost[place] = float(each)
    return Question(
        prompt=f"{_block(code)}\nWhat is `table.grad`? And what is it if the rule writes `grad[index] = g`, where what is written last stays?",
        answers={"table.grad": tuple(found.tolist()), "written over": tuple(lost.tolist())},
        explain="Each g goes back to the place that it was picked from, and of several at one place the sum. A place that nobody picked gets 0.",
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
        explain="Axis i of x stands at place axes.index(i) of y: "
        + ", ".join(f"axis {i} at {place}" for i, place in enumerate(inverse))
        + ".",
    )


def central_difference(rng: random.Random) -> Question:
    """A slope by hand."""
    x, step = rng.choice([1.0, 2.0, 3.0]), rng.choice([0.1, 0.5])
    power = rng.choice([2, 3])
    above, below = (x + step) ** power, (x - step) ** power
    third = 0 if power == 2 else 6
    return Question(
        prompt=f"f(x) = x**{power} at x = {x:g}. What gives the central difference with a step of {step:g}, and what the one-sided one (a step up)?",
        answers={"central": (above - below) / (2 * step), "one-sided": (above - x**power) / step},
        explain=f"The derivative is {power * x ** (power - 1):g}. To both sides the error is e² / 6 times the third derivative ({third}): {step * step / 6 * third:g}. To one side it begins with e / 2 times the second: {step / 2 * power * (power - 1) * x ** (power - 2):g}.",
    )


TESTS: dict[str, tuple[str, str, str]] = {  # x, y and g of a product x @ y
    "x twice, symmetric, g of ones": (
        "[[2.0, 1.0], [1.0, 3.0]]",
        "[[2.0, 1.0], [1.0, 3.0]]",
        "[[1.0, 1.0], [1.0, 1.0]]",
    ),
    "square, g of ones": (
        "[[2.0, 1.0], [-1.0, 3.0]]",
        "[[0.5, 4.0], [1.5, -2.0]]",
        "[[1.0, 1.0], [1.0, 1.0]]",
    ),
    "square, random g": (
        "[[2.0, 1.0], [-1.0, 3.0]]",
        "[[0.5, 4.0], [1.5, -2.0]]",
        "[[0.3, -1.2], [0.7, 0.4]]",
    ),
    "(1, 2) @ (2, 3), g of ones": (
        "[[2.0, 1.0]]",
        "[[0.5, 4.0, 1.0], [1.5, -2.0, 3.0]]",
        "[[1.0, 1.0, 1.0]]",
    ),
    "(1, 2) @ (2, 3), random g": (
        "[[2.0, 1.0]]",
        "[[0.5, 4.0, 1.0], [1.5, -2.0, 3.0]]",
        "[[0.3, -1.2, 0.7]]",
    ),
}
RULES: dict[str, Callable[..., tt.Tensor]] = {  # wrong gradients for x
    "g @ y": lambda g, x, y: g @ y,
    "g @ x.mT": lambda g, x, y: g @ x.mT,
    "tt.ones_like(g) @ y.mT": lambda g, x, y: tt.ones_like(g) @ y.mT,
    "g.abs() @ y.mT": lambda g, x, y: g.abs() @ y.mT,
    "g.flip(0) @ y.mT": lambda g, x, y: g.flip(0) @ y.mT,
}


def which_test_notices(rng: random.Random) -> Question:
    """A wrong rule, and three tests of it that are more or less careless."""

    def notices(rule: str, test: str) -> bool:
        x, y, g = (tt.tensor(value(text, {})) for text in TESTS[test])
        try:
            found = RULES[rule](g, x, y)
        except TinyTorchError:
            return True
        right = g @ y.mT
        return found.shape != right.shape or bool(((found - right).abs() > 1e-5).any().item())

    while True:
        rule, picked = rng.choice(list(RULES)), sorted(rng.sample(list(TESTS), 3), key=list(TESTS).index)
        seen = {test: notices(rule, test) for test in picked}
        if len(set(seen.values())) == 2:
            break
    listed = "\n".join(
        f"* *{test}*: x = {TESTS[test][0]}, y = {TESTS[test][1]}, g = {TESTS[test][2]}" for test in picked
    )
    return Question(
        prompt=f"`out = x @ y`. Somebody's rule returns `{rule}` for x; right is `g @ y.mT`. Which of these tests notice it, by an error, another shape or other numbers?\n\n{listed}",
        answers=seen,
        explain="A square matrix lets wrong products fit, a symmetric one is its own transpose, the same matrix twice hides which was meant, ones hide whatever was done to g, and an axis of size 1 hides its order. "
        + ", ".join(f"*{test}* {'notices' if each else 'does not'}" for test, each in seen.items())
        + ".",
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
        explain=f"2 · {n} · {m} · {k} forward. Each gradient is one product of the same three sizes, in another order. "
        + ("One is skipped: nobody wants to change the data." if first else "There are two."),
    )


ASKED = {  # rules that a question can call with plain numbers, and the names of what they return
    "Mul.grad": ("for x", "for y"),
    "Div.grad": ("for x", "for y"),
    "Tanh.grad": ("for x",),
}


def on_your_own_code(rng: random.Random, own: dict[str, str]) -> Question:
    """One of the learner's own rules, called with numbers."""
    name = rng.choice([each for each in ASKED if each in own] or ["Div.grad"])
    x, y, g = rng.sample([2.0, 4.0, 5.0, 8.0], 3)
    if name == "Tanh.grad":
        x, out = 0.5, 0.75  # no value of tanh at 0.5: whoever reads the input is seen
        given, call = (g, out, x), f"{name}(g={g:g}, out={out:g}, x={x:g})"
    else:
        out = x * y if name == "Mul.grad" else x / y
        given, call = (g, out, x, y), f"{name}(g={g:g}, out={out:g}, x={x:g}, y={y:g})"
    try:
        made = theirs(own[name], reference)(None, *given)
        answers = {each: float(part) for each, part in zip(ASKED[name], made, strict=True)}
        before = f"Your own `{name}`:\n{shown(own[name])}\n"
    except (
        Exception
    ):  # nothing of theirs is there, or it cannot run: what they have yet to write is not shown
        rule: Any = getattr(reference, name.partition(".")[0]).grad
        answers = dict(zip(ASKED[name], map(float, rule(None, *given)), strict=True))
        before = "By its docstring, and before you write it. "
    return Question(
        prompt=f"{before}What does `{call}` return, with plain numbers for tensors?",
        answers=answers,
        explain="It was run, and returned "
        + ", ".join(f"{each:g} {part}" for part, each in answers.items())
        + ".",
    )
