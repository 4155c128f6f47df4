"""Datasets from a server on this machine: checksums, resuming, broken connections, and no network at all."""

import gzip
import hashlib
import io
import sys
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

import tinytorch as tt
from tinytorch.datasets import CIFAR10, MNIST, DownloadError, FashionMNIST
from tinytorch.datasets import download as downloads
from tinytorch.datasets.mnist import read_idx

SOME = np.random.default_rng(0)


class Server(ThreadingHTTPServer):
    """Serves `files`. For the first answers it may behave badly in one of the ways below."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.asked, self.manners = {}, [], []

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}/"


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        server, name = self.server, self.path[1:]
        asked = self.headers["Range"]
        server.asked.append((name, asked))
        manner = server.manners.pop(0) if server.manners else "well"
        if name not in server.files or manner == "refuse":
            self.send_error(404)
            return
        content = server.files[name]
        start = int(asked[6:-1]) if asked and manner != "ignore the range" else 0
        if start >= len(content) > 0:
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        rest = content[start:]
        if manner != "say no length":
            self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if manner == "break off":
            rest = rest[: len(rest) // 2]
        self.wfile.write(b"x" * len(rest) if manner == "lie" else rest)


@pytest.fixture
def server():
    running = Server()
    thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join()


def sha256(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def get(server, tmp_path):
    """Download a file of 300,000 bytes; the path where it is to be."""
    server.files["file"] = SOME.bytes(300_000)

    def download(addresses=None, content=None):
        path = tmp_path / "here" / "file"
        downloads.download(
            addresses or [server.address + "file"], path, sha256(content or server.files["file"])
        )
        assert path.read_bytes() == (content or server.files["file"])
        assert [each.name for each in path.parent.iterdir()] == ["file"]

    return download


def test_a_file_comes_whole(server, get):
    get()
    assert server.asked == [("file", None)]


def test_a_broken_connection_is_taken_up_where_it_broke(server, get):
    server.manners = ["break off", "break off"]
    get()
    assert server.asked == [("file", None), ("file", "bytes=150000-"), ("file", "bytes=225000-")]


def test_a_part_from_an_earlier_process_is_used(server, get, tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "file.part").write_bytes(server.files["file"][:100_000])
    get()
    assert server.asked == [("file", "bytes=100000-")]


def test_a_part_that_is_whole_already_is_kept(server, get, tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "file.part").write_bytes(server.files["file"])
    get()
    assert server.asked == [("file", "bytes=300000-")]


def test_a_server_that_gives_no_parts_gives_all_of_it_again(server, get):
    server.manners = ["break off", "ignore the range"]
    get()
    assert len(server.asked) == 2


def test_a_server_may_not_know_how_long_the_file_is(server, get):
    server.manners = ["say no length"]
    get()


def test_a_part_of_another_file_is_thrown_away(server, get, tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "file.part").write_bytes(bytes(100_000))
    get()
    assert server.asked == [("file", "bytes=100000-"), ("file", None)]


def test_the_next_address_is_asked_where_the_first_has_nothing_or_something_else(server, get):
    server.files["other"] = b"something else"
    get([server.address + "missing", server.address + "other", server.address + "file"])
    assert [name for name, _ in server.asked] == ["missing", "other", "other", "other", "file"]


def test_a_wrong_file_is_refused_with_both_sums_and_nothing_stays(server, tmp_path):
    server.files["file"] = b"wrong"
    with pytest.raises(DownloadError, match=f"{sha256(b'right')}.*(?s:.*){sha256(b'wrong')}"):
        downloads.download([server.address + "file"], tmp_path / "file", sha256(b"right"))
    assert list(tmp_path.iterdir()) == []


def test_a_connection_that_keeps_breaking_leaves_what_has_come(server, tmp_path):
    server.files["file"], server.manners = bytes(1024), ["break off"] * 3
    with pytest.raises(DownloadError, match="the connection ended after 896 of 1024 bytes"):
        downloads.download([server.address + "file"], tmp_path / "file", sha256(bytes(1024)))
    assert (tmp_path / "file.part").stat().st_size == 896


def test_a_stream_without_end_is_cut_off(server, tmp_path, monkeypatch):
    server.files["file"] = bytes(500_000)
    monkeypatch.setattr(downloads, "LARGEST", 100_000)
    with pytest.raises(DownloadError, match="more than 100000 bytes have come"):
        downloads.download([server.address + "file"], tmp_path / "file", "0" * 64)


def test_without_a_network_it_says_what_to_do(server, tmp_path):
    address = server.address.replace(str(server.server_port), "9")  # nobody listens there
    with pytest.raises(
        DownloadError, match=rf"(?s)refused.*put the file into {tmp_path} yourself.*FashionMNISTSubset"
    ):
        downloads.download([address + "file"], tmp_path / "file", "0" * 64)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_shown_on_a_terminal_only(server, get, monkeypatch, tmp_path, capfd):
    get()
    assert capfd.readouterr() == ("", "")
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    (tmp_path / "here" / "file").unlink()
    get()
    assert "\rfile: 0.1 of 0.3 MB" in screen.getvalue() and screen.getvalue().endswith("0.3 of 0.3 MB\n")


# the datasets


def idx(array):
    sizes = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


def sums(files):
    return {name[:-3]: (sha256(content), sha256(gzip.decompress(content))) for name, content in files.items()}


def serve_mnist(server, kind, monkeypatch, n=7):
    parts = {}
    for which in ("train", "t10k"):
        images, labels = (
            SOME.integers(0, 256, (n, 28, 28), np.uint8),
            SOME.integers(0, 10, n).astype(np.uint8),
        )
        parts[which] = images, labels
        server.files[f"{which}-images-idx3-ubyte.gz"] = gzip.compress(idx(images), mtime=0)
        server.files[f"{which}-labels-idx1-ubyte.gz"] = gzip.compress(idx(labels), mtime=0)
    monkeypatch.setattr(kind, "mirrors", [server.address])
    monkeypatch.setattr(kind, "sums", sums(server.files))
    return parts


@pytest.mark.parametrize("kind", [MNIST, FashionMNIST])
def test_mnist_is_downloaded_once_and_read(server, kind, monkeypatch, tmp_path):
    parts = serve_mnist(server, kind, monkeypatch)
    with pytest.raises(
        RuntimeError, match=r"Dataset not found: .*train-images-idx3-ubyte.gz is not there.*download=True"
    ):
        kind(tmp_path)
    for train, which in ((True, "train"), (False, "t10k")):
        data = kind(tmp_path, train=train, download=True)
        images, labels = parts[which]
        assert data.data.dtype is tt.uint8 and data.targets.dtype is tt.int64 and len(data) == 7
        np.testing.assert_array_equal(data.data.numpy(), images)
        assert data.targets.tolist() == labels.tolist()
        image, label = data[3]
        assert (
            type(label) is int
            and label == labels[3]
            and (image == images[3]).all()
            and image.dtype == np.uint8
        )
    count = len(server.asked)
    kind(tmp_path, download=True), kind(str(tmp_path), False)
    assert len(server.asked) == count == 4
    assert (tmp_path / kind.__name__ / "raw" / "t10k-labels-idx1-ubyte.gz").exists()


def test_a_damaged_file_is_noticed_and_got_again(server, monkeypatch, tmp_path):
    serve_mnist(server, MNIST, monkeypatch)
    MNIST(tmp_path, download=True)
    path = tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DownloadError, match=r"is damaged \(its SHA-256 is another\)"):
        MNIST(tmp_path)
    assert len(MNIST(tmp_path, download=True)) == 7


def test_files_that_somebody_else_has_packed_or_unpacked_are_used(server, monkeypatch, tmp_path):
    serve_mnist(server, MNIST, monkeypatch)
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for name, content in server.files.items():
        plain = gzip.decompress(content)
        if "images" in name:
            (folder / name).write_bytes(gzip.compress(plain, 1, mtime=7))
        else:
            (folder / name[:-3]).write_bytes(plain)
    assert len(MNIST(tmp_path, download=True)) == 7 and server.asked == []
    (folder / "train-labels-idx1-ubyte").write_bytes(idx(np.array([3], np.uint8)))
    with pytest.raises(DownloadError, match=r"train-labels-idx1-ubyte\.gz is damaged"):
        MNIST(tmp_path)


def test_samples_and_labels_are_transformed(server, monkeypatch, tmp_path):
    parts = serve_mnist(server, MNIST, monkeypatch)
    data = MNIST(tmp_path, True, lambda image: image / 255, lambda label: label + 100, download=True)
    image, label = data[1]
    np.testing.assert_allclose(image, parts["train"][0][1] / 255)
    assert label == parts["train"][1][1] + 100
    assert data.class_to_idx["3 - three"] == 3 and FashionMNIST.classes[9] == "Ankle boot"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "begins with"),
        (bytes([0, 0, 9, 1, 0, 0, 0, 1, 5]), r"begins with \[0, 0, 9, 1\]"),
        (bytes([0, 0, 8, 2]) + bytes(8), "bytes of 1 axes"),
        (bytes([0, 0, 8, 1, 255, 255, 255, 255]), "4294967295 elements, .* has 0"),
        (bytes([0, 0, 8, 1, 0, 0, 0, 3, 1, 2]), "3 elements, .* has 2"),
        (bytes([0, 0, 8, 1, 0, 0, 0, 1, 1, 2]), "1 elements, .* has 2"),
        (bytes([0, 0, 8, 1, 0, 0]), "has -2"),
    ],
)
def test_an_idx_file_that_is_none_is_refused(content, words):
    with pytest.raises(DownloadError, match=words):
        read_idx(content, 1)


def test_images_and_labels_of_different_numbers_are_refused(server, monkeypatch, tmp_path):
    serve_mnist(server, MNIST, monkeypatch)
    server.files["train-labels-idx1-ubyte.gz"] = gzip.compress(idx(np.array([3], np.uint8)))
    monkeypatch.setattr(MNIST, "sums", sums(server.files))
    with pytest.raises(DownloadError, match="7 images and 1 labels"):
        MNIST(tmp_path, download=True)


def archive(members):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as made:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            if content is None:
                info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
                made.addfile(info)
            else:
                info.size = len(content)
                made.addfile(info, io.BytesIO(content))
    return file.getvalue()


def serve_cifar(server, monkeypatch, members):
    server.files["cifar-10-binary.tar.gz"] = archive(members)
    monkeypatch.setattr(CIFAR10, "url", server.address + "cifar-10-binary.tar.gz")
    monkeypatch.setattr(CIFAR10, "sha256", sha256(server.files["cifar-10-binary.tar.gz"]))


def batches():
    names = [*[f"data_batch_{i}.bin" for i in range(1, 6)], "test_batch.bin"]
    records = {}
    for name in reversed(names):  # the order in the archive does not matter
        rows = SOME.integers(0, 256, (3, 3073), np.uint8)
        rows[:, 0] %= 10
        records[f"cifar-10-batches-bin/{name}"] = rows
    return records


def test_cifar_is_downloaded_and_read(server, monkeypatch, tmp_path):
    records = batches()
    serve_cifar(server, monkeypatch, {name: rows.tobytes() for name, rows in records.items()})
    train, test = CIFAR10(tmp_path, download=True), CIFAR10(tmp_path, train=False)
    assert len(train) == 15 and len(test) == 3 and len(server.asked) == 1
    assert train.data.shape == (15, 32, 32, 3) and train.data.dtype == np.uint8
    second = records["cifar-10-batches-bin/data_batch_2.bin"][1]
    assert train.targets[4] == second[0] and type(train.targets) is list
    assert train.data[4, 7, 9].tolist() == [second[1 + c * 1024 + 7 * 32 + 9] for c in range(3)]
    image, label = test[2]
    assert image.shape == (32, 32, 3) and type(label) is int and test.classes[0] == "airplane"
    assert [each.name for each in tmp_path.iterdir()] == ["cifar-10-binary.tar.gz"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda m: m.pop("cifar-10-batches-bin/data_batch_3.bin"),
            "lacks cifar-10-batches-bin/data_batch_3.bin",
        ),
        (
            lambda m: m.update({"cifar-10-batches-bin/data_batch_1.bin": bytes(3072)}),
            "no multiple of the 3073",
        ),
        (lambda m: m.update({"cifar-10-batches-bin/data_batch_1.bin": b"\x0a" * 3073}), "labels beyond 9"),
        (
            lambda m: m.update({"cifar-10-batches-bin/data_batch_1.bin": None}),
            "lacks cifar-10-batches-bin/data_batch_1",
        ),
    ],
)
def test_an_archive_that_is_no_cifar_is_refused(server, monkeypatch, tmp_path, change, words):
    members = {name: rows.tobytes() for name, rows in batches().items()} | {"../evil": b"x"}
    change(members)
    serve_cifar(server, monkeypatch, members)
    with pytest.raises(DownloadError, match=words):
        CIFAR10(tmp_path, download=True)
    assert not (tmp_path.parent / "evil").exists()


def test_cifar_that_somebody_unpacked_is_read_from_its_folder(tmp_path):
    records = batches()
    (tmp_path / "cifar-10-batches-bin").mkdir()
    for name, rows in records.items():
        (tmp_path / name).write_bytes(rows.tobytes())
    train, test = CIFAR10(tmp_path), CIFAR10(tmp_path, train=False)
    assert len(train) == 15 and len(test) == 3
    assert train.targets[3] == records["cifar-10-batches-bin/data_batch_2.bin"][0, 0]
    (tmp_path / "cifar-10-batches-bin" / "test_batch.bin").write_bytes(bytes(3072))
    with pytest.raises(DownloadError, match="no multiple of the 3073"):
        CIFAR10(tmp_path, train=False)
    (tmp_path / "cifar-10-batches-bin" / "test_batch.bin").unlink()
    with pytest.raises(DownloadError, match=r"cifar-10-binary\.tar\.gz is not there"):
        CIFAR10(tmp_path, train=False)


def test_the_folder_for_downloads_can_be_chosen(monkeypatch, tmp_path):
    monkeypatch.setenv("TINYTORCH_DATA", str(tmp_path / "mine"))
    assert downloads.cache_folder() == tmp_path / "mine"
    monkeypatch.delenv("TINYTORCH_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(DownloadError, match=rf"{tmp_path}/tinytorch/MNIST/raw/train-images"):
        MNIST()
