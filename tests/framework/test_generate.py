"""Generation: which tokens stay, how they are drawn, what a cache remembers; and weights that others trained."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import tinytorch as tt
from tinytorch import checkpoint
from tinytorch.models.generate import (
    KVCache,
    apply_temperature,
    generate,
    load_pretrained,
    sample,
    top_k_logits,
    top_p_logits,
)
from tinytorch.models.gpt import GPT
from tinytorch.models.sorter import sort, sorter
from tinytorch.ops import Attention

LOGITS = tt.tensor([[1.0, 3.0, 2.0, 3.0, -1.0], [0.0, 0.5, -2.0, 1.0, 4.0]])
SMALL = {"context": 8, "layers": 2, "heads": 2, "width": 12}


def left(logits):
    """Which tokens are still possible, row by row."""
    return [[i for i, value in enumerate(row) if value > -math.inf] for row in logits.tolist()]


def test_a_temperature_divides_and_zero_leaves_the_first_largest():
    assert (apply_temperature(LOGITS, 0.5) == LOGITS * 2).all()
    assert left(apply_temperature(LOGITS, 0)) == [[1], [4]]
    with pytest.raises(ValueError, match="not negative"):
        apply_temperature(LOGITS, -0.1)


@pytest.mark.parametrize(
    ("k", "kept"),
    [(1, [[1], [4]]), (2, [[1, 3], [3, 4]]), (3, [[1, 2, 3], [1, 3, 4]]), (9, [[0, 1, 2, 3, 4]] * 2)],
)
def test_the_k_largest_stay_as_they_are(k, kept):
    found = top_k_logits(LOGITS, k)
    assert left(found) == kept
    assert (found.where(found > -math.inf, LOGITS) == LOGITS).all()


def test_no_token_at_all_is_refused():
    for wrong in (
        lambda: top_k_logits(LOGITS, 0),
        lambda: top_p_logits(LOGITS, 0.0),
        lambda: top_p_logits(LOGITS, 1.1),
    ):
        with pytest.raises(ValueError):
            wrong()


SHARES = [0.1, 0.5, 0.15, 0.25]


@pytest.mark.parametrize(
    ("p", "kept"),
    [
        (0.2, [1]),
        (0.5, [1]),
        (0.51, [1, 3]),
        (0.75, [1, 3]),
        (0.8, [1, 2, 3]),
        (0.91, [0, 1, 2, 3]),
        (1.0, [0, 1, 2, 3]),
    ],
)
def test_the_smallest_set_that_reaches_p_stays_and_in_its_place(p, kept):
    logits = tt.tensor([SHARES], dtype=tt.float64).log() + 5
    found = top_p_logits(logits, p - 1e-9)
    assert left(found) == [kept]
    assert (found.where(found > -math.inf, logits) == logits).all()


def test_all_tokens_stay_with_p_of_one_however_unlikely():
    logits = tt.tensor([[0.0, -60.0, -90.0]])
    assert left(top_p_logits(logits, 1)) == [[0, 1, 2]]


def test_tokens_are_drawn_as_often_as_they_are_likely():
    tt.manual_seed(0)
    logits = tt.tensor(SHARES).log().expand(20_000, 4)
    counts = Counter(sample(logits).tolist())
    for i, share in enumerate(SHARES):
        assert counts[i] / 20_000 == pytest.approx(share, abs=0.01)


def test_impossible_tokens_are_never_drawn_and_every_row_draws_for_itself():
    tt.manual_seed(0)
    logits = tt.tensor([[-math.inf, 0.0, -math.inf], [0.0, -math.inf, 0.0]]).expand(500, 2, 3)
    drawn = sample(logits)
    assert drawn.shape == (500, 2) and drawn.dtype is tt.int64
    assert (drawn[:, 0] == 1).all() and set(drawn[:, 1].tolist()) == {0, 2}


@pytest.mark.parametrize("point", [0.0, 1 - 2**-53])
def test_the_ends_of_the_line_belong_to_possible_tokens(point, monkeypatch):
    monkeypatch.setattr("tinytorch.models.generate.rand", lambda *s, **o: tt.full(s, point, dtype=tt.float64))
    logits = tt.tensor([-math.inf, *np.random.default_rng(0).normal(size=1000), -math.inf])
    assert sample(logits.unsqueeze(0)).item() == (1 if point == 0 else 1000)


KINDS = list(itertools.product(("learned", "rotary"), ("layer", "rms")))


@pytest.mark.parametrize(("positions", "norm"), KINDS)
@pytest.mark.parametrize("pieces", [[1] * 8, [5, 3], [3, 1, 4], [8]])
def test_tokens_that_come_in_pieces_give_the_logits_of_the_whole(positions, norm, pieces):
    tt.manual_seed(0)
    model = GPT(11, **SMALL, positions=positions, norm=norm).double()
    ids = tt.randint(0, 11, (3, 8))
    expected = model(ids)[0].detach()
    cache, end = KVCache.of(model, 3), 0
    for size in pieces:
        end += size
        logits = model.step(ids[:, end - size : end], cache).detach()
        np.testing.assert_allclose(logits.numpy(), expected[:, end - 1].numpy(), rtol=1e-9, atol=1e-12)
    assert cache.length == 8
    with pytest.raises(RuntimeError, match="9 tokens are more than the context of 8"):
        model.step(ids[:, :1], cache)


CHOICES = [
    {"temperature": 0},
    {"temperature": 0.7},
    {"top_k": 3},
    {"top_p": 0.8},
    {"temperature": 1.3, "top_k": 5, "top_p": 0.9},
]


@pytest.mark.parametrize("options", CHOICES, ids=str)
@pytest.mark.parametrize("positions", ["learned", "rotary"])
@pytest.mark.parametrize("prompt", [1, 5, 8, 12])
def test_with_and_without_a_cache_the_same_is_written_also_beyond_the_context(prompt, positions, options):
    tt.manual_seed(0)
    model = GPT(11, **SMALL, positions=positions).double()
    ids = tt.randint(0, 11, (2, prompt))
    written = [
        generate(model, ids, 15, generator=tt.Generator().manual_seed(5), use_cache=cached, **options)
        for cached in (True, False)
    ]
    assert written[0].shape == (2, prompt + 15) and (written[0][:, :prompt] == ids).all()
    assert written[0].tolist() == written[1].tolist()


def test_a_seed_decides_what_is_written_and_another_writes_something_else():
    tt.manual_seed(0)
    model = GPT(11, **SMALL)
    ids = tt.zeros(1, 1).long()
    first, again, other = (
        generate(model, ids, 20, generator=tt.Generator().manual_seed(s)).tolist() for s in (1, 1, 2)
    )
    assert first == again != other
    tt.manual_seed(3)
    first = generate(model, ids, 20).tolist()
    tt.manual_seed(3)
    assert generate(model, ids, 20).tolist() == first


def test_the_prompt_is_read_once_and_each_token_once(monkeypatch):
    model = GPT(11, **SMALL)
    read = []
    monkeypatch.setattr(
        model,
        "embedded",
        lambda ids, offset=0: read.append((ids.shape[1], offset)) or GPT.embedded(model, ids, offset),
    )
    generate(model, tt.zeros(1, 3).long(), 6)
    assert read == [(3, 0), (1, 3), (1, 4), (1, 5), (1, 6), (1, 7)]
    read.clear()
    generate(model, tt.zeros(1, 7).long(), 4)
    assert read == [(7, 0), (1, 7), (8, 0), (8, 0)]  # the window slides


class Scripted:
    """A model that writes what it is told to, one column for each step."""

    context, training = 100, True

    def __init__(self, columns):
        self.columns = iter(columns)

    def eval(self):
        return self

    def train(self, mode):
        return self

    def __call__(self, ids):
        column = tt.tensor(next(self.columns))
        return tt.nn.functional.one_hot(column, 10).float().log().unsqueeze(1), None


def test_a_sequence_ends_at_its_stop_and_the_writing_when_all_have():
    model = Scripted([[3, 4], [7, 5], [6, 7], [9, 9]])
    prompt = tt.tensor([[7], [1]])  # to begin with the stop is not to have ended
    written = generate(model, prompt, 4, stop=7, use_cache=False)
    assert written.tolist() == [[7, 3, 7, 7], [1, 4, 5, 7]]


def test_generation_is_out_of_training_and_unrecorded_and_leaves_the_mode():
    tt.manual_seed(0)
    model = GPT(11, **SMALL, dropout=0.9).train()
    ids = tt.zeros(1, 1).long()
    assert (
        generate(model, ids, 10, temperature=0).tolist() == generate(model, ids, 10, temperature=0).tolist()
    )
    assert model.training
    logits = model.eval().step(ids, KVCache.of(model, 1))
    assert logits.requires_grad  # by itself a step is recorded like anything else


def test_a_cache_writes_into_its_own_memory_and_keeps_sequences_apart():
    cache = KVCache(layers=2, batch=2, heads=1, capacity=4, head_dim=3)
    memory = cache.keys.data_ptr()
    k = tt.arange(12.0).reshape(2, 1, 2, 3)
    keys, values = cache.append(0, k, -k)
    assert keys.tolist() == k.tolist() and values.tolist() == (-k).tolist()
    cache.length += 2
    keys, _ = cache.append(0, k[:, :, :1] + 100, k[:, :, :1])
    assert keys.shape == (2, 1, 3, 3)
    assert keys[:, 0, 2].tolist() == (k[:, 0, 0] + 100).tolist() and keys[:, :, :2].tolist() == k.tolist()
    assert cache.keys.data_ptr() == memory == keys.data_ptr() and (cache.keys[1] == 0).all()
    positions, mask = cache.mask(2)
    assert positions.tolist() == [2, 3] and mask.int().tolist() == [[1, 1, 1, 0], [1, 1, 1, 1]]
    with pytest.raises(RuntimeError, match="holds 4 tokens, and these would make 5"):
        cache.append(0, tt.zeros(2, 1, 3, 3), tt.zeros(2, 1, 3, 3))


def test_the_bytes_of_a_cache():
    cache = KVCache(layers=6, batch=4, heads=6, capacity=256, head_dim=64)
    assert cache.keys.nbytes + cache.values.nbytes == 18_874_368


# weights that others trained


ACTIVATIONS = dict(np.load(Path(__file__).parents[1] / "data" / "gpt-nano-sort-activations.npz"))
STATE = checkpoint.load(Path(tt.__file__).parent / "models" / "gpt-nano-sort" / "model.safetensors")


def seen_inside(model, ids):
    """What comes out of the parts of the model, in the names of the published activations."""
    seen = {}
    block = model.blocks[0]
    parts = {
        "tok_emb": model.tokens, "ln1": block.norm_1, "qkv": block.attention.qkv, "yProj": block.attention.projection,
        "ln2": block.norm_2, "fc": block.mlp[0], "gelu": block.mlp[1], "mlp": block.mlp[2],
        "block0": model.blocks[0], "block1": model.blocks[1], "block2": model.blocks[2], "ln_f": model.norm, "lm_head": model.head,
    }  # fmt: skip
    for name, part in parts.items():
        part.register_forward_hook(lambda module, args, out, name=name: seen.update({name: out}))
    entering = {"x": block, "attnResid": block.norm_2, "y": block.attention.projection}
    for name, part in entering.items():
        part.register_forward_pre_hook(lambda module, args, name=name: seen.update({name: args[0]}))
    logits, _ = model(ids)
    q, k, v = (x.reshape(3, 11, 3, 16).transpose(1, 2) for x in seen["qkv"].chunk(3, -1))
    card = Attention(1 / 4, True)
    seen |= {
        "q": q,
        "k": k,
        "v": v,
        "att": card.scores(q, k),
        "attSm": card.weights(q, k),
        "probs": logits.softmax(-1),
    }
    seen |= {"pos_emb": model.positions(11).unsqueeze(0), "mlpResid": seen["block0"]}
    return seen


def test_a_published_model_gives_its_published_activations():
    model = sorter().eval()
    seen = seen_inside(model, tt.from_numpy(ACTIVATIONS["idx"].astype(np.int64)))
    assert seen.keys() == ACTIVATIONS.keys() - {"idx"}
    for name, expected in ACTIVATIONS.items():
        if name != "idx":
            np.testing.assert_allclose(seen[name].detach().numpy(), expected, rtol=0, atol=1e-5, err_msg=name)


def test_the_published_model_sorts_two_hundred_of_two_hundred_lists():
    # the first 200 that NumPy's generator draws from seed 0, each number evenly from 0, 1 and 2
    lists = np.random.default_rng(0).integers(0, 3, (200, 6))
    found = sort(sorter(), tt.from_numpy(lists)).numpy()
    assert (found == np.sort(lists, 1)).all(1).sum() == 200
    every = np.array(list(itertools.product(range(3), repeat=6)))  # there are no more than these
    assert (sort(sorter(), tt.from_numpy(every)).numpy() == np.sort(every, 1)).all(1).sum() == 729


def transposed(state):
    """As GPT-2's own files have it: every product as (in, out), the head left out because it is tied."""
    products = ("c_attn.weight", "c_proj.weight", "c_fc.weight")
    kept = {n.removeprefix("transformer."): t for n, t in state.items() if n != "lm_head.weight"}
    return {n: t.mT.contiguous() if n.endswith(products) else t for n, t in kept.items()}


def test_weights_in_gpt2s_own_layout_are_the_same_model():
    ids = tt.from_numpy(ACTIVATIONS["idx"].astype(np.int64))
    tied = {**STATE, "lm_head.weight": STATE["transformer.wte.weight"]}
    expected, found = load_pretrained(tied, 3), load_pretrained(transposed(STATE), 3)
    assert expected.head.weight is expected.tokens.weight and found.head.weight is found.tokens.weight
    assert (expected(ids)[0] == found(ids)[0]).all()
    assert sorter().head.weight is not sorter().tokens.weight


def test_every_tensor_is_used_or_named():
    names = [n for n in STATE if not n.endswith(".attn.bias")]
    without = {n: t for n, t in STATE.items() if n != "transformer.h.1.ln_2.bias"}
    with pytest.raises(RuntimeError, match=r"Missing key.*blocks\.1\.norm_2\.bias"):
        load_pretrained(without, 3)
    with pytest.raises(RuntimeError, match=r"Unexpected key.*blocks\.0\.extra"):
        load_pretrained({**STATE, "transformer.h.0.extra": tt.ones(1)}, 3)
    with pytest.raises(RuntimeError, match=r"size mismatch for blocks\.2\.mlp\.0\.bias"):
        load_pretrained({**STATE, "transformer.h.2.mlp.c_fc.bias": tt.ones(5)}, 3)
    with pytest.raises(RuntimeError, match="not the weights of a GPT"):
        load_pretrained({"layers.0.weight": tt.ones(1)}, 3)
    assert len(names) == len(sorter().state_dict())


def test_a_list_of_another_length_is_refused():
    with pytest.raises(RuntimeError, match="lists of 6 numbers"):
        sort(sorter(), tt.zeros(1, 5).long())
