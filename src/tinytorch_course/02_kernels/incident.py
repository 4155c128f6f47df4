"""The incident of module 02: a mean that falls every afternoon, kept in half precision."""

from __future__ import annotations

from typing import Any

from tinytorch_course.kit import Incident

PROGRAM = '''\
"""Watches a sensor: the mean of everything that it has measured, printed once in a while."""

import tinytorch as tt

tt.manual_seed(7)
samples = (tt.rand(6144) * 0.5 + 0.75).half()  # around 1, as they arrive
EVERY = 512


def report(count, total):
    """One line of the log."""
    mean = total.item() / count
    print(f"{count:5} samples   sum {total.item():9.2f}   mean {mean:.4f}   {'#' * round(mean * 40)}")
    return mean


total = tt.zeros((), dtype=tt.float16)
means = []
for count, sample in enumerate(samples, 1):
    total = total + sample
    if count % EVERY == 0:
        means.append(report(count, total))

print(f"smallest {samples.min().item():.3f}, largest {samples.max().item():.3f} of all samples")
'''


def observe(names: dict[str, Any]) -> dict[str, Any]:
    """The means that were reported, to three digits, and what the samples were."""
    return {"means": [round(mean, 3) for mean in names["means"]], "samples": names["samples"].tolist()[:8]}


INCIDENT = Incident(
    title="A mean that falls every afternoon",
    story="""A sensor measures something around 1, between 0.75 and 1.25, a few thousand times a day. To save memory the samples are kept as float16,
which is good for three digits: enough. The program keeps a running sum and prints the mean. In the morning it
says 1.0, as it should. Then, every day at about the same time, the mean begins to fall, smoothly, and goes on falling until the program
is started anew at midnight. The sensor has been exchanged, twice. The smallest and the largest sample are what they always were.""",
    program=PROGRAM,
    level="numerics",
    line="total = tt.zeros((), dtype=tt.float16)",
    repair="total = tt.zeros((), dtype=tt.float32)",
    observe=observe,
    explain="""Look at the sums, not at the means: from 4,096 on the sum does not move at all. A float16 has 11 binary digits. From 2,048 on its neighbours lie
2 apart: a sample below 1 is lost, one above counts as 2, which evens out by luck, so the first hours look well. From 4,096 on they lie 4 apart, and
whatever is below 2 is rounded away, every time. The count goes on, and the mean falls like 4,096 / count. No sample is wrong, and no
single addition is wrong by more than the type allows.

The rule: *store* in half precision, *add* in single. Your `Cpu.reduce` does this inside one call; a sum that is spread over many calls needs
an accumulator that is wide by itself. It is the same for the gradients of many batches, and for the running average of a normalisation.
A test that would have caught it: the mean of 10,000 equal samples is that sample.""",
)
