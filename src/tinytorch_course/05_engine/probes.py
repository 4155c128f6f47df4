"""What is observed of each exercise of module 05: gradients, orders, what is kept, and what is let go."""

import itertools

import numpy as np

import tinytorch as tt
from tinytorch.autograd import Function
from tinytorch.autograd.graph import Node, consumers_first, sum_to_size
from tinytorch.observe import observing
from tinytorch_course.inputs import narrower, some_shape, some_tensor

MODES = [
    "with tt.no_grad():\n    inside = tt.is_grad_enabled()\n(inside, tt.is_grad_enabled())",
    "with tt.no_grad():\n    with tt.no_grad():\n        pass\n    between = tt.is_grad_enabled()\n(between, tt.is_grad_enabled())",
    "with tt.no_grad():\n    with tt.enable_grad():\n        inside = tt.is_grad_enabled()\n    between = tt.is_grad_enabled()\n(inside, between, tt.is_grad_enabled())",
    "try:\n    with tt.no_grad():\n        raise KeyError('lost')\nexcept KeyError:\n    caught = True\n(caught, tt.is_grad_enabled())",
    "block = tt.no_grad()\nwith block:\n    with tt.enable_grad():\n        with block:\n            deep = tt.is_grad_enabled()\n        between = tt.is_grad_enabled()\n(deep, between, tt.is_grad_enabled())",
    "block = tt.no_grad()\nwith block:\n    with block:\n        pass\n    between = tt.is_grad_enabled()\n(between, tt.is_grad_enabled())",
    "@tt.no_grad()\ndef twice(x):\n    return x * 2.0\ntwice(tt.ones(2, requires_grad=True)).requires_grad",
    "with tt.no_grad():\n    try:\n        with tt.enable_grad():\n            raise KeyError('lost')\n    except KeyError:\n        between = tt.is_grad_enabled()\n(between, tt.is_grad_enabled())",
]


def nested(rng, depth, indent):
    """Lines of blocks in blocks, each of which notes the mode that it finds."""
    lines = []
    for _ in range(rng.randint(1, 2)):
        block = rng.choice(["tt.no_grad()", "tt.enable_grad()", "off", "on"])
        fails = rng.random() < 0.2
        inner = indent + ("    " if fails else "")
        lines += [f"{indent}try:"] if fails else []
        lines += [f"{inner}with {block}:", f"{inner}    seen.append(tt.is_grad_enabled())"]
        lines += nested(rng, depth - 1, inner + "    ") if depth else []
        lines += (
            [f"{inner}    raise KeyError", f"{indent}except KeyError:", f"{indent}    pass"] if fails else []
        )
        lines.append(f"{indent}seen.append(tt.is_grad_enabled())")
    return lines


def some_modes(case, rng):
    """Blocks in blocks; some of them are entered twice."""
    lines = "\n".join(nested(rng, 3, ""))
    tt.set_grad_enabled(True)
    case(f"off, on, seen = tt.no_grad(), tt.enable_grad(), []\n{lines}\nseen")
    tt.set_grad_enabled(True)


def a_program(rng, steps=6):
    """Lines that compute from three leaves of three numbers; every value may be used again, and again."""
    lines = [
        "a, b = (tt.tensor(v, dtype=tt.float64, requires_grad=True) for v in ([0.5, -1.5, 2.0], [1.0, 0.25, -0.75]))"
    ]
    lines.append("c = tt.tensor([2.0, -0.5, 1.5], dtype=tt.float64)")
    names = ["a", "b", "c"]
    for number in range(rng.randint(1, steps)):
        x, y = rng.choice(names[-3:]), rng.choice(names)
        expr = rng.choice(
            [
                f"{x} * {y}",
                f"{x} + {y}",
                f"{x} - {y} * 0.5",
                f"{x}.tanh()",
                f"{x}.flip(0)",
                f"{x}.cos() + {x}",
                f"{x}.where({y} > 0.0, {y})",
            ]
        )
        lines.append(f"h{number} = {expr}")
        names.append(f"h{number}")
    return "\n".join(lines) + "\n", names[3:]


def some_gradients(case, rng, again=""):
    """What arrives at the leaves of a random program."""
    lines, made = a_program(rng)
    loss = f"(({' + '.join(made[-2:])}) * tt.tensor([0.5, -2.0, 3.0]).double() + (a + b) * 0.0).sum()"
    case(f"{lines}loss = {loss}\nloss.backward({again})\n(a.grad.detach(), b.grad.detach())")


def no_grad_enter(case):
    for code in MODES:
        tt.set_grad_enabled(True)
        case(code)
    tt.set_grad_enabled(True)


def no_grad_enter_random(case, rng):
    some_modes(case, rng)


def no_grad_exit(case):
    for code in MODES:
        tt.set_grad_enabled(True)
        case(code)
    tt.set_grad_enabled(True)


def no_grad_exit_random(case, rng):
    some_modes(case, rng)


def recorded(out):
    """What the node behind a result says."""
    node = out.grad_fn
    if node is None:
        return {"requires_grad": out.requires_grad, "operation": "nothing was recorded"}
    return {
        "requires_grad": out.requires_grad,
        "operation": node.name(),
        "edges": [
            f"{'nobody' if each is None else each.name()} {number}" for each, number in node.next_functions
        ],
        "number of this output": out.edge[1],
        "outputs of the operation": node.made,
        "shapes of the inputs": [tuple(shape) for shape in node.shapes],
        "cost.values kept": len(node.inputs) + len(node.outputs),
    }


W = "w = tt.tensor([[0.5, -1.0, 2.0], [1.5, 3.0, -0.5]], requires_grad=True)\n"
TWO = """class Two(Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2.0, x * 3.0
    @staticmethod
    def backward(ctx, g, h):
        return 2.0 * g + 3.0 * h
"""


def graph_record(case):
    case(f"{W}w @ tt.ones(3, 4)", observe=recorded)
    case(f"{W}tt.ones(4, 2) @ w", observe=recorded)
    case(f"{W}w @ w.mT", observe=recorded)
    case(f"{W}w.sum(1)", observe=recorded)
    case(MATRICES)
    case(f"{W}tt.where(w > 0.0, w, 0.0)", observe=recorded)
    case(f"{W}w.double().tanh() @ tt.ones(3, 1).double()", observe=recorded)
    case(f"{W}values, places = w.sort(1)\nvalues", observe=recorded)
    case(f"{W}values, places = w.sort(1)\nplaces", observe=recorded)
    case(f"{TWO}{W}Two.apply(w)[1]", observe=recorded)
    case(f"{TWO}{W}first, second = Two.apply(w)\n(first.sum() + (second * second).sum()).backward()\nw.grad")
    case(
        f"{W}y = w @ tt.ones(3, 2)\nz = y.sum(0)\n(y.grad_fn.age > z.grad_fn.age, (z @ tt.ones(2)).grad_fn.age < z.grad_fn.age)"
    )
    case(f"{W}((w @ w.mT).sum(0) @ tt.tensor([1.0, 2.0])).backward()\nw.grad")
    case(f"{W}y = w @ tt.ones(3, 2)\ny.amax(0).sum().backward()\nw.grad")
    case(f"import weakref\n{W}y = w @ tt.ones(3, 2)\nnode = weakref.ref(y.grad_fn)\ndel y\nnode() is None")
    case(f"import weakref\n{W}y = (w @ w.mT).sum(0)\nresult = weakref.ref(y)\ndel y\nresult() is None")
    case(f"{W}tt.where(w > 0.0, w, w * 0.1).sum().backward()\nw.grad")
    case(f"{W}tt.where(w > 0.0, w, 0.0).sum().backward()\nw.grad")


def graph_record_random(case, rng):
    lines, made = a_program(rng)
    case(f"{lines}{rng.choice(made)}", observe=recorded)


def graph_sum_to_size(case):
    g = "g = tt.arange(24.0).reshape(2, 3, 4) - 7.0\n"
    for shape in [
        "(2, 3, 4)",
        "(3, 4)",
        "(4,)",
        "()",
        "(2, 1, 4)",
        "(2, 3, 1)",
        "(1, 4)",
        "(3, 1)",
        "(1, 1, 1)",
        "(1, 1)",
        "(1, 3, 1)",
    ]:
        case(f"{g}found = sum_to_size(g, {shape})\n(found.shape, found.tolist())")
    case("g = tt.ones(2, 0, 4)\nfound = sum_to_size(g, (1, 4))\n(found.shape, found.tolist())")
    case(
        f"{g}x = tt.ones(3, 1, requires_grad=True)\n(x * tt.ones(2, 3, 4)).backward(g)\n(x.grad.shape, x.grad.tolist())"
    )
    for sizes, shape in [((1, 3, 4), (1, 4)), ((1, 3, 4), (3, 1)), ((2, 1, 4), (1, 1)), ((2, 1, 4), (1, 4))]:
        case(
            f"g = (tt.arange({np.prod(sizes)}.0) - 5.0).reshape{sizes}\nfound = sum_to_size(g, {shape})\n(found.shape, found.tolist())"
        )


def graph_sum_to_size_random(case, rng):
    sizes = some_shape(rng)
    shape = narrower(rng, sizes)
    case(f"g = {some_tensor(rng, sizes)}\nfound = sum_to_size(g, {shape})\n(found.shape, found.tolist())")


def ordered(found):
    """Whether each comes once, after all of its consumers, and the leaves at the end."""
    order = list(found)
    place = {id(each): number for number, each in enumerate(order)}
    nodes = [each for each in order if isinstance(each, Node)]
    edges = [(node, edge[0]) for node in nodes for edge in node.edges if edge is not None]
    return {
        "entries": len(order),
        "different ones": len(place),
        "missing": sum(id(cause) not in place for _, cause in edges),
        "before a consumer": sum(place[id(node)] > place.get(id(cause), len(order)) for node, cause in edges),
        "nodes after a leaf": sum(
            isinstance(b, Node) and not isinstance(a, Node) for a, b in itertools.pairwise(order)
        ),
    }


def graph_consumers_first(case):
    x = "x = tt.tensor(2.0, requires_grad=True)\n"
    case(f"{x}y = x.exp()\nconsumers_first([y.grad_fn])", observe=ordered)
    case(f"{x}y = x * x\nz = y * y + y\nconsumers_first([z.grad_fn])", observe=ordered)
    case(f"{x}y = x.exp()\nz = y + y.exp().exp().exp()\nconsumers_first([z.grad_fn])", observe=ordered)
    case(
        f"{x}a = x.exp()\nb = a.sin()\nz = (b + a) * (a.cos() + b).exp()\nconsumers_first([z.grad_fn])",
        observe=ordered,
    )
    case(f"{x}y = x\nfor _ in range(26):\n    y = y + y\nconsumers_first([y.grad_fn])", observe=ordered)
    case(f"{x}y = x\nfor _ in range(5000):\n    y = y * 1.0\nconsumers_first([y.grad_fn])", observe=ordered)
    case(f"{x}a, b = x.exp(), x.sin()\nconsumers_first([a.grad_fn, b.grad_fn])", observe=ordered)
    case(f"{x}a = x.exp()\nb = a.sin()\nconsumers_first([a.grad_fn, b.grad_fn])", observe=ordered)
    case(
        f"{x}w = tt.ones(2, requires_grad=True)\nz = (x * w + tt.ones(2)).sum()\nconsumers_first([z.grad_fn])",
        observe=ordered,
    )
    case(f"{x}consumers_first([x])", observe=ordered)
    case(f"{x}roots = [x.exp().grad_fn]\nconsumers_first(roots)\nlen(roots)")


def graph_consumers_first_random(case, rng):
    lines, made = a_program(rng, steps=12)
    wanted = f"[each.edge[0] for each in ({', '.join(made[-2:])},) if each.requires_grad]"
    case(f"{lines}consumers_first({wanted})", observe=ordered)


X = "x = tt.tensor([2.0, -1.0, 0.5], dtype=tt.float64, requires_grad=True)\n"
COUNT = "seen = []\nwith observing(lambda op, inputs, out: seen.append(type(op).__name__)):\n    "
OPENING = "x = tt.tensor(2.0, requires_grad=True)\ny = x * x\nz = y * y + y\nz.backward()\nx.grad"
# The same formula in matrices, so that every product goes the long way through `record`. The graph is kept, so that an
# engine that visits a node twice is not stopped by what the first visit let go: its number shows what it did.
MATRICES = "x = tt.tensor([[2.0]], requires_grad=True)\ny = x @ x\nz = y @ y + y\nz.backward(retain_graph=True)\nx.grad"
SHARED = [
    MATRICES,
    OPENING,
    f"{X}y = x * x\nz = y * y + y\nz.sum().backward()\nx.grad",
    f"{X}(x * x).sum().backward()\nx.grad",
    f"{X}y = x.exp()\nz = y + y.exp().sin().exp()\nz.sum().backward()\nx.grad",
    f"{X}a = x.exp()\nb = a.sin()\n((b + a) * (a.cos() + b)).sum().backward()\nx.grad",
    f"{X}y = x\nfor _ in range(12):\n    y = y + y\ny.sum().backward()\nx.grad",
    f"{X}m = x.outer(x)\n((m @ m).sum() + m.amax(0).sum() + m.sum(1).amax()).backward()\nx.grad",
    f"{TWO}{X}a, b = Two.apply(x)\n(a * b + a).sum().backward()\nx.grad",
    f"{TWO}{X}a, b = Two.apply(x)\n(b * b).sum().backward()\nx.grad",
    f"{X}values, places = x.sort()\n(values * values + values).sum().backward()\nx.grad",
    f"{X}(x[1:] * x[:2]).sum().backward()\nx.grad",
    f"{X}y = x.exp()\ntt.autograd.backward([y.sum(), (y * x).sum()])\nx.grad",
    f"{X}x.sum().backward()\n(x * x).sum().backward()\nx.grad",
    f"{W}v = w.mT\n((v @ w)[1:, :1] * v[1:]).sum().backward()\nw.grad",
    f"{X}y = x * 1.0\ny[1:].mul_(x[:2])\n(y * y).sum().backward()\nx.grad",
    "x = tt.zeros(0, 3, requires_grad=True)\n(x * x + x).sum().backward()\nx.grad",
]


def copies(seen):
    """How often an array was copied, and matrices multiplied."""
    return {"answer": "given", "cost.copies": seen.count("Copy"), "cost.products": seen.count("MatMul")}


def sweep_add(case):
    for code in SHARED:
        case(code)
    case(
        f"{X}y = x * 1.0\nw = tt.zeros(3, dtype=tt.float64, requires_grad=True)\n(x + w).backward(tt.ones(3).double())\nx.grad.mul_(10.0)\nw.grad"
    )
    case(f"{X}g = tt.ones(3).double()\n(x + 0.0).backward(g)\nx.grad.mul_(10.0)\ng")
    case(f"{X}y = x * x\n(y + y).sum().backward()\nx.grad")
    case(
        f"{X}(first,) = tt.autograd.grad((x ** 3).sum(), (x,), create_graph=True)\n(first * x).sum().backward()\nx.grad"
    )
    case(
        f"{X}w = tt.ones(3, dtype=tt.float64, requires_grad=True)\n(x * w).sum().backward()\nkept = w.grad\n(w * 2.0).sum().backward()\n(w.grad is kept, x.grad.tolist())"
    )
    case(f"{X}{COUNT}(x * x).sum().backward()\nseen", observe=copies)
    case(f"{X}{COUNT}(x + x).sum().backward()\nseen", observe=copies)
    case(f"{X}{COUNT}x.exp().sum().backward()\nseen", observe=copies)


def sweep_add_random(case, rng):
    some_gradients(case, rng, rng.choice(["", "create_graph=True"]))


def sweep_run(case):
    for code in SHARED:
        case(code)
    case(
        f"{X}seen = []\ny = x.exp()\ny.register_hook(lambda g: seen.append(g.tolist()))\n(y * 2.0 + y).sum().backward()\nseen"
    )
    case(f"{X}y = x.exp()\ny.register_hook(lambda g: g * 10.0)\ny.sum().backward()\nx.grad")
    case(f"{X}x.register_hook(lambda g: g * 10.0)\nx.sum().backward()\nx.grad")
    case(f"{X}(x * x).sum().backward()\n(x.grad.requires_grad, tt.is_grad_enabled())")
    case(
        f"{W}v = tt.ones(3, 2, requires_grad=True)\n(w @ v).sum().backward()\n(w.grad.requires_grad, v.grad.requires_grad, w.grad)"
    )
    case(
        f"{X}(first,) = tt.autograd.grad((x ** 3).sum(), (x,), create_graph=True)\nfirst.sum().backward()\n(x.grad, first.requires_grad)"
    )
    case(
        f"{X}w = tt.ones(3, dtype=tt.float64, requires_grad=True)\n(found,) = tt.autograd.grad((x * w.exp()).sum(), (x,))\n(found, w.grad)"
    )
    broken = "class Broken(Function):\n    @staticmethod\n    def forward(ctx, x):\n        return x * 1.0\n    @staticmethod\n    def backward(ctx, g):\n        raise KeyError('broken')\n"
    case(
        f"{broken}{X}try:\n    Broken.apply(x).sum().backward()\nexcept KeyError:\n    pass\ntt.is_grad_enabled()"
    )
    case(
        f"{X}with tt.no_grad():\n    pass\ny = (x * x).sum()\nwith tt.no_grad():\n    y.backward()\n    inside = tt.is_grad_enabled()\n(inside, tt.is_grad_enabled())"
    )
    case(f"{X}y = (x * x).sum()\ny.backward()\ny.backward()")
    case(f"{X}y = (x.exp() @ x).sum()\ny.backward(retain_graph=True)\ny.backward()\nx.grad")
    case(f"{X}y = (x.exp() @ x).sum()\ny.backward()\ny.backward()")
    case(
        f"{W}v = tt.ones(3, 2, requires_grad=True)\n{COUNT}tt.autograd.grad((w @ v).sum(), (w,))\nseen",
        observe=copies,
    )
    case(f"{X}y = x.exp()\ntt.autograd.grad((y * y).sum(), (y,))")
    case(
        f"{X}(x ** 3).sum().backward(create_graph=True)\n(x.grad.requires_grad, tt.autograd.grad(x.grad.sum(), (x,))[0].detach())"
    )


def sweep_run_random(case, rng):
    some_gradients(case, rng, rng.choice(["", "create_graph=True", "retain_graph=True"]))


def sweep_deliver(case):
    case(f"{X}x.sum().backward()\nx.grad")
    case(f"{X}(x * x).sum().backward()\n(x * 3.0).sum().backward()\nx.grad")
    case(
        f"{X}w = tt.zeros(3, dtype=tt.float64, requires_grad=True)\n((x + w) * 2.0).sum().backward()\nx.grad.mul_(10.0)\nw.grad"
    )
    case(f"{X}g = tt.ones(3).double()\n(x + 0.0).backward(g)\nx.grad.mul_(10.0)\ng")
    case(f"{X}x.sum().backward()\nkept = x.grad\n(x * x).sum().backward()\n(kept is x.grad, kept)")
    case(
        f"{X}x.sum().backward(create_graph=True)\n(x * x).sum().backward(create_graph=True)\n(x.grad.requires_grad, x.grad.detach())"
    )
    case(
        f"{X}y = (x ** 3).sum()\ny.backward(create_graph=True)\nkept = x.grad\n(x * x).sum().backward(create_graph=True)\n(kept is x.grad, kept.detach())"
    )
    case(
        f"{X}w = tt.zeros(3, dtype=tt.float64, requires_grad=True)\n(x + w).sum().backward()\n(x + w).sum().backward()\n(x.grad, w.grad)"
    )
    case(f"{X}x.sum().backward(inputs=[x])\nx.sum().backward(inputs=[x])\nx.grad")
    case(f"{X}{COUNT}(x * x).sum().backward()\nseen", observe=copies)
    case(f"{X}{COUNT}x.sum().backward(create_graph=True)\nseen", observe=copies)
    case(f"{X}{COUNT}(x * x).sum().backward(create_graph=True)\nseen", observe=copies)


def sweep_deliver_random(case, rng):
    lines, made = a_program(rng)
    loss = f"({made[-1]} + a * b).sum().backward({rng.choice(['', 'create_graph=True'])})"
    twice = f"{loss}\nkept = a.grad\n" + lines.split("\n", 1)[1]
    case(f"{lines}{twice}{loss}\n(kept is a.grad, a.grad.detach(), b.grad.detach(), kept.detach())")


def graph_unpack(case):
    case(f"{X}y = x.exp()\ny.sum().backward()\nx.grad")
    case(f"{X}y = x.exp()\ny.mul_(2.0)\ny.sum().backward()\nx.grad")
    case(f"{X}y = x * 1.0\nz = y * y\ny.add_(1.0)\nz.sum().backward()")
    case(f"{X}y = x * 1.0\nz = y * y\ny.add_(1.0)\ny.add_(1.0)\nz.sum().backward()")
    case(f"{X}y = x * 1.0\nz = y * y\ny.add_(0.0)\nz.sum().backward()")
    case(f"{X}y = x * 1.0\ny.add_(1.0)\nz = y * y\nz.sum().backward()\nx.grad")
    case(f"{X}y = x * 1.0\ny.add_(1.0)\nz = y * y\ny.add_(1.0)\nz.sum().backward()")
    case(f"{X}y = x * 1.0\nz = y @ y\ny[1:].mul_(2.0)\nz.backward()")
    case(f"{X}y = x * 1.0\nz = y + 2.0\ny.add_(1.0)\nz.sum().backward()\nx.grad")
    case(f"{X}y = x * 1.0\nz = y.exp()\nwith tt.no_grad():\n    z.add_(1.0)\nz.sum().backward()")
    case(f"{X}w = tt.ones(3).double()\nz = x * w\nw.zero_()\nz.sum().backward()")


def graph_unpack_random(case, rng):
    lines, made = a_program(rng)
    step = rng.choice(["add_(1.0)", "mul_(2.0)", "zero_()"])
    target = rng.choice([*made, "c"])
    code = f"{lines}loss = ({' + '.join(made)} + a * c).sum()\n"
    case(f"{code}with tt.no_grad():\n    {target}{rng.choice(['', '[1:]'])}.{step}\nloss.backward()\na.grad")


def graph_grad(case):
    grad = "tt.autograd.grad"
    w = "w = tt.ones(3, dtype=tt.float64, requires_grad=True)\n"
    case(f"{X}{grad}((x * x).sum(), (x,))")
    case(f"{X}{w}{grad}((x * w).sum(), (x, w))")
    case(f"{X}{grad}((x * x).sum(), (x,))\nx.grad")
    case(f"{X}{grad}(x * x, (x,), tt.tensor([1.0, 10.0, 100.0]).double())")
    case(f"{X}(first,) = {grad}((x ** 3).sum(), (x,), create_graph=True)\n{grad}(first.sum(), (x,))")
    case(f"{X}(first,) = {grad}((x ** 3).sum(), (x,))\nfirst.requires_grad")
    case(f"{X}y = x.exp()\n{grad}((y * y).sum(), (y,))")
    case(f"{X}y = x.exp()\n{grad}((y * x).sum(), (y, x, y))")
    case(f"{X}{w}{grad}(x.sum(), (x, w), allow_unused=True)")
    case(f"{X}{w}{grad}(x.sum(), (x, w))")
    case(f"{X}c = tt.ones(3)\n{grad}(x.sum(), (c,))")
    case(f"{X}y = (x * x).sum()\n{grad}(y, (x,))\n{grad}(y, (x,))")
    case(f"{X}y = (x * x).sum()\n{grad}(y, (x,), retain_graph=True)\n{grad}(y, (x,))")
    case(f"{X}y = (x * x).sum()\n{grad}(y, (x,), create_graph=True)\n{grad}(y, (x,))[0].detach()")
    case(f"{X}y = (x * x).sum()\n{grad}(y, (x,), create_graph=True, retain_graph=False)\n{grad}(y, (x,))")
    case(f"{X}{grad}([x.sum(), (x * x).sum()], (x,))")
    case(f"{X}{grad}(x * x, (x,))")
    case(f"{X}c = tt.ones(3)\n{grad}(x.sum(), (c,), allow_unused=True)")
    case(f"{X}type({grad}((x * x).sum(), (x,))).__name__")


def graph_grad_random(case, rng):
    lines, made = a_program(rng)
    wanted = ", ".join(rng.sample(["a", "b", *made], rng.randint(1, 2)))
    total = f"({made[-1]} * {made[-1]} + a.exp() * b).sum()"
    if rng.random() < 0.4:
        first = f"(first,) = tt.autograd.grad({total}, (a,), create_graph=True)\n"
        case(f"{lines}{first}tt.autograd.grad((first * first).sum(), (a, b), allow_unused=True)")
    else:
        unused = rng.choice(["", ", allow_unused=True"])
        case(f"{lines}found = tt.autograd.grad({total}, ({wanted},){unused})\n(found, a.grad, b.grad)")


CUBE = """class Cube(Function):
    calls = 0
    @staticmethod
    def forward(ctx, x, scale=1.0):
        Cube.calls += 1
        ctx.save_for_backward(x)
        ctx.scale = scale
        return scale * x * x * x
    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 3.0 * ctx.scale * x * x, None
"""


def function_apply(case):
    case(f"{CUBE}{X}y = Cube.apply(x)\ny.sum().backward()\nx.grad")
    case(
        f"{CUBE}{X}y = Cube.apply(x, 2.0)\n(y.grad_fn.name(), y.requires_grad, Cube.calls, y.grad_fn.next_functions[0][0].name())"
    )
    case(f"{CUBE}{X}a, b = Cube.apply(x), Cube.apply(x * 2.0, 10.0)\n(a + b).sum().backward()\nx.grad")
    case(f"{CUBE}{X}with tt.no_grad():\n    y = Cube.apply(x)\n(y.requires_grad, y.grad_fn is None)")
    case(f"{CUBE}y = Cube.apply(tt.ones(2))\n(y.requires_grad, y.grad_fn is None, y.tolist())")
    case(f"{TWO}{X}a, b = Two.apply(x)\n(a * b).sum().backward()\nx.grad")
    same = "class Same(Function):\n    @staticmethod\n    def forward(ctx, x):\n        return x\n    @staticmethod\n    def backward(ctx, g):\n        return g * 7.0\n"
    case(f"{same}{X}y = Same.apply(x)\ny.sum().backward()\n(y is x, x.grad)")
    marked = "class Marked(Function):\n    @staticmethod\n    def forward(ctx, x):\n        places = (x > 0.0).double()\n        ctx.mark_non_differentiable(places)\n        return x * 2.0, places\n    @staticmethod\n    def backward(ctx, g, h):\n        return g * 2.0\n"
    case(
        f"{marked}{X}y, places = Marked.apply(x)\n(y.requires_grad, places.requires_grad, places.grad_fn is None)"
    )
    mixed = "class Mixed(Function):\n    @staticmethod\n    def forward(ctx, power, x, y):\n        ctx.power = power\n        ctx.save_for_backward(x, y)\n        return x ** power * y\n    @staticmethod\n    def backward(ctx, g):\n        x, y = ctx.saved_tensors\n        return None, g * ctx.power * x ** (ctx.power - 1) * y, (g * x ** ctx.power if ctx.needs_input_grad[2] else None)\n"
    case(f"{mixed}{X}Mixed.apply(3, x, tt.ones(3).double()).sum().backward()\nx.grad")
    case(
        f"{mixed}{X}w = tt.ones(3, dtype=tt.float64, requires_grad=True)\nMixed.apply(2, x, w).sum().backward()\n(x.grad, w.grad)"
    )
    text = "class Told(Function):\n    @staticmethod\n    def forward(ctx, x):\n        return x * 2.0, 'twice'\n    @staticmethod\n    def backward(ctx, g):\n        return g * 2.0\n"
    case(f"{text}{X}y, told = Told.apply(x)\ny.sum().backward()\n(told, x.grad)")
    case(f"{TWO}{X}type(Two.apply(x)).__name__")
    dirty = "class Dirty(Function):\n    @staticmethod\n    def forward(ctx, x):\n        x.add_(1.0)\n        ctx.mark_dirty(x)\n        return x\n    @staticmethod\n    def backward(ctx, g):\n        return g * 5.0\n"
    case(f"{dirty}{X}y = x * 1.0\nz = Dirty.apply(y)\nz.sum().backward()\n(z is y, x.grad)")
    both = "class Both(Function):\n    @staticmethod\n    def forward(ctx, x):\n        return x, x * 2.0\n    @staticmethod\n    def backward(ctx, g, h):\n        return g * 7.0 + h * 2.0\n"
    case(f"{both}{X}y, z = Both.apply(x)\n(y + z).sum().backward()\n(y is x, x.grad)")


def function_apply_random(case, rng):
    lines, made = a_program(rng, steps=4)
    x = rng.choice([*made, "a", "b", "c"])
    expr = rng.choice(
        [f"Cube.apply({x})", f"Cube.apply({x}, 0.5) + Cube.apply(b)", f"Cube.apply(Cube.apply({x}) * 0.1)"]
    )
    case(f"{CUBE}{lines}((({expr}) + a * b) * c).sum().backward()\n(Cube.calls, a.grad, b.grad)")


NAMES = (np, observing, sum_to_size, consumers_first)
