"""The incident of module 03: a regression that does not learn, and whose memory explodes."""

from __future__ import annotations

from typing import Any

from tinytorch_course.kit import Incident

PROGRAM = '''\
"""Learns how a house's price follows from its size: one weight, one bias, gradient descent."""

import tinytorch as tt
from tinytorch.observe import observing

tt.manual_seed(3)
N = 1000
area = tt.rand(N, 1) * 2.0 - 1.0  # (N, 1), scaled to -1 .. 1
price = (3.0 * area + 0.5 + 0.1 * tt.randn(N, 1)).reshape(N)  # (N,), as it comes from the table

weight = tt.zeros(1, 1, requires_grad=True)
bias = tt.zeros(1, requires_grad=True)
largest = 0


def watch(op, inputs, out):
    """Remembers the largest result of any operation."""
    global largest
    largest = max(largest, out.nbytes)


losses = []
with observing(watch):
    for step in range(100):
        prediction = area @ weight + bias
        error = prediction - price
        loss = (error * error).mean()
        loss.backward()
        with tt.no_grad():
            for each in (weight, bias):
                each -= 0.3 * each.grad
                each.grad = None
        losses.append(loss.item())
        if step % 25 == 24:
            print(f"step {step + 1:3}   loss {losses[-1]:.4f}   weight {weight.item():.3f}   bias {bias.item():.3f}")
print(f"largest result of an operation: {largest:,} bytes, for {N} houses")
'''


def observe(names: dict[str, Any]) -> dict[str, Any]:
    """What was learnt, and how much memory the largest result took."""
    learnt = {name: round(names[name].item(), 2) for name in ("weight", "bias")}
    return learnt | {"bytes": names["largest"], "loss": round(names["losses"][-1], 2)}


INCIDENT = Incident(
    title="A regression that learns nothing",
    story="""One weight and one bias: the price of a house grows with its size, and the slope that was put into the data is 3. The program
runs without a warning, the loss falls a little and stays there, the weight stays at 0 and the bias goes to the mean price. Somebody has tried
ten learning rates. With 1,000 houses it is slow; with 50,000 it dies for want of memory, although 50,000 prices are 200 kB.""",
    program=PROGRAM,
    level="layout",
    line="error = prediction - price",
    repair="error = prediction - price.reshape(N, 1)",
    observe=observe,
    explain="""`prediction` is (N, 1), `price` is (N,). Aligned at the right the second is a row, (1, N), and both stretch to (N, N): every
prediction is compared with *every* price. The mean of that is a loss like any other, it has gradients, and it is smallest where each prediction is
the mean of all prices: weight 0. For N = 1,000 one such matrix is 4 MB; for 50,000 it is 10 GB.

No rule of broadcasting was broken, so no operator can warn. The rule is for people: a loss is computed between tensors of *the same shape*, and it
pays to say so: `assert prediction.shape == price.shape` is the test that would have caught it. (PyTorch warns in `mse_loss`, which knows what its two arguments are.)
The log shows the fault as well, in its last line: a result that is a thousand times as large as anything that went in.""",
)
