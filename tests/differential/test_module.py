"""The corners of nn.Module against PyTorch: the same short program on both, and what it sees."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections import OrderedDict

import pytest
import torch

import tinytorch as tt
from tinytorch.formats import Naming


@pytest.fixture(autouse=True)
def _under_pytorchs_name(monkeypatch):
    monkeypatch.setattr(Naming, "prefix", "torch")


def plain(value, near=None):
    """What both can be compared by: numbers, texts, and the names of types."""
    if isinstance(value, (torch.Tensor, tt.Tensor)):
        return [
            str(value.dtype),
            list(value.shape),
            plain(value.detach().tolist(), near),
            value.requires_grad,
        ]
    if isinstance(value, dict):
        return [[key, plain(each, near)] for key, each in value.items()]
    if isinstance(value, (list, tuple, set)):
        return [plain(each, near) for each in value]
    if isinstance(value, float):
        return pytest.approx(value, rel=1e-5, abs=1e-6) if near else value
    if isinstance(value, (str, int, bool, type(None), Refusal)):
        return value
    return type(value).__name__


class Refusal:
    """An error, by the kinds that would catch it: equal if PyTorch's kind catches ours."""

    def __init__(self, error):
        self.kinds = [each.__name__ for each in type(error).__mro__ if each.__module__ == "builtins"]

    def __eq__(self, theirs):
        return isinstance(theirs, Refusal) and theirs.kinds[0] in self.kinds

    def __repr__(self):
        return " ".join(self.kinds[:-3])


def refused(call):
    """The kind of error that a call raises."""
    try:
        call()
    except Exception as error:
        return Refusal(error)
    return "nothing"


def said(call):
    try:
        call()
    except Exception as error:
        return str(error)
    return ""


def net(ns):
    """A small tree: a tied weight, a buffer that is saved and one that is not, a place kept for None."""

    class Inner(ns.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = ns.nn.Linear(2, 3)
            self.register_buffer("seen", ns.zeros(3))
            self.register_buffer("temporary", ns.ones(1), persistent=False)
            self.register_parameter("nothing", None)

        def forward(self, x, scale=1.0):
            return self.linear(x).relu() * scale + self.seen

    class Outer(ns.nn.Module):
        def __init__(self):
            super().__init__()
            self.first = Inner()
            self.second = ns.nn.Sequential(OrderedDict(a=ns.nn.Linear(3, 2), b=ns.nn.Tanh()))
            self.tied = self.first.linear.weight
            self.count = 3

        def forward(self, x, scale=1.0):
            return self.second(self.first(x, scale=scale))

    made = Outer()
    for i, p in enumerate(made.parameters()):
        p.data = ns.arange(float(p.numel())).reshape(p.shape) / 7 - 0.3 * i
    return made


X = [[0.5, -1.0], [2.0, 0.25]]
PROGRAMS = {}


def program(function):
    PROGRAMS[function.__name__] = function
    return function


@program
def names(ns):
    m = net(ns)
    return [
        [name for name, _ in m.named_parameters()],
        [name for name, _ in m.named_parameters(remove_duplicate=False)],
        [name for name, _ in m.named_parameters(prefix="p", recurse=False)],
        [name for name, _ in m.named_buffers()],
        [name for name, _ in m.named_modules()],
        [name for name, _ in m.named_modules(prefix="q")],
        [name for name, _ in m.named_children()],
        list(m.state_dict()),
        m.state_dict()._metadata,
        repr(m),
    ]


@program
def shared_child_is_walked_once(ns):
    child = ns.nn.Linear(1, 1)
    m = ns.nn.ModuleDict({"a": child, "b": child})
    return [
        len(list(m.modules())), len(list(m.children())), [n for n, _ in m.named_modules()],
        [n for n, _ in m.named_modules(remove_duplicate=False)], [n for n, _ in m.named_parameters()], list(m.state_dict()),
    ]  # fmt: skip


@program
def hooks_in_order(ns):
    m, seen = net(ns), []
    m.register_forward_pre_hook(lambda mod, args: seen.append(["pre", plain(args)]))
    m.register_forward_pre_hook(lambda mod, args: (args[0] * 2,), prepend=True)
    m.register_forward_pre_hook(lambda mod, args, kwargs: (args, {**kwargs, "scale": 3.0}), with_kwargs=True)
    m.register_forward_hook(lambda mod, args, out: seen.append(["post", plain(args), plain(out)]))
    m.register_forward_hook(lambda mod, args, kwargs, out: out + kwargs["scale"], with_kwargs=True)
    handle = m.first.register_forward_hook(lambda mod, args, out: seen.append("inner"))
    out = m(ns.tensor(X), scale=0.5)
    handle.remove()
    handle.remove()
    m(ns.tensor(X))
    return [seen, out]


@program
def hooks_always_called(ns):
    m, seen = ns.nn.Linear(2, 2), []
    m.register_forward_hook(lambda mod, args, out: seen.append(out is None), always_call=True)
    m.register_forward_hook(lambda mod, args, out: seen.append("not called"))
    return [refused(lambda: m(ns.ones(3))), seen]


@program
def backward_hooks(ns):
    m, seen = net(ns), []
    m.first.register_full_backward_hook(lambda mod, gi, go: seen.append(["full", plain(gi), plain(go)]))
    m.first.register_full_backward_pre_hook(lambda mod, go: seen.append(["pre", plain(go)]))
    m.second.register_full_backward_hook(lambda mod, gi, go: (gi[0] * 10,))
    m.second.register_full_backward_pre_hook(lambda mod, go: (go[0] * 0.5,))
    x = ns.tensor(X, requires_grad=True)
    m(x).sum().backward()
    return [seen, x.grad, [p.grad for p in m.parameters()]]


@program
def backward_hooks_without_input_gradient(ns):
    m, seen = net(ns), []
    m.register_full_backward_hook(lambda mod, gi, go: seen.append([plain(gi), plain(go)]))
    m(ns.tensor(X)).sum().backward()
    return seen


@program
def assignment(ns):
    m = net(ns)
    seen = []
    m.first.seen = ns.ones(3) * 2
    seen.append(m.first._buffers["seen"])
    m.first.nothing = ns.nn.Parameter(ns.ones(1))
    seen.append([n for n, _ in m.first.named_parameters()])
    m.first.linear = None
    seen.append([n for n, _ in m.first.named_children()])
    m.plain = ns.ones(1)
    seen.append("plain" in m.state_dict())
    m.plain = ns.nn.Parameter(ns.ones(1))
    seen.append("plain" in m.state_dict())
    del m.plain
    seen.append(hasattr(m, "plain"))
    m.buffer = ns.nn.Buffer(ns.ones(2), persistent=False)
    seen.append([[n for n, _ in m.named_buffers()], "buffer" in m.state_dict()])
    return seen


@program
def refusals(ns):
    m = net(ns)

    class Early(ns.nn.Module):
        def __init__(self):
            self.w = ns.nn.Parameter(ns.ones(1))

    return [
        refused(Early),
        refused(lambda: setattr(m.first.linear, "weight", ns.ones(3, 2))),
        refused(lambda: setattr(m, "first", 3)),
        refused(lambda: setattr(m.first, "seen", 3)),
        refused(lambda: m.register_parameter("a.b", None)),
        refused(lambda: m.register_parameter("", None)),
        refused(lambda: m.register_parameter("count", None)),
        refused(lambda: m.register_parameter("w", ns.ones(1))),
        refused(lambda: m.register_parameter("w", ns.nn.Parameter(ns.ones(1)) * 2)),
        refused(lambda: m.register_buffer("first", None)),
        refused(lambda: m.register_buffer("x", 3)),
        refused(lambda: m.add_module("x", 3)),
        refused(lambda: m.add_module(3, None)),
        refused(lambda: m.nowhere),
        refused(lambda: m.train("yes")),
        refused(lambda: m.to(ns.int64)),
        refused(lambda: m.get_submodule("first.nowhere")),
        refused(lambda: m.get_parameter("first.seen")),
        refused(lambda: m.get_buffer("first.linear.weight")),
        refused(lambda: ns.nn.Module()(1)),
        refused(lambda: delattr(m, "nowhere")),
    ]


@program
def loading(ns):
    m = net(ns)
    state = {name: value * 0 + 1 for name, value in m.state_dict().items()}
    result = m.load_state_dict(state)
    del state["first.seen"]
    state["extra"] = ns.ones(1)
    loose = m.load_state_dict(state, strict=False)
    return [repr(result), repr(loose), list(loose.missing_keys), list(loose.unexpected_keys), m.state_dict()]


@program
def loading_errors(ns):
    m = net(ns)
    state = dict(m.state_dict())
    state["second.a.weight"] = ns.ones(4, 4)
    state["second.nowhere"] = ns.ones(1)
    del state["first.linear.bias"]
    return [
        said(lambda: m.load_state_dict(state)),
        refused(lambda: m.load_state_dict([1])),
        refused(lambda: m.load_state_dict(state)),
    ]


@program
def loading_by_assignment(ns):
    m = net(ns)
    before = m.first.linear.weight
    state = {name: value.double() for name, value in m.state_dict().items()}
    m.load_state_dict(state, assign=True)
    return [
        m.first.linear.weight is before,
        m.first.linear.weight,
        isinstance(m.first.linear.weight, ns.nn.Parameter),
    ]


@program
def loading_a_vector_of_one_into_a_number(ns):
    m = ns.nn.Module()
    m.register_buffer("n", ns.tensor(3.0))
    m.load_state_dict({"n": ns.tensor([5.0])})
    return m.n


@program
def state_hooks(ns):
    m, seen = net(ns), []
    m.register_state_dict_pre_hook(lambda mod, prefix, keep: seen.append(["before", prefix, keep]))
    m.first.register_state_dict_post_hook(
        lambda mod, state, prefix, local: state.update({prefix + "added": ns.ones(1)})
    )
    state = m.state_dict(prefix="x.")
    m.register_load_state_dict_pre_hook(lambda mod, state, prefix, *rest: state.pop("x.first.added", None))
    m.register_load_state_dict_post_hook(lambda mod, keys: keys.missing_keys.clear())
    return [seen, list(state), repr(m.load_state_dict({}, strict=False))]


@program
def extra_state(ns):
    class Counting(ns.nn.Module):
        def __init__(self):
            super().__init__()
            self.steps = 0

        def get_extra_state(self):
            return {"steps": self.steps}

        def set_extra_state(self, state):
            self.steps = state["steps"]

    m = ns.nn.Sequential(Counting())
    m[0].steps = 7
    other = ns.nn.Sequential(Counting())
    other.load_state_dict(m.state_dict())
    return [m.state_dict(), other[0].steps, said(lambda: m.load_state_dict({}))]


@program
def overridden_loading(ns):
    class Renamed(ns.nn.Linear):
        def _load_from_state_dict(self, state_dict, prefix, *rest):
            if prefix + "w" in state_dict:
                state_dict[prefix + "weight"] = state_dict.pop(prefix + "w")
            super()._load_from_state_dict(state_dict, prefix, *rest)

    m = ns.nn.Sequential(Renamed(1, 1, bias=False))
    m.load_state_dict({"0.w": ns.tensor([[4.0]])})
    return m.state_dict()


@program
def keep_vars_and_sharing(ns):
    m = net(ns)
    state, kept = m.state_dict(), m.state_dict(keep_vars=True)
    state["first.linear.bias"].fill_(9)
    return [
        m.first.linear.bias,
        kept["first.linear.bias"] is m.first.linear.bias,
        state["first.linear.bias"].requires_grad,
    ]


@program
def conversions(ns):
    m = net(ns)
    m.register_buffer("whole", ns.ones(1, dtype=ns.int64))
    m(ns.tensor(X)).sum().backward()
    weight = m.first.linear.weight
    seen = [
        [str(p.dtype) for p in m.double().parameters()],
        str(m.whole.dtype),
        str(weight.grad.dtype),
        weight is m.first.linear.weight,
    ]
    for convert in (lambda: m.half(), lambda: m.bfloat16(), lambda: m.float(), lambda: m.to(ns.float64), lambda: m.to("cpu", ns.float32),
                    lambda: m.to(ns.ones(1, dtype=ns.float64)), lambda: m.to(dtype=ns.float32), lambda: m.to(device="cpu")):  # fmt: skip
        seen.append([str(convert().second.a.weight.dtype), str(m.whole.dtype)])
    return [*seen, [str(p.dtype) for p in m.type(ns.float64).buffers()]]


@program
def modes_and_gradients(ns):
    m = net(ns)
    m.second.eval()
    seen = [[mod.training for mod in m.modules()], m.train() is m, [mod.training for mod in m.modules()]]
    m.requires_grad_(False)
    seen.append([p.requires_grad for p in m.parameters()])
    m.requires_grad_(True)
    m(ns.tensor(X)).sum().backward()
    m.zero_grad(set_to_none=False)
    seen.append(m.first.linear.weight.grad)
    m.zero_grad()
    return [*seen, m.first.linear.weight.grad]


@program
def applied(ns):
    m, seen = net(ns), []
    m.apply(lambda mod: seen.append(type(mod).__name__))
    return seen


@program
def copies(ns):
    m = net(ns)
    twin = copy.deepcopy(m)
    seen = [twin.first.linear.weight is twin.tied, twin.first.linear.weight is m.tied, twin.state_dict()]
    twin.first.linear.bias.data.zero_()
    linear = pickle.loads(pickle.dumps(ns.nn.Linear(2, 1)))
    return [
        *seen,
        m.first.linear.bias,
        type(linear).__name__,
        linear.weight.requires_grad,
        type(linear.weight).__name__,
    ]


@program
def sequences(ns):
    m = ns.nn.Sequential(ns.nn.ReLU(), ns.nn.Tanh(), ns.nn.Sigmoid())
    m.append(ns.nn.ReLU6())
    m.insert(1, ns.nn.Identity())
    seen = [repr(m), repr(m[1:3]), len(m), repr(m[-1]), repr(m.pop(0)), list(m._modules)]
    m[0] = ns.nn.ReLU()
    del m[1]
    m.extend([ns.nn.Tanh()])
    return [
        *seen,
        repr(m),
        isinstance(m, ns.nn.ModuleList),
        refused(lambda: m[9]),
        repr(m + ns.nn.Sequential(ns.nn.ReLU())),
    ]


@program
def lists_and_dicts_of_modules(ns):
    row = ns.nn.ModuleList([ns.nn.ReLU(), ns.nn.Tanh()])
    row += [ns.nn.Sigmoid()]
    row.insert(0, ns.nn.ReLU6())
    named = ns.nn.ModuleDict([["a", ns.nn.ReLU()]])
    named.update({"b": ns.nn.Tanh()})
    named["c"] = ns.nn.Sigmoid()
    popped = named.pop("a")
    return [
        repr(row[0]),
        len(row),
        [type(each).__name__ for each in row],
        repr(popped),
        list(named),
        "b" in named,
        list(named.keys()),
        repr(named),
    ]


@program
def lists_of_parameters(ns):
    row = ns.nn.ParameterList([ns.ones(2), ns.nn.Parameter(ns.zeros(1, 3))])
    row.append(ns.ones(1))
    row.extend([ns.ones(()), 5])
    row[0] = ns.zeros(2)
    return [
        repr(row),
        len(row),
        [n for n, _ in row.named_parameters()],
        len(row[1:]),
        refused(lambda: row[7]),
        row[-1],
    ]


@program
def dicts_of_parameters(ns):
    named = ns.nn.ParameterDict({"a": ns.ones(2), "b": ns.nn.Parameter(ns.zeros(1, 3))})
    named["c"] = 5
    seen = [
        repr(named),
        list(named),
        list(named.keys()),
        [n for n, _ in named.named_parameters()],
        named.get("z"),
        "a" in named,
    ]
    named.update([("d", ns.ones(1))])
    return [
        *seen,
        named.pop("a"),
        named.setdefault("e", ns.ones(1)),
        named.popitem()[0],
        len(named),
        refused(lambda: named["q"]),
    ]


@program
def post_accumulate_and_other_tensor_hooks(ns):
    x, seen = ns.ones(2, requires_grad=True), []
    x.register_post_accumulate_grad_hook(lambda leaf: seen.append(["after", plain(leaf.grad)]))
    x.register_hook(lambda g: g * 2)
    handle = x.register_hook(lambda g: seen.append(plain(g)))
    y = x * 3
    y.retain_grad()
    y.register_hook(lambda g: g + 1)
    y.sum().backward()
    handle.remove()
    (x * 1).sum().backward()
    return [
        seen, x.grad, y.grad, y.retains_grad, x.retains_grad,
        refused(lambda: y.register_post_accumulate_grad_hook(print)), refused(lambda: ns.ones(1).register_hook(print)),
        refused(lambda: ns.ones(1).retain_grad()),
    ]  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_sees_the_same_on_both(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert plain(PROGRAMS[name](tt)) == plain(PROGRAMS[name](torch), near=True)
