"""Right answers to module 03, written independently of the reference."""

from tinytorch_course.kit import answer


@answer("promote_types", "a-ranking")
def promote_types(first, second):
    order = [bool_, uint8, int8, int16, int32, int64, float16, bfloat16, float32, float64]
    if {first.name, second.name} == {"uint8", "int8"}:
        return int16
    if {first.name, second.name} == {"float16", "bfloat16"}:
        return float32
    return order[max(order.index(first), order.index(second))]


@answer("result_type", "strongest-first")
def result_type(*operands):
    if not operands:
        raise DtypeError("no operand")
    groups = [[each for each, its in operands if its == strength] for strength in (2, 1, 0)]
    joined = []
    for group in groups:
        if group:
            total = group[0]
            for each in group[1:]:
                total = promote_types(total, each)
            joined.append(total)
    best = joined[0]
    for each in joined[1:]:
        best = each if each.category > best.category else best
    return best


@answer("apply_fully", "step-by-step")
def apply_fully(op, inputs):
    [settle(x) for x in inputs if x.view_of is not None]
    inputs, arrays = rewritten(op, inputs)
    if op.defined:
        outs = evaluate(op, arrays)
    elif op.expr is None:
        outs = op.forward(*arrays)
    else:
        try:
            outs = arrays[0].device.map(op.expr, *arrays)
        except (TypeError, ValueError) as error:
            raise refusal(op, arrays, error) from error
    several = isinstance(outs, tuple)
    tensors = tuple(Tensor(each) for each in (outs if several else (outs,)))
    wanted = False
    for x in inputs:
        wanted = wanted or x.requires_grad
    if wanted and op.differentiable and MODE.recording:
        graph.record(op, inputs, arrays, tensors)
    answer = tensors if several else tensors[0]
    announce(op, inputs, answer)
    return answer


@answer("binary", "order-first")
def binary(card, swapped=False):
    def method(self, other):
        side = other if isinstance(other, Tensor) else operand(self, other)
        if side is NotImplemented:
            return side
        left, right = (side, self) if swapped else (self, side)
        return apply(card, left, right)

    return method


@answer("canonical_dims", "a-loop")
def canonical_dims(dim, ndim):
    if isinstance(dim, int):
        dim = [dim]
    elif dim is None or len(dim) == 0:
        dim = list(range(ndim))
    found = []
    for each in dim:
        axis = canonical_dim(each, ndim)
        if axis in found:
            raise ShapeError(f"axis {axis} is named twice in {dim}")
        found.append(axis)
    return tuple(found[:ndim])


@answer("sum", "type-first")
def sum(x, dim=None, keepdim=False, *, dtype=None):
    kind = dtype or (x.dtype if x.is_floating_point() else dtypes.int64)
    return x.apply(ops.Sum(canonical_dims(dim, x.ndim), keepdim), x.to(kind))


@answer("filled_in", "a-loop")
def filled_in(x, shape):
    known, open_ = 1, 0
    for size in shape:
        if size == -1:
            open_ += 1
        elif size < -1 and -1 in shape:
            raise ShapeError(f"{size} is no size")
        else:
            known *= size
    if not open_:
        return shape
    if open_ > 1 or known == 0:
        raise ShapeError(f"{shape} leaves more than one size open")
    return tuple(x.numel() // known if size == -1 else size for size in shape)


@answer("reshape", "view-if-there-is-one")
def reshape(x, *shape):
    wanted = x.filled_in(axes_of(shape))
    if x.array.layout.view(wanted) is None:
        return see(ops.Reshape(wanted), x.contiguous())
    return x.view(wanted)


@answer("matmul", "shapes-first")
def matmul(self, other):
    if self.ndim == 0 or other.ndim == 0:
        raise RuntimeError("a number is no matrix")
    rows = other.shape[0] if other.ndim == 1 else other.shape[-2]
    if self.shape[-1] != rows:
        raise ShapeError(f"{self.shape} @ {other.shape}: {self.shape[-1]} and {rows}")
    left = self[None] if self.ndim == 1 else self
    right = other[:, None] if other.ndim == 1 else other
    batch = broadcast_shapes(left.shape[:-2], right.shape[:-2])
    out = self.apply(ops.MATMUL, left, right)
    shape = batch + self.shape[-2:-1] * (self.ndim > 1) + other.shape[-1:] * (other.ndim > 1)
    return out if out.shape == shape else out.reshape(shape)


@answer("normalize_index", "one-pass")
def normalize_index(index, shape):
    entries = index if isinstance(index, tuple) else (index,)
    left = len(shape)
    for each in entries:
        left -= axes_consumed(each)
    if left < 0:
        raise IndexOutOfRange(f"{len(entries)} entries are too many for {shape}")
    made, filled = [], False
    for each in entries:
        if each is not Ellipsis:
            made.append(each)
        elif filled:
            raise IndexOutOfRange("two ellipses")
        else:
            made.extend(slice(None) for _ in range(left))
            filled = True
    return made if filled else made + [slice(None)] * left
