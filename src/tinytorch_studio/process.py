"""Child processes: bounded in time, alone in their session, heard through sealed lines that they write into a file."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from tinytorch_studio.course import Module
from tinytorch_studio.folder import Folder
from tinytorch_studio.hearing import MEDDLED, Files, Heard, heard, sound
from tinytorch_studio.wire import OUTPUT

SECONDS = float(os.environ.get("TINYTORCH_SECONDS") or 10)  # a slow machine may need more
# Seconds more until a child is ended whose warden does not do it; where there is no warden, none.
PATIENCE = 8.0 if hasattr(os, "fork") else 0.0
SHOWN = 2**16  # characters of what a child printed that are kept
SOURCE = Path(__file__).resolve().parents[1]


def environment(kernels: bool = False) -> dict[str, str]:
    """The child's: the framework's source on the path, one seed; compiled kernels, where programs want to be fast."""
    settings = {"PYTHONPATH": str(SOURCE), "PYTHONSAFEPATH": "1", "PYTHONHASHSEED": "0", "PYTHONUTF8": "1"}
    off = {} if kernels else {"TINYTORCH_KERNELS": "0"}
    return os.environ | settings | off | {"PYTHONDONTWRITEBYTECODE": "1"}


def end(process: subprocess.Popen[bytes]) -> None:
    """End a child and everything that it started: its warden does that, if it still can."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        wait(process, PATIENCE)
    if process.poll() is None:  # else its number may be another's by now
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()


def wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait for a child's end, and not a moment longer (Popen.wait looks only every 50 ms). Raises TimeoutExpired."""
    if process.poll() is None and hasattr(os, "pidfd_open"):
        with contextlib.suppress(OSError):  # an older kernel has none
            handle = os.pidfd_open(process.pid)
            ended = select.poll()
            ended.register(handle, select.POLLIN)
            try:
                ended.poll(seconds * 1000)
            finally:
                os.close(handle)
            seconds = 0.1
    process.wait(seconds)


def probe(job: dict[str, Any], seconds: float = SECONDS) -> Heard:
    """Run a job of `inside.probe` and read what it observed."""
    made = run("probe", job, seconds, "it ended Python before all cases had run")
    whole = [*itertools.takewhile(sound, made.cases)]
    if len(whole) < len(made.cases):
        made.cases, made.finished, made.ending = whole, False, MEDDLED
    return made


@contextlib.contextmanager
def empty_folder() -> Iterator[str]:
    """A folder of its own for a child; whatever it made there is removed."""
    made = tempfile.TemporaryDirectory(prefix="tt-", ignore_cleanup_errors=True)
    try:
        yield made.name
    finally:
        with contextlib.suppress(RecursionError):  # thousands of folders, one in the other
            made.cleanup()
        if os.path.exists(made.name) and shutil.which("rm"):
            subprocess.run(["rm", "-rf", made.name], stderr=subprocess.DEVNULL)


def run(script: str, job: dict[str, Any], seconds: float, early: str = "it ended early") -> Heard:
    """Run a job of a file in `inside`, in an empty folder, and read what it wrote down and printed.

    The three files have no names: the job with the key to this run's seals, which the child wipes out, and in which it notes
    where it stood when its time was over; its sealed lines; what it printed.
    """
    key = secrets.token_bytes(32)
    command = [sys.executable, "-P", "-m", f"tinytorch_studio.inside.{script}"]
    file = tempfile.TemporaryFile
    with empty_folder() as folder, file() as task, file() as results, file() as printed:
        task.write(json.dumps(job | {"key": key.hex(), "seconds": seconds}).encode())
        task.seek(0)
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment() | {"TMPDIR": folder},
            stdin=task,
            stdout=results,
            stderr=printed,
            start_new_session=True,
        )
        late = False
        try:
            wait(process, seconds + PATIENCE)
        except subprocess.TimeoutExpired:
            late = True
        finally:
            end(process)
        files = Files(content(task), content(results), content(printed), process.returncode, seconds, late)
        made = heard(files, key, own_files(job), early)
        if job.get("listen"):
            made.printed = files.printed.decode("utf-8", "replace")[:SHOWN]
        return made


def content(file: IO[bytes]) -> bytes:
    """What a child wrote into a file, or its beginning."""
    file.seek(0)
    return file.read(OUTPUT)


def own_files(job: dict[str, Any]) -> list[str]:
    """The files of a job that are the learner's, or stand for them."""
    return [*job.get("yours", {}).values(), *[each["path"] for each in job.get("files", {}).values()]]


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
