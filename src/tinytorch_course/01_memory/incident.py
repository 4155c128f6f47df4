"""The incident of module 01: pictures from an archive look sheared."""

from __future__ import annotations

from typing import Any

from tinytorch_course.kit import Incident

PROGRAM = '''\
"""Reads digits that were archived on their side, without their outer columns."""

import tinytorch as tt
from tinytorch.datasets import Digits
from tinytorch_course.models import digits

held_out = Digits(train=False)
labels = held_out.labels.tolist()
reader = digits.load()


def report(name, pictures):
    """What a night's log says about (n, 8, 8) pictures."""
    found = digits.read(reader, pictures)
    right = sum(took == label for took, label in zip(found, labels))
    low, mean, high = (ink.item() for ink in (pictures.min(), pictures.mean(), pictures.max()))
    print(f"{name:<7} {pictures.shape}   ink {low:.1f} to {high:.1f}, mean {mean:.3f}", end="   ")
    print(f"read right {right} of {len(labels)}")
    return right


# Into the archive: columns 1 to 6, turned by a quarter to the right.
archived = held_out.images[:, :, 1:7].permute(0, 2, 1).flip(2)  # (n, 6, 8)

# And out of it: the turn undone, the outer columns put back.
narrow = archived.flip(2).reshape(-1, 8, 6)  # (n, 8, 6)
pages = tt.zeros(len(narrow), 8, 8)
pages[:, :, 1:7] = narrow

before = report("before", held_out.images)
after = report("after", pages)
print(f"kept in the archive: {archived.numel() / held_out.images.numel():.0%} of the pixels")
'''


def observe(names: dict[str, Any]) -> dict[str, Any]:
    """How many digits were read right, and the first three pages as characters."""
    from tinytorch_course.models.digits import drawn

    pages = names["pages"]
    return {"read right": names["after"], "pictures": [drawn(pages[i]) for i in range(3)]}


INCIDENT = Incident(
    title="Turned pictures look sheared",
    story="""A post office keeps handwritten digits in an archive, lying on their side and without their outer columns, which saves a quarter of the
memory. Last week the program that reads them back was rewritten, "only tidied up". Since then nearly everything that comes out
of the archive is misread. The network is the same, the archive is the same, no shape is complained about, the amount of ink
is what it was. Somebody looked at the pictures and says: they look *sheared*.""",
    program=PROGRAM,
    level="layout",
    line="narrow = archived.flip(2).reshape(-1, 8, 6)  # (n, 8, 6)",
    repair="narrow = archived.flip(2).permute(0, 2, 1)  # (n, 8, 6)",
    observe=observe,
    explain="""`reshape` keeps the reading order and cuts it into other rows. `permute` keeps every pixel's neighbours and
changes the reading order. Both end in (n, 8, 6), so no check of shapes can tell them apart; and since they show the
same numbers, neither can the ink. The archive's rows have 8 pixels, the new rows 6: row k begins 2 k pixels too early,
which is what a shear is.

The rule: `reshape` may split an axis or join neighbouring ones. To exchange axes, say `permute`. On square pictures the
same mistake leaves them as they were, lying on their side, and shows in nothing but the accuracy: test with sizes that differ.""",
)
