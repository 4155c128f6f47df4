"""Anomaly mode: nan and failing gradients name the line that called the operation."""

import re
import warnings

import pytest

import tinytorch as tt
from tinytorch import autograd, nn
from tinytorch.autograd import anomaly, detect_anomaly, set_detect_anomaly
from tinytorch.autograd.anomaly import AnomalyError, suspects
from tinytorch.observe import LISTENING, observing
from tinytorch.ops.card import Fused
from tinytorch.tensor import apply

pytestmark = pytest.mark.filterwarnings("ignore:Anomaly Detection")


def root_of_nothing(x):
    return (x * 0).sqrt().sum()  # the line that is wanted


class Spoilt(autograd.Function):
    """A primitive whose gradient is nan, or fails."""

    fails = False

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, g):
        if Spoilt.fails:
            raise KeyError("no such gradient")
        return g * float("nan")


def ones():
    return tt.ones(3, requires_grad=True)


def test_a_gradient_that_is_nan_names_its_operation_and_the_line():
    with detect_anomaly():
        y = root_of_nothing(ones())
        with pytest.raises(
            RuntimeError, match=r"Function 'MulBackward0' returned nan values in its 0th output"
        ) as e:
            y.backward()
    assert isinstance(e.value, AnomalyError)
    assert "the line that is wanted" in str(e.value) and "test_anomaly.py" in str(e.value)
    assert "tinytorch/tensor.py" not in str(e.value)


def test_the_output_that_is_nan_is_counted():
    x, y = tt.full((2,), float("inf"), requires_grad=True), tt.zeros(2, requires_grad=True)
    for product, place in ((lambda: x * y, 1), (lambda: y * x, 0)):
        with (
            detect_anomaly(),
            pytest.raises(AnomalyError, match=f"returned nan values in its {place}th output"),
        ):
            product().backward(tt.zeros(2))


def test_backward_in_the_mode_is_enough_to_see_it_and_forward_to_name_the_line():
    y = root_of_nothing(ones())
    with detect_anomaly(), pytest.raises(AnomalyError, match="ran outside of anomaly mode"):
        y.backward()
    with detect_anomaly():
        y = root_of_nothing(ones())
    y.backward()  # outside it is as always


def test_without_the_check_only_errors_are_explained():
    x = ones()
    with detect_anomaly(check_nan=False):
        root_of_nothing(x).backward()
    assert x.grad.isnan().all()


def test_a_primitive_of_ones_own_is_named():
    with detect_anomaly():
        y = Spoilt.apply(ones()).sum()
        with pytest.raises(AnomalyError, match="'SpoiltBackward0' returned nan values in its 0th"):
            y.backward()


def test_an_error_in_a_gradient_notes_the_line(monkeypatch):
    monkeypatch.setattr(Spoilt, "fails", True)
    with detect_anomaly():
        y = (Spoilt.apply(ones()) * 2).sum()
        with pytest.raises(KeyError, match="no such gradient") as caught:
            y.backward()
    (note,) = caught.value.__notes__
    assert note.startswith("This is the gradient of SpoiltBackward0.")


def test_the_gradient_of_a_fused_card_is_that_of_the_card():
    x = tt.full((2, 3), float("inf"), requires_grad=True)
    with detect_anomaly():
        y = nn.functional.cross_entropy(x, tt.tensor([0, 1]))
        with pytest.raises(AnomalyError, match="'CrossEntropyBackward0' returned nan"):
            y.backward()


class Broken(Fused):
    """A card that is its definition, in the middle of which the gradient is nan."""

    __slots__ = ()

    def definition(self, x):
        return (x * 0).sqrt()


def test_the_gradient_of_a_definition_is_that_of_its_card():
    with detect_anomaly():
        y = apply(Broken(), ones())
        with pytest.raises(AnomalyError, match=r"(?s)'BrokenBackward0' returned nan.*y = apply"):
            y.sum().backward()


@pytest.mark.parametrize("create_graph", [False, True])
def test_gradients_are_the_same_in_the_mode(create_graph):
    def gradients():
        x = tt.linspace(-1, 2, 6).reshape(2, 3).requires_grad_()
        w = tt.linspace(1, 2, 12).reshape(3, 4).requires_grad_()
        y = nn.functional.softmax((x @ w).tanh(), 1)[:, 1:].expand(2, 2, 3) * x.sum()
        found = autograd.grad(y.square().sum(), (x, w), create_graph=create_graph)
        if create_graph:
            (found[0].square().sum() + found[1].sum()).backward()
            found = (*found, x.grad, w.grad)
        return [g.detach().numpy().tobytes() for g in found]

    plain = gradients()
    with detect_anomaly():
        assert gradients() == plain


def test_the_mode_is_put_back_and_leaves_other_observers_alone():
    seen = []
    with observing(lambda *each: seen.append(each)):
        with detect_anomaly():
            assert anomaly.is_anomaly_enabled()
            with set_detect_anomaly(False):
                assert not anomaly.is_anomaly_enabled()
            with set_detect_anomaly(True, check_nan=False):
                assert not anomaly.is_anomaly_check_nan_enabled()
            assert anomaly.is_anomaly_enabled() and anomaly.is_anomaly_check_nan_enabled()
            tt.ones(1) + 1
        assert len(seen) == 1 and len(LISTENING.observers) == 1
    set_detect_anomaly(True)
    assert anomaly.is_anomaly_enabled()
    set_detect_anomaly(False)
    assert not anomaly.is_anomaly_enabled() and LISTENING.observers == ()


def test_making_the_slow_block_says_so():
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        detect_anomaly()
    assert [str(each.message)[:25] for each in said] == ["Anomaly Detection has bee"]


def test_lines_are_forgotten_with_their_graph():
    with detect_anomaly():
        before = len(anomaly.LINES)
        y = root_of_nothing(ones())
        assert len(anomaly.LINES) == before + 3
        del y
    assert len(anomaly.LINES) == before


# suspects


def made_of(action):
    with suspects() as found:
        action()
    return {kind: re.sub(r"\. It belongs.*", "", text, flags=re.DOTALL) for kind, text in found.items()}


def test_the_first_operation_that_makes_a_number_that_is_none_is_found():
    x = tt.tensor([[1.0, 0.0, 2.0]])
    assert made_of(lambda: x.log() * 0) == {
        "inf": "Log of (1, 3) made -inf of 0 at [0, 1]",
        "nan": "Mul of (1, 3) and () made nan of -inf at [0, 1]",
    }
    assert made_of(lambda: (x * 1e38) @ tt.full((3, 1), 1e38)) == {
        "inf": "MatMul of (1, 3) and (3, 1) made inf at [0, 0]"
    }
    assert made_of(lambda: x.exp().sum()) == {}


def test_numbers_that_were_given_are_nobodys_fault():
    mask = tt.tensor([0.0, float("-inf")])
    assert made_of(lambda: (tt.ones(2) + mask).softmax(0)) == {}
    assert list(made_of(lambda: mask - mask)) == ["nan"]


def test_infinite_gradients_are_refused_among_suspects():
    with pytest.raises(AnomalyError, match="'SqrtBackward0' returned nan or infinite values"):
        made_of(lambda: tt.zeros(1, requires_grad=True).sqrt().sum().backward())
