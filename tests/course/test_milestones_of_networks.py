"""The milestones of 1997, 2015 and 2020: a part of each, run. The whole ones take minutes and are run by hand."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tinytorch as tt
from tinytorch import checkpoint
from tinytorch.datasets import DownloadError, Names
from tinytorch.models import CharacterLSTM
from tinytorch_course.milestones import names, resnet, sorter
from tinytorch_studio.folder import Folder

SOURCE = Path(__file__).resolve().parents[2] / "src"


@pytest.fixture
def said():
    """What a training tells."""
    return []


def test_published_weights_sort_all_lists(tmp_path, said):
    result = sorter.train(tmp_path, said.append)
    assert result["figure"] == 1.0 == result["curves"]["sorted"][-1]
    assert len(result["curves"]["sorted"]) == 10


def test_published_weights_that_were_disturbed_do_not(tmp_path, said, monkeypatch):
    def disturbed():
        model = whole()
        with tt.no_grad():
            model.tokens.weight.zero_()
        return model

    whole = sorter.sorter
    monkeypatch.setattr(sorter, "sorter", disturbed)
    assert sorter.train(tmp_path, said.append)["figure"] < 1.0


@pytest.fixture
def few(monkeypatch):
    """A tenth of the names, twice."""

    def some(train):
        found = Names(train)
        found.names = found.names[: 640 if train else 100]
        return found

    monkeypatch.setattr(names, "Names", some)
    monkeypatch.setattr(names, "EPOCHS", 2)


def test_an_lstm_gets_better_at_names_and_the_kept_one_is_what_was_measured(tmp_path, said, few):
    result = names.train(tmp_path, said.append)
    first, last = result["curves"]["validation"]
    assert last < first < np.log(54)
    held_out = names.Names(train=False)
    model = CharacterLSTM(held_out.alphabet, width=32, hidden=192)
    model.load_state_dict(checkpoint.load(tmp_path / result["model"]))
    assert names.held_out_loss(model, held_out) == pytest.approx(result["figure"], rel=1e-6)
    invented = (tmp_path / "invented.txt").read_text(encoding="utf-8").split("\n")[:-1]
    assert len(invented) == names.INVENTED and f"invented   {', '.join(invented)}" in said


def test_a_resnet_learns_colours(tmp_path, said, monkeypatch):
    def coloured(train):
        rng = np.random.default_rng(int(train))
        labels = rng.integers(0, 3, 256)
        pictures = rng.standard_normal((256, 3, 32, 32)).astype(np.float32)
        pictures[np.arange(256), labels] += 1
        return [(tt.tensor(each), int(label)) for each, label in zip(pictures, labels, strict=True)]

    monkeypatch.setattr(resnet, "photographs", coloured)
    for name, value in {"EPOCHS": 2, "BATCH": 32, "WIDTH": 4, "RATE": 0.05}.items():
        monkeypatch.setattr(resnet, name, value)
    result = resnet.train(tmp_path, said.append)
    assert result["figure"] > 0.9 and len(result["curves"]["loss"]) == 2
    assert checkpoint.load(tmp_path / result["model"])["head.weight"].shape == (10, 16)


def test_without_the_photographs_it_says_where_they_come_from(tmp_path, said, monkeypatch):
    monkeypatch.setenv("TINYTORCH_DATA", str(tmp_path))
    with pytest.raises(DownloadError, match=r"cifar-10-binary.tar.gz is not there"):
        resnet.train(tmp_path, said.append)


def test_the_photographs_are_moved_and_mirrored_for_training_only(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYTORCH_DATA", str(tmp_path))
    (tmp_path / "cifar-10-batches-bin").mkdir()
    row = np.random.default_rng(0).integers(0, 256, 3073, np.uint8)
    row[0] = 3
    for name in [*[f"data_batch_{i}.bin" for i in range(1, 6)], "test_batch.bin"]:
        (tmp_path / "cifar-10-batches-bin" / name).write_bytes(row.tobytes())
    tt.manual_seed(0)
    train, test = resnet.photographs(True), resnet.photographs(False)
    assert not tt.equal(train[0][0], train[0][0]) and tt.equal(test[0][0], test[0][0])
    assert test[0][0].shape == (3, 32, 32) and test[0][1] == 3
    red = (row[1:1025].reshape(32, 32) / 255 - 0.491) / 0.247
    assert np.allclose(test[0][0][0].numpy(), red, atol=1e-5)


@pytest.mark.parametrize(("name", "data"), [("mnist", "MNIST"), ("resnet", "CIFAR10")])
def test_the_command_says_how_to_get_data_that_is_not_here_and_blames_nobody(name, data, tmp_path):
    folder = Folder.create(tmp_path / "mine").root
    settings = os.environ | {"PYTHONPATH": str(SOURCE), "TINYTORCH_DATA": str(tmp_path)}
    command = [sys.executable, "-P", "-m", "tinytorch_studio", "milestone", name]
    done = subprocess.run(command, cwd=folder, env=settings, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Dataset not found" in done.stderr and "Traceback" not in done.stderr
    last = done.stdout.splitlines()[-1]
    assert last.endswith(f'-c "from tinytorch.datasets import {data}; {data}(download=True)"')
    assert "blame" not in done.stdout


def test_a_file_of_the_learners_that_cannot_be_imported_is_told_without_a_traceback(tmp_path):
    folder = Folder.create(tmp_path / "mine").root
    (folder / "tinytorch").mkdir()
    (folder / "tinytorch" / "layout.py").write_text("def broken(:\n", encoding="utf-8")
    command = [sys.executable, "-P", "-m", "tinytorch_studio", "milestone", "sorter"]
    settings = os.environ | {"PYTHONPATH": str(SOURCE)}
    done = subprocess.run(command, cwd=folder, env=settings, capture_output=True, text=True)
    assert done.returncode == 1
    assert "SyntaxError" in done.stderr and "Traceback" not in done.stderr
    assert "did not run to its end" in done.stdout
