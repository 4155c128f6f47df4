"""The incident of module 04: a table of which every row learns from one use of it in each batch."""

from __future__ import annotations

from typing import Any

from tinytorch_course.kit import Incident

PROGRAM = '''\
"""Learns from its words to which of four offices a letter goes: a table of scores, a row for each word."""
import tinytorch as tt
from tinytorch.autograd import Function
from tinytorch.nn.functional import cross_entropy

WORDS, OFFICES, LENGTH, BATCH = 80, 4, 10, 50

class PickRows(Function):  # table[index], for each number of an index: faster than indexing, somebody measured
    @staticmethod
    def forward(ctx, table, index):
        ctx.save_for_backward(table, index)
        return table.index_select(0, index)
    @staticmethod
    def backward(ctx, g):
        table, index = ctx.saved_tensors
        grad = tt.zeros_like(table)
        grad[index] = g
        return grad, None

def letters(count):
    """Words (count, 10), a few of them very frequent, and offices, each of which likes some words a little more."""
    office, word = tt.randint(0, OFFICES, (count,)), (tt.rand(count, LENGTH) ** 3 * WORDS).long()
    liked = word - word % OFFICES + office[:, None]
    return tt.where(tt.rand(count, LENGTH) < 0.3, liked, word), office

tt.manual_seed(1)
(words, offices), (unseen, theirs) = letters(2000), letters(4000)
table = tt.zeros(WORDS, OFFICES, requires_grad=True)
for step in range(150):
    batch = tt.randint(0, 2000, (BATCH,))
    rows = PickRows.apply(table, words[batch].reshape(-1)).reshape(BATCH, LENGTH, OFFICES)
    loss = cross_entropy(rows.sum(1), offices[batch])
    loss.backward()
    with tt.no_grad():
        table -= 0.2 * table.grad
        table.grad = None
    if step % 30 == 29:
        right = (table[unseen].sum(1).argmax(1) == theirs).float().mean().item()
        print(f"step {step + 1:3}   loss {loss.item():.3f}   sorted right {right:.1%}")
'''


def observe(names: dict[str, Any]) -> dict[str, Any]:
    """How many letters are sorted right in the end, the last loss, and the scores of the most frequent word."""
    return {
        "right": round(names["right"], 3),
        "loss": round(names["loss"].item(), 3),
        "scores": [round(each, 3) for each in names["table"][0].tolist()],
    }


INCIDENT = Incident(
    title="Two points worse than last week",
    story="""A sorting machine learns which office a letter goes to, from ten words of it. Last week it sorted 77.2 % of unseen letters right after 150 steps, and 72 % after
thirty. Today it is 75.5 %, and it began with 51. The loss falls, as always; nothing crashes; the data are the same, the learning rate is the same, and so is the seed.

In between somebody has replaced the indexing of the table by a primitive of their own, "which gives the same rows, I compared them all". Somebody else suggests to train longer.""",
    program=PROGRAM,
    level="gradient",
    line="        grad[index] = g",
    repair="        grad.index_put_((index,), g, accumulate=True)",
    observe=observe,
    explain="""In a batch of 500 words the most frequent one stands nearly a hundred times, so its row was picked nearly a hundred times and owes as many gradients. `grad[index] = g` writes them
all to one place, and the last one stays. Rare words lose nothing: they occur once. So the table learns, from a small part of what it is shown, and frequent words hardly more than rare ones.

The comparison of the rows was a test of *forward*, and forward is right. A gradient check finds it, and only with an index that repeats: on [2, 0, 1] the rule is right too. *Test with repeats* is to indices
what *never square* is to matrices. (Training longer hides it: after some hundred steps more the two are hard to tell apart.)""",
)
