"""The milestone of 2018 in small: a model of one layer, a few steps. The whole of it takes minutes and is run by hand."""

from __future__ import annotations

import math

import pytest

import tinytorch as tt
from tinytorch import checkpoint
from tinytorch.datasets import Shakespeare
from tinytorch.models.gpt import GPT
from tinytorch_course.milestones import gpt


@pytest.fixture
def small(monkeypatch):
    """One layer, 32 wide, 60 steps, and a tenth of what is held out."""
    held_out = Shakespeare(train=False)
    held_out.text, held_out.ids = held_out.text[:10_000], held_out.ids[:10_000]
    whole = Shakespeare(train=True)
    monkeypatch.setattr(gpt, "Shakespeare", lambda train: whole if train else held_out)
    for name, value in {
        "STEPS": 60,
        "EVERY": 20,
        "WARM_UP": 10,
        "CONTEXT": 32,
        "GLIMPSE": 20,
        "SAMPLE": 40,
    }.items():
        monkeypatch.setattr(gpt, name, value)
    build = lambda data: GPT(
        len(data.alphabet), gpt.CONTEXT, 1, 2, 32, positions="rotary", norm="rms", bias=False
    )
    monkeypatch.setattr(gpt, "build", build)
    return held_out


def test_a_small_run_learns_and_keeps_the_model_that_was_measured(small, tmp_path):
    said = []
    result = gpt.train(tmp_path, said.append)
    validation = result["curves"]["validation"]
    assert len(validation) == len(result["curves"]["loss"]) == 3
    assert validation[-1] == result["figure"] < validation[0] - 0.2 < math.log(65)
    model = gpt.build(small)
    model.load_state_dict(checkpoint.load(tmp_path / result["model"]))
    assert gpt.held_out_loss(model, small) == result["figure"]
    assert (tmp_path / "sample.txt").read_text().strip() == said[-1]
    assert gpt.train(tmp_path, said.append) == result


def test_all_that_is_held_out_is_measured_once(small):
    tt.manual_seed(0)
    model = gpt.build(small).double()
    windows = (10_000 - 1) // 32
    losses = []
    for i in range(windows):
        piece = small.ids[i * 32 : i * 32 + 33].unsqueeze(0)
        losses.append(model(piece[:, :-1], piece[:, 1:])[1].item())
    assert gpt.held_out_loss(model.train(), small) == pytest.approx(sum(losses) / windows, rel=1e-9)
    assert model.training


def test_the_rate_rises_in_a_line_and_falls_to_nothing():
    assert gpt.share(0) == pytest.approx(1 / gpt.WARM_UP) and gpt.share(gpt.WARM_UP) == 1
    assert gpt.share((gpt.WARM_UP + gpt.STEPS) // 2) == pytest.approx(0.5)
    assert gpt.share(gpt.STEPS) == pytest.approx(0, abs=1e-12)


def test_the_model_is_the_one_that_the_page_describes():
    model = gpt.build(Shakespeare(train=False))
    assert sum(p.numel() for p in model.parameters()) == 4 * (12 * 128**2 + 2 * 128) + 65 * 128 + 128
    assert model.context == 128
