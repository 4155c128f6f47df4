"""The judge: compares observations. It runs in a process of its own, in which no learner's code ever is."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass
from typing import Any

Case = dict[str, Any]


@dataclass
class Difference:
    """The first case, and the first thing in it, that is not as it should be."""

    case: Case
    name: str  # which observation; "" if the case never answered
    yours: Any
    wanted: Any
    cost: bool = False  # the values are right; it only costs more


def equal(yours: Any, wanted: Any) -> bool:
    """Whether two observations agree: exactly, or for floating point numbers within a tolerance."""
    if isinstance(wanted, dict):
        if not isinstance(yours, dict) or yours.keys() != wanted.keys():
            return False
        if "array" in wanted:
            return same_array(yours, wanted)
        return all(equal(yours[name], wanted[name]) for name in wanted)
    if isinstance(wanted, list):
        return isinstance(yours, list) and len(yours) == len(wanted) and all(map(equal, yours, wanted))
    if isinstance(wanted, float) and isinstance(yours, (int, float)) and not isinstance(yours, bool):
        return close(yours, wanted)
    return type(yours) is type(wanted) and bool(yours == wanted)


def close(yours: float, wanted: float) -> bool:
    """Whether two numbers agree within the tolerance; a whole number may be larger than any floating point number."""
    try:
        both_nan = math.isnan(wanted) and math.isnan(yours)
        return both_nan or math.isclose(yours, wanted, rel_tol=1e-6, abs_tol=1e-9)
    except OverflowError:
        return False


def same_array(yours: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Shape and dtype first, then the values: within the tolerance, whole numbers exactly."""
    import numpy as np

    if (yours["shape"], yours["dtype"]) != (wanted["shape"], wanted["dtype"]):
        return False
    if yours["array"] == wanted["array"]:
        return True
    a, b = (np.frombuffer(base64.b64decode(each["array"]), each["dtype"]) for each in (yours, wanted))
    if len(a) != len(b) or b.dtype.kind not in "fc":
        return False
    return bool(np.allclose(a, b, rtol=1e-6, atol=1e-9, equal_nan=True))


def compare(yours: list[Case], wanted: list[Case]) -> Difference | None:
    """The first difference in the values, then in the costs; None if there is none."""
    for mine, right in zip(yours, wanted, strict=False):
        found = compare_case(mine, right)
        if found is not None:
            return found
    if len(yours) < len(wanted):
        return Difference(wanted[len(yours)], "", None, None)
    if len(yours) > len(wanted):
        return Difference(yours[len(wanted)], "number of cases", len(yours), len(wanted))
    for number, name in dearer(yours, wanted):
        mine = yours[number]
        return Difference(mine, name, mine["observed"][name], wanted[number]["observed"][name], cost=True)
    return None


def dearer(yours: list[Case], wanted: list[Case]) -> dict[tuple[int, str], Any]:
    """What costs more than it must: the counts, by number of the case and name."""
    return {
        (number, name): mine["observed"][name]
        for number, (mine, right) in enumerate(zip(yours, wanted, strict=True))
        for name, enough in right["observed"].items()
        if name.startswith("cost.") and mine["observed"][name] > enough
    }


def compare_case(mine: Case, right: Case) -> Difference | None:
    """The first judged name on which one case differs."""
    ours, theirs = mine["observed"], right["observed"]
    judged = [name for name in theirs if not name.startswith(("_", "cost."))]
    for name in judged:
        if name not in ours or not equal(ours[name], theirs[name]):
            return Difference(mine, name, ours.get(name, ours.get("error")), theirs[name])
    if "error" in ours and "error" not in theirs:
        return Difference(mine, "error", ours["error"], None)
    for name, enough in theirs.items():
        if name.startswith("cost.") and not counted(ours.get(name), enough):
            return Difference(mine, name, ours.get(name, ours.get("error")), enough)
    return None


def counted(cost: Any, enough: Any) -> bool:
    """Whether a cost is a number as the wanted one is, which NaN and True are not."""
    numbers = all(isinstance(each, (int, float)) and not isinstance(each, bool) for each in (cost, enough))
    return (numbers and cost == cost) or cost == enough


def alike(yours: list[Case], theirs: list[Case]) -> bool:
    """Whether two runs observed the same in every case."""
    return len(yours) == len(theirs) and all(
        compare_case(mine, its) is None and compare_case(its, mine) is None
        for mine, its in zip(yours, theirs, strict=True)
    )
