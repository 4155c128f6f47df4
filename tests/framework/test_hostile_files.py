"""Hostile and damaged files: each is refused with a reason, nothing is run, and no memory is asked for that the file has not."""

import contextlib
import io
import json
import os
import pickle
import pickletools
import random
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinytorch as tt
from tinytorch.checkpoint import CheckpointError, load, save
from tinytorch.serialization.pickler import EMPTY, named, number, text, together

RUN = []  # what was run: stays empty


def witness(*arguments):
    RUN.append(arguments)
    return {}


class Evil:
    """An object whose pickle calls something."""

    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


def archive(description, data=None, root="model", compress=zipfile.ZIP_STORED, **others):
    """A file as PyTorch writes it, with a pickle of one's own."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compress) as made:
        made.writestr(f"{root}/data.pkl", description)
        for name, content in {**(data or {}), **others}.items():
            made.writestr(f"{root}/data/{name}", content)
    return file.getvalue()


def bounded(content, action):
    """Do something with a file in memory that grows with its size, and no faster."""
    tracemalloc.start()
    try:
        return action(io.BytesIO(content))
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2_000_000 + 300 * len(content)  # a byte may stand for an empty set
        assert RUN == []


def refused(content, words=None):
    """Check that a file is refused with a reason."""
    with pytest.raises(CheckpointError, match=words):
        bounded(content, load)


def tensor_of(numel, size, stride, offset=0, kind="FloatStorage", key="0", hooks=EMPTY):
    """The pickle of one tensor, true or not."""
    place = together(text("storage"), named("torch", kind), text(key), text("cpu"), number(numel)) + b"Q"
    sizes, strides = (together(*map(number, each)) for each in (size, stride))
    rebuilt = named("torch._utils", "_rebuild_tensor_v2")
    return (
        b"\x80\x02" + rebuilt + together(place, number(offset), sizes, strides, number(False), hooks) + b"R."
    )


def test_the_honest_form_of_these_files_is_read():
    content = archive(tensor_of(6, (2, 2), (3, 1), 1), {"0": np.arange(6.0, dtype=np.float32).tobytes()})
    assert load(io.BytesIO(content)).tolist() == [[1.0, 2.0], [4.0, 5.0]]


# pickles


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "evil",
    [
        Evil(os.system, "touch /tmp/should-not-be"),
        Evil(eval, "1 + 1"),
        Evil(exec, "import os"),
        Evil(getattr, "a", "upper"),
        Evil(open, "/tmp/should-not-be", "w"),
        Evil(witness, 1),
        {"deep": [{"inside": Evil(witness, 2)}]},
        Evil(np.zeros, 10**9),
        Evil(pickle.loads, pickle.dumps(1)),
        Evil(__import__, "os"),
        witness,
        object(),
        io.BytesIO(b"an object with a state"),
    ],
    ids=repr,
)
def test_nothing_that_a_pickle_names_is_called(evil, protocol):
    try:
        description = pickle.dumps(evil, protocol)
    except TypeError:  # what cannot be said in an old protocol
        return
    refused(archive(description), r"the file asks for|instruction 0x")


@pytest.mark.parametrize(
    ("description", "words"),
    [
        (b"ctorch._utils\n_rebuild_tensor_v2\n)R.", "damaged"),
        (b"}ctorch\nFloatStorage\n)R.", "calls a Kind, which is data"),
        (b"ctorch\nfloat32\n)R.", "calls a dtype, which is data"),
        (b"]q\x00h\x00a.", "deep in each other, or in themselves"),
        (b"}q\x00X\x01\x00\x00\x00ah\x00s.", "or in themselves"),
        (b"]" + b"]" * 150 + b"a" * 150 + b".", "more than 100 deep"),
        (b")" + b"\x85" * 100_000 + b".", "more than 100 deep"),
        (b"})" + b"\x85" * 100_000 + b"Ns.", "a tuple as a key"),
        (b"ccollections\nOrderedDict\n]()" + b"\x85" * 100_000 + b"N\x86e\x85R.", "a tuple as a key"),
        (b"ccollections\nCounter\n](K\x01e\x85R.", "a list in the place of a dict"),
        (b"cbuiltins\nset\n])" + b"\x85" * 100_000 + b"a\x85R.", "a tuple as a key"),
        (b"cbuiltins\nbytearray\nJ\xff\xff\xff\x7f\x85R.", "a int in the place of a bytes"),
        (b"\x8b\xff\xff\xff\x7f.", "instruction 0x8b"),
        (b"X\xff\xff\xff\xff.", "in the middle of a value"),
        (b"\x96" + b"\xff" * 8 + b".", "in the middle of a value"),
        (b"c_codecs\nencode\nX\x01\x00\x00\x00aX\x03\x00\x00\x00hex\x86R.", "in latin1, and in no other way"),
        (b"cbuiltins\ncomplex\n}b.", "attributes of a Known"),
        (b"]}b.", "attributes of a list"),
        (b"(i__main__\nx\n.", "instruction 0x69"),
        (b"\x82\x01.", "instruction 0x82"),
        (b"h\x07.", "damaged"),
        (b"a.", "damaged"),
        (b"N", "in the middle of a value"),
        (b"NN.", "damaged"),
        (b"", "in the middle of a value"),
        (b"NQ.", "outside of it that is no storage"),
        (b"X\x07\x00\x00\x00storageNNNN(t" + b"Q.", "no storage"),
        (b"ctorch\ndevice\n)" + b"\x85" * 100_000 + b"\x85R.", "a tuple in the place of a str"),
        (b"](KaKbJs.", "in the middle|damaged"),
    ],
    ids=lambda value: repr(value)[:40] if isinstance(value, bytes) else "",
)
def test_a_pickle_that_is_no_data_is_refused(description, words):
    refused(archive(b"\x80\x02" + description), words)


def test_shared_containers_are_no_harm_however_often_they_are_shared():
    state = [1]
    for _ in range(60):
        state = [state, state]  # 2 ** 60 ones, if anybody counted
    back = load(io.BytesIO(archive(pickle.dumps(state, 2))))
    assert back[0] is back[1]


@pytest.mark.parametrize(
    ("pieces", "words"),
    [
        ({"numel": 6, "size": (7,), "stride": (1,)}, r"reaches element 6 of a storage of 6"),
        ({"numel": 6, "size": (2, 3), "stride": (4, 1)}, "reaches element 6"),
        ({"numel": 6, "size": (6,), "stride": (1,), "offset": 1}, "reaches element 6"),
        ({"numel": 6, "size": (2,), "stride": (-1,), "offset": 3}, "whole numbers from 0 on"),
        ({"numel": 6, "size": (2,), "stride": (1,), "offset": -1}, "whole numbers from 0 on"),
        ({"numel": 6, "size": (2**62, 2**62), "stride": (2**62, 1)}, "reaches element"),
        ({"numel": 6, "size": (2**64,), "stride": (0,)}, "whole numbers from 0 on"),
        ({"numel": 6, "size": (2,), "stride": (1, 1)}, "1 sizes and 2 strides"),
        ({"numel": 6, "size": (1,) * 1000, "stride": (0,) * 1000}, "1000 sizes"),
        ({"numel": 7, "size": (6,), "stride": (1,)}, "has 24 bytes, and was to have 7 elements"),
        ({"numel": -6, "size": (6,), "stride": (1,)}, "was to have -6 elements"),
        ({"numel": 6, "size": (6,), "stride": (1,), "kind": "QInt8Storage"}, "asks for torch.QInt8Storage"),
        ({"numel": 6, "size": (6,), "stride": (1,), "key": "1"}, "no entry 'data/1'"),
        ({"numel": 6, "size": (6,), "stride": (1,), "key": "../../../etc/passwd"}, "no entry"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_a_tensor_that_reaches_beyond_its_storage_is_refused(pieces, words):
    refused(archive(tensor_of(**pieces), {"0": bytes(24)}), words)


def test_one_storage_of_two_dtypes_is_refused():
    one, two = tensor_of(6, (6,), (1,)), tensor_of(6, (6,), (1,), kind="IntStorage")
    refused(archive(b"(" + one[2:-1] + two[2:-1] + b"t."))
    refused(
        archive(b"(" + one[2:-1] + two[2:-1] + b"t.", {"0": bytes(24)}),
        "is one of tinytorch.float32 and one of",
    )


# archives


def test_a_bomb_is_not_unpacked():
    bomb = archive(tensor_of(2**28, (1,), (1,)), {"0": bytes(2**26)}, compress=zipfile.ZIP_DEFLATED)
    assert len(bomb) < 100_000
    refused(bomb, "is compressed")


def test_entries_that_say_they_are_larger_than_the_file_are_refused():
    content = archive(b"N.", {"0": bytes(24)})
    small, large = struct.pack("<I", 24), struct.pack("<I", 2**31)
    refused(content.replace(small, large), "overlap|no whole zip|whole zip archive")


def test_entries_that_lie_over_each_other_are_refused():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("model/data.pkl", b"N.")
        made.writestr("model/data/0", bytes(1000))
        for i in range(1, 50):
            entry = zipfile.ZipInfo(f"model/data/{i}")
            first = made.infolist()[1]
            entry.header_offset, entry.CRC = first.header_offset, first.CRC
            entry.file_size = entry.compress_size = 1000
            made.filelist.append(entry)
            made.NameToInfo[entry.filename] = entry
    refused(file.getvalue(), "overlap")


@pytest.mark.parametrize("root", ["../evil", "/evil", "a/b", ".."])
def test_names_lead_nowhere(root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content = archive(tensor_of(6, (6,), (1,)), {"0": bytes(24)}, root=root)
    outcome(content)
    assert list(tmp_path.iterdir()) == []


def test_an_archive_of_something_else_is_refused():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("a.txt", b"hello")
    refused(file.getvalue(), "no checkpoint of PyTorch")
    program = io.BytesIO()
    with zipfile.ZipFile(program, "w") as made:
        for name in ("data.pkl", "constants.pkl"):
            made.writestr(f"model/{name}", b"N.")
    refused(program.getvalue(), "TorchScript")


def test_two_entries_of_one_name_are_refused():
    content = archive(b"N.", {"0": b"a", "1": b"b"}).replace(b"model/data/1", b"model/data/0")
    refused(content, "two entries of the archive have one name")


def test_every_truncation_of_an_archive_is_refused(tmp_path):
    save({"x": tt.arange(4), "y": [tt.ones(2)]}, tmp_path / "whole.pt")
    whole = (tmp_path / "whole.pt").read_bytes()
    for length in range(len(whole)):
        refused(whole[:length])


# safetensors


def sheet(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def entry(dtype="F32", shape=(2,), begin=0, end=8):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (sheet({}, length=2**63), "9223372036854775808 bytes"),
        (sheet({}, length=2**64 - 1), "18446744073709551615 bytes"),
        (sheet({}, length=3), "3 bytes"),
        (sheet(b"[]"), "no dictionary"),
        (sheet(b"{"), "no JSON"),
        (sheet(b"[" * 100_000), "no JSON"),
        (sheet(b'{"a":' * 100_000), "no JSON"),
        (sheet(b'{"x": 1, "x": 2}'), "one name twice"),
        (sheet({"x": 3}), "has no dtype"),
        (sheet({"x": {**entry(), "more": 1}}, bytes(8)), "or more than these"),
        (sheet({"x": entry("F99")}, bytes(8)), "dtype F99"),
        (sheet({"x": entry([])}, bytes(8)), "dtype"),
        (sheet({"x": entry(shape=(3,))}, bytes(8)), "takes 12 bytes"),
        (sheet({"x": entry(shape=(-2,))}, bytes(8)), "whole numbers from 0"),
        (sheet({"x": entry(shape=(2.0,))}, bytes(8)), "whole numbers from 0"),
        (sheet({"x": entry(shape=(True, 2))}, bytes(8)), "whole numbers from 0"),
        (sheet({"x": entry(shape=(2**62, 2**62, 16))}, bytes(8)), "takes"),
        (sheet({"x": entry(shape=(0, 2**70), end=0)}), "whole numbers from 0"),
        (
            sheet({"x": entry(end=2**40, shape=(2**38,))}, bytes(8)),
            "take 1099511627776 bytes, and 8 are there",
        ),
        (sheet({"x": entry(), "y": entry()}, bytes(8)), "overlap"),
        (sheet({"x": entry(), "y": entry(begin=4, end=12)}, bytes(12)), "overlap"),
        (sheet({"x": entry(begin=8, end=16)}, bytes(16)), "leave a gap"),
        (sheet({"x": entry(begin=8, end=0)}, bytes(8)), "takes 8 bytes"),
        (sheet({"x": entry()}, bytes(9)), "take 8 bytes, and 9 are there"),
        (sheet({"x": entry()}, bytes(7)), "take 8 bytes, and 7 are there"),
        (sheet({"__metadata__": {"a": 1}}), "no texts"),
        (sheet({"__metadata__": []}), "no texts"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_sheet_that_does_not_tell_the_truth_is_refused(content, words):
    refused(content, words)


# chance


def attempt(file):
    with contextlib.suppress(CheckpointError):  # any other error fails
        load(file)


def outcome(content):
    """Read a file, or see it refused."""
    bounded(content, attempt)


def changed(content, chance):
    """The content with a few bytes changed, left out, doubled or put in."""
    content = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        i, j = sorted(chance.randrange(len(content) + 1) for _ in range(2))
        j = min(j, i + 12)
        content[i:j] = chance.choice(
            [
                b"",
                content[i:j] * 2,
                bytes(chance.randrange(256) for _ in range(j - i)),
                b"\xff" * (j - i),
                bytes(j - i),
            ]
        )
    return bytes(content)


@given(st.integers(0, 10**9))
def test_changed_files_are_read_or_refused(seed):
    chance = random.Random(seed)
    description = pickle.dumps({"a": [1, 2.5, ("b", None)], "c": {3: True}}, chance.randint(2, 5))
    tensors = tensor_of(6, (2, 3), (3, 1))
    data = {"0": bytes(24)}
    outcome(archive(changed(description, chance)))
    outcome(archive(changed(tensors, chance), data))
    outcome(changed(archive(tensors, data), chance))
    outcome(
        changed(sheet({"x": entry(), "__metadata__": {"tinytorch": '{"tensor": "x"}'}}, bytes(8)), chance)
    )


CODES = [code.code.encode("latin1") for code in pickletools.opcodes]
WORDS = [
    b"\x00",
    b"\x01",
    b"\xff",
    b"ctorch\nfloat32\n",
    b"ccollections\nOrderedDict\n",
    b"torch\n",
    b"\x02\x00\x00\x00ab",
]
NAMED = [
    named("torch._utils", "_rebuild_tensor_v2"),
    named("torch", "Size"),
    named("torch", "FloatStorage"),
    EMPTY,
]


@given(st.lists(st.sampled_from(CODES + WORDS + NAMED), max_size=40))
def test_chains_of_instructions_are_read_or_refused(pieces):
    outcome(archive(b"\x80\x02" + b"".join(pieces) + b"."))
