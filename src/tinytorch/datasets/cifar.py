"""CIFAR-10: 32 x 32 colour images, in the binary version (the other is a pickle, and code from files is never run)."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from tinytorch.datasets.download import DownloadError, cache_folder, digest, missing
from tinytorch.datasets.download import download as fetch
from tinytorch.datasets.images import Images, Transform

RECORD = 1 + 3 * 32 * 32  # bytes: a label, then the red, the green and the blue plane
LARGEST = 1 << 26  # bytes of one batch; the real ones have 30,730,000


class CIFAR10(Images):
    """Ten classes of things and animals: 50,000 images for training, 10,000 held out (`torchvision.datasets.CIFAR10`).

    data: (n, 32, 32, 3) uint8 NumPy array, targets: list of int. The archive is looked for in root, and downloaded there
    if `download` says so; it is read as it is, and unpacked nowhere. Where somebody unpacked it, its folder
    `cifar-10-batches-bin` in root is read instead. root: a folder; the user's cache without one.
    Unlike torchvision's, an image is a NumPy array, and the archive is the one with the binary version.

    Source: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009. Raises DownloadError, a
    RuntimeError, for an archive that is missing or damaged.
    """

    url: ClassVar[str] = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
    sha256: ClassVar[str] = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
    folder: ClassVar[str] = "cifar-10-batches-bin"  # within the archive
    classes = (
        "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
    )  # fmt: skip

    def __init__(
        self,
        root: str | Path | None = None,
        train: bool = True,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(transform, target_transform)
        self.root = cache_folder() if root is None else Path(root)
        self.train = train
        names = [f"data_batch_{i}.bin" for i in range(1, 6)] if train else ["test_batch.bin"]
        unpacked = self.root / self.folder
        if all((unpacked / name).is_file() for name in names):
            records = joined({name: (unpacked / name).read_bytes() for name in names}, unpacked, names)
        else:
            path = self.root / self.url.rpartition("/")[2]
            if not path.exists() or digest(path) != self.sha256:
                if not download:
                    raise missing(path, self.url, path.exists())
                fetch([self.url], path, self.sha256)
            records = read_batches(path, [f"{self.folder}/{name}" for name in names])
        self.data = (
            records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).copy()
        )  # (n, row, column, colour)
        self.targets = records[:, 0].tolist()


def read_batches(path: Path, names: list[str]) -> np.ndarray[Any, Any]:
    """The records of some files of an archive, (n, 3073), read without unpacking anything to the disk."""
    found = {}
    with tarfile.open(path, "r:gz") as archive:
        for member in archive:
            if member.name in names and member.isreg():
                if member.size > LARGEST:
                    raise DownloadError(f"{member.name} has {member.size} bytes; a batch has 30730000")
                file = archive.extractfile(member)
                assert file is not None  # it is a regular file
                found[member.name] = file.read()
    return joined(found, path, names)


def joined(found: dict[str, bytes], path: Path, names: list[str]) -> np.ndarray[Any, Any]:
    """The records of all files (n, 3073). Raises DownloadError where one lacks or is not what it should be."""
    missing = [name for name in names if name not in found]
    if missing:
        raise DownloadError(f"{path} lacks {', '.join(missing)}")
    for name in names:
        if len(found[name]) % RECORD:
            raise DownloadError(
                f"{name} has {len(found[name])} bytes, no multiple of the {RECORD} of an image"
            )
    records = np.concatenate([np.frombuffer(found[name], np.uint8).reshape(-1, RECORD) for name in names])
    if (records[:, 0] > 9).any():
        raise DownloadError(f"{path} has labels beyond 9")
    return records
