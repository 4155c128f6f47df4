"""What people really write in module 01, and what it means."""

from tinytorch_course.kit import mistake


@mistake(
    "contiguous_strides",
    "column-order",
    "you multiplied the sizes before each axis: that walks columns first",
)
def contiguous_strides(shape):
    return tuple(prod(shape[:axis]) for axis in range(len(shape)))


@mistake(
    "contiguous_strides",
    "own-axis-included",
    "a stride is the product of the sizes after its axis, without its own",
)
def contiguous_strides(shape):
    return tuple(prod(shape[axis:]) for axis in range(len(shape)))


@mistake(
    "contiguous_strides",
    "not-turned-back",
    "you collected the strides from the right, and left them in that order",
)
def contiguous_strides(shape):
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= size
    return tuple(strides)


@mistake(
    "contiguous_strides",
    "list-for-tuple",
    "the strides are right, but in a list; a shape and its strides are tuples",
)
def contiguous_strides(shape):
    return [prod(shape[axis + 1 :]) for axis in range(len(shape))]


@mistake("Layout.permute", "strides-left", "you reordered the shape, and left the strides where they were")
def permute(self, axes):
    return Layout(tuple(self.shape[axis] for axis in axes), self.strides, self.offset)


@mistake(
    "Layout.permute",
    "inverse-permutation",
    "axis i of the result is axis axes[i] of this one; you built the inverse",
)
def permute(self, axes):
    order = [list(axes).index(i) if i in axes else i for i in range(len(axes))]
    return Layout(tuple(self.shape[i] for i in order), tuple(self.strides[i] for i in order), self.offset)


@mistake(
    "Layout.permute", "offset-lost", "the view begins where this layout begins; you let its offset fall to 0"
)
def permute(self, axes):
    return Layout(tuple(self.shape[a] for a in axes), tuple(self.strides[a] for a in axes))


@mistake(
    "Layout.permute", "negative-axes-refused", "axes may count from the end; you refuse the negative ones"
)
def permute(self, axes):
    if min(axes, default=0) < 0:
        raise ShapeError("negative axis")
    return Layout(tuple(self.shape[a] for a in axes), tuple(self.strides[a] for a in axes), self.offset)


@mistake("broadcast_shapes", "aligned-left", "shapes are aligned at the right end; you began at the left")
def broadcast_shapes(*shapes):
    result = [1] * max(map(len, shapes), default=0)
    for shape in shapes:
        for axis, size in enumerate(shape):
            if size != 1:
                if result[axis] not in (1, size):
                    raise ShapeError("sizes differ")
                result[axis] = size
    return tuple(result)


@mistake("broadcast_shapes", "maximum", "1 gives way to any size, also to 0; the larger of 1 and 0 is 1")
def broadcast_shapes(*shapes):
    ndim = max(map(len, shapes), default=0)
    padded = [(1,) * (ndim - len(shape)) + shape for shape in shapes]
    result = tuple(max(sizes) for sizes in zip(*padded))
    for shape in padded:
        if any(size not in (1, want) and size != 0 for size, want in zip(shape, result)):
            raise ShapeError("sizes differ")
    return result


@mistake(
    "broadcast_shapes",
    "anything-goes",
    "two sizes that differ, and neither is 1, do not go together: that must be refused",
)
def broadcast_shapes(*shapes):
    ndim = max(map(len, shapes), default=0)
    result = [1] * ndim
    for shape in shapes:
        for axis, size in enumerate(shape, start=ndim - len(shape)):
            if size != 1:
                result[axis] = size
    return tuple(result)


@mistake(
    "broadcast_shapes", "zero-matches-all", "0 is a size like 2 or 3: it does not match them, only 1 does"
)
def broadcast_shapes(*shapes):
    ndim = max(map(len, shapes), default=0)
    result = [1] * ndim
    for shape in shapes:
        for axis, size in enumerate(shape, start=ndim - len(shape)):
            if size != 1:
                if result[axis] not in (0, 1, size) and size != 0:
                    raise ShapeError("sizes differ")
                result[axis] = 0 if result[axis] == 0 else size
    return tuple(result)


@mistake(
    "Layout.expand",
    "old-stride-kept",
    "a stretched axis must not move in memory: its stride is 0, yours keeps the old one",
)
def expand(self, shape):
    new = len(shape) - len(self.shape)
    if new < 0:
        raise ShapeError("fewer axes")
    sizes, strides = list(shape), [0] * len(shape)
    for axis, (size, stride) in enumerate(zip(self.shape, self.strides), new):
        if size not in (1, shape[axis]) and shape[axis] != -1:
            raise ShapeError("sizes differ")
        sizes[axis] = size if shape[axis] == -1 else shape[axis]
        strides[axis] = stride
    return Layout(tuple(sizes), tuple(strides), self.offset)


@mistake("Layout.expand", "new-axes-right", "new axes come in front; you put them behind")
def expand(self, shape):
    new = len(shape) - len(self.shape)
    if new < 0:
        raise ShapeError("fewer axes")
    sizes, strides = list(shape), [0] * len(shape)
    for axis, (size, stride) in enumerate(zip(self.shape, self.strides)):
        if shape[axis] in (size, -1):
            sizes[axis], strides[axis] = size, stride
        elif size != 1:
            raise ShapeError("sizes differ")
    return Layout(tuple(max(n, 0) for n in sizes), tuple(strides), self.offset)


@mistake("Layout.expand", "minus-one-taken-as-size", "-1 stands for the size that is there already")
def expand(self, shape):
    new = len(shape) - len(self.shape)
    if new < 0:
        raise ShapeError("fewer axes")
    strides = [0] * len(shape)
    for axis, (size, stride) in enumerate(zip(self.shape, self.strides), new):
        if shape[axis] == size:
            strides[axis] = stride
        elif size != 1:
            raise ShapeError("sizes differ")
    return Layout(tuple(shape), tuple(strides), self.offset)


@mistake("Layout.expand", "other-sizes-stretched", "only an axis of size 1 can be stretched; you stretch any")
def expand(self, shape):
    new = max(len(shape) - len(self.shape), 0)
    sizes, strides = list(shape), [0] * len(shape)
    for axis, (size, stride) in enumerate(zip(self.shape, self.strides), new):
        if axis < len(shape) and shape[axis] in (size, -1):
            sizes[axis], strides[axis] = size, stride
    return Layout(tuple(sizes), tuple(strides), self.offset)


@mistake(
    "Layout.slice",
    "start-not-times-stride",
    "the offset moves by start times the stride; you moved it by start",
)
def slice(self, axis, start=None, stop=None, step=1):
    if step < 1:
        raise ShapeError("step")
    begin, end, step = slice(start, stop, step).indices(self.shape[axis])
    length = max(0, (end - begin + step - 1) // step)
    strides = replaced(self.strides, axis, self.strides[axis] * step)
    return Layout(replaced(self.shape, axis, length), strides, self.offset + begin)


@mistake(
    "Layout.slice",
    "length-rounded-down",
    "an unfinished last step still shows one element: the length is rounded up",
)
def slice(self, axis, start=None, stop=None, step=1):
    if step < 1:
        raise ShapeError("step")
    begin, end, step = slice(start, stop, step).indices(self.shape[axis])
    length = max(0, (end - begin) // step)
    stride = self.strides[axis]
    strides = replaced(self.strides, axis, stride * step)
    return Layout(replaced(self.shape, axis, length), strides, self.offset + begin * stride)


@mistake(
    "Layout.slice",
    "step-not-in-stride",
    "every step-th element lies step strides further; your stride is the old one",
)
def slice(self, axis, start=None, stop=None, step=1):
    if step < 1:
        raise ShapeError("step")
    begin, end, step = slice(start, stop, step).indices(self.shape[axis])
    length = max(0, (end - begin + step - 1) // step)
    return Layout(replaced(self.shape, axis, length), self.strides, self.offset + begin * self.strides[axis])


@mistake(
    "Layout.slice",
    "bounds-not-clamped",
    "Python cuts bounds off at the ends of the axis; you take them as they are",
)
def slice(self, axis, start=None, stop=None, step=1):
    if step < 1:
        raise ShapeError("step")
    size, stride = self.shape[axis], self.strides[axis]
    begin = 0 if start is None else start + size if start < 0 else start
    end = size if stop is None else stop + size if stop < 0 else stop
    length = max(0, (end - begin + step - 1) // step)
    strides = replaced(self.strides, axis, stride * step)
    return Layout(replaced(self.shape, axis, length), strides, self.offset + begin * stride)


@mistake(
    "Layout.is_contiguous",
    "offset-must-be-zero",
    "x[1:] reads memory in order too: where it begins does not matter",
)
def is_contiguous(self):
    if 0 in self.shape:
        return True
    wanted = zip(self.shape, self.strides, contiguous_strides(self.shape))
    return self.offset == 0 and all(stride == want for size, stride, want in wanted if size != 1)


@mistake(
    "Layout.is_contiguous",
    "size-one-compared",
    "along an axis of size 1 there is no step to take: its stride says nothing",
)
def is_contiguous(self):
    return 0 in self.shape or self.strides == contiguous_strides(self.shape)


@mistake(
    "Layout.is_contiguous",
    "empty-refused",
    "a layout without elements has no gaps: it is contiguous whatever its strides",
)
def is_contiguous(self):
    wanted = zip(self.shape, self.strides, contiguous_strides(self.shape))
    return all(stride == want for size, stride, want in wanted if size != 1)


@mistake(
    "Layout.is_contiguous",
    "last-stride-only",
    "a last stride of 1 is not enough: rows may lie apart, or in another order",
)
def is_contiguous(self):
    return 0 in self.shape or not self.shape or self.strides[-1] == 1


@mistake(
    "Layout.view",
    "always-contiguous",
    "you laid the new shape over memory in order; a transposed layout reads in another",
)
def view(self, shape):
    if prod(shape) != self.size:
        raise ShapeError("another number of elements")
    return Layout(shape, contiguous_strides(shape), self.offset)


@mistake(
    "Layout.view", "offset-dropped", "the view begins where this layout begins; you let its offset fall to 0"
)
def view(self, shape):
    if prod(shape) != self.size:
        raise ShapeError("another number of elements")
    if self.is_contiguous():
        return Layout(shape, contiguous_strides(shape))
    return self.regroup(shape)


@mistake(
    "Layout.view",
    "count-not-checked",
    "a view shows the same elements: a shape that holds more or fewer must be refused",
)
def view(self, shape):
    if self.is_contiguous():
        return Layout(shape, contiguous_strides(shape), self.offset)
    return self.regroup(shape)


@mistake("Layout.view", "axis-of-one-refused", "an axis of size 1 can be added to any layout without a copy")
def view(self, shape):
    if prod(shape) != self.size:
        raise ShapeError("another number of elements")
    if 1 in shape:
        return None
    if self.is_contiguous():
        return Layout(shape, contiguous_strides(shape), self.offset)
    return self.regroup(shape)


@mistake(
    "Layout.regroup", "gives-up", "some views exist although the layout is not contiguous; you never find one"
)
def regroup(self, shape):
    return None


@mistake(
    "Layout.regroup",
    "gaps-ignored",
    "two axes are one run only if the outer stride is the inner size times the inner stride",
)
def regroup(self, shape):
    step = min([s for n, s in zip(self.shape, self.strides) if n != 1 and s], default=1)
    return Layout(shape, tuple(step * s for s in contiguous_strides(shape)), self.offset)


@mistake(
    "Layout.unfold",
    "one-window-short",
    "the last window fits too: (length - size) // step windows, and one more",
)
def unfold(self, axis, size, step):
    length, stride = self.shape[axis], self.strides[axis]
    if not 0 <= size <= length or step < 1:
        raise ShapeError("no window fits")
    count = (length - size) // step
    shape = (*replaced(self.shape, axis, count), size)
    return Layout(shape, (*replaced(self.strides, axis, stride * step), stride), self.offset)


@mistake(
    "Layout.unfold",
    "skips-inside",
    "inside a window elements are neighbours; your window takes every step-th",
)
def unfold(self, axis, size, step):
    length, stride = self.shape[axis], self.strides[axis]
    if not 0 <= size <= length or step < 1:
        raise ShapeError("no window fits")
    count = (length - size) // step + 1
    shape = (*replaced(self.shape, axis, count), size)
    return Layout(shape, (*replaced(self.strides, axis, stride * step), stride * step), self.offset)


@mistake(
    "Layout.unfold", "windows-not-apart", "windows begin step elements apart; yours begin at every element"
)
def unfold(self, axis, size, step):
    length, stride = self.shape[axis], self.strides[axis]
    if not 0 <= size <= length or step < 1:
        raise ShapeError("no window fits")
    count = (length - size) // step + 1
    shape = (*replaced(self.shape, axis, count), size)
    return Layout(shape, (*self.strides, stride), self.offset)


@mistake(
    "Layout.unfold",
    "window-axis-beside",
    "the window is a new last axis; you put it right after the axis it came from",
)
def unfold(self, axis, size, step):
    length, stride = self.shape[axis], self.strides[axis]
    if not 0 <= size <= length or step < 1:
        raise ShapeError("no window fits")
    count = (length - size) // step + 1
    shape = (*self.shape[:axis], count, size, *self.shape[axis + 1 :])
    return Layout(
        shape, (*self.strides[:axis], stride * step, stride, *self.strides[axis + 1 :]), self.offset
    )
