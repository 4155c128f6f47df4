"""Run it: a perceptron tells two digits apart by correction alone, on your tensors; and meets the four cases that it cannot."""

from __future__ import annotations

import tinytorch as tt
from tinytorch.datasets import Digits
from tinytorch_course.milestones import perceptron
from tinytorch_course.models.digits import side_by_side

PAIR = (3, 8)
PASSES = 6


def chosen(data: Digits) -> tuple[tt.Tensor, tt.Tensor, tt.Tensor]:
    """The pictures of two digits, flat with a last 1 (n, 65); 1 for the first of them (n, 1); and as pictures."""
    places = tt.tensor([i for i, label in enumerate(data.labels.tolist()) if label in PAIR])
    pictures = data.images[places]
    target = (data.labels[places] == PAIR[0]).float().reshape(-1, 1)
    return perceptron.with_bias(pictures.flatten(1)), target, pictures


def main() -> None:
    """Learn, tell, and fail."""
    x, target, pictures = chosen(Digits(train=True))
    unseen, wanted, _ = chosen(Digits(train=False))
    print(
        side_by_side([pictures[0], pictures[3], pictures[5]], ["which of two", "digits is", "each of these?"])
    )
    weights = tt.zeros(x.shape[1], 1)
    print(f"\n{len(x)} pictures of {PAIR[0]} and {PAIR[1]}, a weight for each of 64 pixels, no gradient")
    for number in range(PASSES):
        wrong = perceptron.corrected(weights, x, target)
        right = ((unseen @ weights > 0).float() == wanted).sum().item()
        print(f"pass {number + 1}   corrected {wrong:3} times   unseen {right} of {len(wanted)} right")
    print(f"\nXOR, after 100 passes: {perceptron.xor(100)} of 4 right")
    print("no weights put both of its yes on one side of a line, and no correction can find them")


if __name__ == "__main__":
    main()
