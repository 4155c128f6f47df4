"""Where PyTorch or JAX takes less time than TinyTorch, read off the figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.costs import Cost, Import
from benchmarks.growth import CASES, WAYS, Point
from benchmarks.measure import BACKENDS, Row
from benchmarks.results import Results

OTHERS = ("torch", "torch+malloc", "torch+fused", "jax")


def more(ratio: float) -> bool:
    """Whether it is above 1 as it is printed."""
    return round(ratio, 2) > 1


def section(results: Results) -> Iterator[str]:
    """Every figure in which TinyTorch takes longer."""
    lines = [
        *workloads(results.rows),
        *operations(results.costs),
        *imports(results.imports),
        *sizes(results.points),
    ]
    yield "### Where others are ahead\n\n" + (
        "How many times as long TinyTorch takes, wherever that is above 1."
        if lines
        else "Nowhere in this run: no ratio is above 1."
    )
    if lines:
        yield "\n".join([f"- {line}" for line in lines])


def workloads(rows: Sequence[Row]) -> Iterator[str]:
    """One line for each workload."""
    for row in rows:
        behind = {each: row.figures[each].behind for each in OTHERS if each in row.figures}
        found = [f"{BACKENDS[each]}: {value:.2f}" for each, value in behind.items() if more(value)]
        if found:
            yield f"{row.title}: beside {'; beside '.join(found)}"


def operations(costs: Sequence[Cost]) -> Iterator[str]:
    """One line for each operation on 8 x 8."""
    for name in dict.fromkeys(cost.name for cost in costs):
        found = [f"{cost.way} {cost.ratio:.2f}" for cost in costs if cost.name == name and more(cost.ratio)]
        if found:
            yield f"`{name}` on 8 x 8, beside PyTorch: {', '.join(found)}"


def imports(found: Sequence[Import]) -> Iterator[str]:
    """One line for each library that is there sooner."""
    times = {each.library: each.median for each in found}
    for library, seconds in times.items():
        if library != "tinytorch" and more(times["tinytorch"] / seconds):
            yield f"import, beside {BACKENDS[library]}: {times['tinytorch'] / seconds:.2f}"


def sizes(points: Sequence[Point]) -> Iterator[str]:
    """One line for each case and way: at which sizes, and by how much at most."""
    for case in CASES:
        for way in WAYS:
            own = [point for point in points if (point.case, point.way) == (case, way)]
            slower = [point for point in own if more(point.ratio)]
            if slower:
                largest = max(point.ratio for point in slower)
                where = ", ".join([f"{point.size:,}" for point in slower])
                yield f"{CASES[case].title}, {way}, beside PyTorch: {largest:.2f} at most, at {where} ({CASES[case].along})"
