"""More elements at the ends of axes (`torch.nn.functional`)."""

from __future__ import annotations

from collections.abc import Sequence

from tinytorch.creation import cat
from tinytorch.errors import ShapeError
from tinytorch.tensor import Tensor

MODES = ("constant", "reflect", "replicate", "circular")


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """More elements at the ends of the last axes: (before, behind) of the last, then of the one before it, ...

    mode: "constant" (any axes, `value` or 0), "reflect" (mirrored, the edge not repeated), "replicate" (the
    edge repeated), "circular" (from the other end). These three pad the last one to three axes of an input with
    one or two axes in front. A negative number takes elements away. Raises ShapeError where that does not fit.

    >>> import tinytorch as tt
    >>> pad(tt.tensor([[1, 2, 3]]), (2, 1), mode="reflect").tolist()
    [[3, 2, 1, 2, 3, 2]]
    """
    if len(pad) % 2:
        raise ShapeError(f"Padding length must be divisible by 2: {tuple(pad)} has {len(pad)} numbers")
    axes = len(pad) // 2
    if axes > input.ndim:
        raise ShapeError(
            f"Padding length {len(pad)} is for {axes} axes, the input has {input.ndim}: {input.shape}"
        )
    check_mode(input, axes, mode, value)
    out = input
    for i in range(axes):
        before, behind = int(pad[2 * i]), int(pad[2 * i + 1])
        if before or behind:
            out = padded_axis(out, input.ndim - 1 - i, before, behind, mode, value or 0)
    return out.contiguous() if max(pad, default=0) > 0 else out.clone()


def check_mode(input: Tensor, axes: int, mode: str, value: float | None) -> None:
    """Raises where a mode is unknown, or not there for so many axes."""
    if mode not in MODES:
        raise NotImplementedError(f"Unrecognised padding mode {mode}; there are {', '.join(MODES)}")
    if mode == "constant":
        return
    if value:
        raise ShapeError(f'Padding mode "{mode}" doesn\'t take in value argument, and value is {value}')
    if axes not in (1, 2, 3) or input.ndim - axes not in (1, 2):
        raise NotImplementedError(
            f"Padding size {2 * axes} is not supported for {input.ndim}D input tensor: {mode} pads the last "
            "1, 2 or 3 axes of an input that has one or two more"
        )
    if mode != "circular":
        input.arithmetic(f"pad with mode {mode}")
    if mode != "circular" and 0 in input.shape[-axes - 1 :]:
        raise ShapeError(f"{mode} padding needs elements to repeat, but got an input of shape {input.shape}")


def padded_axis(x: Tensor, axis: int, before: int, behind: int, mode: str, value: float) -> Tensor:
    """One axis, padded or cropped at both ends."""
    size, left, right = x.shape[axis], max(before, 0), max(behind, 0)
    kept = size - max(-before, 0) - max(-behind, 0)
    most = {"reflect": size - 1, "circular": kept}.get(mode, max(left, right))
    if max(left, right) > most:
        raise ShapeError(
            f"{mode} padding {before, behind} is more than axis {axis} of {x.shape} has to give: {most}"
        )
    first = mode in ("constant", "circular")  # these crop and then fill, the others fill and then crop
    least, left_over = (0, kept) if first else (1, size + before + behind)
    if left_over < least:
        raise ShapeError(f"padding {before, behind} takes away all of axis {axis} of shape {x.shape}")
    x = x.narrow(axis, max(-before, 0), kept) if first else x
    ends = end(x, axis, left, True, mode, value), end(x, axis, right, False, mode, value)
    if left or right:
        x = cat([ends[0], x, ends[1]], axis)
    return x if first else x.narrow(axis, max(-before, 0), size + before + behind)


def end(x: Tensor, axis: int, amount: int, front: bool, mode: str, value: float) -> Tensor:
    """What is put before (`front`) or behind an axis."""
    size = x.shape[axis]
    if mode == "constant" or not amount:
        return x.new_full([amount if a == axis else n for a, n in enumerate(x.shape)], value)
    if mode == "reflect":
        return x.narrow(axis, 1 if front else size - 1 - amount, amount).flip(axis)
    if mode == "replicate":
        edge = x.narrow(axis, 0 if front else size - 1, 1)
        return edge.expand([amount if a == axis else -1 for a in range(x.ndim)])
    return x.narrow(axis, size - amount if front else 0, amount)
