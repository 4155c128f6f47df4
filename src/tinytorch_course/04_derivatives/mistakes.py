"""What people really write in module 04, and what it means."""

from tinytorch_course.kit import change, mistake

change(
    "slope",
    "one-sided",
    "you stepped to one side only: the error of that shrinks with the step, that of a step to both sides with its square",
    (
        "for step in (eps, -eps):",
        "for step in (eps, 0.0):",
    ),
    (
        "result[where] = (ends[0] - ends[1]) / (2 * eps)",
        "result[where] = (ends[0] - ends[1]) / eps",
    ),
)


change(
    "slope",
    "half-the-way",
    "the two ends lie 2 * eps apart; you divided by eps",
    (
        "result[where] = (ends[0] - ends[1]) / (2 * eps)",
        "result[where] = (ends[0] - ends[1]) / eps",
    ),
)


change(
    "slope",
    "not-restored",
    "you left the nudged numbers in x; the next element is measured at another place",
    (
        "values[where] = kept",
        "pass",
    ),
)


change(
    "slope",
    "g-left-out",
    "you added up the outputs as they are; each matters as much as g says",
    (
        "ends.append(float((function().detach() * g).sum().item()))",
        "ends.append(float(function().detach().sum().item()))",
    ),
)


change(
    "slope",
    "sides-exchanged",
    "you took the end above from the end below: every slope has the wrong sign",
    (
        "result[where] = (ends[0] - ends[1]) / (2 * eps)",
        "result[where] = (ends[1] - ends[0]) / (2 * eps)",
    ),
)


change(
    "slope",
    "relative-step",
    "you made the step relative to the number: at 0 there is none, and the ends are no longer 2 * eps apart",
    (
        "values[where] = kept + step",
        "values[where] = kept + step * kept",
    ),
)


change(
    "slope",
    "in-single-precision",
    "you rounded the two ends to single precision: seven digits, and a small step moves only the last of them",
    (
        "ends.append(float((function().detach() * g).sum().item()))",
        "ends.append(float((function().detach() * g).sum().float().item()))",
    ),
)


@mistake(
    "gradcheck", "g-all-ones", "you asked with a g of ones: a rule that drops g passes; it must be random"
)
def gradcheck(func, inputs, *, eps=1e-6, atol=1e-5, rtol=1e-3, raise_exception=True, seed=0):
    given = sequence(inputs)
    np.random.default_rng(seed)
    for which, out in enumerate(differentiable(func(*given))):
        g = out.new_ones(out.shape)
        asked = differentiable(given)
        found = grad(out, asked, g, allow_unused=True, retain_graph=True)
        for i, (x, got) in enumerate(zip(asked, found, strict=True)):

            def again(which=which):
                floats = [each for each in sequence(func(*given)) if each.is_floating_point()]
                return floats[which]

            want = slope(again, x, g, eps)
            have = np.zeros(x.shape) if got is None else got.detach().numpy().astype(np.float64)
            if have.shape != want.shape or not np.allclose(have, want, rtol, atol, equal_nan=True):
                if not raise_exception:
                    return False
                raise GradcheckError(f"input {i} of output {which}: slope {want}, gradient {have}")
    return True


change(
    "gradcheck",
    "first-input-only",
    "you looked at the first input only; each has a gradient of its own",
    (
        "asked = differentiable(given)",
        "asked = differentiable(given)[:1]",
    ),
    (
        """\
def again(which: int = which) -> Tensor:
    made = func(*given)
    floats: list[Tensor] = [each for each in sequence(made) if each.is_floating_point()]
""",
        """\
def again(which=which):
    floats = [each for each in sequence(func(*given)) if each.is_floating_point()]
""",
    ),
    (
        r"""raise GradcheckError(
    f"Jacobian mismatch for output {which} with respect to input {i}:\n"
    f"numerical: {want}\nanalytical: {have}"
)
""",
        "raise GradcheckError(f'input {i} of output {which}: slope {want}, gradient {have}')",
    ),
)


change(
    "gradcheck",
    "first-output-only",
    "you looked at the first output only",
    (
        "for which, out in enumerate(differentiable(func(*given))):",
        "for which, out in enumerate(differentiable(func(*given))[:1]):",
    ),
    (
        """\
def again(which: int = which) -> Tensor:
    made = func(*given)
    floats: list[Tensor] = [each for each in sequence(made) if each.is_floating_point()]
""",
        """\
def again(which=which):
    floats = [each for each in sequence(func(*given)) if each.is_floating_point()]
""",
    ),
    (
        r"""raise GradcheckError(
    f"Jacobian mismatch for output {which} with respect to input {i}:\n"
    f"numerical: {want}\nanalytical: {have}"
)
""",
        "raise GradcheckError(f'input {i} of output {which}: slope {want}, gradient {have}')",
    ),
)


change(
    "gradcheck",
    "unused-refused",
    "you refused an input that the result does not depend on; its gradient is 0, and so is its slope",
    (
        "found = grad(out, asked, g, allow_unused=True, retain_graph=True)",
        "found = grad(out, asked, g, retain_graph=True)",
    ),
    (
        """\
def again(which: int = which) -> Tensor:
    made = func(*given)
    floats: list[Tensor] = [each for each in sequence(made) if each.is_floating_point()]
""",
        """\
def again(which=which):
    floats = [each for each in sequence(func(*given)) if each.is_floating_point()]
""",
    ),
    (
        r"""raise GradcheckError(
    f"Jacobian mismatch for output {which} with respect to input {i}:\n"
    f"numerical: {want}\nanalytical: {have}"
)
""",
        "raise GradcheckError(f'input {i} of output {which}: slope {want}, gradient {have}')",
    ),
)


change(
    "gradcheck",
    "never-raises",
    "you returned False where an error was asked for: raise_exception",
    (
        "for i, (x, got) in enumerate(zip(asked, found, strict=True)):",
        "for _i, (x, got) in enumerate(zip(asked, found, strict=True)):",
    ),
    (
        """\
def again(which: int = which) -> Tensor:
    made = func(*given)
    floats: list[Tensor] = [each for each in sequence(made) if each.is_floating_point()]
""",
        """\
def again(which=which):
    floats = [each for each in sequence(func(*given)) if each.is_floating_point()]
""",
    ),
    (
        r"""if not raise_exception:
    return False
raise GradcheckError(
    f"Jacobian mismatch for output {which} with respect to input {i}:\n"
    f"numerical: {want}\nanalytical: {have}"
)
""",
        "return False",
    ),
)


change(
    "gradcheck",
    "sums-compared",
    "you compared the sums of slopes and gradients; errors that cancel pass",
    (
        """\
def again(which: int = which) -> Tensor:
    made = func(*given)
    floats: list[Tensor] = [each for each in sequence(made) if each.is_floating_point()]
""",
        """\
def again(which=which):
    floats = [each for each in sequence(func(*given)) if each.is_floating_point()]
""",
    ),
    (
        "if have.shape != want.shape or not np.allclose(have, want, rtol, atol, equal_nan=True):",
        "if have.shape != want.shape or not np.allclose(have.sum(), want.sum(), rtol, atol, equal_nan=True):",
    ),
    (
        r"""raise GradcheckError(
    f"Jacobian mismatch for output {which} with respect to input {i}:\n"
    f"numerical: {want}\nanalytical: {have}"
)
""",
        "raise GradcheckError(f'input {i} of output {which}: slope {want}, gradient {have}')",
    ),
)


@mistake(
    "Mul.grad", "own-factor", "you multiplied g by the number itself; what scales it is the *other* factor"
)
def grad(self, g, out, x, y):
    return g * x, g * y


@mistake("Mul.grad", "g-left-out-of-mul", "you left out g: how much each output matters")
def grad(self, g, out, x, y):
    return y, x


@mistake("Mul.grad", "one-factor-only", "you gave the second factor no gradient")
def grad(self, g, out, x, y):
    return g * y, None


@mistake("Mul.grad", "slopes-added", "you added both slopes up for each factor")
def grad(self, g, out, x, y):
    return g * (x + y), g * (x + y)


@mistake("Div.grad", "square-forgotten", "the slope of x / y in y is -x / y squared; you divided by y once")
def grad(self, g, out, x, y):
    return g / y, -g * x / y


@mistake("Div.grad", "sign-lost", "a larger divisor makes a smaller quotient: the second slope is negative")
def grad(self, g, out, x, y):
    return g / y, g * (x / y) / y


@mistake("Div.grad", "g-left-out-of-div", "you left out g: how much each output matters")
def grad(self, g, out, x, y):
    return 1.0 / y, -(x / y) / y


@mistake("Div.grad", "divisor-multiplied", "the slope of x / y in x is 1 / y; you multiplied by y")
def grad(self, g, out, x, y):
    return g * y, -g * (x / y) / y


@mistake(
    "Tanh.grad",
    "input-for-output",
    "you used 1 - x**2 with the input; the derivative is 1 - out**2, with the output",
)
def grad(self, g, out, x):
    return (g - g * x * x,)


@mistake("Tanh.grad", "g-left-out-of-tanh", "you left out g: how much each output matters")
def grad(self, g, out, x):
    return (1.0 - out * out,)


@mistake("Tanh.grad", "not-squared", "the derivative is 1 - out**2; you did not square the output")
def grad(self, g, out, x):
    return (g - g * out,)


@mistake("Tanh.grad", "sigmoids-slope", "out * (1 - out) is the slope of the sigmoid; tanh has 1 - out**2")
def grad(self, g, out, x):
    return (g * out * (1.0 - out),)


@mistake("Maximum.grad", "ties-take-all", "where both are equal each took all of g; the two share it")
def grad(self, g, out, x, y):
    return g.where(~(x < y), 0.0), g.where(~(y < x), 0.0)


@mistake("Maximum.grad", "ties-take-none", "where both are equal neither took anything; the two share g")
def grad(self, g, out, x, y):
    return g.where(x > y, 0.0), g.where(y > x, 0.0)


@mistake(
    "Maximum.grad",
    "smaller-takes-it",
    "you gave g to the smaller number, which the result does not depend on",
)
def grad(self, g, out, x, y):
    shared = (g * 0.5).where(x == y, g)
    return shared.where(~(x > y), 0.0), shared.where(~(y > x), 0.0)


@mistake("Maximum.grad", "both-take-half", "you shared g everywhere; it is shared where the two are equal")
def grad(self, g, out, x, y):
    return g * 0.5, g * 0.5


@mistake(
    "Sum.grad",
    "returned-as-it-is",
    "you returned g as it came; every element that was added gets it, so it is stretched to the shape of x",
)
def grad(self, g, out, x):
    return (g,)


@mistake(
    "Sum.grad",
    "axis-not-put-back",
    "you stretched g without the axis that was folded: it lines up at the right, which is another axis",
)
def grad(self, g, out, x):
    return (g.expand(x.shape),)


@mistake(
    "Sum.grad", "means-gradient", "you divided by the number of elements: that is the gradient of a mean"
)
def grad(self, g, out, x):
    count = 1
    for axis in self.axes:
        count *= x.shape[axis]
    return (self.restored(g, x.shape).expand(x.shape) / count,)


@mistake("Extreme.grad", "each-tie-takes-all", "among equal extremes each took all of g; they share it")
def grad(self, g, out, x):
    tied = (x == self.restored(out, x.shape)).to(g.dtype)
    return (self.restored(g, x.shape) * tied,)


@mistake(
    "Extreme.grad",
    "first-takes-all",
    "among equal extremes the first took all of g; none of them is the first but by chance, so they share it",
)
def grad(self, g, out, x):
    tied = (x == self.restored(out, x.shape)).to(g.dtype)
    for axis in self.axes:
        tied = tied * (tied.cumsum(axis) == 1).to(g.dtype)
    return (self.restored(g, x.shape) * tied,)


@mistake(
    "Extreme.grad",
    "shared-with-strangers",
    "you shared g among the extremes of *all* groups; each group shares its own",
)
def grad(self, g, out, x):
    tied = (x == self.restored(out, x.shape)).to(g.dtype)
    return (self.restored(g, x.shape) * tied / tied.sum(),)


@mistake(
    "Extreme.grad",
    "everybody-takes-it",
    "you handed g to every element; only the extreme one moved the result",
)
def grad(self, g, out, x):
    return (self.restored(g, x.shape).expand(x.shape),)


@mistake(
    "Extreme.grad",
    "all-axes-gone",
    "you compared with the extreme without its axis: it lines up at the right, which is another axis",
)
def grad(self, g, out, x):
    tied = (x == out).to(g.dtype)
    share = tied / tied.sum(self.axes, keepdim=True)
    return (self.restored(g, x.shape) * share,)


@mistake(
    "MatMul.grad",
    "not-transposed",
    "you multiplied by the operands as they are; each gradient needs the *transpose* of the other",
)
def grad(self, g, out, x, y):
    return (g @ y if x.requires_grad else None), (x @ g if y.requires_grad else None)


@mistake(
    "MatMul.grad", "order-exchanged", "you multiplied from the wrong side: g stands where the operand stood"
)
def grad(self, g, out, x, y):
    return (y.mT @ g if x.requires_grad else None), (g @ x.mT if y.requires_grad else None)


@mistake(
    "MatMul.grad",
    "all-axes-turned",
    "`.T` turns all axes round; with batches only the last two change places: `.mT`",
)
def grad(self, g, out, x, y):
    to_x = g @ y.permute(*range(y.ndim - 1, -1, -1)) if x.requires_grad else None
    to_y = x.permute(*range(x.ndim - 1, -1, -1)) @ g if y.requires_grad else None
    return to_x, to_y


@mistake(
    "MatMul.grad",
    "unwanted-too",
    "you computed both gradients although only one is wanted: what the other one reads was not kept",
)
def grad(self, g, out, x, y):
    return g @ y.mT, x.mT @ g


@mistake(
    "Permute.grad",
    "same-again",
    "you applied the same permutation again; what takes axes back is its inverse",
)
def grad(self, g, out, x):
    return (g.permute(self.axes),)


@mistake(
    "Permute.grad", "backwards", "you took the axes in reverse order, which is the inverse only by chance"
)
def grad(self, g, out, x):
    return (g.permute(tuple(reversed(self.axes))),)


@mistake("Permute.grad", "left-turned", "you returned g with its axes as they came")
def grad(self, g, out, x):
    return (g,)


@mistake(
    "Slice.grad",
    "from-the-beginning",
    "you put g at the beginning of the axis; it belongs where the slice began",
)
def grad(self, g, out, x):
    layout = Layout.contiguous(x.shape)
    view = layout.slice(self.axis, 0, self.stop - self.start, self.step)
    return (g.spread(view, layout),)


@mistake(
    "Slice.grad",
    "without-steps",
    "you put the elements side by side; between them lie those that the slice stepped over",
)
def grad(self, g, out, x):
    layout = Layout.contiguous(x.shape)
    size = g.shape[self.axis]
    view = layout.slice(self.axis, self.start, self.start + size, 1)
    return (g.spread(view, layout),)


@mistake(
    "Slice.grad",
    "not-spread",
    "you returned g in the shape of the slice; what was left out has a gradient too: 0",
)
def grad(self, g, out, x):
    return (g,)


@mistake(
    "IndexSelect.grad",
    "repeats-lost",
    "a row that is picked twice got only one of its two gradients: they add up",
)
def grad(self, g, out, x, index):
    return g.new_zeros(x.shape).index_put((index,), g, accumulate=False), None


@mistake(
    "IndexSelect.grad",
    "picked-again",
    "you picked rows of g; the gradient goes the other way, back to the rows that were picked",
)
def grad(self, g, out, x, index):
    return g.index_select(0, index % g.shape[0]), None


@mistake(
    "IndexSelect.grad",
    "as-they-come",
    "you wrote the rows of g one after the other; each belongs to the row that the index names",
)
def grad(self, g, out, x, index):
    places = index.cumsum(0) * 0 + (index * 0 + 1).cumsum(0) - 1
    return g.new_zeros(x.shape).index_put((places % x.shape[0],), g, accumulate=True), None


@mistake("MatMul.flops", "without-the-two", "each term is a multiplication and an addition: two operations")
def flops(self, out, *xs):
    return int(out.numel() * xs[0].shape[-1])


@mistake(
    "MatMul.flops", "without-the-batch", "you counted one product; there are as many as the axes in front say"
)
def flops(self, out, *xs):
    return int(2 * out.shape[-2] * out.shape[-1] * xs[0].shape[-1])


@mistake(
    "MatMul.flops",
    "rows-for-terms",
    "you took the rows of the first operand; the terms of each sum are its columns",
)
def flops(self, out, *xs):
    return int(2 * out.numel() * xs[0].shape[-2])
