"""Downloads: checked against a SHA-256, resumed where they broke off, and under their name only when they are whole."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tinytorch.errors import TinyTorchError

TIMEOUT = 30.0  # seconds without a byte
TRIES = 3  # of one address; each goes on where the one before has ended
PIECE = 1 << 16  # bytes between two looks at the clock
LARGEST = 1 << 30  # bytes; all files here are smaller by far


class DownloadError(TinyTorchError, RuntimeError):
    """Data that is not there and cannot be had."""


def cache_folder() -> Path:
    """Where downloads go unless a program says otherwise: $TINYTORCH_DATA, else a folder in the user's cache."""
    chosen = os.environ.get("TINYTORCH_DATA")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tinytorch"


def digest(path: Path) -> str:
    """The SHA-256 of a file, as 64 characters."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def download(addresses: Sequence[str], path: Path, sha256: str) -> None:
    """Get a file from the first address that gives the right one. Raises DownloadError that says what to do instead.

    What has come before a connection broke lies in a file beside it that ends in .part, and is asked for no more.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part, reasons = path.with_name(f"{path.name}.part"), []
    for address in addresses:
        for _ in range(TRIES):
            try:
                receive(address, part)
            except (OSError, HTTPException) as error:
                reasons.append(f"{address}: {error}")
                if isinstance(error, HTTPError):  # it has answered, and will not answer otherwise
                    break
                continue
            found = digest(part)
            if found == sha256:
                os.replace(part, path)
                return
            part.unlink()
            reasons.append(f"{address}: its SHA-256 is {found}")
    raise DownloadError(
        f"{path.name} (SHA-256 {sha256}) could not be downloaded:\n  "
        + "\n  ".join(dict.fromkeys(reasons))
        + f"\nWithout a network, put the file into {path.parent} yourself, or use what ships: "
        "datasets.FashionMNISTSubset, datasets.Digits"
    )


def missing(path: Path, address: str, there: bool) -> DownloadError:
    """What to do about a file that is not there, or not the right one."""
    state = "is damaged (its SHA-256 is another)" if there else "is not there"
    return DownloadError(
        f"Dataset not found: {path} {state}. You can use download=True to download it, or put the file "
        f"from {address} there yourself. datasets.FashionMNISTSubset and datasets.Digits ship with tinytorch"
    )


def receive(address: str, part: Path) -> None:
    """Append what is missing of a file; all of it where the server does not know how to give a part.

    Raises OSError if the connection ends early.
    """
    have = part.stat().st_size if part.exists() else 0
    request = Request(address, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = urlopen(request, timeout=TIMEOUT)
    except HTTPError as error:
        if (
            error.code == 416 and have
        ):  # there is no more: the checksum will tell whether it is the right file
            return
        raise
    with response:
        goes_on = response.status == 206 and response.headers["Content-Range"].startswith(f"bytes {have}-")
        with part.open("ab" if goes_on else "wb") as file:
            pour(response, file, part.stem)


def pour(response: Any, file: IO[bytes], name: str) -> None:
    """Write what comes, and show how much on a terminal."""
    length = response.headers["Content-Length"]
    start = file.tell()
    total = None if length is None else start + int(length)
    while piece := response.read(PIECE):
        file.write(piece)
        if file.tell() > LARGEST:
            raise OSError(f"more than {LARGEST} bytes have come: this is not the file")
        show(name, file.tell(), total)
    if sys.stderr.isatty():
        sys.stderr.write("\n")
    if total is not None and file.tell() < total:
        raise OSError(f"the connection ended after {file.tell()} of {total} bytes")


def show(name: str, have: int, total: int | None) -> None:
    """Redraw the line on the terminal."""
    if sys.stderr.isatty():
        of = "" if total is None else f" of {total / 1e6:.1f}"
        sys.stderr.write(f"\r{name}: {have / 1e6:.1f}{of} MB")
        sys.stderr.flush()
