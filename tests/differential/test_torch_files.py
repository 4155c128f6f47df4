"""PyTorch's files: what torch.save wrote is read here, what is written here torch.load reads."""

import io
from collections import Counter, OrderedDict

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import tinytorch as tt
from tinytorch import nn

DTYPES = ["float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "bool"]


def through(write, read, value):
    """What comes back from a file."""
    file = io.BytesIO()
    write(value, file)
    file.seek(0)
    return read(file)


def same(mine, theirs):
    """Whether a state of ours is one of PyTorch's."""
    if isinstance(theirs, torch.Tensor):
        assert isinstance(mine, tt.Tensor) and repr(mine.dtype)[10:] == repr(theirs.dtype)[6:]
        assert mine.shape == tuple(theirs.shape) and mine.requires_grad == theirs.requires_grad
        assert isinstance(mine, nn.Parameter) == isinstance(theirs, torch.nn.Parameter)
        np.testing.assert_array_equal(mine.detach().numpy(), theirs.detach().numpy())
    elif isinstance(theirs, dict):
        assert type(mine) is type(theirs) and list(mine) == list(theirs)
        for name in theirs:
            same(mine[name], theirs[name])
    elif isinstance(theirs, (list, tuple)):
        assert isinstance(mine, list if isinstance(theirs, list) else tuple) and len(mine) == len(theirs)
        for ours, its in zip(mine, theirs, strict=True):
            same(ours, its)
    else:
        assert type(mine) is type(theirs) and repr(mine) == repr(theirs)


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=5))


@st.composite
def arrays(draw):
    shape = draw(st.lists(st.integers(0, 3), max_size=3))
    values = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(draw(st.sampled_from(DTYPES)))
    return values, draw(st.booleans()), draw(st.booleans())


STATES = st.recursive(
    st.one_of(SCALARS, arrays().map(lambda a: ("array", a))),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(st.one_of(st.text(max_size=3), st.integers(), st.none()), inner, max_size=3),
        st.dictionaries(st.text(max_size=3), inner, max_size=3).map(OrderedDict),
    ),
    max_leaves=8,
)


def made(ns, state):
    """The state with its arrays as tensors and parameters, some of them permuted."""
    if isinstance(state, tuple) and len(state) == 2 and state[0] == "array" and isinstance(state[1], tuple):
        values, permuted, parameter = state[1]
        x = ns.from_numpy(values.copy())
        x = x.permute(tuple(reversed(range(values.ndim)))) if permuted else x
        return ns.nn.Parameter(x) if parameter and x.is_floating_point() else x
    if isinstance(state, dict):
        return type(state)((name, made(ns, each)) for name, each in state.items())
    if isinstance(state, (list, tuple)):
        return type(state)(made(ns, each) for each in state)
    return state


@given(STATES)
def test_states_that_pytorch_has_saved_are_read(state):
    theirs = made(torch, state)
    same(through(torch.save, tt.load, theirs), theirs)


@given(STATES)
def test_states_that_are_saved_here_pytorch_reads_without_running_code(state):
    mine = made(tt, state)
    same(mine, through(tt.save, lambda file: torch.load(file, weights_only=True), mine))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickles_of_all_protocols_are_read(protocol):
    state = {
        "x": torch.arange(6.0).reshape(2, 3).T,
        "bytes": b"\x00\xff" * 200,
        "set": {1, "a", (2, 3)},
        "counter": Counter("abca"),
        "size": torch.Size([2, 3]),
        "dtype": torch.float16,
        "complex": 1 + 2j,
        "long": "é" * 300,
        "buffer": bytearray(b"ab"),
        "many": list(range(2000)),
    }
    back = through(lambda s, f: torch.save(s, f, pickle_protocol=protocol), tt.load, state)
    same(back.pop("x"), state.pop("x"))
    assert back.pop("dtype") is tt.float16 and state.pop("dtype")
    assert back == state


def test_tensors_that_share_a_storage_share_it_again():
    x = torch.arange(12.0)
    back = through(
        torch.save, tt.load, {"all": x, "row": x.reshape(3, 4)[1], "every": x[::3], "wide": x[:1].expand(5)}
    )
    back["all"][4] = 99
    assert (
        back["row"][0].item() == 99 and back["wide"].shape == (5,) and back["every"].tolist() == [0, 3, 6, 9]
    )


def test_a_model_goes_there_and_back(tmp_path):
    def network(ns):
        layers = ns.nn.Linear(3, 4), ns.nn.Tanh(), ns.nn.Linear(4, 2)
        return ns.nn.Sequential(*layers).double()

    theirs, mine, again = network(torch), network(tt), network(torch)
    torch.save({"model": theirs.state_dict(), "epoch": 3}, tmp_path / "model.pt")
    mine.load_state_dict(tt.load(tmp_path / "model.pt", map_location="cpu")["model"])
    tt.save(mine.state_dict(), tmp_path / "back.pth")
    again.load_state_dict(torch.load(tmp_path / "back.pth", weights_only=True))
    x = torch.randn(5, 3, dtype=torch.float64)
    np.testing.assert_allclose(
        mine(tt.from_numpy(x.numpy())).detach().numpy(), theirs(x).detach().numpy(), rtol=1e-12
    )
    assert torch.equal(again(x), theirs(x))


def test_a_storage_with_the_most_significant_byte_first_is_read(tmp_path):
    torch.save({"x": torch.tensor([1.5, -2.0]), "n": torch.tensor([1, 2**40])}, tmp_path / "little.pt")
    import zipfile

    with zipfile.ZipFile(tmp_path / "little.pt") as little, zipfile.ZipFile(tmp_path / "big.pt", "w") as big:
        for entry in little.infolist():
            content = little.read(entry)
            if entry.filename.endswith("byteorder"):
                content = b"big"
            if "/data/" in entry.filename and entry.file_size > 1:
                width = 4 if entry.file_size == 8 else 8
                content = np.frombuffer(content, f"<u{width}").byteswap().tobytes()
            big.writestr(entry.filename.replace("little/", "big/"), content)
    back = tt.load(tmp_path / "big.pt")
    assert back["x"].tolist() == [1.5, -2.0] and back["n"].tolist() == [1, 2**40]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: torch.nn.Linear(2, 2), "asks for torch.nn.modules.linear.Linear.*save its state_dict"),
        (lambda: {"rows": np.ones(2)}, "asks for numpy.*multiarray"),
        (lambda: torch.ones(2, dtype=torch.complex64), "torch.ComplexFloatStorage"),
        (lambda: torch.ones(2).to_sparse(), "asks for torch._utils._rebuild_sparse_tensor"),
        (lambda: torch.ones(2, dtype=torch.uint16), "_rebuild_tensor_v3"),
    ],
)
def test_what_is_more_than_data_is_named(tmp_path, make, words):
    torch.save(make(), tmp_path / "more.pt")
    with pytest.raises(tt.checkpoint.CheckpointError, match=rf"more\.pt .*{words}"):
        tt.load(tmp_path / "more.pt", weights_only=False)


def test_the_format_before_1_6_and_programs_are_refused_by_name(tmp_path):
    torch.save({"x": torch.ones(2)}, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(tt.checkpoint.CheckpointError, match=r"old\.pt has the format of PyTorch before 1\.6"):
        tt.load(tmp_path / "old.pt")
