"""Text as ids: byte-level byte pair encoding, as GPT-2 has it, trained and applied.

Sennrich et al., 2016; Radford et al., 2019. Text is split into words with the spaces before them; each word
becomes bytes; pairs of neighbours that occur often become tokens of their own. Ids 0 to 255 are single bytes,
id 256 + i is what merge i made.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from heapq import heapify, heappop, heappush
from importlib.resources import files
from itertools import pairwise

from tinytorch.errors import IndexOutOfRange

Pair = tuple[int, int]
Word = tuple[int, ...]

# Letters and numbers of Unicode 16 that Unicode 14, which Python 3.11 knows, has not. With them, text is split
# alike under every version of Python.
LATER_LETTERS = (
    "\u1c89\u1c8a\ua7cb-\ua7cd\ua7da-\ua7dc\U000105c0-\U000105f3\U00010d4a-\U00010d65\U00010d6f-\U00010d85"
    "\U00010ec2-\U00010ec4\U0001123f\U00011240\U00011380-\U00011389\U0001138b\U0001138e\U00011390-\U000113b5"
    "\U000113b7\U000113d1\U000113d3\U00011bc0-\U00011be0\U00011f02\U00011f04-\U00011f10\U00011f12-\U00011f33"
    "\U0001342f\U00013441-\U00013446\U00013460-\U000143fa\U00016100-\U0001611d\U00016d40-\U00016d6c\U00018cff"
    "\U0001b132\U0001b155\U0001df25-\U0001df2a\U0001e030-\U0001e06d\U0001e4d0-\U0001e4eb\U0001e5d0-\U0001e5ed"
    "\U0001e5f0\U0002b739\U0002ebf0-\U0002ee5d\U00031350-\U000323af"
)
LATER_NUMBERS = (
    "\U00010d40-\U00010d49\U000116d0-\U000116e3\U00011bf0-\U00011bf9\U00011f50-\U00011f59\U00016130-\U00016139"
    "\U00016d70-\U00016d79\U0001ccf0-\U0001ccf9\U0001d2c0-\U0001d2d3\U0001e4f0-\U0001e4f9\U0001e5f1-\U0001e5fa"
)
NO_SPACE = "\x1c-\x1f"  # separators that Python counts as space, and Unicode does not


@cache
def numerals() -> str:
    r"""Numbers that `\d` leaves out, as part of a character class: ½, ², Ⅷ and about 1,100 others."""
    numeric = [c for c in map(chr, range(sys.maxunicode + 1)) if c.isnumeric() and not c.isdecimal()]
    codes = {ord(c) for c in numeric if unicodedata.category(c) in ("Nl", "No")}
    firsts = sorted([c for c in codes if c - 1 not in codes])  # of each run of neighbours
    lasts = sorted([c for c in codes if c + 1 not in codes])
    runs = [f"{chr(first)}-{chr(last)}" for first, last in zip(firsts, lasts, strict=True)]
    return "".join(runs) + LATER_NUMBERS


@cache
def word_pattern() -> re.Pattern[str]:
    r"""GPT-2's pattern, which says \p{L} for letters and \p{N} for numbers, in the classes that Python has.

    In its own words: '(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
    """
    # Runs of ASCII letters come first: the other classes are long, and five times slower to search.
    letters = rf"(?:[A-Za-z]++|[^\W\d_{numerals()}]++|[{LATER_LETTERS}]++)++"
    numbers = rf"[\d{numerals()}]++"
    others = rf"(?:[^\w\s{LATER_LETTERS}{LATER_NUMBERS}]++|[_{NO_SPACE}]++)++"
    space = rf"[^\S{NO_SPACE}]"
    return re.compile(
        rf"'(?:[sdmt]|ll|ve|re)| ?{letters}| ?{numbers}| ?{others}|{space}+(?![\S{NO_SPACE}])|{space}+"
    )


def pretokenize(text: str) -> list[str]:
    """The words of a text with the space before each; together they are the text. No token crosses their borders.

    >>> pretokenize("It's 1½ naïve  dogs!")
    ['It', "'s", ' 1½', ' naïve', ' ', ' dogs', '!']
    """
    return word_pattern().findall(text)


def count_pairs(words: Mapping[Word, int]) -> Counter[Pair]:
    """How often each pair of neighbours occurs in words that occur `words[word]` times.

    Pairs overlap: `aaa` has (a, a) twice.

    >>> count_pairs({(1, 2, 1, 2): 3, (2, 1): 1})
    Counter({(1, 2): 6, (2, 1): 4})
    """
    counts: Counter[Pair] = Counter()
    for word, often in words.items():
        for pair in pairwise(word):
            counts[pair] += often
    return counts


def merge_pair(word: Word, pair: Pair, new: int) -> Word:
    """A word with every occurrence of a pair replaced by one id, from left to right, without overlap.

    >>> merge_pair((1, 1, 1, 2), (1, 1), 9)
    (9, 1, 2)
    """
    merged, i = [], 0
    while i < len(word):
        if word[i : i + 2] == pair:
            merged.append(new)
            i += 2
        else:
            merged.append(word[i])
            i += 1
    return tuple(merged)


def train_bpe(text: str, vocab_size: int) -> list[Pair]:
    """The merges of a vocabulary of `vocab_size` tokens, 256 of them bytes: fewer where there are no more pairs.

    Each makes a token of the pair that occurs most often; of several, of the one with the smallest ids. Counts
    are kept up to date: a merge visits the words that it changes, and no others.

    >>> train_bpe("low low lower newest", 259)  # (l, o), (lo, w), (space, low)
    [(108, 111), (256, 119), (32, 257)]
    """
    words: dict[Word, int] = Counter([tuple(as_bytes(word)) for word in pretokenize(text)])
    counts = count_pairs(words)
    homes: dict[Pair, set[Word]] = {}  # the words that have a pair
    for word in words:
        for pair in pairwise(word):
            homes.setdefault(pair, set()).add(word)
    best = [(-often, pair) for pair, often in counts.items()]
    heapify(best)
    merges: list[Pair] = []
    while best and len(merges) < vocab_size - 256:
        often, pair = heappop(best)
        if counts[pair] == -often and often:  # an entry of an earlier count is passed over
            new = 256 + len(merges)
            merges.append(pair)
            for changed in apply_merge(words, counts, homes, pair, new):
                heappush(best, (-counts[changed], changed))
    return merges


def apply_merge(
    words: dict[Word, int], counts: Counter[Pair], homes: dict[Pair, set[Word]], pair: Pair, new: int
) -> set[Pair]:
    """Merge a pair in all words that have it, and bring the counts up to date. Gives the pairs whose count changed."""
    changed: set[Pair] = set()
    for word in list(homes[pair]):
        often = words.pop(word)
        merged = merge_pair(word, pair, new)
        for old in pairwise(word):
            counts[old] -= often
            homes[old].discard(word)
            changed.add(old)
        for fresh in pairwise(merged):
            counts[fresh] += often
            homes.setdefault(fresh, set()).add(merged)
            changed.add(fresh)
        words[merged] = often
    return changed


def encode(word: Sequence[int], ranks: Mapping[Pair, int]) -> list[int]:
    """The ids of one word, given as ids of bytes, when merges are applied in the order in which they were learned.

    ranks: for each pair the id that it becomes; the lowest is merged first, and of equal ones the leftmost.

    >>> encode([108, 111, 119], {(108, 111): 256, (111, 119): 257, (256, 119): 258})
    [258]
    """
    ids: list[int] = list(word)
    after, before = list(range(1, len(ids) + 1)), list(range(-1, len(ids) - 1))
    waiting = [(ranks[p], i) for i, p in enumerate(pairwise(ids)) if p in ranks]
    heapify(waiting)
    while waiting:
        new, i = heappop(waiting)
        j = after[i]
        if j == len(ids) or ranks.get((ids[i], ids[j])) != new:
            continue  # one of the two is part of another token by now
        ids[i], ids[j], after[i] = new, -1, after[j]
        if after[j] < len(ids):
            before[after[j]] = i
        for left, right in ((before[i], i), (i, after[i])):
            if left >= 0 and right < len(ids) and (ids[left], ids[right]) in ranks:
                heappush(waiting, (ranks[ids[left], ids[right]], left))
    return [each for each in ids if each >= 0]


def decode(ids: Iterable[int], vocabulary: Sequence[bytes]) -> str:
    """The text of ids. Bytes that are no UTF-8 become U+FFFD: a character may be cut in the middle of its bytes.

    >>> decode([1, 0], [b"world", b"hello "])
    'hello world'
    """
    return b"".join([vocabulary[i] for i in ids]).decode("utf-8", errors="replace")


def split_special(text: str, special: Mapping[str, int], allowed: Collection[str]) -> list[str | int]:
    """A text in parts: strings, and the ids of special tokens. Raises ValueError for one that is not allowed.

    Special tokens steer a model, so text that comes from outside must not contain any.

    >>> split_special("a<|end|>b", {"<|end|>": 7}, {"<|end|>"})
    ['a', 7, 'b']
    """
    if not special:
        return [text] if text else []
    longest_first = sorted(special, key=len, reverse=True)
    parts: list[str | int] = []
    for i, part in enumerate(re.split(f"({'|'.join(map(re.escape, longest_first))})", text)):
        if i % 2 and part not in allowed:
            raise ValueError(
                f"the text contains the special token {part!r}: allow it with allowed_special={{{part!r}}}, or "
                "take it as ordinary text with disallowed_special=()"
            )
        if part:
            parts.append(special[part] if i % 2 else part)
    return parts


def as_bytes(text: str) -> bytes:
    """UTF-8. Halves of a surrogate pair are joined, or become U+FFFD where one is alone, as in tiktoken."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode("utf-8")


class Tokenizer:
    """Text to ids and back, by the merges that `train_bpe` gives.

    byte_ids: the id of each byte, where it is not the byte itself. special: texts with an id of their own,
    beyond all others.

    >>> tokenizer = Tokenizer(train_bpe("low low lower newest", 260))
    >>> tokenizer.encode("lower"), tokenizer.decode([257, 101])
    ([257, 101, 114], 'lowe')
    """

    def __init__(
        self,
        merges: Sequence[Pair],
        byte_ids: Sequence[int] = range(256),
        special: Mapping[str, int] | None = None,
    ) -> None:
        self.merges = list(merges)
        self.byte_ids = list(byte_ids)
        self.special = dict(special or {})
        self.ranks = {pair: 256 + i for i, pair in enumerate(self.merges)}
        self.vocabulary: list[bytes] = [b""] * 256
        for byte, i in enumerate(self.byte_ids):
            self.vocabulary[i] = bytes([byte])
        for left, right in self.merges:
            self.vocabulary.append(self.vocabulary[left] + self.vocabulary[right])
        self.known: dict[str, list[int]] = {}  # words that were encoded before

    @property
    def n_vocab(self) -> int:
        """How many ids there are, special ones included; as tiktoken calls it."""
        return max([len(self.vocabulary) - 1, *self.special.values()]) + 1

    def encode(
        self,
        text: str,
        *,
        allowed_special: Collection[str] | str = (),
        disallowed_special: Collection[str] | str = "all",
    ) -> list[int]:
        """The ids of a text, with tiktoken's arguments.

        Special tokens in it raise ValueError, unless they are allowed ("all" allows every one) and become
        their id, or are left out of `disallowed_special` and count as ordinary text.
        """
        allowed = set(self.special) if allowed_special == "all" else set(allowed_special)
        refused = set(self.special) if disallowed_special == "all" else set(disallowed_special)
        seen = {name: i for name, i in self.special.items() if name in allowed | refused}
        ids: list[int] = []
        for part in split_special(text, seen, allowed):
            ids.extend([part] if isinstance(part, int) else self.encode_ordinary(part))
        return ids

    def encode_ordinary(self, text: str) -> list[int]:
        """The ids of a text in which nothing is special."""
        ids: list[int] = []
        for word in pretokenize(as_bytes(text).decode("utf-8")):
            found = self.known.get(word)
            if found is None:
                found = encode([self.byte_ids[byte] for byte in word.encode("utf-8")], self.ranks)
                if len(self.known) < 100_000:
                    self.known[word] = found
            ids.extend(found)
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids; special ones give their name. Raises IndexOutOfRange for an id that there is not."""
        names = {i: name.encode("utf-8") for name, i in self.special.items()}
        parts = []
        for each in ids:
            i = int(each)
            if i not in names and not 0 <= i < len(self.vocabulary):
                raise IndexOutOfRange(f"there is no token {i}: ids go from 0 to {self.n_vocab - 1}")
            parts.append(names[i] if i in names else self.vocabulary[i])
        return decode(range(len(parts)), parts)


@cache
def gpt2() -> Tokenizer:
    """The vocabulary of GPT-2: 50,257 ids, the last of them <|endoftext|>. Radford et al., 2019; MIT licence.

    >>> gpt2().encode("Hello, world!")
    [15496, 11, 995, 0]
    """
    characters = gpt2_characters()
    ids = {bytes([byte]): i for i, byte in enumerate(characters.values())}
    merges: list[Pair] = []
    lines = files("tinytorch.datasets").joinpath("gpt2", "vocab.bpe").read_text("utf-8").splitlines()
    for line in lines[1:]:  # the first says the version
        left, right = (bytes([characters[c] for c in part]) for part in line.split(" "))
        merges.append((ids[left], ids[right]))
        ids[left + right] = 256 + len(merges) - 1
    byte_ids = [ids[bytes([byte])] for byte in range(256)]
    return Tokenizer(merges, byte_ids, {"<|endoftext|>": 256 + len(merges)})


def gpt2_characters() -> dict[str, int]:
    """The character by which GPT-2's file shows each byte, in the order of the bytes' ids: those that print come first."""
    printed = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in printed]
    return {chr(byte): byte for byte in printed} | {chr(256 + i): byte for i, byte in enumerate(rest)}
