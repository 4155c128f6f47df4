"""A character model on an LSTM: what it is fed, what it learns, what it invents; and sequences taken apart in one piece of work."""

from __future__ import annotations

import math
from collections import Counter

import pytest

import tinytorch as tt
from tinytorch.datasets import Names
from tinytorch.models import CharacterLSTM
from tinytorch.observe import observing
from tinytorch.ops.parts import parts


def test_the_loss_counts_every_character_and_end_once_and_no_padding():
    tt.manual_seed(0)
    model = CharacterLSTM("abc", width=4, hidden=8).double()
    names = ["abca", "c", "", "bb"]
    alone = [model.loss([name]).item() * (len(name) + 1) for name in names]
    assert model.loss(names).item() == pytest.approx(sum(alone) / sum(len(n) + 1 for n in names), rel=1e-12)


def test_a_text_that_is_continued_gives_what_it_gives_at_once():
    tt.manual_seed(0)
    model = CharacterLSTM("abc", width=4, hidden=8, layers=2).double()
    ids = tt.randint(0, 4, (2, 6))
    whole, _ = model(ids)
    first, state = model(ids[:, :4])
    rest, _ = model(ids[:, 4:], state)
    assert tt.cat([first, rest], 1).allclose(whole, 1e-12, 1e-12)


def test_names_that_were_never_seen_become_likelier_and_those_invented_look_like_some():
    tt.manual_seed(0)
    train, held_out = Names(train=True), Names(train=False)
    model = CharacterLSTM(train.alphabet, width=24, hidden=64)
    optimizer = tt.optim.AdamW(model.parameters(), lr=1e-2)
    order = tt.randperm(len(train)).tolist()
    for i in range(0, 1920, 32):
        loss = model.loss([train[j] for j in order[i : i + 32]])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with tt.no_grad():
        after = model.loss(held_out.names).item()
    characters = Counter("".join(train.names)) + Counter({"end": len(train)})
    total = sum(characters.values())
    by_counting = -sum(n / total * math.log(n / total) for n in characters.values())
    assert by_counting == pytest.approx(3.166, abs=1e-3)  # what single characters tell
    assert after < by_counting - 0.6
    invented = model.invent(30, generator=tt.Generator().manual_seed(1))
    assert invented == model.invent(30, generator=tt.Generator().manual_seed(1))
    assert len(set(invented)) > 20 and max(map(len, invented)) <= 20
    assert sum(name[:1].isupper() and name[1:].islower() for name in invented) > 20
    assert len(set(model.invent(5, temperature=0))) == 1


def test_one_gradient_of_many_parts_is_no_larger_than_the_whole():
    x = tt.ones(100, 4, requires_grad=True)
    made = parts(x, (1,) * 100)
    assert [p.data_ptr() for p in made[:2]] == [x.data_ptr(), x.data_ptr() + 16]  # nothing was copied
    sizes = []
    with observing(lambda op, inputs, out: sizes.append(out.numel() if isinstance(out, tt.Tensor) else 0)):
        (made[3] * 2 + made[50]).sum().backward()
    assert x.grad[:, 0].nonzero().flatten().tolist() == [3, 50]
    assert sum(size >= 400 for size in sizes) == 1
