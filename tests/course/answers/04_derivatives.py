"""Right answers to module 04, written independently of the reference."""

from tinytorch_course.kit import answer


@answer("slope", "above-and-below")
def slope(function, x, g, eps):
    data = x.detach().numpy()

    def measured():
        return (function().detach().numpy() * g.detach().numpy()).sum()

    found = np.empty(data.shape)
    for place in np.ndindex(*data.shape):
        before = float(data[place])
        data[place] = before + eps
        above = measured()
        data[place] = before - eps
        below = measured()
        data[place] = before
        found[place] = (above - below) / (eps + eps)
    return found


@answer("gradcheck", "collect-then-judge")
def gradcheck(func, inputs, *, eps=1e-6, atol=1e-5, rtol=1e-3, raise_exception=True, seed=0):
    given, wrong = sequence(inputs), []
    numbers = np.random.default_rng(seed + 17)
    for k in range(len(differentiable(func(*given)))):
        out = differentiable(func(*given))[k]
        g = out.new_tensor(numbers.normal(size=out.shape) + 0.3)
        asked = differentiable(given)

        def output(k=k):
            return [each for each in sequence(func(*given)) if each.is_floating_point()][k]

        for x, got in zip(asked, grad(out, asked, g, allow_unused=True)):
            want = slope(output, x, g, eps)
            have = 0 * want if got is None else got.detach().numpy()
            if not np.isclose(have, want, rtol, atol, equal_nan=True).all():
                wrong.append((k, want, have))
    if wrong and raise_exception:
        raise GradcheckError(str(wrong[0]))
    return not wrong


@answer("Mul.grad", "other-way-round")
def grad(self, g, out, x, y):
    return y * g, x * g


@answer("Div.grad", "through-the-output")
def grad(self, g, out, x, y):
    share = g / y
    return share, -(share * out)


@answer("Tanh.grad", "one-minus-square")
def grad(self, g, out, x):
    return (g * (1.0 - out**2.0),)


@answer("Maximum.grad", "halves-added")
def grad(self, g, out, x, y):
    half = g * 0.5
    wins, loses = half.where(~(x < y), 0.0), half.where(~(y < x), 0.0)
    return wins + half.where(~(x <= y), 0.0), loses + half.where(~(y <= x), 0.0)


@answer("Sum.grad", "times-ones")
def grad(self, g, out, x):
    return (self.restored(g, x.shape) * g.new_ones(x.shape),)


@answer("Extreme.grad", "share-first")
def grad(self, g, out, x):
    at = x == self.restored(out, x.shape)
    share = self.restored(g, x.shape) / at.to(g.dtype).sum(self.axes, keepdim=True)
    return (share.expand(x.shape).where(at, 0.0),)


@answer("MatMul.grad", "transposed-twice")
def grad(self, g, out, x, y):
    first = second = None
    if x.requires_grad:
        first = (y @ g.mT).mT
    if y.requires_grad:
        second = (g.mT @ x).mT
    return first, second


@answer("Permute.grad", "sorted-axes")
def grad(self, g, out, x):
    return (g.permute(sorted(range(len(self.axes)), key=self.axes.__getitem__)),)


@answer("Slice.grad", "zeros-and-positions")
def grad(self, g, out, x):
    layout = Layout.contiguous(x.shape)
    return (g.spread(layout.slice(self.axis, self.start, self.stop, self.step), layout),)


@answer("IndexSelect.grad", "one-hot-product")
def grad(self, g, out, x, index):
    rows = g.new_zeros((index.numel(), x.shape[0]))
    for i, row in enumerate(index.reshape(-1).tolist()):
        rows = rows.index_put((index.new_tensor([i]), index.new_tensor([row])), g.new_ones((1,)))
    width = 1
    for size in x.shape[1:]:
        width *= size
    return (rows.mT @ g.reshape(index.numel(), width)).reshape(x.shape), None


@answer("MatMul.flops", "rows-columns-terms")
def flops(self, out, *xs):
    batch = 1
    for size in out.shape[:-2]:
        batch *= size
    return batch * out.shape[-2] * out.shape[-1] * (xs[1].shape[-2] + xs[0].shape[-1])
