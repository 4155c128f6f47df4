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

from tinytorch_studio.course import Module
from tinytorch_studio.folder import Folder

SECONDS = 10.0
SHOWN = 2**16  # characters of what a child printed that are kept
SOURCE = Path(__file__).resolve().parents[1]


@dataclass
class Heard:
    """What a child had to say."""

    cases: list[dict[str, Any]] = field(default_factory=list)
    failed: dict[str, Any] | None = None  # it could not even be imported
    finished: bool = False
    ending: str = ""  # how it ended, if not well
    printed: str = ""


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
    return run("probe", job, seconds, "it ended before all cases had run")


def run(script: str, job: dict[str, Any], seconds: float, early: str = "it ended early") -> Heard:
    """Run a job of a file in `inside`, in an empty folder, and read what it wrote down and printed."""
    with tempfile.TemporaryDirectory(prefix="tt-") as folder:
        task, results, printed, scratch = (
            Path(folder, n) for n in ("job.json", "results", "printed", "empty")
        )
        task.write_text(json.dumps(job), encoding="utf-8")
        results.touch()
        scratch.mkdir()
        command = [sys.executable, "-P", "-m", f"tinytorch_studio.inside.{script}", str(task), str(results)]
        with printed.open("wb") if job.get("listen") else open(os.devnull, "wb") as sink:
            process = subprocess.Popen(
                command,
                cwd=scratch,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            ending = ""
            try:
                code = process.wait(seconds)
                ending = f"it ended with exit code {code}" if code else early
            except subprocess.TimeoutExpired:
                ending = f"it was still running after {seconds:.0f} seconds"
            finally:
                end(process)
        made = heard(results, ending)
        if printed.exists():
            with printed.open(encoding="utf-8", errors="replace") as file:
                made.printed = file.read(SHOWN)
        return made


def on_files(folder: Folder | None, module: Module, **more: Any) -> dict[str, Any]:
    """A job that runs with a module's folder on the path and the learner's files in front, or none of them."""
    job: dict[str, Any] = {"front": [str(module.folder)], "root": "", "yours": {}, "listen": False}
    if folder is not None:
        root = folder.root.resolve()
        there = [file for file in module.files if (root / file).exists()]
        job["front"] = [str(root), *job["front"]]
        job["root"] = str(root)
        job["yours"] = {".".join(Path(file).with_suffix("").parts): str(root / file) for file in there}
    return job | more


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
