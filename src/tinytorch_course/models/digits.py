"""A small network that was trained on handwritten digits reads some that it has never seen."""

from __future__ import annotations

from pathlib import Path

import tinytorch as tt
from tinytorch import checkpoint, nn, optim
from tinytorch.datasets import Digits
from tinytorch.models import MLP
from tinytorch.utils.data import DataLoader

CHECKPOINT = Path(__file__).with_name("digits.safetensors")
ACCURACY = 353 / 360  # of the checkpoint, on the held-out digits
EPOCHS, BATCH, RATE = 60, 64, 3e-3
INK = " .:+*#@"  # from paper to full black
SHOWN = 4  # pictures in a row


class Reader(nn.Module):
    """Pictures (n, 8, 8) to ten scores each (n, 10): 64 pixels, 32 numbers between, 10 digits.

    The average training picture is taken off first, so that the pixels lie around 0.
    """

    average: tt.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("average", tt.zeros(64))
        self.network = MLP((64, 32, 10))

    def forward(self, pictures: tt.Tensor) -> tt.Tensor:
        """(n, 8, 8) to (n, 10)."""
        pixels = pictures.flatten(1)  # (n, 64)
        return self.network(pixels - self.average.expand(len(pixels), 64))


def train() -> Reader:
    """The network of the checkpoint, made again: the same seed, the same figures."""
    tt.manual_seed(0)
    data = Digits(train=True)
    reader = Reader()
    reader.average.copy_(data.images.flatten(1).mean(0))
    optimizer = optim.AdamW(reader.parameters(), lr=RATE, weight_decay=0.05)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for _ in range(EPOCHS):
        for images, labels in DataLoader(data, batch_size=BATCH, shuffle=True):
            loss = nn.functional.cross_entropy(reader(images), labels, label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
    return reader


def load() -> Reader:
    """The network that ships."""
    reader = Reader()
    reader.load_state_dict(checkpoint.load(CHECKPOINT))
    return reader


def read(reader: Reader, pictures: tt.Tensor) -> list[int]:
    """What each of (n, 8, 8) is taken for, one picture at a time, as they come from a scanner."""
    with tt.no_grad():
        return [int(reader(picture.unsqueeze(0)).argmax().item()) for picture in pictures]


def drawn(picture: tt.Tensor) -> list[str]:
    """One line of text for each row of a picture with values from 0 to 1; a pixel is two characters wide."""
    top = len(INK) - 1
    return ["".join(INK[min(round(ink * top), top)] * 2 for ink in row) for row in picture.tolist()]


def side_by_side(pictures: list[tt.Tensor], captions: list[str]) -> str:
    """Pictures in one row, each with a line below it. They may differ in height."""
    blocks = [drawn(picture) for picture in pictures]
    wide = [max(len(block[0]), len(caption)) for block, caption in zip(blocks, captions, strict=True)]
    rows = [
        [block[i] if i < len(block) else "" for block in blocks] for i in range(max(map(len, blocks)))
    ] + [captions]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, wide, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def main() -> None:
    """Read the held-out digits; show a few, and those that were misread."""
    held_out = Digits(train=False)
    labels = held_out.labels.tolist()
    found = read(load(), held_out.images)
    wrong = [i for i, (took, right) in enumerate(zip(found, labels, strict=True)) if took != right]
    first = list(range(SHOWN))
    print(f"{len(labels)} digits that the network has never seen, one at a time\n")
    print(side_by_side([held_out.images[i] for i in first], [f"read as {found[i]}" for i in first]))
    if wrong:
        misread = wrong[:SHOWN]
        captions = [f"read as {found[i]}, is {labels[i]}" for i in misread]
        print(f"\nread wrongly, the first {len(misread)} of {len(wrong)}\n")
        print(side_by_side([held_out.images[i] for i in misread], captions))
    print(f"\n{len(labels) - len(wrong)} of {len(labels)} read right: {1 - len(wrong) / len(labels):.1%}")


if __name__ == "__main__":
    main()
