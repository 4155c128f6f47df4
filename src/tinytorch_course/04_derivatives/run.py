"""Run it: every rule of the learner's beside PyTorch's, judged by their judge; and XOR trained by them on the given engine."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from typing import Any

import tinytorch as tt
from tinytorch.autograd import gradcheck
from tinytorch.ops import contract, elementwise, index, movement, reduce
from tinytorch_course.milestones import xor

STEPS = 200
ROWS = tt.tensor([2, 0, 2])

# A card; a function that uses it; and the lines of torchgen/packaged/autograd/derivatives.yaml, PyTorch 2.13.
RULES: tuple[tuple[type, Callable[..., tt.Tensor], tuple[str, ...]], ...] = (
    (
        elementwise.Mul,
        lambda x, y: x * y,
        (
            "self: mul_tensor_backward(grad, other, self.scalar_type())",
            "other: mul_tensor_backward(grad, self, other.scalar_type())",
        ),
    ),
    (
        elementwise.Div,
        lambda x, y: x / y,
        (
            "self: div_tensor_self_backward(grad, other, self.scalar_type())",
            "other: div_tensor_other_backward(grad, self, other)",
        ),
    ),
    (elementwise.Tanh, lambda x, y: x.tanh(), ("self: tanh_backward(grad, result)",)),
    (
        elementwise.Maximum,
        lambda x, y: x.maximum(y),
        (
            "self: at::where(self == other, grad / 2, grad).masked_fill_(self < other, 0)",
            "other: at::where(self == other, grad / 2, grad).masked_fill_(self > other, 0)",
        ),
    ),
    (reduce.Sum, lambda x, y: x.sum(1), ("self: sum_backward(grad, self.sym_sizes(), dim, keepdim)",)),
    (
        reduce.Extreme,
        lambda x, y: x.amax(1),
        (
            "self: scale_grad_by_count(restore_reduced_dims(grad, dim, keepdim), restore_reduced_dims(result, dim, keepdim) == self, dim)",
        ),
    ),
    (
        contract.MatMul,
        lambda x, y: x @ y.mT,
        (
            "self: mm_mat1_backward(grad, mat2, self.sym_sizes(), self.sym_strides(), self.layout(), 1)",
            "mat2: mm_mat2_backward(grad, self, mat2.sym_sizes(), mat2.sym_strides(), mat2.layout(), 1)",
        ),
    ),
    (
        movement.Permute,
        lambda x, y: x.unsqueeze(2).permute(1, 2, 0),
        ("self: permute_backwards(grad, dims)",),
    ),
    (
        movement.Slice,
        lambda x, y: x.narrow(1, 1, 2),
        ("self: slice_backward_wrapper(grad, self.sym_sizes(), dim, start, end, step)",),
    ),
    (
        index.IndexSelect,
        lambda x, y: x.mT[ROWS],
        ("self: index_select_backward_symint(grad, self.sym_sizes(), dim, index)",),
    ),
)


def rule(card: Any) -> list[str]:
    """The body of a card's gradient as it stands in the file that runs, without comments."""
    lines = textwrap.dedent(inspect.getsource(card.grad)).splitlines()[1:]
    lines = [line.partition("  #")[0] for line in textwrap.dedent("\n".join(lines)).splitlines()]
    return [line for line in lines if line.strip() and not line.strip().startswith(("#", '"""'))]


def told(label: str, lines: list[str] | tuple[str, ...]) -> None:
    """Some lines behind a label, none wider than a terminal."""
    for number, line in enumerate(lines):
        first = f"    {label if number == 0 else '':<9} "
        print(textwrap.fill(line, 80, initial_indent=first, subsequent_indent=" " * 16, tabsize=4))


def judged(function: Callable[..., tt.Tensor]) -> bool:
    """Whether the gradients of a function are its slopes, for inputs without ties, by `gradcheck`."""
    x = tt.tensor([[0.5, -0.9, 1.2], [-1.6, 0.3, 2.1]], dtype=tt.float64, requires_grad=True)
    y = tt.tensor([[1.3, 0.7, -2.2], [0.8, -1.4, 0.6]], dtype=tt.float64, requires_grad=True)
    return gradcheck(function, (x, y), raise_exception=False)


def main() -> None:
    """Show the rules, judge them, and train with them."""
    for card, function, lines in RULES:
        print(
            f"{card.__name__}: {'gradient and slope agree' if judged(function) else 'the gradient is NOT the slope'}"
        )
        told("here", rule(card))
        told("PyTorch", lines)
    tt.manual_seed(0)
    x, wanted = tt.tensor(xor.CASES), tt.tensor(xor.ANSWERS)
    network = xor.start()
    print()
    for step in range(STEPS + 1):
        loss = xor.step(network, x, wanted)
        if step % 50 == 0:
            print(f"XOR, step {step:3}   loss {loss:.4f}   right {xor.right(network, x, wanted)} of 4")
    with tt.no_grad():
        answers = xor.answer(network, x).reshape(-1).tolist()
    for (left, right), answer in zip(xor.CASES, answers, strict=True):
        print(f"{left:.0f} xor {right:.0f}: {answer:+.2f}")


if __name__ == "__main__":
    main()
