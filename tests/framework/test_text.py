"""Byte pair encoding against tiktoken, on GPT-2's real vocabulary and over all of Unicode; training against its rule."""

from __future__ import annotations

import json
import lzma
import random
import sys
from collections import Counter
from pathlib import Path

import pytest
import regex
import tiktoken
from hypothesis import given
from hypothesis import strategies as st
from tiktoken.load import data_gym_to_mergeable_bpe_ranks

import tinytorch
from tinytorch import text
from tinytorch.datasets.shakespeare import whole
from tinytorch.text import Tokenizer, count_pairs, merge_pair, pretokenize, split_special, train_bpe

PATTERN = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
PUBLISHED = Path(__file__).parents[1] / "data" / "gpt2-encoder.json.xz"
END = "<|endoftext|>"
EVERY = "".join([chr(c) for c in range(sys.maxunicode + 1) if not 0xD800 <= c < 0xE000])


@pytest.fixture(scope="module")
def oracle(tmp_path_factory):
    """tiktoken with GPT-2's vocabulary, from the two published files."""
    folder = tmp_path_factory.mktemp("gpt2")
    (folder / "encoder.json").write_bytes(lzma.decompress(PUBLISHED.read_bytes()))
    merges = Path(tinytorch.__file__).parent / "datasets" / "gpt2" / "vocab.bpe"
    ranks = data_gym_to_mergeable_bpe_ranks(str(merges), str(folder / "encoder.json"))
    return tiktoken.Encoding("gpt2", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={END: 50256})


# words


def matched_by_tiktoken(pattern):
    """The characters that tiktoken's engine counts to a class: it skips all that its pattern does not match."""
    ranks = {bytes([i]): i for i in range(256)}
    encoding = tiktoken.Encoding("class", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    return set(bytes(encoding.encode_ordinary(EVERY)).decode("utf-8"))


def joined_to(before, after):
    """The characters that belong to one word with the character before them, seen by what `pretokenize` does."""
    words = set(pretokenize("".join([before + c + after for c in EVERY])))
    return {c for c in EVERY if before + c in words}


@pytest.mark.parametrize(
    ("pattern", "before", "after"),
    [(r"\p{L}", "a", "."), (r"\p{N}", "1", "."), (r"[^\s\p{L}\p{N}]", ".", "a")],
)
def test_every_character_is_a_letter_a_number_or_neither_as_tiktoken_says(pattern, before, after):
    ours, theirs = joined_to(before, after), matched_by_tiktoken(pattern)
    assert len(theirs) > 1000
    unlike = sorted(hex(ord(c)) for c in ours ^ theirs)
    assert unlike == []


def test_every_space_is_one_as_tiktoken_says():
    spaces = {c for c in EVERY if pretokenize(f"a{c}{c}a")[1:2] == [c]}
    assert spaces == matched_by_tiktoken(r"\s")


TRICKY = [
    "", " ", "  ", "\n\n  x", "a  b", " \t a", "don't I'LL we've 'S's''d", "x\u00a0\u00a0y", "\u3000\u3000私", "½²Ⅷ〇٣१",
    "a_b__c_1", "naïve café", "\x1c\x1d a \x1f", "e\u0301e", "🙂👩\u200d👩\u200d👧 x", "\u200b\u200b", "'re're r'ev'e", "\r\n\r\n",
    "中文字符123中文", "ﷺ", "\u1c89a", "\U00031350a\U0001e5f1" + "1", "a\U00010d40", "'", " '", "  's", " \u2028 \u2029",
]  # fmt: skip
PIECES = ["a", "é", "私", "ⅷ", "½", "7", "٣", "_", ".", "'", "'s", "'ll", " ", " ", "\n", "\u00a0", "\u3000", "\x1c", "🙂", "\u0301", "\U00031350", "\U0001e5f1"]  # fmt: skip


def same_words(given):
    expected = regex.findall(PATTERN, given)
    assert pretokenize(given) == expected
    assert "".join(expected) == given


@pytest.mark.parametrize("given", TRICKY)
def test_tricky_texts_are_split_as_by_the_pattern_itself(given):
    same_words(given)


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_mixtures_are_split_as_by_the_pattern_itself(given):
    same_words(given)


def test_shakespeare_is_split_as_by_the_pattern_itself():
    same_words(whole())


# GPT-2's vocabulary


def test_the_vocabulary_is_the_published_one(oracle):
    ours = text.gpt2()
    assert ours.n_vocab == oracle.n_vocab == 50257
    assert [oracle.decode_single_token_bytes(i) for i in range(50256)] == ours.vocabulary
    published = json.loads(lzma.decompress(PUBLISHED.read_bytes()))
    assert published["hello"] == ours.encode("hello")[0]


def test_shakespeare_has_the_ids_that_tiktoken_gives(oracle):
    ids = text.gpt2().encode(whole())
    assert len(ids) == 338_025
    assert ids == oracle.encode(whole())
    assert text.gpt2().decode(ids) == whole()


def same_ids(given, oracle):
    ids = text.gpt2().encode_ordinary(given)
    assert ids == oracle.encode_ordinary(given)
    assert text.gpt2().decode(ids) == oracle.decode(ids)


@pytest.mark.parametrize(
    "given", [*TRICKY, "\ud83d\ude42", "a\ud800b", "aaaaaaaaaaaaaaaaaaaaaaa", "\x00\x7f\x80\xff"]
)
def test_tricky_texts_have_the_same_ids(given, oracle):
    same_ids(given, oracle)


@given(st.text())
def test_any_text_has_the_same_ids(oracle, given):
    same_ids(given, oracle)


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_mixtures_have_the_same_ids(oracle, given):
    same_ids(given, oracle)


def test_one_long_word_takes_no_square_of_time_and_has_the_same_ids(oracle):
    letters = "".join(random.Random(0).choices("abcdefghijklmnopqrstuvwxyz", k=20_000))
    same_ids(letters, oracle)
    seen = Counter()

    class Counting(dict):
        def get(self, key, default=None):
            seen["looked up"] += 1
            return super().get(key, default)

    ranks = Counting(text.gpt2().ranks)
    text.encode([text.gpt2().byte_ids[byte] for byte in letters.encode()], ranks)
    assert seen["looked up"] < 3 * len(letters)


def test_a_character_that_is_cut_is_replaced_and_one_that_is_whole_is_not():
    ids = text.gpt2().encode("🙂")
    assert len(ids) > 1
    assert text.gpt2().decode(ids) == "🙂"
    assert text.gpt2().decode(ids[:1]) == "\ufffd"


# special tokens


def test_special_text_is_refused_unless_it_is_allowed(oracle):
    given = f"Romeo{END}Juliet"
    for encoding in (text.gpt2(), oracle):
        with pytest.raises(ValueError, match="special token"):
            encoding.encode(given)
    for options in (
        {"allowed_special": {END}},
        {"allowed_special": "all"},
        {"disallowed_special": ()},
        {"allowed_special": {END}, "disallowed_special": ()},
    ):
        assert text.gpt2().encode(given, **options) == oracle.encode(given, **options)
    assert text.gpt2().encode(given, allowed_special="all").count(50256) == 1
    assert 50256 not in text.gpt2().encode(given, disallowed_special=())
    assert text.gpt2().decode([50256, 11]) == oracle.decode([50256, 11]) == f"{END},"


def test_of_two_special_tokens_the_longer_is_found():
    special = {"<|a|>": 1, "<|a|><|b|>": 2}
    assert split_special("x<|a|><|b|><|a|>", special, special) == ["x", 2, 1]
    with pytest.raises(ValueError, match=r"'<\|a\|>'"):
        split_special("<|a|>", special, ["<|a|><|b|>"])


def test_an_id_that_there_is_not_is_refused():
    for wrong in (-1, 50257):
        with pytest.raises(IndexError, match=f"no token {wrong}"):
            text.gpt2().decode([11, wrong])


# training


def by_counting_anew(words, vocab_size):
    """The rule as it is written: of the most frequent pairs the smallest; everything is counted again each time."""
    merges = []
    while len(merges) < vocab_size - 256:
        counts = Counter()
        for word, often in words.items():
            for i in range(len(word) - 1):
                counts[word[i], word[i + 1]] += often
        if not counts:
            return merges
        pair = min(counts, key=lambda p: (-counts[p], p))
        merges.append(pair)
        merged = Counter()
        for word, often in words.items():
            merged[merge_pair(word, pair, 255 + len(merges))] += often
        words = merged
    return merges


@pytest.mark.parametrize(
    "given", [whole()[:30_000], "aaaa aaaaa aa " * 3 + "abab ababa", "x", "", "ééé 私私私 é私" * 4]
)
def test_training_follows_the_rule(given):
    words = Counter(tuple(word.encode()) for word in pretokenize(given))
    assert train_bpe(given, 456) == by_counting_anew(words, 456)


def test_counts_are_weighted_and_overlap_and_merges_do_not():
    assert count_pairs({(1, 1, 1): 2, (2, 1, 1): 5}) == {(1, 1): 9, (2, 1): 5}
    assert merge_pair((1, 1, 1, 1, 1), (1, 1), 300) == (300, 300, 1)
    assert merge_pair((1, 2), (2, 1), 300) == (1, 2)


def test_a_merge_visits_only_the_words_that_it_changes(monkeypatch):
    visited = []
    true = text.merge_pair
    monkeypatch.setattr(
        text, "merge_pair", lambda word, pair, new: visited.append(word) or true(word, pair, new)
    )
    merges = train_bpe(whole()[:100_000], 300)
    assert len(merges) == 44
    distinct = len(set(pretokenize(whole()[:100_000])))
    assert len(visited) < 44 * distinct / 10
    assert all(
        len(true(word, pair, 0)) < len(word) for word, pair in zip(visited[:1], merges[:1], strict=True)
    )


def test_own_vocabularies_round_trip_and_compress():
    tokenizer = Tokenizer(train_bpe(whole(), 1024), special={"<|end|>": 1024})
    assert tokenizer.n_vocab == 1025
    sample = whole()[500_000:520_000]
    ids = tokenizer.encode(sample)
    assert tokenizer.decode(ids) == sample
    assert len(sample) / len(ids) > 2.3  # bytes for each token
    foreign = "naïve 🙂 \x00"
    assert tokenizer.decode(tokenizer.encode(foreign)) == foreign
    assert tokenizer.encode("<|end|>", allowed_special="all") == [1024]


def test_an_own_vocabulary_encodes_as_tiktoken_does_with_it():
    tokenizer = Tokenizer(train_bpe(whole()[:200_000], 700))
    ranks = {token: i for i, token in enumerate(tokenizer.vocabulary)}
    theirs = tiktoken.Encoding("own", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})
    assert tokenizer.encode(whole()) == theirs.encode(whole())
