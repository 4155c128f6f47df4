"""Checkpoints: what is written comes back; what is damaged or foreign is refused with a reason."""

import json
import os
import pickle
import stat

import numpy as np
import pytest
import safetensors.numpy

import tinytorch as tt
from tinytorch import checkpoint, nn, optim
from tinytorch.checkpoint import CheckpointError, load, load_checkpoint, save, save_checkpoint
from tinytorch.utils.data import DataLoader, TensorDataset

DTYPES = [tt.float64, tt.float32, tt.float16, tt.int64, tt.int32, tt.int16, tt.int8, tt.uint8, tt.bool]


@pytest.fixture(params=["safetensors", "pt"])
def any_path(tmp_path, request):
    return tmp_path / f"model.{request.param}"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize("dtype", DTYPES, ids=repr)
def test_tensors_of_every_dtype_come_back(any_path, dtype):
    x = tt.tensor([[0, 1, 1], [1, 0, 1]]).to(dtype)
    save({"x": x}, any_path)
    back = load(any_path)["x"]
    assert back.dtype is dtype and back.shape == (2, 3) and (back == x).all()


def test_views_empty_and_zero_dimensional_tensors_come_back(any_path):
    x = tt.arange(12).reshape(3, 4)
    state = {
        "t": x.mT,
        "row": x[1, ::2],
        "none": tt.zeros(0, 3),
        "one": tt.tensor(2.5),
        "wide": x[:1].expand(2, 4),
    }
    save(state, any_path)
    for name, back in load(any_path).items():
        assert back.shape == state[name].shape and back.tolist() == state[name].tolist()


def test_nested_states_keep_their_form_their_order_and_their_keys(path):
    state = {
        "z": [1, 2.5, None, True, "text", (1, [2])],
        3: {"a": float("inf"), "": -0.0},
        "a.b": {"c": tt.tensor(1)},
        "a": {"b.c": tt.tensor(2)},
        "number": np.float32(0.5),
    }
    save(state, path)
    back = load(path)
    assert repr(back) == repr({**state, "number": 0.5})


def test_a_state_without_tensors_and_a_lone_tensor_come_back(any_path):
    save({"step": 3}, any_path)
    assert load(any_path) == {"step": 3}
    save(tt.ones(2), any_path)
    assert load(any_path).tolist() == [1.0, 1.0]


def test_the_file_is_one_that_other_programs_read(path):
    model = nn.Linear(3, 2)
    save(model.state_dict(), path)
    arrays = safetensors.numpy.load_file(path)
    assert set(arrays) == {"weight", "bias"}
    np.testing.assert_array_equal(arrays["weight"], model.weight.detach().numpy())


def test_a_file_that_another_program_wrote_is_read(path):
    safetensors.numpy.save_file({"w": np.arange(3.0)}, path)
    assert load(path)["w"].tolist() == [0.0, 1.0, 2.0]


def test_tied_tensors_are_kept_once_and_tied_again(any_path):
    x = tt.ones(10_000)
    save({"first": x, "second": x.detach(), "part": x[:10]}, any_path)
    assert any_path.stat().st_size < 42_000
    back = load(any_path)
    back["first"][0] = 7
    assert back["second"][0].item() == 7 and back["part"][0].item() == 1


def test_what_is_read_can_be_written_to(any_path):
    save({"x": tt.zeros(2)}, any_path)
    back = load(any_path)["x"]
    back += 1
    assert back.tolist() == [1.0, 1.0]


def test_what_is_no_data_is_refused_by_its_path_and_no_file_appears(path):
    with pytest.raises(CheckpointError, match=r"cannot save groups\.0\.f: a builtin_function"):
        save({"groups": [{"f": len}]}, path)
    with pytest.raises(CheckpointError, match=r"its key \(1, 2\)"):
        save({(1, 2): 3}, path)
    assert list(path.parent.iterdir()) == []


def test_every_truncation_and_every_flipped_header_byte_gives_an_error_or_the_same_names(path):
    save({"x": tt.arange(4), "y": [tt.ones(2)]}, path)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match=r"model\.safetensors"):
            load(path)
    for i in range(int.from_bytes(whole[:8], "little") + 8):
        path.write_bytes(whole[:i] + bytes([whole[i] ^ 1]) + whole[i + 1 :])
        try:
            load(path)
        except CheckpointError:
            continue  # any other kind of error fails this test


def test_what_a_killed_process_has_left_is_swept_when_it_is_old(path):
    old, new = (path.with_name(f".{path.name}.{pid}.part") for pid in (1, 2))
    for left in (old, new):
        left.touch()
    os.utime(old, (0, 0))
    save({}, path)
    assert sorted(path.parent.iterdir()) == sorted([path, new])


def test_foreign_content_is_refused(path):
    for content in (
        b"",
        b"hello",
        pickle.dumps({"x": 1}),
        b"\xff" * 100,
        (2**62).to_bytes(8, "little") + b"{}",
    ):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match=r"model\.safetensors.*not a whole safetensors file"):
            load(path)


@pytest.mark.parametrize(
    "structure",
    ["{", '{"tensor": "absent"}', '{"dict": 3}', '{"dict": [[[], 1]]}', '{"code": "1"}', "{}", "[" * 100_000],
    ids=lambda text: text[:12],
)
def test_a_description_that_does_not_fit_is_refused(path, structure):
    safetensors.numpy.save_file({"x": np.ones(1)}, path, {checkpoint.STRUCTURE: structure})
    with pytest.raises(CheckpointError, match="does not match its tensors"):
        load(path)


def test_a_dtype_that_does_not_exist_here_is_named(path):
    header = json.dumps({"x": {"dtype": "F8_E4M3", "shape": [1], "data_offsets": [0, 1]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\0")
    with pytest.raises(CheckpointError, match="'x' has dtype F8_E4M3"):
        load(path)


def test_a_missing_file_is_the_usual_error(path):
    with pytest.raises(FileNotFoundError):
        load(path)


def test_a_failure_while_writing_leaves_the_old_file_and_nothing_else(any_path, monkeypatch):
    save({"x": tt.ones(1)}, any_path)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        save({"x": tt.zeros(1)}, any_path)
    assert load(any_path)["x"].item() == 1.0
    assert list(any_path.parent.iterdir()) == [any_path]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no permission bits")
def test_a_checkpoint_is_as_readable_as_any_new_file(path):
    save({}, path)
    other = path.with_name("other")
    other.touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(other.stat().st_mode)


def run_of(seed):
    """A small training run: model, optimizer, scheduler, loader, generator."""
    tt.manual_seed(seed)
    generator = tt.Generator().manual_seed(seed)
    model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.2), nn.ReLU(), nn.Linear(8, 2))
    optimizer = optim.AdamW(model.parameters(), lr=0.01)
    scheduler = optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
    data = tt.Generator().manual_seed(99)
    rows = TensorDataset(tt.randn(20, 4, generator=data), tt.randint(2, (20,), generator=data))
    loader = DataLoader(rows, batch_size=6, shuffle=True, generator=generator)
    return model, optimizer, scheduler, loader, generator


def one_epoch(model, optimizer, scheduler, loader, _):
    for x, y in loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    scheduler.step()


def test_a_run_that_is_resumed_ends_with_the_same_bits(any_path):
    straight = run_of(0)
    for _ in range(4):
        one_epoch(*straight)
    wanted = [p.detach().numpy().tobytes() for p in straight[0].parameters()]

    first = run_of(0)
    for _ in range(2):
        one_epoch(*first)
    names = ("model", "optimizer", "scheduler", "generator")
    parts = dict(zip(names, (*first[:3], first[4]), strict=True))
    save_checkpoint(any_path, **parts, epoch=2)

    second = run_of(5)
    left = load_checkpoint(any_path, **dict(zip(names, (*second[:3], second[4]), strict=True)))
    assert left == {"epoch": 2}
    for _ in range(2):
        one_epoch(*second)
    assert [p.detach().numpy().tobytes() for p in second[0].parameters()] == wanted


def test_a_checkpoint_that_lacks_a_part_says_what_it_has(path):
    save_checkpoint(path, model=nn.Linear(1, 1), epoch=3)
    with pytest.raises(CheckpointError, match="has no 'optimizer'; it has model, epoch"):
        load_checkpoint(path, optimizer=optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1))
    save({"x": tt.ones(1)}, path)
    with pytest.raises(CheckpointError, match="no checkpoint of a training run"):
        load_checkpoint(path, model=nn.Linear(1, 1))
