"""Questions of module 05, with fresh numbers; every answer comes from running tinytorch."""

from __future__ import annotations

import random
import weakref
from collections.abc import Callable
from typing import Any

import tinytorch as tt
from tinytorch import ops
from tinytorch.autograd import graph as reference
from tinytorch.autograd.graph import Node, consumers_first
from tinytorch_course.asking import shown, sizes, theirs, value
from tinytorch_course.kit import Question

# How an engine goes wrong, and in one word each what a question calls it.
FAULTS = {
    "overwrites": "what arrives replaces what is there",
    "once per tensor": "an operation that reads a tensor twice hands it one gradient only",
    "too early": "a node is handed on when its first contribution is there, and later ones are dropped",
    "running total": "a node is handed on at every contribution, with the sum so far",
}


def _run(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {"tt": tt}
    value(f"{code}\nNone", names)
    return names


def _block(code: str) -> str:
    return f"```python\n{code}\n```"


def _program(rng: random.Random) -> tuple[str, dict[str, Any]]:
    """Four lines in which every result is used and one of them at least three times; and their names after a run."""
    while True:
        known, lines = ["x"], []
        for name in "abcz":
            first, second = rng.choice(known[-2:]), rng.choice(known)
            lines.append(f"{name} = {first} {rng.choice('+*')} {second}")
            known.append(name)
        code = "\n".join([f"x = tt.tensor({rng.choice([-3, -2, 2, 3])}.0, requires_grad=True)", *lines])
        names = _run(code)
        uses = {name: sum(line.split("=")[1].count(name) for line in lines) for name in "xabc"}
        small = all(abs(names[name].item()) < 300 for name in "abcz")
        if small and min(uses.values()) > 0 and max(uses[name] for name in "abc") > 2:
            return code, names


def gradients_in_the_boxes(rng: random.Random) -> Question:
    """Every box of a graph, filled in before anything runs."""
    while True:
        code, names = _program(rng)
        found = tt.autograd.grad(names["z"], [names[name] for name in "xabc"])
        if all(abs(each.item()) < 1000 for each in found):
            break
    found = {name: each.item() for name, each in zip("xabc", found, strict=True)}
    return Question(
        prompt=f"{_block(code)}\nDraw the graph behind `z`, put 1 into the box of `z`, and fill the others. What arrives in sum at each?",
        answers={f"at {name}": found[name] for name in "cbax"},
        explain="A box is the sum over all uses of its tensor: of what stands in the consumer's box, times the consumer's slope. "
        + ", ".join(f"{name} {found[name]:g}" for name in "cbax")
        + ". The last one is `x.grad`.",
    )


def who_is_complete(rng: random.Random) -> Question:
    """Arrivals counted, and which nodes may be handed on."""
    code, names = _program(rng)
    unused = f"{code}\nd = a * 3"
    nodes = {name: names[name].grad_fn for name in "abcz"}
    targets = {id(node): name for name, node in nodes.items()} | {id(names["x"]): "x"}
    sent = {
        name: [targets[id(edge[0])] for edge in node.edges if edge is not None]
        for name, node in nodes.items()
    }
    arrivals = {name: sum(each.count(name) for each in sent.values()) for name in "xabc"}
    done = {"z"} if rng.random() < 0.5 else {"z", "c"}
    there = {name: sum(sent[each].count(name) for each in done) for name in arrivals}
    answers: dict[str, Any] = {f"contributions at {name} in the end": arrivals[name] for name in "xab"}
    answers["contributions at d in the end"] = 0
    answers |= {f"{name} complete now": there[name] == arrivals[name] for name in "abc" if name not in done}
    return Question(
        prompt=f"{_block(unused)}\n`z.backward()` has handed on the node of {' and that of '.join(f'`{each}`' for each in sorted(done, reverse=True))}, "
        "and no other. How many contributions arrive at each tensor before the end, and which of the nodes are complete at this moment?",
        answers=answers,
        explain="One contribution arrives for each time that a value was used on the way to `z`; `x * x` uses x twice. `z` was not made from `d`, so its node "
        "is never visited. A node is complete when everybody who used it has reported: "
        + ", ".join(f"{name} has {there[name]} of {arrivals[name]}" for name in "abc")
        + ".",
    )


READ = {  # lines that make y of h, and what their gradient reads
    "h * h": "its factor h, twice the same array",
    "h * w": "the other factor, w",
    "h + w": "nothing",
    "h - h.sum()": "nothing",
    "h.exp()": "its own result",
    "h.tanh()": "its own result",
    "h.sin()": "its input h",
    "w / h": "both of its inputs",
    "h.sum(1)": "nothing, the shape is enough",
    "h[1:]": "nothing, the layout is enough",
}


def what_is_kept(rng: random.Random) -> Question:
    """Which arrays stay until backward, and how many bytes these are."""
    n, m = sizes(rng, 2, 2, 9)
    first, second = rng.sample(sorted(READ), 2)
    first = first.replace("h", "x").replace("tanx", "tanh")
    code = "\n".join(
        [
            f"x, w = tt.ones({n}, {m}, requires_grad=True), tt.ones({n}, {m})",
            f"h = {first}",
            f"y = {second if 'sum(1)' not in first and '[1:]' not in first else 'h.exp()'}",
            "loss = y.sum()",
        ]
    )
    names = _run(code)
    kept: dict[int, Any] = {}
    for node in consumers_first([names["loss"].grad_fn]):
        for each in (*node.inputs.values(), *node.outputs) if type(node) is Node else ():
            array = getattr(each, "array", each)
            kept[id(array)] = array
    answers: dict[str, Any] = {name: id(names[name].array) in kept for name in "xwhy"}
    size = sum(array.size * array.dtype.itemsize for array in kept.values())
    return Question(
        prompt=f"{_block(code)}\nWhich of these arrays does the graph keep for the way back, and how many bytes of numbers does it keep in all (an array that is kept twice is there once)?",
        answers=answers | {"bytes": size},
        explain="A node keeps what a *wanted* gradient will read: a product the other factor, exp and tanh their own result, sin its input, a quotient both, a sum and a slice nothing. "
        f"Kept: {', '.join(f'`{name}`' for name in 'xwhy' if answers[name]) or 'nothing that has a name'}; {size} bytes.",
    )


FORMS = [
    ("y = x * x", "z = y * y + y"),
    ("y = x + x", "z = y * y + y"),
    ("y = x * 3", "z = y * y + y"),
    ("y = x * x", "z = y * 2 + y"),
    ("y = x * x", "z = y * x + y"),
]


def _slopes(node: Any) -> list[tuple[Any, float]]:
    """For each edge of a node its target and the slope, by the card's own rule."""
    one = tt.ones(())
    with tt.no_grad():
        made = reference.gradients(node, [one], [edge is not None for edge in node.edges])
    return [(edge[0], g.item()) for edge, g in zip(node.edges, made, strict=True) if edge is not None]


def _engine(root: Any, fault: str) -> float:
    """What an engine with one of `FAULTS`, or with none, leaves at the only leaf."""
    totals: dict[Any, float] = {root: 1.0}
    done: set[Any] = set()

    def hand_on(node: Any, g: float) -> list[Any]:
        sent: list[Any] = []
        for target, slope in _slopes(node):
            if fault == "once per tensor" and target in sent:
                continue
            sent.append(target)
            before = 0.0 if fault == "overwrites" else totals.get(target, 0.0)
            totals[target] = before + g * slope
            if fault == "running total" and type(target) is Node:
                hand_on(target, totals[target])
        return sent

    waiting = [root]
    if fault == "too early":
        while waiting:
            node = waiting.pop()
            if type(node) is Node and node not in done:
                done.add(node)
                waiting += hand_on(node, totals[node])
    elif fault == "running total":
        hand_on(root, 1.0)
    else:
        for node in consumers_first([root]):
            if type(node) is Node:
                hand_on(node, totals[node])
    return next(total for target, total in totals.items() if type(target) is not Node)


def which_fault(rng: random.Random) -> Question:
    """A wrong number, and which of four faults it gives away."""
    while True:
        start, lines = rng.choice([-4, -3, 2, 3, 4, 5]), rng.choice(FORMS)
        code = "\n".join([f"x = tt.tensor({start}.0, requires_grad=True)", *lines, "z.backward()"])
        root = _run(code.rpartition("\n")[0])["z"].grad_fn
        right = _engine(root, "")
        numbers = {fault: _engine(root, fault) for fault in FAULTS}
        if len({right, *numbers.values()}) == 1 + len(FAULTS):
            break
    fault = rng.choice(list(FAULTS))
    told = "\n".join(f"* *{name}*: {what}" for name, what in FAULTS.items())
    return Question(
        prompt=f"{_block(code)}\n`x.grad` should be {right:g}. An engine says {numbers[fault]:g}. One of these is wrong with it (the edges of an operation are followed from left to right; "
        f"the operation that was made last hands on first):\n\n{told}\n\nWhich?",
        answers={"fault": fault},
        explain="Each was run: " + ", ".join(f"{name} {number:g}" for name, number in numbers.items()) + ".",
        choices={"fault": tuple(FAULTS)},
    )


def back_to_its_shape(rng: random.Random) -> Question:
    """What sum_to_size makes of a stretched gradient."""
    a, b, c = sizes(rng, 3, 2, 6)
    shape = rng.choice([(c,), (b, 1), (1, c), (a, 1, c), (b, c), (1, 1, c), ()])
    x = tt.ones(shape, requires_grad=True)
    (x * tt.ones(a, b, c)).sum().backward()
    assert x.grad is not None
    return Question(
        prompt=f"A tensor of shape {shape} is multiplied by ones of shape {(a, b, c)}, and the sum of all is differentiated. What is the shape of its gradient, and what is in each element?",
        answers={"shape": x.grad.shape, "element": x.grad.reshape(-1)[0].item()},
        explain="A gradient has the shape of its tensor. Each element was read once for every element that it was stretched to, and owes the sum of these uses.",
    )


def several_backwards(rng: random.Random) -> Question:
    """Accumulation over calls, and where it is cleared."""
    n, scale = rng.randint(3, 5), rng.choice([2.0, 3.0, 5.0])
    at = rng.randint(1, n - 1)
    clear = f"    if i == {at}:\n        x.grad = None\n" if rng.random() < 0.7 else ""
    code = (
        f"x = tt.tensor(1.0, requires_grad=True)\nfor i in range({n}):\n{clear}    (x * {scale}).backward()"
    )
    return Question(
        prompt=f"{_block(code)}\nWhat is `x.grad`?",
        answers={"x.grad": _run(code)["x"].grad.item()},
        explain="`backward` adds to what is there, until somebody clears it. A training loop that forgets to clear steps along the sum of all gradients so far.",
    )


def nested_modes(rng: random.Random) -> Question:
    """What is recorded inside blocks."""
    modes = ["tt.no_grad()", "tt.enable_grad()"]
    outer, inner = rng.choice([(modes[0], modes[0]), (modes[0], modes[1]), (modes[1], modes[0])])
    code = f"w = tt.ones(2, requires_grad=True)\nwith {outer}:\n    a = w * 2\n    with {inner}:\n        b = w * 2\n    c = w * 2\nd = w * 2"
    names = _run(code)
    return Question(
        prompt=f"{_block(code)}\nWhich of them require a gradient?",
        answers={name: names[name].requires_grad for name in "abcd"},
        explain="Each block restores at its end what held before it: `c` is recorded as `a` is, and `d` as if there had been no block.",
    )


def is_it_refused(rng: random.Random) -> Question:
    """Values written to after they were kept."""
    line = rng.choice(["y * y", "y + 2", "y.exp()", "y.sum()", "y.tanh()", "y / 3", "y.sin()"])
    written = rng.choice(["y", "z", "y[1:]"] if line != "y.sum()" else ["y", "z"])
    code = f"x = tt.ones(3, requires_grad=True)\ny = x * 1\nz = {line}\nwith tt.no_grad():\n    {written}.add_(1)"
    names = _run(code)
    try:
        names["z"].sum().backward()
        refused = False
    except RuntimeError:
        refused = True
    return Question(
        prompt=f"{_block(code)}\nIs `z.sum().backward()` refused?",
        answers={"refused": refused},
        explain="It is refused if the gradient of that line reads what was written to, and the version of that memory is not what it was. exp and tanh read their result, `y * y` and sin read y; "
        "sums, and a product or a quotient with a constant, read nothing of y. A view writes to the memory of its base.",
    )


def derivative_of_a_derivative(rng: random.Random) -> Question:
    """create_graph."""
    x, power = rng.choice([1.0, 2.0, 3.0]), rng.choice([2, 3, 4])
    code = f"x = tt.tensor({x}, requires_grad=True)\n(first,) = tt.autograd.grad(x**{power} + x, x, create_graph=True)\n(second,) = tt.autograd.grad(first, x)"
    names = _run(code)
    return Question(
        prompt=f"{_block(code)}\nWhat are `first` and `second`?",
        answers={name: round(names[name].item(), 4) for name in ("first", "second")},
        explain=f"{power} x**{power - 1} + 1 and {power * (power - 1)} x**{power - 2}: the first derivative was recorded while it was computed, so it can be differentiated like any other result.",
    )


KEEPERS: dict[str, Callable[[tt.Tensor], Any]] = {
    "losses.append(loss)": lambda loss: loss,
    "losses.append(loss.item())": lambda loss: loss.item(),
    "losses.append(loss.detach())": lambda loss: loss.detach(),
    "losses.append(loss * 1)": lambda loss: loss * 1,
    "losses.append(float(loss))": float,
    "total = total + loss": lambda loss: tt.zeros(()) + loss,
}


def what_keeps_a_graph(rng: random.Random) -> Question:
    """Which lines hold on to the graph of a step after it."""

    def holds(line: str) -> bool:
        loss = (tt.ones(3, requires_grad=True) * 2).sum()
        node = weakref.ref(loss.grad_fn)
        kept = KEEPERS[line](loss)
        del loss
        return node() is not None and kept is not None

    picked = rng.sample(sorted(KEEPERS), 4)
    return Question(
        prompt="A loop computes `loss`, and keeps something of it with one of these lines. Which of them hold on to the graph of every step?",
        answers={line: holds(line) for line in picked},
        explain="A tensor that was recorded holds the node that made it, and that one everything behind it. `item()` and `float` give a number, `detach()` a tensor without a past; "
        "whatever is computed from `loss` while recording is on has `loss` in its past.",
    )


def _cases() -> dict[str, tuple[Any, tuple[tt.Tensor, ...]]]:
    """Operations that `record` can be asked about: a card and its inputs."""
    w, v, c = (tt.ones(2, 3, requires_grad=True), tt.ones(3, 4, requires_grad=True), tt.ones(3, 4))
    positive = w > 0
    return {
        "w.exp()": (ops.EXP, (w,)),
        "w.sin()": (ops.SIN, (w,)),
        "w @ c": (ops.MATMUL, (w, c)),
        "w @ v": (ops.MATMUL, (w, v)),
        "w.sum(1)": (ops.Sum((1,), False), (w,)),
        "tt.where(w > 0, w, u)": (ops.WHERE, (positive, w, tt.zeros(2, 3))),
    }


def _recorded(record: Any, line: str) -> dict[str, int]:
    """How many edges there are, and how many inputs and results a node keeps that `record` has made."""
    op, inputs = _cases()[line]
    out = tt.Tensor(op.forward(*[x.array for x in inputs]))
    record(op, inputs, [x.array for x in inputs], (out,))
    node = out.edge[0]
    edges = sum(edge is not None for edge in node.edges)
    return {"edges": edges, "inputs kept": len(node.inputs), "results kept": len(node.outputs)}


def on_your_own_code(rng: random.Random, own: dict[str, str]) -> Question:
    """The learner's own record or sum_to_size, on a case that they may not have thought of."""
    name = rng.choice([each for each in ("record", "sum_to_size") if each in own] or ["sum_to_size"])
    a, b, c = sizes(rng, 3, 2, 5)
    shape, line = rng.choice([(1, b, 1), (b, c), (1,), (a, 1, 1), (b, 1)]), rng.choice(sorted(_cases()))

    def asked(function: Any) -> dict[str, Any]:
        if name == "record":
            return _recorded(function, line)
        found = function(tt.ones(a, b, c), shape)
        return {"shape": tuple(found.shape), "element": found.reshape(-1)[0].item()}

    try:
        answers = asked(theirs(own[name], reference))
        before = f"Your own `{name}`:\n{shown(own[name])}\n"
    except (
        Exception
    ):  # nothing of theirs is there, or it cannot run: what they have yet to write is not shown
        answers = asked(getattr(reference, name))
        before = "By its docstring, and before you write it. "
    what = {
        "record": f"It records `{line}`, where `w` of shape (2, 3) and `v` of (3, 4) require gradients, `c` and `u` do not. How many edges has the node (None is none), and how many arrays does it keep?",
        "sum_to_size": f"`g` is all ones, of shape {(a, b, c)}. What does `sum_to_size(g, {shape})` return: its shape, and what is in each element?",
    }
    return Question(
        prompt=before + what[name],
        answers=answers,
        explain="It was run: " + ", ".join(f"{key} {each}" for key, each in answers.items()) + ".",
    )
