"""Module: a tree of layers that knows its parameters (`torch.nn.Module`)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Self

from tinytorch import dtypes
from tinytorch.autograd.grad_mode import no_grad
from tinytorch.autograd.graph import RemovableHandle, clear
from tinytorch.nn.parameter import Parameter
from tinytorch.tensor import Tensor


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict` found missing, and what it could not place."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not any(self):
            return "<All keys matched successfully>"
        return f"_IncompatibleKeys(missing_keys={self[0]}, unexpected_keys={self[1]})"


class Module:
    """Base of all layers and models. Subclasses assign parameters and children, and write `forward`."""

    training: bool

    def __init__(self) -> None:
        tables = ("_parameters", "_buffers", "_modules")
        self.__dict__.update({name: {} for name in tables})
        self.__dict__.update(_transient=set(), _pre_hooks=[], _hooks=[], training=True)

    def forward(self, *args: Any, **options: Any) -> Any:
        """What the module computes. Every subclass writes its own."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    def __call__(self, *args: Any, **options: Any) -> Any:
        if not self._pre_hooks and not self._hooks:
            return self.forward(*args, **options)
        for hook in list(self._pre_hooks):
            changed = hook(self, args)
            if changed is not None:
                args = changed if isinstance(changed, tuple) else (changed,)
        out = self.forward(*args, **options)
        for hook in list(self._hooks):
            changed = hook(self, args, out)
            out = out if changed is None else changed
        return out

    # registration

    def __setattr__(self, name: str, value: Any) -> None:
        """Parameters, modules and known buffers register under their name; all else is an attribute."""
        if "_parameters" not in self.__dict__:
            if isinstance(value, (Parameter, Module)):
                raise AttributeError(f"cannot assign {name!r} before Module.__init__() call")
            object.__setattr__(self, name, value)
            return
        tables = (self._parameters, self._modules, self._buffers)
        home = self._parameters if isinstance(value, Parameter) else None
        home = self._modules if isinstance(value, Module) else home
        if home is None:  # a registered name keeps its table, for a tensor or None
            home = next((table for table in tables if name in table), None)
            if home is self._parameters and value is not None:
                raise TypeError(
                    f"cannot assign '{type(value).__name__}' as parameter '{name}' (nn.Parameter or None expected)"
                )
            if home is self._modules and value is not None:
                raise TypeError(
                    f"cannot assign '{type(value).__name__}' as child module '{name}' (nn.Module or None expected)"
                )
            if home is self._buffers and not (value is None or isinstance(value, Tensor)):
                raise TypeError(
                    f"cannot assign '{type(value).__name__}' as buffer '{name}' (Tensor or None expected)"
                )
        for table in tables:
            if table is not home:
                table.pop(name, None)
        if home is None:
            object.__setattr__(self, name, value)
        else:
            self.__dict__.pop(name, None)
            home[name] = value

    def __getattr__(self, name: str) -> Any:
        # Reached only for what is no plain attribute.
        for table in ("_parameters", "_buffers", "_modules"):
            if name in self.__dict__.get(table, ()):
                return self.__dict__[table][name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __delattr__(self, name: str) -> None:
        for table in (self._parameters, self._buffers, self._modules):
            if name in table:
                del table[name]
                return
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._parameters, *self._buffers, *self._modules]

    def check_name(self, kind: str, name: str, table: Mapping[str, Any]) -> None:
        """Raises KeyError for a name that could not be found again, or that means something else."""
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {type(name).__name__}")
        if "." in name or not name:
            reason = 'can\'t contain "."' if name else 'can\'t be empty string ""'
            raise KeyError(f"{kind} name {reason}")
        if name not in table and hasattr(self, name):
            raise KeyError(f"attribute '{name}' already exists")

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """A parameter under `name`; None keeps the place. Raises TypeError for anything else."""
        self.check_name("parameter", name, self._parameters)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(f"cannot assign '{type(param).__name__}' object to parameter '{name}'")
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """A tensor that belongs to the state but is not learned; saved only if `persistent`."""
        self.check_name("buffer", name, self._buffers)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"cannot assign '{type(tensor).__name__}' object to buffer '{name}'")
        self._buffers[name] = tensor
        (self._transient.discard if persistent else self._transient.add)(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """A child under `name`; None keeps the place. Raises TypeError for anything else."""
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{type(module).__name__} is not a Module subclass")
        self.check_name("module", name, self._modules)
        self._modules[name] = module

    register_module = add_module

    # walking the tree

    def named_modules(
        self, memo: set[int] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """The module itself and all below it, by dotted name, each once."""
        seen = set() if memo is None else memo
        if id(self) in seen:
            return
        if remove_duplicate:
            seen.add(id(self))
        yield prefix, self
        for name, child in self._modules.items():
            if child is not None:
                below = f"{prefix}.{name}" if prefix else name
                yield from child.named_modules(seen, below, remove_duplicate)

    def modules(self) -> Iterator[Module]:
        """The module itself and all below it."""
        for _, module in self.named_modules():
            yield module

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly below, each once."""
        seen: set[int] = set()
        for name, child in self._modules.items():
            if child is not None and id(child) not in seen:
                seen.add(id(child))
                yield name, child

    def children(self) -> Iterator[Module]:
        """The modules directly below."""
        for _, child in self.named_children():
            yield child

    def members(self, table: str, prefix: str, recurse: bool, once: bool) -> Iterator[tuple[str, Tensor]]:
        """The tensors of one table, here and below, by dotted name; shared ones once."""
        seen: set[int] = set()
        walk = self.named_modules(prefix=prefix, remove_duplicate=once) if recurse else [(prefix, self)]
        for path, module in walk:
            for name, value in module.__dict__[table].items():
                if value is not None and id(value) not in seen:
                    if once:
                        seen.add(id(value))
                    yield f"{path}.{name}" if path else name, value

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """All parameters by dotted name, in order of registration; tied ones once."""
        yield from self.members("_parameters", prefix, recurse, remove_duplicate)  # type: ignore[misc]

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All parameters."""
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """All buffers by dotted name."""
        yield from self.members("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """All buffers."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def get_submodule(self, target: str) -> Module:
        """The module with a dotted name."""
        module: Module = self
        for name in target.split(".") if target else ():
            if name not in module._modules:
                raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
            module = module._modules[name]
        return module

    def get_parameter(self, target: str) -> Parameter:
        """The parameter with a dotted name."""
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if name not in module._parameters:
            raise AttributeError(f"{type(module).__name__} has no parameter `{name}`")
        found: Parameter = module._parameters[name]
        return found

    def get_buffer(self, target: str) -> Tensor:
        """The buffer with a dotted name."""
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if name not in module._buffers:
            raise AttributeError(f"{type(module).__name__} has no buffer `{name}`")
        found: Tensor = module._buffers[name]
        return found

    def apply(self, fn: Callable[[Module], None]) -> Self:
        """Call `fn` on every module, children first."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    # state

    def train(self, mode: bool = True) -> Self:
        """Switch this module and all below it to training, or out of it."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for child in self.children():
            child.train(mode)
        return self

    def eval(self) -> Self:
        """Out of training."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Whether the parameters want gradients."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or set them to 0."""
        for parameter in self.parameters():
            clear(parameter, set_to_none)

    def cpu(self) -> Self:
        """On the CPU, where everything is."""
        return self

    def to(self, *args: Any, **options: Any) -> Self:
        """Floating point parameters and buffers in another dtype, in place. Raises TypeError for a whole one."""
        for each in (*args, options.get("dtype")):
            if isinstance(each, dtypes.dtype) and not each.is_floating_point:
                raise TypeError(
                    f"nn.Module.to only accepts floating point dtypes, but got desired dtype={each}"
                )
        for table in ("_parameters", "_buffers"):
            for _, value in self.members(table, "", True, True):
                if value.is_floating_point():
                    with no_grad():
                        value.array = value.detach().to(*args, **options).array
                        if value.grad is not None:
                            value.grad = value.grad.to(*args, **options)
        return self

    def float(self) -> Self:
        """In float32."""
        return self.to(dtypes.float32)

    def double(self) -> Self:
        """In float64."""
        return self.to(dtypes.float64)

    def half(self) -> Self:
        """In float16."""
        return self.to(dtypes.float16)

    def state_dict(self, *, prefix: str = "", keep_vars: bool = False) -> dict[str, Any]:
        """Every parameter and persistent buffer by dotted name, sharing their memory."""
        state: dict[str, Any] = OrderedDict()
        for path, module in self.named_modules(prefix=prefix.removesuffix("."), remove_duplicate=False):
            saved = {n: b for n, b in module._buffers.items() if n not in module._transient}
            for name, value in {**module._parameters, **saved}.items():
                if value is not None:
                    state[f"{path}.{name}" if path else name] = value if keep_vars else value.detach()
        return state

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copy values into the parameters and buffers of the same names.

        Raises RuntimeError that lists everything missing, unexpected or of another size, and then
        changes nothing.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        own = self.state_dict(keep_vars=True)
        missing = [name for name in own if name not in state_dict]
        unexpected = [name for name in state_dict if name not in own]
        problems = [
            f'While copying the parameter named "{name}", expected Tensor from checkpoint but received {type(value)}'
            for name, value in state_dict.items()
            if name in own and not isinstance(value, Tensor)
        ]
        problems += [
            f"size mismatch for {name}: copying a param with shape {state_dict[name].shape} from checkpoint, "
            f"the shape in current model is {value.shape}."
            for name, value in own.items()
            if isinstance(state_dict.get(name), Tensor) and state_dict[name].shape != value.shape
        ]
        if strict and missing:
            problems.append("Missing key(s) in state_dict: " + ", ".join(f'"{n}"' for n in missing) + ". ")
        if strict and unexpected:
            listed = ", ".join(f'"{n}"' for n in unexpected)
            problems.append(f"Unexpected key(s) in state_dict: {listed}. ")
        if problems:
            listed = "\n\t".join(problems)
            raise RuntimeError(f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{listed}")
        with no_grad():
            for name, value in own.items():
                if name in state_dict and assign:
                    value.array = state_dict[name].array
                elif name in state_dict:
                    value.copy_(state_dict[name])
        return IncompatibleKeys(missing, unexpected)

    # hooks

    def register_forward_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, args)` before `forward`; what it returns replaces the arguments."""
        self._pre_hooks.append(hook)
        return RemovableHandle(self._pre_hooks, hook)

    def register_forward_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, args, output)` after `forward`; what it returns replaces the output."""
        self._hooks.append(hook)
        return RemovableHandle(self._hooks, hook)

    # how it prints

    def extra_repr(self) -> str:
        """What stands between the brackets of a layer."""
        return ""

    def __repr__(self) -> str:
        lines = self.extra_repr().split("\n") if self.extra_repr() else []
        for name, child in self._modules.items():
            below = repr(child).replace("\n", "\n  ")
            lines.append(f"({name}): {below}")
        if len(lines) == 1 and not self._modules:
            return f"{type(self).__name__}({lines[0]})"
        inner = "\n  ".join(lines)
        return f"{type(self).__name__}(\n  {inner}\n)" if lines else f"{type(self).__name__}()"
