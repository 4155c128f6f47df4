"""MNIST and Fashion-MNIST: 28 x 28 grey images in the IDX format."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from tinytorch.creation import from_numpy
from tinytorch.datasets.download import DownloadError, cache_folder, missing
from tinytorch.datasets.download import download as fetch
from tinytorch.datasets.images import CLOTHES, Images, Transform

LARGEST = 1 << 26  # bytes of a file unpacked; the largest has 47,040,016
UINT8 = 8  # the code of IDX for bytes


class MNIST(Images):
    """Handwritten digits: 60,000 for training, 10,000 held out (`torchvision.datasets.MNIST`).

    data: (n, 28, 28) uint8, targets: (n,) int64. Files are looked for in root/MNIST/raw, where torchvision has them,
    packed or unpacked, and downloaded there if `download` says so. root: a folder; the user's cache without one.
    Unlike torchvision's, an image is a NumPy array, as no picture library is asked for.

    Source: LeCun, Cortes and Burges, http://yann.lecun.com/exdb/mnist. Raises DownloadError, a RuntimeError, for
    files that are missing or damaged.
    """

    mirrors: ClassVar[Sequence[str]] = (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    )
    sums: ClassVar[
        Mapping[str, tuple[str, str]]
    ] = {  # SHA-256 of each file as it is sent (.gz), and unpacked
        "train-images-idx3-ubyte": (
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        "train-labels-idx1-ubyte": (
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
        "t10k-images-idx3-ubyte": (
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        "t10k-labels-idx1-ubyte": (
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    }
    classes = (
        "0 - zero", "1 - one", "2 - two", "3 - three", "4 - four",
        "5 - five", "6 - six", "7 - seven", "8 - eight", "9 - nine",
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
        which = "train" if train else "t10k"
        self.data = from_numpy(read_idx(self.content(f"{which}-images-idx3-ubyte", download), 3))
        self.targets = from_numpy(
            read_idx(self.content(f"{which}-labels-idx1-ubyte", download), 1).astype(np.int64)
        )
        if len(self.data) != len(self.targets):
            raise DownloadError(
                f"{self.raw_folder} has {len(self.data)} images and {len(self.targets)} labels"
            )

    @property
    def raw_folder(self) -> Path:
        """Where the files lie."""
        return self.root / type(self).__name__ / "raw"

    def content(self, name: str, may_download: bool) -> bytes:
        """A file, unpacked: what is told by its sum counts, not how somebody has packed it."""
        packed, (sent, wanted) = self.raw_folder / f"{name}.gz", self.sums[name]
        found = [unpacked(path) for path in (packed, self.raw_folder / name) if path.exists()]
        if may_download and wanted not in map(sha256, found):
            fetch([f"{mirror}{name}.gz" for mirror in self.mirrors], packed, sent)
            found = [unpacked(packed)]
        for each in found:
            if sha256(each) == wanted:
                return each
        raise missing(packed, f"{self.mirrors[0]}{name}.gz", bool(found))


class FashionMNIST(MNIST):
    """Clothes: 60,000 images for training, 10,000 held out (`torchvision.datasets.FashionMNIST`).

    Source: Xiao, Rasul and Vollgraf, 2017, https://github.com/zalandoresearch/fashion-mnist, MIT licence.
    """

    mirrors = (
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    )
    sums = {
        "train-images-idx3-ubyte": (
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        ),
        "train-labels-idx1-ubyte": (
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        ),
        "t10k-images-idx3-ubyte": (
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        ),
        "t10k-labels-idx1-ubyte": (
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
    }
    classes = CLOTHES


def sha256(content: bytes) -> str:
    """The SHA-256 of some bytes."""
    return hashlib.sha256(content).hexdigest()


def unpacked(path: Path) -> bytes:
    """The content of a file, without its packing if it has one; as much of it as can be had of a damaged one."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return file.read(LARGEST)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        return b""


def read_idx(content: bytes, ndim: int) -> np.ndarray[Any, Any]:
    """An array of bytes with `ndim` axes in the IDX format: a code, the sizes, the elements, the last axis fastest."""
    code = bytes([0, 0, UINT8, ndim])
    if not content.startswith(code):
        raise DownloadError(
            f"the file begins with {list(content[:4])}, and not with {list(code)}: bytes of {ndim} axes"
        )
    start = 4 + 4 * ndim
    sizes = [int.from_bytes(content[i : i + 4], "big") for i in range(4, start, 4)]
    if len(content) != start + prod(sizes):
        raise DownloadError(
            f"the file is to have {prod(sizes)} elements, of sizes {sizes}, and has {len(content) - start}"
        )
    return np.frombuffer(bytearray(content), np.uint8, offset=start).reshape(sizes)
