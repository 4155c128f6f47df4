"""What is observed of each exercise of module 04: a gradient beside the slope of the learner's own forward."""

import numpy as np

import tinytorch as tt
from tinytorch.autograd import Function, gradcheck
from tinytorch.autograd.gradcheck import slope
from tinytorch.ops import MATMUL, Slice
from tinytorch_course.inputs import narrower, some_shape, some_tensor

X = "tt.tensor([[0.5, -0.9, 1.2], [-1.6, 0.3, 2.1]], dtype=tt.float64)"
Y = "tt.tensor([[1.3, 0.7, -2.2], [0.8, -1.4, 0.6]], dtype=tt.float64)"
G = "tt.tensor([[0.6, -0.4, 1.5], [0.9, 1.1, -0.7]], dtype=tt.float64)"
BLOCK = "(tt.arange(24, dtype=tt.float64) * 0.37 - 4.1).sin().reshape(2, 3, 4)"
STEP = 1e-3


def numerical(expr, tensors, name, g):
    """The slope of sum(g * expr) for each element of one input, by central differences, in NumPy's arithmetic."""
    values = {each: x.detach().numpy().copy() for each, x in tensors.items()}

    def total():
        with tt.no_grad():
            out = eval(
                expr, {"tt": tt, "Slice": Slice} | {each: tt.tensor(value) for each, value in values.items()}
            )
        return float((out.numpy() * g.numpy()).sum())

    found, moving = np.zeros(values[name].shape), values[name]
    for place in np.ndindex(moving.shape):
        kept = moving[place]
        moving[place] = kept + 1e-6
        above = total()
        moving[place] = kept - 1e-6
        found[place] = (above - total()) / 2e-6
        moving[place] = kept
    return np.round(found, 7)


def gradients(case, expr, g, smooth=True, **inputs):
    """A case that asks for the gradients of an expression, and holds each against the slope."""
    lines = [f"{name} = {text}.requires_grad_()" for name, text in inputs.items()]
    names = ", ".join(inputs) + ("," if len(inputs) == 1 else "")
    code = "\n".join([*lines, f"g = {g}", f"tt.autograd.grad({expr}, ({names}), g)"])

    def slopes():
        space = {"tt": tt}
        tensors = {name: eval(text, space) for name, text in inputs.items()}
        return {name: numerical(expr, tensors, name, eval(g, space)) for name in tensors}

    def observe(found):
        seen = {f"gradient for {name}": found[i] for i, name in enumerate(inputs)}
        return seen | ({f"_slope for {name}": each for name, each in slopes().items()} if smooth else {})

    def nudge(found):
        apart = {
            name: np.abs(found[i].numpy() - each)
            for (i, name), each in zip(enumerate(inputs), slopes().values(), strict=True)
        }
        name = next((name for name, each in apart.items() if each.max() > 1e-5), next(iter(apart)))
        place = tuple(int(i) for i in np.unravel_index(apart[name].argmax(), apart[name].shape))
        moved, told = slopes()[name][place] * STEP, found[list(inputs).index(name)].numpy()[place] * STEP
        return f"nudge {name}{list(place)} by +0.001: sum(g * out) moves by {moved:+.6f}; yours predicts {told:+.6f}"

    against = {f"gradient for {name}": f"_slope for {name}" for name in inputs} if smooth else {}
    words = "slope of your own forward"
    labels = {f"_slope for {name}": f"{words} in {name}" if len(inputs) > 1 else words for name in inputs}
    case(code, observe=observe, against=against, labels=labels, note=nudge if smooth else None)


def double(rng, shape):
    """A tensor of halves in double precision, as text."""
    return some_tensor(rng, shape, "/ 2.0", ".double()")


def random_gradients(case, rng, expr, out, **shapes):
    """A case of random inputs of some shapes; what comes in at the result is random too."""
    inputs = {name: double(rng, shape) for name, shape in shapes.items()}
    gradients(case, expr, double(rng, out), smooth=False, **inputs)


def folded(rng, shape):
    """Some axes, whether they are kept, and the shape that is left."""
    axes, keep = tuple(axis for axis in range(len(shape)) if rng.random() < 0.5), rng.random() < 0.5
    left = tuple(1 if i in axes else size for i, size in enumerate(shape) if keep or i not in axes)
    return f"{axes}, keepdim={keep}", left if axes else (1,) * len(shape) if keep else ()


def corners(case, line, *inputs, g="tt.ones_like(out) * 3.0"):
    """Gradients where there is nothing to nudge, with axes of size 0 and 1: shapes and values."""
    made = [f"x{i} = {text}.requires_grad_()" for i, text in enumerate(inputs)]
    names = "".join(f"x{i}, " for i in range(len(inputs)))
    code = "\n".join([*made, f"out = {line}", f"tt.autograd.grad(out, ({names}), {g})"])
    case(code, observe=lambda found: {f"gradient for x{i}": each for i, each in enumerate(found)})


def gradcheck_slope(case):
    def seen(found):
        result, x = found
        return {"slopes": np.round(result, 3), "x afterwards": x.detach()}

    one = "x = tt.tensor([0.5, -1.0, 2.0], dtype=tt.float64)\n"
    case(
        f"{one}g = tt.tensor([1.0, 1.0, 1.0], dtype=tt.float64)\n(slope(lambda: x * 3.0, x, g, 0.01), x)",
        observe=seen,
    )
    case(
        f"{one}g = tt.tensor([0.5, -2.0, 4.0], dtype=tt.float64)\n(slope(lambda: x * x, x, g, 0.01), x)",
        observe=seen,
    )
    case(
        f"{one}g = tt.tensor([0.5, -2.0, 4.0], dtype=tt.float64)\n(slope(lambda: x * x * x, x, g, 0.5), x)",
        observe=seen,
    )
    case(
        f"x = {X}\ng = tt.tensor(2.0, dtype=tt.float64)\n(slope(lambda: (x * x.flip(1)).sum(), x, g, 0.1), x)",
        observe=seen,
    )
    case(
        f"x = {X}.requires_grad_()\ng = tt.tensor([1.0, -3.0], dtype=tt.float64)\n(slope(lambda: x.exp().sum(1), x, g, 0.01), x)",
        observe=seen,
    )
    case("x = tt.tensor(1.5)\ng = tt.tensor(1.0)\n(slope(lambda: x * x, x, g, 0.25), x)", observe=seen)
    case("x = tt.zeros(0, 3, dtype=tt.float64)\n(slope(lambda: x * 2.0, x, x, 0.1), x)", observe=seen)
    case(
        f"base = {X}\nx = base.mT[1:]\ng = tt.tensor([[1.0, -3.0], [0.5, 2.0]], dtype=tt.float64)\n"
        "(slope(lambda: x * x * 0.5, x, g, 0.25), base)",
        observe=seen,
    )
    case(
        f"{one}g = tt.tensor([0.5, -2.0, 4.0], dtype=tt.float64)\n(slope(lambda: x * x, x, g, 1e-6), x)",
        observe=lambda found: {"slopes": np.round(found[0], 5), "x afterwards": found[1]},
    )


def gradcheck_slope_random(case, rng):
    x, g = double(rng, (3, 2)), double(rng, (3, 2))
    expr, step = rng.choice(["x * x", "x * x * x", "x * 3.0", "x * x.flip(0)"]), rng.choice([0.5, 0.25, 0.01])
    case(
        f"x = {x}.clone()\ng = {g}\n(slope(lambda: {expr}, x, g, {step}), x)",
        observe=lambda found: {"slopes": found[0], "x afterwards": found[1]},
    )


RULE = """class Rule(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x
    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return {}
"""


def gradcheck_gradcheck(case):
    x, y = f"x = {X}.requires_grad_()\n", f"y = {Y}.requires_grad_()\n"
    quiet = "raise_exception=False"
    case(f"{x}gradcheck(lambda x: x.exp() * x, (x,))")
    case(f"{RULE.format('g * x')}{x}gradcheck(Rule.apply, (x,), {quiet})")
    case(f"{RULE.format('g * x')}{x}gradcheck(Rule.apply, (x,))")
    case(f"{RULE.format('2.0 * x')}{x}gradcheck(Rule.apply, (x,), {quiet})")
    case(f"{RULE.format('g * 2.0 * x')}{x}gradcheck(Rule.apply, x)")
    case(f"{x}{y}gradcheck(lambda x, y: x / y, (x, y))")
    case(f"{RULE.format('g')}{x}{y}gradcheck(lambda x, y: x * Rule.apply(y), (x, y), {quiet})")
    case(f"{RULE.format('g')}{x}gradcheck(lambda x: (x * 2.0, Rule.apply(x)), (x,), {quiet})")
    case(f"{x}{y}gradcheck(lambda x, y: x * 3.0, (x, y))")
    case(f"{RULE.format('(g * 2.0 * x).flip(1)')}{x}gradcheck(Rule.apply, (x,), {quiet})")
    case(f"{RULE.format('g * 2.0 * x + 0.01')}{x}gradcheck(Rule.apply, (x,), {quiet})")
    case(f"{RULE.format('g * 2.0 * x + 0.01')}{x}gradcheck(Rule.apply, (x,), {quiet}, atol=0.1)")
    case(f"{RULE.format('g * 2.1 * x')}{x}gradcheck(Rule.apply, (x,), {quiet}, rtol=0.1)")
    case(f"{x}gradcheck(lambda x: x * x * x, (x,), {quiet}, eps=0.5)")
    case(f"{x}c = {Y}\ngradcheck(lambda x, c: x * c, (x, c))")
    case(f"{x}gradcheck(lambda x: ((x > 0.0), x * x), (x,))")
    case(f"{x}def two(x):\n    h = x * x\n    return h * 2.0, h.exp()\ngradcheck(two, (x,))")
    case(f"{RULE.format('g.flip(1) * 2.0 * x')}{x}gradcheck(Rule.apply, (x,), {quiet})")
    case(f"{RULE.format('g * 2.9 * x')}{x}gradcheck(Rule.apply, (x,), {quiet}, rtol=0.4)")
    case(f"{x}gradcheck(lambda x: x * float('nan'), (x,), {quiet})")
    case(f"{x}gradcheck(lambda x: x * x, (x,))\nx.detach()", observe=lambda found: {"x afterwards": found})


def gradcheck_gradcheck_random(case, rng):
    rule = rng.choice(
        ["g * 2.0 * x", "2.0 * x", "g * x", "g * 2.0 * x + 0.5", "g.flip(0) * 2.0 * x", "g * 2.0 * x.flip(0)"]
    )
    start = rng.randint(-9, 9) / 4
    x = f"(tt.arange(5, dtype=tt.float64) * 0.75 + {start}).requires_grad_()"
    inside = rng.choice(["Rule.apply(x)", "x * Rule.apply(x)", "(x * 2.0, Rule.apply(x))"])
    case(f"{RULE.format(rule)}x = {x}\ngradcheck(lambda x: {inside}, (x,), raise_exception=False)")


def mul_grad(case):
    gradients(case, "x * y", G, x=X, y=Y)
    gradients(case, "x * y", G, x=X, y=f"{Y}[:, :1]")
    gradients(case, "x * x", G, x=X)
    gradients(case, "x.mT * y", f"{G}.mT", x=X, y=f"{Y}[0].reshape(3, 1)")
    gradients(case, "x * (y * y)", G, x=X, y=Y)
    corners(case, "x0 * x1", "tt.ones(0, 3)", "tt.ones(1, 3)")
    corners(case, "x0 * x1", "tt.full((2, 1), 5.0)", "tt.full((1, 1), 7.0)")


def mul_grad_random(case, rng):
    shape = some_shape(rng, axes=3)
    random_gradients(
        case, rng, rng.choice(["x * y", "y * x", "x * (y * y)"]), shape, x=shape, y=narrower(rng, shape)
    )


def div_grad(case):
    gradients(case, "x / y", G, x=X, y=Y)
    gradients(case, "x / y", G, x=X, y=f"{Y}[1:]")
    gradients(case, "1.5 / y", G, y=Y)
    gradients(case, "x / y.flip(0)", G, x=X, y=Y)
    gradients(case, "x.mT[1:] / y.mT[:2]", f"{G}.mT[:2]", x=X, y=Y)
    corners(case, "x0 / x1", "tt.ones(1, 3)", "tt.full((0, 1), 2.0)")
    corners(case, "x0 / x1", "tt.full((2, 1), 6.0)", "tt.full((1, 1), 2.0)")


def div_grad_random(case, rng):
    shape = some_shape(rng, axes=3)
    random_gradients(case, rng, "x / (y * y + 0.5)", shape, x=shape, y=narrower(rng, shape))


def tanh_grad(case):
    gradients(
        case,
        "x.tanh()",
        "tt.tensor([0.6, -1.4], dtype=tt.float64)",
        x="tt.tensor([0.5, -0.9], dtype=tt.float64)",
    )
    gradients(case, "x.tanh()", G, x=X)
    gradients(case, "x.mT[1:].tanh()", f"{G}.mT[1:]", x=X)
    gradients(case, "(x * 2.0).tanh().tanh()", G, x=X)
    corners(case, "x0.tanh()", "tt.ones(0, 3)")
    corners(case, "x0.tanh()", "tt.full((1, 1), 0.5)")


def tanh_grad_random(case, rng):
    shape = some_shape(rng, axes=3)
    random_gradients(case, rng, rng.choice(["x.tanh()", "(x * 0.5).tanh()"]), shape, x=shape)


def maximum_grad(case):
    gradients(case, "x.maximum(y)", G, x=X, y=Y)
    gradients(case, "x.maximum(y)", G, x=X, y=f"{Y}[:, :1]")
    tied = "tt.tensor([[0.5, 0.0, 1.2], [0.8, 0.3, 0.6]], dtype=tt.float64)"
    gradients(case, "x.maximum(y)", G, smooth=False, x=X, y=tied)
    gradients(case, "x.maximum(x * 1.0)", G, smooth=False, x=X)
    odd = "tt.tensor([[float('nan'), 0.0, 3.0], [1.0, 0.3, 0.6]], dtype=tt.float64)"
    gradients(case, "x.maximum(y)", G, smooth=False, x=X, y=odd)
    gradients(case, "y.maximum(x)", G, smooth=False, x=X, y=odd)
    gradients(case, "x.mT[1:].maximum(y.mT[:2])", f"{G}.mT[:2]", x=X, y=Y)
    corners(case, "x0.maximum(x1)", "tt.ones(0, 3)", "tt.ones(1, 3)")
    corners(case, "x0.maximum(x1)", "tt.full((2, 1), 5.0)", "tt.full((1, 1), 5.0)")


def maximum_grad_random(case, rng):
    shape = some_shape(rng, axes=3)
    random_gradients(
        case, rng, rng.choice(["x.maximum(y)", "y.maximum(x)"]), shape, x=shape, y=narrower(rng, shape)
    )


def sum_grad(case):
    gradients(case, "x.sum()", "tt.tensor(1.5, dtype=tt.float64)", x=X)
    gradients(case, "x.sum(0)", f"{G}[0]", x=X)
    gradients(case, "x.sum(1)", f"{G}[:, 0]", x=X)
    gradients(case, "x.sum(1, keepdim=True)", f"{G}[:, :1]", x=X)
    gradients(case, "x.sum((0, 2))", f"{G}[0]", x=BLOCK)
    gradients(case, "x.permute(2, 0, 1).sum(1)", f"{BLOCK}[0].mT", x=BLOCK)
    gradients(case, "(x[0, :, :3] * x[1, :, :3]).sum(1)", f"{G}[0]", x=BLOCK)
    corners(case, "x0.sum(0)", "tt.ones(0, 3)")
    corners(case, "x0.sum(1)", "tt.ones(2, 1, 3)")
    corners(case, "x0.sum((0, 1), keepdim=True)", "tt.ones(1, 4)")
    both = f"x = {X}.requires_grad_()\ny = tt.zeros(2, 3, dtype=tt.float64, requires_grad=True)\n"
    case(f"{both}(x.sum(1) + y.sum(1)).sum().backward()\nx.grad[0].mul_(10.0)\n(x.grad, y.grad)")


def sum_grad_random(case, rng):
    shape = some_shape(rng, axes=3)
    how, left = folded(rng, shape)
    random_gradients(case, rng, f"x.sum({how})", left, x=shape)


def extreme_grad(case):
    gradients(case, "x.amax(1)", f"{G}[:, 0]", x=X)
    gradients(case, "x.amin(0)", f"{G}[0]", x=X)
    gradients(case, "x.amax(1, keepdim=True)", f"{G}[:, :1]", x=X)
    gradients(case, "x.amax((0, 2))", f"{G}[0]", x=BLOCK)
    gradients(case, "x.permute(2, 0, 1).amin(2)", f"{BLOCK}[:, 0].mT", x=BLOCK)
    tied = "tt.tensor([[2.0, 2.0, 1.0], [0.0, 3.0, 0.5], [1.0, 1.0, 1.0]], dtype=tt.float64)"
    gradients(case, "x.amax(1)", "tt.tensor([0.6, -0.4, 1.5], dtype=tt.float64)", smooth=False, x=tied)
    gradients(case, "x.amax()", "tt.tensor(0.9, dtype=tt.float64)", smooth=False, x=f"{tied}[:, 2:]")
    gradients(case, "x.mT[1:].amin(1)", f"{G}[0, :2]", smooth=False, x=tied)
    corners(case, "x0.amax(1)", "tt.ones(0, 3)")
    corners(case, "x0.amin(1)", "tt.tensor([[[2.0, 5.0]], [[7.0, 1.0]]])")


def extreme_grad_random(case, rng):
    shape = some_shape(rng, least=1, axes=3)
    how, left = folded(rng, shape)
    random_gradients(case, rng, f"x.{rng.choice(['amax', 'amin'])}({how})", left, x=shape)


def matmul_grad(case):
    gradients(case, "x @ y", f"{BLOCK}[0, :2]", x=X, y=f"{BLOCK}[1]")
    gradients(case, "x @ y", f"{BLOCK}[1, :, :2]", x=BLOCK + "[0]", y=f"{BLOCK}[1].mT[:, :2]")
    gradients(case, "x @ y", f"{BLOCK}[:, :2]", x=f"{BLOCK}[:, :2, 1:]", y=f"{BLOCK}[1]")
    gradients(case, "x @ y.mT", f"{BLOCK}[:, :, :2]", x=BLOCK, y=f"{BLOCK}[:, :2]")
    gradients(case, "x @ y", "tt.tensor([0.6, -0.4], dtype=tt.float64)", x=X, y=f"{Y}[0]")
    fixed = f"x = {X}.requires_grad_()\ny = {BLOCK}[1]\ntt.autograd.grad((x @ y).sum(), (x,))[0]"
    case(fixed, observe=lambda found: {"gradient for x": found})
    other = f"x = {X}\ny = {BLOCK}[1].requires_grad_()\ntt.autograd.grad((x @ y).sum(), (y,))[0]"
    case(other, observe=lambda found: {"gradient for y": found})
    square = "tt.tensor([[0.6, -0.4], [1.5, 0.9]], dtype=tt.float64)"
    gradients(
        case,
        "x @ y",
        square,
        x="tt.tensor([[1.3, 0.7], [-2.2, 0.8]], dtype=tt.float64)",
        y="tt.tensor([[0.5, -0.9], [1.2, -1.6]], dtype=tt.float64)",
    )
    turned = f"{BLOCK}.permute(2, 0, 1)[:, :, :2].cos()"
    gradients(case, "x.permute(2, 0, 1) @ y.mT", turned, x=BLOCK, y=f"{BLOCK}[0, :2, :3]")
    corners(case, "x0 @ x1", "tt.ones(2, 0)", "tt.ones(0, 4)")
    corners(case, "x0 @ x1", "tt.ones(0, 3)", "tt.ones(3, 4)")
    corners(case, "x0 @ x1", "tt.full((5, 1, 2), 3.0)", "tt.full((1, 2, 4), 0.5)")


def matmul_grad_random(case, rng):
    batch = some_shape(rng, axes=2)
    rows, inner, columns = (rng.choice([0, 1, 2, 3, 4]) for _ in range(3))
    x, y = (*batch, rows, inner), (*narrower(rng, batch), inner, columns)
    random_gradients(case, rng, "x @ y", (*batch, rows, columns), x=x, y=y)


def permute_grad(case):
    gradients(case, "x.permute(1, 0)", f"{G}.mT", x=X)
    gradients(case, "x.permute(2, 0, 1)", f"{BLOCK}.permute(2, 0, 1).cos()", x=BLOCK)
    gradients(case, "x.permute(1, 2, 0)", f"{BLOCK}.permute(1, 2, 0).cos()", x=BLOCK)
    cube = f"{BLOCK}[:, :2, :2]"
    gradients(case, "x.permute(2, 0, 1)", f"{cube}.cos()", x=cube)
    gradients(case, "x.permute(0, 2, 1)", f"{cube}.cos()", x=cube)
    corners(case, "x0.permute(2, 0, 1)", "tt.ones(0, 3, 1)")
    corners(case, "x0.permute(1, 2, 0)", "tt.ones(1, 2, 3)", g="tt.arange(6.0).reshape(2, 3, 1)")


def permute_grad_random(case, rng):
    shape = some_shape(rng)
    axes = tuple(rng.sample(range(len(shape)), len(shape)))
    random_gradients(case, rng, f"x.permute({axes})", tuple(shape[axis] for axis in axes), x=shape)


def slice_grad(case):
    gradients(case, "x.narrow(0, 1, 1)", f"{G}[1:]", x=X)
    gradients(case, "x.narrow(1, 0, 2)", f"{G}[:, :2]", x=X)
    gradients(case, "x.apply(Slice(1, 0, 3, 2), x)", f"{G}[:, ::2]", x=X)
    gradients(case, "x.apply(Slice(1, 1, 3, 2), x)", f"{BLOCK}[:, 1::2].cos()", x=BLOCK)
    gradients(case, "x.permute(2, 0, 1).narrow(0, 1, 2)", f"{BLOCK}.permute(2, 0, 1)[1:3].cos()", x=BLOCK)
    gradients(case, "x.apply(Slice(2, 1, 4, 2), x)", f"{BLOCK}[:, :, 1:4:2].cos()", x=BLOCK)
    gradients(case, "x.narrow(1, 1, 2) * x.narrow(1, 0, 2)", f"{G}[:, :2]", x=X)
    corners(case, "x0.narrow(1, 1, 0)", "tt.ones(2, 3)")
    corners(case, "x0.narrow(0, 0, 1)", "tt.ones(1, 3)")


def slice_grad_random(case, rng):
    shape = some_shape(rng, axes=3) or (4,)
    axis, step = rng.randrange(len(shape)), rng.randint(1, 3)
    start = rng.randint(0, shape[axis])
    stop = rng.randint(start, shape[axis])
    left = tuple(len(range(start, stop, step)) if i == axis else size for i, size in enumerate(shape))
    random_gradients(case, rng, f"x.apply(Slice({axis}, {start}, {stop}, {step}), x)", left, x=shape)


def indexselect_grad(case):
    rows = "tt.tensor([2, 0])"
    table = f"{BLOCK}[0]"
    gradients(case, f"table.index_select(0, {rows})", f"{BLOCK}[1, :2]", table=table)
    gradients(case, "table.index_select(0, tt.tensor([1, 1, 0]))", f"{BLOCK}[1]", table=table)
    gradients(case, "table[tt.tensor([2, 2, 2])]", f"{BLOCK}[1]", table=table)
    gradients(case, "table.index_select(1, tt.tensor([3, 0, 3, 1]))", f"{BLOCK}[1]", table=table)
    gradients(case, "table[tt.tensor([[1, 0], [1, 2]])]", f"{BLOCK}[:, :2].cos()", table=table)
    corners(case, "x0[tt.tensor([1, 1])[:0]]", "tt.ones(2, 3)")
    corners(case, "x0[tt.tensor([0, 0, 0])]", "tt.ones(1, 2)")


def indexselect_grad_random(case, rng):
    shape = some_shape(rng, least=1, axes=3) or (4,)
    axis, count = rng.randrange(len(shape)), rng.randint(0, 5)
    places = [rng.randrange(shape[axis]) for _ in range(count)]
    left = tuple(count if i == axis else size for i, size in enumerate(shape))
    index = f"tt.tensor({places}, dtype=tt.int64)"
    random_gradients(case, rng, f"table.index_select({axis}, {index})", left, table=shape)


def matmul_flops(case):
    for pair in [
        "tt.ones(2, 3), tt.ones(3, 5)",
        "tt.ones(7, 2), tt.ones(2, 4)",
        "tt.ones(2, 3, 4), tt.ones(2, 4, 5)",
        "tt.ones(6, 2, 3, 4), tt.ones(4, 5)",
        "tt.ones(3, 0), tt.ones(0, 2)",
        "tt.ones(1, 4), tt.ones(4, 1)",
        "tt.ones(5, 2, 3).mT, tt.ones(1, 2, 4).expand(5, 2, 4)",
    ]:
        case(f"x, y = {pair}\nMATMUL.flops(x @ y, x, y)")


def matmul_flops_random(case, rng):
    batch = some_shape(rng, axes=2)
    rows, inner, columns = (rng.randint(0, 9) for _ in range(3))
    x, y = (*batch, rows, inner), (*narrower(rng, batch), inner, columns)
    case(f"x, y = tt.ones({x}), tt.ones({y})\nMATMUL.flops(x @ y, x, y)")


NAMES = (Function, gradcheck, slope, MATMUL)
