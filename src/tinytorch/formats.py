"""Names for how elements lie in memory, which programs pass along: here they always lie as the strides say."""

from __future__ import annotations


class layout:
    """How elements are stored (`torch.layout`); `strided` is the only way here."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"tinytorch.{self.name}"

    def __reduce__(self) -> str:
        return self.name


class memory_format(layout):
    """In which order a new tensor should lie in memory (`torch.memory_format`).

    Accepted wherever PyTorch takes one. `channels_last` changes speed and never a value, so tensors here stay
    in reading order.
    """

    __slots__ = ()


strided = layout("strided")
contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")
