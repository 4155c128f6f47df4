"""What people really write in module 02, and what it means."""

from tinytorch_course.kit import change, mistake


@mistake("offsets", "offset-forgotten", "you left out layout.offset, where the first element lies")
def offsets(layout):
    for index in itertools.product(*map(range, layout.shape)):
        yield sum(i * stride for i, stride in zip(index, layout.strides, strict=True))


@mistake(
    "offsets", "first-axis-fastest", "you let the first axis run fastest; in reading order the last one does"
)
def offsets(layout):
    for index in itertools.product(*map(range, reversed(layout.shape))):
        yield layout.offset + sum(
            i * stride for i, stride in zip(reversed(index), layout.strides, strict=True)
        )


@mistake(
    "offsets",
    "memory-counted",
    "you counted through memory as if the layout were contiguous; its strides say where to go",
)
def offsets(layout):
    yield from range(layout.offset, layout.offset + math.prod(layout.shape))


@mistake(
    "offsets",
    "nothing-without-axes",
    "a layout of shape () has one element: its product of sizes is 1, not 0",
)
def offsets(layout):
    if not layout.shape:
        return
    for index in itertools.product(*map(range, layout.shape)):
        yield layout.offset + sum(i * stride for i, stride in zip(index, layout.strides, strict=True))


@mistake(
    "offsets",
    "something-for-nothing",
    "a layout with an axis of size 0 has no element; you gave its offset once",
)
def offsets(layout):
    index = [0] * len(layout.shape)
    while True:
        yield layout.offset + sum(i * stride for i, stride in zip(index, layout.strides, strict=True))
        for axis in reversed(range(len(index))):
            index[axis] += 1
            if index[axis] < layout.shape[axis]:
                break
            index[axis] = 0
        else:
            return


@mistake(
    "offsets",
    "recursion-per-element",
    "you recurse once per element: Python stops at a depth of about a thousand",
)
def offsets(layout):
    total = math.prod(layout.shape)

    def walk(number):
        if number < total:
            rest, where = number, layout.offset
            for size, stride in zip(reversed(layout.shape), reversed(layout.strides), strict=True):
                rest, i = divmod(rest, size)
                where += i * stride
            yield where
            yield from walk(number + 1)

    yield from walk(0)


change(
    "Loops.map",
    "buffers-zipped",
    "you walked the buffers side by side; each input has a layout of its own that says where to read",
    (
        """\
walks = [self.read(x.view(x.layout.expand(out.shape))) for x in xs]
return self.write(out, (evaluate(expr, values) for values in zip(*walks, strict=True)))
""",
        """\
walks = [[value.item() for value in x.storage.buffer] for x in xs]
return self.write(out, (evaluate(expr, values) for _, values in zip(range(out.size), itertools.cycle(zip(*walks)))))
""",
    ),
)


change(
    "Loops.map",
    "shape-of-the-first",
    "you took the shape of the first input; it is what all shapes broadcast to",
    (
        "shape = broadcast_shapes(*[x.shape for x in xs])",
        "pass",
    ),
    (
        "out = self.empty(shape, bool_ if compares else xs[-1].dtype)",
        "out = self.empty(xs[0].shape, bool_ if compares else xs[-1].dtype)",
    ),
)


change(
    "Loops.map",
    "layout-of-the-input",
    "you gave the result the layout of an input, which may leave gaps or repeat cells; new memory is contiguous",
    (
        "out = self.empty(shape, bool_ if compares else xs[-1].dtype)",
        """\
out = self.empty(shape, bool_ if compares else xs[-1].dtype)
out.layout = xs[0].layout.expand(shape)
""",
    ),
)


change(
    "Loops.map",
    "not-expanded",
    "you walked each input in its own shape; a smaller one must be expanded to the shape of the result",
    (
        "walks = [self.read(x.view(x.layout.expand(out.shape))) for x in xs]",
        "walks = [self.read(x) for x in xs]",
    ),
)


change(
    "Loops.map",
    "answers-as-numbers",
    "a comparison answers True or False: its result is of type bool",
    (
        """\
compares = isinstance(expr, tuple) and expr[0] in COMPARISONS
out = self.empty(shape, bool_ if compares else xs[-1].dtype)
""",
        "out = self.empty(shape, xs[-1].dtype)",
    ),
)


change(
    "Loops.map",
    "type-of-the-condition",
    "you took the type of the first input; for a choice that is the condition, and the values come last",
    (
        "out = self.empty(shape, bool_ if compares else xs[-1].dtype)",
        "out = self.empty(shape, bool_ if compares else xs[0].dtype)",
    ),
)


@mistake(
    "Loops.map", "out-ignored", "you always made new memory; where `out` is given, the result belongs there"
)
def map(self, expr, *xs, out=None):
    shape = broadcast_shapes(*[x.shape for x in xs])
    compares = isinstance(expr, tuple) and expr[0] in COMPARISONS
    out = self.empty(shape, bool_ if compares else xs[-1].dtype)
    walks = [self.read(x.view(x.layout.expand(out.shape))) for x in xs]
    return self.write(out, (evaluate(expr, values) for values in zip(*walks, strict=True)))


change(
    "Loops.reduce",
    "starts-at-zero",
    "you began every fold at 0; a product begins at 1, a maximum at minus infinity",
    (
        "fold, start = FOLDS[name]",
        "fold, _start = FOLDS[name]",
    ),
    (
        "totals = [start] * out.size",
        "totals = [0] * out.size",
    ),
)


change(
    "Loops.reduce",
    "axes-gone",
    "you left the folded axes out; here they stay, with size 1",
    (
        "return self.write(out, iter(totals))",
        """\
out = self.write(out, iter(totals))
return out.view(out.layout.squeeze(tuple(axes)))
""",
    ),
)


change(
    "Loops.reduce",
    "first-axis-only",
    "you folded along the first of the axes only; all that are named disappear together",
    (
        "shape = tuple([1 if axis in axes else size for axis, size in enumerate(x.shape)])",
        "shape = tuple([1 if axis in axes[:1] else size for axis, size in enumerate(x.shape)])",
    ),
)


@mistake(
    "Loops.reduce", "everything-folded", "you folded every axis; those that are not named keep their size"
)
def reduce(self, name, x, axes):
    fold, start = FOLDS[name]
    out = self.empty((1,) * len(x.shape), x.dtype)
    total = start
    for value in self.read(x):
        total = fold(total, value)
    return self.write(out, iter([total]))


change(
    "Loops.reduce",
    "other-axes-folded",
    "you folded the axes that should stay, and kept those that should be folded",
    (
        "shape = tuple([1 if axis in axes else size for axis, size in enumerate(x.shape)])",
        "shape = tuple([size if axis in axes else 1 for axis, size in enumerate(x.shape)])",
    ),
)


change(
    "Loops.reduce",
    "memory-order",
    "you took the values as they lie in memory; the layout says in which order they are read",
    (
        """\
for where, value in zip(offsets(out.layout.expand(x.shape)), self.read(x), strict=True):
    totals[where] = fold(totals[where], value)
""",
        """\
for where, value in zip(offsets(out.layout.expand(x.shape)), x.storage.buffer):
    totals[where] = fold(totals[where], value.item())
""",
    ),
)


change(
    "Loops.matmul",
    "contiguous-assumed",
    "you computed `row * inner + k` yourself; that is only right for contiguous operands: a transposed one has other strides",
    (
        """\
left = x.layout.expand((*batch, rows, inner))
right = y.layout.expand((*batch, inner, columns))
""",
        """\
left = Layout.contiguous(x.shape).expand((*batch, rows, inner))
right = Layout.contiguous(y.shape).expand((*batch, inner, columns))
""",
    ),
)


change(
    "Loops.matmul",
    "batches-not-broadcast",
    "you used each operand's own batch axes; they broadcast against each other first",
    (
        """\
left = x.layout.expand((*batch, rows, inner))
right = y.layout.expand((*batch, inner, columns))
""",
        "pass",
    ),
    (
        "total += at(x, left, (*where, row, k)) * at(y, right, (*where, k, column))",
        "total += at(x, x.layout, (*where, row, k)) * at(y, y.layout, (*where, k, column))",
    ),
)


change(
    "Loops.matmul",
    "total-not-reset",
    "the total goes on from one column to the next; each element begins a sum of its own",
    (
        "total: Any = 0",
        "total = total if column else 0",
    ),
)


change(
    "Loops.matmul",
    "rows-of-the-second",
    "you walked a row of the second operand; its columns are what meets the rows of the first",
    (
        "total += at(x, left, (*where, row, k)) * at(y, right, (*where, k, column))",
        "total += at(x, left, (*where, row, k)) * at(y, right, (*where, column, k))",
    ),
)


change(
    "Loops.matmul",
    "overwritten",
    "you kept only the last product; the element is the sum of all of them",
    (
        "total: Any = 0",
        "pass",
    ),
    (
        """\
    total += at(x, left, (*where, row, k)) * at(y, right, (*where, k, column))
out.storage.buffer[place(out.layout, index)] = total
""",
        """\
product = at(x, left, (*where, row, k)) * at(y, right, (*where, k, column))
out.storage.buffer[place(out.layout, index)] = product
""",
    ),
)


@mistake("Cpu.strided", "strides-in-elements", "NumPy counts strides in bytes, a layout in elements")
def strided(self, x):
    shape, item = x.layout.shape, x.dtype.itemsize
    if 0 in shape:
        return np.empty(shape, x.dtype.numpy)
    buffer = x.storage.buffer.ravel(order="K")
    return np.ndarray(shape, x.dtype.numpy, buffer, x.layout.offset * item, x.layout.strides)


@mistake("Cpu.strided", "offset-in-elements", "NumPy counts the offset in bytes, a layout in elements")
def strided(self, x):
    shape, item = x.layout.shape, x.dtype.itemsize
    if 0 in shape:
        return np.empty(shape, x.dtype.numpy)
    buffer = x.storage.buffer.ravel(order="K")
    strides = tuple([stride * item for stride in x.layout.strides])
    return np.ndarray(shape, x.dtype.numpy, buffer, x.layout.offset, strides)


@mistake(
    "Cpu.strided",
    "offset-forgotten-here",
    "you left the offset out: every view begins where the memory begins",
)
def strided(self, x):
    shape, item = x.layout.shape, x.dtype.itemsize
    if 0 in shape:
        return np.empty(shape, x.dtype.numpy)
    buffer = x.storage.buffer.ravel(order="K")
    strides = tuple([stride * item for stride in x.layout.strides])
    return np.lib.stride_tricks.as_strided(buffer, shape, strides)


@mistake(
    "Cpu.strided",
    "copied",
    "the values are right, but in new memory: what is written through the view would be lost, and every read pays for a copy",
)
def strided(self, x):
    shape, item = x.layout.shape, x.dtype.itemsize
    if 0 in shape:
        return np.empty(shape, x.dtype.numpy)
    buffer = x.storage.buffer.ravel(order="K")
    strides = tuple([stride * item for stride in x.layout.strides])
    return np.array(np.ndarray(shape, x.dtype.numpy, buffer, x.layout.offset * item, strides))


change(
    "Cpu.strided",
    "made-contiguous",
    "you made the view contiguous: the values are right, and of every view that is not contiguous they lie in new memory",
    (
        "return np.ndarray(shape, x.dtype.numpy, buffer, x.layout.offset * item, strides)",
        "return np.ascontiguousarray(np.ndarray(shape, x.dtype.numpy, buffer, x.layout.offset * item, strides))",
    ),
)


@mistake(
    "Cpu.strided",
    "reshaped",
    "you cut the memory into the new shape in the order in which it lies; the strides say another order",
)
def strided(self, x):
    shape = x.layout.shape
    if 0 in shape:
        return np.empty(shape, x.dtype.numpy)
    buffer = x.storage.buffer.ravel(order="K")
    return buffer[x.layout.offset : x.layout.offset + int(np.prod(shape))].reshape(shape)


@mistake(
    "Functions.__missing__",
    "built-every-time",
    "right, but the function is built anew on every call: keep it under its expression",
)
def __missing__(self, expr):
    if isinstance(expr, tuple) and expr[1:] == tuple(range(len(expr) - 1)):
        return UFUNCS[expr[0]]
    names = ", ".join(f"x{i}" for i in range(arity(expr)))
    constants = {}
    text = source(expr, constants)
    return eval(f"lambda {names}: {text}", CALLS | constants)


change(
    "Functions.__missing__",
    "one-function-in-any-order",
    "you took NumPy's function for inputs in any order; ('sub', 1, 0) is the second minus the first",
    (
        "if isinstance(expr, tuple) and expr[1:] == tuple(range(len(expr) - 1)):",
        "if isinstance(expr, tuple) and all((isinstance(part, int) for part in expr[1:])):",
    ),
)


@mistake(
    "Functions.__missing__",
    "inputs-by-appearance",
    "you numbered the inputs as they appear in the expression; the number that stands there says which input it is",
)
def __missing__(self, expr):
    count = [0]

    def renamed(part):
        if isinstance(part, int):
            count[0] += 1
            return count[0] - 1
        return part if part[0] == "const" else (part[0], *[renamed(each) for each in part[1:]])

    if isinstance(expr, tuple) and expr[1:] == tuple(range(len(expr) - 1)):
        made = UFUNCS[expr[0]]
    else:
        names = ", ".join(f"x{i}" for i in range(arity(expr)))
        constants = {}
        made = eval(f"lambda {names}: {source(renamed(expr), constants)}", CALLS | constants)
    self[expr] = made
    return made


change(
    "Functions.__missing__",
    "one-input-per-part",
    "you counted the parts of the expression; the number of inputs is one more than the highest that is named",
    (
        'names = ", ".join(f"x{i}" for i in range(arity(expr)))',
        """\
parts = len(expr) - 1 if isinstance(expr, tuple) else 1
names = ', '.join((f'x{i}' for i in range(parts)))
""",
    ),
    (
        """\
text = source(expr, constants)
made = eval(f"lambda {names}: {text}", CALLS | constants)
""",
        "made = eval(f'lambda {names}: {source(expr, constants)}', CALLS | constants)",
    ),
)


@mistake(
    "Cpu.reduce", "halves-in-halves", "you added float16 in float16: from 2,048 on, adding 1 changes nothing"
)
def reduce(self, name, x, axes):
    fold, host = FOLDS[name], x.host
    return self.wrap(np.asarray(fold.reduce(host, axis=axes, keepdims=True, dtype=host.dtype)))


@mistake(
    "Cpu.reduce",
    "wide-result",
    "you added in float32, which is right, and left the result there; it goes back to float16",
)
def reduce(self, name, x, axes):
    fold, host = FOLDS[name], x.host
    if x.dtype in HALVES and name in ("add", "multiply"):
        return self.wrap(np.asarray(fold.reduce(host, axis=axes, keepdims=True, dtype=np.float32)))
    return self.wrap(np.asarray(fold.reduce(host, axis=axes, keepdims=True, dtype=host.dtype)))


change(
    "Cpu.reduce",
    "axes-dropped",
    "you let NumPy drop the folded axes; a device keeps them with size 1",
    (
        "wide = fold.reduce(host, axis=axes, keepdims=True, dtype=np.float32)",
        "wide = fold.reduce(host, axis=axes, dtype=np.float32)",
    ),
    (
        "return self.wrap(np.asarray(fold.reduce(host, axis=axes, keepdims=True, dtype=host.dtype)))",
        "return self.wrap(np.asarray(fold.reduce(host, axis=axes, dtype=host.dtype)))",
    ),
)


change(
    "Cpu.reduce",
    "numpys-type",
    "you let NumPy choose the type: it adds int32 up as int64; a device keeps the type that it gets",
    (
        "return self.wrap(np.asarray(fold.reduce(host, axis=axes, keepdims=True, dtype=host.dtype)))",
        "return self.wrap(np.asarray(fold.reduce(host, axis=axes, keepdims=True)))",
    ),
)


change(
    "Cpu.reduce",
    "sums-only-widened",
    "you widened sums only; a product of halves overflows on the way just as well",
    (
        'if x.dtype in HALVES and name in ("add", "multiply"):',
        "if x.dtype in HALVES and name == 'add':",
    ),
)


@mistake(
    "Cpu.matmul",
    "copied-first",
    "right, but you made transposed operands contiguous first; BLAS takes them as they are",
)
def matmul(self, x, y):
    if x.dtype in HALVES:
        wide = np.matmul(x.host.astype(np.float32), y.host.astype(np.float32))
        return self.wrap(wide.astype(x.host.dtype))
    return self.wrap(np.matmul(np.ascontiguousarray(x.host), np.ascontiguousarray(y.host)))


@mistake(
    "Cpu.matmul",
    "dot-for-batches",
    "np.dot pairs every batch with every other; np.matmul lines the batches up",
)
def matmul(self, x, y):
    if x.dtype in HALVES:
        wide = np.dot(x.host.astype(np.float32), y.host.astype(np.float32))
        return self.wrap(wide.astype(x.host.dtype))
    return self.wrap(np.dot(x.host, y.host))


@mistake(
    "Cpu.matmul",
    "wide-product",
    "you multiplied halves in float32, which is right, and left the result there; it goes back to float16",
)
def matmul(self, x, y):
    if x.dtype in HALVES:
        return self.wrap(np.matmul(x.host.astype(np.float32), y.host.astype(np.float32)))
    return self.wrap(np.matmul(x.host, y.host))


@mistake(
    "Cpu.matmul",
    "all-in-float32",
    "you multiplied everything in float32: whole numbers and float64 lose their type",
)
def matmul(self, x, y):
    wide = np.matmul(x.host.astype(np.float32), y.host.astype(np.float32))
    return self.wrap(wide.astype(x.host.dtype) if x.dtype in HALVES else wide)


change(
    "Cpu.scatter",
    "duplicates-lost",
    "`out[index] += src` reads all places first and writes them afterwards: of two at one place, one is lost",
    (
        "np.add.at(out.host, where, src.host)",
        "out.host[where] += src.host",
    ),
)


@mistake("Cpu.scatter", "always-added", "you added in both cases; without `add` the old value is replaced")
def scatter(self, out, src, *indices, add):
    np.add.at(out.host, tuple([index.host for index in indices]), src.host)
    return out


@mistake(
    "Cpu.scatter",
    "first-index-only",
    "you used the first index alone; several say a place together: row and column",
)
def scatter(self, out, src, *indices, add):
    where = indices[0].host
    value = src.host if out.host[where].shape == src.host.shape else src.host[:, None]
    if add:
        np.add.at(out.host, where, value)
    else:
        out.host[where] = value
    return out


@mistake("Cpu.scatter", "written-to-a-copy", "you wrote into a copy: what was handed in stays as it was")
def scatter(self, out, src, *indices, add):
    where, host = tuple([index.host for index in indices]), out.host.copy()
    if add:
        np.add.at(host, where, src.host)
    else:
        host[where] = src.host
    return self.wrap(host)
