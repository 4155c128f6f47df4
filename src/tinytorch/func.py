"""Functions of functions: gradients, products with Jacobians, Hessians (`torch.func`).

Arguments and results that are differentiated are tensors, or dictionaries, lists and tuples of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tinytorch import autograd
from tinytorch.autograd.grad_mode import enable_grad
from tinytorch.creation import stack
from tinytorch.errors import GradientError, ShapeError
from tinytorch.tensor import Tensor

Argnums = int | tuple[int, ...]


def leaves(tree: Any) -> list[Tensor]:
    """The tensors of a tree, in order."""
    if isinstance(tree, Tensor):
        return [tree]
    if isinstance(tree, Mapping):
        return [leaf for each in tree.values() for leaf in leaves(each)]
    if isinstance(tree, (list, tuple)):
        return [leaf for each in tree for leaf in leaves(each)]
    return []


def mapped(function: Callable[[Tensor], Any], tree: Any) -> Any:
    """A tree of the same form with `function` applied to each tensor, in the order of `leaves`."""
    if isinstance(tree, Tensor):
        return function(tree)
    if isinstance(tree, Mapping):
        return {name: mapped(function, each) for name, each in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)([mapped(function, each) for each in tree])
    return tree


def filled(tree: Any, values: Any) -> Any:
    """A tree of the same form with `values` in the place of its tensors."""
    given = iter(values)
    return mapped(lambda _: next(given), tree)


def inner(x: Tensor) -> Tensor:
    """The input of a function under differentiation: its own variable, connected to what made `x`."""
    return x.alias() if x.requires_grad else x.detach().requires_grad_()


def outer(x: Tensor, variables: list[Tensor]) -> Tensor:
    """A result as the caller sees it: without history, unless that leads beyond the variables."""
    return x if leads_beyond(x, variables) else x.detach()


def leads_beyond(x: Tensor, variables: list[Tensor]) -> bool:
    """Whether `x` depends on a leaf other than the variables of this transform."""
    if not x.requires_grad:
        return False
    own = {id(variable) for variable in variables}
    targets = [x.edge[0] if x.edge is not None else x]
    seen: set[int] = set()
    while targets:
        target = targets.pop()
        if id(target) in seen:
            continue
        seen.add(id(target))
        if isinstance(target, Tensor):
            if id(target) not in own and target.requires_grad:
                return True
        else:
            targets += [edge[0] for edge in target.edges if edge is not None]
    return False


def bound(variables: list[Tensor]) -> None:
    """A transform is done: to whatever stands around it, its own variables are constants."""
    for variable in variables:
        if variable.edge is None:
            variable.requires_grad = False


def chosen_by(argnums: Argnums, args: tuple[Any, ...]) -> Any:
    """The arguments to differentiate by: one, or a tuple of them."""
    if isinstance(argnums, int):
        return args[argnums]
    return tuple([args[i] for i in argnums])


def replaced(argnums: Argnums, args: tuple[Any, ...], new: Any) -> list[Any]:
    """The arguments with those to differentiate by exchanged."""
    changed = list(args)
    for i, each in [(argnums, new)] if isinstance(argnums, int) else zip(argnums, new, strict=True):
        changed[i] = each
    return changed


def gradients(outs: list[Tensor], variables: list[Tensor], seeds: list[Tensor] | None = None) -> list[Tensor]:
    """The gradients of `outs`, themselves differentiable; zeros where nothing depends on a variable."""
    live = [i for i, out in enumerate(outs) if out.requires_grad]
    if not live:
        return [x.new_zeros(x.shape) for x in variables]
    given = None if seeds is None else [seeds[i] for i in live]
    found = autograd.grad(
        [outs[i] for i in live], variables, given, create_graph=True, materialize_grads=True
    )
    return list(found)


def grad_and_value(
    func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., tuple[Any, Any]]:
    """A function that returns the gradient of `func`, and its value (`torch.func.grad_and_value`).

    `func` returns a tensor of one element; with `has_aux` a pair of it and anything, which is passed on.

    >>> import tinytorch as tt
    >>> grad_and_value(lambda x: x**3)(tt.tensor(2.0))
    (tensor(12.), tensor(8.))
    """

    def transformed(*args: Any, **options: Any) -> tuple[Any, Any]:
        with enable_grad():
            tree = mapped(inner, chosen_by(argnums, args))
            variables = leaves(tree)
            made = func(*replaced(argnums, args, tree), **options)
            value, aux = made if has_aux else (made, None)
            if not isinstance(value, Tensor) or value.numel() != 1:
                shape = getattr(value, "shape", type(value).__name__)
                raise GradientError(f"grad needs a function that returns one number, not {shape}")
            found = gradients([value], variables)
        result = filled(tree, [outer(g, variables) for g in found])
        value = outer(value, variables)
        passed = mapped(lambda x: outer(x, variables), aux)
        bound(variables)
        return result, ((value, passed) if has_aux else value)

    return transformed


def value_and_grad(
    func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., tuple[Any, Any]]:
    """`grad_and_value` with the value first, as JAX orders them."""

    def transformed(*args: Any, **options: Any) -> tuple[Any, Any]:
        slope, value = grad_and_value(func, argnums, has_aux)(*args, **options)
        return value, slope

    return transformed


def grad(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The gradient of a function of one result, as a function (`torch.func.grad`).

    >>> import tinytorch as tt
    >>> grad(grad(lambda x: x**3))(tt.tensor(2.0))
    tensor(12.)
    """

    def transformed(*args: Any, **options: Any) -> Any:
        slope, value = grad_and_value(func, argnums, has_aux)(*args, **options)
        return (slope, value[1]) if has_aux else slope

    return transformed


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """The value of `func`, and a function from a cotangent to its product with the Jacobian.

    >>> import tinytorch as tt
    >>> value, pull = vjp(lambda x: x * x, tt.tensor([1.0, 2.0]))
    >>> pull(tt.tensor([1.0, 10.0]))
    (tensor([ 2., 40.]),)
    """
    with enable_grad():
        tree = mapped(inner, tuple(primals))
        variables = leaves(tree)
        made = func(*tree)
    made, aux = made if has_aux else (made, None)

    def pull(cotangents: Any) -> tuple[Any, ...]:
        outs, seeds = leaves(made), leaves(cotangents)
        if [out.shape for out in outs] != [seed.shape for seed in seeds]:
            raise ShapeError(
                f"the cotangents have shapes {[seed.shape for seed in seeds]}, "
                f"the results of the function {[out.shape for out in outs]}"
            )
        with enable_grad():
            found = gradients(outs, variables, seeds)
        result: tuple[Any, ...] = filled(tree, [outer(g, variables) for g in found])
        return result

    value = mapped(lambda x: outer(x, variables), made)
    return (value, pull, aux) if has_aux else (value, pull)


def jvp(func: Callable[..., Any], primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
    """The value of `func`, and the Jacobian's product with tangents: how fast the result moves.

    The engine goes backward only; the product of a cotangent with the Jacobian is linear in the
    cotangent, and the gradient of that, weighted by the tangents, is the answer.

    >>> import tinytorch as tt
    >>> jvp(lambda x: x * x, (tt.tensor([1.0, 2.0]),), (tt.tensor([1.0, 10.0]),))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    moved, speeds = leaves(tuple(primals)), leaves(tuple(tangents))
    if [x.shape for x in moved] != [t.shape for t in speeds]:
        raise ShapeError(
            f"the tangents have shapes {[t.shape for t in speeds]}, the primals {[x.shape for x in moved]}"
        )
    with enable_grad():
        tree = mapped(inner, tuple(primals))
        variables = leaves(tree)
        made = func(*tree)
        outs = leaves(made)
        seeds = [out.new_zeros(out.shape).requires_grad_() for out in outs]
        pulled = gradients(outs, variables, seeds)
        found = gradients(pulled, seeds, speeds)
    own = variables + seeds
    value = mapped(lambda x: outer(x, own), made)
    speed = filled(made, [outer(each, own) for each in found])
    bound(own)
    return value, speed


def jacrev(func: Callable[..., Tensor], argnums: Argnums = 0) -> Callable[..., Any]:
    """The Jacobian, one backward pass for each number of the result (`torch.func.jacrev`).

    The result has the shape of the function's result followed by that of the argument.

    >>> import tinytorch as tt
    >>> jacrev(lambda x: x * x)(tt.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """

    def transformed(*args: Any, **options: Any) -> Any:
        with enable_grad():
            tree = mapped(inner, chosen_by(argnums, args))
            variables = leaves(tree)
            out = func(*replaced(argnums, args, tree), **options)
            rows = [gradients([each], variables) for each in out.reshape(-1).unbind(0)]
            columns = [
                stack([row[i] for row in rows]).reshape(*out.shape, *x.shape)
                if rows
                else x.new_zeros(*out.shape, *x.shape)
                for i, x in enumerate(variables)
            ]
        result = filled(tree, [outer(column, variables) for column in columns])
        bound(variables)
        return result

    return transformed


def hessian(func: Callable[..., Tensor], argnums: Argnums = 0) -> Callable[..., Any]:
    """The second derivatives: the Jacobian of the Jacobian (`torch.func.hessian`).

    >>> import tinytorch as tt
    >>> hessian(lambda x: (x**3).sum())(tt.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacrev(jacrev(func, argnums), argnums)


def functional_call(
    module: Any, parameter_and_buffer_dicts: Any, args: Any = None, kwargs: Mapping[str, Any] | None = None
) -> Any:
    """Call a module with other tensors in the place of its parameters and buffers (`torch.func.functional_call`).

    Names are those of `named_parameters`. A parameter that the module holds under several names is
    replaced under all of them. The module is as before when the call ends, also by an error.
    """
    given = parameter_and_buffer_dicts
    new = dict(given) if isinstance(given, Mapping) else {k: v for each in given for k, v in each.items()}
    places = tied_places(module)
    unknown = [name for name in new if name not in places]
    if unknown:
        raise KeyError(f"{type(module).__name__} has no parameter or buffer {', '.join(map(repr, unknown))}")
    positional = args if isinstance(args, tuple) else () if args is None else (args,)
    before: list[tuple[dict[str, Any], str, Any]] = []
    try:
        for name, tensor in new.items():
            for table, key in places[name]:
                before.append((table, key, table[key]))
                table[key] = tensor
        return module(*positional, **(kwargs or {}))
    finally:
        for table, key, old in reversed(before):
            table[key] = old


def tied_places(module: Any) -> dict[str, list[tuple[dict[str, Any], str]]]:
    """For each dotted name, all tables and keys under which the same tensor is registered."""
    by_name: dict[str, Any] = {}
    by_tensor: dict[int, list[tuple[dict[str, Any], str]]] = {}
    for path, each in module.named_modules(remove_duplicate=False):
        for table in (each._parameters, each._buffers):
            for key, tensor in table.items():
                if tensor is not None:
                    by_name[f"{path}.{key}" if path else key] = tensor
                    by_tensor.setdefault(id(tensor), []).append((table, key))
    return {name: by_tensor[id(tensor)] for name, tensor in by_name.items()}
