"""What is observed of each exercise of module 03: types, shapes, values, and what happens at the door."""

import tinytorch as tt
from tinytorch.dtypes import (
    ALL,
    bool_,
    float16,
    float32,
    float64,
    int8,
    int32,
    int64,
    promote_types,
    result_type,
    uint8,
)
from tinytorch.indexing import canonical_dims, normalize_index
from tinytorch.nn import Parameter
from tinytorch.nn.functional import cross_entropy
from tinytorch.observe import observing
from tinytorch_course.inputs import elements, narrower, regrouped, some_shape, some_tensor

PAIR = "x = tt.arange(6.0).reshape(2, 3) - 2.5"
WEIGHT = "w = tt.tensor([[0.5, -1.0, 2.0], [1.5, 3.0, -0.25]], requires_grad=True)"
TYPES = ("bool_", "uint8", "int8", "int32", "int64", "float16", "float32", "float64")
NAMES = (bool_, float16, float32, float64, int8, int32, int64, uint8, Parameter, cross_entropy, observing)


def kind(found):
    """The name of a type."""
    return {"type": found.name}


def table(promote):
    """What every pair of types meets in."""
    return {f"{a.name} and {b.name}": promote(a, b).name for a in ALL for b in ALL}


def some_converted(rng, shape):
    """A tensor of a type, of which a gradient may be wanted."""
    convert = rng.choice(["/ 2.0", "/ 2.0", "* 1", "> 0"])
    double = ".double()" if convert == "/ 2.0" and rng.random() < 0.2 else ""
    wanted = ".requires_grad_()" if convert == "/ 2.0" and rng.random() < 0.5 else ""
    return some_tensor(rng, shape, convert, double) + wanted


def with_a_gap(rng, shape):
    """A shape in which one size is left to be worked out, most of the time."""
    asked = list(shape)
    if asked and rng.random() < 0.7:
        asked[rng.randrange(len(asked))] = -1
    if rng.random() < 0.1:
        asked.append(rng.choice([-1, 0, 2]))
    return tuple(asked)


def some_index(rng, size):
    """What may stand at one axis, as text."""
    bounds = [rng.choice([None, *range(-4, 5)]) for _ in range(2)]
    return rng.choice(
        [str(rng.randint(-size, size - 1)), f"slice({bounds[0]}, {bounds[1]})", f"tt.tensor([0, {size - 1}])"]
    )


def dtypes_promote_types(case):
    for pair in [
        "float32, float32",
        "int64, float32",
        "int64, float16",
        "bool_, uint8",
        "int32, int64",
        "uint8, int8",
    ]:
        case(f"promote_types({pair})", observe=kind)
    case("promote_types", observe=table)


def dtypes_promote_types_random(case, rng):
    case(f"promote_types({rng.choice(TYPES)}, {rng.choice(TYPES)})", observe=kind)


def dtypes_result_type(case):
    for operands in [
        "(int64, 2), (float32, 0)", "(int64, 2), (float64, 1)", "(float32, 2), (float64, 1)", "(uint8, 2), (int64, 0)",
        "(bool_, 2), (int64, 0)", "(int64, 1), (float16, 1)", "(float16, 1), (float32, 0)", "(int8, 2), (int32, 1)",
        "(uint8, 2), (int8, 2)", "(int32, 0), (float64, 0)", "(float64, 0), (int8, 2), (float16, 1)", "(bool_, 2), (uint8, 1), (int64, 0)",
        "(float32, 2)", "",
    ]:  # fmt: skip
        case(f"result_type({operands})", observe=kind)
    for code in [
        "tt.tensor([1, 2, 3]) + 0.5",
        "tt.ones(3) * tt.tensor(2.0, dtype=tt.float64)",
        "tt.ones(3, dtype=tt.uint8) + 300",
    ]:
        case(f"({code}).dtype", observe=kind)


def dtypes_result_type_random(case, rng):
    operands = [f"({rng.choice(TYPES)}, {rng.randint(0, 2)})" for _ in range(rng.randint(1, 4))]
    case(f"result_type({', '.join(operands)})", observe=kind)


def result(x):
    """Shape, type, values, the class, and whether there is a history."""
    return {
        "type": x.dtype.name,
        "shape": tuple(x.shape),
        "values": x.tolist(),
        "class": type(x).__name__,
        "requires_grad": x.requires_grad,
        "history": "none" if x.grad_fn is None else x.grad_fn.name(),
    }


def tensor_apply_fully(case):
    listen = "seen = []\nwith observing(lambda op, inputs, out: seen.append((type(op).__name__, len(inputs), type(out).__name__))):\n    "
    case(f"{PAIR}\nx @ tt.tensor([[1.0], [2.0], [4.0]])", observe=result)
    case("tt.tensor([1, 2, 3]) * tt.tensor([0.5, 1.5, 2.5])", observe=result)
    case("tt.tensor([0, 1]).exp()", observe=result)
    case(f"{WEIGHT}\nw.sum()", observe=result)
    case(f"{WEIGHT}\nw @ tt.tensor([[1.0], [2.0], [4.0]])", observe=result)
    case(f"{PAIR}\n{WEIGHT}\nx[:, 1:] @ w[:, :2].mT", observe=result)
    case(
        f"{WEIGHT}\nwith tt.no_grad():\n    y = w @ tt.tensor([[1.0], [2.0], [4.0]])\ny",
        observe=result,
    )
    case(f"{PAIR}\nParameter(x).sum(1)", observe=result)
    case(f"{WEIGHT}\nw.argmax()", observe=result)
    case(f"{WEIGHT}\nw[:0] @ tt.tensor([[1.0], [2.0], [4.0]])", observe=result)
    case("values, places = tt.tensor([2.0, 1.0, 3.0], requires_grad=True).sort()\nvalues", observe=result)
    case("values, places = tt.tensor([2.0, 1.0, 3.0], requires_grad=True).sort()\nplaces", observe=result)
    case(f"{listen}tt.ones(2, 3) @ tt.ones(3, 1)\nseen")
    case(f"{listen}tt.ones(3).sort()\nseen")
    case(f"{listen}tt.tensor([1, 2]) + tt.tensor([0.5, 1.0])\nseen")
    case(f"{listen}cross_entropy(tt.ones(2, 3), tt.tensor([0, 2]))\nseen")
    case(
        "seen = []\nwith observing(lambda op, inputs, out: seen.append(type(op).__name__)):\n    try:\n"
        "        tt.tensor([1, 2]) + tt.tensor([1, 2, 3])\n    except RuntimeError as error:\n"
        "        seen.append(type(error).__name__)\nseen"
    )
    case("tt.ones(2, 3) & tt.ones(2, 3)", observe=result)
    case(
        "x = tt.ones(3, requires_grad=True)\ny = x * 2.0\nlast = y[1:]\ny.mul_(5.0)\n(last @ tt.tensor([1.0, 10.0])).backward()\nx.grad",
        observe=result,
    )
    case(
        "x = tt.ones(3, requires_grad=True)\ncross_entropy(x.reshape(1, 3), tt.tensor([0])).backward()\nx.grad",
        observe=result,
    )


def tensor_apply_fully_random(case, rng):
    shape = some_shape(rng, axes=3)
    x, y = some_converted(rng, shape), some_converted(rng, narrower(rng, shape))
    expr = rng.choice(
        ["x + y", "x * y", "tt.where(y > 0, x, y)", "x > y", "x.maximum(y)", "tt.cat([x, x])", "x.exp() * y"]
    )
    case(f"x = {x}\ny = {y}\n{expr}", observe=result)


def tensor_binary(case):
    case(f"{PAIR}\nx - tt.tensor([1.0, 2.0, 4.0])", observe=result)
    case(f"{PAIR}\nx - 1", observe=result)
    case(f"{PAIR}\n1 - x", observe=result)
    case(f"{PAIR}\n2.0 / (x + 4.0)", observe=result)
    case("3 ** tt.tensor([1.0, 2.0, 3.0])", observe=result)
    case("7 // tt.tensor([2, 3, 4])", observe=result)
    case("tt.tensor([2, 3, 4]) + 0.5", observe=result)
    case("tt.tensor([2, 3, 4]) < 3", observe=result)
    price = "class Price:\n    def __rmul__(self, other):\n        return 'a price times ' + type(other).__name__\n"
    case(f"{price}tt.ones(2) * Price()")
    case("tt.ones(2) + 'text'")
    case("tt.ones(2) == 'text'")
    case("tt.ones(2) + [1.0, 2.0]")
    case("Parameter(tt.ones(2)) * Parameter(tt.tensor([2.0, 3.0]))", observe=result)


def tensor_binary_random(case, rng):
    number = rng.choice([0, 1, 3, -2, 0.5, -1.25, True])
    operator = rng.choice(["+", "-", "*", "/", "-", "/", "<", ">=", "=="])
    pair = ["x", repr(number)] if rng.random() < 0.5 else [repr(number), "x"]
    x = some_converted(rng, some_shape(rng, axes=2))
    case(f"x = {x}\n{pair[0]} {operator} {pair[1]}", observe=result)


def indexing_canonical_dims(case):
    for call in [
        "1, 3", "-1, 3", "None, 3", "(0, 2), 3", "(-1, 0), 3", "[1, -3], 3", "(), 2", "[], 2", "0, 0", "None, 0", "-1, 1", "(2, 1), 3",
        "3, 3", "-4, 3", "7, 3", "(1, -2), 3", "(0, 0), 2", "(0, 5), 2", "1, 0",
    ]:  # fmt: skip
        case(
            f"canonical_dims({call})", observe=lambda found: {"dims": found, "of type": type(found).__name__}
        )


def indexing_canonical_dims_random(case, rng):
    ndim = rng.randint(0, 4)
    dims = [rng.randint(-ndim - (rng.random() < 0.1), max(ndim - 1, 0)) for _ in range(rng.randint(0, 3))]
    asked = dims[0] if dims and rng.random() < 0.4 else tuple(dims)
    case(
        f"canonical_dims({asked}, {ndim})",
        observe=lambda found: {"dims": found, "of type": type(found).__name__},
    )


def reduce_sum(case):
    case(f"{PAIR}\nx.sum()", observe=result)
    case(f"{PAIR}\nx.sum(0)", observe=result)
    case(f"{PAIR}\nx.sum(-1, keepdim=True)", observe=result)
    block = "x = tt.arange(24.0).reshape(2, 3, 1, 4) - 7.5"
    case(f"{block}\nx.sum(1)", observe=result)
    case(f"{block}\nx.sum((0, -1))", observe=result)
    case(f"{block}\nx.permute(3, 0, 2, 1)[1:].sum((0, 3), keepdim=True)", observe=result)
    case("tt.tensor([200, 100, 7], dtype=tt.uint8).sum()", observe=result)
    case("tt.tensor([True, True, False]).sum()", observe=result)
    case("tt.tensor([[1, 2], [3, 4]], dtype=tt.int32).sum(0)", observe=result)
    case("tt.full((70,), 1000.0).half().sum(dtype=tt.float32)", observe=result)
    case("tt.tensor([1.75, 2.5]).sum(dtype=tt.int32)", observe=result)
    case("tt.tensor([0.5, 1.5]).half().sum()", observe=result)
    case("tt.tensor([3, 4], dtype=tt.int32).sum(dtype=tt.float32)", observe=result)
    case("tt.ones(0, 3).sum(0)", observe=result)
    case("tt.tensor(3.5).sum()", observe=result)
    case(f"{PAIR}\nx.sum(2)", observe=result)
    case(f"{WEIGHT}\nw.sum(1)", observe=result)


def reduce_sum_random(case, rng):
    shape = some_shape(rng)
    dims = [axis - len(shape) * (rng.random() < 0.3) for axis in range(len(shape)) if rng.random() < 0.5]
    asked = rng.choice(["", f"{tuple(dims)}, ", f"{dims[0]}, " if dims else ""])
    keep = rng.choice(["", "keepdim=True"]) if asked else ""
    case(f"x = {some_converted(rng, shape)}\nx.sum({asked}{keep})", observe=result)


def reshaped(pair):
    """A tensor and its reshaped self."""
    x, y = pair
    shared = y.array.storage is x.array.storage
    seen = {
        "shape": tuple(y.shape),
        "values": y.tolist(),
        "cost.bytes copied": 0 if shared or not y.numel() else y.nbytes,
    }
    return seen | {"view": "of something" if y.view_of is not None else "of nothing"}


def movement_filled_in(case):
    for call in [
        "3, -1", "-1,", "2, 3", "1, -1, 2", "1, 1, -1", "4, -1", "-1, -1", "-1, -1, -1", "-1, 0", "-3, -1, 2", "5,",
    ]:  # fmt: skip
        case(f"tt.arange(6).filled_in(({call}))")
    for call in ["0, 5", "-1, 3", "0, -1", "-1, 1, 0"]:
        case(f"tt.zeros(2, 0).filled_in(({call}))")
    case("tt.tensor(5).filled_in((1, -1))")


def movement_filled_in_random(case, rng):
    count = rng.choice([0, 1, 6, 12, 24])
    case(f"tt.zeros({count}).filled_in({with_a_gap(rng, regrouped(rng, count))})")


def movement_reshape(case):
    case("x = tt.arange(6)\n(x, x.reshape(2, 3))", observe=reshaped)
    case("x = tt.arange(6)\n(x, x.reshape(3, -1))", observe=reshaped)
    case("x = tt.arange(6).reshape(2, 3)\n(x, x.reshape(-1))", observe=reshaped)
    case("x = tt.arange(6).reshape(2, 3)\n(x, x.mT.reshape(6))", observe=reshaped)
    case("x = tt.arange(24).reshape(2, 3, 4)\n(x, x.permute(2, 0, 1).reshape(4, 6))", observe=reshaped)
    case("x = tt.arange(24).reshape(2, 3, 4)\n(x, x[:, :2].reshape(-1, 2, 2))", observe=reshaped)
    case("x = tt.arange(24).reshape(2, 3, 4)\n(x, x[1:].reshape((4, 3)))", observe=reshaped)
    case("x = tt.arange(3)\n(x, x.expand(2, 3).reshape(3, 2))", observe=reshaped)
    case("x = tt.tensor(5)\n(x, x.reshape(1, -1))", observe=reshaped)
    case("x = tt.zeros(2, 0)\n(x, x.reshape(0, 5))", observe=reshaped)
    case("x = tt.zeros(2, 0)\n(x, x.reshape(-1, 3))", observe=reshaped)
    for shape in ["(4, -1)", "(5,)", "(-1, 0)", "(-2, 3)"]:
        case(f"x = tt.arange(6)\n(x, x.reshape{shape})", observe=reshaped)
    case("x = tt.zeros(2, 0)\n(x, x.reshape(0, -1))", observe=reshaped)
    case("x = tt.arange(6.0, requires_grad=True)\nx.reshape(2, 3)", observe=result)


def movement_reshape_random(case, rng):
    shape = some_shape(rng)
    x = some_tensor(rng, shape, "* 1")
    asked = with_a_gap(rng, regrouped(rng, elements(shape)) if elements(shape) else shape)
    case(f"x = {x}\n(x, x.reshape({asked}))", observe=reshaped)


def contract_matmul(case):
    case(f"{PAIR}\nx @ tt.arange(12.0).reshape(3, 4)", observe=result)
    case(f"{PAIR}\nx @ tt.tensor([1.0, 2.0, 4.0])", observe=result)
    case(f"{PAIR}\nx @ tt.ones(3, 1)", observe=result)
    case(f"{PAIR}\ntt.tensor([10.0, 1.0]) @ x", observe=result)
    case("tt.tensor([1.0, 2.0, 3.0]) @ tt.tensor([4.0, 5.0, 7.0])", observe=result)
    case("tt.tensor([2.0]) @ tt.tensor([[3.0, 4.0]])", observe=result)
    case("tt.tensor([[2.0], [5.0]]) @ tt.tensor([3.0])", observe=result)
    case("tt.tensor([[1.0, 2.0]]) @ tt.tensor([3.0, 4.0])", observe=result)
    block = "x = tt.arange(24.0).reshape(2, 3, 4) - 11.5"
    case(f"{block}\nx @ tt.tensor([1.0, 0.5, 2.0, 4.0])", observe=result)
    case(f"{block}\ntt.tensor([1.0, 0.5, 2.0]) @ x", observe=result)
    case(f"{block}\nx @ x[0].mT", observe=result)
    case(f"{block}\nx[:1] @ x[:, :2].mT", observe=result)
    case(f"{block}\nx @ x[:, :2].mT", observe=result)
    case(f"{block}\nx[:, None] @ x[:, :2].mT", observe=result)
    case(f"{block}\nx[:, :, :0] @ tt.zeros(0, 5)", observe=result)
    for pair in [
        "ones(2, 3) @ tt.ones(2, 3)",
        "ones(3) @ tt.ones(2)",
        "tensor(2.0) @ tt.ones(2)",
        "ones(2, 3, 4) @ tt.ones(3, 4, 5)",
    ]:
        case(f"tt.{pair}", observe=result)
    case("tt.ones(2, 3) @ tt.tensor(2.0)", observe=result)
    case("w = tt.ones(3, requires_grad=True)\ntt.ones(2, 3) @ w", observe=result)


def contract_matmul_random(case, rng):
    batch = some_shape(rng, axes=2)
    rows, inner, columns = (rng.choice([0, 1, 2, 3, 4]) for _ in range(3))
    left = (inner,) if rng.random() < 0.25 else (*narrower(rng, batch), rows, inner)
    right = (inner,) if rng.random() < 0.25 else (*narrower(rng, batch), inner, columns)
    case(f"x = {some_tensor(rng, left)}\ny = {some_tensor(rng, right)}\nx @ y", observe=result)


def entries(found):
    """Each entry, as text."""
    return {
        "entries": ["mask" if hasattr(each, "ndim") and each.dtype is bool_ else repr(each) for each in found]
    }


def indexing_normalize_index(case):
    for call in [
        "1, (2, 3)", "slice(1, 3), (4, 5)", "(0, 2), (2, 3)", "(0,), (2, 3, 4)", "(..., 1), (2, 3, 4)", "(1, ..., 2), (2, 3, 4)", "(None, 1), (2, 3)",
        "(..., None), (2, 3)", "(None, ..., None, 0), (2, 3, 4)", "(), (2, 3)", "..., (2, 3)", "(0, ..., 1), (2, 3)", "None, ()", "(0, 1, ...), (2, 3)",
        "tt.tensor([[True, False, True], [False, True, False]]), (2, 3, 4)", "(..., tt.tensor([[True, False], [False, True]])), (3, 2, 2)",
        "(tt.tensor([0, 1]), slice(None, 2)), (2, 3, 4)", "(tt.tensor([True, False]), None), (2, 3)", "(True, 1), (2, 3)",
        "(0, 1, 2), (2, 3)", "(..., 0, ...), (2, 3)", "0, ()",
    ]:  # fmt: skip
        case(f"normalize_index({call})", observe=entries)
    case("tt.arange(24).reshape(2, 3, 4)[1, ..., None, 2]", observe=result)


def indexing_normalize_index_random(case, rng):
    shape = tuple(rng.randint(1, 4) for _ in range(rng.randint(1, 4)))
    entries_of = [some_index(rng, size) for size in shape[: rng.randint(0, len(shape))]]
    if rng.random() < 0.4:
        left = rng.randint(0, len(entries_of))
        ends = [some_index(rng, size) for size in shape[len(shape) - (len(entries_of) - left) :]]
        entries_of = [*entries_of[:left], "...", *(ends if left < len(entries_of) else [])]
    for _ in range(rng.choice([0, 0, 1, 2])):
        entries_of.insert(rng.randint(0, len(entries_of)), "None")
    if rng.random() < 0.1:
        entries_of.append("0")
    case(
        f"normalize_index(({', '.join(entries_of)}{',' if len(entries_of) == 1 else ''}), {shape})",
        observe=entries,
    )
