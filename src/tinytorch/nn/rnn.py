"""Recurrent layers: a state that is brought up to date with each element of a sequence."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any, cast

from tinytorch.creation import cat, empty, stack, zeros
from tinytorch.dtypes import dtype as Dtype
from tinytorch.errors import ShapeError
from tinytorch.nn import functional, init
from tinytorch.nn.module import Module
from tinytorch.nn.parameter import Parameter
from tinytorch.nn.utils.rnn import PackedSequence
from tinytorch.ops.parts import equal_parts, parts
from tinytorch.tensor import Tensor

State = tuple[Tensor, ...]  # (h,), or (h, c) of an LSTM; each (batch, hidden)
Step = Callable[..., State]

# Each step takes what the input contributes to the gates (batch, gates * hidden), the state, and the weights
# that the state goes through; it gives the new state. The gates stand in PyTorch's order.


def tanh_step(x: Tensor, state: State, w_hh: Tensor, b_hh: Tensor | None = None) -> State:
    """tanh(x + w_hh h + b_hh): Elman, 1990."""
    return ((x + functional.linear(state[0], w_hh, b_hh)).tanh(),)


def relu_step(x: Tensor, state: State, w_hh: Tensor, b_hh: Tensor | None = None) -> State:
    """relu(x + w_hh h + b_hh)."""
    return ((x + functional.linear(state[0], w_hh, b_hh)).relu(),)


def lstm_step(
    x: Tensor, state: State, w_hh: Tensor, b_hh: Tensor | None = None, w_hr: Tensor | None = None
) -> State:
    """A memory that is partly forgotten and partly written, and read through a gate: Hochreiter and Schmidhuber, 1997.

    With w_hr what is read is projected: Sak et al., 2014.
    """
    h, c = state
    written, kept, new, read = equal_parts(x + functional.linear(h, w_hh, b_hh), 4)
    c = kept.sigmoid() * c + written.sigmoid() * new.tanh()
    h = read.sigmoid() * c.tanh()
    return (h if w_hr is None else functional.linear(h, w_hr)), c


def gru_step(x: Tensor, state: State, w_hh: Tensor, b_hh: Tensor | None = None) -> State:
    """A mixture of the old state and a new one that sees part of the old: Cho et al., 2014."""
    (h,) = state
    reset, kept, new = equal_parts(x, 3)
    reset_h, kept_h, new_h = equal_parts(functional.linear(h, w_hh, b_hh), 3)
    new = (new + (reset + reset_h).sigmoid() * new_h).tanh()
    return (new + (kept + kept_h).sigmoid() * (h - new),)


MODES: dict[str, tuple[int, Step]] = {  # how many gates, and the step
    "RNN_TANH": (1, tanh_step),
    "RNN_RELU": (1, relu_step),
    "LSTM": (4, lstm_step),
    "GRU": (3, gru_step),
}


def unroll(
    step: Step, x: Tensor, state: State, sizes: Sequence[int], backwards: bool, weights: Sequence[Tensor]
) -> tuple[Tensor, State]:
    """A step for each element: all new states (elements, hidden) in order, and the last of each sequence.

    x (elements, gates * hidden) as in a PackedSequence; sizes: how many sequences go on at each step, never
    more than before. Backwards, a sequence comes in at its last element.
    """
    steps = parts(x, tuple(sizes))
    outs: list[Tensor] = []
    ended: list[State] = []
    now = tuple([each.narrow(0, 0, sizes[-1] if backwards else sizes[0]) for each in state])
    for t in reversed(range(len(sizes))) if backwards else range(len(sizes)):
        size, before = sizes[t], now[0].shape[0]
        if size < before:
            ended.append(tuple([each.narrow(0, size, before - size) for each in now]))
            now = tuple([each.narrow(0, 0, size) for each in now])
        elif size > before:
            come_in = [each.narrow(0, before, size - before) for each in state]
            now = tuple([each.cat_after(new, 0) for each, new in zip(now, come_in, strict=True)])
        now = step(steps[t], now, *weights)
        outs.append(now[0])
    last = tuple([cat(list(parts)) for parts in zip(now, *reversed(ended), strict=True)]) if ended else now
    return cat(outs[::-1] if backwards else outs), last


def spread_evenly(module: Module, hidden_size: int) -> None:
    """All parameters uniform within 1 / sqrt(hidden_size)."""
    bound = 1.0 / math.sqrt(hidden_size) if hidden_size > 0 else 0.0
    for weight in module.parameters():
        init.uniform_(weight, -bound, bound)


class RNNBase(Module):
    """What RNN, LSTM and GRU share: layers on top of each other, each in one or two directions.

    mode: "RNN_TANH", "RNN_RELU", "LSTM" or "GRU". Layer l has weight_ih_l (gates * hidden, input),
    weight_hh_l (gates * hidden, hidden), bias_ih_l and bias_hh_l (gates * hidden,), with `proj_size` also
    weight_hr_l (proj, hidden); those of the second direction end in _reverse. Dropout acts between layers.
    """

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Dtype | None = None,
    ) -> None:
        super().__init__()
        check_options(mode, input_size, hidden_size, num_layers, bias, batch_first, dropout, proj_size)
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        directions = ("", "_reverse") if bidirectional else ("",)
        self.names = [f"l{layer}{end}" for layer in range(num_layers) for end in directions]
        for i, name in enumerate(self.names):
            self.register_weights(name, first=i < len(directions), dtype=dtype)
        self.reset_parameters()

    def register_weights(self, name: str, first: bool, dtype: Dtype | None) -> None:
        """The parameters of one layer in one direction, in PyTorch's order."""
        rows = MODES[self.mode][0] * self.hidden_size
        out = self.proj_size or self.hidden_size
        wide = self.input_size if first else out * (2 if self.bidirectional else 1)
        shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, wide), "weight_hh": (rows, out)}
        if self.bias:
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        for kind, shape in shapes.items():
            self.register_parameter(f"{kind}_{name}", Parameter(empty(shape, dtype=dtype)))

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of each layer in each direction."""
        kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
        each = [[self._parameters.get(f"{kind}_{name}") for kind in kinds] for name in self.names]
        return [[weight for weight in weights if weight is not None] for weights in each]

    def flatten_parameters(self) -> None:
        """Nothing: in PyTorch it moves weights together for a library of GPUs."""

    def reset_parameters(self) -> None:
        """All uniform within 1 / sqrt(hidden_size)."""
        spread_evenly(self, self.hidden_size)

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """The outputs of the last layer at every step, and the last state of every layer.

        input (T, N, input_size), with `batch_first` (N, T, input_size), (T, input_size) without a batch, or a
        PackedSequence. The outputs have its form and hidden_size (or proj_size) numbers, twice as many in two
        directions. The state, given and returned, is (layers * directions, N, hidden_size), zeros unless
        given; an LSTM's is a pair (h, c), where h has proj_size numbers with a projection.
        """
        if isinstance(input, PackedSequence):
            return self.forward_packed(input, hx)
        batched = self.check_rank(input)
        steps = input.unsqueeze(1) if not batched else input.transpose(0, 1) if self.batch_first else input
        self.check_input(steps, 3)
        length, batch = steps.shape[:2]
        if not length:
            raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
        state = self.first_state(steps, batch, hx, batched)
        out, last = self.stacked(steps.flatten(0, 1), state, [batch] * length)
        out = out.reshape(length, batch, out.shape[-1])
        if not batched:
            return out.squeeze(1), self.given_back([each.squeeze(1) for each in last])
        return out.transpose(0, 1) if self.batch_first else out, self.given_back(last)

    def forward_packed(self, input: PackedSequence, hx: Any) -> tuple[PackedSequence, Any]:
        """The same for a PackedSequence; the states stand in the caller's order."""
        self.check_input(input.data, 2)
        sizes = input.batch_sizes.tolist()
        state = self.first_state(input.data, sizes[0], hx, True)
        if input.sorted_indices is not None:
            state = tuple([each.index_select(1, input.sorted_indices) for each in state])
        out, last = self.stacked(input.data, state, sizes)
        if input.unsorted_indices is not None:
            last = tuple([each.index_select(1, input.unsorted_indices) for each in last])
        return PackedSequence(out, *input[1:]), self.given_back(last)

    def given_back(self, state: Sequence[Tensor]) -> Any:
        """A state as the caller holds it."""
        return tuple(state) if self.mode == "LSTM" else state[0]

    def stacked(self, rows: Tensor, state: State, sizes: Sequence[int]) -> tuple[Tensor, State]:
        """All layers over rows (elements, input_size); the states are (layers * directions, N, hidden) each."""
        directions = 2 if self.bidirectional else 1
        lasts: list[State] = []
        for first in range(0, len(self.names), directions):
            rows = functional.dropout(rows, self.dropout, self.training and first > 0)
            outs = []
            for i in range(first, first + directions):
                before = tuple([each[i] for each in state])
                out, last = self.one_direction(rows, before, sizes, self.names[i], backwards=i > first)
                outs.append(out)
                lasts.append(last)
            rows = cat(outs, -1)
        return rows, tuple([stack(each) for each in zip(*lasts, strict=True)])

    def one_direction(
        self, rows: Tensor, state: State, sizes: Sequence[int], name: str, backwards: bool
    ) -> tuple[Tensor, State]:
        """One layer in one direction: what the input contributes to all steps is one product."""
        kinds = ("weight_ih", "bias_ih", "weight_hh", "bias_hh", "weight_hr")
        w_ih, b_ih, w_hh, b_hh, w_hr = [cast(Any, self._parameters.get(f"{kind}_{name}")) for kind in kinds]
        x = functional.linear(rows, w_ih, b_ih)  # (elements, gates * hidden)
        weights = (w_hh, b_hh) if w_hr is None else (w_hh, b_hh, w_hr)
        return unroll(MODES[self.mode][1], x, state, sizes, backwards, weights)

    def first_state(self, rows: Tensor, batch: int, hx: Any, batched: bool) -> State:
        """The state that was given, as (layers * directions, N, hidden) each, or zeros."""
        shapes = [(len(self.names), batch, self.proj_size or self.hidden_size)]
        if self.mode == "LSTM":
            shapes.append((len(self.names), batch, self.hidden_size))
        if hx is None:
            return tuple([zeros(shape, dtype=rows.dtype) for shape in shapes])
        given = tuple(hx) if self.mode == "LSTM" else (hx,)
        if len(given) != len(shapes):
            raise RuntimeError(f"the state of an LSTM is a pair (h, c), not {len(given)} tensors")
        rank = 3 if batched else 2
        if any(each.ndim != rank for each in given):
            raise RuntimeError(
                f"For {'batched 3-D' if batched else 'unbatched 2-D'} input, the state should also be {rank}-D "
                f"but got {', '.join([f'{each.ndim}-D' for each in given])}"
            )
        whole = tuple([each if batched else each.unsqueeze(1) for each in given])
        for i, (each, shape) in enumerate(zip(whole, shapes, strict=True)):
            if each.shape != shape:
                raise RuntimeError(f"Expected hidden[{i}] size {shape}, got {each.shape}")
        return whole

    def check_rank(self, input: Tensor) -> bool:
        """Whether there is a batch. Raises ValueError for neither."""
        if input.ndim not in (2, 3):
            raise ValueError(
                f"{type(self).__name__}: Expected input to be 2D or 3D, got {input.ndim}D instead"
            )
        return input.ndim == 3

    def check_input(self, input: Tensor, rank: int) -> None:
        """Raises for an input of another type or size."""
        dtype = self._parameters[f"weight_ih_{self.names[0]}"].dtype
        if input.dtype is not dtype:
            raise ValueError(f"RNN input dtype ({input.dtype}) does not match weight dtype ({dtype})")
        if input.ndim != rank:
            raise RuntimeError(f"input must have {rank} dimensions, got {input.ndim}")
        if input.shape[-1] != self.input_size:
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {input.shape[-1]}"
            )

    def extra_repr(self) -> str:
        options = {
            "proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False,
        }  # fmt: skip
        said = [f", {n}={getattr(self, n)}" for n, usual in options.items() if getattr(self, n) != usual]
        return f"{self.input_size}, {self.hidden_size}{''.join(said)}"


def check_options(
    mode: str,
    input_size: Any,
    hidden_size: Any,
    num_layers: int,
    bias: Any,
    batch_first: Any,
    dropout: Any,
    proj_size: int,
) -> None:
    """Raises for what no recurrent layer can be made of; warns of a dropout that acts nowhere."""
    if mode not in MODES:
        raise ValueError(f"Unrecognized RNN mode: {mode}")
    for name, given, kind in (
        ("bias", bias, bool),
        ("batch_first", batch_first, bool),
        ("input_size", input_size, int),
        ("hidden_size", hidden_size, int),
    ):
        if not isinstance(given, kind):
            raise TypeError(f"{name} should be of type {kind.__name__}, got: {type(given).__name__}")
    if isinstance(dropout, bool) or not isinstance(dropout, (int, float)) or not 0 <= dropout <= 1:
        raise ValueError(f"dropout should be a number in range [0, 1], a probability, and not {dropout}")
    for name, size in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
        if size <= 0:
            raise ValueError(f"{name} must be greater than zero, and it is {size}")
    if not 0 <= proj_size < hidden_size:
        raise ValueError(f"proj_size has to be smaller than hidden_size: {proj_size} and {hidden_size}")
    if dropout > 0 and num_layers == 1:
        warnings.warn(
            "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects "
            f"num_layers greater than 1, but got dropout={dropout} and num_layers={num_layers}",
            stacklevel=4,
        )


def only_lstm(proj_size: int | None) -> None:
    """Raises ValueError for a projection in a layer that has none."""
    if proj_size is not None:
        raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")


class RNN(RNNBase):
    """h = tanh(W x + U h + b) at each step: Elman, 1990. Weights and states as in `RNNBase`.

    >>> import tinytorch as tt
    >>> out, last = RNN(3, 4)(tt.ones(5, 2, 3))
    >>> out.shape, last.shape
    ((5, 2, 4), (1, 2, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Dtype | None = None,
        *,
        proj_size: int | None = None,
    ) -> None:
        only_lstm(proj_size)
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        options = (num_layers, bias, batch_first, dropout, bidirectional)
        super().__init__(f"RNN_{nonlinearity.upper()}", input_size, hidden_size, *options, dtype=dtype)
        self.nonlinearity = nonlinearity


class LSTM(RNNBase):
    """Long short-term memory: Hochreiter and Schmidhuber, 1997. Weights and states as in `RNNBase`.

    The four gates stand in the order input, forget, cell, output.

    >>> import tinytorch as tt
    >>> out, (h, c) = LSTM(3, 4, num_layers=2, bidirectional=True)(tt.ones(5, 2, 3))
    >>> out.shape, h.shape, c.shape
    ((5, 2, 8), (4, 2, 4), (4, 2, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Dtype | None = None,
    ) -> None:
        options = (num_layers, bias, batch_first, dropout, bidirectional, proj_size)
        super().__init__("LSTM", input_size, hidden_size, *options, dtype=dtype)


class GRU(RNNBase):
    """Gated recurrent unit: Cho et al., 2014. Weights and states as in `RNNBase`.

    The three gates stand in the order reset, update, new.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Dtype | None = None,
        *,
        proj_size: int | None = None,
    ) -> None:
        only_lstm(proj_size)
        options = (num_layers, bias, batch_first, dropout, bidirectional)
        super().__init__("GRU", input_size, hidden_size, *options, dtype=dtype)


class RNNCellBase(Module):
    """One step of a recurrent layer: weight_ih (gates * hidden, input), weight_hh (gates * hidden, hidden), two biases."""

    weight_ih: Parameter
    weight_hh: Parameter
    bias_ih: Parameter | None
    bias_hh: Parameter | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: Any = None,
        dtype: Dtype | None = None,
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = num_chunks * hidden_size
        self.weight_ih = Parameter(empty(rows, input_size, dtype=dtype))
        self.weight_hh = Parameter(empty(rows, hidden_size, dtype=dtype))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, Parameter(empty(rows, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """All uniform within 1 / sqrt(hidden_size)."""
        spread_evenly(self, self.hidden_size)

    def stepped(self, step: Step, input: Tensor, hx: Sequence[Tensor | None]) -> State:
        """The new state; an input (input_size,) without a batch has a state (hidden_size,)."""
        if input.ndim not in (1, 2):
            raise ValueError(
                f"{type(self).__name__}: Expected input to be 1D or 2D, got {input.ndim}D instead"
            )
        x = input if input.ndim == 2 else input.unsqueeze(0)
        if x.shape[1] != self.input_size:
            raise ShapeError(
                f"input has inconsistent input_size: got {x.shape[1]} expected {self.input_size}"
            )
        state = tuple([self.batched(each, x, input.ndim) for each in hx])
        x = functional.linear(x, self.weight_ih, self.bias_ih)
        new = step(x, state, self.weight_hh, self.bias_hh)
        return new if input.ndim == 2 else tuple([each.squeeze(0) for each in new])

    def batched(self, given: Tensor | None, x: Tensor, rank: int) -> Tensor:
        """One part of a state as (N, hidden_size); zeros where there is none."""
        shape = (x.shape[0], self.hidden_size)
        if given is None:
            return zeros(shape, dtype=x.dtype)
        if given.ndim not in (1, 2):
            raise ValueError(
                f"{type(self).__name__}: Expected hidden to be 1D or 2D, got {given.ndim}D instead"
            )
        state = given if rank == 2 else given.unsqueeze(0)
        if state.shape != shape:
            raise ShapeError(
                f"a hidden state of shape {given.shape} does not go with an input of {shape[0]} rows"
            )
        return state

    def extra_repr(self) -> str:
        bend = getattr(self, "nonlinearity", "tanh")
        return (
            f"{self.input_size}, {self.hidden_size}"
            + ("" if self.bias is True else f", bias={self.bias}")
            + ("" if bend == "tanh" else f", nonlinearity={bend}")
        )


class RNNCell(RNNCellBase):
    """One step of an RNN: input (N, input_size), state (N, hidden_size) to a new state."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, dtype=dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """The new state."""
        mode = f"RNN_{self.nonlinearity.upper()}"
        if mode not in MODES:
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        return self.stepped(MODES[mode][1], input, (hx,))[0]


class LSTMCell(RNNCellBase):
    """One step of an LSTM: input (N, input_size), state (h, c) of (N, hidden_size) each to a new state."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, dtype=dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """The new state (h, c)."""
        h, c = self.stepped(lstm_step, input, (None, None) if hx is None else hx)
        return h, c


class GRUCell(RNNCellBase):
    """One step of a GRU: input (N, input_size), state (N, hidden_size) to a new state."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, dtype=dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """The new state."""
        return self.stepped(gru_step, input, (hx,))[0]
