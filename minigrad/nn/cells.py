"""Recurrent cells: one step each, which reads like its equations.

A cell is called ``cell(x, state) -> (out, state)``, and ``cell.zero_state(batch)`` is where it
starts. The loop over time is elsewhere (`Recurrent`, or a `mg.scan` of your own): any function of
this form is a cell. Shapes: x (B, F), h (B, H), or (F,) and (H,) for one row alone.

The matrices of all gates lie side by side in one, so that a step is two matrix products. Their
order is that of PyTorch, whose ``weight_ih_l0`` is `weight_ih` transposed.
"""

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..dims import show_shape
from ..errors import ArgumentError, ShapeError
from ..functions import relu, sigmoid, split, tanh, zeros
from ..random import Generator
from ..types import Array, as_dtype
from ..variables import Parameter, Variable
from . import init
from .layers import Dropout, Rng
from .module import Module, features

__all__ = ["Cell", "GRUCell", "LSTMCell", "RNNCell", "StackedCells"]


class Cell(Module):
    """What the cells share: weights for a number of gates, and a start at zero.

    Args:
        input_size: F, the features of x.
        hidden_size: H, those of the state.
        rng: a NumPy generator, or a seed, for the initial weights.
        dtype: of the weights and of `zero_state`.
        input_init, recurrent_init: the start of each gate's (F, H) and (H, H); biases start as
            zeros.

    The cells raise ShapeError, DTypeError or ArgumentError for an x or a state that does not fit.
    """

    gates: ClassVar[int]
    """How many matrices lie side by side in its weights."""
    state_names: ClassVar[tuple[str, ...]] = ("h",)
    """The parts of its state: one is a Variable, several are a tuple."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        rng: Rng = None,
        dtype: npt.DTypeLike = "float32",
        input_init: init.Init = init.recurrent_uniform,
        recurrent_init: init.Init = init.recurrent_uniform,
    ) -> None:
        self.input_size, self.hidden_size = input_size, hidden_size
        self.dtype = as_dtype(dtype)
        rng = np.random.default_rng(rng)

        def side_by_side(start: init.Init, rows: int) -> Array:
            blocks = [start((rows, hidden_size), rng, dtype) for _ in range(self.gates)]
            return np.concatenate(blocks, axis=1)  # (rows, gates · H)

        self.weight_ih = Parameter(side_by_side(input_init, input_size), "weight_ih")
        self.weight_hh = Parameter(side_by_side(recurrent_init, hidden_size), "weight_hh")
        self.bias = Parameter(np.zeros(self.gates * hidden_size, dtype), "bias")

    def zero_state(self, batch: Any, dtype: npt.DTypeLike | None = None) -> Any:
        """Zeros to start from. `batch` is a number of rows, or a dimension name such as "B"."""
        shape, dtype = (batch, self.hidden_size), self.dtype if dtype is None else dtype
        parts = tuple(zeros(shape, dtype).named(name) for name in self.state_names)
        return parts[0] if len(parts) == 1 else parts

    def _checked(self, x: Any, state: Any) -> tuple[Variable, ...]:
        """x and the parts of the state: x (B, F) goes with h (B, H)."""
        x = features(x, self.weight_ih, self)
        found = [x]
        for name, part in zip(self.state_names, self._parts(state), strict=True):
            h = features(part, self.weight_hh, self, name)
            if h.shape[:-1] != x.shape[:-1]:
                raise ShapeError(
                    f"{type(self).__name__} needs a row of {name} for each row of x, and had x "
                    f"{show_shape(x.shape)} with {name} {show_shape(h.shape)}",
                    h.where,
                )
            found.append(h)
        return tuple(found)

    def _parts(self, state: Any) -> tuple[Any, ...]:
        """A Variable must not be unpacked as if it were (h, c): it would fall into its rows."""
        names = self.state_names
        single, nested = len(names) == 1, isinstance(state, tuple | list)
        if nested == single or (nested and len(state) != len(names)):
            shown = names[0] if single else f"({', '.join(names)})"
            raise ArgumentError(
                f"the state of {type(self).__name__} is {shown}, and it was given {state!r}"
            )
        return (state,) if single else tuple(state)


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

    def __call__(self, x: Any, state: Any) -> tuple[Variable, Variable]:
        x, h = self._checked(x, state)
        a = x @ self.weight_ih + h @ self.weight_hh + self.bias
        h = _ACTIVATIONS[self.activation](a).named("h")
        return h, h


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
        self, input_size: int, hidden_size: int, forget_bias: float = 0.0, **settings: Any
    ) -> None:
        super().__init__(input_size, hidden_size, **settings)
        bias = self.bias.get_value()
        bias[hidden_size : 2 * hidden_size] = forget_bias
        self.bias.set_value(bias)

    def __call__(self, x: Any, state: Any) -> tuple[Variable, tuple[Variable, Variable]]:
        x, h, c = self._checked(x, state)
        i, f, g, o = split(x @ self.weight_ih + h @ self.weight_hh + self.bias, 4, axis=-1)
        i = sigmoid(i).named("i")
        f = sigmoid(f).named("f")
        g = tanh(g).named("g")
        o = sigmoid(o).named("o")
        c = (f * c + i * g).named("c")
        h = (o * tanh(c)).named("h")
        return h, (h, c)


class GRUCell(Cell):
    """The gated recurrent unit:

        r = σ(x W_ir + h W_hr + b_r)                    reset gate
        z = σ(x W_iz + h W_hz + b_z)                    update gate
        n = tanh(x W_in + b_n + r ⊙ (h W_hn + b_hn))    what is new
        h' = (1 - z) ⊙ n + z ⊙ h

    The state and the output are h' (B, H). The gates lie in the order r, z, n in weight_ih (F, 3H),
    weight_hh (H, 3H) and bias (3H,); bias_hn is (H,).

    This is the first arXiv version of Cho et al., "Learning phrase representations using RNN
    encoder-decoder" (2014, 1406.1078v1), as in cuDNN and PyTorch ("reset after"): r scales the
    product h W_hn, which can so be part of one matrix product. From version 3 on the paper has
    (r ⊙ h) W_hn. Arguments: see `Cell`.

    >>> import minigrad as mg
    >>> cell = GRUCell(4, 5, rng=0)
    >>> h, state = cell(mg.input("x", ("B", 4)), cell.zero_state("B"))
    >>> h.shape
    (B, 5)
    """

    gates = 3

    def __init__(self, input_size: int, hidden_size: int, **settings: Any) -> None:
        super().__init__(input_size, hidden_size, **settings)
        self.bias_hn = Parameter(np.zeros(hidden_size, self.dtype), "bias_hn")

    def __call__(self, x: Any, state: Any) -> tuple[Variable, Variable]:
        x, h = self._checked(x, state)
        x_r, x_z, x_n = split(x @ self.weight_ih + self.bias, 3, axis=-1)
        h_r, h_z, h_n = split(h @ self.weight_hh, 3, axis=-1)
        r = sigmoid(x_r + h_r).named("r")
        z = sigmoid(x_z + h_z).named("z")
        n = tanh(x_n + r * (h_n + self.bias_hn)).named("n")
        h = ((1 - z) * n + z * h).named("h")
        return h, h


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
        """The states that the cells start from."""
        return tuple(cell.zero_state(batch, dtype) for cell in self.cells)

    def __call__(self, x: Any, state: Any) -> tuple[Any, tuple[Any, ...]]:
        if not isinstance(state, tuple | list) or len(state) != len(self.cells):
            raise ArgumentError(
                f"the state of {len(self.cells)} stacked cells is a tuple of as many states, and "
                f"it was given {state!r}"
            )
        new = []
        for i, (cell, old) in enumerate(zip(self.cells, state, strict=True)):
            if i > 0 and self.dropout:
                x = self.dropout(x)
            x, part = cell(x, old)
            new.append(part)
        return x, tuple(new)
