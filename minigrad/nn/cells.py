"""Recurrent cells: one step each, which reads like its equations.

The matrices of all gates lie side by side in one, so that a step is two matrix products. Their
order is that of PyTorch, whose ``weight_ih_l0`` is `weight_ih` transposed.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError
from ..functions import relu, sigmoid, split, tanh
from ..random import Generator
from ..variables import Parameter, Variable
from . import init
from .cell import EPSILON, Cell, State, initial_state, parts_of
from .layers import Dropout, LayerNorm, Rng
from .module import Module

__all__ = ["GRUCell", "LSTMCell", "RNNCell", "StackedCells"]

_ACTIVATIONS = {"tanh": tanh, "relu": relu}


class RNNCell(Cell):
    """The plain recurrent cell:

        h' = tanh(x W_ih + h W_hh + b)

    with W_ih (F, H), W_hh (H, H), b (H,); the state and the output are h' (B, H) (Elman, "Finding
    structure in time", 1990).

    Args:
        activation: "tanh" or "relu". relu with ``recurrent_init=init.identity`` is the IRNN (Le,
            Jaitly and Hinton, 2015).

    and those of `Cell`.

    >>> import minigrad as mg
    >>> cell = RNNCell(4, 5, rng=0)
    >>> h, state = cell(mg.input("x", ("B", 4)), cell.zero_state("B"))
    >>> h.shape
    (B, 5)
    """

    gates = 1

    def __init__(
        self, input_size: int, hidden_size: int, activation: str = "tanh", **settings: Any
    ) -> None:
        super().__init__(input_size, hidden_size, **settings)
        if activation not in _ACTIVATIONS:
            raise ArgumentError(f'the activation is "tanh" or "relu", and not {activation!r}')
        self.activation = activation

    def step(self, x: Variable, *state: Variable) -> State:
        (h,) = state
        return (_ACTIVATIONS[self.activation](self.of_input(x) + self.of_state(h)),)


class LSTMCell(Cell):
    """The long short-term memory:

        i = σ(x W_ii + h W_hi + b_i)        input gate
        f = σ(x W_if + h W_hf + b_f)        forget gate
        g = tanh(x W_ig + h W_hg + b_g)     what might be written
        o = σ(x W_io + h W_ho + b_o)        output gate
        c' = f ⊙ c + i ⊙ g
        h' = o ⊙ tanh(c')

    The state is (h, c), each (B, H), the output h'. The gates lie in the order i, f, g, o in
    weight_ih (F, 4H), weight_hh (H, 4H) and bias (4H,). (Hochreiter and Schmidhuber, "Long
    short-term memory", 1997; with the forget gate of Gers, Schmidhuber and Cummins, 2000.)

    Args:
        forget_bias: where the bias of the forget gate starts; with 1 the cell starts by
            remembering, which long dependencies need (Jozefowicz, Zaremba and Sutskever, 2015).
        peepholes: whether the gates see the cell: p_i ⊙ c is added in i, p_f ⊙ c in f and p_o ⊙ c'
            in o, with p_i, p_f, p_o in peephole (3H,), zeros at first (Gers and Schmidhuber,
            "Recurrent nets that time and count", 2000).
        proj_size: P; the output is then h' = (o ⊙ tanh(c')) W_hr (B, P), with weight_hr (H, P) and
            weight_hh (P, 4H) (Sak, Senior and Beaufays, "Long short-term memory based recurrent
            neural network architectures", 2014).

    and those of `Cell`.

    >>> import minigrad as mg
    >>> cell = LSTMCell(4, 5, rng=0)
    >>> out, (h, c) = cell(mg.input("x", ("B", 4)), cell.zero_state("B"))
    >>> out.shape, c.shape
    ((B, 5), (B, 5))
    """

    gates = 4
    state_names = ("h", "c")

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        forget_bias: float = 0.0,
        peepholes: bool = False,
        proj_size: int | None = None,
        **settings: Any,
    ) -> None:
        if proj_size is not None and (not isinstance(proj_size, int) or proj_size < 1):
            raise ArgumentError(f"proj_size is a number from 1 up, or None, and not {proj_size!r}")
        self.proj_size = proj_size
        rng = settings["rng"] = np.random.default_rng(settings.get("rng"))
        super().__init__(input_size, hidden_size, **settings)
        if proj_size is not None:
            start = settings.get("recurrent_init", init.recurrent_uniform)
            self.weight_hr = Parameter(
                start((hidden_size, proj_size), rng, self.dtype), "weight_hr"
            )
        bias = self.bias.get_value()
        bias[hidden_size : 2 * hidden_size] = forget_bias
        self.bias.set_value(bias)
        self.peephole = (
            Parameter(np.zeros(3 * hidden_size, self.dtype), "peephole") if peepholes else None
        )
        if self.layer_norm:
            self.norm_c = LayerNorm(hidden_size, EPSILON, self.dtype)

    @property
    def state_sizes(self) -> tuple[int, ...]:
        return self.proj_size or self.hidden_size, self.hidden_size

    def step(self, x: Variable, *state: Variable) -> State:
        h, c = state
        i, f, g, o = split(self.of_input(x) + self.of_state(h), 4, axis=-1)
        if self.peephole is not None:
            p_i, p_f, p_o = split(self.peephole, 3)
            i, f = i + p_i * c, f + p_f * c
        i = sigmoid(i).named("i")
        f = sigmoid(f).named("f")
        g = tanh(g).named("g")
        c = f * c + i * g
        if self.peephole is not None:
            o = o + p_o * c
        o = sigmoid(o).named("o")
        h = o * tanh(self.norm_c(c) if self.layer_norm else c)
        return (h if self.proj_size is None else h @ self.weight_hr), c


class GRUCell(Cell):
    """The gated recurrent unit:

        r = σ(x W_ir + h W_hr + b_r)                    reset gate
        z = σ(x W_iz + h W_hz + b_z)                    update gate
        n = tanh(x W_in + b_n + r ⊙ (h W_hn + b_hn))    what is new
        h' = (1 - z) ⊙ n + z ⊙ h

    The state and the output are h' (B, H). The gates lie in the order r, z, n in weight_ih (F, 3H),
    weight_hh (H, 3H) and bias (3H,); bias_hn is (H,).

    Args:
        reset_after: whether r scales the product h W_hn, which can so be part of one matrix
            product, as above, in cuDNN and PyTorch, and in the first arXiv version of Cho et al.,
            "Learning phrase representations using RNN encoder-decoder" (2014, 1406.1078v1); or, if
            not, h before the product: n = tanh(x W_in + b_n + (r ⊙ h) W_hn), without b_hn, as from
            version 3 on.

    and those of `Cell`.

    >>> import minigrad as mg
    >>> cell = GRUCell(4, 5, rng=0)
    >>> h, state = cell(mg.input("x", ("B", 4)), cell.zero_state("B"))
    >>> h.shape
    (B, 5)
    """

    gates = 3

    def __init__(
        self, input_size: int, hidden_size: int, reset_after: bool = True, **settings: Any
    ) -> None:
        super().__init__(input_size, hidden_size, **settings)
        self.reset_after = reset_after
        if reset_after:
            self.bias_hn = Parameter(np.zeros(hidden_size, self.dtype), "bias_hn")

    def step(self, x: Variable, *state: Variable) -> State:
        (h,) = state
        x_r, x_z, x_n = split(self.of_input(x), 3, axis=-1)
        if self.reset_after:
            h_r, h_z, h_n = split(self.of_state(h), 3, axis=-1)
        else:
            h_r, h_z = split(self.of_state(h, slice(0, 2)), 2, axis=-1)
        r = sigmoid(x_r + h_r).named("r")
        z = sigmoid(x_z + h_z).named("z")
        new = r * (h_n + self.bias_hn) if self.reset_after else self.of_state(r * h, slice(2, 3))
        n = tanh(x_n + new).named("n")
        return ((1 - z) * n + z * h,)


class StackedCells(Module):
    """Several cells as one: the output of each is the input of the next.

    The state is a tuple of theirs.

    Args:
        cells: the cells, lowest first.
        dropout: the share of values dropped between a cell and the next while training, anew at
            each step; never on the way through time (Zaremba, Sutskever and Vinyals, "Recurrent
            neural network regularization", 2014).
        rng: for the dropout, see `Dropout`.

    >>> import minigrad as mg
    >>> cell = StackedCells([LSTMCell(4, 5), GRUCell(5, 3)])
    >>> out, ((h0, c0), h1) = cell(mg.input("x", ("B", 4)), cell.zero_state("B"))
    >>> out.shape
    (B, 3)

    Raises ArgumentError without cells, for dropout where there is no cell after the first, and for
    a state that has not one part for each cell.
    """

    def __init__(
        self, cells: Iterable[Any], dropout: float = 0.0, rng: Rng | Generator = None
    ) -> None:
        self.cells = tuple(cells)
        if not self.cells:
            raise ArgumentError("StackedCells needs at least one cell")
        if dropout and len(self.cells) == 1:
            raise ArgumentError(
                "dropout is applied between cells, and there is one: put an nn.Dropout after it"
            )
        self.dropout = Dropout(dropout, rng) if dropout else None

    def zero_state(self, batch: Any, dtype: npt.DTypeLike | None = None) -> tuple[Any, ...]:
        """Zeros for all of the cells."""
        return tuple(cell.zero_state(batch, dtype) for cell in self.cells)

    def initial_state(self, batch: Any) -> tuple[Any, ...]:
        """The states that the cells start from."""
        return tuple(initial_state(cell, batch) for cell in self.cells)

    def __call__(self, x: Any, state: Any) -> tuple[Any, tuple[Any, ...]]:
        states = parts_of(state, len(self.cells), "stacked cells")
        new = []
        for i, (cell, old) in enumerate(zip(self.cells, states, strict=True)):
            if i > 0 and self.dropout:
                x = self.dropout(x)
            x, part = cell(x, old)
            new.append(part)
        return x, tuple(new)
