"""C compiled by the system's compiler on first use, kept in the user's cache."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path

from tinytorch.errors import DeviceError

# No -ffast-math: nan and infinity stay what they are. Sums run in vectors where a kernel says so.
FLAGS = (
    "-O3", "-std=gnu11", "-fPIC", "-shared", "-fopenmp-simd", "-fno-math-errno", "-fno-trapping-math",
    "-fvisibility=hidden", "-pthread", "-Wall", "-Wno-psabi",
)  # fmt: skip
AVX2 = ("-mavx2", "-mfma", "-mbmi2")
AVX512 = (*AVX2, "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mprefer-vector-width=512")
PATIENCE = 120.0  # seconds that a compilation may take
HEADERS = Path(__file__).resolve().parents[1] / "kernels"


@cache
def compiler() -> tuple[str, ...] | None:
    """The command of the system's compiler: $CC, else cc, gcc or clang; None if there is none."""
    asked = shlex.split(os.environ.get("CC", ""))
    for command in ([asked] if asked else []) + [["cc"], ["gcc"], ["clang"]]:
        found = shutil.which(command[0])
        if found:
            return (found, *command[1:])
    return None


@cache
def vectors() -> tuple[str, tuple[str, ...]]:
    """The widest registers of this processor, and the flags that use them."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return "128 bits", ()
    has = import_module("numpy._core._multiarray_umath").__cpu_features__
    if has.get("AVX512_SKX"):
        return "AVX-512", AVX512
    return ("AVX2", AVX2) if has.get("AVX2") and has.get("FMA3") else ("SSE", ())


def folder() -> Path:
    """Where compiled code is kept: $TINYTORCH_CACHE, else the user's cache; readable and writable by the user alone.

    Raises DeviceError for a folder that others may write to: what lies there is executed.
    """
    if sys.platform == "win32":
        home = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        home = Path.home() / "Library" / "Caches"
    else:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    place = Path(os.environ.get("TINYTORCH_CACHE") or home / "tinytorch") / "native"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.name == "posix":
        found = place.stat()
        if found.st_uid != os.geteuid() or found.st_mode & 0o022:
            raise DeviceError(
                f"{place} belongs to somebody else, or others may write to it: nothing is run from it"
            )
    return place


def key(sources: Mapping[str, str], command: tuple[str, ...], flags: tuple[str, ...]) -> str:
    """Names a compilation: the same sources, flags, compiler and kind of processor give the same library."""
    program = Path(command[0]).resolve()
    about = program.stat()
    parts = [*map(str, (program, about.st_size, about.st_mtime_ns)), *command[1:], *flags, platform.machine()]
    for name, text in sorted(sources.items()):
        parts += [name, text]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def library(name: str, sources: Mapping[str, str]) -> ctypes.CDLL:
    """The functions of C sources (file name to text), compiled now if they never were; headers lie in devices/kernels.

    Raises DeviceError where there is no compiler, or where it does not succeed.
    """
    command = compiler()
    if command is None:
        raise DeviceError("no C compiler was found: neither $CC nor cc, gcc or clang")
    flags = (*FLAGS, *vectors()[1])
    path = folder() / f"{name}-{key(sources, command, flags)}.so"
    if not path.exists():
        with alone(path.with_suffix(".lock")):
            if not path.exists():
                compile_to(path, sources, (*command, *flags))
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        path.unlink(missing_ok=True)  # it is made again the next time
        raise DeviceError(f"{path} cannot be loaded: {error}") from error


def compile_to(path: Path, sources: Mapping[str, str], command: tuple[str, ...]) -> None:
    """Run the compiler; the library appears whole or not at all. Raises DeviceError with what the compiler said."""
    with tempfile.TemporaryDirectory(dir=path.parent) as place:
        for name, text in sources.items():
            Path(place, name).write_text(text, encoding="utf-8")
        files = [name for name in sources if name.endswith(".c")]
        made = Path(place, "made.so")
        line = [*command, "-I", str(HEADERS), "-o", str(made), *files, "-lm"]
        try:
            done = subprocess.run(
                line,
                cwd=place,
                capture_output=True,
                text=True,
                encoding="utf-8",
                errors="replace",
                timeout=PATIENCE,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DeviceError(f"{command[0]} could not be run: {error}") from error
        if done.returncode:
            raise DeviceError(f"{command[0]} refused {', '.join(files)}:\n{done.stderr.strip()[:2000]}")
        os.replace(made, path)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Let one process at a time compile the same; a lock dies with its process."""
    with path.open("a") as file:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield
