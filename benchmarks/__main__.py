"""Measure all and write docs/performance.md; or, with names, measure only those and print them."""

from __future__ import annotations

import os
import time
from importlib.util import find_spec

import click

from benchmarks import costs, growth, limits, measure, page
from benchmarks.process import ROOT, load, wait_for_quiet
from benchmarks.results import Results, facts
from benchmarks.workloads import TABLE

PARTS = (*TABLE, "costs", "imports", "limits", "growth")
FEW = 3  # slices of a quick run


def run(chosen: tuple[str, ...], quick: bool, threads: int) -> Results:
    """Measure the parts that were chosen."""
    start, before = time.perf_counter(), load()

    def part(name: str) -> bool:
        if name in chosen:
            click.echo(f"{name} ...", err=True)
        return name in chosen

    rows = [measure.measured(name, threads, FEW if quick else None) for name in TABLE if part(name)]
    cost = costs.measured(threads, FEW if quick else 30) if part("costs") else []
    imported = costs.imports(FEW if quick else 7) if part("imports") else []
    most = [limits.measured(count) for count in sorted({1, threads})] if part("limits") else []
    points = growth.measured(threads, FEW if quick else 7) if part("growth") else []
    return Results(facts(threads, before, time.perf_counter() - start), rows, cost, imported, most, points)


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(PARTS))
@click.option("--quick", is_flag=True, help="Few slices, no waiting for a quiet machine; writes nothing.")
@click.option(
    "--threads",
    type=click.IntRange(1),
    default=os.cpu_count() or 1,
    show_default=True,
    help="Threads of every process.",
)
def main(names: tuple[str, ...], quick: bool, threads: int) -> None:
    """Measure these NAMES, or all: only then the page is written."""
    if find_spec("torch") is None:
        raise click.ClickException("PyTorch is missing: there is nothing to compare with")
    if not quick:
        wait_for_quiet()
    results = run(names or PARTS, quick, threads)
    click.echo(page.text(results))
    if not names and not quick:
        page.write(results, ROOT / "docs")


if __name__ == "__main__":
    main(prog_name="tt dev bench")
