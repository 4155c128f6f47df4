"""Module: a tree of layers that knows its parameters (`torch.nn.Module`)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple, Self

from tinytorch import dtypes, formats
from tinytorch.autograd.grad_mode import no_grad
from tinytorch.autograd.graph import clear
from tinytorch.nn.hooks import Hooked, tables
from tinytorch.nn.parameter import Buffer, Parameter
from tinytorch.tensor import Tensor


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict` found missing, and what it could not place."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not any(self):
            return "<All keys matched successfully>"
        return f"_IncompatibleKeys(missing_keys={self[0]}, unexpected_keys={self[1]})"


class Problems(list[str]):
    """What is wrong with a state, and, until it is known that nothing is, what would be written."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[Callable[[], Any]] = []


class Module(Hooked):
    """Base of all layers and models. Subclasses assign parameters and children, and write `forward`."""

    training: bool
    _version = 1
    _parameters: dict[str, Any]
    _buffers: dict[str, Any]
    _modules: dict[str, Any]
    _non_persistent_buffers_set: set[str]

    def __init__(self) -> None:
        self.__dict__.update(_parameters={}, _buffers={}, _modules={}, _non_persistent_buffers_set=set())
        self.__dict__.update(tables(), training=True)

    def forward(self, *args: Any, **options: Any) -> Any:
        """What the module computes. Every subclass writes its own."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    def __call__(self, *args: Any, **options: Any) -> Any:
        if not (
            self._forward_hooks or self._forward_pre_hooks or self._backward_hooks or self._backward_pre_hooks
        ):
            return self.forward(*args, **options)
        return self.call_with_hooks(args, options)

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
        if isinstance(value, Buffer):
            self.register_buffer(name, value, value.persistent)
            return
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
        own = self.__dict__
        for table in ("_parameters", "_modules", "_buffers"):
            if table in own and name in own[table]:
                return own[table][name]
        return super().__getattr__(name)

    def __delattr__(self, name: str) -> None:
        for table in (self._parameters, self._buffers, self._modules):
            if name in table:
                del table[name]
                self._non_persistent_buffers_set.discard(name)
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
        if "_parameters" not in self.__dict__:
            raise AttributeError("cannot assign parameter before Module.__init__() call")
        self.check_name("parameter", name, self._parameters)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{type(param).__name__}' object to parameter '{name}' (torch.nn.Parameter or None required)"
            )
        if param is not None and param.edge is not None:
            raise ValueError(
                f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created explicitly."
            )
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """A tensor that belongs to the state but is not learned; saved only if `persistent`."""
        if "_buffers" not in self.__dict__:
            raise AttributeError("cannot assign buffer before Module.__init__() call")
        self.check_name("buffer", name, self._buffers)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"cannot assign '{type(tensor).__name__}' object to buffer '{name}'")
        self._buffers[name] = tensor
        kept = self._non_persistent_buffers_set
        (kept.discard if persistent else kept.add)(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """A child under `name`; None keeps the place. Raises TypeError for anything else."""
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{type(module).__name__} is not a Module subclass")
        self.check_name("module", name, self._modules)
        self._modules[name] = module

    register_module = add_module

    # walking the tree

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """The module itself and all below it, by dotted name, each once."""
        seen = set() if memo is None else memo
        if self in seen:
            return
        if remove_duplicate:
            seen.add(self)
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
            if not hasattr(module, name):
                raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
            module = getattr(module, name)
            if not isinstance(module, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return module

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put a module in the place of the one with a dotted name."""
        if not target:
            raise ValueError("Cannot set the submodule without a target name!")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict and not hasattr(parent, name):
            raise AttributeError(f"{type(parent).__name__} has no attribute `{name}`")
        setattr(parent, name, module)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter with a dotted name."""
        found: Parameter = self.registered("_parameters", "parameter", target)
        return found

    def get_buffer(self, target: str) -> Tensor:
        """The buffer with a dotted name."""
        found: Tensor = self.registered("_buffers", "buffer", target)
        return found

    def registered(self, table: str, kind: str, target: str) -> Any:
        """What stands in a table under a dotted name."""
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
        if name not in module.__dict__[table]:
            raise AttributeError(f"`{name}` is not a {kind}")
        return module.__dict__[table][name]

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

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Put `fn(tensor)` in the place of every parameter, gradient and buffer; the objects stay the same."""
        for table in ("_parameters", "_buffers"):
            for _, value in self.members(table, "", recurse, True):
                with no_grad():
                    value.array = fn(value.detach()).array
                    if value.grad is not None:
                        value.grad = fn(value.grad)
        return self

    def to(self, *args: Any, **options: Any) -> Self:
        """Everything on another device, floating point tensors in another dtype, in place.

        Raises TypeError for a dtype of whole numbers.
        """
        like = args[0] if args and isinstance(args[0], Tensor) else options.get("tensor")
        given = [like.dtype] if like is not None else [*args, options.get("dtype")]
        for each in given:
            if isinstance(each, dtypes.dtype) and not each.is_floating_point:
                raise TypeError(
                    f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={each}"
                )
        rest = [each for each in args if not isinstance(each, (dtypes.dtype, formats.memory_format))]
        others = {name: each for name, each in options.items() if name not in ("dtype", "memory_format")}

        def moved(x: Tensor) -> Tensor:
            if x.is_floating_point():
                return x.to(*args, **options)
            return x.to(device=like.device) if like is not None else x.to(*rest, **others)

        return self._apply(moved)

    def type(self, dst_type: Any) -> Self:
        """Every tensor in another dtype, whole numbers too."""
        return self._apply(lambda x: x.type(dst_type))

    def cpu(self) -> Self:
        """On the CPU."""
        return self._apply(lambda x: x.cpu())

    def cuda(self, device: Any = None) -> Self:
        """On a CUDA device. Raises DeviceError where there is none."""
        return self._apply(lambda x: x.cuda(device))

    def float(self) -> Self:
        """In float32."""
        return self.to(dtypes.float32)

    def double(self) -> Self:
        """In float64."""
        return self.to(dtypes.float64)

    def half(self) -> Self:
        """In float16."""
        return self.to(dtypes.float16)

    def bfloat16(self) -> Self:
        """In bfloat16."""
        return self.to(dtypes.bfloat16)

    def state_dict(
        self, *, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> OrderedDict[str, Any]:
        """Every parameter and persistent buffer by dotted name, sharing their memory."""
        state: Any = State() if destination is None else destination
        for hook in self._state_dict_pre_hooks.values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(state, prefix, keep_vars)
        for name, child in self._modules.items():
            if child is not None:
                child.state_dict(destination=state, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook in self._state_dict_hooks.values():
            changed = hook(self, state, prefix, getattr(state, "_metadata", {}).get(prefix[:-1], {}))
            state = state if changed is None else changed
        made: OrderedDict[str, Any] = state
        return made

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        """Put what belongs to this module alone into a state."""
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = {"version": self._version}
        saved = {n: b for n, b in self._buffers.items() if n not in self._non_persistent_buffers_set}
        for name, value in {**self._parameters, **saved}.items():
            if value is not None:
                destination[prefix + name] = value if keep_vars else value.detach()
        if type(self).get_extra_state is not Module.get_extra_state:
            destination[f"{prefix}_extra_state"] = self.get_extra_state()

    def get_extra_state(self) -> Any:
        """What a subclass wants to have saved besides. One that overrides it overrides `set_extra_state` too."""
        raise RuntimeError("Reached a code path in Module.get_extra_state() that should never be called.")

    def set_extra_state(self, state: Any) -> None:
        """Take over what `get_extra_state` gave."""
        raise RuntimeError("Reached a code path in Module.set_extra_state() that should never be called.")

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copy values into the parameters and buffers of the same names; with `assign`, put the tensors in their place.

        Raises RuntimeError that lists everything missing, unexpected or of another size, and then
        changes nothing.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        state, problems, keys = OrderedDict(state_dict), Problems(), IncompatibleKeys([], [])
        metadata = getattr(state_dict, "_metadata", {})
        if assign:
            metadata = {
                path: {**metadata.get(path, {}), "assign_to_params_buffers": True}
                for path, _ in self.named_modules()
            }
        self.load(state, "", metadata, strict, keys, problems)
        if strict and keys.unexpected_keys:
            listed = ", ".join(f'"{name}"' for name in keys.unexpected_keys)
            problems.insert(0, f"Unexpected key(s) in state_dict: {listed}. ")
        if strict and keys.missing_keys:
            listed = ", ".join(f'"{name}"' for name in keys.missing_keys)
            problems.insert(0, f"Missing key(s) in state_dict: {listed}. ")
        if problems:
            listed = "\n\t".join(problems)
            raise RuntimeError(f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{listed}")
        with no_grad():
            for write in problems.writes:
                write()
        return keys

    def load(
        self, state: Any, prefix: str, metadata: Any, strict: bool, keys: IncompatibleKeys, problems: Problems
    ) -> None:
        """Take this module's part of a state, and then that of each child."""
        local = metadata.get(prefix[:-1], {})
        self._load_from_state_dict(
            state, prefix, local, True, keys.missing_keys, keys.unexpected_keys, problems
        )
        for name, child in self._modules.items():
            if child is not None:
                below = f"{prefix}{name}."
                part = OrderedDict((key, value) for key, value in state.items() if key.startswith(below))
                child.load(part, below, metadata, strict, keys, problems)
        for hook in self._load_state_dict_post_hooks.values():
            hook(self, keys)

    def _load_from_state_dict(
        self,
        state_dict: Any,
        prefix: str,
        local_metadata: Any,
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Copy what belongs to this module alone, or note what is wrong with it."""
        for hook in self._load_state_dict_pre_hooks.values():
            hook(state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        saved = {n: b for n, b in self._buffers.items() if n not in self._non_persistent_buffers_set}
        writes: list[Callable[[], Any]] = getattr(error_msgs, "writes", [])
        for name, own in {**self._parameters, **saved}.items():
            key = prefix + name
            if own is None:
                continue
            if key not in state_dict:
                missing_keys.append(key)
                continue
            given = state_dict[key]
            wrong = mismatch(key, own, given)
            if wrong:
                error_msgs.append(wrong)
            elif local_metadata.get("assign_to_params_buffers"):
                writes.append(partial(self.put, name, own, given))
            else:
                writes.append(partial(own.copy_, given.reshape(own.shape)))
        extra = f"{prefix}_extra_state"
        if type(self).set_extra_state is not Module.set_extra_state:
            if extra in state_dict:
                writes.append(partial(self.set_extra_state, state_dict[extra]))
            else:
                missing_keys.append(extra)
        for key in state_dict:
            head, _, _ = key[len(prefix) :].partition(".")
            known = head in self._modules or head in self._parameters or head in saved
            if (
                key.startswith(prefix)
                and not known
                and (key != extra or type(self).set_extra_state is Module.set_extra_state)
            ):
                unexpected_keys.append(key)
        if not hasattr(error_msgs, "writes"):
            with no_grad():
                for write in writes:
                    write()

    def put(self, name: str, own: Tensor, given: Tensor) -> None:
        """A loaded tensor itself in the place of a parameter or buffer."""
        if isinstance(own, Parameter) and not isinstance(given, Parameter):
            given = Parameter(given, requires_grad=own.requires_grad)
        setattr(self, name, given)

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


class State(OrderedDict[str, Any]):
    """A `state_dict`: tensors by dotted name, and the version of each module beside them."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._metadata: OrderedDict[str, Any] = OrderedDict()


def mismatch(key: str, own: Tensor, given: Any) -> str | None:
    """Why a value cannot be loaded; None if it can. A number may come as a vector of one, as in old files."""
    if not isinstance(given, Tensor):
        return (
            f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like object from '
            f"checkpoint but received {type(given)}"
        )
    if given.shape == own.shape or (not own.ndim and given.shape == (1,)):
        return None
    return (
        f"size mismatch for {key}: copying a param with shape {given.shape} from checkpoint, "
        f"the shape in current model is {own.shape}."
    )
