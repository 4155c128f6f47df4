"""Layouts against NumPy's views of the same memory, on layouts that hypothesis thinks of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinytorch.errors import ShapeError
from tinytorch.layout import Layout, broadcast_shapes

SHAPES = st.lists(st.integers(0, 4), max_size=4).map(tuple)


@st.composite
def views(draw):
    """A layout made by a few views, and NumPy's view made the same way."""
    shape = draw(SHAPES)
    array = np.arange(int(np.prod(shape)))
    layout, view = Layout.contiguous(shape), array.reshape(shape)
    for _ in range(draw(st.integers(0, 3))):
        if not layout.ndim:
            break
        axis = draw(st.integers(0, layout.ndim - 1))
        match draw(st.sampled_from(["permute", "slice", "flip", "expand"])):
            case "permute":
                axes = tuple(draw(st.permutations(range(layout.ndim))))
                layout, view = layout.permute(axes), view.transpose(axes)
            case "slice":
                bound = st.none() | st.integers(-6, 6)
                start, stop, step = draw(bound), draw(bound), draw(st.integers(1, 3))
                index = (slice(None),) * axis + (slice(start, stop, step),)
                layout, view = layout.slice(axis, start, stop, step), view[index]
            case "flip":
                layout, view = layout.flip((axis,)), np.flip(view, axis)
            case "expand":
                wide = (2, *layout.shape)
                layout, view = layout.expand(wide), np.broadcast_to(view, wide)
    return layout, view, array


def read(layout, array):
    """The elements that a layout shows."""
    where = np.full(layout.shape, layout.offset)
    for axis, (size, stride) in enumerate(zip(layout.shape, layout.strides, strict=True)):
        where = where + (np.arange(size) * stride).reshape(
            [-1 if a == axis else 1 for a in range(layout.ndim)]
        )
    return array[where] if where.size else np.zeros(layout.shape, int)


@given(views())
@settings(deadline=None)
def test_views_show_what_numpys_views_show(made):
    layout, view, array = made
    np.testing.assert_array_equal(read(layout, array), view)


@given(views(), st.data())
@settings(deadline=None)
def test_a_view_under_a_new_shape_reads_the_same_elements_in_order(made, data):
    layout, view, array = made
    rest, shape = layout.size, []
    while rest > 1 and data.draw(st.booleans()):
        size = data.draw(st.sampled_from([n for n in range(1, rest + 1) if rest % n == 0]))
        shape.append(size)
        rest //= size
    shape = tuple(data.draw(st.permutations([*shape, rest])))
    seen = layout.view(shape)
    if seen is not None:
        np.testing.assert_array_equal(read(seen, array), view.reshape(shape))
    else:
        assert not layout.is_contiguous()


@given(st.lists(SHAPES, min_size=1, max_size=3))
def test_shapes_broadcast_as_in_numpy(shapes):
    try:
        want = np.broadcast_shapes(*shapes)
    except ValueError:
        with pytest.raises(ShapeError):
            broadcast_shapes(*shapes)
    else:
        assert broadcast_shapes(*shapes) == want


def test_a_slice_of_a_contiguous_layout_is_contiguous_wherever_it_starts():
    assert Layout.contiguous((4, 3)).slice(0, 1, 3).is_contiguous()
    assert not Layout.contiguous((4, 3)).slice(1, 0, 2).is_contiguous()


def test_a_transposed_layout_needs_a_copy_and_splitting_an_axis_does_not():
    turned = Layout.contiguous((2, 6)).permute((1, 0))
    assert turned.view((12,)) is None
    assert turned.view((2, 3, 2)) == Layout((2, 3, 2), (3, 1, 6))
