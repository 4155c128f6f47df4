"""Jacobians, Hessians and products with them, of functions of tensors (`torch.autograd.functional`).

Inputs and outputs are one tensor each or tuples of them, and so are the results. `func` has the same as transforms of functions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinytorch.autograd.function import grad, sequence
from tinytorch.autograd.grad_mode import enable_grad
from tinytorch.creation import stack
from tinytorch.errors import GradientError
from tinytorch.tensor import Tensor

Tensors = tuple[Tensor, ...]


def variables(inputs: Any, create_graph: bool) -> Tensors:
    """The inputs to differentiate by: connected to what they came from only where the result is differentiated again."""
    return tuple(
        [
            x.alias() if create_graph and x.requires_grad else x.detach().requires_grad_()
            for x in sequence(inputs)
        ]
    )


def slopes(outputs: Any, xs: Tensors, vs: Any, create_graph: bool, strict: bool) -> Tensors:
    """The gradients of `outputs`, weighted by `vs`; zeros where nothing depends on an input, or an error if `strict`."""
    live = [(out, v) for out, v in zip(outputs, vs, strict=True) if out.requires_grad]
    found: Any = (None,) * len(xs)
    if live:
        found = grad(
            [out for out, _ in live], list(xs), [v for _, v in live],
            retain_graph=True, create_graph=create_graph, allow_unused=True,
        )  # fmt: skip
    for i, g in enumerate(found):
        if g is None and strict:
            raise GradientError(
                f"the output of the function is independent of input {i}; strict=True forbids that"
            )
    return tuple([x.new_zeros(x.shape) if g is None else g for x, g in zip(xs, found, strict=True)])


def released(values: Any, create_graph: bool) -> Any:
    """Results without history, unless they are to be differentiated again."""
    if isinstance(values, tuple):
        return tuple([released(each, create_graph) for each in values])
    return values if create_graph else values.detach()


def like(structure: Any, values: Tensors) -> Any:
    """One tensor where `structure` is one, else the tuple."""
    return values[0] if isinstance(structure, Tensor) else values


def weights(v: Any, xs: Any, what: str) -> Tensors:
    """The given vectors, which have the shapes of `xs`; without them 1, for a single number."""
    if v is None:
        if len(xs) != 1 or xs[0].numel() != 1:
            raise GradientError(f"the vector v can only be None if {what} is a single number")
        return (xs[0].detach().new_ones(xs[0].shape),)
    given = tuple(sequence(v))
    if [each.shape for each in given] != [x.shape for x in xs]:
        raise GradientError(
            f"v has shapes {[each.shape for each in given]}, {what} {[x.shape for x in xs]}: they must be the same"
        )
    return given


def jacobian(
    func: Callable[..., Any], inputs: Any, create_graph: bool = False, strict: bool = False,
    vectorize: bool = False, strategy: str = "reverse-mode",
) -> Any:  # fmt: skip
    """The derivatives of each output by each input, (*output, *input), one backward pass for each number of the outputs.

    `vectorize` and `strategy` change nothing in the result, and nothing here. Raises GradientError under `strict` for an
    output that does not depend on an input.

    >>> import tinytorch as tt
    >>> jacobian(lambda x: x * x, tt.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    with enable_grad():
        xs = variables(inputs, create_graph)
        outputs = func(*xs)
        made = []
        for out in sequence(outputs):
            one = out.new_ones(())
            rows = [slopes([each], xs, [one], create_graph, strict) for each in out.reshape(-1).unbind(0)]
            made.append(
                tuple([
                    stack([row[i] for row in rows]).reshape(*out.shape, *x.shape) if rows else x.new_zeros(*out.shape, *x.shape)
                    for i, x in enumerate(xs)
                ])
            )  # fmt: skip
    return released(like(outputs, tuple([like(inputs, each) for each in made])), create_graph)


def hessian(
    func: Callable[..., Any], inputs: Any, create_graph: bool = False, strict: bool = False,
    vectorize: bool = False, outer_jacobian_strategy: str = "reverse-mode",
) -> Any:  # fmt: skip
    """The second derivatives of a function of one number.

    >>> import tinytorch as tt
    >>> hessian(lambda x: (x**3).sum(), tt.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """

    def first(*xs: Tensor) -> Any:
        out = number(func(*xs))
        return slopes([out], xs, [out.new_ones(out.shape)], True, strict)

    made = jacobian(first, tuple(sequence(inputs)), create_graph, strict)
    return like(inputs, tuple([like(inputs, row) for row in made]))


def number(out: Any) -> Tensor:
    """The one number that a function returned. Raises GradientError for anything else."""
    if not isinstance(out, Tensor) or out.numel() != 1:
        raise GradientError("the function must return a tensor with a single number")
    return out


def vjp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> Any:
    """The outputs, and the product of `v` with the Jacobian.

    >>> import tinytorch as tt
    >>> vjp(lambda x: x * x, tt.tensor([1.0, 2.0]), tt.tensor([1.0, 10.0]))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    with enable_grad():
        xs = variables(inputs, create_graph)
        outputs = func(*xs)
        outs = tuple(sequence(outputs))
        made = slopes(outs, xs, weights(v, outs, "the output"), create_graph, strict)
    return released(outputs, create_graph), released(like(inputs, made), create_graph)


def jvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> Any:
    """The outputs, and the product of the Jacobian with `v`: the gradient of `vjp`, which is linear in its vector.

    >>> import tinytorch as tt
    >>> jvp(lambda x: x * x, tt.tensor([1.0, 2.0]), tt.tensor([1.0, 10.0]))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    with enable_grad():
        xs = variables(inputs, create_graph)
        outputs = func(*xs)
        outs = tuple(sequence(outputs))
        seeds = tuple([out.new_zeros(out.shape).requires_grad_() for out in outs])
        pulled = slopes(outs, xs, seeds, True, strict)
        made = slopes(pulled, seeds, weights(v, xs, "the input"), create_graph, False)
    return released(outputs, create_graph), released(like(outputs, made), create_graph)


def vhp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> Any:
    """The number, and the product of `v` with the Hessian.

    >>> import tinytorch as tt
    >>> vhp(lambda x: (x**3).sum(), tt.tensor([1.0, 2.0]), tt.tensor([1.0, 10.0]))
    (tensor(9.), tensor([  6., 120.]))
    """
    with enable_grad():
        xs = variables(inputs, create_graph)
        out = number(func(*xs))
        first = slopes([out], xs, [out.new_ones(out.shape)], True, strict)
        made = slopes(first, xs, weights(v, xs, "the input"), create_graph, strict)
    return released(out, create_graph), released(like(inputs, made), create_graph)


def hvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> Any:
    """The number, and the product of the Hessian with `v`: the same as `vhp`, since a Hessian is symmetric."""
    return vhp(func, inputs, v, create_graph, strict)
