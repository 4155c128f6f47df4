"""What is observed of each exercise of module 02: values, types, and what was copied on the way."""

import tracemalloc

import numpy as np

import tinytorch as tt
from tinytorch.devices.cpu import FUNCTIONS, Functions
from tinytorch.devices.interface import backend
from tinytorch.devices.loops import offsets
from tinytorch.layout import Layout
from tinytorch_course.inputs import narrower, seen_through, some_layout, some_shape, some_tensor

PAIR = "x = tt.tensor([[1.0, -2.0, 3.0], [4.0, 5.5, -6.0]], device='loops')"
BLOCK = "x = (tt.arange(24.0).reshape(2, 3, 4) - 11.5).to('loops')"


def numbers(x):
    """Shape, type and values of a tensor, or of an array of a device."""
    x = x if isinstance(x, tt.Tensor) else tt.Tensor(x)
    return {"shape": tuple(x.shape), "dtype": x.dtype.name, "values": x.tolist()}


def positions(found):
    """The cells, in the order of the walk."""
    found = list(found)
    return {"number of positions": len(found), "positions": found[:24], "last": found[-1:]}


def product(rng, convert, then=""):
    """Two tensors that can be multiplied, as lines."""
    batch = some_shape(rng, axes=2)
    rows, inner, columns = (rng.choice([0, 1, 2, 3, 4]) for _ in range(3))
    x = some_tensor(rng, (*narrower(rng, batch), rows, inner), convert, then)
    y = some_tensor(rng, (*narrower(rng, batch), inner, columns), convert, then)
    return f"x = {x}\ny = {y}\n"


def some_expression(rng, depth=3):
    """An expression of up to three inputs."""
    if depth == 0 or rng.random() < 0.2:
        return rng.randint(0, 2)
    if rng.random() < 0.2:
        return ("neg", some_expression(rng, depth - 1))
    name = rng.choice(["add", "sub", "mul", "maximum"])
    second = ("const", "0.75") if rng.random() < 0.1 else some_expression(rng, depth - 1)
    return (name, some_expression(rng, depth - 1), second)


def loops_offsets(case):
    for layout in [
        "(2, 3), (3, 1)", "(3, 2), (1, 3)", "(2, 3), (6, 2), 4", "(4,), (-1,), 3", "(2, 3), (0, 1)",
        "(2, 2, 3), (1, 12, 2), 1", "(), (), 5", "(2, 0, 3), (3, 3, 1), 2", "(1, 3), (9, 1)",
    ]:  # fmt: skip
        case(f"offsets(Layout({layout}))", observe=positions)
    case("offsets(Layout((40, 50), (1, 40)))", observe=positions)


def loops_offsets_random(case, rng):
    case(f"offsets({some_layout(rng, some_shape(rng))})", observe=positions)


def loops_map(case):
    case(f"{PAIR}\nx * x", observe=numbers)
    case(
        f"{PAIR}\ny = tt.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], device='loops')\nx.mT - y",
        observe=numbers,
    )
    case(f"{PAIR}\nx + tt.tensor([10.0, 20.0, 30.0], device='loops')", observe=numbers)
    case(f"{PAIR}\ntt.tensor([10.0, 20.0, 30.0], device='loops') / x", observe=numbers)
    case(f"{PAIR}\nx[:, :1] * x[1]", observe=numbers)
    case(f"{PAIR}\nx[:, 1:] - x[:, :2]", observe=numbers)
    case(f"{PAIR}\nx > x.flip(1)", observe=numbers)
    case(f"{PAIR}\ntt.where(x > 0.0, x, x * 10.0)", observe=numbers)
    case(f"{PAIR}\nx[0, 1] + x[1, 1]", observe=numbers)
    case(f"{PAIR}\nx[:0] * x[:0]", observe=numbers)
    case(f"{PAIR}\nx.mT.exp()", observe=numbers)
    case(f"{PAIR}\nbackend('loops').map(0, x[:, ::2].array)", observe=numbers)
    compound = "('add', 0, ('mul', 1, ('exp', 0)))"
    case(f"{PAIR}\nbackend('loops').map({compound}, x.array, x[1].array)", observe=numbers)
    case(
        f"{PAIR}\ny = tt.zeros(3, 4, device='loops')\n"
        "backend('loops').map(('neg', 0), x[0].array, out=y[:, 2].array)\ny",
        observe=numbers,
    )


def loops_map_random(case, rng):
    shape = some_shape(rng, axes=3)
    x, y = (some_tensor(rng, each, then=".to('loops')") for each in (shape, narrower(rng, shape)))
    expr = rng.choice(
        ["x + y", "y - x", "x * y", "x > y", "x.maximum(y)", "tt.where(y > 0.0, x, y)", "(x - y).exp()"]
    )
    case(f"x = {x}\ny = {y}\n{expr}", observe=numbers)


def loops_reduce(case):
    reduce = "backend('loops').reduce"
    case(f"{PAIR}\n{reduce}('add', x.array, (1,))", observe=numbers)
    case(f"{PAIR}\n{reduce}('add', x.array, (0,))", observe=numbers)
    case(f"{PAIR}\n{reduce}('maximum', x[:, 1:2].array, (0, 1))", observe=numbers)
    case(f"{PAIR}\n{reduce}('maximum', (x - 9.0).array, (1,))", observe=numbers)
    case(f"{PAIR}\n{reduce}('multiply', x.array, (0,))", observe=numbers)
    case(f"{PAIR}\n{reduce}('minimum', (x + 9.0).mT.array, (0,))", observe=numbers)
    case(f"{BLOCK}\n{reduce}('add', x.permute(2, 0, 1).array, (1,))", observe=numbers)
    case(f"{BLOCK}\n{reduce}('add', x.array, (0, 2))", observe=numbers)
    case(f"{BLOCK}\n{reduce}('add', x[:, 1].array, (1,))", observe=numbers)
    case(f"{BLOCK}\n{reduce}('add', x[:, :1].expand(2, 5, 4).array, (1,))", observe=numbers)
    case(f"{BLOCK}\n{reduce}('add', x[:, :0].array, (1,))", observe=numbers)
    case(f"{BLOCK}\n{reduce}('multiply', x[:, :0].array, (1, 2))", observe=numbers)
    case(f"{BLOCK}\n{reduce}('add', x.array, ())", observe=numbers)
    case("backend('loops').reduce('add', tt.tensor([7, 8], device='loops').array, (0,))", observe=numbers)


def loops_reduce_random(case, rng):
    shape, name = some_shape(rng, least=1), rng.choice(["add", "add", "maximum", "minimum", "multiply"])
    axes = tuple(axis for axis in range(len(shape)) if rng.random() < 0.5)
    x = some_tensor(rng, shape, then=".to('loops')")
    case(f"x = {x}\nbackend('loops').reduce('{name}', x.array, {axes})", observe=numbers)


def loops_matmul(case):
    case(f"{PAIR}\ny = tt.arange(12.0).reshape(3, 4).to('loops')\nx @ y", observe=numbers)
    case(f"{PAIR}\ny = tt.arange(8.0).reshape(2, 4).to('loops')\nx.mT @ y", observe=numbers)
    case(f"{PAIR}\ny = tt.arange(12.0).reshape(4, 3).to('loops')\nx @ y.mT", observe=numbers)
    case(f"{BLOCK}\nx[0, :, 1:] @ x[1, :, 1:].mT", observe=numbers)
    case(f"{BLOCK}\nx @ x[:, :2].mT", observe=numbers)
    case(f"{BLOCK}\nx @ x[0, :2].mT", observe=numbers)
    case(f"{BLOCK}\nx[:, None, :1] @ x.reshape(3, 4, 2)", observe=numbers)
    case(f"{BLOCK}\nx[:, :, :0] @ x[:, :0, :2]", observe=numbers)
    case(
        "tt.tensor([[1, 2]], device='loops') @ tt.tensor([[3, 4, 5], [6, 7, 8]], device='loops')",
        observe=numbers,
    )


def loops_matmul_random(case, rng):
    case(product(rng, "/ 2.0", ".to('loops')") + "x @ y", observe=numbers)


def viewed(x):
    """NumPy's view of a tensor, and whether writing through it reaches the tensor's own memory."""
    host = x.array.device.strided(x.array)
    seen = {"shape": host.shape, "dtype": str(host.dtype)}
    if not inside(host):  # what lies there is different every time
        return seen | {"values": "of memory that is not the tensor's"}
    seen["values"] = host.tolist()
    if host.size:
        seen["sharing of memory"] = bool(np.shares_memory(host, x.array.storage.buffer))
    return seen


def inside(host):
    """Whether an array lies in the memory that it was made from."""
    owner = host
    while getattr(owner, "base", None) is not None:
        owner = owner.base
    (low, high), (first, last) = map(np.lib.array_utils.byte_bounds, (host, owner))
    return host.size == 0 or (first <= low and high <= last)


def cpu_strided(case):
    case("x = tt.arange(6.0).reshape(2, 3)\nx", observe=viewed)
    case("x = tt.arange(6.0).reshape(2, 3)\nx.mT", observe=viewed)
    case("x = tt.arange(24.0).reshape(2, 3, 4)\nx[1, 1:, ::2]", observe=viewed)
    case("x = tt.arange(24, dtype=tt.float64).reshape(2, 3, 4)\nx.permute(2, 0, 1)[1:]", observe=viewed)
    case("x = tt.arange(6, dtype=tt.uint8).reshape(2, 3)\nx.flip(0, 1)", observe=viewed)
    case("x = tt.arange(6.0).reshape(2, 3, 1)\nx.expand(2, 3, 2)", observe=viewed)
    case("x = tt.arange(6.0)\nx[4]", observe=viewed)
    case("x = tt.arange(6.0).reshape(2, 3)\nx[:, 3:]", observe=viewed)
    case("x = tt.arange(24.0).reshape(2, 3, 4)\nx[:, 1:2]", observe=viewed)
    case("x = tt.arange(24.0).reshape(2, 3, 4)\n(x.permute(2, 0, 1) * 2.0)[1:]", observe=viewed)
    case("x = tt.ones(0, 3)\nx[:, 1:]", observe=viewed)


def cpu_strided_random(case, rng):
    convert = rng.choice(["/ 2.0", "* 1", "> 0"])
    case(f"x = {some_tensor(rng, some_shape(rng), convert)}\nx", observe=viewed)


class Counting(Functions):
    """Counts how often something had to be built."""

    count = 0

    def __missing__(self, expr):
        self.count += 1
        return super().__missing__(expr)


def made(expr):
    """What the built function gives for three inputs, what it is, and how often it was built for three calls."""
    functions = Counting()
    inputs = [np.array([2.0, 3.0]), np.array([5.0, 7.0]), np.array([0.5, 0.25])]
    several = 1 + max(leaf for leaf in leaves(expr))
    got = [functions[expr](*inputs[:several]) for _ in range(3)][-1]
    return {
        "values": got,
        "is NumPy's own function": isinstance(functions[expr], np.ufunc),
        "cost.times built": functions.count,
    }


def leaves(expr):
    """The inputs that an expression names."""
    if isinstance(expr, int):
        yield expr
    elif expr[0] != "const":
        for part in expr[1:]:
            yield from leaves(part)


def functions_missing(case):
    for expr in [
        ("mul", 0, 1), ("exp", 0), ("add", 0, ("mul", 1, 1)), ("sub", ("mul", 1, 0), 0), ("sub", 1, 0),
        ("add", 2, ("mul", 0, 1)), ("mul", 0, ("add", 0, ("const", "1.5"))), ("div", ("neg", 1), ("exp", ("neg", 0))), 0, 1,
        ("mul", 0, 0),
    ]:  # fmt: skip
        case(repr(expr), observe=made)


def functions_missing_random(case, rng):
    case(repr(some_expression(rng)), observe=made)


def cpu_reduce(case):
    reduce = "backend('cpu').reduce"
    block = "x = tt.arange(24.0).reshape(2, 3, 4) - 11.5"
    case(f"{block}\n{reduce}('add', x.array, (1,))", observe=numbers)
    case(f"{block}\n{reduce}('maximum', x.permute(2, 0, 1).array, (0, 2))", observe=numbers)
    case(f"{block}\n{reduce}('multiply', x[:, 1:].array, (0,))", observe=numbers)
    case(f"x = tt.ones(5000, 2, dtype=tt.float16)\n{reduce}('add', x.array, (0,))", observe=numbers)
    case(f"{block}\n{reduce}('add', x.half().permute(2, 0, 1)[1:].array, (0, 2))", observe=numbers)
    case(
        f"x = tt.tensor([[300.0, 0.5], [300.0, 0.5], [0.001, 4.0]]).half()\n{reduce}('multiply', x.array, (0,))",
        observe=numbers,
    )
    case(f"x = tt.tensor([[1.5, -2.0, 0.25]]).half()\n{reduce}('minimum', x.array, (1,))", observe=numbers)
    case(
        f"x = tt.tensor([[100, 27], [50, 3], [-7, 40]], dtype=tt.int32)\n{reduce}('add', x.array, (0,))",
        observe=numbers,
    )
    case(f"{block}\n{reduce}('add', x.double().array, ())", observe=numbers)
    case(f"{block}\n{reduce}('add', x[:, :0].array, (1,))", observe=numbers)
    case(f"{block}\n{reduce}('multiply', x[:, :0].half().array, (0, 1))", observe=numbers)
    case(
        f"x = tt.tensor([[1e9, 0.5], [1.0, 0.25], [-1e9, 0.5]], dtype=tt.float64)\n{reduce}('add', x.array, (0,))",
        observe=numbers,
    )


def cpu_reduce_random(case, rng):
    shape, name = some_shape(rng, least=1), rng.choice(["add", "add", "maximum", "minimum", "multiply"])
    axes = tuple(axis for axis in range(len(shape)) if rng.random() < 0.5)
    convert = rng.choice(["/ 2.0", "* 1"])
    half = ".half()" if convert == "/ 2.0" and name != "multiply" and rng.random() < 0.4 else ""
    x = some_tensor(rng, shape, convert, half)
    case(f"x = {x}\nbackend('cpu').reduce('{name}', x.array, {axes})", observe=numbers)


def copied(x, y):
    """The product, and how many arrays as large as an operand were made beside the result."""
    device = backend("cpu")
    device.matmul(x.array, y.array)
    tracemalloc.start()
    out = device.matmul(x.array, y.array)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    beside = max(0, peak - tt.Tensor(out).nbytes) // min(x.nbytes, y.nbytes)
    return {"sum": tt.Tensor(out).sum().item(), "cost.operands copied": beside}


def cpu_matmul(case):
    matmul = "backend('cpu').matmul"
    pair = "x, y = tt.arange(6.0).reshape(2, 3), tt.arange(12.0).reshape(3, 4) - 5.0"
    case(f"{pair}\n{matmul}(x.array, y.array)", observe=numbers)
    case(f"{pair}\n{matmul}(y.mT.array, x.mT.array)", observe=numbers)
    case(f"x = tt.arange(24.0).reshape(2, 3, 4)\n{matmul}(x.array, x[:, :2].mT.array)", observe=numbers)
    case(f"x = tt.arange(24.0).reshape(2, 3, 4)\n{matmul}(x.array, x[1, :2].mT.array)", observe=numbers)
    case(
        f"x = tt.ones(2, 5000).half()\ny = (tt.arange(15000) % 4).reshape(3, 5000).half()\n"
        f"{matmul}(x.array, y.mT.array)",
        observe=numbers,
    )
    case(f"x = tt.arange(12).reshape(3, 4) - 5\n{matmul}(x.array, (x[:2] * 3).mT.array)", observe=numbers)
    case(f"{pair}\n{matmul}(x[:, :1].array, y[2:, 1:].array)", observe=numbers)
    case(f"{pair}\n{matmul}(x[:, :0].array, y[:0].array)", observe=numbers)
    large = "x = (tt.arange(60000.0) / 30000.0).reshape(300, 200)"
    case(f"{large}\n(x.mT, x[:, :150])", observe=lambda pair: copied(*pair))


def cpu_matmul_random(case, rng):
    convert, half = rng.choice([("/ 2.0", ""), ("/ 2.0", ".half()"), ("* 1", "")])
    case(f"{product(rng, convert, half)}backend('cpu').matmul(x.array, y.array)", observe=numbers)


def cpu_scatter(case):
    scatter = "backend('cpu').scatter"
    rows = "out, src = tt.zeros(4, 2), tt.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])"
    case(f"{rows}\n{scatter}(out.array, src.array, tt.tensor([3, 1, 0]).array, add=True)", observe=numbers)
    case(f"{rows}\n{scatter}(out.array, src.array, tt.tensor([0, 0, 2]).array, add=True)", observe=numbers)
    case(
        f"{rows}\nout += 9.0\n{scatter}(out.array, src.array, tt.tensor([2, 1, 0]).array, add=False)",
        observe=numbers,
    )
    both = "tt.tensor([3, 1, 3]).array, tt.tensor([0, 1, 0]).array"
    case(f"{rows}\n{scatter}(out.array, src[:, 1].array, {both}, add=True)", observe=numbers)
    case(
        f"{rows}\n{scatter}(out.mT[:, 1:].array, src.mT[:, :3].array, tt.tensor([1, 0]).array, add=False)\nout",
        observe=numbers,
    )
    case(
        f"{rows}\n{scatter}(out.mT[:, 1:].array, src.mT[:, :3].array, tt.tensor([1, 1]).array, add=True)\nout",
        observe=numbers,
    )
    none = "tt.zeros(0, dtype=tt.int64).array"
    case(f"{rows}\nout += 2.5\n{scatter}(out.array, src[:0].array, {none}, add=True)", observe=numbers)


def cpu_scatter_random(case, rng):
    size, count, add = rng.randint(1, 5), rng.randint(0, 4), rng.random() < 0.7
    places = [rng.randrange(size) for _ in range(count)] if add else rng.sample(range(size), min(count, size))
    rest = some_shape(rng, axes=2)
    base, view = seen_through(rng, (size, *rest))
    if "expand" in view:  # one cell for several places: what is written there last is nobody's business
        base, view = (size, *rest), ""
    memory = f"memory = tt.ones({base}) * 9.0\nout = memory{view}\n"
    src = f"src = {some_tensor(rng, (len(places), *rest))}\nindex = tt.tensor({places}, dtype=tt.int64)\n"
    call = f"backend('cpu').scatter(out.array, src.array, index.array, add={add})"
    case(f"{memory}{src}{call}\nmemory", observe=numbers)
