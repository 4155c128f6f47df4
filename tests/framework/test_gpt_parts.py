"""The parts of a GPT: what it may see, how it begins, what it is fed, and what its figures mean."""

from __future__ import annotations

import math

import numpy as np
import pytest

import tinytorch as tt
from tinytorch.models.gpt import GPT, estimate_loss, get_batch, parameter_groups

SMALL = {"context": 8, "layers": 2, "heads": 2, "width": 12}


@pytest.mark.parametrize(
    "options", [{}, {"positions": "rotary", "norm": "rms", "bias": False, "tied": False}]
)
def test_a_token_changes_nothing_before_it_and_something_after(options):
    tt.manual_seed(0)
    model = GPT(11, **SMALL, **options)
    ids = tt.randint(0, 11, (2, 8))
    before, _ = model(ids)
    changed = ids.clone()
    changed[:, 5] = (ids[:, 5] + 1) % 11
    after, _ = model(changed)
    same = (before == after).all(-1)
    assert same[:, :5].all() and not same[:, 5:].any()


def test_an_untrained_model_expects_all_tokens_alike():
    tt.manual_seed(0)
    model = GPT(65, context=64, layers=4, heads=4, width=128)
    _, loss = model(tt.randint(0, 65, (4, 64)), tt.randint(0, 65, (4, 64)))
    assert loss.item() == pytest.approx(math.log(65), abs=0.1)


def test_what_is_added_to_the_stream_begins_smaller_and_biases_at_zero():
    tt.manual_seed(0)
    model = GPT(65, context=64, layers=8, heads=4, width=128)
    block = model.blocks[3]
    assert block.attention.qkv.weight.std().item() == pytest.approx(0.02, rel=0.05)
    for adds in (block.attention.projection.weight, block.mlp[2].weight):
        assert adds.std().item() == pytest.approx(0.02 / 4, rel=0.05)
    assert all((p == 0).all() for n, p in model.named_parameters() if n.endswith("bias"))
    assert all((p == 1).all() for n, p in model.named_parameters() if "norm" in n and n.endswith("weight"))


def test_a_tied_head_is_the_embedding_and_learns_with_it():
    model = GPT(11, **SMALL)
    assert model.head.weight is model.tokens.weight
    assert "head.weight" not in dict(model.named_parameters())
    assert GPT(11, **SMALL, tied=False).head.weight is not model.tokens.weight
    with tt.no_grad():
        model.tokens.weight.fill_(0.5)
    assert (model.state_dict()["head.weight"] == 0.5).all()


def test_a_batch_holds_windows_and_what_follows_each_token():
    ids = tt.arange(100, 120)
    tt.manual_seed(0)
    x, y = get_batch(ids, 500, 5)
    assert x.shape == y.shape == (500, 5)
    assert (y == x + 1).all() and ((x - x[:, :1]) == tt.arange(5)).all()
    assert set(x[:, 0].tolist()) == set(range(100, 115))  # every window that fits, the last one too
    generators = [tt.Generator().manual_seed(7) for _ in range(2)]
    assert (get_batch(ids, 4, 5, generators[0])[0] == get_batch(ids, 4, 5, generators[1])[0]).all()
    assert get_batch(ids[:6], 2, 5)[1][0].tolist() == [101, 102, 103, 104, 105]
    with pytest.raises(RuntimeError, match="do not fit into 5"):
        get_batch(ids[:5], 1, 5)


@pytest.mark.parametrize("tied", [True, False])
def test_matrices_decay_and_everything_learns_once(tied):
    model = GPT(11, **SMALL, tied=tied)
    groups = parameter_groups(model, 0.3)
    assert [group["weight_decay"] for group in groups] == [0.3, 0.0]
    listed = [p for group in groups for p in group["params"]]
    assert len(listed) == len({id(p) for p in listed}) == len(list(model.parameters()))
    names = {id(p): n for n, p in model.named_parameters()}
    assert all(names[id(p)].endswith("bias") or "norm" in names[id(p)] for p in groups[1]["params"])
    assert not any("norm" in names[id(p)] for p in groups[0]["params"])


def test_a_loss_is_a_mean_over_batches_out_of_training():
    tt.manual_seed(0)
    model = GPT(11, **SMALL, dropout=0.5).train()
    ids = tt.randint(0, 11, (200,))
    found = estimate_loss(model, ids, 5, 3, 2.5, tt.Generator().manual_seed(1))
    assert model.training and model.blocks[0].dropout.training
    model.eval()
    generator = tt.Generator().manual_seed(1)
    losses = [model(*get_batch(ids, 3, 8, generator))[1].item() for _ in range(5)]
    assert found.loss == pytest.approx(np.mean(losses), rel=1e-6)
    assert found.bits_per_byte == pytest.approx(np.mean(losses) / math.log(2) / 2.5)
    assert not model.training


def test_an_error_in_the_middle_leaves_the_mode_as_it_was():
    model = GPT(11, **SMALL).train()
    with pytest.raises(IndexError):
        estimate_loss(model, tt.full((20,), 11))
    assert model.training


@pytest.mark.parametrize("wrong", [{"positions": "none"}, {"norm": "batch"}, {"heads": 5}])
def test_a_model_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError):
        GPT(11, **{**SMALL, **wrong})


@pytest.mark.parametrize("positions", ["learned", "rotary"])
def test_more_tokens_than_the_context_are_refused(positions):
    with pytest.raises(ValueError, match="9 tokens are more than the context of 8"):
        GPT(11, **SMALL, positions=positions)(tt.zeros(1, 9).long())


def test_a_small_model_learns_a_text_by_heart():
    tt.manual_seed(0)
    text = "to be, or not to be"
    alphabet = sorted(set(text))
    ids = tt.tensor([alphabet.index(c) for c in text * 3])
    model = GPT(len(alphabet), context=16, layers=1, heads=2, width=32)
    optimizer = tt.optim.AdamW(parameter_groups(model, 0.01), lr=1e-2)
    for _ in range(150):
        _, loss = model(*get_batch(ids, 16, 16))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert estimate_loss(model, ids, 5).loss < 0.25
