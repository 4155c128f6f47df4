"""Child processes: bounded in time, alone in their session, heard through a file of JSON lines."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SECONDS = 10.0
SOURCE = Path(__file__).resolve().parents[1]


@dataclass
class Heard:
    """What a child had to say."""

    cases: list[dict[str, Any]] = field(default_factory=list)
    failed: dict[str, Any] | None = None  # it could not even be imported
    finished: bool = False
    ending: str = ""  # how it ended, if not well


def environment() -> dict[str, str]:
    """The child's: the framework's source on the path, kernels off, one seed."""
    settings = {"PYTHONPATH": str(SOURCE), "PYTHONSAFEPATH": "1", "PYTHONHASHSEED": "0", "PYTHONUTF8": "1"}
    return os.environ | settings | {"TINYTORCH_KERNELS": "0", "PYTHONDONTWRITEBYTECODE": "1"}


def end(process: subprocess.Popen[bytes]) -> None:
    """End a child and everything that it started."""
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


def probe(job: dict[str, Any], seconds: float = SECONDS) -> Heard:
    """Run a job of `inside.probe` and read what it observed."""
    with tempfile.TemporaryDirectory(prefix="tt-") as folder:
        task, results, errors = (Path(folder, name) for name in ("job.json", "results", "errors"))
        task.write_text(json.dumps(job), encoding="utf-8")
        results.touch()
        command = [sys.executable, "-P", "-m", "tinytorch_studio.inside.probe", str(task), str(results)]
        with errors.open("wb") as sink:
            process = subprocess.Popen(
                command,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=sink,
                start_new_session=True,
            )
            ending = ""
            try:
                code = process.wait(seconds)
                ending = f"it ended with exit code {code}" if code else "it ended before all cases had run"
            except subprocess.TimeoutExpired:
                ending = f"it was still running after {seconds:.0f} seconds"
            finally:
                end(process)
        return heard(results, ending)


def heard(results: Path, ending: str) -> Heard:
    """The lines of a result file; one that was cut off is passed over."""
    made = Heard(ending=ending)
    for line in results.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if "failed" in entry:
            made.failed = entry
        elif "finished" in entry:
            made.finished = True
        else:
            made.cases.append(entry)
    return made
