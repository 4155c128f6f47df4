"""Right answers to module 01 of another shape than the reference's. Each must pass."""

from tinytorch_course.kit import answer


@answer("contiguous_strides", "by products")
def contiguous_strides(shape):
    return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))


@answer("Layout.permute", "by pairs")
def permute(self, axes):
    pairs = [(self.shape[axis], self.strides[axis]) for axis in axes]
    return Layout(tuple(n for n, _ in pairs), tuple(s for _, s in pairs), self.offset)


@answer("broadcast_shapes", "padded and compared")
def broadcast_shapes(*shapes):
    ndim = max([len(shape) for shape in shapes], default=0)
    columns = zip(*[(1,) * (ndim - len(shape)) + tuple(shape) for shape in shapes])
    result = []
    for sizes in columns:
        others = {size for size in sizes if size != 1}
        if len(others) > 1:
            raise ShapeError(f"cannot broadcast {sizes}")
        result.append(others.pop() if others else 1)
    return tuple(result)


@answer("Layout.expand", "from the right")
def expand(self, shape):
    sizes, strides = [], []
    mine = list(zip(self.shape, self.strides))
    if len(shape) < len(mine):
        raise ShapeError("fewer axes")
    for want in reversed(shape):
        new = not mine
        size, stride = (1, 0) if new else mine.pop()
        if want < (0 if new else -1) or (want not in (-1, size) and size != 1):
            raise ShapeError("sizes differ")
        sizes.insert(0, size if want == -1 else want)
        strides.insert(0, stride if want in (-1, size) else 0)
    return Layout(tuple(sizes), tuple(strides), self.offset)


@answer("Layout.slice", "by a range")
def slice(self, axis, start=None, stop=None, step=1):
    if step < 1:
        raise ShapeError("step must be positive")
    taken = range(self.shape[axis])[start:stop:step]
    shape, strides = list(self.shape), list(self.strides)
    shape[axis], strides[axis] = len(taken), strides[axis] * step
    return Layout(tuple(shape), tuple(strides), self.offset + taken.start * self.strides[axis])


@answer("Layout.is_contiguous", "walking")
def is_contiguous(self):
    expected = 1
    for size, stride in list(zip(self.shape, self.strides))[::-1]:
        if size == 0:
            return True
        if size != 1 and stride != expected:
            return 0 in self.shape
        expected *= size
    return True


@answer("Layout.view", "regrouping always")
def view(self, shape):
    if prod(shape) != self.size:
        raise ShapeError("another number of elements")
    return Layout(shape, contiguous_strides(shape), self.offset) if 0 in shape else self.regroup(shape)


@answer("Layout.unfold", "by slices")
def unfold(self, axis, size, step):
    n = self.shape[axis]
    if size > n or size < 0 or step < 1:
        raise ShapeError("no window fits")
    starts = range(0, n - size + 1, step)
    shape, strides = list(self.shape), list(self.strides)
    shape[axis], strides[axis] = len(starts), self.strides[axis] * step
    return Layout((*shape, size), (*strides, self.strides[axis]), self.offset)
