"""How far to go in a direction: a line search until Wolfe's strong conditions hold.

Nocedal and Wright, Numerical Optimization (2006), algorithms 3.5 and 3.6, with the safeguards of Schmidt's minFunc (2005).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tinytorch.tensor import Tensor

DECREASE, CURVATURE = (
    1e-4,
    0.9,
)  # how much of the promised descent is enough; how much of the slope may be left


class Point(NamedTuple):
    """A place on the line."""

    t: float  # the distance, in lengths of the direction
    loss: float
    gradient: Tensor
    slope: float  # of the loss along the line


def cubic_minimum(a: Point, b: Point, bounds: tuple[float, float] | None = None) -> float:
    """Where the cubic through two points with their slopes is lowest, within the bounds (those points, if not said)."""
    low, high = bounds or (min(a.t, b.t), max(a.t, b.t))
    first = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = first**2 - a.slope * b.slope
    if not square >= 0:
        return (low + high) / 2.0
    root, left, right = square**0.5, *by_distance(a, b)
    share = (right.slope + root - first) / (right.slope - left.slope + 2 * root)
    return min(max(right.t - (right.t - left.t) * share, low), high)


def strong_wolfe(
    at: Callable[[float], Point], start: Point, t: float, longest: float, turns: int, least: float = 1e-9
) -> tuple[Point, int]:
    """The point to go to, and how many were looked at.

    at: evaluates a distance. start: the point at distance 0. t: the first distance to try. longest: the largest number of
    the direction. turns: how many more points may be looked at after that. least: the smallest movement that counts.
    """
    low, high, found, looked = bracket(at, start, t, turns)
    stalled = False
    while not found and looked <= turns and abs(high.t - low.t) * longest >= least:
        t, stalled = inside(low, high, stalled)
        new = at(t)
        looked += 1
        if too_high(new, start) or new.loss >= low.loss:
            low, high = in_order(low, new)
            continue
        found = flat(new, start)
        if not found and new.slope * (high.t - low.t) >= 0:
            high = low
        low = new
    return low, looked


def too_high(new: Point, start: Point) -> bool:
    """Whether the loss fell by less than enough of what the slope at the start promised."""
    return new.loss > start.loss + DECREASE * new.t * start.slope


def flat(new: Point, start: Point) -> bool:
    """Whether little enough of the slope is left."""
    return abs(new.slope) <= -CURVATURE * start.slope


def in_order(a: Point, b: Point) -> tuple[Point, Point]:
    """The lower of two points, and the other."""
    return (a, b) if a.loss <= b.loss else (b, a)


def bracket(
    at: Callable[[float], Point], start: Point, t: float, turns: int
) -> tuple[Point, Point, bool, int]:
    """Two points with a good one between them, the lower first; or a good one, twice. Whether it is; how many were looked at."""
    before, new = start, at(t)
    for turn in range(turns):
        if too_high(new, start) or (turn > 1 and new.loss >= before.loss):
            return *in_order(before, new), False, turn + 1
        if flat(new, start):
            return new, new, True, turn + 1
        if new.slope >= 0:
            return *in_order(before, new), False, turn + 1
        further = cubic_minimum(before, new, (new.t + 0.01 * (new.t - before.t), new.t * 10))
        before, new = new, at(further)
    return *in_order(start, new), False, turns + 1


def inside(low: Point, high: Point, stalled: bool) -> tuple[float, bool]:
    """A distance between two points, not again close to the same end; and whether it was close to one."""
    t, least, most = cubic_minimum(*by_distance(low, high)), min(low.t, high.t), max(low.t, high.t)
    margin = 0.1 * (most - least)
    if min(most - t, t - least) >= margin:
        return t, False
    if not stalled and least < t < most:
        return t, True
    return (most - margin if abs(t - most) < abs(t - least) else least + margin), False


def by_distance(a: Point, b: Point) -> tuple[Point, Point]:
    """The nearer point first."""
    return (a, b) if a.t <= b.t else (b, a)
