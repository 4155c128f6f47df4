"""What is observed of each exercise of module 01: shapes, and which cells of memory a layout reads."""

import itertools

from tinytorch.layout import Layout, broadcast_shapes, contiguous_strides
from tinytorch_course.inputs import elements, narrower, regrouped, some_layout, some_shape


def cells(layout):
    """The positions in memory that a layout reads, in reading order: our arithmetic, not the learner's."""
    found = []
    for index in itertools.product(*map(range, layout.shape)):
        found.append(layout.offset + sum(i * stride for i, stride in zip(index, layout.strides, strict=True)))
    return found


def facts(layout):
    """Shape, number of strides, and the cells; the strides themselves are shown, not judged."""
    if layout is None:
        return {"view": "none: it needs a copy"}
    return {
        "view": "one",
        "shape": tuple(layout.shape),
        "number of strides": len(layout.strides),
        "shape and strides are": (type(layout.shape).__name__, type(layout.strides).__name__),
        "cells": cells(layout),
        "_strides": tuple(layout.strides),
    }


def tuples(value):
    """A tuple, as one."""
    return {"type": type(value).__name__, "result": value}


def layout_contiguous_strides(case):
    for shape in [(3,), (2, 3), (2, 3, 4), (), (5, 1, 2), (1,), (4, 3, 2, 5)]:
        case(f"contiguous_strides({shape})", observe=tuples)


def layout_contiguous_strides_random(case, rng):
    case(f"contiguous_strides({some_shape(rng)})", observe=tuples)


def layout_permute(case):
    case("Layout.contiguous((2, 3)).permute((1, 0))", observe=facts)
    case("Layout.contiguous((2, 3, 4)).permute((2, 0, 1))", observe=facts)
    case("Layout((2, 3, 4), (12, 4, 1), 5).permute((1, 2, 0))", observe=facts)
    case("Layout.contiguous((2, 3, 4)).permute((-1, 0, 1))", observe=facts)
    case("Layout.contiguous((2, 3, 4)).permute([0, 2, 1])", observe=facts)
    case("Layout((3, 4), (0, 1)).permute((1, 0))", observe=facts)
    case("Layout.contiguous(()).permute(())", observe=facts)


def layout_permute_random(case, rng):
    shape = some_shape(rng)
    axes = [axis - len(shape) * (rng.random() < 0.3) for axis in rng.sample(range(len(shape)), len(shape))]
    case(f"{some_layout(rng, shape)}.permute({tuple(axes)})", observe=facts)


def layout_broadcast_shapes(case):
    calls = ["(3,), (2, 3)", "(3, 1), (4,)", "(2, 1, 4), (3, 1)", "(), (2,)", "(1,), (0,)", "(0, 1), (1, 3)"]
    for call in [*calls, "(5, 3)", "(2, 3), (1, 3), (2, 1)", "(4, 2), (4, 1), ()", "(3, 2), (1,)"]:
        case(f"broadcast_shapes({call})", observe=tuples)
    case("broadcast_shapes()", observe=tuples)
    for call in ["(2,), (4,)", "(2, 3), (3, 2)", "(2, 3), (2,)", "(0,), (2,)", "(3, 1), (2, 1)"]:
        case(f"broadcast_shapes({call})", observe=tuples)


def layout_broadcast_shapes_random(case, rng):
    shape = some_shape(rng)
    given = [narrower(rng, shape) for _ in range(rng.randint(1, 3))]
    if rng.random() < 0.2:
        given.append((rng.randint(0, 5),))
    case(f"broadcast_shapes({', '.join(map(str, given))})", observe=tuples)


def layout_expand(case):
    case("Layout.contiguous((3, 1)).expand((3, 4))", observe=facts)
    case("Layout.contiguous((3,)).expand((2, 3))", observe=facts)
    case("Layout.contiguous((1, 3)).expand((4, 3))", observe=facts)
    case("Layout((3, 1), (1, 3), 2).expand((3, 4))", observe=facts)
    case("Layout.contiguous((2, 1, 3)).expand((-1, 5, -1))", observe=facts)
    case("Layout.contiguous((3, 1)).expand((2, 3, 4))", observe=facts)
    case("Layout.contiguous((1, 2)).expand((0, 2))", observe=facts)
    case("Layout.contiguous(()).expand((2, 2))", observe=facts)
    for call in ["Layout.contiguous((2,)).expand((4,))", "Layout.contiguous((2, 3)).expand((3,))"]:
        case(call, observe=facts)
    for call in ["Layout.contiguous((2, 3)).expand((2, 1))", "Layout.contiguous((1, 3)).expand((-2, 3))"]:
        case(call, observe=facts)
    for call in ["Layout.contiguous((3,)).expand((-1, 3))", "Layout.contiguous((2, 3)).expand(())"]:
        case(call, observe=facts)
    case("Layout.contiguous((3, 3)).expand((3,))", observe=facts)
    case("Layout.contiguous((1, 3)).expand((2, 1, -1))", observe=facts)
    case("Layout.contiguous(()).expand(())", observe=facts)


def layout_expand_random(case, rng):
    shape = some_shape(rng)
    own = tuple(1 if rng.random() < 0.4 else size for size in shape[rng.choice([0, 0, 1]) :])
    new = tuple(rng.randint(0, 3) for _ in range(rng.randint(0, 2))) + shape[len(shape) - len(own) :]
    asked = [-1 if i >= len(new) - len(own) and rng.random() < 0.2 else size for i, size in enumerate(new)]
    if asked and rng.random() < 0.15:
        asked[-1] = rng.randint(-2, 6)
    case(f"{some_layout(rng, own)}.expand({tuple(asked)})", observe=facts)


def layout_slice(case):
    case("Layout.contiguous((10,)).slice(0, 2, 9, 3)", observe=facts)
    case("Layout.contiguous((4, 5)).slice(0, 1, 3)", observe=facts)
    case("Layout.contiguous((4, 5)).slice(1, 1, 5, 2)", observe=facts)
    case("Layout.contiguous((4, 5)).slice(1, 0, 5, 2)", observe=facts)
    case("Layout((3, 4), (1, 3), 2).slice(1, 1, 4)", observe=facts)
    case("Layout.contiguous((6,)).slice(0, 2, 99)", observe=facts)
    case("Layout.contiguous((6,)).slice(0, -3)", observe=facts)
    case("Layout.contiguous((6,)).slice(0, 4, 2)", observe=facts)
    case("Layout.contiguous((6,)).slice(0, None, None, 10)", observe=facts)
    case("Layout.contiguous((2, 6)).slice(1, None, -1, 2)", observe=facts)
    case("Layout.contiguous((6,)).slice(0, 0, 6, 0)", observe=facts)


def layout_slice_random(case, rng):
    shape = some_shape(rng) or (4,)
    axis, bounds = rng.randrange(len(shape)), [rng.choice([None, *range(-7, 8)]) for _ in range(2)]
    call = f"slice({axis}, {bounds[0]}, {bounds[1]}, {rng.randint(1, 4)})"
    case(f"{some_layout(rng, shape)}.{call}", observe=facts)


def layout_is_contiguous(case):
    calls = [
        "Layout.contiguous((2, 3))", "Layout((3, 2), (1, 3))", "Layout((2, 3), (3, 1), 6)", "Layout((2, 3), (6, 2))",
        "Layout((3, 4), (0, 1))", "Layout((2, 1, 3), (3, 99, 1))", "Layout((1, 3), (7, 1))", "Layout((0, 3), (1, 1))",
        "Layout((), ())", "Layout((4,), (-1,), 3)", "Layout((2, 3), (4, 1))",
    ]  # fmt: skip
    for call in calls:
        case(f"{call}.is_contiguous()", observe=tuples)


def layout_is_contiguous_random(case, rng):
    shape = some_shape(rng)
    made = some_layout(rng, shape) if rng.random() < 0.7 else f"Layout.contiguous({shape})"
    case(f"{made}.is_contiguous()", observe=tuples)


def layout_view(case):
    case("Layout.contiguous((2, 6)).view((3, 4))", observe=facts)
    case("Layout.contiguous((2, 3, 4)).view((24,))", observe=facts)
    case("Layout((2, 6), (6, 1), 12).view((4, 3))", observe=facts)
    case("Layout((6, 2), (1, 6)).view((12,))", observe=facts)
    case("Layout.contiguous((3, 4)).view((3, 1, 4))", observe=facts)
    case("Layout.contiguous((2, 0)).view((0, 5))", observe=facts)
    case("Layout((4, 3), (6, 1)).view((2, 2, 3))", observe=facts)
    case("Layout((4, 3), (6, 1)).view((12,))", observe=facts)
    case("Layout.contiguous((2, 6)).view((5, 2))", observe=facts)


def layout_view_random(case, rng):
    shape = some_shape(rng, least=1)
    start = f"Layout.contiguous({shape})" if rng.random() < 0.5 else some_layout(rng, shape)
    case(f"{start}.view({regrouped(rng, elements(shape))})", observe=facts)


def layout_regroup(case):
    case("Layout((6, 2), (1, 6)).regroup((12,))", observe=facts)
    case("Layout((6, 2), (1, 6)).regroup((2, 3, 2))", observe=facts)
    case("Layout((2, 3, 4), (24, 4, 1)).regroup((2, 12))", observe=facts)
    case("Layout((2, 3, 4), (24, 4, 1)).regroup((6, 4))", observe=facts)
    case("Layout((4, 6), (12, 2), 3).regroup((4, 1, 3, 2))", observe=facts)
    case("Layout((3, 4), (0, 1)).regroup((3, 2, 2))", observe=facts)
    case("Layout((3, 4), (0, 1)).regroup((12,))", observe=facts)
    case("Layout((4, 3), (6, 1)).regroup((2, 6))", observe=facts)
    case("Layout((4, 1, 3), (6, 50, 1)).regroup((2, 2, 3))", observe=facts)
    case("Layout((4, 6), (12, 2), 3).regroup((8, 3))", observe=facts)
    case("Layout((3, 4, 5), (80, 20, 2)).regroup((12, 5))", observe=facts)
    case("Layout((2, 3, 4, 5), (120, 20, 5, 1)).regroup((6, 20))", observe=facts)
    case("Layout((3, 2, 4), (2, 1, 6)).regroup((6, 1, 4, 1))", observe=facts)
    case("Layout((1, 1), (9, 9)).regroup((1,))", observe=facts)
    case("Layout((1, 1), (9, 9)).regroup(())", observe=facts)


def layout_regroup_random(case, rng):
    shape = rng.choice([(2, 3, 4), (4, 6), (3, 2, 2, 2), (2, 1, 12)])
    case(f"{some_layout(rng, shape)}.regroup({regrouped(rng, 24)})", observe=facts)


def layout_unfold(case):
    case("Layout.contiguous((5,)).unfold(0, 3, 1)", observe=facts)
    case("Layout.contiguous((7,)).unfold(0, 3, 2)", observe=facts)
    case("Layout.contiguous((3, 5)).unfold(1, 2, 2)", observe=facts)
    case("Layout.contiguous((6, 2)).unfold(0, 2, 3)", observe=facts)
    case("Layout((4, 3), (1, 4), 2).unfold(0, 2, 1)", observe=facts)
    case("Layout.contiguous((4,)).unfold(0, 4, 1)", observe=facts)
    for windows in ["(0, 5, 1)", "(0, 2, 0)", "(0, 0, 1)", "(0, -1, 1)"]:
        case(f"Layout.contiguous((4,)).unfold{windows}", observe=facts)


def layout_unfold_random(case, rng):
    shape = some_shape(rng) or (5,)
    axis = rng.randrange(len(shape))
    call = f"unfold({axis}, {rng.randint(1, max(shape[axis], 1))}, {rng.randint(1, 4)})"
    case(f"{some_layout(rng, shape)}.{call}", observe=facts)
