"""Optimizers and schedules against PyTorch: many steps, many options, and states that change sides."""

import inspect
import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import tinytorch as tt
from tinytorch.optim import lr_scheduler, swa_utils

SHAPES = [(3, 5), (4,), (), (2, 0), (4, 2)]
RATES = st.sampled_from([1e-3, 0.03, 0.3])
DECAY = st.sampled_from([0.0, 0.1])
BETAS = st.sampled_from([(0.9, 0.999), (0.5, 0.9), (0.0, 0.99)])
EPS = st.sampled_from([1e-8, 1e-3])
FLAG = st.booleans()
SGD_OPTIONS = st.fixed_dictionaries(
    {"lr": RATES, "weight_decay": DECAY, "maximize": FLAG, "momentum": st.sampled_from([0.0, 0.9])}
)
ADAM = {"lr": RATES, "betas": BETAS, "eps": EPS, "weight_decay": DECAY, "maximize": FLAG}
OPTIONS = {
    "SGD": st.one_of(
        st.tuples(SGD_OPTIONS, st.sampled_from([0.0, 0.3])).map(lambda pair: pair[0] | {"dampening": pair[1]}),
        st.fixed_dictionaries({"lr": RATES, "momentum": st.just(0.8), "nesterov": st.just(True), "weight_decay": DECAY}),
    ),
    "Adam": st.fixed_dictionaries(ADAM | {"amsgrad": FLAG, "decoupled_weight_decay": FLAG}),
    "AdamW": st.fixed_dictionaries(ADAM | {"amsgrad": FLAG}),
    "NAdam": st.fixed_dictionaries(ADAM | {"momentum_decay": st.sampled_from([0.0, 0.004, 0.5]), "decoupled_weight_decay": FLAG}),
    "RAdam": st.fixed_dictionaries(ADAM | {"decoupled_weight_decay": FLAG}),
    "Adamax": st.fixed_dictionaries(ADAM),
    "RMSprop": st.fixed_dictionaries(
        {"lr": RATES, "alpha": st.sampled_from([0.9, 0.99]), "eps": EPS, "weight_decay": DECAY, "maximize": FLAG,
         "momentum": st.sampled_from([0.0, 0.7]), "centered": FLAG}
    ),
    "Adagrad": st.fixed_dictionaries(
        {"lr": RATES, "lr_decay": DECAY, "eps": EPS, "weight_decay": DECAY, "maximize": FLAG,
         "initial_accumulator_value": st.sampled_from([0.0, 0.5])}
    ),
    "Adadelta": st.fixed_dictionaries(
        {"lr": RATES, "rho": st.sampled_from([0.5, 0.9]), "eps": EPS, "weight_decay": DECAY, "maximize": FLAG}
    ),
    "Muon": st.fixed_dictionaries(
        {"lr": RATES, "momentum": st.sampled_from([0.0, 0.95]), "nesterov": FLAG, "weight_decay": DECAY,
         "adjust_lr_fn": st.sampled_from([None, "original", "match_rms_adamw"]), "ns_steps": st.integers(1, 5)}
    ),
}  # fmt: skip


class Twin:
    """The same parameters and gradients in both frameworks, each with its optimizer."""

    def __init__(self, name, options, dtype):
        self.random, self.dtype = np.random.default_rng(7), dtype
        shapes = (
            [shape for shape in SHAPES if len(shape) == 2 and 0 not in shape] if name == "Muon" else SHAPES
        )
        start = [self.random.normal(size=shape).astype(dtype) for shape in shapes]
        self.sides = {}
        for ns in (tt, torch):
            params = [ns.nn.Parameter(ns.from_numpy(np.array(values))) for values in start]
            groups = [{"params": params[:1], "lr": 2 * options["lr"]}, {"params": params[1:]}]
            self.sides[ns] = params, getattr(ns.optim, name)(groups, **options)

    def steps(self, count):
        """So many steps with gradients that change; now and then one is missing. Compares after each."""
        for _ in range(count):
            missing = self.random.integers(0, 6)
            for i, p in enumerate(self.sides[tt][0]):
                g = (self.random.normal(size=p.shape) * 10.0 ** self.random.integers(-3, 2)).astype(
                    self.dtype
                )
                for ns, (params, _) in self.sides.items():
                    params[i].grad = None if i == missing else ns.from_numpy(np.array(g))
            for _, optimizer in self.sides.values():
                optimizer.step()
            self.compare()

    def compare(self):
        (ours, mine), (theirs, its) = self.sides.values()
        tolerance = {"rtol": 1e-8, "atol": 1e-10} if self.dtype == "f8" else {"rtol": 3e-4, "atol": 3e-5}
        for p, q in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), **tolerance)
        mine, its = mine.state_dict(), its.state_dict()
        assert mine["state"].keys() == its["state"].keys()
        for i, state in its["state"].items():
            assert mine["state"][i].keys() == state.keys() - {n for n, v in state.items() if v is None}
            for name, value in mine["state"][i].items():
                np.testing.assert_allclose(value.numpy(), state[name].numpy(), err_msg=name, **tolerance)
        for group, other in zip(mine["param_groups"], its["param_groups"], strict=True):
            assert group == other


@pytest.fixture(autouse=True)
def muon_in_full_precision(monkeypatch):
    monkeypatch.setattr(torch.Tensor, "bfloat16", lambda x: x.clone())


@pytest.mark.parametrize("name", OPTIONS)
def test_every_step_with_every_option_leads_to_the_same_parameters_and_states(name):
    @settings(max_examples=12)
    @given(OPTIONS[name], st.sampled_from(["f4", "f8"]))
    def check(options, dtype):
        Twin(name, options, dtype).steps(7)

    check()


@pytest.mark.parametrize("name", OPTIONS)
def test_states_change_sides_and_go_on_with_the_same_numbers(name, tmp_path):
    @settings(max_examples=4)
    @given(OPTIONS[name])
    def check(options):
        first = Twin(name, options, "f4")
        first.steps(6)
        swapped = Twin(name, options, "f4")
        swapped.random = first.random
        for ns, (params, _) in swapped.sides.items():
            for p, q in zip(params, first.sides[ns][0], strict=True):
                p.data = q.data
        there, back = io.BytesIO(), io.BytesIO()
        torch.save(first.sides[torch][1].state_dict(), there)
        tt.save(first.sides[tt][1].state_dict(), back)
        for file in (there, back):
            file.seek(0)
        swapped.sides[tt][1].load_state_dict(tt.load(there))
        swapped.sides[torch][1].load_state_dict(torch.load(back, weights_only=True))
        swapped.compare()
        swapped.steps(6)

    check()


@pytest.mark.parametrize("name", OPTIONS)
def test_optimizers_have_the_same_arguments(name):
    mine, its = (inspect.signature(getattr(ns.optim, name)).parameters for ns in (tt, torch))
    assert [(p.name, p.kind) for p in mine.values()] == [(p.name, p.kind) for p in its.values()]
    assert all(p.default == its[n].default for n, p in mine.items())


@pytest.mark.parametrize("name", OPTIONS)
def test_what_is_refused_there_is_refused_here(name):
    wrong = [{"lr": -1.0}, {"weight_decay": -1.0}, {"eps": -1.0}, {"betas": (1.0, 0.9)}, {"betas": (0.9, -0.1)},
             {"momentum": -1.0}, {"nesterov": True, "momentum": 0.0}, {"rho": 2.0}, {"momentum_decay": -1.0}, {"alpha": -1.0},
             {"lr_decay": -1.0}, {"initial_accumulator_value": -1.0}, {"adjust_lr_fn": "mine"}]  # fmt: skip
    for options in wrong:
        outcomes = []
        for ns in (tt, torch):
            try:
                getattr(ns.optim, name)([ns.nn.Parameter(ns.ones(2, 2))], **options)
                outcomes.append("taken")
            except (ValueError, TypeError) as error:
                outcomes.append(type(error))
        assert outcomes[0] == outcomes[1] or name == "Muon", (options, outcomes)


def test_the_ways_of_computing_are_accepted():
    for options in ({"foreach": True}, {"foreach": False}, {"fused": True}, {"capturable": False}):
        tt.optim.AdamW([tt.nn.Parameter(tt.ones(2))], **options)
    with pytest.raises(RuntimeError, match="cannot be `True` together"):
        tt.optim.AdamW([tt.nn.Parameter(tt.ones(2))], fused=True, foreach=True)
    with pytest.raises(ValueError, match=r"2D parameters, and one has shape \(2,\)"):
        tt.optim.Muon([tt.nn.Parameter(tt.ones(2))])


def test_a_loaded_state_has_the_dtype_of_its_parameter_and_counts_its_steps():
    for ns in (tt, torch):
        narrow, wide = ns.nn.Parameter(ns.ones(2)), ns.nn.Parameter(ns.ones(2).double())
        first, second = ns.optim.AdamW([narrow]), ns.optim.AdamW([wide])
        narrow.grad = ns.ones(2)
        for _ in range(3):
            first.step()
        second.load_state_dict(first.state_dict())
        assert second.state[wide]["exp_avg"].dtype is ns.float64
        assert int(second.state[wide]["step"]) == 3
        assert second.state_dict()["state"][0]["step"].dtype is ns.float32
        if ns is tt:  # a whole number: powers of it are computed in double precision
            assert type(second.state[wide]["step"]) is int
        first.state[narrow]["exp_avg"].zero_()
        assert second.state[wide]["exp_avg"][0].item() > 0  # its own memory


def test_named_parameters_keep_their_names():
    groups = []
    for ns in (tt, torch):
        model = ns.nn.Linear(2, 1)
        optimizer = ns.optim.SGD(model.named_parameters(), lr=0.1)
        with pytest.raises(ValueError, match="with/without names"):
            optimizer.add_param_group({"params": [ns.nn.Parameter(ns.ones(1))]})
        optimizer.add_param_group({"params": [("more", ns.nn.Parameter(ns.ones(1)))], "lr": 0.5})
        groups.append(optimizer.state_dict()["param_groups"])
    assert groups[0] == groups[1]


# schedules

ALL = {
    "step": lambda s, o: s.StepLR(o, 3, 0.5),
    "multistep": lambda s, o: s.MultiStepLR(o, [2, 5, 5, 9], 0.1),
    "constant": lambda s, o: s.ConstantLR(o, 0.3, 4),
    "linear": lambda s, o: s.LinearLR(o, 0.1, 0.8, 6),
    "linear to nothing": lambda s, o: s.LinearLR(o, 1.0, 0.0, 6),
    "exponential": lambda s, o: s.ExponentialLR(o, 0.9),
    "polynomial": lambda s, o: s.PolynomialLR(o, 7, 2.0),
    "cosine": lambda s, o: s.CosineAnnealingLR(o, 5, 0.01),
    "cosine of 7": lambda s, o: s.CosineAnnealingLR(o, 7),
    "lambda": lambda s, o: s.LambdaLR(o, lambda step: 1 / (step + 1)),
    "lambdas": lambda s, o: s.LambdaLR(o, [lambda step: 0.9**step, lambda step: 1.0]),
    "multiplicative": lambda s, o: s.MultiplicativeLR(o, lambda step: 0.95),
    "restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 4, 2, 0.001),
    "equal restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 3),
    "cyclic": lambda s, o: s.CyclicLR(o, 0.01, 0.1, 3, 5),
    "cyclic 2": lambda s, o: s.CyclicLR(o, [0.01, 0.02], [0.1, 0.3], 4, mode="triangular2", base_momentum=0.7),
    "cyclic range": lambda s, o: s.CyclicLR(o, 0.01, 0.1, 4, mode="exp_range", gamma=0.9, cycle_momentum=False),
    "cyclic own": lambda s, o: s.CyclicLR(o, 0.01, 0.1, 4, scale_fn=lambda x: 1 / x, scale_mode="cycle"),
    "cyclic own step": lambda s, o: s.CyclicLR(o, 0.01, 0.1, 4, scale_fn=lambda x: 0.99**x, scale_mode="iterations"),
    "one cycle": lambda s, o: s.OneCycleLR(o, 0.5, total_steps=40),
    "one cycle groups": lambda s, o: s.OneCycleLR(o, [0.5, 0.2], epochs=4, steps_per_epoch=10, pct_start=0.4),
    "one cycle linear": lambda s, o: s.OneCycleLR(o, 0.5, 40, anneal_strategy="linear", three_phase=True),
    "one cycle still": lambda s, o: s.OneCycleLR(o, 0.5, 40, cycle_momentum=False, div_factor=5, final_div_factor=9),
    "warm-up, cosine": lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o, 0.1, total_iters=5), s.CosineAnnealingLR(o, 20)], [5]
    ),
    "three in turn": lambda s, o: s.SequentialLR(
        o, [s.ConstantLR(o, 0.5, 3), s.ExponentialLR(o, 0.9), s.StepLR(o, 2, 0.3)], [4, 11]
    ),
    "turns in turns": lambda s, o: s.SequentialLR(
        o, [s.SequentialLR(o, [s.ConstantLR(o, 0.1, 9), s.LinearLR(o)], [2]), s.ExponentialLR(o, 0.5)], [6]
    ),
    "chained": lambda s, o: s.ChainedScheduler([s.ConstantLR(o, 0.1, 4), s.ExponentialLR(o, 0.9)]),
}  # fmt: skip
OPTIMIZERS = {
    "SGD": lambda ns, groups: ns.optim.SGD(groups, lr=0.3, momentum=0.9),
    "AdamW": lambda ns, groups: ns.optim.AdamW(groups, lr=0.3),
}


def optimizer_of(ns, kind):
    params = [ns.nn.Parameter(ns.ones(1)) for _ in range(2)]
    return OPTIMIZERS[kind](ns, [{"params": params[:1]}, {"params": params[1:], "lr": 0.02}])


def seen(optimizer, schedule):
    momenta = [group.get("momentum", group.get("betas", (0,))) for group in optimizer.param_groups]
    return [
        *schedule.get_last_lr(),
        *[group["lr"] for group in optimizer.param_groups],
        *np.ravel([m if isinstance(m, float) else m[0] for m in momenta]),
    ]


@pytest.mark.filterwarnings("ignore:Detected call")
@pytest.mark.parametrize("kind", OPTIMIZERS)
@pytest.mark.parametrize("name", ALL)
def test_schedules_set_the_same_rates_and_momenta(name, kind):
    curves = []
    for ns in (tt, torch):
        optimizer = optimizer_of(ns, kind)
        schedule = ALL[name](ns.optim.lr_scheduler, optimizer)
        curve = [seen(optimizer, schedule)]
        for step in range(38):
            optimizer.step()
            if step == 12 and "cycl" not in name and "lambda" not in name and "restart" not in name:
                optimizer.param_groups[0]["lr"] *= 0.5  # a program that sets a rate itself
            schedule.step()
            curve.append(seen(optimizer, schedule))
        curves.append(curve)
    np.testing.assert_allclose(*curves, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("name", ALL)
def test_a_schedule_goes_on_from_its_state(name):
    whole, halves = [], []
    optimizer = optimizer_of(tt, "SGD")
    schedule = ALL[name](lr_scheduler, optimizer)
    for step in range(30):
        if step == 13:
            states = optimizer.state_dict(), schedule.state_dict()
            file = io.BytesIO()
            tt.save(states, file)
            file.seek(0)
            other = optimizer_of(tt, "SGD")
            again = ALL[name](lr_scheduler, other)
            saved = tt.load(file)
            other.load_state_dict(saved[0])
            again.load_state_dict(saved[1])
        schedule.step()
        whole.append(seen(optimizer, schedule))
        if step >= 13:
            again.step()
            halves.append(seen(other, again))
    assert halves == whole[13:]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name",
    ["step", "multistep", "constant", "linear", "exponential", "polynomial", "cosine", "restarts", "lambda"],
)
def test_jumps_and_later_beginnings_set_the_same_rates(name):
    curves = []
    for ns in (tt, torch):
        optimizer = optimizer_of(ns, "SGD")
        schedule = ALL[name](ns.optim.lr_scheduler, optimizer)
        curve = []
        for epoch in (3, 0, 7, 12):
            optimizer.step()
            schedule.step(epoch)
            curve.append(seen(optimizer, schedule))
            schedule.step()
            curve.append(seen(optimizer, schedule))
        curves.append(curve)
    np.testing.assert_allclose(*curves, rtol=1e-7, atol=1e-12)


LATER = {
    "step": lambda s, o: s.StepLR(o, 3, 0.5, last_epoch=4),
    "multistep": lambda s, o: s.MultiStepLR(o, [5, 7], 0.5, last_epoch=4),
    "constant": lambda s, o: s.ConstantLR(o, 0.5, 6, last_epoch=4),
    "linear": lambda s, o: s.LinearLR(o, 0.5, total_iters=9, last_epoch=4),
    "exponential": lambda s, o: s.ExponentialLR(o, 0.5, last_epoch=4),
    "polynomial": lambda s, o: s.PolynomialLR(o, 9, last_epoch=4),
    "cosine": lambda s, o: s.CosineAnnealingLR(o, 9, last_epoch=4),
    "lambda": lambda s, o: s.LambdaLR(o, lambda step: 1 / (1 + step), last_epoch=4),
    "multiplicative": lambda s, o: s.MultiplicativeLR(o, lambda step: 0.5, last_epoch=4),
    "cyclic": lambda s, o: s.CyclicLR(o, 0.1, 0.3, 3, last_epoch=4, cycle_momentum=False),
}


@pytest.mark.parametrize("name", LATER)
def test_a_schedule_may_begin_in_the_middle(name):
    curves = []
    for ns in (tt, torch):
        optimizer = optimizer_of(ns, "SGD")
        for group in optimizer.param_groups:
            group["initial_lr"] = group["lr"] * 3
        schedule = LATER[name](ns.optim.lr_scheduler, optimizer)
        curve = [seen(optimizer, schedule)]
        for _ in range(8):
            optimizer.step()
            schedule.step()
            curve.append(seen(optimizer, schedule))
        curves.append(curve)
    np.testing.assert_allclose(*curves, rtol=1e-7, atol=1e-12)


@settings(max_examples=60)
@given(
    st.fixed_dictionaries(
        {
            "mode": st.sampled_from(["min", "max"]),
            "factor": st.sampled_from([0.1, 0.5]),
            "patience": st.integers(0, 3),
            "threshold": st.sampled_from([1e-4, 0.2]),
            "threshold_mode": st.sampled_from(["rel", "abs"]),
            "cooldown": st.integers(0, 3),
            "min_lr": st.sampled_from([0.0, 0.05, [0.01, 0.0]]),
            "eps": st.sampled_from([1e-8, 0.02]),
        }
    ),
    st.lists(st.sampled_from([1.0, 0.9, 0.5, 1.2, -1.0, float("nan")]), min_size=5, max_size=25),
)
def test_a_plateau_is_seen_at_the_same_step(options, metrics):
    curves = []
    for ns in (tt, torch):
        optimizer = optimizer_of(ns, "SGD")
        schedule = ns.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **options)
        curve = []
        for metric in metrics:
            schedule.step(ns.tensor(metric))
            curve.append([*seen(optimizer, schedule), schedule.num_bad_epochs, schedule.in_cooldown])
        curves.append(curve)
    np.testing.assert_allclose(*curves, rtol=1e-12)


def test_schedules_refuse_the_same():
    wrong = {
        "constant": lambda s, o: s.ConstantLR(o, 1.5),
        "linear start": lambda s, o: s.LinearLR(o, 0.0),
        "linear end": lambda s, o: s.LinearLR(o, 0.5, 1.5),
        "restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 0),
        "restarts mult": lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, 0),
        "one cycle": lambda s, o: s.OneCycleLR(o, 0.1),
        "one cycle share": lambda s, o: s.OneCycleLR(o, 0.1, 10, pct_start=2.0),
        "one cycle kind": lambda s, o: s.OneCycleLR(o, 0.1, 10, anneal_strategy="square"),
        "one cycle groups": lambda s, o: s.OneCycleLR(o, [0.1, 0.2, 0.3], 10),
        "cyclic": lambda s, o: s.CyclicLR(o, 0.1, 0.2, mode="square"),
        "lambdas": lambda s, o: s.LambdaLR(o, [len]),
        "plateau": lambda s, o: s.ReduceLROnPlateau(o, factor=1.0),
        "plateau mode": lambda s, o: s.ReduceLROnPlateau(o, "low"),
        "turns": lambda s, o: s.SequentialLR(o, [s.StepLR(o, 1)], [1]),
        "turns of nobody": lambda s, o: s.SequentialLR(o, [], []),
        "turns of a plateau": lambda s, o: s.SequentialLR(o, [s.ReduceLROnPlateau(o)], []),
        "chain of nobody": lambda s, o: s.ChainedScheduler([]),
    }
    for make in wrong.values():
        for ns in (tt, torch):
            optimizer = optimizer_of(ns, "SGD")
            with pytest.raises(ValueError):
                make(ns.optim.lr_scheduler, optimizer)
    for ns in (tt, torch):
        rmsprop = ns.optim.Adagrad([ns.nn.Parameter(ns.ones(1))])
        with pytest.raises(ValueError, match="must support momentum or beta1"):
            ns.optim.lr_scheduler.CyclicLR(rmsprop, 0.1, 0.2)


@pytest.mark.parametrize(
    "average",
    [
        {},
        {"avg_fn": lambda s: s.get_ema_avg_fn(0.9)},
        {"multi_avg_fn": lambda s: s.get_ema_multi_avg_fn(0.9)},
        {"multi_avg_fn": lambda s: s.get_swa_multi_avg_fn()},
        {"use_buffers": True},
    ],
    ids=str,
)
def test_averaged_models_hold_the_same_averages(average):
    sides = []
    for ns, utils in ((tt, swa_utils), (torch, torch.optim.swa_utils)):
        random = np.random.default_rng(3)
        model = ns.nn.Linear(3, 2)
        model.register_buffer("seen", ns.zeros(2))
        options = {name: value(utils) if callable(value) else value for name, value in average.items()}
        mean = utils.AveragedModel(model, **options)
        for _ in range(5):
            with ns.no_grad():
                for p in (*model.parameters(), *model.buffers()):
                    p.copy_(ns.from_numpy(random.normal(size=tuple(p.shape)).astype("f4")))
            mean.update_parameters(model)
        sides.append({name: value.numpy() for name, value in mean.state_dict().items()})
    assert sides[0].keys() == sides[1].keys()
    for name in sides[0]:
        np.testing.assert_allclose(sides[0][name], sides[1][name], rtol=1e-5, atol=1e-6)


# gradients


@given(
    st.lists(st.sampled_from([(2, 3), (0,), (), (4,)]), max_size=4),
    st.sampled_from([1.0, 2.0, 3.0, float("inf")]),
    st.sampled_from([0.1, 1.0, 100.0]),
    st.sampled_from([1.0, float("nan"), float("inf"), 1e-20]),
    FLAG,
)
def test_gradients_are_clipped_alike(shapes, norm_type, largest, one, strict):
    if norm_type == float("inf"):  # PyTorch has no largest of no numbers; here they do not count
        shapes = [shape for shape in shapes if shape != (0,)]
    outcomes = []
    for ns in (tt, torch):
        random = np.random.default_rng(1)
        params = [
            ns.nn.Parameter(ns.zeros(*shape)) if shape else ns.nn.Parameter(ns.tensor(0.0))
            for shape in shapes
        ]
        for p in params:
            p.grad = ns.from_numpy(np.asarray(random.normal(size=tuple(p.shape)) * one, "f4"))
        utils = ns.nn.utils
        try:
            total = utils.get_total_norm([p.grad for p in params], norm_type).item()
            before = utils.clip_grad_norm_(params, largest, norm_type, error_if_nonfinite=strict).item()
        except RuntimeError as error:
            before = -1.0 if "non-finite" in str(error) else 0.0
        outcomes.append([total, before, *[x for p in params for x in p.grad.numpy().ravel()]])
    np.testing.assert_allclose(*outcomes, rtol=1e-5, atol=1e-30)
