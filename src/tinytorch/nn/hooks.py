"""What happens around `forward`: hooks before and after it, on the way forward and on the way back."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from tinytorch.autograd.function import Function
from tinytorch.autograd.hooks import RemovableHandle
from tinytorch.tensor import Tensor

TABLES = (  # of hooks by the number of their handle; the names are PyTorch's
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_backward_pre_hooks",
    "_backward_hooks",
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)


class Hooked:
    """The part of a Module that registers hooks, and calls them around `forward`."""

    forward: Callable[..., Any]

    def enter(self, name: str, hook: Any, prepend: bool = False, **flags: bool) -> RemovableHandle:
        """Put a hook into a table, last or first, with its flags in the tables beside it."""
        table = self.__dict__[name]
        handle = RemovableHandle(table, *[self.__dict__[f"{name}_{flag}"] for flag in flags])
        table[handle.id] = hook
        if prepend:
            table.move_to_end(handle.id, last=False)
        for flag, wanted in flags.items():
            if wanted:
                self.__dict__[f"{name}_{flag}"][handle.id] = True
        return handle

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args)` before `forward`; what it returns replaces the arguments.

        With `with_kwargs`, `hook(module, args, kwargs)`, which may return a pair of both.
        """
        return self.enter("_forward_pre_hooks", hook, prepend, with_kwargs=with_kwargs)

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Call `hook(module, args, output)` after `forward`; what it returns replaces the output.

        With `with_kwargs`, `hook(module, args, kwargs, output)`. With `always_call` also after an error, with None
        for the output.
        """
        return self.enter("_forward_hooks", hook, prepend, with_kwargs=with_kwargs, always_called=always_call)

    def register_full_backward_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, grad_output)` before the gradients go backward through the module; it may replace them."""
        return self.enter("_backward_pre_hooks", hook, prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` when those of the inputs are known; it may replace them."""
        return self.enter("_backward_hooks", hook, prepend)

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, prefix, keep_vars)` before `state_dict` collects."""
        return self.enter("_state_dict_pre_hooks", hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, local_metadata)` after `state_dict` has collected."""
        return self.enter("_state_dict_hooks", hook)

    _register_state_dict_hook = register_state_dict_post_hook

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, local_metadata, strict, missing, unexpected, errors)` before loading."""
        return self.enter("_load_state_dict_pre_hooks", lambda *given: hook(self, *given))

    def _register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], with_module: bool = False
    ) -> RemovableHandle:
        """The older form, without the module unless that is wished."""
        return self.enter(
            "_load_state_dict_pre_hooks", (lambda *given: hook(self, *given)) if with_module else hook
        )

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, incompatible_keys)` after loading; it may change both lists."""
        return self.enter("_load_state_dict_post_hooks", hook)

    def call_with_hooks(self, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """`forward` with everything around it, in PyTorch's order."""
        args, options = self.before(args, options)
        backward = Backward(self) if self._backward_hooks or self._backward_pre_hooks else None
        if backward is not None:
            args = backward.inputs(args)
        try:
            out = self.forward(*args, **options)
        except BaseException:
            for key in list(self._forward_hooks_always_called):
                self.after(key, args, options, None)
            raise
        for key in list(self._forward_hooks):
            changed = self.after(key, args, options, out)
            out = out if changed is None else changed
        return out if backward is None else backward.outputs(out)

    def before(
        self, args: tuple[Any, ...], options: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments, as the hooks before `forward` leave them."""
        for key, hook in list(self._forward_pre_hooks.items()):
            if key in self._forward_pre_hooks_with_kwargs:
                changed = hook(self, args, options)
                if changed is None:
                    continue
                if not isinstance(changed, tuple) or len(changed) != 2:
                    raise RuntimeError(
                        f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {changed}."
                    )
                args, options = changed
            else:
                changed = hook(self, args)
                if changed is not None:
                    args = changed if isinstance(changed, tuple) else (changed,)
        return args, options

    def after(self, key: int, args: tuple[Any, ...], options: dict[str, Any], out: Any) -> Any:
        """Call one hook after `forward`."""
        hook = self._forward_hooks[key]
        with_options = key in self._forward_hooks_with_kwargs
        return hook(self, args, options, out) if with_options else hook(self, args, out)

    def __getattr__(self, name: str) -> Any:
        if name in TABLES:  # of a module whose __init__ was not called
            self.__dict__[name] = made = OrderedDict()  # type: ignore[var-annotated]
            return made
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")


def tables() -> Mapping[str, OrderedDict[int, Any]]:
    """One empty table for each kind of hook."""
    return {name: OrderedDict() for name in TABLES}


class Passing(Function):
    """Tensors handed through as one operation, whose gradients are shown to `seen` and may be replaced by it."""

    @staticmethod
    def forward(ctx: Any, seen: Callable[..., Any], *tensors: Tensor) -> tuple[Tensor, ...]:
        """The same tensors."""
        ctx.seen = seen
        ctx.set_materialize_grads(False)
        return tensors

    @staticmethod
    def backward(ctx: Any, *gs: Any) -> tuple[Any, ...]:
        """The gradients that `seen` leaves."""
        return (None, *ctx.seen(gs))


class Backward:
    """One call of a module whose gradients are watched: inputs and outputs pass through an operation each."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.grad_outputs: tuple[Any, ...] = ()
        self.watched = False  # whether an input wants a gradient
        self.count = 0  # of inputs

    def inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, their tensors passed through."""
        places, self.count = [i for i, each in enumerate(args) if isinstance(each, Tensor)], len(args)
        self.watched = any(args[i].requires_grad for i in places)
        if not self.watched:
            return args

        def seen(gs: tuple[Any, ...]) -> tuple[Any, ...]:
            full: list[Any] = [None] * len(args)
            for i, g in zip(places, gs, strict=True):
                full[i] = g
            made = self.hooked(tuple(full))
            return tuple([made[i] for i in places])

        return replaced(args, places, Passing.apply(seen, *[args[i] for i in places]))

    def outputs(self, out: Any) -> Any:
        """The result, its tensors passed through."""
        several = out if isinstance(out, (tuple, list)) else (out,)
        places = [i for i, each in enumerate(several) if isinstance(each, Tensor)]

        def seen(gs: tuple[Any, ...]) -> tuple[Any, ...]:
            full: list[Any] = [None] * len(several)
            for i, g in zip(places, gs, strict=True):
                full[i] = g
            self.grad_outputs = tuple(full)
            for hook in list(self.module._backward_pre_hooks.values()):
                changed = hook(self.module, self.grad_outputs)
                if changed is not None:
                    self.grad_outputs = changed if isinstance(changed, tuple) else (changed,)
            if not self.watched:
                self.hooked((None,) * self.count)
            return tuple([self.grad_outputs[i] for i in places])

        made = replaced(tuple(several), places, Passing.apply(seen, *[several[i] for i in places]))
        if out is several:
            return type(out)(*made) if hasattr(out, "_fields") else type(out)(made)
        return made[0]

    def hooked(self, grad_inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """The gradients of the inputs, as the hooks leave them."""
        for hook in list(self.module._backward_hooks.values()):
            changed = hook(self.module, grad_inputs, self.grad_outputs)
            if changed is not None:
                grad_inputs = changed if isinstance(changed, tuple) else (changed,)
        return grad_inputs


def replaced(given: tuple[Any, ...], places: list[int], new: Any) -> tuple[Any, ...]:
    """A tuple with the entries at some places exchanged."""
    made = list(given)
    for i, each in zip(places, new if isinstance(new, tuple) else (new,), strict=True):
        made[i] = each
    return tuple(made)
