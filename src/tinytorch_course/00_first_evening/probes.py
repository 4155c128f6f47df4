"""What is observed of each exercise of module 00."""

from first.tape import TAPE, Number, descend

NUDGE = 1e-5


def made_from(names, expression):
    """An observer of one new number: its value, its slope to each input, and a nudge of the same expression."""

    def moved(name, by):
        values = {each: Number(value + by * (each == name)) for each, value in names.items()}
        return eval(expression, values).value

    def observe(new):
        seen = {"kind": type(new).__name__}
        inputs = TAPE[: len(names)]
        seen["inputs after"] = [each.value for each in inputs]
        if not isinstance(new, Number):
            return seen
        seen["value"] = new.value
        seen["slopes"] = [sum(s for n, s in new.inputs if n is each) for each in inputs]
        seen["made from"] = sorted({type(each).__name__ for each, _ in new.inputs})
        seen["_nudge"] = [(moved(name, NUDGE) - moved(name, -NUDGE)) / (2 * NUDGE) for name in names]
        seen["cost.numbers on the tape"] = min(i for i, each in enumerate(TAPE) if each is new) + 1
        return seen

    def note(new):
        if not isinstance(new, Number):
            return "an operation on numbers makes a Number, and returns it"
        name, value = next(iter(names.items()))
        by = (moved(name, 0.001) - moved(name, 0.0)) / 0.001
        slope = sum(s for n, s in new.inputs if n is TAPE[0])
        return (
            f"move {name} from {value:g} to {value + 0.001:g}: the result moves {by:.3f} times as far; "
            f"your slope says {slope:.3f}"
        )

    return observe, note


def watch(case, expression, **names):
    """One expression of fresh numbers."""
    observe, note = made_from(names, expression)
    made = "\n".join(f"{name} = Number({value!r})" for name, value in names.items())
    case(
        f"TAPE.clear()\n{made}\n{expression}",
        observe=observe,
        against={"slopes": "_nudge"},
        labels={"_nudge": "slope of your own forward"},
        note=note,
    )


def number_add(case):
    watch(case, "a + b", a=2.0, b=3.0)
    watch(case, "a + b", a=-1.5, b=0.25)
    watch(case, "a + a", a=0.75)


def number_add_random(case, rng):
    watch(case, "a + b", a=round(rng.uniform(-9, 9), 2), b=round(rng.uniform(-9, 9), 2))


def number_mul(case):
    watch(case, "a * b", a=3.0, b=4.0)
    watch(case, "a * b", a=-1.5, b=0.25)
    watch(case, "a * b", a=0.0, b=5.0)
    watch(case, "a * a", a=0.75)


def number_mul_random(case, rng):
    watch(case, "a * b", a=round(rng.uniform(-9, 9), 2), b=round(rng.uniform(-9, 9), 2))


def number_tanh(case):
    watch(case, "a.tanh()", a=0.5)
    watch(case, "a.tanh()", a=-0.9)
    watch(case, "a.tanh()", a=2.5)


def number_tanh_random(case, rng):
    watch(case, "a.tanh()", a=round(rng.uniform(-3, 3), 2))


def program(case, lines, of="c", **names):
    """A few lines that end in a number; its backward, seen at the numbers that the lines start from."""

    def value(name, by):
        fresh = {each: Number(v + by * (each == name)) for each, v in names.items()}
        exec(lines, fresh)
        return fresh[of].value

    def observe(_):
        end = next((each for each in TAPE if each is _), None)
        seen = {"own grad": None if end is None else end.grad}
        seen["grads"] = [each.grad for each in TAPE[: len(names)]]
        seen["values after"] = [each.value for each in TAPE]
        seen["_nudge"] = [(value(name, NUDGE) - value(name, -NUDGE)) / (2 * NUDGE) for name in names]
        return seen

    def note(_):
        grad, name = TAPE[0].grad, next(iter(names))
        moved = value(name, 0.001) - value(name, 0.0)
        return f"move {name} by 0.001: {of} moves by {moved:.6f}; your grad predicts {0.001 * grad:.6f}"

    made = "\n".join(f"{name} = Number({v!r})" for name, v in names.items())
    case(
        f"TAPE.clear()\n{made}\n{lines}\n{of}.backward()\n{of}",
        observe=observe,
        against={"grads": "_nudge"},
        labels={"_nudge": "slope of your own forward"},
        note=note,
    )


def number_backward(case):
    program(case, "c = a * b", a=2.0, b=3.5)
    program(case, "c = (a * b).tanh()", a=0.5, b=-0.9)
    program(case, "c = a + a", a=1.5)
    program(case, "c = a * a", a=1.5)
    program(case, "b = a * a\nc = b + a", a=2.0)
    program(case, "d = a * b\nc = d * d + a * d", a=0.5, b=-1.5)
    program(case, "c = a * b\nd = c + a", a=0.5, b=-1.5)
    program(case, "c = a\nfor _ in range(10):\n    c = c + c", a=0.5)
    program(case, "c = a\nfor _ in range(3000):\n    c = c + b", a=0.5, b=0.25)


def number_backward_random(case, rng):
    names = {name: round(rng.uniform(-1.5, 1.5), 2) for name in "ab"}
    first, second = rng.sample(["a * b", "a + b", "a.tanh()", "b * b"], 2)
    program(case, f"d = {first}\ne = {second}\nc = d * e + d", **names)


def settled(numbers):
    """Values and slopes of the numbers after a step."""
    return {"values": [each.value for each in numbers], "grads": [each.grad for each in numbers]}


def downhill(case, values, grads, lr, times=1):
    """Some steps on numbers whose slopes are given."""
    names = ", ".join("pqr"[: len(values)])
    made = ", ".join(f"Number({value!r})" for value in values)
    slopes = "\n".join(f"{name}.grad = {grad!r}" for name, grad in zip("pqr", grads, strict=False))
    step = "\n".join([f"descend([{names}], lr={lr!r})"] * times)
    case(f"{names} = {made}\n{slopes}\n{step}\n[{names}]", observe=settled)


def tape_descend(case):
    downhill(case, [2.0], [0.5], 0.1)
    downhill(case, [2.0, -1.5], [0.5, -3.0], 0.1)
    downhill(case, [2.0, -1.5, 0.25], [0.5, -3.0, 4.0], 0.02, times=2)


def tape_descend_random(case, rng):
    some = [round(rng.uniform(-2, 2), 2) for _ in range(6)]
    downhill(case, some[:3], some[3:], round(rng.uniform(0.01, 0.5), 2))
