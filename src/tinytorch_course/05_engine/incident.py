"""The incident of module 05: memory that grows with every step."""

from __future__ import annotations

from typing import Any

from tinytorch_course.kit import Incident

PROGRAM = '''\
"""Fits a curve, and keeps the losses for a plot."""

import gc

import tinytorch as tt
from tinytorch.autograd.graph import Node

tt.manual_seed(1)
x = tt.linspace(-1, 1, 64).reshape(-1, 1)
wanted = (x * 4).sin()
into, out_of = tt.randn(1, 16).requires_grad_(), (tt.randn(16, 1) * 0.3).requires_grad_()
losses, alive = [], []
for step in range(120):
    loss = (((x @ into).tanh() @ out_of - wanted) ** 2).mean()
    loss.backward()
    with tt.no_grad():
        for each in (into, out_of):
            each -= 0.1 * each.grad
            each.grad = None
    losses.append(loss)
    if step % 30 == 29:
        alive.append(sum(type(each) is Node for each in gc.get_objects()))
        print(f"step {step + 1:3}   loss {float(loss):.4f}   recorded operations in memory: {alive[-1]}")
print("losses for the plot:", [round(float(each), 3) for each in losses[::40]])
'''


def observe(names: dict[str, Any]) -> dict[str, Any]:
    """How many recorded operations were alive, and the losses."""
    return {"alive": names["alive"], "losses": [round(float(each), 4) for each in names["losses"][::20]]}


INCIDENT = Incident(
    title="Memory grows with every step",
    story="""A curve is fitted, the loss falls as it should, the plot at the end is right. But memory grows with every step, by a little here and by
megabytes with a larger network, until the machine gives up in the night. Nothing large is kept: two weight matrices, and a list of losses, one number for each step.""",
    program=PROGRAM,
    level="training",
    line="    losses.append(loss)",
    repair="    losses.append(loss.item())",
    observe=observe,
    explain="""A loss is a tensor, and a tensor holds its history: the node that made it, whose edges hold the nodes before it. Arrows point from results to causes, so
a graph lives exactly as long as somebody holds a result of it. The list holds them all.

`loss.item()` is a number and has no past. (`loss.detach()` would do as well.) The kept *values* were let go by backward; what stays are the nodes, and with retain_graph, or before
backward, the activations too: those are the megabytes.""",
)
