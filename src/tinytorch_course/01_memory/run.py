"""Run it: pictures are turned, flipped and cut on the learner's layouts; then a trained network reads digits."""

from __future__ import annotations

from collections.abc import Callable

import tinytorch as tt
from tinytorch.datasets import Digits
from tinytorch_course.models import digits

TURNS: dict[str, Callable[[tt.Tensor], tt.Tensor]] = {  # each takes pictures (n, 8, 8)
    "as it came": lambda x: x,
    "permute(0, 2, 1)": lambda x: x.permute(0, 2, 1),
    "... .flip(2)": lambda x: x.permute(0, 2, 1).flip(2),
    "[:, :, 1:7:2]": lambda x: x[:, :, 1:7:2],
}
PICTURE = 3  # a 3: no turn leaves it as it was


def main() -> None:
    """Show one picture in four layouts, say what they share, and read digits."""
    images = Digits(train=False).images  # (360, 8, 8)
    turned = {name: turn(images) for name, turn in TURNS.items()}
    print(digits.side_by_side([each[PICTURE] for each in turned.values()], list(turned)))
    print(f"\n{'all 360 of them':<18} {'shape':<14} {'strides':<14} {'begins at':<11} memory")
    for name, each in turned.items():
        same = each.array.storage is images.array.storage
        memory = "the same" if same else f"its own, {each.nbytes:,} bytes"
        print(f"{name:<18} {each.shape!s:<14} {each.stride()!s:<14} {each.storage_offset():<11} {memory}")
    print()
    digits.main()


if __name__ == "__main__":
    main()
