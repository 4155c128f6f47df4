"""`tt dev`: the one check, and the benchmarks."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[3]
LONG = ["tests/course/test_scripted_learner.py", "tests/course/test_lessons.py"]
PROGRAMS = ["tests/differential/test_programs.py"]  # with these, half of all the time
# It imports PyTorch, whose name another example takes.
APART = ["--ignore=src/tinytorch_studio/dev/agreement"]
OURS = ("src", "tests", "benchmarks")  # not a learner's folder that was begun in the checkout


@click.group()
def dev() -> None:
    """For those who build TinyTorch."""


def run(name: str, *command: str) -> bool:
    """One step of the check, with its time."""
    start = time.perf_counter()
    click.echo(f"== {name}")
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT)
    click.echo(
        f"== {name}: {'ok' if done.returncode == 0 else 'FAILED'}, {time.perf_counter() - start:.0f} s"
    )
    return done.returncode == 0


def together(parts: list[list[str]]) -> bool:
    """The tests in parts that run at the same time, each told when it has ended."""
    start = time.perf_counter()
    click.echo(f"== tests, in {len(parts)} parts at the same time")
    begun = []
    for number, part in enumerate(parts):
        printed = tempfile.TemporaryFile()  # noqa: SIM115 closed when the process has ended, with this one
        kept = ["-o", f"cache_dir=.pytest_cache/{number}"]
        command = [sys.executable, "-m", "pytest", *kept, *part]
        begun.append((part, subprocess.Popen(command, cwd=ROOT, stdout=printed, stderr=printed), printed))
    for part, process, printed in begun:
        code = process.wait()
        printed.seek(0)
        click.echo(printed.read().decode("utf-8", "replace"))
        took = time.perf_counter() - start
        click.echo(f"== tests, {' '.join(part)}: {'ok' if code == 0 else 'FAILED'}, after {took:.0f} s")
    return all(process.returncode == 0 for _, process, _ in begun)


@dev.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def test(arguments: tuple[str, ...]) -> None:
    """Run every check; or, with ARGUMENTS, pytest with those."""
    if arguments:
        sys.exit(subprocess.run([sys.executable, "-m", "pytest", *arguments], cwd=ROOT).returncode)
    torch = importlib.util.find_spec("torch") is not None
    where, long = (["tests"], LONG + PROGRAMS) if torch else (["tests", "--ignore=tests/differential"], LONG)
    results = {
        "bytecode": run("bytecode", "compileall", "-q", "--invalidation-mode", "checked-hash", "src"),
        "format": run("format", "ruff", "format", "--check", "--quiet", *OURS),
        "lint": run("lint", "ruff", "check", "--quiet", *OURS),
        "types": run("types", "mypy"),
        "examples in docstrings": run(
            "examples in docstrings",
            "pytest",
            "--doctest-modules",
            *APART,
            "src/tinytorch",
            "src/tinytorch_studio",
        ),
        "tests": together([long, [*where, *[f"--ignore={path}" for path in long]]]),
    }
    failed = [name for name, ok in results.items() if not ok]
    if failed:
        click.echo(f"failed: {', '.join(failed)}")
    else:
        click.echo(
            "all checks passed"
            + ("" if torch else "; PyTorch is missing, so the differential tests did not run")
        )
    sys.exit(bool(failed))


@dev.command()
@click.argument("module", required=False)
def check(module: str | None) -> None:
    """Hold the modules against the rules of the course: probes, mistakes, hints, headings, production links."""
    from tinytorch_studio.course import find, modules
    from tinytorch_studio.dev import rules

    count = 0
    for each in [find(module)[0]] if module else modules():
        for what in rules.problems(each):
            click.echo(what)
            count += 1
    if importlib.util.find_spec("torch") is None:
        click.echo("PyTorch is missing, so its side of the production links was not looked at")
    click.echo(f"{count} problems" if count else "no problem found")
    sys.exit(bool(count))


@dev.command(context_settings={"ignore_unknown_options": True})
@click.argument("names", nargs=-1, type=click.UNPROCESSED)
def bench(names: tuple[str, ...]) -> None:
    """Run the benchmarks against PyTorch and rewrite docs/performance.md; with NAMES, only those, and nothing is written.

    Names: chain, mlp, lenet, resnet, gpt, gpt384, generate, loader, costs, imports, limits, growth. --quick takes few
    slices and writes nothing; --threads N sets the threads of every process.
    """
    sys.exit(subprocess.run([sys.executable, "-m", "benchmarks", *names], cwd=ROOT).returncode)


@dev.command()
@click.argument("module", required=False)
def mutants(module: str | None) -> None:
    """Change each exercise in one small place, many times; rewrite docs/mutants.md (of all modules, without MODULE)."""
    from tinytorch_studio.course import find, modules
    from tinytorch_studio.dev import mutants as make
    from tinytorch_studio.variants import variants

    chosen = [find(module)[0]] if module else list(modules())
    known = {each.number: variants(each.path("mistakes.py"), each) for each in chosen}
    tallies = [
        make.tally(each, exercise, known[each.number]) for each in chosen for exercise in each.exercises
    ]
    if not module:
        (ROOT / "docs" / "mutants.md").write_text(make.page(tallies), encoding="utf-8")
    click.echo(make.page(tallies))
    sys.exit(any(each.survivors for each in tallies))


@dev.command()
def verdicts() -> None:
    """Time `tt check` for every exercise, and rewrite docs/verdicts.md. Run it on a quiet machine."""
    import os
    import platform

    from tinytorch_studio.dev import verdicts as make

    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}"
    text = make.page(list(make.timed()), machine)
    (ROOT / "docs" / "verdicts.md").write_text(text, encoding="utf-8")
    click.echo(text)


@dev.command()
@click.argument("names", nargs=-1)
def milestones(names: tuple[str, ...]) -> None:
    """Run the milestones of these NAMES to their end, or all, and rewrite docs/milestones. Takes an hour."""
    from tinytorch_studio.commands.milestone import programs
    from tinytorch_studio.dev import milestones as make

    docs = ROOT / "docs" / "milestones"
    reached = [make.run(name, docs) for name in names or programs()]
    (docs / "README.md").write_text(make.page(docs), encoding="utf-8")
    sys.exit(0 if all(reached) else 1)


@dev.command()
@click.argument("names", nargs=-1)
def agreement(names: tuple[str, ...]) -> None:
    """Run PyTorch's own samples of every function and module on both; rewrite docs/agreement.md.

    With NAMES (add, nn.functional.relu, nn.Linear, ...), only those, and every difference that nobody explained.
    """
    from tinytorch_studio.dev.agreement import run as make

    if names:
        found, missing = make.lines(None, thorough=True, only=names, say=click.echo)
        click.echo("".join([f"not here: {name}\n" for name in missing]), nl=False)
    else:
        text, found = make.document(say=click.echo)
        (ROOT / "docs" / "agreement.md").write_text(text, encoding="utf-8")
    open_cases = [each for line in found for each in line.unexplained]
    click.echo("\n".join(open_cases))
    click.echo(f"{sum(line.cases for line in found):,} cases, {len(open_cases)} unexplained differences")
    sys.exit(bool(open_cases))
