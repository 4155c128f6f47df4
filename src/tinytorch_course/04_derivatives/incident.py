"""The incident of module 04: a table of which each row learns from a single letter."""

from __future__ import annotations

from typing import Any

from tinytorch_course.kit import Incident

PROGRAM = '''\
"""Learns how often each of six kinds of letter goes to each of three offices."""

import tinytorch as tt
from tinytorch.autograd import Function
from tinytorch.nn.functional import cross_entropy


class PickRows(Function):
    """The rows of a table that an index names: faster than indexing, somebody measured."""

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


tt.manual_seed(5)
often = [0] * 60 + [1] * 30 + [2] * 6 + [3] * 2 + [4, 5]  # kinds of 100 letters
kind = tt.tensor(often)
office = (kind + (tt.rand(100) < 0.2).long()) % 3  # one in five goes to the next office

table = tt.zeros(6, 3, requires_grad=True)
for step in range(401):
    loss = cross_entropy(PickRows.apply(table, kind), office)
    loss.backward()
    with tt.no_grad():
        table -= 1.0 * table.grad
        table.grad = None
    if step % 100 == 0:
        print(f"step {step:3}   loss {loss.item():.4f}")
sure = tt.softmax(table.detach(), 1).amax(1)
print("sure of the office:", [f"{each:.2f}" for each in sure.tolist()], "for kinds of 60, 30, 6, 2, 1, 1 letters")
'''


def observe(names: dict[str, Any]) -> dict[str, Any]:
    """How sure the table is of each kind, and the last loss."""
    return {
        "sure": [round(each, 2) for each in names["sure"].tolist()],
        "loss": round(names["loss"].item(), 3),
    }


INCIDENT = Incident(
    title="Two points worse than last week",
    story="""A sorting machine keeps a table: for each kind of letter, a score for each of three offices. One letter in five goes to the next
office, so nobody can be quite sure of any kind. Last week the line that picks rows from the table was replaced by a faster one. Training runs and the
loss falls. But it used to end below 0.6, now it stays above 0.8 and even creeps up again; and the table is equally sure of every kind,
those that arrive sixty times in a hundred letters and those that arrive once.""",
    program=PROGRAM,
    level="gradient",
    line="        grad[index] = g",
    repair="        grad.index_put_((index,), g, accumulate=True)",
    observe=observe,
    explain="""Sixty letters of kind 0 pick row 0 sixty times, so row 0 owes sixty gradients. `grad[index] = g` writes sixty rows to one place and
keeps the last. So each kind learns from a single letter, whichever came last in the batch, and is as sure of it as one can be of a
single letter. That one in five goes elsewhere it never hears.

Nothing crashes, and the loss falls. Only a gradient check shows it, and only with an index that repeats: on [2, 0, 1] the rule is right. *Test with
repeats* is to indices what *never square* is to matrices.""",
)
