"""Labs of module 04: how small a step should be, and what backward costs beside forward."""

from __future__ import annotations

import itertools
import math

import tinytorch as tt
from tinytorch import nn
from tinytorch.observe import observing
from tinytorch_course.kit import Lab, Prediction

SIZES = (784, 256, 128, 10)
BATCH = 64


def errors(step: float) -> tuple[float, float]:
    """How far the one-sided and the central difference of tanh at 0.7 are from its derivative."""
    x, right = 0.7, 1 - math.tanh(0.7) ** 2
    above, here, below = math.tanh(x + step), math.tanh(x), math.tanh(x - step)
    return abs((above - here) / step - right), abs((above - below) / (2 * step) - right)


def measure_steps() -> dict[str, float | str]:
    """The best power of ten for either difference, and how good it is there."""
    powers = range(-1, -16, -1)
    found = {power: errors(10.0**power) for power in powers}
    one, both = (min(powers, key=lambda power, side=side: found[power][side]) for side in (0, 1))  # type: ignore[misc]
    facts = {
        f"_step 1e{power:+03}": f"one-sided off by {a:.1e}, central by {b:.1e}"
        for power, (a, b) in found.items()
    }
    return {"one-sided": one, "central": both, "digits": -math.log10(found[both][1])} | facts


def measure_backward() -> dict[str, float | str]:
    """Operations of the products of one step, forward and backward."""
    tt.manual_seed(0)
    model = nn.Sequential(*[nn.Linear(a, b) for a, b in itertools.pairwise(SIZES)])
    count = {"forward": 0, "backward": 0}
    now = "forward"

    def watch(op: object, inputs: tuple[tt.Tensor, ...], out: tt.Tensor) -> None:
        if type(op).__name__ == "MatMul":
            count[now] += op.flops(out, *inputs)  # type: ignore[attr-defined]

    with observing(watch):
        out = model(tt.randn(BATCH, SIZES[0])).sum()
        now = "backward"
        out.backward()
    first = 2 * BATCH * SIZES[0] * SIZES[1]
    return {
        "ratio": count["backward"] / count["forward"],
        "_forward": f"{count['forward']:,} operations",
        "_backward": f"{count['backward']:,} operations",
        "_the first layer": f"{first:,} of the forward ones",
    }


STEPS = Lab(
    name="steps",
    title="How small should a step be?",
    text="""The slope of tanh at 0.7, in float64, which carries about 16 digits. With a step of 0.1 the difference is a rough guess. It becomes
better as the step gets smaller. For how long?

For both kinds of difference: at which power of ten is it best? (Write -3 for a step of 0.001.) And how many digits are right at the best step of the
central one?""",
    predictions=(
        Prediction("one-sided", "best step of the one-sided difference, as a power of ten"),
        Prediction("central", "best step of the central difference, as a power of ten"),
        Prediction("digits", "right digits at the best central step", "digits"),
    ),
    measure=measure_steps,
    explain="""With a step of 1e-15 both are hopeless. Where does that error come from, and why does it grow as the step shrinks?""",
    answer="""Two errors meet. The *truncation* of the curve: of order e for one side, e squared for both. And the *rounding* of the values:
about 1e-16 each, which the division by e makes 1e-16 / e. Their sum is smallest where they are equal: e near 1e-8 for one side (eight digits),
e near 1e-5 or 1e-6 for both (ten or eleven digits).

In float32, with 7 digits, rounding alone costs 1e-7 / e: at a step of 1e-6 a tenth of the slope. That is why gradients are checked in float64, and why
your `gradcheck` may use 1e-6.""",
)

BACKWARD = Lab(
    name="backward",
    title="What does backward cost?",
    text=f"""A network of three linear layers, {" - ".join(map(str, SIZES))}, reads {BATCH} pictures. Only products are counted, by your `MatMul.flops`.

Your `MatMul.grad` has two products where forward had one. So how many operations has backward, as a multiple of forward?""",
    predictions=(Prediction("ratio", "operations backward, as a multiple of forward", "times"),),
    measure=measure_backward,
    explain="""Nearly everybody says 2. Which products were not made, and for which network would it be very nearly 2?""",
    answer=f"""Each layer has a gradient for its weights, as dear as its forward, and one for its input, as dear again. But the *first* layer's input
is a picture, and nobody wants to change the picture: that product is skipped, because `x.requires_grad` is False. The first layer has
{SIZES[0] * SIZES[1] / sum(a * b for a, b in itertools.pairwise(SIZES)):.0%} of all weights here, so almost one whole forward is saved.

In a deep network of equal layers the first is one of many, and the ratio goes to 2. That is where "training costs three times inference" comes from, and the
6 N operations per token of a language model: 2 forward, 4 backward.""",
)

LABS = [STEPS, BACKWARD]
