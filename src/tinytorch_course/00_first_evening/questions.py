"""Questions of module 00, with fresh numbers; every answer comes from running the tape."""

from __future__ import annotations

import ast
import random
import textwrap
from typing import Any

from first import tape
from first.ring import Network
from first.tape import TAPE, Number, descend

from tinytorch_course.kit import Question

PROGRAMS = (  # of a and b, which end in c; small whole numbers keep every answer exact
    ("b = a * a", "c = b + a"),
    ("c = a * b", "c = c + a"),
    ("d = a + b", "c = d * d"),
    ("d = a * b", "c = d + d"),
    ("d = a + a", "c = d * b"),
    ("d = a * b", "e = a + b", "c = d * e"),
    ("d = a * a", "e = d * b", "c = e + d"),
)


def _start(rng: random.Random) -> dict[str, float]:
    """Two different small numbers, neither 0 nor 1."""
    a, b = rng.sample([-4, -3, -2, 2, 3, 4, 5], 2)
    return {"a": float(a), "b": float(b)}


def _run(lines: tuple[str, ...], values: dict[str, float]) -> dict[str, Any]:
    """The names of a program after it has run on a fresh tape."""
    TAPE.clear()
    names: dict[str, Any] = {name: Number(value) for name, value in values.items()}
    exec("\n".join(lines), names)
    return names


def _given(lines: tuple[str, ...], rng: random.Random) -> dict[str, float]:
    """Values for the names that a program reads and does not make."""
    nodes = [node for node in ast.walk(ast.parse("\n".join(lines))) if isinstance(node, ast.Name)]
    made = {node.id for node in nodes if isinstance(node.ctx, ast.Store)}
    read = {node.id for node in nodes} - made
    return {name: value for name, value in _start(rng).items() if name in read}


def _shown(lines: tuple[str, ...], values: dict[str, float]) -> str:
    """A program as text."""
    made = [f"{name} = Number({value})" for name, value in values.items()]
    return "\n".join(["```python", *made, *lines, "c.backward()", "```"])


def grads_of_a_program(rng: random.Random) -> Question:
    """The slope of the end with respect to each start, over all paths."""
    lines = rng.choice(PROGRAMS)
    values = _given(lines, rng)
    names = _run(lines, values)
    names["c"].backward()
    pairs = [f"`{name}`: {names[name].grad:g}" for name in values]
    return Question(
        prompt=f"{_shown(lines, values)}\nWrite the tape on paper, then walk it from the end.",
        answers={f"{name}.grad": names[name].grad for name in values},
        explain="Along a path the slopes multiply, over several paths they add. " + ", ".join(pairs) + ".",
    )


def slopes_in_the_pairs(rng: random.Random) -> Question:
    """What stands on the tape before anybody walks it."""
    values = _start(rng)
    kind = rng.choice(["a * b", "a + b", "b * a"])
    made = _run((f"c = {kind}",), values)
    slope = {id(source): slope for source, slope in made["c"].inputs}
    return Question(
        prompt=f"a = Number({values['a']}), b = Number({values['b']}). Which slopes stand in the pairs of `c = {kind}`?",
        answers={f"slope to {name}": slope[id(made[name])] for name in ("a", "b")},
        explain="A sum moves one for one with each input. A product moves, for each unit of one factor, by the value of the other.",
    )


def a_walk_that_stops(rng: random.Random) -> Question:
    """Which grads are there when the walk has visited only some numbers."""
    lines = rng.choice([each for each in PROGRAMS if len(each) == 3])
    values = _start(rng)
    names = _run(lines, values)
    count = rng.choice([1, 2, 3])
    names["c"].grad = 1.0
    for number in list(reversed(TAPE))[:count]:
        for source, slope in number.inputs:
            source.grad += number.grad * slope
    asked = ["a", "b", lines[0][0]]
    return Question(
        prompt=(
            f"{_shown(lines, values)}\nThe power fails when `backward` has visited only {count} of the {len(TAPE)} numbers on the tape, "
            "and handed on their grads. What has arrived so far?"
        ),
        answers={f"{name}.grad": names[name].grad for name in asked},
        explain="It begins at the end of the tape, with 1 for c itself. A number that was not visited has handed nothing on.",
    )


def a_nudge(rng: random.Random) -> Question:
    """What a grad is good for: it predicts."""
    lines = rng.choice(PROGRAMS[:5])
    values = _given(lines, rng)
    names = _run(lines, values)
    names["c"].backward()
    by = rng.choice([0.001, -0.002, 0.003])
    moved = names["a"].grad * by
    return Question(
        prompt=f"{_shown(lines, values)}\nNow a is made larger by {by:g}. By how much does c move, to within a percent?",
        answers={"c moves by": moved},
        explain=f"a.grad is {names['a'].grad:g}: c moves that many times as far as a, as long as the nudge is small. {names['a'].grad:g} * {by:g} = {moved:g}.",
    )


def one_step_down(rng: random.Random) -> Question:
    """A step of `descend`, by hand."""
    value, grad = float(rng.randint(-9, 9)), float(rng.choice([-6, -4, -2, 2, 4, 6]))
    lr = rng.choice([0.5, 0.25, 0.1])
    p = Number(value)
    p.grad = grad
    descend([p], lr)
    return Question(
        prompt=f"A parameter has the value {value:g} and the grad {grad:g}. What are they after `descend([p], lr={lr:g})`?",
        answers={"value": p.value, "grad": p.grad},
        explain=f"A step of lr times grad, {lr * grad:g}, *against* the slope; then the grad makes room for the next backward.",
    )


def numbers_on_the_tape(rng: random.Random) -> Question:
    """How long a computation is."""
    hidden, dots = rng.sample([2, 3, 4, 5, 6, 7], 2)
    network = Network(hidden)
    parameters = len(TAPE)
    network(0.5, -0.5)
    one = len(TAPE) - parameters
    return Question(
        prompt=(
            f"A network has {hidden} hidden numbers. For each it computes `(w1 * x + w2 * y + bias).tanh()`, weighs it, and adds it to the answer, which "
            f"starts with a bias; at the end the answer goes through tanh. x and y are made as two Numbers for each dot. "
            f"How many new numbers does one dot put on the tape, and how many do {dots} dots?"
        ),
        answers={"one dot": one, f"{dots} dots": one * dots},
        explain=(
            f"2 for the coordinates; for each hidden number 2 products, 2 sums, 1 tanh, and 2 to weigh and add: 7 * {hidden}; 1 for the last tanh. In all {one}."
        ),
    )


FAULTS = {
    "climbs": "descend steps along the slope instead of against it",
    "never clears": "the grads are not set back to 0 after the step",
    "copy": "descend gives the parameters' names to new numbers",
    "healthy": "nothing: it learns",
}


def a_log(rng: random.Random) -> Question:
    """A training log; what is broken? The log is made by breaking it."""
    fault = rng.choice(list(FAULTS))
    target, value, lr = float(rng.randint(3, 8)), 0.0, rng.choice([0.1, 0.2])
    TAPE.clear()
    p, log = Number(value), []
    for _ in range(6):
        del TAPE[1:]
        error = p + Number(-target)
        loss = error * error
        loss.backward()
        log.append((loss.value, p.grad))
        if fault == "copy":
            continue  # neither the value nor the grad of the p that the loss is made from
        p.value += lr * p.grad if fault == "climbs" else -lr * p.grad
        if fault != "never clears":
            p.grad = 0.0
    rows = "\n".join(
        [f"step {i}   loss {loss:10.4f}   p.grad {grad:10.4f}" for i, (loss, grad) in enumerate(log)]
    )
    return Question(
        prompt=(
            f"One parameter p is to become {target:g}; the loss is the square of the difference, the learning rate {lr:g}. This is the log, "
            f"written after `backward` and before `descend`:\n```\n{rows}\n```\nWhat is broken?\n"
            + "\n".join([f"* {name}: {what}" for name, what in FAULTS.items()])
        ),
        answers={"broken": fault},
        choices={"broken": tuple(FAULTS)},
        explain=(
            "Climbing: loss and grad grow, by the same factor at each step. Not clearing: the grads add up, p runs past the goal and swings back and forth. A copy: the "
            "loss stays what it is, and the old number's grad piles up. Healthy: loss and grad shrink."
        ),
    )


def on_your_own_code(rng: random.Random, own: dict[str, str]) -> Question:
    """How long the tape gets with the very functions that the learner wrote."""
    values = _start(rng)
    lines = rng.choice(PROGRAMS[2:])
    wanted = [name for name in ("Number.__add__", "Number.__mul__") if name in own]
    try:
        count = _length({name: own[name] for name in wanted}, lines, values)
        shown = _listed(own, wanted)
    except Exception:  # theirs does not run yet: nothing is asked about it
        count, shown = _length({}, lines, values), ""
    return Question(
        prompt=f"{shown}{_shown(lines, values)}\nHow many numbers are on the tape now, if it was empty before?",
        answers={"numbers": count},
        explain="Every Number that is made writes itself on the tape: the two at the start, and one for each operation. `backward` makes none.",
    )


def _listed(own: dict[str, str], names: list[str]) -> str:
    """Some of the learner's functions, as text."""
    if not names:
        return ""
    return (
        "With your own functions:\n```python\n" + "\n".join([_short(own[name]) for name in names]) + "\n```\n"
    )


def _short(source: str) -> str:
    """A function without its docstring."""
    node = ast.parse(textwrap.dedent(source)).body[0]
    assert isinstance(node, ast.FunctionDef)
    if ast.get_docstring(node) is not None and len(node.body) > 1:
        node.body = node.body[1:]
    return ast.unparse(node)


def _length(functions: dict[str, str], lines: tuple[str, ...], values: dict[str, float]) -> int:
    """How many numbers a program puts on a tape of its own, some functions exchanged."""
    space: dict[str, Any] = vars(tape) | {"TAPE": []}
    methods = {name: each for name, each in vars(Number).items() if callable(each)}
    made: dict[str, Any] = {}
    for name, source in functions.items():
        exec(textwrap.dedent(source), space, made)
        methods[name.rpartition(".")[2]] = made[name.rpartition(".")[2]]

    class Counted:
        __slots__ = ("grad", "inputs", "value")

        def __init__(self, value: float, inputs: Any = ()) -> None:
            self.value, self.inputs, self.grad = value, inputs, 0.0
            space["TAPE"].append(self)

    for name in ("__add__", "__mul__", "tanh"):
        function = methods[name]
        rebound = type(function)(function.__code__, space, name, function.__defaults__)
        setattr(Counted, name, rebound)
    space["Number"] = Counted
    names: dict[str, Any] = {name: Counted(value) for name, value in values.items()}
    exec("\n".join(lines), names)
    return len(space["TAPE"])
