"""Questions of module 03, with fresh numbers; every answer comes from running tinytorch."""

from __future__ import annotations

import random
from types import ModuleType
from typing import Any

import tinytorch as tt
from tinytorch import indexing
from tinytorch.errors import TinyTorchError
from tinytorch.methods import movement
from tinytorch_course.asking import shown, sizes, theirs, value
from tinytorch_course.kit import Question

TYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64")


def _named(kind: tt.dtype) -> str:
    return kind.name


def type_of_a_result(rng: random.Random) -> Question:
    """Three sums of operands of three strengths."""
    answers, words = {}, []
    for _ in range(3):
        first, second = rng.sample(["uint8", "int32", "int64", "float16", "float32", "float64"], 2)
        n = rng.randint(2, 5)
        left = f"tt.ones({n}, dtype=tt.{first})"
        right = rng.choice(
            [f"tt.ones({n}, dtype=tt.{second})", f"tt.tensor(1, dtype=tt.{second})", "0.5", "2", "True"]
        )
        code = f"{left} + {right}"
        answers[code] = _named(value(f"({code}).dtype", {"tt": tt}))
        words.append(f"`{code}` is {answers[code]}.")
    return Question(
        prompt="Which type has each of these results?",
        answers=answers,
        explain=(
            "Category first; then strength, where a tensor with axes is stronger than one without, and that one stronger than a Python number; "
            "and only then size. A weaker operand counts only if its category is higher. " + " ".join(words)
        ),
        choices=dict.fromkeys(answers, TYPES),
    )


def shape_of_a_reduction(rng: random.Random) -> Question:
    """The shape after a sum or two."""
    shape = sizes(rng, 4, 1, 6)
    dims = rng.choice([rng.randint(-4, 3), tuple(rng.sample([0, 1, -1, -2], 2))])
    keep = rng.random() < 0.5
    code = f"tt.ones{shape}.sum({dims}, keepdim={keep})"
    x = value(code, {"tt": tt})
    return Question(
        prompt=f"`{code}`: which shape, and what is in each element?",
        answers={"shape": x.shape, "element": x.reshape(-1)[0].item()},
        explain="The axes that are named disappear, or stay with size 1; each element is the number of elements that were folded into it.",
    )


def what_a_mean_divides_by(rng: random.Random) -> Question:
    """A mean along axes, and what it would be if it divided by all elements."""
    shape = sizes(rng, 3, 2, 6)
    dims: Any = rng.choice([0, 1, 2, -1, (0, 2), (1, -1), (-3, 1)])
    x = tt.ones(shape)
    total, mean = x.sum(dims), x.mean(dims)
    count = (total / mean).reshape(-1)[0].item()
    wrong = (total / x.numel()).reshape(-1)[0].item()
    return Question(
        prompt=(
            f"All elements of `x`, of shape {shape}, are 1. By what does `x.mean({dims})` divide each sum? And what would each mean be "
            "if it divided by `x.numel()`?"
        ),
        answers={"divides by": int(count), "wrong mean": wrong},
        explain=(
            f"{int(count)} elements were folded into each sum, and x has {x.numel()}. Dividing by all of them gives {wrong:.4g}, {x.numel() / count:g} times too "
            "little: as a loss it still falls, with a learning rate that is too small by that factor."
        ),
    )


def minus_one(rng: random.Random) -> Question:
    """What -1 stands for, or why it stands for nothing."""
    shape = sizes(rng, 3, 2, 6)
    total = shape[0] * shape[1] * shape[2]
    wanted = rng.choice(
        [(-1, shape[1]), (shape[2], -1, shape[0]), (7, -1), (-1, total), (shape[0], shape[1], -1), (-1, 11)]
    )
    try:
        answer: Any = tt.ones(*shape).reshape(wanted).shape
        reason = f"{total} elements over the product of the other sizes."
    except (TinyTorchError, RuntimeError) as error:
        answer, reason = None, f"It is refused: {error}."
    return Question(
        prompt=f"`tt.ones{shape}.reshape{wanted}`: which shape has it? Answer None if there is none.",
        answers={"shape": answer},
        explain=reason,
    )


def copies_or_not(rng: random.Random) -> Question:
    """Which reshapes move bytes."""
    a, b, c = sizes(rng, 3, 2, 5)
    lines = [
        f"x.reshape({a * b}, {c})", f"x.mT.reshape({a}, {b * c})", f"x.permute(1, 0, 2).reshape({b}, {a * c})", f"x[:, 1:].reshape({a}, -1)",
        f"x[1:].reshape(-1, {c})", "x.permute(2, 0, 1).reshape(-1)", f"x.unsqueeze(1).reshape({a}, {b * c})", f"x[:, :, 0].reshape({a * b})",
    ]  # fmt: skip
    rng.shuffle(lines)
    x = tt.arange(a * b * c).reshape(a, b, c)
    answers = {line: value(line, {"x": x}).array.storage is not x.array.storage for line in lines[:3]}
    return Question(
        prompt=f"`x` is a contiguous ({a}, {b}, {c}) tensor. Which of these lines copy?",
        answers=answers,
        explain="reshape asks the layout for a view and copies only where there is none: where two axes that are joined do not follow each other in memory.",
    )


def shape_of_a_product(rng: random.Random) -> Question:
    """matmul with vectors, matrices and batches."""
    n, k, m, batch = sizes(rng, 4, 2, 7)
    left, right = rng.choice(
        [
            ((n, k), (k,)), ((k,), (k, m)), ((k,), (k,)), ((batch, n, k), (k, m)), ((batch, n, k), (k,)), ((k,), (batch, k, m)),
            ((batch, 1, n, k), (m, k, n)), ((n, k), (n, k)), ((batch, n, k), (m, k, n)),
        ]
    )  # fmt: skip
    try:
        answer: Any = (tt.ones(left) @ tt.ones(right)).shape
        reason = "Columns meet rows, axes in front broadcast, and a vector's own axis is gone."
    except (TinyTorchError, RuntimeError) as error:
        answer, reason = None, f"It is refused: {error}."
    return Question(
        prompt=f"A tensor of shape `{left}` @ one of shape `{right}`: which shape has the product? `()` is a number; None if it is refused.",
        answers={"shape": answer},
        explain=reason,
    )


def size_of_a_mistake(rng: random.Random) -> Question:
    """A prediction of shape (n, 1) against targets of shape (n,)."""
    n = rng.choice([200, 500, 1000, 2000])
    difference = tt.ones(n, 1) - tt.ones(n)
    return Question(
        prompt=f"`prediction` has shape ({n}, 1), `target` has ({n},), both float32. Which shape has `prediction - target`, and how many bytes?",
        answers={"shape": difference.shape, "bytes": difference.nbytes},
        explain=f"Aligned at the right, the second is a row: (1, {n}). Both stretch to ({n}, {n}). Every prediction meets every target, and no error is raised.",
    )


def entries_of_a_subscript(rng: random.Random) -> Question:
    """How long the normalised subscript is, and the shape that it picks."""
    shape = sizes(rng, 4, 2, 6)
    index = rng.choice(
        [
            "1, ..., None",
            "..., 0",
            "None, 1, ..., 1:",
            "0, 1",
            ":, None, 1",
            "..., None, 1:, 0",
            "None, ..., None",
        ]
    )
    names = {"tt": tt, "normalize_index": indexing.normalize_index}
    entries = indexing.normalize_index(eval(f"Index[{index}]", {"Index": _Index()}), shape)
    x = value(f"tt.ones{shape}[{index}]", names)
    return Question(
        prompt=f"`x` has shape {shape}. For `x[{index}]`: how many `slice(None)` does `normalize_index` fill in, and which shape has the result?",
        answers={
            "filled in": len(entries) - sum(each is not Ellipsis for each in _as_tuple(index)),
            "shape": x.shape,
        },
        explain=f"Normalised it reads {entries}: an integer takes its axis away, None puts one in, a slice keeps it.",
    )


class _Index:
    def __getitem__(self, index: Any) -> Any:
        return index


def _as_tuple(index: str) -> tuple[Any, ...]:
    made = eval(f"Index[{index}]", {"Index": _Index()})
    return made if isinstance(made, tuple) else (made,)


def what_is_recorded(rng: random.Random) -> Question:
    """Which lines leave a node in the graph."""
    lines = [
        "w * 2", "x * 2", "(w > 0)", "w.argmax()", "w.detach() * 2", "(w * x).sum()", "x.sum()", "w.long()", "w.reshape(3, 2)", "w.to(tt.float64)",
    ]  # fmt: skip
    rng.shuffle(lines)
    names = {"tt": tt, "w": tt.ones(2, 3, requires_grad=True), "x": tt.ones(2, 3)}
    answers = {line: value(line, names).grad_fn is not None for line in lines[:4]}
    return Question(
        prompt="`w` requires a gradient, `x` does not; both have shape (2, 3). Which of these lines are recorded?",
        answers=answers,
        explain="Recorded is what has an input that requires a gradient, if gradients flow through it at all: not through comparisons, indices and whole numbers.",
    )


def _asked_of(rng: random.Random) -> dict[str, tuple[ModuleType, str, tuple[Any, ...]]]:
    """For each function that can be asked about, its file, and a call that its writer may not have thought of."""
    ndim = rng.randint(2, 4)
    a, b, c = sizes(rng, 3, 2, 5)
    dim = rng.choice([-ndim, (0, -1), [1, -ndim], (), (-1,), None])
    open_shape = rng.choice([(-1, b), (c, -1), (a, b, c, -1), (1, -1, a)])
    index = rng.choice(["(None, ..., 1)", "(..., None, 0)", "(1, None)", "(..., slice(1, 2))"])
    return {
        "canonical_dims": (indexing, f"canonical_dims({dim!r}, {ndim})", (dim, ndim)),
        "filled_in": (
            movement,
            f"tt.ones{(a, b, c)}.filled_in({open_shape})",
            (tt.ones(a, b, c), open_shape),
        ),
        "normalize_index": (indexing, f"normalize_index({index}, {(a, b, c)})", (eval(index), (a, b, c))),
    }


def on_your_own_code(rng: random.Random, own: dict[str, str]) -> Question:
    """A function that the learner wrote: what does this very code return? Without one, what its docstring asks for."""
    asked = _asked_of(rng)
    name = rng.choice([each for each in asked if each in own] or ["canonical_dims"])
    file, call, arguments = asked[name]
    try:
        found = theirs(own[name], file)(*arguments)
        before = f"Your own `{name}`:\n{shown(own[name])}\n"
    except Exception:
        # Nothing of theirs is there, or it cannot run. What they have yet to write is not shown.
        found, before = getattr(file, name)(*arguments), "By its docstring, and before you write it. "
    if name == "normalize_index":
        return Question(
            prompt=f"{before}`{call}`: how many entries has the list that it returns, and how many of them are `slice(None)`?",
            answers={"entries": len(found), "slice(None)": sum(each == slice(None) for each in found)},
            explain=f"It was run, and returned `{found!r}`.",
        )
    return Question(
        prompt=f"{before}What does `{call}` return?",
        answers={"result": found},
        explain=f"It was run, and returned `{found!r}`.",
    )
