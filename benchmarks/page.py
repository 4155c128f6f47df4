"""The page that a run writes: tables, where others are ahead, and the plots, each with a sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from benchmarks import ahead, pictures
from benchmarks.costs import WAYS, Cost, Import
from benchmarks.limits import Limits
from benchmarks.measure import BACKENDS, Figures, Row
from benchmarks.results import Facts, Results
from tinytorch_studio.snapshots import write_whole

BEGIN, END = "<!-- made by ./tt dev bench -->", "<!-- end of what is made -->"


def write(results: Results, docs: Path) -> None:
    """Draw the plots, and put the figures between the marks of performance.md."""
    folder, limit = docs / "performance", results.limits[-1]
    pictures.workloads(folder / "workloads", results.rows)
    pictures.roofline(folder / "roofline", results.rows, results.limits)
    pictures.growth(folder / "growth", results.points, limit)
    path, made = docs / "performance.md", f"{text(results)}\n{drawn()}\n"
    write_whole(path, replaced(path.read_text(encoding="utf-8"), made).encode())


def replaced(page: str, made: str) -> str:
    """The page with something else between the marks; without a mark at the end, all after the first is replaced."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{made}\n{END}{rest.partition(END)[2] or chr(10)}"


def text(results: Results) -> str:
    """All that is not a plot."""
    parts = [
        heading(results.facts),
        *workloads(results.rows),
        *one_operation(results.costs),
        *imports(results.imports),
        *limits(results.limits),
        *ahead.section(results),
    ]
    return "\n".join([f"{part}\n" for part in parts])


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join([f"| {' | '.join([cell.replace('|', '/') for cell in line])} |" for line in lines])


def heading(facts: Facts) -> str:
    """Machine, versions, date, load, threads."""
    versions = [f"{name} {number}" if number else f"no {name}" for name, number in facts.versions.items()]
    before, after = ("unknown" if each is None else f"{each:.2f}" for each in facts.loads)
    kernels = (
        "with compiled kernels" if facts.kernels else "WITHOUT COMPILED KERNELS: TinyTorch is NumPy alone"
    )
    return (
        f"## Measured on {facts.date}\n\n{facts.machine}, {facts.cores} cores; {facts.threads} thread{'s' * (facts.threads > 1)} in every process. "
        f"{', '.join(versions)}; {kernels}. Load {before} before the run, {after} after it; it took {facts.minutes:.0f} minutes."
    )  # fmt: skip


def reason(row: Row, backend: str) -> str:
    """Why there is no figure."""
    why = " ".join(row.reasons.get(backend, "").split())[:100]
    return why if why in ("", "not installed") else f"**{why}**"


def workloads(rows: Sequence[Row]) -> Iterator[str]:
    """Times, ratios and memory."""
    if rows:
        yield "### Workloads\n\nMedian time in ms of a step; of the whole for generating letters and for the loader."
        yield figures(rows, lambda row: row.title, lambda found: milliseconds(found.milliseconds), whys=True)
        yield (
            "An empty cell: the backend has nothing of its own to show there (no optimizer to fuse, nothing to compile); "
            "JAX runs three workloads. Their names in the tables below: "
            f"{'; '.join([f'{row.name}: {row.title}' for row in rows])}."
        )
        yield (
            "Time over that of plain PyTorch: the median of the ratios of slices that were taken in turn, and in brackets "
            "the ratio of the two shortest slices."
        )
        yield figures(rows, short, lambda found: f"{found.ratio:.2f} ({found.ratio_of_least:.2f})")
        yield "Largest memory of the process above what it had after the import, in MB."
        yield figures(rows, short, lambda found: f"{found.megabytes:.0f}")


def milliseconds(value: float) -> str:
    """Three digits, or all before the point.

    >>> milliseconds(0.51234), milliseconds(1234.5)
    ('0.512', '1234')
    """
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def short(row: Row) -> str:
    """The name by which it is called on the command line."""
    return row.name


def figures(
    rows: Sequence[Row], named: Callable[[Row], str], shown: Callable[[Figures], str], whys: bool = False
) -> str:
    """A table with a column for each backend; with the reasons for what is missing, or without."""

    def cell(row: Row, backend: str) -> str:
        found = row.figures.get(backend)
        return shown(found) if found else reason(row, backend) if whys else ""

    lines = [[named(row), *[cell(row, each) for each in BACKENDS]] for row in rows]
    return table(["workload", *BACKENDS.values()], lines)


def one_operation(costs: Sequence[Cost]) -> Iterator[str]:
    """Microseconds for one operation."""
    found = {(cost.name, cost.way): cost for cost in costs}
    rows = []
    for name in dict.fromkeys(cost.name for cost in costs):
        row = [f"`{name}`"]
        for way in WAYS:
            row += [f"{number:.2f}" for number in found[name, way][2:]]
        rows.append(row)
    if rows:
        titles = [f"{way}, {what}" for way in WAYS for what in ("µs", "PyTorch µs", "ratio")]
        yield (
            "### What one operation costs\n\nOn matrices of 8 x 8, where the way to the arithmetic is nearly all. "
            "Unrecorded: no input asks for a gradient. With backward: the operation and `autograd.grad` through it."
        )
        yield table(["operation", *titles], rows)


def imports(found: Sequence[Import]) -> Iterator[str]:
    """Seconds for an import."""
    if found:
        yield "### Import\n\nIn fresh processes, in turn, without the start of Python itself, files in memory already."
        rows = [[BACKENDS[each.library], f"{each.median:.2f}", f"{each.least:.2f}"] for each in found]
        yield table(["library", "median s", "least s"], rows)


def limits(found: Sequence[Limits]) -> Iterator[str]:
    """What the machine can do."""
    if found:
        yield (
            "### The machine's limits\n\nThe fastest of a few times: products of 2048 x 2048 float32 by NumPy's BLAS; arrays "
            "of 128 MiB copied and added."
        )
        rows = [
            [str(each.threads), f"{each.gflops:.0f}", f"{each.copy:.1f}", f"{each.add:.1f}"] for each in found
        ]
        yield table(["threads", "sgemm, GFLOP/s", "copy, GB/s", "add, GB/s"], rows)


def drawn() -> str:
    """The plots, and what is in them."""
    return """### Plots

![Time of each workload over that of plain PyTorch](performance/workloads.svg)

Bars to the left of 1 take less time than plain PyTorch, bars to the right more.

![Roofline with the workloads](performance/roofline.svg)

A workload that is far below both lines spends its time on something else than arithmetic and memory. Floating point operations
and bytes are what the cards of the forward pass tell (`tinytorch.observe`): each operation once, and once more for each input that
needs a gradient, two at most; the optimizer's step is not counted. Bytes are counted as if nothing stayed in a cache between two
operations, so a point may lie above the slope. The same counts serve all backends.

![Cost of operations over size](performance/growth.svg)

Where a line is flat, the way to the arithmetic is what is paid for; where it runs beside the dotted line, the machine's limit is
near; below the dotted line arrays still fit into caches, which are faster than memory."""
