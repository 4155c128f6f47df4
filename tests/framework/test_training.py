"""The loop: what it computes, what it tells, and that it can be stopped and continued."""

import builtins
import json
import sys

import numpy as np
import pytest

import tinytorch as tt
from tinytorch import callbacks, nn, optim
from tinytorch.autograd.anomaly import AnomalyError
from tinytorch.callbacks import (
    early_stop,
    log_lines,
    plot_lines,
    progress_bar,
    read_lines,
    save_best,
    save_every,
)
from tinytorch.checkpoint import load_checkpoint
from tinytorch.nn.functional import cross_entropy, mse_loss
from tinytorch.training import Progress, accuracy, evaluate, fit
from tinytorch.utils.data import DataLoader, TensorDataset


def rows(n=22, seed=5):
    g = tt.Generator().manual_seed(seed)
    x = tt.randn(n, 4, generator=g)
    return TensorDataset(x, (x.sum(1) > 0).long())


def network(seed=0, drop=0.0):
    tt.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 8), nn.Dropout(drop), nn.Tanh(), nn.Linear(8, 2))


def bits(model):
    return [p.detach().numpy().tobytes() for p in model.parameters()]


def run(model, data, epochs=2, lr=0.1, **options):
    optimizer = optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    return fit(model, data, optimizer, epochs=epochs, **options)


# what it computes


def test_the_loop_is_the_one_that_everybody_writes():
    model, data = network(), DataLoader(rows(), 5)
    at = run(model, data)
    other = network()
    optimizer = optim.SGD(other.parameters(), lr=0.1, momentum=0.9)
    for _ in range(2):
        for x, y in data:
            optimizer.zero_grad()
            cross_entropy(other(x), y).backward()
            optimizer.step()
    assert bits(model) == bits(other)
    assert (at.epoch, at.step, at.batch) == (2, 10, 0)


def test_means_are_over_samples_not_over_batches():
    model = network()
    at = run(model, DataLoader(rows(), 20), epochs=1, lr=0.0, metrics={"accuracy": accuracy})
    x, y = rows().tensors
    assert at.history[0]["loss"] == pytest.approx(cross_entropy(model(x), y).item(), rel=1e-6)
    assert at.history[0]["accuracy"] == pytest.approx((model(x).argmax(1) == y).float().mean().item())
    assert evaluate(model, DataLoader(rows(), 20), metrics={"accuracy": accuracy}) == pytest.approx(
        at.history[0]
    )


@pytest.mark.parametrize("n", [24, 22])  # 22: the last group of batches is short, and so is its last batch
def test_accumulated_batches_are_one_batch(n):
    one, many = network(), network()
    run(one, DataLoader(rows(n), 12), epochs=2)
    at = run(many, DataLoader(rows(n), 4), epochs=2, accumulate=3)
    assert at.step == 4
    for p, q in zip(one.parameters(), many.parameters(), strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-5, atol=1e-6)


def test_gradients_are_clipped_together_and_their_norm_is_told_before():
    model, norms = network(), []
    before = tt.nn.utils.parameters_to_vector(model.parameters()).detach()
    fit(
        model,
        DataLoader(rows(), 22),
        optim.SGD(model.parameters(), lr=1.0),
        epochs=1,
        clip=1e-3,
        after_step=[lambda at: norms.append(at.latest["gradient_norm"])],
    )
    moved = (tt.nn.utils.parameters_to_vector(model.parameters()).detach() - before).norm().item()
    assert norms[0] > 0.1 and moved == pytest.approx(1e-3, rel=1e-3)


def test_the_schedule_steps_after_each_step_and_the_rate_told_is_the_one_used():
    model, rates = network(), []
    optimizer = optim.SGD(model.parameters(), lr=1.0)
    schedule = optim.lr_scheduler.StepLR(optimizer, 2, 0.5)
    log = lambda at: rates.append(at.latest["rate"])
    fit(model, DataLoader(rows(), 11), optimizer, epochs=3, schedule=schedule, after_step=[log])
    assert rates == [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]


def test_a_loader_may_be_a_list_and_a_batch_one_tensor():
    tt.manual_seed(0)
    model = nn.Linear(3, 3)
    x = tt.randn(6, 3)
    at = run(model, [x[:4], x[4:]], epochs=60, loss=mse_loss)
    assert at.history[-1]["loss"] < 0.1 * at.history[0]["loss"]
    with pytest.raises(ValueError, match="gave no batch"):
        run(model, [], epochs=1)


def test_the_same_seed_gives_the_same_bits():
    def trained(workers):
        tt.manual_seed(3)
        model = network(drop=0.5)
        run(
            model,
            DataLoader(rows(), 5, shuffle=True, num_workers=workers),
            validate=DataLoader(rows(seed=6), 5),
        )
        return bits(model)

    assert trained(0) == trained(0) == trained(2)


def test_evaluation_is_out_of_training_and_leaves_no_trace():
    model = network(drop=0.5)
    model[2].eval()
    modes = [module.training for module in model.modules()]
    data = DataLoader(rows(), 7)
    first = evaluate(model, data)
    assert evaluate(model, data) == first  # dropout would differ
    assert [module.training for module in model.modules()] == modes
    assert all(p.grad is None for p in model.parameters())
    with pytest.raises(AttributeError):
        evaluate(model, [([1.0], tt.ones(1))])
    assert [module.training for module in model.modules()] == modes


def test_training_takes_the_model_back_from_evaluation():
    model, seen = network(drop=0.5).eval(), []
    run(
        model,
        DataLoader(rows(), 11),
        validate=DataLoader(rows(), 11),
        after_step=[lambda at: seen.append(model.training)],
    )
    assert seen == [True] * 4


# what it tells


def test_validation_stands_in_the_history_and_an_early_stop_looks_at_it():
    model = network()
    at = run(
        model,
        DataLoader(rows(), 11),
        validate=DataLoader(rows(seed=9), 11),
        metrics={"accuracy": accuracy},
        epochs=1,
    )
    assert list(at.history[0]) == ["loss", "accuracy", "validation_loss", "validation_accuracy"]
    losses = iter([3.0, 2.0, 2.5, 2.0, 2.1, 9.0])

    def pretended(at):
        at.history[-1]["pretended"] = next(losses)

    at = run(
        model, DataLoader(rows(), 11), epochs=9, after_epoch=[pretended, early_stop("pretended", patience=2)]
    )
    assert at.epoch == 5 and at.stop  # 2.0 was first reached in the second epoch, and not beaten in three
    with pytest.raises(KeyError, match="no 'lost' among the figures of an epoch: loss"):
        run(model, DataLoader(rows(), 11), epochs=1, after_epoch=[early_stop("lost", 1)])
    with pytest.raises(ValueError, match="it is min or max"):
        run(model, DataLoader(rows(), 11), epochs=1, after_epoch=[early_stop("loss", 1, "low")])


def test_the_best_epoch_is_kept(tmp_path):
    model, path, losses = network(), tmp_path / "best.safetensors", iter([3.0, 1.0, 2.0])
    weights = []

    def pretended(at):
        at.history[-1]["pretended"] = next(losses)
        weights.append(bits(model))

    run(
        model,
        DataLoader(rows(), 11),
        epochs=3,
        after_epoch=[pretended, save_best(path, "pretended", model=model)],
    )
    kept, at = network(7), Progress()
    load_checkpoint(path, model=kept, progress=at)
    assert bits(kept) == weights[1] != weights[2] and at.epoch == 2


def test_checkpoints_come_every_so_many_steps_and_at_the_end_of_an_epoch(tmp_path):
    path, steps = tmp_path / "run.safetensors", []
    model = network()
    save = save_every(path, 3, model=model)

    def seen(at):
        steps.append(tt.load(path)["parts"]["progress"]["step"] if path.exists() else None)

    run(model, DataLoader(rows(), 4), epochs=1, after_step=[save, seen], after_epoch=[save, seen])
    assert steps == [None, None, 3, 3, 3, 6, 6]


def test_the_log_has_a_line_for_each_step_and_each_epoch(tmp_path):
    path = tmp_path / "log.jsonl"
    log = log_lines(path)
    run(network(), DataLoader(rows(), 11), epochs=2, after_step=[log], after_epoch=[log])
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["step"], line["epoch"], "train" in line) for line in lines] == [
        (1, 0, True), (2, 0, True), (2, 1, False), (3, 1, True), (4, 1, True), (4, 2, False),
    ]  # fmt: skip
    assert set(lines[0]["train"]) == {"loss", "gradient_norm", "rate"} and set(lines[2]["means"]) == {"loss"}


def test_a_log_that_goes_on_has_no_line_twice_and_none_in_half(tmp_path):
    path = tmp_path / "log.jsonl"
    log = log_lines(path)
    at = run(network(), DataLoader(rows(), 11), epochs=2, after_step=[log], after_epoch=[log])
    whole = path.read_text()
    with path.open("a") as file:
        file.write('{"step": 5, "ep')  # killed in the middle of a word
    log = log_lines(path)
    log(Progress(epoch=1, step=3, batch=1, latest=json.loads(whole.splitlines()[3])["train"]))
    assert path.read_text().splitlines() == whole.splitlines()[:4]
    log_lines(path)(at)
    assert read_lines(path)[-1] == json.loads(whole.splitlines()[-1])


class Terminal:
    """A place to write to that says what it is."""

    def __init__(self, is_terminal):
        self.is_terminal, self.text = is_terminal, ""

    def isatty(self):
        return self.is_terminal

    def write(self, text):
        self.text += text

    def flush(self):
        pass


@pytest.mark.parametrize("is_terminal", [True, False])
def test_the_bar_is_drawn_on_a_terminal_and_nowhere_else(monkeypatch, capsys, is_terminal):
    screen = Terminal(is_terminal)
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(callbacks, "REDRAW", 0.0)
    run(network(), DataLoader(rows(), 6), epochs=2)
    assert capsys.readouterr().out == ""
    if not is_terminal:
        assert screen.text == ""
        return
    assert f"\repoch 1/2 [{'=' * 12}{' ' * 12}] 2/4  loss 0." in screen.text
    assert screen.text.count("\n") == 2 and "\repoch 2/2  loss 0." in screen.text


def test_a_bar_without_a_known_length_counts(monkeypatch):
    screen = Terminal(True)
    monkeypatch.setattr(sys, "stderr", screen)
    progress_bar(None, 3)(Progress(batch=7, latest={"loss": 0.25}))
    assert screen.text.startswith("\repoch 1/3 [") and "] 7  loss 0.25" in screen.text


def test_curves_are_drawn_of_a_log(tmp_path):
    path = tmp_path / "log.jsonl"
    log = log_lines(path)
    run(
        network(),
        DataLoader(rows(), 6),
        epochs=3,
        validate=DataLoader(rows(), 6),
        after_step=[log],
        after_epoch=[log],
    )
    for name in ("curves.svg", "curves.png"):
        plot_lines(path, tmp_path / name)
        assert (tmp_path / name).stat().st_size > 5000
    svg = (tmp_path / "curves.svg").read_text()
    assert all(f"<!-- {word} -->" in svg for word in ("loss", "gradient_norm", "rate", "validation_loss"))


def test_without_matplotlib_the_plot_says_how_to_install_it(tmp_path, monkeypatch):
    real = builtins.__import__

    def absent(name, *args, **options):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        plot_lines(tmp_path / "log", tmp_path / "picture.svg")


# numbers that are none


class Fragile(nn.Module):
    """A model in which something goes wrong when it is told to."""

    def __init__(self, wrong=None):
        super().__init__()
        self.first, self.drop, self.wrong = nn.Linear(4, 2), nn.Dropout(0.5), wrong
        self.register_buffer("mask", tt.tensor([0.0, float("-inf")]))

    def forward(self, x):
        y = self.drop(self.first(x))
        if self.wrong is not None:
            y = self.wrong(y)
        return y


def log_of_nothing(y):
    return y + (y * 0.0).log() * 0.0  # the line that made it


def huge(y):
    return (y * 1e38) * 1e38


def infinite_slope(y):
    return (y * 0.0).abs().sqrt() + y


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (log_of_nothing, r"the loss is nan after 0 steps, in epoch 1 after 0 batches: Log of \(11, 2\) made -inf of .*the line that made it.*Then Mul of"),
        (huge, r"the loss is (nan|inf) after 0 steps.*Mul of .* made -?inf of"),
        (infinite_slope, r"the norm of the gradients is nan.*Function '\w+Backward0' returned nan or infinite values.*infinite_slope"),
    ],
)  # fmt: skip
def test_a_number_that_is_none_is_traced_to_its_operation_and_line(wrong, words):
    tt.manual_seed(0)
    model = Fragile(wrong)
    with pytest.raises(AnomalyError, match=f"(?s){words}") as caught:
        run(model, DataLoader(rows(), 11), epochs=1)
    assert "test_training.py" in str(caught.value) and wrong.__name__ in str(caught.value)


def test_the_step_at_which_it_happened_is_named_and_dropout_drops_the_same_again():
    tt.manual_seed(0)
    calls = []

    def sometimes(y):
        calls.append(y.detach().numpy().tobytes())
        return log_of_nothing(y) if len(calls) >= 4 else y

    with pytest.raises(AnomalyError, match="after 3 steps, in epoch 2 after 1 batches"):
        run(Fragile(sometimes), DataLoader(rows(), 11), epochs=2)
    assert len(calls) == 5 and calls[3] == calls[4]


def test_numbers_that_were_none_before_are_named():
    model = Fragile()
    x, y = rows().tensors
    x[3, 1] = float("nan")
    with pytest.raises(AnomalyError, match=r"part 0 of the batch, of shape \(22, 4\), holds nan already"):
        run(model, [(x, y)], epochs=1)
    model.first.weight.data[0, 0] = float("inf")
    with pytest.raises(AnomalyError, match=r"parameter 'first.weight', of shape \(2, 4\), holds inf already"):
        run(model, DataLoader(rows(), 22), epochs=1)


def test_gradients_that_are_large_together_are_told_from_infinite_ones():
    model = nn.Linear(2, 1, bias=False)
    loss = lambda prediction, target: prediction.mean() * 1e25
    with pytest.raises(AnomalyError, match="each number is finite, and their sum is more"):
        run(model, [(tt.ones(1, 2), tt.ones(1))], epochs=1, loss=loss)


# continuing


def parts(kind):
    """A run with all that can make it differ: order, noise, dropout, momentum, schedule, clipping."""
    tt.manual_seed(1)
    model = network(2, drop=0.3)
    optimizer = optim.AdamW(model.parameters(), lr=0.01)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, 12)
    if kind == "list":
        data = rows().tensors
        loader = [(data[0][i : i + 5], data[1][i : i + 5]) for i in range(0, 22, 5)]
    else:
        own = tt.Generator().manual_seed(4) if kind == "own" else None
        loader = DataLoader(rows(), 5, shuffle=True, generator=own, num_workers=2 if kind == "workers" else 0)
    return model, optimizer, schedule, loader


class Killed(Exception):
    """Stands for the end of a process."""


@pytest.mark.parametrize("kind", ["default", "own", "workers", "list"])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_run_can_be_continued_from_every_step(tmp_path, kind, accumulate):
    def start(path=None, until=None, epochs=3):
        model, optimizer, schedule, loader = parts(kind)
        named = {"model": model, "optimizer": optimizer, "schedule": schedule}
        at = Progress()
        if path is not None and path.exists():
            load_checkpoint(path, progress=at, **named)
        save = [] if path is None else [save_every(path, **named)]

        def die(at):
            if until is not None and at.step == until[0] and at.within_epoch == until[1]:
                raise Killed

        options = {"schedule": schedule, "clip": 0.5, "progress": at, "accumulate": accumulate}
        options |= {
            "validate": DataLoader(rows(seed=8), 6),
            "after_step": [*save, die],
            "after_epoch": [*save, die],
        }
        fit(model, loader, optimizer, epochs=epochs, **options)
        return bits(model), at.history, at.step, schedule.get_last_lr(), tt.get_rng_state().tolist()

    whole = start()
    per_epoch = whole[2] // 3
    for step in (
        (1, True),
        (per_epoch, True),
        (per_epoch, False),
        (per_epoch + 1, True),
        (2 * per_epoch - 1, True),
    ):
        path = tmp_path / f"{step}.safetensors"
        with pytest.raises(Killed):
            start(path, step)
        assert start(path) == whole


def test_more_epochs_can_be_added_in_the_same_process():
    model, optimizer, _, loader = parts("own")
    at = fit(model, loader, optimizer, epochs=1)
    fit(model, loader, optimizer, epochs=3, progress=at)
    other, optimizer, _, loader = parts("own")
    fit(other, loader, optimizer, epochs=3)
    assert bits(model) == bits(other)
