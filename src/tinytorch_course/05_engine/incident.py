"""The incident of module 05: memory that grows with every step."""

from __future__ import annotations

from typing import Any

from tinytorch_course.kit import Incident

PROGRAM = '''\
"""Fits a curve, and keeps the losses for a plot: of the points it learns from, and of others that it never sees."""

import tracemalloc

import tinytorch as tt

tt.manual_seed(1)
into, bias, out_of = tt.randn(1, 192) * 3, tt.randn(192), tt.randn(192, 1) * 0.05
parameters = [each.requires_grad_() for each in (into, bias, out_of)]
seen = tt.linspace(-1, 1, 64).reshape(-1, 1)
unseen = tt.linspace(-0.99, 0.99, 4000).reshape(-1, 1)


def error(x):
    """The mean square of what is missing to the curve."""
    missing = (x @ into + bias).tanh() @ out_of - (x * 4).sin()
    return (missing * missing).mean()


losses, held_out, memory = [], [], []
tracemalloc.start()
for step in range(60):
    loss = error(seen)
    loss.backward()
    with tt.no_grad():
        for each in parameters:
            each -= 0.01 * each.grad
            each.grad = None
    losses.append(loss.item())
    held_out.append(error(unseen))
    if step % 15 == 14:
        memory.append(tracemalloc.get_traced_memory()[0] / 2**20)
        print(f"step {step + 1:2}   loss {losses[-1]:.4f}   held out {float(held_out[-1]):.4f}   memory {memory[-1]:6.1f} MiB")
tracemalloc.stop()
'''


def observe(names: dict[str, Any]) -> dict[str, Any]:
    """Whether memory grew between the first and the last line of the log, and the losses."""
    memory = names["memory"]
    return {
        "grows": memory[-1] - memory[0] > 1.0,
        "losses": [round(float(each), 4) for each in (*names["losses"][::20], *names["held_out"][::20])],
    }


INCIDENT = Incident(
    title="Memory grows with every step",
    story="""A curve is fitted. The loss falls, on points that it has never seen as well, and the plot at the end is right. But memory grows by 3 MiB with every step, and the
run over night was killed by the system after some hours. Nothing large is kept: three small tensors, and two lists of losses, a number or two for each step. "It began",
somebody says, "when we added the second list."

The program is small enough to have it on your screen as a whole. Which line holds on to 3 MiB?""",
    program=PROGRAM,
    level="training",
    line="    held_out.append(error(unseen))",
    repair="    held_out.append(error(unseen).item())",
    observe=observe,
    explain="""`error(unseen)` is a tensor, and a tensor that was recorded holds its history: the node that made it, whose edges hold the nodes before it, each with
the values that its gradient would read. One of these is the result of tanh, 4,000 by 192 numbers of 4 bytes: 2.9 MiB. Arrows point from results to causes, so a graph lives exactly as long as
somebody holds a result of it. The list holds them all.

The other list is harmless: `loss.item()` is a number and has no past. Had it kept `loss` itself, memory would hardly have grown either, because `backward` has let go of the values that the nodes kept; what stays are the
nodes. Nobody calls `backward` on the held-out loss, so nothing of it was ever let go.

Two repairs are right: `.item()`, and measuring under `tt.no_grad()`, which does not record in the first place. The second is better: it also saves the work.""",
)
