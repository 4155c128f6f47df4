"""What people really write in module 03, and what it means."""

from tinytorch_course.kit import change, mistake


@mistake(
    "promote_types",
    "numpys-rule",
    "you promoted as NumPy does, which takes int64 and float32 to float64; here the higher category wins as it is",
)
def promote_types(first, second):
    found = np.promote_types(first.numpy, second.numpy)
    return FROM_NUMPY.get(found, float64)


change(
    "promote_types",
    "one-sign-lost",
    "you let int8 and uint8 meet in one of them; neither holds the other's numbers, int16 holds both",
    (
        """\
if {first, second} == {uint8, int8}:
    return int16
""",
        "pass",
    ),
)


@mistake(
    "promote_types",
    "larger-wins",
    "you let the larger type win; an int64 is larger than a float16 and cannot hold a half",
)
def promote_types(first, second):
    if {first, second} == {uint8, int8}:
        return int16
    return max(first, second, key=lambda each: each.itemsize)


@mistake(
    "result_type",
    "all-equally-strong",
    "you let every operand decide; a number without axes only counts if its category is higher",
)
def result_type(*operands):
    if not operands:
        raise DtypeError("a result type needs at least one operand")
    result = operands[0][0]
    for each, _ in operands[1:]:
        result = promote_types(result, each)
    return result


@mistake(
    "result_type",
    "weak-never-heard",
    "you let only the strongest operands decide; a weaker one of a higher category is heard: int64 and 0.5 make a float",
)
def result_type(*operands):
    if not operands:
        raise DtypeError("a result type needs at least one operand")
    top = max(strength for _, strength in operands)
    result = None
    for each, strength in operands:
        if strength == top:
            result = each if result is None else promote_types(result, each)
    return result


change(
    "result_type",
    "numbers-as-tensors",
    "you took a Python number for as strong as a tensor without axes; it is weaker still",
    (
        "for strength in (2, 1, 0):",
        "for strengths in ((2,), (1, 0)):",
    ),
    (
        "if its == strength:",
        "if its in strengths:",
    ),
)


change(
    "apply_fully",
    "recorded-under-no-grad",
    "you recorded although recording is off: MODE.recording says so",
    (
        "if MODE.recording and op.differentiable and any([x.requires_grad for x in inputs]):  # noqa: C419 a list is faster",
        "if op.differentiable and any((x.requires_grad for x in inputs)):",
    ),
)


change(
    "apply_fully",
    "recorded-for-constants",
    "you recorded operations that nobody wants a gradient of: record only if an input requires one",
    (
        "if MODE.recording and op.differentiable and any([x.requires_grad for x in inputs]):  # noqa: C419 a list is faster",
        "if MODE.recording and op.differentiable:",
    ),
)


change(
    "apply_fully",
    "announced-before",
    "you announced the operation before it ran: listeners want to see its result, and one that fails is none",
    (
        "inputs, arrays = rewritten(op, inputs)",
        """\
inputs, arrays = rewritten(op, inputs)
if LISTENING.observers:
    announce(op, inputs, None)
""",
    ),
    (
        """\
if LISTENING.observers:
    announce(op, inputs, result)
""",
        "pass",
    ),
)


change(
    "apply_fully",
    "nobody-told",
    "you announced nothing: tools that watch the framework see none of your operations",
    (
        """\
if LISTENING.observers:
    announce(op, inputs, result)
""",
        "pass",
    ),
)


change(
    "apply_fully",
    "class-kept",
    "you made the result of the class of the input; what is computed from a Parameter is a plain Tensor",
    (
        "if MODE.recording and op.differentiable and any([x.requires_grad for x in inputs]):  # noqa: C419 a list is faster",
        """\
if single and type(inputs[0]) is not Tensor:
    result = type(inputs[0])(result)
elif MODE.recording and op.differentiable and any((x.requires_grad for x in inputs)):
""",
    ),
)


change(
    "apply_fully",
    "not-promoted",
    "you ran the card on the inputs as they came; `rewritten` gives them the one type in which it computes",
    (
        "inputs, arrays = rewritten(op, inputs)",
        "arrays = [x.array for x in inputs]",
    ),
)


change(
    "apply_fully",
    "views-not-settled",
    "you used a view whose base was written to since; `settle` gives it the base's present history first",
    (
        """\
for x in inputs:
    if x.view_of is not None:
        settle(x)
""",
        "pass",
    ),
)


@mistake(
    "apply_fully",
    "unfolded",
    "you ran the definition of a fused card as the operations that it is made of; `evaluate` makes it count as one",
)
def apply_fully(op, inputs):
    for x in inputs:
        if x.view_of is not None:
            settle(x)
    if op.defined:
        return op.definition(*inputs)
    inputs, arrays = rewritten(op, inputs)
    if op.expr is not None:
        try:
            made = arrays[0].device.map(op.expr, *arrays)
        except (ValueError, TypeError) as error:
            raise refusal(op, arrays, error) from error
    else:
        made = op.forward(*arrays)
    single = type(made) is Array
    result = Tensor(made) if single else tuple([Tensor(each) for each in made])
    if MODE.recording and op.differentiable and any(x.requires_grad for x in inputs):
        graph.record(op, inputs, arrays, (result,) if single else result)
    if LISTENING.observers:
        announce(op, inputs, result)
    return result


change(
    "binary",
    "sides-not-swapped",
    "you left the sides as they were: 1 - x arrives with x as `self`, and is 1 minus x",
    (
        "def method(self: Tensor, other: Any) -> Tensor:",
        "def method(self, other):",
    ),
    (
        """\
made: Tensor = apply(card, other, self) if swapped else apply(card, self, other)
return made
""",
        "return apply(card, self, other)",
    ),
)


change(
    "binary",
    "always-swapped",
    "you swapped the sides in every case; only the reflected operators come the other way round",
    (
        "def method(self: Tensor, other: Any) -> Tensor:",
        "def method(self, other):",
    ),
    (
        """\
made: Tensor = apply(card, other, self) if swapped else apply(card, self, other)
return made
""",
        "return apply(card, other, self)",
    ),
)


@mistake(
    "binary",
    "strangers-refused",
    "you raised for what you do not know; returning NotImplemented lets Python ask the other side first",
)
def binary(card, swapped=False):
    def method(self, other):
        if type(other) is not Tensor:
            other = operand(self, other)
            if other is NotImplemented:
                raise TypeError("this is no tensor and no number")
        return apply(card, other, self) if swapped else apply(card, self, other)

    return method


@mistake(
    "binary",
    "numbers-left",
    "you sent a Python number through the door as it is; `operand` makes it a tensor",
)
def binary(card, swapped=False):
    def method(self, other):
        return apply(card, other, self) if swapped else apply(card, self, other)

    return method


@mistake(
    "binary",
    "none-for-strangers",
    "you returned None for what you do not know; Python's word for that is NotImplemented",
)
def binary(card, swapped=False):
    def method(self, other):
        if type(other) is not Tensor:
            other = operand(self, other)
            if other is NotImplemented:
                return None
        return apply(card, other, self) if swapped else apply(card, self, other)

    return method


change(
    "canonical_dims",
    "modulo",
    "you took the axis modulo the number of axes, which makes an axis of any number: 7 of 3 axes is an error",
    (
        "dims = tuple([canonical_dim(each, ndim) for each in given])  # type: ignore[arg-type]",
        "dims = tuple([each % max(ndim, 1) for each in given])",
    ),
    (
        'raise ShapeError(f"dim {tuple(given)} names an axis of a {ndim}-dimensional tensor twice")',
        "raise ShapeError('an axis is named twice')",
    ),
)


change(
    "canonical_dims",
    "twice-accepted",
    "you accepted an axis that is named twice, perhaps once from each end",
    (
        """\
if len(set(dims)) < len(dims):
    raise ShapeError(f"dim {tuple(given)} names an axis of a {ndim}-dimensional tensor twice")
""",
        "pass",
    ),
)


change(
    "canonical_dims",
    "nothing-for-nothing",
    "you took () for no axis; as in PyTorch it means all of them, like None",
    (
        "if dim is None or dim == () or dim == []:",
        "if dim is None:",
    ),
    (
        'raise ShapeError(f"dim {tuple(given)} names an axis of a {ndim}-dimensional tensor twice")',
        "raise ShapeError('an axis is named twice')",
    ),
)


@mistake(
    "canonical_dims",
    "negative-kept",
    "you left negative axes as they are; whoever asks wants them from the front",
)
def canonical_dims(dim, ndim):
    if dim is None or dim == () or dim == []:
        return tuple(range(ndim))
    given = tuple(dim) if isinstance(dim, (tuple, list)) else (dim,)
    dims = tuple([canonical_dim(each, ndim) for each in given])
    if len(set(dims)) < len(dims):
        raise ShapeError("an axis is named twice")
    return given if ndim else ()


change(
    "canonical_dims",
    "put-in-order",
    "you sorted the axes; the order in which they are named is kept",
    (
        "dims = tuple([canonical_dim(each, ndim) for each in given])  # type: ignore[arg-type]",
        "dims = tuple(sorted([canonical_dim(each, ndim) for each in given]))",
    ),
    (
        'raise ShapeError(f"dim {tuple(given)} names an axis of a {ndim}-dimensional tensor twice")',
        "raise ShapeError('an axis is named twice')",
    ),
)


change(
    "sum",
    "all-ones-squeezed",
    "you squeezed without saying which axis: every other axis of size 1 is gone too",
    (
        """\
made: Tensor = x.apply(ops.Sum(axes, keepdim), x)
return made
""",
        """\
made = x.apply(ops.Sum(axes, True), x)
return made if keepdim else made.squeeze()
""",
    ),
)


@mistake(
    "sum",
    "integers-stay-small",
    "you added small integers in their own type: 200 and 100 are 44 in uint8; they add up as int64",
)
def sum(x, dim=None, keepdim=False, *, dtype=None):
    axes = canonical_dims(dim, x.ndim)
    x = x if dtype is None else x.to(dtype)
    return x.apply(ops.Sum(axes, keepdim), x)


change(
    "sum",
    "keepdim-ignored",
    "you always dropped the folded axes; with keepdim they stay, with size 1",
    (
        """\
made: Tensor = x.apply(ops.Sum(axes, keepdim), x)
return made
""",
        "return x.apply(ops.Sum(axes, False), x)",
    ),
)


change(
    "sum",
    "converted-afterwards",
    "you added first and converted then: what overflowed on the way stays overflowed",
    (
        "x = x if dtype is None else x.to(dtype)",
        "pass",
    ),
    (
        "return made",
        "return made if dtype is None else made.to(dtype)",
    ),
)


@mistake("sum", "type-ignored", "you left out what the caller asked for: `dtype` is the type in which to add")
def sum(x, dim=None, keepdim=False, *, dtype=None):
    axes = canonical_dims(dim, x.ndim)
    if x.array.dtype.category != FLOATING:
        x = x.to(dtypes.int64)
    return x.apply(ops.Sum(axes, keepdim), x)


@mistake(
    "sum",
    "last-axis-by-default",
    "you folded the last axis where none was named; without `dim` it is all of them",
)
def sum(x, dim=None, keepdim=False, *, dtype=None):
    axes = canonical_dims(-1 if dim is None else dim, x.ndim)
    if dtype is None and x.array.dtype.category != FLOATING:
        dtype = dtypes.int64
    x = x if dtype is None else x.to(dtype)
    return x.apply(ops.Sum(axes, keepdim), x)


@mistake(
    "reshape",
    "always-copied",
    "right, but you copied in every case; where the layout has a view, no byte needs to move",
)
def reshape(x, *shape):
    sizes = x.filled_in(axes_of(shape))
    return see(ops.Reshape(sizes), x.clone())


@mistake(
    "reshape",
    "never-copied",
    "you never copied; a transposed layout has no view of another shape, and there reshape copies",
)
def reshape(x, *shape):
    return x.view(*shape)


@mistake(
    "reshape",
    "memory-order",
    "you cut up the memory as it lies; reshape keeps the reading order, whatever the strides are",
)
def reshape(x, *shape):
    sizes = x.filled_in(axes_of(shape))
    if prod(sizes) != x.numel():
        raise ShapeError(f"{x.shape} does not have as many elements as {sizes}")
    return see(ops.View(Layout.contiguous(sizes), x.array.layout), x)


@mistake(
    "filled_in",
    "minus-one-twice",
    "you filled in every -1 with the same size; with two of them there is more than one answer",
)
def filled_in(x, shape):
    known = 1
    for size in shape:
        known *= size if size != -1 else 1
    if -1 in shape and not known:
        raise ShapeError("-1 could be any size beside a 0")
    return tuple([x.numel() // known if size == -1 else size for size in shape])


change(
    "filled_in",
    "divided-by-zero",
    "you divided by the product of the other sizes, and it may be 0: then -1 could be anything",
    (
        """\
    raise ShapeError(f"only one dimension can be inferred, and {shape} leaves more open")
if not known:
    raise ShapeError(f"cannot reshape {x.shape} to {shape}: -1 could be any size beside a 0")
""",
        "raise ShapeError('only one dimension can be inferred')",
    ),
)


@mistake(
    "filled_in", "minus-one-kept", "you left the -1 in the shape; it stands for what is left of the elements"
)
def filled_in(x, shape):
    return shape


@mistake(
    "matmul", "axis-kept", "you left the axis in that a vector was given: a matrix times a vector is a vector"
)
def matmul(self, other):
    x, y = self, other
    if not x.ndim or not y.ndim:
        raise RuntimeError("both arguments to matmul need to be at least 1D")
    if x.shape[-1] != y.shape[-2 if y.ndim > 1 else 0]:
        raise ShapeError("columns do not meet rows")
    x = x if x.ndim > 1 else x.unsqueeze(0)
    y = y if y.ndim > 1 else y.unsqueeze(-1)
    if x.ndim > 2 or y.ndim > 2:
        broadcast_shapes(x.shape[:-2], y.shape[:-2])
    return x.apply(ops.MATMUL, x, y)


@mistake(
    "matmul",
    "left-as-a-column",
    "you made a vector on the left a column; it is a row, whose length meets the rows of the right side",
)
def matmul(self, other):
    x, y = self, other
    if not x.ndim or not y.ndim:
        raise RuntimeError("both arguments to matmul need to be at least 1D")
    x = x if x.ndim > 1 else x.unsqueeze(-1)
    y = y if y.ndim > 1 else y.unsqueeze(-1)
    if x.shape[-1] != y.shape[-2]:
        raise ShapeError("columns do not meet rows")
    if x.ndim > 2 or y.ndim > 2:
        broadcast_shapes(x.shape[:-2], y.shape[:-2])
    out = x.apply(ops.MATMUL, x, y)
    if self.ndim == 1:
        out = out.squeeze(-2)
    return out.squeeze(-1) if other.ndim == 1 else out


@mistake(
    "matmul",
    "every-one-squeezed",
    "you squeezed without saying which axis: sizes of 1 that belong to the result are gone",
)
def matmul(self, other):
    x, y = self, other
    if not x.ndim or not y.ndim:
        raise RuntimeError("both arguments to matmul need to be at least 1D")
    if x.shape[-1] != y.shape[-2 if y.ndim > 1 else 0]:
        raise ShapeError("columns do not meet rows")
    x = x if x.ndim > 1 else x.unsqueeze(0)
    y = y if y.ndim > 1 else y.unsqueeze(-1)
    if x.ndim > 2 or y.ndim > 2:
        broadcast_shapes(x.shape[:-2], y.shape[:-2])
    out = x.apply(ops.MATMUL, x, y)
    return out.squeeze() if 1 in (self.ndim, other.ndim) else out


@mistake(
    "matmul",
    "wrong-axis-squeezed",
    "you took the wrong axis away: the vector's own is the last but one on the left, the last on the right",
)
def matmul(self, other):
    x, y = self, other
    if not x.ndim or not y.ndim:
        raise RuntimeError("both arguments to matmul need to be at least 1D")
    if x.shape[-1] != y.shape[-2 if y.ndim > 1 else 0]:
        raise ShapeError("columns do not meet rows")
    x = x if x.ndim > 1 else x.unsqueeze(0)
    y = y if y.ndim > 1 else y.unsqueeze(-1)
    if x.ndim > 2 or y.ndim > 2:
        broadcast_shapes(x.shape[:-2], y.shape[:-2])
    out = x.apply(ops.MATMUL, x, y)
    if self.ndim == 1:
        out = out.squeeze(-1)
    return out.squeeze(-2) if other.ndim == 1 and out.ndim > 1 else out


@mistake(
    "matmul",
    "sizes-unchecked",
    "you let the device find out that the sizes do not fit; say so first, with both of them",
)
def matmul(self, other):
    x, y = self, other
    x = x if x.ndim > 1 else x.unsqueeze(0)
    y = y if y.ndim > 1 else y.unsqueeze(-1)
    out = x.apply(ops.MATMUL, x, y)
    if self.ndim == 1:
        out = out.squeeze(-2)
    return out.squeeze(-1) if other.ndim == 1 else out


@mistake("normalize_index", "dots-too-short", "your ... stands for one axis too few")
def normalize_index(index, shape):
    given = list(index) if isinstance(index, tuple) else [index]
    consumed = sum(axes_consumed(each) for each in given)
    dots = [i for i, each in enumerate(given) if each is Ellipsis]
    if len(dots) > 1:
        raise IndexOutOfRange("an index can only have one ellipsis ('...')")
    if consumed > len(shape):
        raise IndexOutOfRange("too many indices")
    fill = [slice(None)] * (len(shape) - consumed - len(dots))
    at = dots[0] if dots else len(given)
    return [*given[:at], *fill, *given[at + 1 :]]


change(
    "normalize_index",
    "none-takes-an-axis",
    "you let None answer for an axis; it puts a new one in, and takes none",
    (
        "consumed = sum(axes_consumed(each) for each in given)",
        "consumed = sum((1 if each is None else axes_consumed(each) for each in given))",
    ),
    (
        """\
raise IndexOutOfRange(
    f"too many indices: {consumed} for a tensor of dimension {len(shape)}, shape {shape}"
)
""",
        "raise IndexOutOfRange('too many indices')",
    ),
)


@mistake(
    "normalize_index",
    "filled-at-the-end",
    "you filled up at the end; the axes that ... stands for lie where it stands",
)
def normalize_index(index, shape):
    given = list(index) if isinstance(index, tuple) else [index]
    consumed = sum(axes_consumed(each) for each in given)
    if sum(each is Ellipsis for each in given) > 1:
        raise IndexOutOfRange("an index can only have one ellipsis ('...')")
    if consumed > len(shape):
        raise IndexOutOfRange("too many indices")
    fill = [slice(None)] * (len(shape) - consumed)
    return [*[each for each in given if each is not Ellipsis], *fill]


change(
    "normalize_index",
    "masks-count-once",
    "you let every entry answer for one axis; a mask answers for as many as it has",
    (
        "consumed = sum(axes_consumed(each) for each in given)",
        "consumed = sum((1 for each in given if each is not None and each is not Ellipsis and (each is not True)))",
    ),
    (
        """\
raise IndexOutOfRange(
    f"too many indices: {consumed} for a tensor of dimension {len(shape)}, shape {shape}"
)
""",
        "raise IndexOutOfRange('too many indices')",
    ),
)


change(
    "normalize_index",
    "too-many-accepted",
    "you accepted more entries than there are axes",
    (
        """\
if consumed > len(shape):
    raise IndexOutOfRange(
        f"too many indices: {consumed} for a tensor of dimension {len(shape)}, shape {shape}"
    )
""",
        "pass",
    ),
)


change(
    "normalize_index",
    "integer-as-slice",
    "you made a slice of one element of an integer: the slice keeps the axis, and an integer takes it away",
    (
        "return [*given[:at], *fill, *given[at + 1 :]]",
        """\
made = [*given[:at], *fill, *given[at + 1 :]]
return [slice(each, each + 1) if type(each) is int else each for each in made]
""",
    ),
)


change(
    "normalize_index",
    "bools-as-numbers",
    "you read True and False as the numbers 1 and 0; a mask says where, and stands for as many axes as it has",
    (
        "given = list(index) if isinstance(index, tuple) else [index]",
        """\
given = list(index) if isinstance(index, tuple) else [index]
given = [each.long() if is_mask(each) else int(each) if isinstance(each, bool) else each for each in given]
""",
    ),
)


@mistake(
    "normalize_index",
    "rest-forgotten",
    "you left out the axes that nobody names; each of them is taken whole",
)
def normalize_index(index, shape):
    given = list(index) if isinstance(index, tuple) else [index]
    consumed = sum(axes_consumed(each) for each in given)
    dots = [i for i, each in enumerate(given) if each is Ellipsis]
    if len(dots) > 1:
        raise IndexOutOfRange("an index can only have one ellipsis ('...')")
    if consumed > len(shape):
        raise IndexOutOfRange("too many indices")
    if not dots:
        return given
    fill = [slice(None)] * (len(shape) - consumed)
    return [*given[: dots[0]], *fill, *given[dots[0] + 1 :]]
