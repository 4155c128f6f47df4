"""Where element (i, j, ...) lives in flat memory: shapes, strides, and every view as integer arithmetic.

No data is touched here, which is why a view (transpose, broadcast, slice, window) costs nothing.
Strides and offsets are counted in elements, not in bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod

from tinytorch.errors import DimensionError, IndexOutOfRange, ShapeError

Shape = tuple[int, ...]


def contiguous_strides(shape: Shape) -> Shape:
    """Strides that walk `shape` in reading order: the last axis moves fastest.

    >>> contiguous_strides((2, 3, 4))
    (12, 4, 1)
    """
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= size
    return tuple(reversed(strides))


def broadcast_shapes(*shapes: Shape) -> Shape:
    """The one shape that all of `shapes` stretch to, aligned at the right (`torch.broadcast_shapes`).

    Raises ShapeError if two sizes on one axis differ and neither is 1.

    >>> broadcast_shapes((3, 1), (4,))
    (3, 4)
    """
    ndim = max(map(len, shapes), default=0)
    result = [1] * ndim
    for shape in shapes:
        for axis, size in enumerate(shape, start=ndim - len(shape)):
            if size != 1:
                if result[axis] not in (1, size):
                    raise ShapeError(
                        f"cannot broadcast {' with '.join(map(str, shapes))}: "
                        f"axis {axis - ndim} is {result[axis]} in one and {size} in another"
                    )
                result[axis] = size
    return tuple(result)


@dataclass(slots=True, unsafe_hash=True)
class Layout:
    """How a shape is laid over a flat buffer. Never assigned to once it is made.

    shape: the size of each axis. strides: how many elements to move for one step along each axis.
    offset: where element (0, 0, ...) lies.
    """

    shape: Shape
    strides: Shape
    offset: int = 0

    @staticmethod
    def contiguous(shape: Shape) -> Layout:
        """The layout of freshly written data.

        >>> Layout.contiguous((2, 3))
        Layout(shape=(2, 3), strides=(3, 1), offset=0)
        """
        return _contiguous(shape)

    @property
    def size(self) -> int:
        """How many elements the shape holds."""
        return prod(self.shape)

    @property
    def ndim(self) -> int:
        """How many axes the shape has."""
        return len(self.shape)

    def is_contiguous(self) -> bool:
        """Whether reading in order means reading memory in order, without gaps.

        The offset does not matter; nor does the stride of an axis along which there is no step to take.

        >>> Layout((2, 3), (3, 1), offset=6).is_contiguous(), Layout((3, 2), (1, 3)).is_contiguous()
        (True, False)
        """
        if 0 in self.shape:
            return True
        wanted = zip(self.shape, self.strides, contiguous_strides(self.shape), strict=True)
        return all(stride == want for size, stride, want in wanted if size != 1)

    def permute(self, axes: Sequence[int]) -> Layout:
        """The axes in a new order: axis i of the result is axis `axes[i]` of this one.

        Negative axes count from the end.

        >>> Layout.contiguous((2, 3)).permute((1, 0))
        Layout(shape=(3, 2), strides=(1, 3), offset=0)
        """
        shape, strides = self.shape, self.strides
        return Layout(
            tuple([shape[axis] for axis in axes]),
            tuple([strides[axis] for axis in axes]),
            self.offset,
        )

    def expand(self, shape: Sequence[int]) -> Layout:
        """Axes of size 1 stretched, and new axes put in front, without new memory.

        A size of -1 keeps the axis as it is. Raises ShapeError where an axis of another size would have
        to grow, for fewer axes, for -1 where there was no axis, and for other negative sizes.

        >>> Layout.contiguous((3, 1)).expand((2, 3, 4)).shape
        (2, 3, 4)
        """
        new = len(shape) - len(self.shape)
        if new < 0:
            raise ShapeError(f"cannot expand {self.shape} to {tuple(shape)}: that has fewer axes")
        sizes, strides = list(shape), [0] * len(shape)
        for axis, (size, stride) in enumerate(zip(self.shape, self.strides, strict=True), new):
            if shape[axis] in (size, -1):
                sizes[axis], strides[axis] = size, stride
            elif size != 1:
                raise ShapeError(
                    f"cannot expand {self.shape} to {tuple(shape)}: "
                    f"axis {axis - new} has {size} elements, not 1 or {shape[axis]}"
                )
        if min(sizes, default=0) < 0:
            raise ShapeError(f"cannot expand {self.shape} to {tuple(shape)}: sizes are not negative")
        return Layout(tuple(sizes), tuple(strides), self.offset)

    def slice(self, axis: int, start: int | None = None, stop: int | None = None, step: int = 1) -> Layout:
        """Every `step`-th index of one axis from `start` up to `stop`, with Python's rules for bounds.

        Raises ShapeError unless `step` is positive.

        >>> Layout.contiguous((10,)).slice(0, 2, 9, 3)
        Layout(shape=(3,), strides=(3,), offset=2)
        """
        if step < 1:
            raise ShapeError(f"cannot slice with step {step}: it must be 1 or more")
        size, stride = self.shape[axis], self.strides[axis]
        start, stop, step = slice(start, stop, step).indices(size)
        length = max(0, (stop - start + step - 1) // step)
        return Layout(
            replaced(self.shape, axis, length),
            replaced(self.strides, axis, stride * step),
            self.offset + start * stride,
        )

    def view(self, shape: Shape) -> Layout | None:
        """The same elements in reading order under a new shape, or None if that needs a copy.

        Raises ShapeError if the new shape holds another number of elements.

        >>> Layout.contiguous((2, 6)).view((3, 4))
        Layout(shape=(3, 4), strides=(4, 1), offset=0)
        >>> Layout.contiguous((2, 6)).permute((1, 0)).view((12,)) is None
        True
        """
        if prod(shape) != self.size:
            raise ShapeError(
                f"cannot view {self.shape} as {shape}: {self.size} elements are not {prod(shape)}"
            )
        if self.is_contiguous():
            return Layout(shape, contiguous_strides(shape), self.offset)
        return self.regroup(shape)

    def regroup(self, shape: Shape) -> Layout | None:
        """`view` of a layout that is not contiguous: possible where each run of memory is kept whole.

        A run is a group of neighbouring axes that could be walked as one. The new axes must divide
        the runs, never straddle two of them.

        >>> Layout((2, 3, 4), (24, 4, 1)).regroup((2, 12))
        Layout(shape=(2, 12), strides=(24, 1), offset=0)
        """
        runs: list[tuple[int, int]] = []  # (elements, stride of the last axis), from the right
        for size, stride in reversed(list(zip(self.shape, self.strides, strict=True))):
            if runs and stride == runs[-1][0] * runs[-1][1]:
                runs[-1] = (runs[-1][0] * size, runs[-1][1])
            elif size != 1:
                runs.append((size, stride))
        strides, taken = [], 1  # elements of the present run that new axes cover already
        for size in reversed(shape):
            if runs and taken == runs[0][0]:
                taken = runs.pop(0) and 1 if size != 1 else taken
            left, stride = runs[0] if runs else (1, 1)
            if left % (taken * size):
                return None
            strides.append(taken * stride)
            taken *= size
        return Layout(shape, tuple(reversed(strides)), self.offset)

    def unfold(self, axis: int, size: int, step: int) -> Layout:
        """Windows of `size` elements, one every `step`, along one axis; the window is a new last axis.

        Windows may overlap: they share memory. Raises ShapeError if no window fits.

        >>> Layout.contiguous((5,)).unfold(0, 3, 1)
        Layout(shape=(3, 3), strides=(1, 1), offset=0)
        """
        length, stride = self.shape[axis], self.strides[axis]
        if not 0 <= size <= length or step < 1:
            raise ShapeError(f"cannot unfold {length} elements into windows of {size}, one every {step}")
        count = (length - size) // step + 1
        return Layout(
            (*replaced(self.shape, axis, count), size),
            (*replaced(self.strides, axis, stride * step), stride),
            self.offset,
        )

    def select(self, axis: int, index: int) -> Layout:
        """One index of an axis; the axis disappears.

        >>> Layout.contiguous((2, 3)).select(0, -1)
        Layout(shape=(3,), strides=(1,), offset=3)
        """
        size, stride = self.shape[axis], self.strides[axis]
        if not -size <= index < size:
            raise IndexOutOfRange(
                f"index {index} is out of range for axis {axis} of {self.shape}, which has size {size}"
            )
        at = self.offset + (index + size if index < 0 else index) * stride
        axis %= len(self.shape)
        return Layout(dropped(self.shape, axis), dropped(self.strides, axis), at)

    def flip(self, axes: Sequence[int]) -> Layout:
        """The axes walked backwards: from the last element, with negative strides.

        >>> Layout.contiguous((4,)).flip((0,))
        Layout(shape=(4,), strides=(-1,), offset=3)
        """
        strides, offset = self.strides, self.offset
        for axis in axes:
            offset += max(self.shape[axis] - 1, 0) * self.strides[axis]
            strides = replaced(strides, axis, -self.strides[axis])
        return Layout(self.shape, strides, offset)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Layout:
        """The elements (i, i + offset) of two axes; they become one new last axis.

        >>> Layout.contiguous((3, 4)).diagonal(1)
        Layout(shape=(3,), strides=(5,), offset=1)
        """
        axis1, axis2 = axis1 % self.ndim, axis2 % self.ndim
        if axis1 == axis2:
            raise DimensionError(f"a diagonal needs two axes, and both are axis {axis1}")
        down, right = max(-offset, 0), max(offset, 0)
        length = max(0, min(self.shape[axis1] - down, self.shape[axis2] - right))
        rest = [axis for axis in range(self.ndim) if axis not in (axis1, axis2)]
        start = down * self.strides[axis1] + right * self.strides[axis2] if length else 0
        return Layout(
            (*(self.shape[axis] for axis in rest), length),
            (*(self.strides[axis] for axis in rest), self.strides[axis1] + self.strides[axis2]),
            self.offset + start,
        )

    def squeeze(self, axes: Sequence[int]) -> Layout:
        """Without those of `axes` that have size 1.

        >>> Layout.contiguous((2, 1, 3)).squeeze((0, 1)).shape
        (2, 3)
        """
        keep = [i for i, size in enumerate(self.shape) if size != 1 or i not in axes]
        return Layout(
            tuple([self.shape[i] for i in keep]), tuple([self.strides[i] for i in keep]), self.offset
        )

    def unsqueeze(self, axis: int) -> Layout:
        """With a new axis of size 1 at position `axis`.

        >>> Layout.contiguous((2, 3)).unsqueeze(1)
        Layout(shape=(2, 1, 3), strides=(3, 3, 1), offset=0)
        """
        stride = self.shape[axis] * self.strides[axis] if axis < self.ndim else 1
        return Layout(
            (*self.shape[:axis], 1, *self.shape[axis:]),
            (*self.strides[:axis], stride, *self.strides[axis:]),
            self.offset,
        )


@lru_cache(maxsize=4096)
def _contiguous(shape: Shape) -> Layout:
    """Remembered, since nearly every new tensor asks for one."""
    return Layout(shape, contiguous_strides(shape))


def replaced(sizes: Shape, axis: int, value: int) -> Shape:
    """`sizes` with one entry changed.

    >>> replaced((2, 3, 4), 1, 9)
    (2, 9, 4)
    """
    changed = list(sizes)
    changed[axis] = value
    return tuple(changed)


def dropped(sizes: Shape, axis: int) -> Shape:
    """`sizes` without one entry.

    >>> dropped((2, 3, 4), 1)
    (2, 4)
    """
    return sizes[:axis] + sizes[axis + 1 :]
