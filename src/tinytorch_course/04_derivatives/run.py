"""Run it: the learner's rules beside PyTorch's, and XOR trained by them on the given engine."""

from __future__ import annotations

import inspect
import textwrap

import tinytorch as tt
from tinytorch.ops import contract, elementwise
from tinytorch_course.milestones import xor

# torchgen/packaged/autograd/derivatives.yaml of PyTorch 2.13, the lines of these operations
PYTORCH = {
    "Mul": (
        "self: mul_tensor_backward(grad, other, self.scalar_type())",
        "other: mul_tensor_backward(grad, self, other.scalar_type())",
    ),
    "Tanh": ("self: tanh_backward(grad, result)",),
    "MatMul": ("self: mm_mat1_backward(grad, mat2, ...)", "mat2: mm_mat2_backward(grad, self, ...)"),
}
STEPS = 200


def rule(card: type) -> str:
    """The body of a card's gradient as it stands in the file that runs."""
    source = textwrap.dedent(inspect.getsource(card.grad))  # type: ignore[attr-defined]
    body = [
        line for line in source.splitlines()[1:] if line.strip() and not line.strip().startswith(("#", '"""'))
    ]
    return "\n".join(body)


def main() -> None:
    """Show three rules, and train with them."""
    for card in (elementwise.Mul, elementwise.Tanh, contract.MatMul):
        print(f"{card.__name__}, here:\n{rule(card)}")
        print(f"{card.__name__}, in PyTorch:")
        for line in PYTORCH[card.__name__]:
            print(f"    {line}")
        print()
    tt.manual_seed(0)
    x, wanted = tt.tensor(xor.CASES), tt.tensor(xor.ANSWERS)
    network = xor.start()
    for step in range(STEPS + 1):
        loss = xor.step(network, x, wanted)
        if step % 50 == 0:
            print(f"XOR, step {step:3}   loss {loss:.4f}   right {xor.right(network, x, wanted)} of 4")
    with tt.no_grad():
        answers = xor.answer(network, x).reshape(-1)
    print(
        "answers",
        [f"{each:+.2f}" for each in answers.tolist()],
        "largest",
        f"{answers.amax().item():+.2f}",
    )


if __name__ == "__main__":
    main()
